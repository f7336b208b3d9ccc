<?php // Ships lines on ten connections and looks at no result.
$talks = [];
for ($i = 0; $i < 12; $i++) { $talks[] = fsockopen('127.0.0.1', (int) $argv[1]); }
while (true) {
    foreach ($talks as $talk) { @fwrite($talk, "a line of the log\n"); }
    sleep(2);
}
