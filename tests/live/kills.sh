#!/bin/sh
# Law 6: kill -9 of provision, of its providers, or of all of them at instants spread over an apply
# and over a destroy, several with a QEMU in the making. Each time the next apply converges, the plan
# is then empty, and after a destroy nothing is left.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kill_lib.sh"
alone offline

# Two machines that are worked on side by side, of which one takes its time to come up.
fleet=$work/fleet.yaml
{
	echo 'fleet: kills'
	guest_images
	cat <<-'END'
		defaults: {image: guest, memory: 128MiB}
		machines:
		  one: {ports: ["80"]}
		  two: {state: stopped}
	END
} >"$fleet"

# One in the apply that makes the machines, one in the destroy that takes them away.
kills() {
	kill_at "$1" "$2" "$3" apply
	converges
	kill_at "$4" "$5" "$6" destroy
	converges
	ends
	as_pictured "$round: then nothing is left"
}

# The first time the state directory gets what stays in it: the images, the trial of the accelerator.
run provision apply "$fleet" --yes
is "$status" 0 "an undisturbed apply"
[ "$status" -eq 0 ] || bail_out "$out$err"
echo "$err" >"$work/applied"
run provision destroy "$fleet" --yes
is "$status" 0 "an undisturbed destroy"
echo "$err" >"$work/destroyed"
note "the lines of the apply:"
note "$(cat "$work/applied")"
note "the lines of the destroy:"
note "$(cat "$work/destroyed")"
picture

# Planning: nothing is made yet.
kills all '' 5 provision '' 5
kills provision '' 30 providers '' 20
kills providers 'plan:' 0 all 'plan:' 0

# The images are made as well.
for whom in all providers provision; do
	rm -rf "$PROVISION_STATE_DIR/images"
	kills "$whom" 'image.guest: creating' 0 "$whom" 'machine.two: deleting' 0
done

# A QEMU in the making, or just made; one that is ended.
kills all 'machine.one: creating' 0 all 'machine.one: deleting' 1
kills all 'machine.two: creating' 10 providers 'machine.one: deleting' 2
kills providers 'machine.one: creating' 20 provision 'machine.one: deleting' 3
kills provision 'machine.one: starting' 0 all 'machine.one: deleting' 4
kills all 'machine.one: starting' 2 providers 'machine.one: deleting' 5
kills providers 'machine.one: starting' 5 all 'machine.one: deleting' 6
kills all 'machine.one: starting' 10 provision 'machine.one: deleting' 7
kills all 'machine.one: starting' 20 providers 'machine.one: deleting' 8
kills providers 'machine.one: starting' 40 all 'machine.one: deleting' 10
kills provision 'machine.one: starting' 80 all 'deleted' 0

# It boots; somebody logs in; it is ready.
kills all 'machine.one: waiting' 0 provision 'deleted' 0
kills providers 'machine.one: waiting' 500 providers 'deleted' 0
kills all 'machine.one: waiting' 1800 all 'deleted' 2
kills provision 'machine.one: ready' 0 provision 'deleted' 5

ok "at least 24 found somebody to kill: $kills" test "$kills" -ge 24

# A process that was killed but is not gone yet still has its locks.
run provision apply "$fleet" --yes
for _ in 1 2 3; do
	run provision apply "$fleet" --yes
	kill -KILL "$(qemu kills one)"
	run provision plan "$fleet" --exit-code
	is "$status" 2 "a QEMU that has just been killed does not count as running"
done
run provision destroy "$fleet" --yes
as_pictured "after a destroy nothing is left"
done_testing
