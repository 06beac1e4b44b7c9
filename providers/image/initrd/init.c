/* The first program of a bootstrap image: loads the drivers of its disk, mounts it, lets the file
 * system grow to it, and hands over to the init that lies there. An initramfs made for any hardware
 * would do the same in several seconds more. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CMDLINE_MOST = 4096, TRIES = 1000, TRY_MICROSECONDS = 10000 };

/* From the kernel's ext4.h, which is not among its public headers. */
#define EXT4_RESIZE _IOW('f', 16, uint64_t)

struct boot {
	const char *root, *init;
	bool writable;
};

/* Nothing can be done here by anybody: the reason is shown on the console and the machine goes
 * down. */
static void fail(const char *what, const char *name)
{
	fprintf(stderr, "initrd: cannot %s '%s': %s\n", what, name, strerror(errno));
	fflush(stderr);
	sleep(1);
	reboot(RB_POWER_OFF);
	_exit(1);
}

/* A driver of hardware that is not there refuses: the root device decides. */
static void load(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
		fprintf(stderr, "initrd: cannot load '%s': %s\n", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	unlink(path);
}

/* In the order in which they need each other. */
static void load_modules(void)
{
	FILE *list = fopen("/modules/order", "r");
	char name[200];

	while (list && fgets(name, sizeof(name), list)) {
		name[strcspn(name, "\n")] = '\0';
		load(name);
	}
	if (list)
		fclose(list);
	unlink("/modules/order");
	rmdir("/modules");
}

static void read_cmdline(char *text, struct boot *boot)
{
	FILE *stream = fopen("/proc/cmdline", "r");
	char *rest = NULL;

	if (!stream || !fgets(text, CMDLINE_MOST, stream))
		fail("read", "/proc/cmdline");
	fclose(stream);
	for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		if (!strncmp(word, "root=", 5))
			boot->root = word + 5;
		else if (!strncmp(word, "init=", 5))
			boot->init = word + 5;
		else if (!strcmp(word, "rw") || !strcmp(word, "ro"))
			boot->writable = word[1] == 'w';
	}
}

static void mount_root(const struct boot *boot)
{
	unsigned long flags = boot->writable ? 0 : MS_RDONLY;
	int tries = 0;

	while (access(boot->root, F_OK) < 0) {
		if (++tries == TRIES)
			fail("find", boot->root);
		usleep(TRY_MICROSECONDS);
	}
	mkdir("/root", 0700);
	if (mount(boot->root, "/root", "ext4", flags, "") < 0)
		fail("mount", boot->root);
}

/* The disk may have grown since the last start. The file system is then merely smaller: no reason
 * not to start. */
static void grow(const char *device)
{
	int disk = open(device, O_RDONLY | O_CLOEXEC), root = open("/root", O_RDONLY | O_CLOEXEC);
	uint64_t bytes = 0, blocks;
	struct statfs fs;

	if (disk < 0 || root < 0 || ioctl(disk, BLKGETSIZE64, &bytes) < 0 || fstatfs(root, &fs) < 0)
		fprintf(stderr, "initrd: cannot measure '%s': %s\n", device, strerror(errno));
	blocks = bytes ? bytes / fs.f_bsize : 0;
	if (blocks && ioctl(root, EXT4_RESIZE, &blocks) < 0)
		fprintf(stderr, "initrd: cannot grow '%s': %s\n", device, strerror(errno));
	if (disk >= 0)
		close(disk);
	if (root >= 0)
		close(root);
}

/* What lies in the initrd is memory: it goes before the root is covered. */
static void enter(const struct boot *boot)
{
	const char *argv[] = {boot->init, NULL};

	umount("/proc");
	rmdir("/proc");
	if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) < 0)
		fail("move", "/dev");
	unlink("/init");
	if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
		chdir("/") < 0)
		fail("enter", boot->root);
	execv(boot->init, (char *const *)argv);
	fail("execute", boot->init);
}

int main(void)
{
	static char cmdline[CMDLINE_MOST];
	struct boot boot = {.root = "/dev/vda", .init = "/sbin/init", .writable = true};

	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755") < 0)
		fail("mount", "/dev");
	if (mount("proc", "/proc", "proc", 0, NULL) < 0)
		fail("mount", "/proc");
	read_cmdline(cmdline, &boot);
	load_modules();
	mount_root(&boot);
	if (boot.writable)
		grow(boot.root);
	enter(&boot);
}
