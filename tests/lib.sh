# A small TAP library for tests in POSIX sh. Sourced first: . "$(dirname "$0")/../lib.sh"
#
#   plan N                     how many tests there are; or end with done_testing
#   ok NAME COMMAND...         COMMAND succeeds; what it printed is shown when it does not
#   not_ok NAME COMMAND...     COMMAND runs and fails (a command that is missing fails the test)
#   is GOT WANT NAME           two texts are equal
#   isnt GOT OTHER NAME        two texts differ
#   like GOT PATTERN NAME      a line of the text matches the extended regular expression
#   unlike GOT PATTERN NAME    no line of it does
#   pass NAME, fail NAME       for what needs more than the above
#   skip NAME REASON           a test that cannot be run here
#   skip_all REASON            none of this file can be; says so and ends
#   bail_out REASON            nothing after this makes sense; ends as failed
#   note TEXT, diag TEXT       a comment on standard output, on standard error
#   run COMMAND...             runs it: $out and $err hold what it printed, $status its exit
#   wait_for SECONDS COMMAND.. until COMMAND succeeds, tried every 50 ms; fails after SECONDS
#   own PID                    a process of this test: ended when the test ends
#   forget PID                 no longer
#   at_exit COMMAND            a line of shell that runs when the test ends, the last one first
#
# $work is a directory of the test's own, removed at its end; $root is the checkout, $BUILD the build.
# shellcheck shell=sh disable=SC2034

set -u
root=$(cd "$(dirname "$0")" && while [ ! -e Makefile ] && [ "$PWD" != / ]; do cd ..; done && pwd)
BUILD=${BUILD:-$root/build}
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
work=$(mktemp -d "${TMPDIR:-/tmp}/test.XXXXXX") || exit 1
out='' err='' status=0
_tests=0 _failed=0 _planned='' _own='' _at_exit=''

# When a process started, in clock ticks: with its number, that names a process for good.
_born() {
	sed -n 's/^.*) //p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

_alive() {
	[ -n "$2" ] && [ "$(_born "$1")" = "$2" ] &&
		! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
}

_end_owned() {
	for _entry in $_own; do
		_alive "${_entry%:*}" "${_entry#*:}" && kill -TERM "${_entry%:*}" 2>/dev/null
	done
	for _entry in $_own; do
		_tries=0
		while _alive "${_entry%:*}" "${_entry#*:}"; do
			_tries=$((_tries + 1))
			[ "$_tries" -ne 40 ] || kill -KILL "${_entry%:*}" 2>/dev/null
			[ "$_tries" -lt 100 ] || break
			sleep 0.05
		done
	done
}

_ended() {
	_status=$?
	trap - EXIT
	trap '' INT TERM HUP
	cd / || :
	eval "$_at_exit"
	_end_owned
	rm -rf "$work"
	if [ -z "$_planned" ]; then
		echo "# the test ended early, after $_tests" >&2
		[ "$_status" -ne 0 ] || _status=1
	elif [ "$_planned" != skipped ] && { [ "$_failed" -ne 0 ] || [ "$_planned" -ne "$_tests" ]; }; then
		[ "$_status" -ne 0 ] || _status=1
	fi
	exit "$_status"
}
trap _ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

diag() {
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

pass() {
	_tests=$((_tests + 1))
	printf 'ok %d - %s\n' "$_tests" "$1"
}

fail() {
	_tests=$((_tests + 1))
	_failed=$((_failed + 1))
	printf 'not ok %d - %s\n' "$_tests" "$1"
	diag "failed: $1 ($0)"
}

plan() {
	_planned=$1
	echo "1..$1"
}

done_testing() {
	[ -n "$_planned" ] || plan "$_tests"
	[ "$_planned" -eq "$_tests" ] || diag "planned $_planned tests, but ran $_tests"
	[ "$_failed" -eq 0 ] || diag "failed $_failed of $_tests"
	exit 0
}

skip() {
	_tests=$((_tests + 1))
	printf 'ok %d - %s # SKIP %s\n' "$_tests" "$1" "$2"
}

skip_all() {
	_planned=skipped
	echo "1..0 # SKIP $*"
	exit 0
}

bail_out() {
	diag "$*"
	fail "$*"
	[ -n "$_planned" ] || plan "$_tests"
	exit 1
}

ok() {
	_name=$1
	shift
	if "$@" >"$work/.said" 2>&1; then
		pass "$_name"
	else
		_code=$?
		fail "$_name"
		diag "status $_code of: $*"
		diag "$(cat "$work/.said")"
	fi
}

not_ok() {
	_name=$1
	shift
	_code=0
	"$@" >"$work/.said" 2>&1 || _code=$?
	case $_code in
	0 | 126 | 127)
		fail "$_name"
		diag "status $_code of: $*"
		diag "$(cat "$work/.said")"
		;;
	*) pass "$_name" ;;
	esac
}

is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3"
		printf '%s\n' "$2" >"$work/.want"
		printf '%s\n' "$1" >"$work/.got"
		diag "$(diff -U 3 --label want --label got "$work/.want" "$work/.got")"
	fi
}

isnt() {
	if [ "$1" != "$2" ]; then
		pass "$3"
	else
		fail "$3"
		diag "both: $1"
	fi
}

like() {
	if printf '%s\n' "$1" | grep -Eqe "$2"; then
		pass "$3"
	else
		fail "$3"
		diag "no line matches: $2"
		diag "$1"
	fi
}

unlike() {
	_code=0
	_found=$(printf '%s\n' "$1" | grep -Ee "$2") || _code=$?
	if [ "$_code" -eq 1 ]; then
		pass "$3"
	else
		fail "$3"
		diag "matches: $2"
		diag "$_found"
	fi
}

run() {
	status=0
	"$@" >"$work/.out" 2>"$work/.err" || status=$?
	out=$(cat "$work/.out")
	err=$(cat "$work/.err")
}

wait_for() {
	_until=$(($(date +%s%N) / 1000000 + $1 * 1000))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(($(date +%s%N) / 1000000))" -lt "$_until" ] || return 1
		sleep 0.05
	done
}

own() {
	_own="$_own $1:$(_born "$1")"
}

forget() {
	_kept=
	for _entry in $_own; do
		[ "${_entry%:*}" = "$1" ] || _kept="$_kept $_entry"
	done
	_own=$_kept
}

at_exit() {
	_at_exit="$1
$_at_exit"
}
