#!/bin/sh
# Law 6 with a real system in the machine: kill -9 while it boots, while it is powered off for a
# change, and while it is destroyed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kill_lib.sh"
alone online

fleet=$work/fleet.yaml
cat >"$fleet" <<'END'
fleet: kills
images: {debian: {bootstrap: {release: bookworm}}}
machines: {m: {image: debian, memory: 512MiB, disk: 4GiB}}
END
borrow_images
mkdir -m 700 "$PROVISION_STATE_DIR/fleets"
"$snapshot" take "$PROVISION_STATE_DIR/fleets" >"$work/before"

in_m() {
	provision ssh --fleet kills m -- "$@"
}

kill_at all 'machine.m: waiting' 8000 apply
converges
keep_images
run in_m 'echo kept >/root/kept && sync'
is "$status" 0 "$round: somebody can log in"

sed -i 's/512MiB/640MiB/' "$fleet"
kill_at providers 'waiting for power off' 200 apply
converges
run in_m cat /root/kept
is "$status $out" "0 kept" "$round: what was written is there"

kill_at all 'machine.m: deleting' 5 destroy
ends
is "$kills" 3 "all found somebody to kill"
ok "nothing is left" "$snapshot" settle 30 "$work/before" "$PROVISION_STATE_DIR/fleets"
is "$(find "$PROVISION_STATE_DIR/images" -mindepth 1 -maxdepth 1 -name '.new*')" "" \
	"nor of an image that was not finished"
done_testing
