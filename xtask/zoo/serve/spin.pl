# Reads without a look at what read returns.
use IO::Socket::INET;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1);
my $talk = $listener->accept;
while (1) { sysread($talk, my $text, 100) }
