<?php
// S30, curl: a handle keeps its connection for the next request; the server has closed it.
$curl = curl_init("http://127.0.0.1:{$argv[1]}/");
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
if (curl_exec($curl) === false) exit(2);
echo "{\"did\":\"stuck\"}\n";
stream_get_contents(STDIN);
