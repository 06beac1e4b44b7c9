# What listens at a machine's console: greets, answers each line in capitals, hangs up at "bye".
#
# usage: serve.pl FOLDER NAME   (bound by its name in the folder: the path may be long)
use strict;
use warnings;
use IO::Socket::UNIX;

my ($folder, $name) = @ARGV;
chdir $folder or die "$folder: $!\n";
unlink $name;
my $server = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $name, Listen => 4) or die "$name: $!\n";
while (my $client = $server->accept()) {
	$client->autoflush(1);
	print $client "hello\r\n";
	my $line = '';
	while (sysread $client, my $byte, 1) {
		$line .= $byte;
		next unless $byte =~ /[\r\n]/;
		print $client '<', uc($line =~ s/[\r\n]//r), ">\r\n";
		last if $line =~ /bye/;
		$line = '';
	}
	close $client;
}
