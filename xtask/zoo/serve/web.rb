# WEBrick: a thread for each connection.
require 'webrick'
server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: 8401, AccessLog: [],
                                 Logger: WEBrick::Log.new(File::NULL))
server.mount_proc('/') { |_, answer| answer.body = "zoo\n" * 100 }
server.mount_proc('/slow') { |_, answer| sleep 5; answer.body = "zoo\n" }
server.start
