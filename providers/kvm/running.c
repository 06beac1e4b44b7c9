/* A pid alone proves nothing: it counts with the start time of its process and this boot of the
 * host, and is signalled through a pidfd that was opened before the comparison. */
#include "running.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/id.h"
#include "base/lock.h"
#include "base/text.h"
#include "document/json.h"

enum {
	FORMAT = 1,
	FILE_MOST = 65536,
	UNCLEAR_LIMIT = 1000,
	PAUSE = 5,
	KILL_LIMIT = 10000,
	FLAG_EXITING = 4, /* PF_EXITING of the kernel */
};

void running_close(struct running *running)
{
	if (running->pidfd >= 0)
		close(running->pidfd);
	running->pidfd = -1;
}

/* A numeric field of /proc/PID/stat, counted from 1 as proc(5) does; 0 when there is no such
 * process. */
static int64_t stat_field(const char *pid, int wanted)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *path = g_strdup_printf("/proc/%s/stat", pid);
	AUTO(gfree) char *text = NULL;
	const char *p;
	size_t length;

	if (!file_read(path, FILE_MOST, &text, &length, &err))
		return 0;
	p = strrchr(text, ')');
	for (int field = 2; p && field < wanted; field++)
		p = strchr(p + 1, ' ');
	return p ? g_ascii_strtoll(p + 1, NULL, 10) : 0;
}

/* In ticks since the host booted. */
static int64_t start_time(const char *pid)
{
	return stat_field(pid, 22);
}

/* True if SIGKILL has been sent to its first thread, which has not come to act on it. */
static bool kill_pending(const char *pid)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *path = g_strdup_printf("/proc/%s/status", pid);
	AUTO(gfree) char *text = NULL;
	const char *pending;
	size_t length;

	if (!file_read(path, FILE_MOST, &text, &length, &err))
		return false;
	pending = strstr(text, "\nSigPnd:");
	return pending && g_ascii_strtoull(pending + 8, NULL, 16) & 1ULL << (SIGKILL - 1);
}

/* True while the kernel takes the process apart: until that is over it still holds its lock. */
static bool is_ending(const struct running *running)
{
	AUTO(gfree) char *pid = g_strdup_printf("%d", running->pid);

	return stat_field(pid, 9) & FLAG_EXITING || kill_pending(pid);
}

static struct value *run_load(struct arena *arena, const char *folder)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *path = g_build_filename(folder, "run", NULL);
	AUTO(gfree) char *text = NULL;
	size_t length;

	if (!file_read(path, FILE_MOST, &text, &length, &err))
		return NULL;
	return json_parse(arena, text, length, &err);
}

static bool identify(struct arena *arena, const char *folder, struct running *running)
{
	const struct value *run = run_load(arena, folder);
	AUTO(gfree) char *host_boot = id_boot();
	AUTO(gfree) char *pid = NULL;
	int64_t started = value_get_integer(run, "starttime", 0);

	running->pid = (int)value_get_integer(run, "pid", 0);
	running->boot = value_get_string(run, "id");
	running->accelerator = value_get_string(run, "accelerator");
	if (running->pid <= 1 || started <= 0 || !running->boot || !running->accelerator ||
		g_strcmp0(value_get_string(run, "host_boot"), host_boot) != 0)
		return false;
	running->pidfd = (int)syscall(SYS_pidfd_open, running->pid, 0);
	pid = g_strdup_printf("%d", running->pid);
	if (running->pidfd >= 0 && start_time(pid) == started)
		return true;
	running_close(running);
	return false;
}

/* Who wrote `run` is alive, and not about to go. */
static bool is_there(struct arena *arena, const char *folder, struct running *running)
{
	if (!identify(arena, folder, running))
		return false;
	if (!is_ending(running) || !running_ended(running, KILL_LIMIT))
		return true;
	running_close(running);
	return false;
}

enum running_found running_find(struct arena *arena, const char *folder, struct running *running)
{
	AUTO(gfree) char *lock = g_build_filename(folder, "alive.lock", NULL);
	int64_t end = clock_now() + UNCLEAR_LIMIT;

	*running = (struct running){.pidfd = -1};
	while (!is_there(arena, folder, running)) {
		if (!lock_held(lock))
			return RUNNING_NOT;
		if (clock_now() >= end)
			return RUNNING_UNCLEAR;
		poll(NULL, 0, PAUSE);
	}
	return RUNNING_YES;
}

bool running_write(int folder, const char *boot, const char *accelerator)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree) char *host_boot = id_boot();
	AUTO(gfree) char *text = NULL;
	struct value *run = value_map(arena);
	AUTO(fd) int fd = -1;

	value_set(arena, run, "format", value_integer(arena, FORMAT));
	value_set(arena, run, "pid", value_integer(arena, getpid()));
	value_set(arena, run, "starttime", value_integer(arena, start_time("self")));
	value_set(arena, run, "host_boot", value_string(arena, host_boot));
	value_set(arena, run, "id", value_string(arena, boot));
	value_set(arena, run, "accelerator", value_string(arena, accelerator));
	text = json_canonical(run);
	fd = openat(folder, "run.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0 && fd_write_all(fd, text, strlen(text)) &&
	       renameat(folder, "run.new", folder, "run") == 0;
}

bool running_ended(const struct running *running, int64_t milliseconds)
{
	int64_t end = clock_now() + milliseconds;

	for (;;) {
		struct pollfd fd = {.fd = running->pidfd, .events = POLLIN};
		int64_t left = MAX(0, end - clock_now());
		int n = poll(&fd, 1, (int)MIN(left, INT32_MAX));

		if (n > 0)
			return true;
		if (n == 0 && clock_now() >= end)
			return false;
	}
}

bool running_kill(const struct running *running, struct error **err)
{
	if (syscall(SYS_pidfd_send_signal, running->pidfd, SIGKILL, NULL, 0) < 0 &&
		errno != ESRCH) {
		error_set_errno(err, "cannot kill QEMU (process %d)", running->pid);
		return false;
	}
	if (running_ended(running, KILL_LIMIT))
		return true;
	error_set(err, ERROR_TIMEOUT, "QEMU (process %d) did not end after SIGKILL", running->pid);
	error_hint(err, "it hangs in the kernel, on a disk or a network file system perhaps");
	return false;
}
