# DBI: one connection, used every few seconds.
use DBI;
while (1) {
    my $base = DBI->connect('DBI:mysql:database=test;host=127.0.0.1', 'zoo', 'zoo', { PrintError => 0 });
    for (1 .. 5) { $base && $base->do('DO SLEEP(0.2)'); sleep 3 }
    $base->disconnect if $base;
}
