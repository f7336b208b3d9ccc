run ->(env) { sleep 2 if env['PATH_INFO'] == '/slow'; [200, { 'content-type' => 'text/plain' }, ["zoo\n" * 100]] }
