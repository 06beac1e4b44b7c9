#!/bin/sh
# Collects the tests of one sort and runs them under prove.
#
# usage: run.sh check|live|long|lint [BUILD]
#   check  units, golden cases and the command line: no root, no network
#   live   the real QEMU: one after the other, as root
#   long   every fault, every kill: not for every day, as root
#   lint   the lint as a test
# JOBS is how many run at once (check), TEST_LIMIT after how many seconds one test is ended.
set -eu

# What lies in tests/live/ but is called by tests.
helpers='busybox_guest.sh kill_lib.sh lib.sh snapshot.sh'

# Runs one test. Its process group is ended with it, and by a Ctrl-C as well.
one() {
	case $1 in
	*/lint.sh) set -- "$1" --tap ;;
	*.sh) ;;
	*) set -- "$1" --tap ;;
	esac
	# The shell starts what runs in the background with these signals ignored: tests need them.
	timeout -k 20 "$TEST_LIMIT" env --default-signal=INT,QUIT "$@" &
	child=$!
	trap 'kill -TERM "$child" 2>/dev/null; wait "$child"; exit 143' INT TERM HUP
	code=0
	wait "$child" || code=$?
	[ "$code" -ne 124 ] || echo "# $1: not done after $TEST_LIMIT seconds" >&2
	exit "$code"
}

broken() {
	echo "$0: $1" >&2
	exit 1
}

# A script that lost its executable bit must not silently drop out of the tests.
script() {
	[ -e "$1" ] || return 0
	[ -x "$1" ] || broken "'$1' is not executable"
	echo "$1"
}

units() {
	for source in tests/unit/test_*.c; do
		[ -e "$source" ] || continue
		program=${source##*/}
		program=$BUILD/tests/${program%.c}
		[ -x "$program" ] || broken "'$program' is not built"
		echo "$program"
	done
}

list_check() {
	units
	for file in tests/cli/*.sh tests/*/run.sh tests/lint/*_test.sh; do
		case $file in
		tests/bench/*) continue ;;
		esac
		script "$file"
	done
}

list_live() {
	for file in tests/live/*.sh; do
		case " $helpers " in
		*" ${file##*/} "*) continue ;;
		esac
		script "$file"
	done
}

list_long() {
	for file in tests/long/*.sh; do
		script "$file"
	done
}

[ $# -ge 1 ] || { echo "usage: $0 check|live|long|lint [BUILD]" >&2; exit 64; }
if [ "$1" = one ]; then
	shift
	one "$@"
fi
mode=$1
cd "$(dirname "$0")/.."
BUILD=$(cd "${2:-build}" && pwd)
jobs=1
case $mode in
check)
	# Many of them wait as long as they work.
	jobs=${JOBS:-$(($(nproc) * 2))}
	TEST_LIMIT=${TEST_LIMIT:-60}
	;;
live) TEST_LIMIT=${TEST_LIMIT:-1200} ;;
long) TEST_LIMIT=${TEST_LIMIT:-7200} ;;
lint) TEST_LIMIT=${TEST_LIMIT:-300} ;;
*) echo "$0: '$mode' is no sort of tests" >&2; exit 64 ;;
esac
command -v prove >/dev/null || { echo "$0: prove is missing: apt-get install perl" >&2; exit 69; }
if { [ "$mode" = live ] || [ "$mode" = long ]; } && [ "$(id -u)" -ne 0 ]; then
	broken "the $mode tests need root"
fi

G_SLICE=always-malloc
sanitizer=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
ASAN_OPTIONS=${ASAN_OPTIONS:-$sanitizer:suppressions=$PWD/tests/asan.supp}
UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export BUILD TEST_LIMIT G_SLICE ASAN_OPTIONS UBSAN_OPTIONS
# Nothing of the person who runs the tests reaches them.
unset PROVISION_STATE_DIR PROVISION_PROVIDER_PATH NO_COLOR
export LC_ALL=C.UTF-8

place=$(mktemp -d "${TMPDIR:-/tmp}/provision-tests.XXXXXX")
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
case $mode in
check) list_check ;;
live) list_live ;;
long) list_long ;;
lint) script tests/lint/lint.sh ;;
esac >"$place/list"
[ -s "$place/list" ] || broken "there are no tests of the sort '$mode'"
# Some tests become another user, who has to come to his own folder.
chmod 711 "$place"
mkdir "$place/tmp"
TMPDIR=$place/tmp
export TMPDIR
code=0
prove --timer --failures --comments -j "$jobs" --exec 'tests/run.sh one' - <"$place/list" || code=$?
left=$(find "$TMPDIR" -mindepth 1 -maxdepth 1)
if [ -n "$left" ]; then
	echo "$0: left behind by tests:" >&2
	echo "$left" >&2
	[ "$code" -ne 0 ] || code=1
fi
exit "$code"
