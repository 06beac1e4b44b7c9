# Speaks to one provider program without an engine. Sourced after tests/lib.sh.
#
#   ask PROGRAM STATE CALL OBJECT...   one request; each OBJECT is JSON, its address filled in from its
#                                      kind and name. $answers is the file of what came, $log of what
#                                      it said besides. Waits until done, $patience seconds at most
#   ask_start PROGRAM STATE CALL OBJECT...   the same without waiting: $provider is its number, a
#                                      process of the test's own
#   ask_end                            waits for the end of that, then ends the provider
#   answered FILTER                    what jq finds in the objects that were answered
#   told PATTERN                       some progress so far was like that
#
# shellcheck shell=sh disable=SC2034,SC2154

patience=20
answers='' log='' provider=
_asked=0

ask_start() {
	_program=$1 _state=$2 _call=$3
	shift 3
	_asked=$((_asked + 1))
	answers=$work/.answers.$_asked
	log=$work/.log.$_asked
	mkfifo "$work/.ask.$_asked"
	"$_program" <"$work/.ask.$_asked" >"$answers" 2>"$log" &
	provider=$!
	own "$provider"
	exec 9>"$work/.ask.$_asked"
	printf '%s\n' "$@" | jq -c -s --arg state "$_state" --arg call "$_call" \
		'{id: 1, call: "hello", protocol: 1, engine: "test", state_dir: $state},
		{id: 2, call: $call, scope: "fleet", run: "run-1",
			fleet: {name: "test", id: "0123456789abcdef0123456789abcdef"},
			objects: map({address: "\(.kind).\(.name)"} + .)}' >&9
}

_done() {
	jq -c 'select(.id == 2 and .done)' "$answers" 2>/dev/null | grep -q .
}

_done_or_gone() {
	_done || [ ! -e "/proc/$provider" ] || grep -qs '^State:[[:space:]]*Z' "/proc/$provider/status"
}

ask_end() {
	wait_for "$patience" _done_or_gone || diag "no answer within $patience seconds: $(cat "$log")"
	exec 9>&-
	wait "$provider" 2>/dev/null || :
	forget "$provider"
	[ ! -s "$log" ] || diag "$(cat "$log")"
	jq -r 'select(.done and .error) | "# " + .error.message' "$answers" >&2
}

ask() {
	ask_start "$@"
	ask_end
}

answered() {
	jq -r ".object // empty | $1" "$answers"
}

told() {
	jq -r 'select(.event == "progress") | .text' "$answers" 2>/dev/null | grep -Eqe "$1"
}
