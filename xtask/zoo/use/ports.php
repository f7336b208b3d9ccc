<?php // A connection for each request, closed by the client.
while (true) {
    $talk = @fsockopen($argv[1], (int) $argv[2], $number, $text, 1);
    if ($talk) {
        fwrite($talk, "GET / HTTP/1.1\r\nHost: zoo\r\n\r\n");
        fread($talk, 4096);
        fclose($talk);
    }
    usleep($talk ? 10000 : 200000);
}
