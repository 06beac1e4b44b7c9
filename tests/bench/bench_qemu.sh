#!/bin/sh
# How long a machine's QEMU takes to run and to be gone, over the provider protocol: from the moment a
# change is asked for until its monitor has said `running`, and until the process is no more.
. "$(dirname "$0")/lib.sh"

export PROVISION_STATE_DIR="$work/state"
prepare_guest
write_fleet guest >"$work/fleet.yaml"
"$provision" apply "$work/fleet.yaml" --yes >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
"$provision" destroy "$work/fleet.yaml" --yes >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
set -- "$PROVISION_STATE_DIR"/images/sha256-*
image=${1##*/}

cat >"$work/drive.pl" <<'END'
# Makes and deletes a machine COUNT times; prints "MADE GONE" in milliseconds for each time.
use strict;
use warnings;
use IPC::Open2;
use JSON::PP;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC usleep);

my ($program, $state, $image, $count) = @ARGV;
my $pid = open2(my $from, my $to, $program);
my $json = JSON::PP->new->canonical;
my $id = 0;

sub now { return clock_gettime(CLOCK_MONOTONIC) * 1000 }

sub ask {
	my (%message) = @_;
	my $answer;
	print $to $json->encode({id => ++$id, %message}), "\n";
	$to->flush;
	while (my $line = <$from>) {
		my $got = $json->decode($line);
		die $line if $got->{error} || ($got->{object} && $got->{object}{error});
		$answer = $got->{object} if $got->{object};
		return $answer if $got->{done};
	}
	die "the provider has ended";
}

sub change {
	return ask(call => 'change', scope => 'machine.m', run => 'r', objects => [{@_,
		address => 'machine.m', kind => 'machine', name => 'm'}],
		fleet => {name => 'bench-qemu', id => '0123456789abcdef0123456789abcdef'});
}

# A process that has ended but has no parent to say so is gone too.
sub gone {
	open(my $file, '<', "/proc/$_[0]/stat") or return 1;
	my $line = <$file> // return 1;
	return $line =~ /\) [ZX] /;
}

ask(call => 'hello', protocol => 1, engine => 'bench', state_dir => $state);
ask(call => 'schema');
for (1 .. $count) {
	my $start = now();
	my $made = change(action => 'create', record => {}, after => {image => $image, cpus => 1,
		memory => 128 << 20, state => 'running', user => 'root', keys => [], ports => [],
		accelerator => 'auto'});
	my $took = now() - $start;
	die "stale" if $made->{status} ne 'changed';
	open(my $file, '<', "$state/fleets/bench-qemu/machines/m/run") or die "run: $!";
	my $qemu = $json->decode(join '', <$file>)->{pid};
	# It ends as it would in use, with its guest at work.
	usleep 1500_000;
	die "QEMU does not run" if gone($qemu);
	my $child = fork // die;
	if (!$child) {
		my $from = now();
		usleep 100 until gone($qemu);
		open(my $out, '>', "$state/gone") or die;
		print $out now();
		exit 0;
	}
	$start = now();
	change(action => 'delete', expect => $made->{incarnation});
	waitpid $child, 0;
	open($file, '<', "$state/gone") or die;
	printf "%.3f %.3f\n", $took, <$file> - $start;
}
close $to;
waitpid $pid, 0;
END

perl "$work/drive.pl" "$BUILD/providers/provider-kvm" "$PROVISION_STATE_DIR" "$image" 9 >"$work/rows"
limit 'QEMU running after its step starts, median of 9' \
	"$(cut -d ' ' -f 1 "$work/rows" | median)" 60 ms
limit 'QEMU gone after a kill-stop, median of 9' "$(cut -d ' ' -f 2 "$work/rows" | median)" 20 ms
finish
