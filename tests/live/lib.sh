# What the live tests share. Sourced first: . "$(dirname "$0")/lib.sh", followed by
#
#   alone offline|online  runs the script in namespaces of its own: processes, mounts, and with
#                         `offline` the network. What others do on this machine is then no part of its
#                         pictures, and nothing that it started outlives it
#
# which leaves $PROVISION_STATE_DIR, a fresh state directory, and $guest/vmlinuz, $guest/initrd.img,
# a guest that is up in seconds (busybox_guest.sh).
#
#   provision ARG...      the program
#   guest_images          the file's section `images:` with that guest under the name `guest`
#   borrow_images         takes over the images that an earlier test kept
#   keep_images           keeps the images of the state directory for later tests
#   machine FLEET NAME    the machine's folder
#   mark FLEET NAME KEY   a member of its mark
#   qemu FLEET NAME       the number of its QEMU process
#   runs FLEET NAME       that process is there
#   picture               of machine and state directory, see snapshot.sh
#   as_pictured NAME      a test: everything is as it was then
#
# shellcheck shell=sh disable=SC2034

. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" -eq 0 ] || skip_all "needs root"

# Beside the build, so that `make clean` takes them away.
shared=$BUILD/live
guest=$shared/guest
snapshot=$root/tests/live/snapshot.sh
PROVISION_STATE_DIR=$work/state
export PROVISION_STATE_DIR BUILD
unset PROVISION_PROVIDER_PATH

_make_guest() {
	mkdir -p "$shared" || return 1
	# shellcheck disable=SC2016
	flock "$shared/.lock" sh -c '[ "$1/initrd.img" -nt "$2" ] || "$2" "$1"' make_guest \
		"$guest" "$root/tests/live/busybox_guest.sh" >"$work/guest.log" 2>&1 ||
		bail_out "the guest cannot be made: $(cat "$work/guest.log")"
	rm "$work/guest.log"
}

# A checkout below /tmp must stay in sight.
_private_folders() {
	case $BUILD:$root in
	/tmp/* | /var/tmp/* | *:/tmp/* | *:/var/tmp/*) ;;
	*)
		mkdir -m 1777 "$work/var-tmp" "$work/tmp"
		echo "mount --bind '$work/var-tmp' /var/tmp; mount --bind '$work/tmp' /tmp; TMPDIR=/tmp"
		;;
	esac
	echo 'mount -t tmpfs private /dev/shm'
}

# Of the control groups only those below our own stay in sight.
_private_groups() {
	while IFS=: read -r _ _name _path; do
		case $_name in
		'') [ -e /sys/fs/cgroup/cgroup.procs ] || _name=unified ;;
		name=*) _name=${_name#name=} ;;
		esac
		_at=/sys/fs/cgroup${_name:+/$_name}
		[ "$_path" = / ] || [ ! -d "$_at$_path" ] || echo "mount --bind '$_at$_path' '$_at'"
	done </proc/self/cgroup
}

_run_alone() {
	_make_guest
	_kinds='--mount --pid --fork --kill-child --mount-proc --ipc --uts'
	[ "$1" = online ] || _kinds="$_kinds --net"
	# Signals are for the script inside, which cleans up and ends.
	trap '' INT TERM HUP
	_status=0
	# shellcheck disable=SC2086
	TMPDIR=$work LIVE_ALONE=$0 unshare $_kinds sh -ec "
		$(_private_folders)
		$(_private_groups)
		export TMPDIR
		exec env --default-signal=INT,TERM,HUP \"\$0\"" "$0" || _status=$?
	trap - EXIT
	rm -rf "$work"
	exit "$_status"
}

alone() {
	[ "${LIVE_ALONE-}" = "$0" ] || _run_alone "$1"
	ip link set lo up
}

provision() {
	"$BUILD/provision" "$@"
}

guest_images() {
	cat <<-END
		images:
		  guest:
		    kernel: $guest/vmlinuz
		    initrd: $guest/initrd.img
		    cmdline: console=ttyS0 quiet
	END
}

borrow_images() {
	mkdir -p "$PROVISION_STATE_DIR/images"
	chmod 700 "$PROVISION_STATE_DIR" "$PROVISION_STATE_DIR/images"
	# An older program may have built something else under the same key.
	[ -z "$(find "$shared/images" -prune -newer "$BUILD/providers/provider-image" 2>/dev/null)" ] ||
		cp -a --sparse=always "$shared/images/." "$PROVISION_STATE_DIR/images"
}

keep_images() {
	mkdir -p "$shared"
	rm -rf "$shared/images.new" "$shared/images.old"
	cp -a --sparse=always "$PROVISION_STATE_DIR/images" "$shared/images.new" || return 1
	touch "$shared/images.new"
	[ ! -d "$shared/images" ] || mv "$shared/images" "$shared/images.old"
	mv "$shared/images.new" "$shared/images"
	rm -rf "$shared/images.old"
}

machine() {
	echo "$PROVISION_STATE_DIR/fleets/$1/machines/$2"
}

mark() {
	jq -r ".$3" "$(machine "$1" "$2")/machine.json"
}

qemu() {
	jq -r .pid "$(machine "$1" "$2")/run"
}

runs() {
	tr '\0' '\n' <"/proc/$(qemu "$1" "$2")/cmdline" | grep -qx "$1/$2"
}

# The store's memory of digests grows when a file has been there for long enough, and nothing but
# time hangs on it.
_forget_digests() {
	rm -f "$PROVISION_STATE_DIR/images/.digests.json"
}

picture() {
	_forget_digests
	"$snapshot" take "$PROVISION_STATE_DIR" >"$work/picture"
}

as_pictured() {
	_forget_digests
	ok "$1" "$snapshot" settle 30 "$work/picture" "$PROVISION_STATE_DIR"
}
