/* Most of a start is spent on units that a machine like this has no use for: what only the default
 * set-up asks for is no longer asked for. Nothing is masked, so whatever a package or a person asks
 * for still works. */
#include "recipe.h"

#include <sys/types.h>

#include "tree.h"

struct file {
	const char *path, *text;
};

const char *const recipe_packages[] = {
	"acpid", /* powers off when the button is pressed, without D-Bus and logind */
	"iproute2",
	"openssh-server",
	"sudo", /* for a user other than root */
	"systemd",
	"systemd-resolved",
	"systemd-sysv",
	"udev",
	NULL,
};

/* Keys of the host that built it, names, seeds, and what is remembered of the building. */
static const char *const dropped[] = {
	"etc/ssh/ssh_host_*",
	"etc/hostname",
	"etc/fstab",
	"etc/*-",
	"etc/.pwd.lock",
	"etc/apt/apt.conf.d/99mmdebstrap",
	"var/lib/dbus/machine-id",
	"var/lib/systemd/random-seed",
	"var/lib/systemd/credential.secret",
	"var/log/*",
	"var/log/apt/*",
	"var/cache/debconf/*-old",
	"var/cache/ldconfig/*",
	"var/lib/dpkg/*-old",
	NULL,
};

static const struct file files[] = {
	/* Empty, not missing: systemd makes one at the first start and keeps it. */
	{"etc/machine-id", ""},
	{"etc/default/locale", "LANG=C.UTF-8\n"},
	{"etc/hosts", "127.0.0.1 localhost\n"
		      "::1 localhost ip6-localhost ip6-loopback\n"
		      "ff02::1 ip6-allnodes\n"
		      "ff02::2 ip6-allrouters\n"},
	{"etc/systemd/network/80-provision.network", "[Match]\n"
						     "Type=ether\n"
						     "Kind=!*\n"
						     "\n"
						     "[Network]\n"
						     "DHCP=yes\n"
						     "\n"
						     "[DHCPv4]\n"
						     "ClientIdentifier=mac\n"},
	/* The one key that a machine is given; it is there before the server starts. */
	{"etc/ssh/sshd_config.d/50-provision.conf", "HostKey /etc/ssh/ssh_host_ed25519_key\n"},
	/* The server checks its configuration itself when it starts. */
	{"etc/systemd/system/ssh.service.d/provision.conf", "[Service]\n"
							    "ExecStartPre=\n"},
	{"etc/acpi/events/provision-power", "event=button/power.*\n"
					    "action=/sbin/poweroff\n"},
	/* Whoever has the serial line has the machine. */
	{"etc/systemd/system/serial-getty@.service.d/provision.conf",
		"[Service]\n"
		"ExecStart=\n"
		"ExecStart=-/sbin/agetty --autologin root --login-pause --noclear --keep-baud"
		" 115200,57600,38400,9600 - $TERM\n"},
	/* Disks and network first; the other few hundred devices when nothing else has work. */
	{"etc/systemd/system/systemd-udev-trigger.service.d/provision.conf",
		"[Service]\n"
		"ExecStart=\n"
		"ExecStart=-udevadm trigger --action=add --subsystem-match=block"
		" --subsystem-match=net --subsystem-match=virtio\n"},
	{"etc/systemd/system/provision-devices.service",
		"[Unit]\n"
		"Description=Coldplug All Other Devices\n"
		"After=ssh.service\n"
		"\n"
		"[Service]\n"
		"Type=oneshot\n"
		"CPUWeight=idle\n"
		"ExecStart=-udevadm trigger --type=subsystems --action=add\n"
		"ExecStart=-udevadm trigger --type=devices --action=add\n"},
	{"etc/udev/rules.d/60-provision.rules",
		"ACTION==\"change\", SUBSYSTEM==\"block\", KERNEL==\"vda\","
		" ENV{RESIZE}==\"1\", RUN+=\"/lib/systemd/systemd-growfs /\"\n"},
	{NULL, NULL},
};

#define UNITS "etc/systemd/system/"
#define NETWORKD "/lib/systemd/system/systemd-networkd"
#define GENERATORS "etc/systemd/system-generators/systemd-"
#define NOTHING "/dev/null"

static const struct file links[] = {
	{"etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf"},
	{UNITS "default.target", "/lib/systemd/system/multi-user.target"},
	{UNITS "multi-user.target.wants/provision-devices.service",
		"/etc/systemd/system/provision-devices.service"},
	{UNITS "multi-user.target.wants/systemd-networkd.service", NETWORKD ".service"},
	{UNITS "sockets.target.wants/systemd-networkd.socket", NETWORKD ".socket"},
	{UNITS "network-online.target.wants/systemd-networkd-wait-online.service",
		NETWORKD "-wait-online.service"},
	{UNITS "dbus-org.freedesktop.network1.service", NETWORKD ".service"},
	/* There are no partition tables, no resume, and no settings of the kernel's arguments to
	 * make units of. */
	{GENERATORS "debug-generator", NOTHING},
	{GENERATORS "gpt-auto-generator", NOTHING},
	{GENERATORS "hibernate-resume-generator", NOTHING},
	{GENERATORS "run-generator", NOTHING},
	{NULL, NULL},
};

/* TARGET.wants/UNIT */
static const char *const unwanted[] = {
	"getty.target.wants/getty-static.service",
	"getty.target.wants/getty@tty1.service",
	"graphical.target.wants/systemd-update-utmp-runlevel.service",
	"multi-user.target.wants/dbus.service", /* its socket starts it */
	"multi-user.target.wants/e2scrub_reap.service",
	"multi-user.target.wants/systemd-ask-password-wall.path",
	"multi-user.target.wants/systemd-logind.service", /* D-Bus starts it */
	"multi-user.target.wants/systemd-update-utmp-runlevel.service",
	"sockets.target.wants/systemd-initctl.socket",
	"sockets.target.wants/systemd-journald-audit.socket",
	"sysinit.target.wants/sys-fs-fuse-connections.mount",
	"sysinit.target.wants/sys-kernel-config.mount",
	"sysinit.target.wants/sys-kernel-debug.mount",
	"sysinit.target.wants/sys-kernel-tracing.mount",
	"sysinit.target.wants/systemd-ask-password-console.path",
	"sysinit.target.wants/systemd-firstboot.service",
	"sysinit.target.wants/systemd-pcrphase-sysinit.service",
	"sysinit.target.wants/systemd-pcrphase.service",
	"sysinit.target.wants/systemd-pstore.service",
	"sysinit.target.wants/systemd-repart.service",
	/* They would hold the lock of the package database when somebody wants it. */
	"timers.target.wants/apt-daily-upgrade.timer",
	"timers.target.wants/apt-daily.timer",
	"timers.target.wants/e2scrub_all.timer",
	NULL,
};

bool recipe_apply(int tree, struct error **err)
{
	for (const char *const *p = dropped; *p; p++)
		if (!tree_drop(tree, *p, err))
			return false;
	for (const struct file *f = files; f->path; f++)
		if (!tree_write(tree, f->path, f->text, 0644, err))
			return false;
	for (const struct file *f = links; f->path; f++)
		if (!tree_link(tree, f->path, f->text, err))
			return false;
	for (const char *const *p = unwanted; *p; p++) {
		AUTO(gfree) char *path = g_strdup_printf(UNITS "%s", *p);

		if (!tree_link(tree, path, NOTHING, err))
			return false;
	}
	return true;
}
