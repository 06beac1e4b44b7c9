#!/usr/bin/perl
# Runs a command of provision and kills it with SIGKILL at a chosen instant.
#
# usage: kill_at.pl provision|providers|all TEXT DELAY PROGRAMS OUTPUT COMMAND...
#   TEXT      the instant is DELAY milliseconds after the first line of its output that has this text;
#             empty: after its start
#   PROGRAMS  the folder of the build: only processes of programs in it are killed. QEMU is not one of
#             them, but the process that is about to become QEMU still is
#   OUTPUT    the file for what it prints
#
# Prints who was killed and when. Its exit is 0; 3 when the command had ended before the instant,
# or there was none of the wanted processes.
use strict;
use warnings;
use IO::Poll qw(POLLIN POLLHUP);
use POSIX qw(WNOHANG);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC usleep);

my ($whom, $wanted, $delay, $programs, $output, @command) = @ARGV;
die "usage: see the head of $0\n" if !@command;

# Below ourselves, so that nobody else's are ever among them. What lost its parent counts as well:
# in namespaces of our own it cannot be anybody else's.
sub victims {
	my @found;
	opendir(my $proc, '/proc') or die "/proc: $!";
	for my $pid (grep { /^\d+$/ } readdir $proc) {
		my $program = readlink "/proc/$pid/exe" or next;
		next if index($program, "$programs/") != 0;
		my $is_provider = $program =~ m{/provider-[^/]*$};
		push @found, [$pid, $program =~ s{.*/}{}r]
			if $whom eq 'all' || $is_provider == ($whom eq 'providers');
	}
	return @found;
}

# Those that were forked meanwhile too.
sub strike {
	my @killed;
	while (my @now = victims()) {
		last if @killed > 200;
		kill KILL => map { $_->[0] } @now;
		push @killed, grep { my $pid = $_->[0]; !grep { $_->[0] == $pid } @killed } @now;
		last if $whom eq 'provision';
		last if $whom eq 'providers' && @killed;
		usleep 1000;
	}
	return @killed;
}

pipe(my $read, my $write) or die "pipe: $!";
my $started = clock_gettime(CLOCK_MONOTONIC);
my $child = fork // die "fork: $!";
if (!$child) {
	POSIX::setsid();
	open STDIN, '<', '/dev/null' or die;
	open STDOUT, '>&', $write or die;
	open STDERR, '>&', $write or die;
	close $read;
	close $write;
	exec @command or die "$command[0]: $!";
}
close $write;
open(my $log, '>', $output) or die "$output: $!";
my ($text, $last, $ended, @killed) = ('', $wanted eq q{} ? 'its start' : "'$wanted', which it never said", 0);
my $due = $wanted eq q{} ? $started + $delay / 1000 : undef;
my $poll = IO::Poll->new;
$poll->mask($read => POLLIN | POLLHUP);
until ($ended) {
	my $left = defined $due ? $due - clock_gettime(CLOCK_MONOTONIC) : -1;
	last if defined $due && $left <= 0;
	next if $poll->poll(defined $due ? $left : -1) <= 0;
	my $n = sysread $read, my $piece, 65536;
	$ended = 1 if !$n;
	print $log $piece // '';
	$text .= $piece // '';
	while (!defined $due && $text =~ s/^([^\n]*)\n//) {
		my $line = $1;
		next if index($line, $wanted) < 0;
		$last = "'$line'";
		$due = clock_gettime(CLOCK_MONOTONIC) + $delay / 1000;
	}
}
my $at = clock_gettime(CLOCK_MONOTONIC) - $started;
@killed = strike() if !$ended;
# Somebody that outlives the command may hold the other end of the pipe.
my $reaped = 0;
until ($reaped) {
	$reaped = waitpid $child, WNOHANG;
	usleep 2000;
	while ($poll->poll($reaped ? 0 : 0.05) > 0) {
		last if !sysread $read, my $piece, 65536;
		print $log $piece;
	}
}
close $log;
my $how = $? & 127 ? 'killed' : 'exit ' . ($? >> 8);
my %count;
$count{$_->[1]}++ for @killed;
my $who = join ', ', map { $count{$_} > 1 ? "$_ ($count{$_})" : $_ } sort keys %count;
printf "%s: %s, %d ms after %s (at %d ms; then %s)\n", $whom, $who || 'nobody', $delay, $last,
	$at * 1000, $how;
exit(@killed ? 0 : 3);
