#!/bin/sh
# Machines that do not run, through the real provider program: nothing here needs a QEMU.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/provider.sh"

program=$BUILD/providers/provider-kvm
state=$work/state
machines=$state/fleets/test/machines
mkdir "$state"

echo kernel >"$work/vmlinuz"
ask "$BUILD/providers/provider-image" "$state" change \
	"{\"kind\":\"image\",\"name\":\"a\",\"action\":\"create\",
	\"after\":{\"kernel\":\"$work/vmlinuz\",\"login\":false}}"
image=$(answered .outputs.key)

# change ACTION EXPECT [FIELDS]: $found is what came of it, $incarnation which machine is there.
change() {
	ask "$program" "$state" change "$(jq -n -c --arg action "$1" --arg expect "$2" \
		--arg image "$image" --argjson fields "${3:-{\}}" \
		'{kind: "machine", name: "web-1", action: $action,
		after: ({image: $image, state: "stopped", ports: ["80", "81"]} + $fields)} +
		if $expect == "" then {} else {expect: $expect} end')"
	_take
}

look() {
	ask "$program" "$state" read '{"kind":"machine","name":"web-1","desired":{}}'
	_take
}

_take() {
	found='' incarnation='' partial='' ports='' error='' hint=''
	eval "$(answered '@sh "found=\(.status) incarnation=\(.incarnation // "")
		partial=\(.partial // "") error=\(.error // {} | [.class, .message // empty] | join(": "))
		hint=\(.error.hint // "")
		ports=\(.outputs.host_ports // {} | [."80/tcp", ."81/tcp"] | map(tostring) | join(" "))"')"
}

claims() {
	find "$state/ports" -type l -printf '%P\n' | sort | tr '\n' ' '
}

in_order() {
	# shellcheck disable=SC2086
	printf '%s\n' $1 | sort | tr '\n' ' '
}

# mark FILTER: the machine's mark becomes another one.
mark() {
	jq -c "$1" "$machines/web-1/machine.json" >"$work/mark"
	cp "$work/mark" "$machines/web-1/machine.json"
}

umask 000
change create ''
is "$found $error" "changed " "a machine is made"
is "$(find "$machines/web-1" -printf '%m %P\n' | sort)" "600 machine.json
644 kernel
700 " "for nobody else to look at"
is "$(claims)" "$(in_order "$ports")" "its ports are its own"
kept=$ports

# A replacement that was killed while it made the new machine.
cp -r "$machines/web-1" "$machines/.aside-web-1-$incarnation"
mark '.unmade = "cut short" | .mark.incarnation = "0123456789abcdef0123456789abcdef"'
look
is "$found $partial" "present cut short" "a machine that is not whole says so"
change replace "$incarnation"
is "$found $error $ports" "changed  $kept" "made anew, it keeps the ports that were picked for it"
is "$(claims)" "$(in_order "$kept")" "and claims no other"
is "$(ls -A "$machines")" ".lock
web-1" "nothing is left of the others"

# A replacement that fails: the store cannot be linked to any more.
before=$incarnation
mv "$state/images/$image/kernel" "$work/kernel"
mkdir "$state/images/$image/kernel"
change replace "$before" '{"ports": ["80", "81", "82"]}'
like "$error" "^[a-z]*: cannot link '.*/kernel'" "a replacement that fails says why"
like "$hint" "file system" "and what may be done"
look
is "$found $incarnation $partial$ports" "present $before $kept" "and the old one is back"
is "$(claims)" "$(in_order "$kept")" "with its ports and no other"
rmdir "$state/images/$image/kernel"
mv "$work/kernel" "$state/images/$image/kernel"

# What is there but cannot be understood is never what was just made.
mv "$machines/web-1/machine.json" "$work/elsewhere"
ln -s "$work/nowhere" "$machines/web-1/machine.json"
change create ''
like "$error" "^conflict: '.*' is there already" "a name that is taken is not made"
ok "and what has it stays" test -e "$machines/web-1/kernel"
rm "$machines/web-1/machine.json"
mv "$work/elsewhere" "$machines/web-1/machine.json"

# A machine without its mark under which something still runs.
mv "$machines/web-1/machine.json" "$work/elsewhere"
flock -F "$machines/web-1/alive.lock" sleep 60 &
holder=$!
own "$holder"
wait_for 5 sh -c "! flock -n '$machines/web-1/alive.lock' true"
change create ''
like "$error" "^failed: a QEMU works in '.*'" "no folder is removed under a QEMU"
ok "but left as it is" test -e "$machines/web-1/kernel"
kill "$holder"
wait_for 5 flock -n "$machines/web-1/alive.lock" true
mv "$work/elsewhere" "$machines/web-1/machine.json"

change delete "$before"
is "$found $error" "changed " "it is deleted"
is "$(ls -A "$machines") $(claims)" ".lock " "with its ports"
done_testing
