#!/bin/sh
# Law 4: a name is not an identity. Two fleets of one name with machines of one name, from two state
# directories, run side by side and never touch each other's; nor does a fleet whose id is another.
. "$(dirname "$0")/lib.sh"
alone offline

here=$work/here
there=$work/there
fleet=$work/fleet.yaml
{
	echo 'fleet: twins'
	guest_images
	echo 'defaults: {image: guest, memory: 128MiB}'
	echo 'machines: {a: {}, b: {}}'
} >"$fleet"
sed 's/128MiB/160MiB/' "$fleet" >"$work/more.yaml"
sed 's/, b: {}//' "$fleet" >"$work/less.yaml"

# in_place DIRECTORY COMMAND...: with that state directory.
in_place() {
	PROVISION_STATE_DIR=$1
	shift
	"$@"
}

# What a change of a machine would change.
state_of() {
	for name in a b; do
		in_place "$1" qemu twins "$name"
		in_place "$1" runs twins "$name" && echo runs
		cksum <"$1/fleets/twins/machines/$name/machine.json"
	done
	find "$1/fleets" "$1/ports" \( -name '*.sock' -o -type l \) -printf '%p %l %i\n' | sort
}

# Both at once, so that they meet at ports and the like.
in_place "$here" provision apply "$fleet" --yes >"$work/here.log" 2>&1 &
first=$!
run in_place "$there" provision apply "$fleet" --yes
is "$status" 0 "one of two fleets with one name"
[ "$status" -eq 0 ] || diag "$err"
wait "$first"
is $? 0 "the other one at the same time"
isnt "$(jq -r .id "$here/fleets/twins/fleet.json")" "$(jq -r .id "$there/fleets/twins/fleet.json")" \
	"they have different ids"
for place in "$here" "$there"; do
	run in_place "$place" provision plan "$fleet" --exit-code
	is "$status" 0 "the plan of each is empty"
	[ "$status" -eq 0 ] || diag "$out$err"
	run in_place "$place" provision ssh --fleet twins b -- hostname
	is "$status $out" "0 b" "each can log in"
	run in_place "$place" provision status --fleet twins --json
	is "$(echo "$out" | jq '.machines | length')" 2 "each sees two machines"
done

state_of "$there" >"$work/before"
run in_place "$here" provision apply "$work/more.yaml" --yes
is "$status" 0 "one fleet gets more memory"
run in_place "$here" provision apply "$work/less.yaml" --yes
is "$status" 0 "and loses a machine"
is "$(state_of "$there")" "$(cat "$work/before")" "the other fleet has not been touched"
run in_place "$here" provision destroy --fleet twins --yes
is "$status" 0 "one fleet is destroyed"
not_ok "it is gone" test -e "$here/fleets/twins"
is "$(state_of "$there")" "$(cat "$work/before")" "the other fleet has not been touched"
run in_place "$there" provision ssh --fleet twins a -- hostname
is "$status $out" "0 a" "and its machines can be logged in to"

# The machines stay, but the fleet is another one now.
cp "$there/fleets/twins/fleet.json" "$work/fleet.json"
jq '.id |= .[:-1] + (if endswith("0") then "1" else "0" end)' \
	"$work/fleet.json" >"$there/fleets/twins/fleet.json"
isnt "$(cat "$there/fleets/twins/fleet.json")" "$(jq . "$work/fleet.json")" "the fleet's id is replaced"
state_of "$there" >"$work/before"
run in_place "$there" provision plan "$fleet" --exit-code
is "$status" 1 "there is no plan with another id"
like "$out" '^ *! machine\.a ' "but a conflict, which is shown"
run in_place "$there" provision apply "$fleet" --yes
is "$status" 1 "apply with another id is refused"
like "$err" 'nothing was changed' "and says that nothing was changed"
is "$(state_of "$there")" "$(cat "$work/before")" "which is so"
run in_place "$there" provision destroy --fleet twins --yes
note "destroy with another id: exit $status"
note "$out$err"
is "$(state_of "$there")" "$(cat "$work/before")" "destroy with another id touches nothing"
cp "$work/fleet.json" "$there/fleets/twins/fleet.json"
run in_place "$there" provision plan "$fleet" --exit-code
is "$status" 0 "with the right id back all is as it should be"
run in_place "$there" provision destroy --fleet twins --yes
is "$status" 0 "and can be destroyed"
not_ok "it is gone" test -e "$there/fleets/twins"
done_testing
