#!/bin/sh
# The way of somebody who has this checkout and nothing else: the two commands of the README on the
# example, then what one does with a fleet that runs: log in, reboot, change, take away.
. "$(dirname "$0")/lib.sh"
alone online

example=$root/examples/quickstart
fleet=$work/changed/fleet.yaml
known=$(machine quickstart web-1)/known_hosts
mkdir "$work/changed"
"$snapshot" take >"$work/before"

# In the folder of the file, as the README says.
at_example() {
	cd "$example" && provision "$@"
}

at_changed() {
	cd "$work/changed" && provision "$@"
}

empty_plan() {
	run provision plan "$1" --exit-code
	is "$status" 0 "$2"
	[ "$status" -eq 0 ] || diag "$out$err"
}

boot_id() {
	provision ssh -f "$example/fleet.yaml" "$1" -- cat /proc/sys/kernel/random/boot_id
}

# On the console: what connects too early to a guest that starts waits for long.
restarted() {
	sed -n '/reboot: Restarting system/,$p' "$(machine quickstart web-1)/console.log" |
		grep -q 'web-1 ttyS0'
}

rebooted() {
	_now=$(boot_id web-1) && [ -n "$_now" ] && [ "$_now" != "$1" ]
}

run "$root/build.sh" apply "$example/fleet.yaml" --yes
is "$status" 0 "the fleet of the quickstart is there"
[ "$status" -eq 0 ] || bail_out "$out$err"
note "$err"
like "$err" '^machine.web-1: ready' "web-1 is ready"
like "$err" '^machine.web-2: ready' "web-2 as well"
keep_images

run at_example ssh web-1 -- hostname
is "$status $out" "0 web-1" "ssh web-1 -- hostname"
run at_example ssh web-2 -- hostname
is "$status $out" "0 web-2" "ssh web-2 -- hostname"
run at_example ssh web-1 -- cat /etc/ssh/ssh_host_ed25519_key.pub
like "$(cat "$known")" "$(echo "$out" | cut -d ' ' -f 2 | tr + .)" \
	"the machine has the host key that was made for it"
is "$(stat -c %a "$known")" 600 "whose file is nobody else's to write"

cp -p "$known" "$work/known"
ssh-keygen -q -t ed25519 -N '' -f "$work/stranger"
awk 'NR == FNR { key = $1 " " $2; next } { print $1, key }' "$work/stranger.pub" "$work/known" \
	>"$known"
run at_example ssh web-1 -- hostname
isnt "$status" 0 "no login when the known host key is another one"
is "$out" "" "and nothing is run"
: >"$known"
run at_example ssh web-1 -- hostname
isnt "$status" 0 "no login when no host key is known"
cp -p "$work/known" "$known"
run at_example ssh web-1 -- hostname
is "$status $out" "0 web-1" "with the right one back it works again"

empty_plan "$example/fleet.yaml" "the plan is empty"
rm "$PROVISION_STATE_DIR"/fleets/quickstart/journal.db*
empty_plan "$example/fleet.yaml" "and without the journal as well"
run "$root/build.sh" apply "$example/fleet.yaml" --yes
is "$status" 0 "a second apply"
like "$out$err" 'nothing to change' "has nothing to change"

boot=$(boot_id web-1)
run at_example ssh web-1 -- 'echo kept >/root/kept && sync'
is "$status" 0 "a file is written in the guest"
process=$(qemu quickstart web-1)
at_example ssh web-1 -- systemctl reboot >"$work/reboot" 2>&1
empty_plan "$example/fleet.yaml" "the plan is empty while the guest reboots"
ok "it says so on its console" wait_for 300 restarted
ok "a second boot keeps the host key and the login" wait_for 60 rebooted "$boot"
is "$(qemu quickstart web-1)" "$process" "it is the same QEMU"
empty_plan "$example/fleet.yaml" "the plan is empty after the reboot"
memory() {
	at_example ssh web-1 -- sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo
}
before=$(memory)

# More memory, a field that the file did not have, and one machine less.
second=$(qemu quickstart web-2)
second_port=$(mark quickstart web-2 ssh_port)
sed 's/memory: 512MiB/memory: 640MiB/; s/^defaults:/&\n  cpus: 2/; s/count: 2/count: 1/' \
	"$example/fleet.yaml" >"$fleet"
run provision plan "$fleet" --exit-code
is "$status" 2 "a changed file has a plan"
like "$out" '^ *~ machine\.web-1 ' "web-1 is updated"
like "$out" 'memory: +512MiB → 640MiB .*reboot' "memory: before, after, and what it costs"
like "$out" 'cpus: +1 → 2 .*reboot' "cpus: before, after, and what it costs"
like "$out" '^ *- machine\.web-2 ' "web-2 is deleted"
run provision apply "$fleet" --yes
is "$status" 0 "apply does that"
[ "$status" -eq 0 ] || diag "$out$err"
isnt "$(qemu quickstart web-1)" "$process" "web-1 has a new QEMU"
run at_changed ssh web-1 -- cat /root/kept
is "$status $out" "0 kept" "a third boot keeps the host key, the login and the file"
ok "the guest sees more memory" test "$(memory)" -gt $((before + 100000))
run at_changed ssh web-1 -- nproc
is "$out" 2 "and two processors"
not_ok "the QEMU of web-2 is gone" kill -0 "$second"
not_ok "its folder is gone" test -e "$(machine quickstart web-2)"
is "$(find "$PROVISION_STATE_DIR/ports" -lname '*web-2*')" "" "its ports are given back"
unlike "$(ss -Htln)" ":$second_port " "and nobody listens there"
empty_plan "$fleet" "the plan is empty"

sed -i '/cpus: 2/d' "$fleet"
run provision plan "$fleet" --exit-code
is "$status" 2 "a key that left the file has a plan"
like "$out" 'cpus: +2 → 1 .*no longer in the file' "it returns to its default, and the plan says so"
run provision apply "$fleet" --yes
is "$status" 0 "apply does that"
run at_changed ssh web-1 -- nproc
is "$out" 1 "the guest has one processor again"
empty_plan "$fleet" "the plan is empty"

cd "$work" || exit 1
run provision destroy --fleet quickstart --yes
is "$status" 0 "destroy needs no file"
[ "$status" -eq 0 ] || diag "$out$err"
ok "then the machine is as it was" "$snapshot" settle 30 "$work/before"
not_ok "nothing is left of the fleet" test -e "$PROVISION_STATE_DIR/fleets/quickstart"
is "$(find "$PROVISION_STATE_DIR/ports" -type l 2>/dev/null)" "" "and no port is claimed"
done_testing
