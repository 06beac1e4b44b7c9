# Functions for benchmarks in POSIX sh. Sourced first: . "$(dirname "$0")/lib.sh"
#
#   now                            nanoseconds
#   timed COMMAND...               runs it and prints the milliseconds it took; fails as it does
#   repeat COUNT COMMAND...        as timed, COUNT times after one run that is not counted
#   pairs COUNT FIRST SECOND       two functions that print a figure, run in turn, each pair beginning
#                                  with the other one; prints "FIRST SECOND" for each pair
#   ratios                         reads such pairs, prints FIRST / SECOND of each
#   median                         of the figures read
#   limit NAME FIGURE LIMIT UNIT   prints a row; the bench fails when the figure is over its limit
#   finish                         ends the bench, as failed if any row did
#
# date is a process of its own, so about a millisecond is counted in: never to our advantage.
# $work is a directory of the bench's own, $provision the program under test, $root the checkout.
# shellcheck shell=sh disable=SC2034

set -eu
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-$root/build}
provision=$BUILD/provision
work=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
_over=0
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

now() {
	date +%s%N
}

timed() {
	_start=$(now)
	"$@" >"$work/.said" 2>&1 || { cat "$work/.said" >&2; return 1; }
	_end=$(now)
	awk -v ns="$((_end - _start))" 'BEGIN { printf "%.3f\n", ns / 1e6 }'
}

repeat() {
	_left=$1
	shift
	timed "$@" >/dev/null || return 1
	while [ "$_left" -gt 0 ]; do
		timed "$@" || return 1
		_left=$((_left - 1))
	done
}

pairs() {
	_pair=0
	while [ "$_pair" -lt "$1" ]; do
		if [ $((_pair % 2)) -eq 0 ]; then
			_first=$("$2") && _second=$("$3") || return 1
		else
			_second=$("$3") && _first=$("$2") || return 1
		fi
		echo "$_first $_second"
		_pair=$((_pair + 1))
	done
}

ratios() {
	awk '{ printf "%.4f\n", $1 / $2 }'
}

median() {
	sort -g | awk '
		{ all[NR] = $1 }
		END {
			if (!NR)
				exit 1
			print NR % 2 ? all[(NR + 1) / 2] : (all[NR / 2] + all[NR / 2 + 1]) / 2
		}'
}

limit() {
	_verdict=$(awk -v is="$2" -v most="$3" 'BEGIN { print is != "" && is + 0 <= most + 0 ? "ok" : "OVER" }')
	[ "$_verdict" = ok ] || _over=1
	printf '%-44s %10.3f %8s %-6s %s\n' "$1" "${2:-0}" "$3" "$4" "$_verdict"
}

finish() {
	exit "$_over"
}

# prepare_guest     makes the guest of tests/live/busybox_guest.sh in $guest
# write_fleet guest|debian   prints a fleet file with one machine `m` of that image
guest=$BUILD/live/guest

prepare_guest() {
	[ -n "$(find "$guest/initrd.img" -newer "$root/tests/live/busybox_guest.sh" 2>/dev/null)" ] ||
		"$root/tests/live/busybox_guest.sh" "$guest" >"$work/.said" 2>&1 ||
		{ cat "$work/.said" >&2; return 1; }
}

memory=256M

write_fleet() {
	echo 'fleet: bench'
	echo 'images:'
	if [ "$1" = debian ]; then
		echo '  debian: {bootstrap: {release: bookworm}}'
	else
		printf '  guest: {kernel: %s/vmlinuz, initrd: %s/initrd.img, cmdline: console=ttyS0 quiet}\n' \
			"$guest" "$guest"
	fi
	echo "machines: {m: {image: $1, memory: ${memory}iB}}"
}
