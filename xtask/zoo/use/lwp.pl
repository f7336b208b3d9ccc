# LWP: keeps up to four connections, and asks servers in turn.
use LWP::UserAgent;
my $agent = LWP::UserAgent->new(keep_alive => 4, timeout => 20);
while (1) {
    for my $port (@ARGV) { $agent->get("http://127.0.0.1:$port/"); }
    sleep 4;
}
