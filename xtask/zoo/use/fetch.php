<?php // Streams: a request for each connection.
while (true) {
    foreach (array_slice($argv, 1) as $port) { @file_get_contents("http://127.0.0.1:$port/"); }
    sleep(2);
}
