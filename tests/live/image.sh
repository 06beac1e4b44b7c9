#!/bin/sh
# Images built from packages: what is in them, that a kill at any time leaves nothing that lasts, that
# it is done once, and that it needs no root.
. "$(dirname "$0")/lib.sh"
. "$root/tests/provider.sh"

program=$BUILD/providers/provider-image
state=$PROVISION_STATE_DIR
fields='{"bootstrap":{"release":"bookworm"}}'
patience=600
mkdir -p "$state"

start_build() {
	ask_start "$program" "$state" change \
		"{\"kind\":\"image\",\"name\":\"a\",\"action\":\"create\",\"after\":$1}"
}

build() {
	start_build "$1"
	ask_end
}

error() {
	answered '.error // empty | .class + ": " + .message'
}

# All that works on the state directory: programs have its path in their arguments.
workers() {
	for process in /proc/[0-9]*; do
		tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -F "$state/images" || :
	done
}

mounts() {
	grep -shF "$state/images" /proc/[0-9]*/mountinfo | sort -u
}

nothing_works() {
	[ -z "$(workers)$(mounts)" ]
}

in_store() {
	find "$state/images" -mindepth 1 -maxdepth 1 ! -name .digests.json -printf '%f\n' | sort |
		sed 's/^\.new-.*/.new/; s/^\.lock-.*/.lock/' | tr '\n' ' '
}

# killed WHAT PID: after its end nothing is left but what the next build removes.
killed() {
	wait_for 300 told "$2" || bail_out "the build does not come to '$2': $(tail -n 3 "$answers")"
	isnt "$(mounts)" "" "a build mounts something ($1)"
	kill -9 "$3"
	ask_end
	ok "killed, $1: no process and no mount is left" wait_for 20 nothing_works
	is "$(in_store)" ".lock .new " "and no image"
}

worker() {
	cat "/proc/$provider/task/$provider/children"
}

ask "$program" "$state" read "{\"kind\":\"image\",\"name\":\"a\",\"desired\":$fields}"
is "$(answered .status)" absent "an image that was never built is absent"
key=$(answered .outputs.key)

start_build "$fields"
wait_for 20 worker >/dev/null
killed "the worker" '^setting up' "$(worker)"
start_build "$fields"
killed "the provider" '^unpacking .*\([0-9]* of 1' "$provider"

began=$(date +%s)
build "$fields"
note "built in $(($(date +%s) - began)) s"
is "$(answered '.status + " " + .outputs.key')" "changed $key" "the next build makes it"
[ -d "$state/images/$key" ] || bail_out "no image: $(tail -n 3 "$answers")"
is "$(in_store)" "$key " "and removes what the others have left"
is "$(cd "$state/images/$key" && find . -printf '%P %m %u %g\n' | sort)" " 700 root root
disk 600 root root
image.json 600 root root
initrd 644 root root
kernel 644 root root" "it has a disk, a kernel and an initrd, in a folder that is nobody else's"
ok "no process and no mount is left" nothing_works
like "$(jq -c '.definition.bootstrap | [.release, .size]' "$state/images/$key/image.json")" \
	'\["bookworm",2147483648\]' "it is told what it was built as"
incarnation=$(answered .incarnation)
ask "$program" "$state" read "{\"kind\":\"image\",\"name\":\"a\",\"desired\":$fields}"
is "$(answered '.status + " " + .incarnation')" "present $incarnation" "then it is present"
patience=10
build "$fields"
is "$(answered '.status + " " + .incarnation')" "changed $incarnation" "a second build finds it"
patience=600
keep_images

disk=$state/images/$key/disk
look() {
	debugfs -R "$1" "$disk" 2>/dev/null
}
entry() {
	look "stat $1" | sed -n \
		's/.*Type: \([a-z]*\) *Mode: *\([0-7]*\).*/\1 \2/p; s/^User: *\([0-9]*\) *Group: *\([0-9]*\).*Size: *\([0-9]*\).*/\1 \2 \3/p' |
		tr '\n' ' '
}
ok "the file system is sound" e2fsck -fn "$disk"
is "$(entry /etc/machine-id)" "regular 0644 0 0 0 " "it has an empty machine id"
is "$(look 'ls -p /etc/ssh' | grep -c ssh_host)" 0 "it has no host keys"
for path in /var/lib/systemd/random-seed /var/lib/dbus/machine-id /etc/hostname /etc/fstab \
	/etc/apt/apt.conf.d/99mmdebstrap /etc/passwd-; do
	is "$(entry "$path")" "" "it has no $path"
done
is "$(look 'ls -p /var/lib/apt/lists' | grep -c _dists_)" 0 "it has no lists of packages"
is "$(look 'ls -p /var/cache/apt/archives' | grep -c '\.deb/')" 0 "nor packages"
like "$(entry /etc/shadow)" '^regular 0640 0 42 ' "owners and modes are those of the packages"
like "$(entry /usr/bin/sudo)" '^regular 04755 0 0 ' "also where they are special"
like "$(entry /tmp)" '^directory 01777 0 0 ' "and of folders"
like "$(look 'cat /etc/apt/sources.list')" '^deb .* bookworm main' "it knows where packages come from"
is "$(look 'cat /etc/shadow' | sed -n 's/^root:\([^:]*\):.*/\1/p' | tr -d '*!')" "" \
	"root has no password"

build '{"bootstrap":{"release":"bookworm","packages":["no-such-package-at-all"]}}'
like "$(error)" '^failed: bootstrap: .*no-such-package-at-all' "a package that does not exist is named"
is "$(in_store)" "$key " "and nothing is left of the try"

small=$work/small
mkdir "$small"
mount -t tmpfs -o size=2m small "$small"
at_exit "umount '$small' 2>/dev/null"
head -c 4000000 /dev/urandom >"$work/large.raw"
for try in "{\"file\":\"$work/large.raw\"}" "$fields"; do
	ask "$program" "$small" change \
		"{\"kind\":\"image\",\"name\":\"a\",\"action\":\"create\",\"after\":$try}"
	like "$(error)" '^failed: .*([Nn]o space left|no space in)' "a full disk is told as that"
	is "$(find "$small/images" -mindepth 1 ! -name .digests.json)" "" "and nothing is left"
done
umount "$small"

command -v newuidmap >/dev/null || { skip "as an ordinary user" "uidmap is missing"; done_testing; }
chmod 711 "$work"
home=$work/user
state=$home/state
mkdir -p "$state"
cp "$program" "$home/provider-image"
chown -R nobody "$home"
echo nobody:200000:65536 >"$work/subid"
# The host's own files of ranges stay as they are: only this program sees others.
cat >"$home/program" <<-END
	#!/bin/sh
	exec unshare --mount sh -c 'mount --bind "$work/subid" /etc/subuid &&
		mount --bind "$work/subid" /etc/subgid &&
		exec setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all \
		env HOME="$home" TMPDIR="$home" "$home/provider-image"'
END
chmod 755 "$home/program"
for file in /etc/subuid /etc/subgid; do
	[ -e "$file" ] || { touch "$file" && at_exit "rm '$file'"; }
done
program=$home/program
start_build "$fields"
killed "an ordinary user's" '^setting up' "$provider"
build "$fields"
is "$(answered '.status + " " + .outputs.key')" "changed $key" "an ordinary user builds it as well"
[ -d "$state/images/$key" ] || bail_out "no image: $(tail -n 3 "$answers")"
is "$(in_store)" "$key " "and removes what files of other users a kill has left"
disk=$state/images/$key/disk
ok "the file system is sound" e2fsck -fn "$disk"
like "$(entry /etc/shadow)" '^regular 0640 0 42 ' "owners and modes are those of the packages"
like "$(entry /usr/bin/sudo)" '^regular 04755 0 0 ' "also where they are special"
done_testing
