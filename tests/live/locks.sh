#!/bin/sh
# One at a time acts on a fleet: the lock names its holder, is kept by whatever of a killed run may
# still act, and goes with the last of it.
. "$(dirname "$0")/lib.sh"
alone offline

quiet='--color never'
printed() {
	grep -qF "$2" "$1"
}

# start NAME COMMAND...: in the background, its number in $started, what it prints in $work/NAME.
start() {
	name=$1
	shift
	setsid "$@" >"$work/$name" 2>&1 </dev/null &
	started=$!
	own "$started"
}

# The processes of that provider.
providers() {
	for directory in /proc/[0-9]*; do
		[ "$(readlink "$directory/exe")" != "$BUILD/providers/provider-$1" ] ||
			echo "${directory#/proc/}"
	done
}

no_providers() {
	[ -z "$(providers "$1")" ]
}

# locked NAME COMMAND: the exit and the words of somebody who came too late.
locked() {
	# shellcheck disable=SC2086
	run $2
	is "$status" 5 "$1: exit 5"
	like "$err" "locked by 'provision apply', process $started, since [0-9]{4}-" \
		"$1: it says by whom and since when"
}

{
	echo 'fleet: two'
	guest_images
	echo 'machines: {m: {image: guest, memory: 128MiB}}'
} >"$work/two.yaml"
apply="$BUILD/provision $quiet apply $work/two.yaml --yes"
destroy="$BUILD/provision $quiet destroy $work/two.yaml --yes"

# shellcheck disable=SC2086
start first $apply
wait_for 60 printed "$work/first" 'machine.m: creating'
locked "a second apply at the same time" "$apply"
locked "a destroy at the same time" "$destroy"
run provision validate "$work/two.yaml"
is "$status" 0 "who changes nothing needs no lock"
wait "$started"
is $? 0 "the first comes to its end"
[ -f "$(machine two m)/machine.json" ] && pass "with its machine"
# shellcheck disable=SC2086
run $apply
is "$status" 0 "then the lock is free"
process=$(qemu two m)
ok "and QEMU, which goes on, does not hold it" runs two m
# shellcheck disable=SC2086
run $destroy
is "$status" 0 "nor is it in the way of a destroy"
not_ok "which ends it" kill -0 "$process"

# What cannot hear that its engine is gone may act at any time: here the process at work on the
# request, a child of the one that listens. (That one, stopped, would be ended by the kernel: its
# process group has no parent left.)
worker() {
	for process in $(providers kvm); do
		parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$process/status")
		[ "$(readlink "/proc/$parent/exe")" != "$BUILD/providers/provider-kvm" ] || echo "$process"
	done
}

at_work() {
	[ -n "$(worker)" ]
}

# shellcheck disable=SC2086
start first $apply
wait_for 60 printed "$work/first" 'machine.m: waiting'
ok "the provider is at work" wait_for 10 at_work
stopped=$(worker)
# shellcheck disable=SC2086
kill -STOP $stopped
kill -KILL "$started"
wait "$started" 2>"$work/said"
locked "a provider that was held up when its engine was killed" "$apply"
# shellcheck disable=SC2086
kill -CONT $stopped 2>"$work/said"
ok "it ends once it sees that" wait_for 30 no_providers kvm
# shellcheck disable=SC2086
run $apply
is "$status" 0 "then an apply converges"
run provision plan "$work/two.yaml" --exit-code
is "$status" 0 "and leaves nothing to do"
# shellcheck disable=SC2086
run $destroy
is "$status" 0 "and all of it can be destroyed"

# One that does not listen when it is told to end.
cat >"$work/deaf.yaml" <<'END'
fleet: deaf
machines: {m: {provider: fake}}
END
mkdir -p "$PROVISION_STATE_DIR/fake"
cat >"$PROVISION_STATE_DIR/fake/script.json" <<'END'
{"rules": [{"address": "machine.m", "call": "change", "hang": "deaf", "times": 1}]}
END
apply="$BUILD/provision $quiet apply $work/deaf.yaml --yes"
# shellcheck disable=SC2086
start first $apply
wait_for 60 printed "$work/first" 'machine.m: creating'
kill -KILL "$started"
wait "$started" 2>"$work/said"
locked "a provider that is deaf when its engine was killed" "$apply"
ok "it is ended within a limit" wait_for 30 no_providers fake
# shellcheck disable=SC2086
run $apply
is "$status" 0 "then an apply converges"
run provision plan "$work/deaf.yaml" --exit-code
is "$status" 0 "and leaves nothing to do"
run provision destroy "$work/deaf.yaml" --yes
is "$status" 0 "and all of it can be destroyed"
not_ok "no lock is left" test -e "$PROVISION_STATE_DIR/fleets/deaf"
done_testing
