# HTTP::Daemon: a process for each connection, as its documentation shows.
use HTTP::Daemon;
use HTTP::Response;
$SIG{CHLD} = 'IGNORE';
my $daemon = HTTP::Daemon->new(LocalAddr => '127.0.0.1', LocalPort => 8701, ReuseAddr => 1, Listen => 50) or die;
while (my $connection = $daemon->accept) {
    next if fork;
    $daemon->close;
    while (my $request = $connection->get_request) {
        $connection->send_response(HTTP::Response->new(200, 'OK', undef, "zoo\n" x 100));
    }
    exit;
}
