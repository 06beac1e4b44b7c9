#!/bin/sh
# Plants one of each thing that a killed run could leave behind, and sees that the comparison of
# the machine before and after catches it, names it, and is content again once it is gone.
. "$(dirname "$0")/lib.sh"
alone offline

watched=$work/watched
mkdir "$watched"
echo content >"$watched/kept"

# Others may start and end things on this machine meanwhile: a quiet moment is enough.
unchanged() {
	for _ in 1 2 3 4 5 6; do
		"$snapshot" take "$watched" >"$work/first"
		! "$snapshot" settle 1 "$work/first" "$watched" || return 0
	done
	return 1
}

# Starts COMMAND as an orphan that none of our traps knows; its number goes to $planted.
orphan() {
	rm -f "$work/pid"
	# shellcheck disable=SC2016
	(setsid sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec "$@"' "$work/pid" "$@" \
		>/dev/null 2>&1 </dev/null &)
	wait_for 5 test -s "$work/pid"
	planted=$(cat "$work/pid")
	own "$planted"
}

remove_orphan() {
	kill -KILL "$planted"
	forget "$planted"
}

# caught SORT PATTERN: the picture now differs from the one before by a new line like that.
caught() {
	found() {
		"$snapshot" take "$watched" >"$work/after"
		! "$snapshot" compare "$work/before" "$work/after" >"$work/difference" &&
			grep -Eq "^$pattern" "$work/difference"
	}
	pattern=$2
	wait_for 10 found
	like "$(cat "$work/difference")" "^$2" "a planted $1 is caught and named"
	at=$("$snapshot" settle 0 "$work/before" "$watched") && fail "settling fails with a planted $1"
	like "$at" "^$2" "settling names a planted $1 as well"
}

# Things go in their own time: a namespace a moment after its last process.
content() {
	ok "and it is content once the $1 is gone" "$snapshot" settle 15 "$work/before" "$watched"
}

before() {
	"$snapshot" take "$watched" >"$work/before"
}

ok "an unchanged machine compares equal" unchanged
like "$(cat "$work/first")" '^mount: / ' "the picture holds the root file system"
like "$(cat "$work/first")" "^file: $watched/kept 644 root 8" "and the files of the given directory"

before
orphan sleep 86399
caught process '\+process: sleep 86399'
remove_orphan
content process

before
mkdir "$work/mounted"
at_exit "umount '$work/mounted' 2>/dev/null"
mount -t tmpfs planted "$work/mounted"
caught mount "\\+mount: $work/mounted tmpfs planted"
umount "$work/mounted"
content mount

before
orphan unshare --mount sh -c "mount -t tmpfs hidden '$work/mounted' && exec sleep 86398"
caught 'mount in another namespace' "\\+mount of sleep: $work/mounted tmpfs hidden"
remove_orphan
content 'mount in another namespace'

for type in net uts ipc pid user cgroup; do
	before
	option=--$type
	[ "$type" != pid ] || option='--pid --fork --kill-child'
	# shellcheck disable=SC2086
	orphan unshare $option sleep 86397
	caught "namespace ($type)" "\\+namespace: $type of sleep"
	remove_orphan
	content "namespace ($type)"
done

before
: >"$work/pinned"
at_exit "umount '$work/pinned' 2>/dev/null"
unshare --net="$work/pinned" true
caught 'namespace without a process' "\\+mount: $work/pinned nsfs nsfs net:"
umount "$work/pinned"
content 'namespace without a process'

before
echo >"$watched/left"
caught file "\\+file: $watched/left 644 root 1"
rm "$watched/left"
content file

before
echo more >>"$watched/kept"
caught 'growth of a file' "\\+file: $watched/kept 644 root 13"
echo content >"$watched/kept"
content 'growth of a file'

before
shared=$(mktemp -d /dev/shm/planted.XXXXXX)
at_exit "rm -rf '$shared'"
caught 'entry in /dev/shm' "\\+entry: $shared d"
rmdir "$shared"
content 'entry in /dev/shm'

before
orphan flock "$watched/kept" sleep 86396
caught lock "\\+lock: FLOCK WRITE $watched/kept of (flock|sleep)"
kill "$(cat "/proc/$planted/task/$planted/children")"
forget "$planted"
content lock

before
# shellcheck disable=SC2016
orphan perl -MIO::Socket::INET -MIO::File -e '
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 0) or die;
	my $file = IO::File->new($ARGV[0], "w"); print $file $socket->sockport, "\n"; close $file;
	sleep 86395' "$work/port"
wait_for 5 test -s "$work/port"
caught 'listening TCP socket' "\\+socket: tcp 0100007F port $(cat "$work/port")\$"
remove_orphan
content 'listening TCP socket'

before
# shellcheck disable=SC2016
orphan perl -MIO::Socket::UNIX -e '
	my $socket = IO::Socket::UNIX->new(Local => shift, Listen => 1) or die; sleep 86394' "$work/t"
caught 'listening unix socket' "\\+socket: unix $work/t\$"
remove_orphan
content 'listening unix socket'

before
link=planted$$
link=$(printf '%.15s' "$link")
if ip link add "$link" type dummy 2>/dev/null || ip link add "$link" type bridge 2>/dev/null; then
	at_exit "ip link delete '$link' 2>/dev/null"
	caught 'network link' "\\+link: $link"
	ip link delete "$link"
	content 'network link'
else
	skip 'a planted network link is caught and named' 'this kernel makes none'
fi

before
truncate -s 1M "$work/disk"
if device=$(losetup --show -f "$work/disk" 2>/dev/null); then
	at_exit "losetup -d '$device' 2>/dev/null"
	caught 'loop device' "\\+loop device: $work/disk"
	losetup -d "$device"
	content 'loop device'
else
	skip 'a planted loop device is caught and named' 'no loop devices here'
fi

before
group=
for directory in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/pids; do
	[ -z "$group" ] || break
	[ ! -e "$directory/cgroup.procs" ] || ! mkdir "$directory/planted.$$" 2>/dev/null ||
		group=$directory/planted.$$
done
if [ -n "$group" ]; then
	at_exit "rmdir '$group' 2>/dev/null"
	caught cgroup "\\+cgroup: $group"
	rmdir "$group"
	content cgroup
else
	skip 'a planted cgroup is caught and named' 'none can be made here'
fi

before
rm "$watched/kept"
"$snapshot" take "$watched" >"$work/after"
run "$snapshot" compare "$work/before" "$work/after"
is "$status" 1 "what is gone differs as well"
like "$out" "^-file: $watched/kept" "and is named"
done_testing
