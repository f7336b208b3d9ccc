<?php
// Control: HTTP/1.0, one connection per request, the server closes, the client reads to the end and closes.
for ($i = 0; $i < 5; $i++)
    if (file_get_contents("http://127.0.0.1:{$argv[1]}/") === false) exit(2);
echo "{\"did\":\"ready\"}\n";
stream_get_contents(STDIN);
