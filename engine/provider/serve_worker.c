/* Workers: forked for one request each, relayed line by line, ended with all of their group. */
#include "provider/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

enum { CANCEL_LIMIT = 5000, CHUNK = 65536 };

static void work(const struct serve *serve, struct served *served, pid_t server)
{
	setpgid(0, 0);
	/* If the server died before the prctl, no signal will come. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != server)
		_exit(1);
	signal(SIGTERM, SIG_DFL);
	close(serve->in_fd);
	if (serve->out_fd >= 0)
		close(serve->out_fd);
	for (unsigned i = 0; i < serve->workers->len; i++) {
		const struct worker *other = serve->workers->pdata[i];

		close(other->pidfd);
		if (other->fd >= 0)
			close(other->fd);
	}
	serve_run(served);
	_exit(0);
}

static bool fork_worker(
	struct serve *serve, struct served *served, struct worker *worker, struct error **err)
{
	pid_t server = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0) {
		error_set_errno(err, "cannot make a pipe");
		return false;
	}
	worker->pid = fork();
	if (worker->pid == 0) {
		close(fds[0]);
		served->fd = fds[1];
		work(serve, served, server);
	}
	close(fds[1]);
	worker->fd = fds[0];
	if (worker->pid < 0) {
		error_set_errno(err, "cannot start a worker");
		close(fds[0]);
		return false;
	}
	setpgid(worker->pid, worker->pid);
	worker->pidfd = syscall(SYS_pidfd_open, worker->pid, 0);
	if (worker->pidfd >= 0 && fcntl(worker->fd, F_SETFL, O_NONBLOCK) == 0)
		return true;
	error_set_errno(err, "cannot watch a worker");
	kill(worker->pid, SIGKILL);
	waitpid(worker->pid, NULL, 0);
	close(worker->fd);
	if (worker->pidfd >= 0)
		close(worker->pidfd);
	return false;
}

bool serve_start(struct serve *serve, struct served *served, struct error **err)
{
	struct worker *worker = g_new0(struct worker, 1);

	if (!fork_worker(serve, served, worker, err)) {
		/* Too many processes or descriptors for now: worth another try. */
		(*err)->class = ERROR_UNAVAILABLE;
		g_free(worker);
		return false;
	}
	worker->id = served->id;
	worker->call = g_strdup(served->call.name);
	worker->in = g_string_new(NULL);
	g_ptr_array_add(serve->workers, worker);
	return true;
}

void serve_kill(struct worker *worker)
{
	kill(-worker->pid, SIGKILL);
	kill(worker->pid, SIGKILL);
}

void serve_cancel(struct worker *worker)
{
	if (worker->kill_at)
		return;
	worker->kill_at = clock_now() + CANCEL_LIMIT;
	if (kill(-worker->pid, SIGTERM) < 0)
		kill(worker->pid, SIGTERM);
}

/* A line starts with '.' or, if it is the request's last, with '!'. */
static void relay_lines(struct serve *serve, struct worker *worker, size_t from)
{
	size_t start = 0;
	const char *text = worker->in->str, *end;

	while ((end = memchr(text + from, '\n', worker->in->len - from)) != NULL) {
		size_t stop = end - text + 1;

		if (!worker->done)
			g_string_append_len(serve->out, text + start + 1, stop - start - 1);
		worker->done = worker->done || text[start] == '!';
		start = from = stop;
	}
	g_string_erase(worker->in, 0, start);
}

/* False when nothing is left to read for now. */
static bool read_some(struct serve *serve, struct worker *worker)
{
	char buffer[CHUNK];
	size_t before = worker->in->len;
	ssize_t n;

	while ((n = read(worker->fd, buffer, sizeof(buffer))) < 0 && errno == EINTR)
		;
	if (n > 0) {
		g_string_append_len(worker->in, buffer, n);
		relay_lines(serve, worker, before);
		return true;
	}
	if (n == 0 || errno != EAGAIN) {
		close(worker->fd);
		worker->fd = -1;
	}
	return false;
}

void serve_relay(struct serve *serve, struct worker *worker)
{
	read_some(serve, worker);
}

static void set_ending(const struct worker *worker, int status, struct error **err)
{
	AUTO(gfree) char *text = process_status_text(status);
	bool crash = !WIFSIGNALED(status);
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGSYS};

	for (size_t i = 0; i < G_N_ELEMENTS(crashes); i++)
		crash = crash || WTERMSIG(status) == crashes[i];
	if (worker->kill_at)
		error_set(err, ERROR_CANCELLED, "'%s' was cancelled", worker->call);
	else
		error_set(err, crash ? ERROR_INTERNAL : ERROR_FAILED,
			"the worker for '%s' ended before it had answered: %s", worker->call, text);
}

void serve_ended(struct serve *serve, struct worker *worker)
{
	int status = 0;

	/* While it is not reaped, its number and its group are its own. What stayed in the group
	 * belongs to the request and ends with it. */
	kill(-worker->pid, SIGKILL);
	for (int i = 0; worker->fd >= 0 && i < 64 && read_some(serve, worker); i++)
		;
	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!worker->done) {
		AUTO(error) struct error *err = NULL;

		set_ending(worker, status, &err);
		serve_say_error(serve, worker->id, err);
	}
	g_ptr_array_remove(serve->workers, worker);
}
