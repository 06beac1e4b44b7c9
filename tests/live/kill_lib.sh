# Kills and what has to come after them. Sourced after lib.sh by a test that has $fleet, its file:
#
#   kill_at WHOM TEXT DELAY COMMAND   runs `apply` or `destroy` and kills, see kill_at.pl; prints the
#                                     instant and counts in $kills who found somebody to kill
#   converges           tests: the next apply ends with 0, and the plan is then empty
#   ends                a test: destroy ends with 0
#
# $round counts the kills, for the names of tests.
# shellcheck shell=sh disable=SC2034,SC2154

round=0 kills=0

# What is left of a killed run may act on for a moment, and then holds the lock.
_unlocked() {
	run provision "$@"
	[ "$status" -ne 5 ]
}

_ends_with() {
	_name=$1
	shift
	wait_for 60 _unlocked "$@" || status="5 for a minute"
	is "$status" 0 "$round: $_name"
	[ "$status" = 0 ] || diag "$out$err"
}

converges() {
	_ends_with "the next apply converges" apply "$fleet" --yes
	run provision plan "$fleet" --exit-code
	is "$status" 0 "$round: the plan is then empty"
	[ "$status" -eq 0 ] || diag "$out$err"
}

ends() {
	_ends_with "all of it can be destroyed" destroy "$fleet" --yes
}

kill_at() {
	round=$((round + 1))
	_code=0
	_said=$("$root/tests/live/kill_at.pl" "$1" "$2" "$3" "$BUILD" "$work/output" \
		"$BUILD/provision" --color never "$4" "$fleet" --yes) || _code=$?
	note "$round: $4: $_said"
	case $_code in
	0) kills=$((kills + 1)) ;;
	3) ;;
	*) fail "$round: kill_at.pl: $_said" ;;
	esac
}
