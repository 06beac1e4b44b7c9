#!/bin/sh
# What provision costs over a QEMU command written by hand: from the command to a login, that is an
# authenticated SSH session that ran `true`, with the injected host key checked. Same image, keys,
# host key, sizes and accelerator; in turn, so that a noisy machine is noisy for both.
#
# usage: bench_login.sh [guest|debian] [PAIRS]
. "$(dirname "$0")/lib.sh"

image=${1:-guest}
count=${2:-7}
export PROVISION_STATE_DIR="$work/state"
case $image in
guest | debian) ;;
*) echo "$0: there is no image '$image'" >&2; exit 64 ;;
esac
prepare_guest
write_fleet "$image" >"$work/fleet.yaml"

quietly() {
	"$@" >"$work/said" 2>&1 </dev/null || { cat "$work/said" >&2; return 1; }
}

# What is not part of the figures: the image, the trial of the accelerator, the keys. The machine
# tells what the command by hand has to say.
quietly "$provision" apply "$work/fleet.yaml" --yes
folder=$PROVISION_STATE_DIR/fleets/bench/machines/m
cp "$folder/host_ed25519" "$folder/known_hosts" "$folder/../../login_ed25519" "$work"
set -- "$PROVISION_STATE_DIR"/images/sha256-*
kept=$1
accelerator=$(jq -r .accelerator "$folder/run" | cut -d ' ' -f 1)
cmdline=$(jq -r .cmdline "$kept/image.json")
quietly "$provision" destroy "$work/fleet.yaml" --yes

# The credentials as systemd takes them, for `-smbios type=11`.
encoded() {
	base64 -w 0
}

authorized=$(ssh-keygen -y -f "$work/login_ed25519" | encoded)
host=$(encoded <"$work/host_ed25519")
host_public=$(ssh-keygen -y -f "$work/host_ed25519" | encoded)
printf 'io.systemd.credential.binary:tmpfiles.extra=%s' "$(encoded <<END
d /root/.ssh 0700 root root
f+~ /root/.ssh/authorized_keys 0600 root root - $authorized
f+~ /etc/ssh/ssh_host_ed25519_key 0600 root root - $host
f+~ /etc/ssh/ssh_host_ed25519_key.pub 0644 root root - $host_public
END
)" >"$work/credentials"

# Waits until an SSH server says its name on the port: what QEMU accepts before the guest has a
# network stays silent for ever, so tries are short.
cat >"$work/banner.pl" <<'END'
use strict;
use warnings;
use IO::Socket::INET;
use IO::Select;
while (1) {
	my $text;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $ARGV[0]);
	exit 0 if $socket && IO::Select->new($socket)->can_read(0.25)
		&& sysread($socket, $text, 4) && $text eq 'SSH-';
	select undef, undef, undef, 0.02;
}
END

port=$((20000 + $$ % 10000))
by_hand() {
	disk=
	start=$(now)
	if [ "$image" = debian ]; then
		qemu-img create -q -f qcow2 -F raw -b "$kept/disk" "$work/disk.qcow2" 4G
		disk="-drive if=virtio,format=qcow2,file=$work/disk.qcow2"
	fi
	options=$accelerator
	[ "$accelerator" = kvm ] || options=tcg,thread=multi
	# shellcheck disable=SC2086
	qemu-system-x86_64 -nodefaults -no-user-config -display none -machine q35 -accel "$options" \
		-cpu "$([ "$accelerator" = kvm ] && echo host || echo max)" -m "$memory" \
		-kernel "$kept/kernel" -initrd "$kept/initrd" -append "$cmdline systemd.hostname=m" \
		-smbios "type=11,path=$work/credentials" $disk \
		-netdev "user,id=net0,hostfwd=tcp:127.0.0.1:$port-:22" \
		-device virtio-net-pci,netdev=net0,romfile= \
		-object rng-builtin,id=rng0 -device virtio-rng-pci,rng=rng0 \
		-serial "file:$work/console.log" >"$work/said" 2>&1 &
	qemu=$!
	perl "$work/banner.pl" "$port"
	until ssh -F none -q -i "$work/login_ed25519" -o IdentitiesOnly=yes -o BatchMode=yes \
		-o UserKnownHostsFile="$work/known_hosts" -o StrictHostKeyChecking=yes \
		-o KexAlgorithms=curve25519-sha256 -o HostKeyAlias=m -p "$port" root@127.0.0.1 \
		true </dev/null >"$work/said" 2>&1; do
		kill -0 "$qemu"
	done
	end=$(now)
	kill -KILL "$qemu"
	wait "$qemu" 2>/dev/null || :
	rm -f "$work/disk.qcow2"
	awk -v ns="$((end - start))" 'BEGIN { printf "%.3f\n", ns / 1e6 }'
}

# apply returns after such a login of its own.
by_provision() {
	timed "$provision" apply "$work/fleet.yaml" --yes
	quietly "$provision" destroy "$work/fleet.yaml" --yes
}

pairs "$count" by_provision by_hand >"$work/pairs"
limit "login: apply to login, $image, median" "$(cut -d ' ' -f 1 "$work/pairs" | median)" 1e9 ms
limit "login: by hand, $image, median" "$(cut -d ' ' -f 2 "$work/pairs" | median)" 1e9 ms
limit "login: ratio of $count pairs ($accelerator), median" "$(ratios <"$work/pairs" | median)" 1.05 ''
finish
