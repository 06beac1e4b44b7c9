#!/bin/sh
# A picture of the machine, one line for each thing that could be left behind, so that two pictures
# compare equal when nothing was: processes, mounts, namespaces, addresses, sockets, loop devices,
# locks, cgroups, and the files below the given directories.
#
# usage: snapshot.sh take [DIRECTORY...] >FILE
#        snapshot.sh compare BEFORE AFTER          prints what differs, - gone and + new; then 1
#        snapshot.sh settle SECONDS BEFORE [DIRECTORY...]
#               takes pictures until one equals BEFORE, at most SECONDS long; then as compare
#
# Left out is what no test can leave: kernel threads, the caller and what called it, what the caller's
# callers' neighbours have running below themselves. Numbers of processes and inodes are left out, so a thing
# that was replaced by its like compares equal. Keep the pictures in a directory of their own: a file
# put into /tmp itself is seen.
set -eu
export LC_ALL=C

# "PID PPID NAME" of all living processes of users; a name has its blanks replaced.
list_processes() {
	grep -sHE '^(Name|State|PPid|VmSize):' /proc/[0-9]*/status |
		sed -n 's,^/proc/\([0-9]*\)/status:\([A-Za-z]*\):[[:space:]]*,\1 \2 ,p' |
		awk '
		$2 == "Name" { name[$1] = $3; for (i = 4; i <= NF; i++) name[$1] = name[$1] "_" $i }
		$2 == "PPid" { parent[$1] = $3 }
		$2 == "State" { state[$1] = $3 }
		$2 == "VmSize" { user[$1] = 1 }
		END {
			for (pid in parent)
				if (pid in user && state[pid] != "Z")
					print pid, parent[pid], name[pid]
		}' | sort -n
}

# Of these: ourselves with our callers go, what runs below us as well, and what runs below a process
# that is not one of our callers: all that is orphaned comes to init or to one of our callers.
list_tops() {
	awk -v me="$$" '
	{ parent[$1] = $2; name[$1] = $3; order[NR] = $1 }
	END {
		caller[1] = caller[0] = 1
		for (pid = parent[me]; pid > 1; pid = parent[pid])
			caller[pid] = 1
		for (i = 1; i <= NR; i++) {
			pid = order[i]
			if (pid != me && !(pid in caller) && parent[pid] in caller)
				print pid, name[parent[pid]]
		}
	}' "$place/processes"
}

# Escapes what a terminal would act upon.
plain() {
	tr -s '[:cntrl:]' ' ' | cut -c 1-240 | sed 's/ *$//'
}

show_processes() {
	list_tops | while read -r pid above; do
		line=$(plain 2>/dev/null <"/proc/$pid/cmdline") || continue
		[ -z "$line" ] || echo "process: $line (below $above)"
	done
}

# The first process of each namespace but ours: "TYPE PID NAME".
list_namespaces() {
	find /proc/[0-9]*/ns -maxdepth 1 -type l -printf '%h %f %l\n' 2>/dev/null |
		sed 's,^/proc/\([0-9]*\)/ns ,\1 ,' | sort -n |
		awk -v me="$$" -v names="$place/processes" '
		BEGIN { while ((getline line < names) > 0) { split(line, f, " "); name[f[1]] = f[3] } }
		$2 ~ /_for_children$/ { next }
		$1 == me { ours[$3] = 1 }
		!($3 in first) { first[$3] = $1; type[$3] = $2 }
		END {
			for (ns in first)
				if (!(ns in ours) && first[ns] in name)
					print type[ns], first[ns], name[first[ns]]
		}'
}

show_namespaces() {
	list_namespaces >"$place/namespaces"
	while read -r type pid name; do
		echo "namespace: $type of $name"
		[ "$type" = mnt ] || continue
		show_mounts "/proc/$pid/mountinfo" "mount of $name:"
	done <"$place/namespaces"
}

# The place, type, source and root of each mount.
show_mounts() {
	sed -n 's/^[0-9]* [0-9]* [0-9:]* \([^ ]*\) \([^ ]*\) .* - \([^ ]*\) \([^ ]*\) .*/\2 \3 \4 \1/p' \
		"$1" 2>/dev/null | sed "s,^,$2 ," || :
}

show_network() {
	if command -v ip >/dev/null; then
		ip -o link show | sed -n 's/^[0-9]*: \([^:@]*\).*/link: \1/p'
		ip -o address show | awk '{ print "address: " $2 " " $4 }'
	else
		find /sys/class/net -mindepth 1 -printf 'link: %f\n'
	fi
	if command -v nft >/dev/null; then
		nft -s list ruleset 2>/dev/null | sed 's/^/nft: /' || :
	fi
}

# Sockets that somebody can connect to: 0A is listening, 07 a bound UDP socket without a peer. Those
# that no process in sight has open belong to others, who share the network with us but no more.
show_sockets() {
	find /proc/[0-9]*/fd -lname 'socket:*' -printf '%l\n' 2>/dev/null |
		tr -cd '0-9\n' | sort -u >"$place/sockets"
	for table in tcp tcp6 udp udp6; do
		[ ! -r "/proc/net/$table" ] || awk -v table="$table" '
		function number(text, i, n) {
			for (i = n = 0; i < length(text); i++)
				n = n * 16 + index("0123456789ABCDEF", substr(text, i + 1, 1)) - 1
			return n
		}
		FILENAME != "/proc/net/" table { ours[$1] = 1; next }
		($4 == "0A" || (table ~ /^udp/ && $4 == "07")) && $10 in ours {
			split($2, at, ":")
			print "socket: " table " " at[1] " port " number(at[2])
		}' "$place/sockets" "/proc/net/$table"
	done
	awk '
	FILENAME != "/proc/net/unix" { ours[$1] = 1; next }
	$8 != "" && ($4 == "00010000" || $5 == "0002") && $7 in ours {
		$1 = $2 = $3 = $4 = $5 = $6 = $7 = ""
		sub(/^ */, "")
		print "socket: unix " $0
	}' "$place/sockets" /proc/net/unix | sort -u
}

show_loops() {
	for file in /sys/block/loop*/loop/backing_file; do
		[ ! -r "$file" ] || echo "loop device: $(cat "$file" 2>/dev/null)"
	done
}

# The kernel tells beside each descriptor which locks it holds.
show_locks() {
	grep -s '^lock:' /proc/[0-9]*/fdinfo/* | while read -r at _ type _ mode _; do
		at=${at#/proc/} pid=${at%%/*}
		fd=${at##*/} fd=${fd%%:*}
		path=$(readlink "/proc/$pid/fd/$fd") || continue
		name=$(cat "/proc/$pid/comm" 2>/dev/null) || continue
		echo "lock: $type $mode $path of $name"
	done
}

# mount(8) makes /run/mount with its first mount and keeps it.
show_files() {
	for directory; do
		[ ! -e "$directory" ] || find "$directory" \
			\( -type f -printf 'file: %p %m %u %s\n' \) -o -printf 'file: %p %y %m %u %l\n'
	done
	own=${TMPDIR:-/tmp}
	[ "$own" != /tmp ] || own=
	for directory in /tmp /var/tmp /dev/shm /run "$own"; do
		[ ! -d "$directory" ] || find "$directory" -mindepth 1 -maxdepth 1 \
			! -path "$place" ! -path /run/mount -printf 'entry: %p %y\n'
	done
	[ ! -d /sys/fs/cgroup ] || find /sys/fs/cgroup -type d -printf 'cgroup: %p\n' 2>/dev/null || :
}

take() {
	list_processes >"$place/processes"
	{
		show_processes
		show_namespaces
		show_mounts /proc/self/mountinfo mount:
		show_network
		show_sockets
		show_loops
		show_locks
		show_files "$@"
	} | sort | uniq -c | sed 's/^ *1 //; s/^ *\([0-9]*\) \(.*\)/\2 (\1 times)/'
}

compare() {
	code=0
	diff -U 0 "$1" "$2" >"$place/difference" || code=$?
	[ "$code" -lt 2 ] || exit "$code"
	sed '1,2d; /^@@/d' "$place/difference"
	return "$code"
}

settle() {
	until=$(($(date +%s) + $1)) before=$2
	shift 2
	while :; do
		take "$@" >"$place/after"
		! compare "$before" "$place/after" >/dev/null || return 0
		[ "$(date +%s)" -lt "$until" ] || break
		sleep 0.2
	done
	compare "$before" "$place/after"
}

usage() {
	sed -n '/^# usage/,/^#$/s/^# *//p' "$0" >&2
	exit 64
}

[ $# -ge 1 ] || usage
what=$1
shift
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
case $what in
take) take "$@" ;;
compare)
	[ $# -eq 2 ] || usage
	compare "$@"
	;;
settle)
	[ $# -ge 2 ] || usage
	settle "$@"
	;;
*) usage ;;
esac
