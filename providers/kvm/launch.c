/* The order is what matters: the word of who runs is on disk before it runs, privileges go after
 * the last thing that needs them, and all that is open closes in the act of the exec itself, so
 * that the fleet's lock is held for as long as we are still ourselves. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "running.h"

enum step { SESSION, DESCRIPTORS, RUN_FILE, USER, LIMITS, EXEC };

static const char *const steps[] = {
	[SESSION] = "cannot get a session of its own",
	[DESCRIPTORS] = "cannot hand on its files",
	[RUN_FILE] = "cannot write who runs",
	[USER] = "cannot become a user of its own",
	[LIMITS] = "cannot give up privileges",
	[EXEC] = "cannot execute it",
};

struct report {
	enum step step;
	int code;
};

static void reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP)
			signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool place_descriptors(const struct launch *l)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(l->log_fd, 1) < 0 || dup2(l->log_fd, 2) < 0)
		return false;
	if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return false;
	for (const int *fd = l->keep; *fd >= 0; fd++)
		if (!fd_cloexec(*fd, false))
			return false;
	return true;
}

/* The one capability that stays, through the exec as well. */
static bool keep_low_ports(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	data[0].effective = data[0].permitted = data[0].inheritable = 1 << CAP_NET_BIND_SERVICE;
	return syscall(SYS_capset, &header, data) == 0 &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0;
}

static bool become_user(const struct launch *l)
{
	gid_t group = l->group;

	if (!l->uid)
		return true;
	return setgroups(l->group ? 1 : 0, &group) == 0 && setresgid(l->uid, l->uid, l->uid) == 0 &&
	       prctl(PR_SET_KEEPCAPS, l->low_ports, 0, 0, 0) == 0 &&
	       setresuid(l->uid, l->uid, l->uid) == 0 && (!l->low_ports || keep_low_ports());
}

static bool limit(void)
{
	struct rlimit none = {0, 0};

	return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static void child(const struct launch *l, int report_fd)
{
	static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
	struct report report = {SESSION, 0};

	if (setsid() >= 0 && chdir("/") == 0) {
		umask(077);
		reset_signals();
		report.step = DESCRIPTORS;
		if (place_descriptors(l))
			report.step = RUN_FILE;
		if (report.step == RUN_FILE && running_write(l->folder_fd, l->boot, l->accelerator))
			report.step = USER;
		if (report.step == USER && become_user(l))
			report.step = LIMITS;
		if (report.step == LIMITS && limit()) {
			report.step = EXEC;
			execve(l->argv[0], (char *const *)l->argv, (char *const *)environment);
		}
	}
	report.code = errno;
	_exit(fd_write_all(report_fd, &report, sizeof(report)) ? 127 : 126);
}

/* True if the process became QEMU: then the pipe closed without a word. */
static bool became(int fd, struct error **err)
{
	struct report report;
	ssize_t n;

	while ((n = read(fd, &report, sizeof(report))) < 0 && errno == EINTR)
		;
	if (n == 0)
		return true;
	errno = n == sizeof(report) ? report.code : EIO;
	error_set_errno(
		err, "QEMU: %s", steps[n == sizeof(report) ? report.step : (enum step)SESSION]);
	return false;
}

bool launch(const struct launch *l, struct process *process, struct error **err)
{
	AUTO(fd) int read_fd = -1;
	int fds[2];
	bool ok;

	*process = (struct process){0, -1};
	if (pipe2(fds, O_CLOEXEC) < 0) {
		error_set_errno(err, "cannot make a pipe");
		return false;
	}
	read_fd = fds[0];
	process->pid = fork();
	if (process->pid == 0)
		child(l, fds[1]);
	close(fds[1]);
	if (process->pid < 0) {
		error_set_errno(err, "cannot start a process for QEMU");
		process->pid = 0;
		return false;
	}
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	ok = became(read_fd, err);
	if (ok && process->pidfd >= 0)
		return true;
	if (ok)
		error_set_errno(err, "cannot watch QEMU");
	process_close(process);
	return false;
}
