#!/bin/sh
# Builds a guest that is up in seconds even under emulation: DIR/vmlinuz and DIR/initrd.img, made of
# Debian's cloud kernel, busybox-static and dropbear. It prints "guest ready" on the serial console,
# takes authorized keys and host key from systemd credentials in SMBIOS strings (those lines of
# tmpfiles.extra that say f+~ and d), and powers off on the ACPI button.
#
# usage: busybox_guest.sh DIR
# Packages that are not installed are fetched once with apt-get download and kept in
# ${PROVISION_TEST_CACHE:-$HOME/.cache/provision-tests}.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 64; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cache=${PROVISION_TEST_CACHE:-${HOME:-/root}/.cache/provision-tests}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$cache" "$work/packages" "$work/root"

# Unpacks a package into $work/packages.
unpack() {
	deb=$(find "$cache" -name "$1_*.deb" | sort | tail -n 1)
	if [ -z "$deb" ]; then
		(cd "$cache" && apt-get -q download "$1") >&2
		deb=$(find "$cache" -name "$1_*.deb" | sort | tail -n 1)
	fi
	[ -n "$deb" ] || { echo "$0: no package $1" >&2; exit 69; }
	dpkg-deb -x "$deb" "$work/packages"
}

kernel_package() {
	apt-cache depends linux-image-cloud-amd64 |
		sed -n 's/.*Depends: \(linux-image-.*-cloud-amd64\)$/\1/p' | head -n 1
}

deb=$(find "$cache" -name 'linux-image-*-cloud-amd64_*.deb' | sort | tail -n 1)
if [ -n "$deb" ]; then
	name=${deb##*/}
	unpack "${name%%_*}"
else
	unpack "$(kernel_package)"
fi
for package in dropbear-bin libtomcrypt1 libtommath1; do
	unpack "$package"
done
busybox=$(command -v busybox) || { echo "$0: busybox-static is not installed" >&2; exit 69; }

cd "$work/root"
mkdir -p bin dev etc lib lib64 modules proc root run sys tmp usr/sbin usr/bin
chmod 755 . root
cp "$busybox" bin/busybox
ln -s /bin/busybox init
ln -s busybox bin/sh
modules=$(echo "$work"/packages/lib/modules/*/kernel)
for module in drivers/virtio/virtio_ring drivers/virtio/virtio drivers/virtio/virtio_pci_legacy_dev \
	drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci drivers/block/virtio_blk \
	net/core/failover drivers/net/net_failover drivers/net/virtio_net \
	drivers/char/hw_random/rng-core drivers/char/hw_random/virtio-rng \
	drivers/acpi/button drivers/input/evdev; do
	[ ! -f "$modules/$module.ko" ] || cp "$modules/$module.ko" modules/
done
cp "$work"/packages/usr/sbin/dropbear usr/sbin/
cp "$work"/packages/usr/bin/dropbearconvert usr/bin/
for program in usr/sbin/dropbear usr/bin/dropbearconvert; do
	LD_LIBRARY_PATH="$work/packages/usr/lib/x86_64-linux-gnu" ldd "$program" |
		sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/lib64[^ ]*\) .*/\1/p'
done | sort -u | while read -r library; do
	case $library in
	/lib64/*) cp -L "$library" lib64/ ;;
	*) cp -L "$library" lib/ ;;
	esac
done
for library in $(find /lib/x86_64-linux-gnu -name 'libnss_files.so*' | head -n 1); do
	cp -L "$library" lib/
done

echo 'root:*:0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
echo 'root:*:19000:0:99999:7:::' >etc/shadow
echo '/bin/sh' >etc/shells
echo 'passwd: files' >etc/nsswitch.conf
cat >etc/inittab <<-'END'
	::sysinit:/etc/rc
	::respawn:/bin/acpid -f -c /etc/acpi -l /dev/null
	::respawn:/usr/sbin/dropbear -F -s -r /etc/dropbear_key -P /run/dropbear.pid
	::shutdown:/bin/sync
END
mkdir -p etc/acpi/PWRF
printf '#!/bin/sh\nexec /bin/poweroff\n' >etc/acpi/PWRF/00000080
cat >etc/rc <<-'END'
	#!/bin/sh
	/bin/busybox --install -s /bin
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs devtmpfs /dev
	mkdir -p /dev/pts
	mount -t devpts devpts /dev/pts
	exec </dev/null >/dev/console 2>&1
	for name in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci \
		virtio_blk failover net_failover virtio_net rng-core virtio-rng button evdev; do
		[ ! -f "/modules/$name.ko" ] || insmod "/modules/$name.ko"
	done
	ip link set lo up
	ip link set eth0 up
	ip addr add 10.0.2.15/24 dev eth0
	ip route add default via 10.0.2.2
	for word in $(cat /proc/cmdline); do
		case $word in
		systemd.hostname=*) hostname "${word#*=}" ;;
		esac
	done
	tr '\000' '\n' </sys/firmware/dmi/tables/DMI |
		sed -n 's/^.*io\.systemd\.credential\.binary:tmpfiles\.extra=//p' |
		base64 -d >/run/tmpfiles.extra
	while read -r type path mode user group age content; do
		case $type in
		d) mkdir -p "$path" && chmod "$mode" "$path" ;;
		f+~)
			mkdir -p "${path%/*}"
			echo "$content" | base64 -d >"$path"
			chmod "$mode" "$path"
			;;
		esac
	done </run/tmpfiles.extra
	[ ! -f /etc/ssh/ssh_host_ed25519_key ] ||
		dropbearconvert openssh dropbear /etc/ssh/ssh_host_ed25519_key \
			/etc/dropbear_key >/dev/null 2>&1
	echo "guest ready"
END
chmod 755 etc/rc etc/acpi/PWRF/00000080
find . | busybox cpio -o -H newc -R 0:0 2>/dev/null | gzip -1 >"$out/initrd.img.new"
cp "$work"/packages/boot/vmlinuz-* "$out/vmlinuz.new"
chmod 644 "$out/initrd.img.new" "$out/vmlinuz.new"
mv "$out/vmlinuz.new" "$out/vmlinuz"
mv "$out/initrd.img.new" "$out/initrd.img"
