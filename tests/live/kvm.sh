#!/bin/sh
# The provider of machines by its protocol alone, with a real QEMU and a guest that is up in seconds:
# its store is laid out by hand, and no other program of ours takes part.
. "$(dirname "$0")/lib.sh"
alone ''

state=$PROVISION_STATE_DIR
place=$work/provider
key=sha256-$(printf guest | sha256sum | cut -d ' ' -f 1)
broken=sha256-$(printf broken | sha256sum | cut -d ' ' -f 1)
fleet='{"name":"shop","id":"f0f0"}'
mkdir "$place"

# lay_out KEY CMDLINE: an image of kernel and initrd, without a disk.
lay_out() {
	mkdir -p "$state/images/$1"
	chmod 700 "$state" "$state/images"
	cp "$guest/vmlinuz" "$state/images/$1/kernel"
	cp "$guest/initrd.img" "$state/images/$1/initrd"
	# QEMU's user may read neither: they must reach it all the same.
	chmod 600 "$state/images/$1/kernel" "$state/images/$1/initrd"
	jq -nc --arg key "$1" --arg cmdline "console=ttyS0 quiet$2" '{format: 1, key: $key, digest: $key, incarnation: "i", disk_format: null,
		disk_size: 0, kernel: true, initrd: true, cmdline: $cmdline, login: true,
		definition: {}}' >"$state/images/$1/image.json"
}

# start_provider [COMMAND...]: under that command. What it says goes to $place/out. The fleet's lock
# is its descriptor 3.
start_provider() {
	rm -f "$place/in" "$place/out"
	mkfifo "$place/in"
	(
		exec 3>"$place/lock"
		flock 3
		exec "$@" "$BUILD/providers/provider-kvm" <"$place/in" >"$place/out" 2>"$place/err"
	) &
	provider=$!
	own "$provider"
	exec 4>"$place/in"
	echo 0 >"$place/id"
	ask '{"call": "hello", "protocol": 1, "engine": "test"}' >/dev/null
}

stop_provider() {
	exec 4>&-
	wait "$provider"
	forget "$provider"
}

kill_provider() {
	kill -KILL "$provider"
	wait "$provider" 2>/dev/null
	exec 4>&-
	forget "$provider"
}

# send JSON: a request; its number is in $id.
send() {
	id=$(($(cat "$place/id") + 1))
	echo "$id" >"$place/id"
	jq -nc --argjson id "$id" --argjson fleet "$fleet" --arg state "$state" \
		"$1"' + {id: $id, fleet: $fleet, run: "r1", state_dir: $state}' >&4
}

done_with() {
	jq -e --argjson id "$id" 'select(.id == $id and .done)' <"$place/out" >"$place/done"
}

# ask JSON: sends it and prints the objects that are answered, or the error of all.
ask() {
	send "$1"
	wait_for 120 done_with || { echo '{"status":"never"}'; return; }
	jq -c --argjson id "$id" 'select(.id == $id) | .object // (select(.error) | .error)' <"$place/out"
}

# What a machine is asked to be, with CHANGES on top.
after() {
	echo "{image: \"$key\", cpus: 1, memory: 268435456, disk: 67108864, state: \"running\",
		user: \"root\", keys: [], ports: [], accelerator: \"auto\"} + ${1:-{\}}"
}

# object NAME MORE
object() {
	echo "[{address: \"machine.$1\", kind: \"machine\", name: \"$1\"} + $2]"
}

list() {
	ask '{call: "list", kind: "machine"}'
}

read_machine() {
	ask "{call: \"read\", scope: \"x\", objects: $(object "$1" '{}')}"
}

# change NAME ACTION [CHANGES [MORE]]
change() {
	expect=
	[ "$2" = create ] || expect="expect: \"$(incarnation "$1")\","
	ask "{call: \"change\", scope: \"machine.$1\", objects: $(object "$1" "({action: \"$2\", $expect
		record: {format: 1, applied: {}}} + (if \"$2\" == \"delete\" then {} else {after:
		($(after "${3-}"))} end) + ${4:-{\}})")}"
}

# await NAME UNTIL [MORE]
await() {
	ask "{call: \"wait\", scope: \"machine.$1\", objects: $(object "$1" "{until: \"$2\",
		timeout: 60000} + ${3:-{\}}")}"
}

field() {
	printf '%s\n' "$1" | jq -r "$2"
}

incarnation() {
	mark shop "$1" mark.incarnation
}

inside() {
	at=$(machine shop "$1")
	name=$1
	shift
	ssh -F none -i "$state/fleets/shop/login_ed25519" -o IdentitiesOnly=yes -o BatchMode=yes \
		-o StrictHostKeyChecking=yes -o UserKnownHostsFile="$at/known_hosts" \
		-o HostKeyAlias="$name" -o ConnectTimeout=10 -o ServerAliveInterval=2 -o LogLevel=ERROR \
		-p "$(jq .ssh_port "$at/machine.json")" root@127.0.0.1 "$@" </dev/null
}

# The first line that a port of this host says.
banner() {
	perl -MIO::Socket::INET -e '
		alarm 5;
		my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => shift) or exit 1;
		print scalar <$socket>' "$1"
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

lay_out "$key" ''
lay_out "$broken" ' rdinit=/none init=/none'
"$snapshot" take "$state/images" >"$work/before"
start_provider

said=$(change web-1 create '{ports: ["18022:22", "22"]}')
is "$(field "$said" .status)" changed "a machine is created"
like "$said" '"accelerator_used":"(kvm|tcg)' "and it is told what it runs on"
first=$(qemu shop web-1)
isnt "$(stat -c %u "/proc/$first")" 0 "its QEMU is a user of its own"
is "$(grep -h '^NoNewPrivs' "/proc/$first/status" | tr -d '[:blank:]')" NoNewPrivs:1 \
	"who cannot become another one"
is "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$first/status")" 0000000000000000 \
	"and has no capability"
is "$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$first/status")" '' "and is in no further group"
is "$(tr '\0' '\n' <"/proc/$first/environ" | sort | tr '\n' ' ')" 'LC_ALL=C PATH=/usr/bin:/bin ' \
	"it knows nothing of our environment"
unlike "$(tr '\0' '\n' <"/proc/$first/cmdline")" 'PRIVATE KEY|io.systemd.credential' \
	"no secret is in its arguments"
unlike "$(ls -l "/proc/$first/fd")" "$place|pipe:" "nor does it have the fleet's lock or a pipe of ours"
is "$(ps -o sid= -p "$first" | tr -d ' ')" "$first" "it is in a session of its own"
unlike "$said" '"up":true' "it is not up yet"

said=$(await web-1 up)
is "$(field "$said" .up)" true "it comes up"
is "$(inside web-1 hostname)" web-1 "OpenSSH logs in on the known host key, and it has its name"
is "$(inside web-1 cat /sys/block/vda/size)" 131072 "its disk has the size that was asked for"
said=$(await web-1 ready '{ready: {run: "test -e /etc/rc", timeout: 60000}}')
is "$(field "$said" .ready)" true "a command tells that it is ready"
is "$(field "$(await web-1 ready '{ready: {tcp: 22}}')" .ready)" true "and a port"
is "$(field "$(await web-1 ready '{ready: {console: "guest ready"}}')" .ready)" true "and its console"
inside web-1 'mkdir /www && echo yes >/www/index.html && httpd -p 80 -h /www'
is "$(field "$(await web-1 ready '{ready: {http: "http://127.0.0.1/"}}')" .ready)" true "and HTTP"
said=$(await web-1 ready '{timeout: 1500, ready: {http: "http://127.0.0.1/nothing"}}')
is "$(field "$said" .error.class)" timeout "a page that is not there is waited for in vain"
like "$said" 'status 404' "which is told"
like "$said" "console's last lines" "with what the console said"
said=$(await web-1 ready '{timeout: 1500, ready: {run: "echo not yet; exit 3"}}')
like "$said" 'exits with 3: not yet' "as is what a command says"

said=$(read_machine web-1)
is "$(field "$said" '"\(.status) \(.up) \(.ready) \(.actual.state)"')" 'present true true running' \
	"what is read is what was done"
is "$(field "$said" '.actual.ports | tostring')" '["18022:22","22"]' "ports read as they were asked for"
picked=$(field "$said" '.outputs.host_ports["22/tcp"]')
like "$(banner 18022)" SSH-2.0 "a forwarded port leads inside"
like "$(banner "$picked")" SSH-2.0 "and one that was picked"

# A stranger's look: another fleet of that name.
mine=$fleet
fleet='{"name":"shop","id":"f1f1"}'
said=$(read_machine web-1)
is "$(field "$said" .status)" foreign "the machine is foreign to another fleet of the same name"
is "$(field "$(list)" .status)" foreign "which is told so in its list"
said=$(change web-1 delete)
is "$(field "$said" .error.class)" conflict "and cannot delete it"
fleet=$mine

said=$(change web-1 create)
is "$(field "$said" .status)" stale "it is not created twice"
said=$(change web-1 update '{memory: 301989888}' '{expect_fields: {memory: 1, cpus: 1}}')
is "$(field "$said" .status)" stale "nothing is changed that is not as it was planned against"
like "$said" "'memory' was 1, and is 268435456 now" "and it is told what differs"
said=$(change web-1 update '{disk: 33554432}')
is "$(field "$said" .error.class)" config "a disk does not shrink"
is "$(qemu shop web-1)" "$first" "for which it was not stopped"

said=$(change web-1 update '{disk: 134217728, ports: ["18023:22"]}')
is "$(field "$said" .status)" changed "disk and ports change"
is "$(qemu shop web-1)" "$first" "while it runs"
is "$(inside web-1 cat /sys/block/vda/size)" 262144 "the guest sees a larger disk"
like "$(banner 18023)" SSH-2.0 "the new port leads inside"
not_ok "the old one no longer" banner 18022
is "$(find "$state/ports" -type l | wc -l)" 1 "and the picked one is let go"

said=$(change web-1 update '{disk: 134217728, ports: ["18023:22", "80:22"]}')
is "$(field "$said" .error.class)" conflict "a port below 1024 is not to be had while it runs"
like "$(banner 18023)" SSH-2.0 "the others stay"
host_key=$(cat "$(machine shop web-1)/known_hosts")
inside web-1 'echo kept | dd of=/dev/vda conv=sync 2>/dev/null; sync'
boot=$(inside web-1 cat /proc/sys/kernel/random/boot_id)
inside web-1 reboot
comes_up() {
	now=$(inside web-1 cat /proc/sys/kernel/random/boot_id) && [ "$now" != "$boot" ]
}
ok "it comes back after a reboot of its own" wait_for 30 comes_up
said=$(read_machine web-1)
is "$(field "$said" '"\(.up) \(.ready)"')" 'true true' "which asks for nothing"
said=$(change web-1 update '{disk: 134217728, memory: 402653184, ports: ["80:22"]}')
is "$(field "$said" .status)" changed "its memory changes"
isnt "$(qemu shop web-1)" "$first" "by a restart"
is "$(field "$(read_machine web-1)" .up)" null "it is to be waited for anew"
is "$(field "$(await web-1 up)" .up)" true "and comes up"
like "$(banner 80)" SSH-2.0 "a port below 1024 leads inside"
is "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$(qemu shop web-1)/status")" 0000000000000400 \
	"for which its QEMU has that one capability"
is "$(inside web-1 head -c 4 /dev/vda)" kept "what it had written is there"
like "$(inside web-1 free -m)" '^Mem: *3[0-9][0-9]' "and it has the memory"
is "$(cat "$(machine shop web-1)/known_hosts")" "$host_key" "the host key is the same"

said=$(change web-1 update '{disk: 134217728, memory: 1125899906842624}')
is "$(field "$said" .error.class)" failed "it cannot have more memory than there is"
like "$said" 'annot allocate memory' "QEMU's own words are told"
is "$(field "$(read_machine web-1)" '"\(.actual.state) \(.actual.memory)"')" 'running 402653184' \
	"and it runs as before"

stop_provider
ok "QEMU outlives the provider" runs shop web-1
start_provider
is "$(field "$(list)" '"\(.address) \(.status)"')" 'machine.web-1 present' "and is found again"

pid=$(qemu shop web-1)
kill -KILL "$pid"
ok "a QEMU that is killed" wait_for 5 ended "$pid"
is "$(field "$(read_machine web-1)" .actual.state)" stopped "is seen as stopped"
said=$(await web-1 up)
like "$said" 'does not run' "is not waited for"
said=$(change web-1 update '{disk: 134217728, memory: 402653184}')
is "$(field "$said" '"\(.status) \(.actual.state)"')" 'changed running' "and is started"
said=$(change web-1 update '{disk: 134217728, memory: 402653184, state: "stopped"}')
is "$(field "$said" '"\(.status) \(.actual.state)"')" 'changed stopped' "a machine is stopped"

old=$(incarnation web-1)
said=$(change web-1 replace)
is "$(field "$said" .status)" changed "a machine is replaced"
isnt "$(incarnation web-1)" "$old" "by another incarnation"
is "$(find "$state/fleets/shop/machines" -mindepth 1 -maxdepth 1 -type d | wc -l)" 1 \
	"of which nothing else is left"

# A new one that cannot be made gives way to the old one.
old=$(incarnation web-1)
said=$(change web-1 replace '{memory: 1125899906842624}')
is "$(field "$said" .error.class)" failed "a replacement that does not start fails"
is "$(incarnation web-1)" "$old" "and the old machine is back"
is "$(field "$(read_machine web-1)" '"\(.actual.state) \(.partial)"')" 'running null' "running"
said=$(change web-1 replace '{image: "sha256-0000000000000000000000000000000000000000000000000000000000000000"}')
is "$(field "$said" .error.class)" missing "an image that is not there is seen before anything is done"
is "$(field "$(read_machine web-1)" .actual.state)" running "so the machine goes on"

# Two at once: they take turns.
send "{call: \"change\", scope: \"x\", objects: $(object web-3 "{action: \"create\", record: {},
	after: ($(after))}")}"
other=$id
said=$(change web-3 create)
id=$other
wait_for 30 done_with
said=$(jq -r --argjson id "$id" 'select(.id == $id) | .object.status // empty' <"$place/out"
	field "$said" .status)
is "$(echo "$said" | sort | tr '\n' ' ')" 'changed stale ' "of two that create a machine one finds it there"

# The end of QEMU is seen at once by who waits for the machine.
change web-3 replace >/dev/null
started=$(date +%s)
send "{call: \"wait\", scope: \"x\", objects: $(object web-3 '{until: "up", timeout: 60000}')}"
sleep 0.3
kill -KILL "$(qemu shop web-3)"
wait_for 30 done_with
like "$(tail -n 2 "$place/out")" 'its QEMU ended' "a QEMU that ends is no longer waited for"
ok "at once" test $(($(date +%s) - started)) -lt 10

# Nor is a guest that has no hope.
change web-3 replace "{image: \"$broken\"}" >/dev/null
said=$(await web-3 up)
is "$(field "$said" .error.class)" failed "a guest whose kernel panics is given up"
like "$said" 'its kernel panicked.*Kernel panic - not syncing' "with its last words"

# What cannot be read is unknown, and then the list is not complete.
mv "$(machine shop web-3)/machine.json" "$work/machine.json"
echo '{' >"$(machine shop web-3)/machine.json"
is "$(field "$(read_machine web-3)" .status)" unknown "a machine that cannot be read is unknown"
is "$(field "$(list)" '"\(.address) \(.status)"' | sort | tr '\n' ' ')" \
	'machine.web-1 present machine.web-3 unknown ' "and listed as such"
is "$(tail -n 1 "$place/out" | jq -c .complete)" false "in a list that is not complete"
mv "$work/machine.json" "$(machine shop web-3)/machine.json"
is "$(field "$(change web-3 delete)" .status)" changed "once it can be read it can be deleted"

# Killed at any moment, the next one goes on: what is read says what to do.
converge() {
	said=$(read_machine "$1")
	if [ "$(field "$said" .status)" = absent ]; then
		change "$1" create
	elif [ "$(field "$said" .partial)" != null ]; then
		ask "{call: \"change\", scope: \"x\", objects: $(object "$1" "{action: \"replace\",
			expect: \"$(field "$said" .incarnation)\", record: {}, after: ($(after))}")}"
	else
		change "$1" update
	fi
}

for delay in 0 3 6 9 12 20 40; do
	send "{call: \"change\", scope: \"x\", objects: $(object web-2 "{action: \"create\",
		record: {}, after: ($(after))}")}"
	sleep "0.0$(printf %02d "$delay")"
	kill_provider
	start_provider
	is "$(field "$(converge web-2)" '"\(.status) \(.actual.state)"')" 'changed running' \
		"a creation that is killed after $delay ms is made good"
	is "$(field "$(list)" '"\(.address) \(.actual.state) \(.partial)"' | sort | tr '\n' ' ')" \
		'machine.web-1 running null machine.web-2 running null ' "and all is whole"
	send "{call: \"change\", scope: \"x\", objects: $(object web-2 "{action: \"replace\",
		expect: \"$(incarnation web-2)\", record: {}, after: ($(after))}")}"
	sleep "0.0$(printf %02d "$delay")"
	kill_provider
	start_provider
	is "$(field "$(converge web-2)" '"\(.status) \(.actual.state)"')" 'changed running' \
		"a replacement that is killed after $delay ms is made good"
	send "{call: \"change\", scope: \"x\", objects: $(object web-2 "{action: \"delete\",
		expect: \"$(incarnation web-2)\"}")}"
	sleep "0.0$(printf %02d "$((delay / 3))")"
	kill_provider
	start_provider
	said=$(read_machine web-2)
	[ "$(field "$said" .status)" = absent ] ||
		ask "{call: \"change\", scope: \"x\", objects: $(object web-2 "{action: \"delete\",
			expect: \"$(field "$said" .incarnation)\"}")}" >/dev/null
	is "$(field "$(list)" .address)" machine.web-1 "a deletion killed after $((delay / 3)) ms as well"
done

pid=$(qemu shop web-1)
is "$(field "$(change web-1 delete)" .status)" changed "a machine is deleted"
ok "its QEMU is gone" ended "$pid"
is "$(list)" '' "nothing is listed"
is "$(tail -n 1 "$place/out" | jq -c .complete)" true "and that is all there is"
is "$(find "$state/fleets/shop/machines" "$state/ports" -mindepth 1 ! -name .lock)" '' \
	"no folder and no port is left"
stop_provider
is "$(cat "$place/err")" '' "the provider had nothing to complain about"
rm -r "$state/fleets" "$state/ports"

# The same without root.
chmod 711 "$work"
chown -R 65534:65534 "$state"
start_provider setpriv --reuid 65534 --regid 65534 --clear-groups
is "$(field "$(change web-1 create)" .status)" changed "without root a machine is created as well"
is "$(stat -c %u "/proc/$(qemu shop web-1)")" 65534 "its QEMU is who created it"
is "$(field "$(await web-1 up)" .up)" true "and comes up"
said=$(change web-1 update '{ports: ["80:80"]}')
like "$said" 'port 80 of this host: Permission denied' "a port that it may not have is refused"
is "$(field "$(change web-1 delete)" .status)" changed "it is deleted"
stop_provider
chown -R 0:0 "$state"
rm -r "$state/fleets" "$state/ports"
rm -f "$state/accelerator.json"
ok "nothing of it is left on this machine" "$snapshot" settle 10 "$work/before" "$state/images"
done_testing
