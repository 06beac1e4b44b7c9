#!/bin/sh
# Whole runs of provision with the fake provider, as transcripts.
#
# A case is a text file in cases/. It is played line by line in a folder of its own:
#   --- PATH      the lines below, up to the next mark, become that file
#   $ COMMAND     is run by the shell; below it stands what it prints, and [STATUS] unless that is 0
#   # TEXT        a remark, as is all before the first mark
# The transcript that comes of it must equal the case. Times, ids and the folder are made the same:
# TIME, ID, HERE. Beside the programs of the system these commands are known:
#   provision ARGUMENT...     the program, with the state in ./state
#   unordered COMMAND...      what it tells of steps is put in order of their addresses
#   world                     what is there: address, fields, and how it is
#   drift FILE FILTER         changes a thing of the fake world: jq's FILTER on ./state/fake/FILE.json
#   open GATE                 lets what a rule of the script holds at this gate go on
#   background COMMAND...     runs it while the case goes on; its output comes with `finish`
#   await TEXT                until the output of what runs in the background has it
#   locked                    until the lock of fleet 'shop' is held
#   signal NAME               sends a signal to what runs in the background
#   finish                    waits for it
#   holders                   numbers of the processes that hold the lock of fleet 'shop'
#
# usage: run.sh [CASE...]     UPDATE=1 writes what came into the cases: read the difference
here=$(cd "$(dirname "$0")" && pwd)

limit=20

provision() {
	timeout -k 5 "$limit" "$BUILD/provision" "$@"
}

unordered() {
	code=0
	"$@" >.unordered 2>&1 || code=$?
	awk '
		/^[^ ]+: / && !/^(plan|done|failed|partly done|interrupted|provision): / {
			lines[++count] = $1 SUBSEP sprintf("%06d", NR) SUBSEP $0
			in_event = 1
			next
		}
		/^  (failed|skipped) / {
			lines[++count] = $1 $2 SUBSEP sprintf("%06d", NR) SUBSEP $0
			next
		}
		/^ +[^ ]/ && in_event { lines[count] = lines[count] "\n" $0; next }
		{ flush(); print }
		END { flush() }
		function flush(i, j, t, part) {
			for (i = 2; i <= count; i++)
				for (j = i; j > 1 && lines[j] < lines[j - 1]; j--) {
					t = lines[j]; lines[j] = lines[j - 1]; lines[j - 1] = t
				}
			for (i = 1; i <= count; i++) {
				split(lines[i], part, SUBSEP)
				print part[3]
			}
			count = 0
			in_event = 0
		}
	' .unordered
	return "$code"
}

world() {
	find state/fake -mindepth 2 -name '*.json' 2>/dev/null | sort >.world
	[ -s .world ] || echo '(nothing)'
	xargs -r -d '\n' jq -r '.address + " " + (.fields | tojson) +
		(if .boot == null then "" elif .ready == .boot then " ready"
		elif .up == .boot then " up" else " on" end) +
		(if .partial then " (" + .partial + ")" else "" end)' <.world
}

open() {
	: >"state/fake/$1"
}

drift() {
	jq -c "$2" "state/fake/$1.json" >.drift && mv .drift "state/fake/$1.json"
}

background() {
	if [ "$1" = provision ]; then
		shift
		set -- "$BUILD/provision" "$@"
	fi
	: >.background
	# The shell starts what runs in the background with these signals ignored.
	env --default-signal=INT,QUIT "$@" >.background 2>&1 &
	echo $! >.pid
}

await() {
	tries=0
	until grep -qF -e "$1" .background; do
		tries=$((tries + 1))
		if [ "$tries" -eq 1000 ] || ! kill -0 "$(cat .pid)" 2>/dev/null; then
			echo "'$1' did not come"
			return 1
		fi
		sleep 0.01
	done
}

locked() {
	tries=0
	until [ -n "$(holders)" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || return 1
		sleep 0.01
	done
}

signal() {
	kill -"$1" "$(cat .pid)"
}

finish() {
	code=0
	{ wait "$(cat .pid)"; } 2>/dev/null || code=$?
	cat .background
	return "$code"
}

holders() {
	find /proc/[0-9]*/fd/3 -maxdepth 0 -lname "$PWD/state/fleets/shop/lock" 2>/dev/null |
		cut -d / -f 3
}

normalise() {
	sed -E -e 's/\(([0-9]+h)?([0-9]+m)?([0-9.]+s|[0-9]+ms)\)/(TIME)/g' \
		-e 's/ (in|after) ([0-9]+h)?([0-9]+m)?([0-9.]+s|[0-9]+ms)($|:)/ \1 TIME\5/' \
		-e 's/[0-9a-f]{32}/ID/g' -e "s|$PWD|HERE|g" \
		-e 's/process [0-9]+/process N/; s/since [0-9TZ:-]+/since THEN/' |
		awk 'NF { for (; blank; blank--) print ""; print; next } { blank++ }'
}

# Plays one case; the transcript goes to standard output.
play() {
	part=remark file=''
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		'--- '*)
			part=file file=${line#--- }
			mkdir -p "$(dirname "$file")"
			: >"$file"
			printf '%s\n' "$line"
			;;
		'$ '*)
			part=output
			printf '%s\n' "$line"
			code=0
			eval "${line#??}" >.out 2>&1 </dev/null || code=$?
			normalise <.out
			[ "$code" -eq 0 ] || echo "[$code]"
			echo
			;;
		'# '*)
			part=remark
			printf '%s\n' "$line"
			;;
		*)
			[ "$part" != file ] || printf '%s\n' "$line" >>"$file"
			[ "$part" = output ] || printf '%s\n' "$line"
			;;
		esac
	done
}

if [ "${1-}" = --play ]; then
	PROVISION_STATE_DIR=$3/state
	export PROVISION_STATE_DIR
	exec <"$2" || exit 1
	mkdir "$3" || exit 1
	cd "$3" || exit 1
	play >../"$(basename "$3").got"
	exit 0
fi

# shellcheck source=tests/lib.sh
. "$here/../lib.sh"
[ $# -gt 0 ] || set -- "$here"/cases/*.txt
export BUILD
for case in "$@"; do
	printf '%s\n%s\n' "$case" "$work/$(basename "$case" .txt)"
done >"$work/list"
xargs -d '\n' -n 2 -P 8 "$here/run.sh" --play <"$work/list"
plan $#
for case in "$@"; do
	name=$(basename "$case" .txt)
	if [ -n "${UPDATE-}" ]; then
		cp "$work/$name.got" "$case"
	fi
	is "$(cat "$work/$name.got")" "$(cat "$case")" "$name"
done
done_testing
