<?php
// S30: a pool of connections to a redis that closes idle clients; the pool keeps all of them.
$pool = [];
for ($i = 0; $i < 3; $i++) {
    $pool[$i] = stream_socket_client("tcp://127.0.0.1:{$argv[1]}");
    fwrite($pool[$i], "PING\r\n");
    fgets($pool[$i]);
}
echo "{\"did\":\"stuck\"}\n";
stream_get_contents(STDIN);
