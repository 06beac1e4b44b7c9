/* fork and exec with the error of the exec told back over a pipe. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/text.h"

enum { FIRST_FREE = 64, OUTPUT_MOST = 1 << 20, TAIL_LINES = 12, LINE_MOST = 4096 };

static void reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP)
			signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Moves what is wanted above all targets first, so that no dup2 overwrites a later source. */
static bool place_fds(const struct process_options *o, int report)
{
	int wanted[32], n = 3, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	wanted[0] = o->stdin_fd, wanted[1] = o->stdout_fd, wanted[2] = o->stderr_fd;
	for (const int *p = o->keep; p && *p >= 0 && n < 32; p++)
		wanted[n++] = *p;
	for (int i = 0; i < n; i++) {
		wanted[i] = fcntl(wanted[i] < 0 ? null : wanted[i], F_DUPFD_CLOEXEC, FIRST_FREE);
		if (wanted[i] < 0)
			return false;
	}
	report = fcntl(report, F_DUPFD_CLOEXEC, FIRST_FREE);
	if (report < 0 || dup3(report, n, O_CLOEXEC) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (dup2(wanted[i], i) < 0)
			return false;
	syscall(SYS_close_range, n + 1, ~0U, 0);
	return true;
}

static int report_fd(const struct process_options *o)
{
	int n = 3;

	for (const int *p = o->keep; p && *p >= 0; p++)
		n++;
	return n;
}

static void child(const char *const *argv, const struct process_options *o, int report, pid_t us)
{
	int code;

	if (o->session)
		setsid();
	else
		setpgid(0, 0);
	if (o->dies_with_us && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != us))
		_exit(127);
	reset_signals();
	if (!place_fds(o, report))
		goto failed;
	report = report_fd(o);
	if (o->folder && chdir(o->folder) < 0)
		goto failed;
	for (const char *const *e = o->environment; e && *e; e++)
		putenv((char *)*e);
	execvp(argv[0], (char *const *)argv);
failed:
	code = errno;
	if (write(report, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

static int read_report(int fd)
{
	int code = 0;
	ssize_t n;

	while ((n = read(fd, &code, sizeof(code))) < 0 && errno == EINTR)
		;
	return n == sizeof(code) ? code : 0;
}

bool process_spawn(const char *const *argv, const struct process_options *options,
	struct process *process, struct error **err)
{
	int pipe_fds[2], code;
	pid_t us = getpid(), pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		error_set_errno(err, "cannot make a pipe for '%s'", argv[0]);
		return false;
	}
	pid = fork();
	if (pid == 0)
		child(argv, options, pipe_fds[1], us);
	close(pipe_fds[1]);
	if (pid < 0) {
		error_set_errno(err, "cannot start '%s'", argv[0]);
		close(pipe_fds[0]);
		return false;
	}
	code = read_report(pipe_fds[0]);
	close(pipe_fds[0]);
	process->pid = pid;
	process->pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (code == 0 && process->pidfd >= 0) {
		fd_cloexec(process->pidfd, true);
		return true;
	}
	errno = code ? code : errno;
	if (errno == ENOENT && strchr(argv[0], '/') && file_exists(argv[0]))
		error_set(err, ERROR_MISSING, "cannot start '%s': its interpreter is not installed",
			argv[0]);
	else if (errno == ENOENT)
		error_set(err, ERROR_MISSING, "cannot start '%s': it is not installed", argv[0]);
	else
		error_set_errno(err, "cannot start '%s'", argv[0]);
	kill(pid, SIGKILL);
	process_close(process);
	return false;
}

bool process_wait(struct process *process, int64_t milliseconds, int *status, struct error **err)
{
	int64_t end = milliseconds < 0 ? -1 : clock_now() + milliseconds;

	for (;;) {
		struct pollfd fd = {.fd = process->pidfd, .events = POLLIN};
		int64_t left = end < 0 ? -1 : MAX(0, end - clock_now());
		int n = poll(&fd, 1, left > INT32_MAX ? INT32_MAX : (int)left);

		if (n > 0) {
			n = waitpid(process->pid, status, 0);
			if (n == process->pid) {
				process->pid = 0;
				return true;
			}
		}
		if (n < 0 && errno != EINTR) {
			error_set_errno(err, "cannot wait for process %d", process->pid);
			return false;
		}
		if (n == 0 && end >= 0 && clock_now() >= end) {
			error_set(err, ERROR_TIMEOUT, "did not end in time");
			return false;
		}
	}
}

void process_signal(const struct process *process, int signal)
{
	if (process->pid > 0 && kill(-process->pid, signal) < 0)
		kill(process->pid, signal);
}

void process_close(struct process *process)
{
	if (process->pid > 0) {
		process_signal(process, SIGKILL);
		while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (process->pidfd >= 0)
		close(process->pidfd);
	process->pid = 0;
	process->pidfd = -1;
}

char *process_status_text(int status)
{
	if (WIFSIGNALED(status))
		return g_strdup_printf(
			"killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	return g_strdup_printf("exit code %d", WEXITSTATUS(status));
}

struct capture {
	GString *all;	 /* up to OUTPUT_MOST */
	GString *line;	 /* the unfinished one */
	GPtrArray *tail; /* the last lines */
	process_line *call;
	void *data;
	char last; /* the byte before */
};

static void capture_line(struct capture *c)
{
	if (c->call)
		c->call(c->data, c->line->str, c->line->len);
	if (c->line->len) {
		g_ptr_array_add(c->tail, text_escape(c->line->str, c->line->len));
		if (c->tail->len > TAIL_LINES)
			g_ptr_array_remove_index(c->tail, 0);
	}
	g_string_truncate(c->line, 0);
}

/* A line ends with '\n', or with '\r' where progress is drawn over itself; both together are one
 * end. */
static void capture_byte(struct capture *c, char byte)
{
	bool after_return = c->last == '\r';

	c->last = byte;
	if (byte == '\n' && after_return)
		return;
	if (byte == '\n' || byte == '\r' || c->line->len >= LINE_MOST)
		capture_line(c);
	if (byte != '\n' && byte != '\r')
		g_string_append_c(c->line, byte);
}

static void capture_add(struct capture *c, const char *bytes, size_t length)
{
	g_string_append_len(c->all, bytes, MIN(length, OUTPUT_MOST - c->all->len));
	for (size_t i = 0; i < length; i++)
		capture_byte(c, bytes[i]);
}

/* False when the pipe has nothing more now; *fd becomes -1 when it never will. */
static bool capture_some(struct capture *c, int *fd)
{
	char buffer[16384];
	ssize_t got = read(*fd, buffer, sizeof(buffer));

	if (got > 0)
		capture_add(c, buffer, got);
	else if (got == 0 || (errno != EINTR && errno != EAGAIN))
		*fd = -1;
	return got > 0;
}

/* What the process left in the pipe. Not more than a pipe holds: a grandchild may go on writing. */
static void capture_rest(struct capture *c, int fd)
{
	for (int i = 0; fd >= 0 && i < 64 && capture_some(c, &fd); i++)
		;
}

/* Reads until the process has ended: a grandchild that keeps the pipe open is not waited for. False
 * at the limit, however much is written. */
static bool capture_all(struct capture *c, int fd, struct process *p, int64_t end)
{
	for (;;) {
		struct pollfd fds[2] = {
			{.fd = fd, .events = POLLIN}, {.fd = p->pidfd, .events = POLLIN}};
		int64_t left = end < 0 ? -1 : MAX(0, end - clock_now());
		int n = poll(fds, 2, (int)MIN(left, INT32_MAX));

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0 && fds[1].revents) {
			capture_rest(c, fd);
			return true;
		}
		if (end >= 0 && clock_now() >= end)
			return false;
		if (n > 0 && fds[0].revents)
			(void)capture_some(c, &fd);
	}
}

static bool run_result(struct capture *c, const char *name, int status, struct error **err)
{
	AUTO(gfree) char *text = NULL;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	text = process_status_text(status);
	error_set(err, ERROR_FAILED, "'%s' failed: %s", name, text);
	if (c->tail->len) {
		AUTO(gfree) char *lines = NULL;

		g_ptr_array_add(c->tail, NULL);
		lines = g_strjoinv("\n", (char **)c->tail->pdata);
		error_hint(err, "its last lines:\n%s", lines);
	}
	return false;
}

bool process_run(const char *const *argv, const struct process_options *options,
	int64_t milliseconds, process_line *line, void *data, char **output, struct error **err)
{
	struct process_options o = *options;
	struct capture c = {g_string_new(NULL), g_string_new(NULL),
		g_ptr_array_new_with_free_func(g_free), line, data, '\0'};
	struct process process = {0, -1};
	int fds[2] = {-1, -1}, status = 0;
	int64_t end = milliseconds < 0 ? -1 : clock_now() + milliseconds;
	bool ok = false;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		error_set_errno(err, "cannot make a pipe for '%s'", argv[0]);
		goto out;
	}
	o.stdout_fd = o.stderr_fd = fds[1];
	if (!process_spawn(argv, &o, &process, err))
		goto out;
	close(fds[1]);
	fds[1] = -1;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	if (!capture_all(&c, fds[0], &process, end)) {
		AUTO(gfree) char *limit = duration_format(milliseconds);

		error_set(err, ERROR_TIMEOUT, "'%s' did not end within %s", argv[0], limit);
		goto out;
	}
	if (c.line->len)
		capture_line(&c);
	ok = process_wait(&process, -1, &status, err) && run_result(&c, argv[0], status, err);
out:
	process_close(&process);
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (output && ok)
		*output = g_string_free(c.all, FALSE);
	else
		g_string_free(c.all, TRUE);
	g_string_free(c.line, TRUE);
	g_ptr_array_free(c.tail, TRUE);
	return ok;
}
