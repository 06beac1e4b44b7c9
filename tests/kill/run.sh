#!/bin/sh
# SIGKILL at instants that are spread over a run, to the program alone, to its provider alone, to all:
# each time the next run converges, the plan is then empty, and destroy leaves nothing.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

instants=${INSTANTS:-2}
PROVISION_STATE_DIR=$work/state
# The other tests look for leaks; here that would be most of the time.
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
export PROVISION_STATE_DIR ASAN_OPTIONS
mkdir -p "$work/state/fake" && cd "$work" || exit 1
cat >fleet.yaml <<'FLEET'
fleet: shop
machines:
  a: {provider: fake, resources: {x: {provider: fake, kind: file, text: "1"}}}
  b: {provider: fake, needs: [a], tags: {a: "${machine.a.address}"}}
  c: {provider: fake, count: 2, needs: [b]}
resources: {d: {provider: fake, kind: record, target: "${machine.b.address}"}}
FLEET
# Half of each change is on disk for a while.
cat >state/fake/script.json <<'SCRIPT'
{"rules": [{"call": "change", "at": "during", "delay": 5}, {"call": "wait", "delay": 3}]}
SCRIPT

provision() {
	timeout -k 5 20 "$BUILD/provision" "$@"
}

now() {
	echo $(($(date +%s%N) / 1000000))
}

children() {
	cat "/proc/$1/task/$1/children" 2>/dev/null
}

# The provider programs that $1 has started: not what it forks besides, such as a leak check of its
# own memory, which waits for ever for one that was killed.
programs() {
	for child in $(children "$1"); do
		case $(cat "/proc/$child/comm" 2>/dev/null) in
		provider-*) echo "$child" ;;
		esac
	done
}

# Once more until nobody holds the lock any more: a worker may take a moment to end.
again() {
	tries=0
	while [ "$tries" -lt 200 ]; do
		code=0
		provision "$1" --yes >out 2>&1 || code=$?
		[ "$code" -eq 5 ] || break
		tries=$((tries + 1))
		sleep 0.1
	done
	[ "$code" -eq 0 ] && return
	cat out
	return 1
}

# $1 runs, and after $2 milliseconds those of $3 are killed.
kill_at() {
	"$BUILD/provision" "$1" --yes >killed 2>&1 &
	program=$!
	own "$program"
	sleep "$(printf '%d.%03d' $(($2 / 1000)) $(($2 % 1000)))"
	providers=$(programs "$program")
	workers=$(for provider in $providers; do children "$provider"; done)
	case $3 in
	program) victims=$program ;;
	provider) victims=$providers ;;
	*) victims="$program $providers $workers" ;;
	esac
	# shellcheck disable=SC2086
	[ -z "$victims" ] || kill -KILL $victims 2>/dev/null
	{ wait "$program"; } 2>/dev/null
	forget "$program"
}

converged() {
	again "$1" || return
	if [ "$1" = apply ]; then
		provision plan --exit-code
	else
		[ -z "$(find state -type f ! -name script.json)" ] || { find state; return 1; }
	fi
}

before=$(now)
ok "a run that nobody disturbs" again apply
whole=$(($(now) - before))
ok "its end" converged destroy
for victim in program provider all; do
	for instant in $(seq "$instants"); do
		at=$((whole * instant / (instants + 1)))
		for command in apply destroy; do
			kill_at "$command" "$at" "$victim"
			ok "$command, $victim killed after $at ms: the next converges" converged "$command"
		done
	done
done
done_testing
