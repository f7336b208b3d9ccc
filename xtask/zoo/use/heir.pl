# Connects, says a word, starts a program that inherits the connection, and closes its own descriptor.
use Fcntl;
use IO::Socket::INET;
my $talk = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
fcntl($talk, F_SETFD, 0);
print $talk "zoo\n";
$talk->flush;
# Nothing was said for a moment: the child cannot have been the one that spoke.
select undef, undef, undef, 0.2;
exec 'sleep', '3600' unless fork;
close $talk;
sleep 3600;
