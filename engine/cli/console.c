/* One loop of poll; the terminal gets its modes back whatever ends it, short of kill -9. */
#include "cli/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/output.h"

enum { LEAVE = 0x1d, CHUNK = 4096, QUIET_LIMIT = 500 };

static void set_failed(int code, const char *path, struct error **err)
{
	if (code == ENOENT || code == ECONNREFUSED) {
		error_set(err, ERROR_FAILED, "nobody listens at '%s'", path);
		error_hint(err, "the machine does not run: provision status");
		return;
	}
	errno = code;
	error_set_errno(err, "cannot connect to '%s'", path);
}

int console_connect(const char *path, struct error **err)
{
	AUTO(gfree) char *folder = g_path_get_dirname(path);
	AUTO(gfree) char *name = g_path_get_basename(path);
	AUTO(fd) int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length;

	if (dir < 0 || fd < 0) {
		set_failed(errno, path, err);
		return -1;
	}
	/* The way by the folder's descriptor is short, however long the path is. */
	length = snprintf(
		address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, name);
	if (length >= (int)sizeof(address.sun_path)) {
		error_set(err, ERROR_FAILED, "the name '%s' is too long for a socket", name);
		return -1;
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		set_failed(errno, path, err);
		return -1;
	}
	return fd_steal(&fd);
}

struct console {
	int fd, signals;
	bool terminal, over, input_ended;
	struct termios before;
	int code;
};

static void set_raw(struct console *c)
{
	struct termios raw;

	c->terminal = tcgetattr(STDIN_FILENO, &c->before) == 0;
	if (!c->terminal)
		return;
	raw = c->before;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
}

static void set_back(const struct console *c)
{
	if (!c->terminal)
		return;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &c->before);
	output_people_text("\nleft the console\n");
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void end(struct console *c, int code)
{
	c->over = true;
	c->code = code;
}

static void from_keyboard(struct console *c)
{
	char bytes[CHUNK];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
	char *leave = n > 0 && c->terminal ? memchr(bytes, LEAVE, n) : NULL;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		c->input_ended = true;
		return;
	}
	if (!fd_write_all(c->fd, bytes, leave ? (size_t)(leave - bytes) : (size_t)n) || leave)
		end(c, EXIT_DONE);
}

static void from_machine(struct console *c)
{
	char bytes[CHUNK];
	ssize_t n = read(c->fd, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0 || !output_data_bytes(bytes, n))
		end(c, EXIT_DONE);
}

static void from_signals(struct console *c)
{
	struct signalfd_siginfo info;

	if (read(c->signals, &info, sizeof(info)) == sizeof(info))
		end(c, EXIT_SIGNALLED + (int)info.ssi_signo);
}

static void copy_once(struct console *c)
{
	struct pollfd fds[3] = {
		{c->input_ended ? -1 : STDIN_FILENO, POLLIN, 0},
		{c->fd, POLLIN, 0},
		{c->signals, POLLIN, 0},
	};
	int n = poll(fds, 3, c->input_ended ? QUIET_LIMIT : -1);

	if (n == 0)
		end(c, EXIT_DONE);
	if (n <= 0)
		return;
	if (fds[1].revents)
		from_machine(c);
	if (fds[0].revents && !c->over)
		from_keyboard(c);
	if (fds[2].revents)
		from_signals(c);
}

int console_copy(int fd)
{
	struct console c = {.fd = fd, .signals = open_signals()};

	set_raw(&c);
	while (!c.over)
		copy_once(&c);
	set_back(&c);
	if (c.signals >= 0)
		close(c.signals);
	return c.code;
}

/* The byte behind an escape sequence that starts at p. */
static const char *behind_escape(const char *p, const char *end)
{
	if (++p >= end)
		return end;
	if (*p == '[') {
		for (p++; p < end && (*p < 0x40 || *p > 0x7e); p++)
			;
		return p < end ? p + 1 : end;
	}
	if (*p == ']') {
		for (; p < end && *p != '\a' && *p != '\033'; p++)
			;
		return p < end && *p == '\033' ? MIN(p + 2, end) : MIN(p + 1, end);
	}
	for (; p < end && *p >= 0x20 && *p <= 0x2f; p++)
		;
	return MIN(p + 1, end);
}

char *console_text(const char *bytes, size_t length)
{
	GString *kept = g_string_sized_new(length), *text = g_string_sized_new(length);
	const char *end = bytes + length, *line, *next;

	for (const char *p = bytes; p < end;) {
		if (*p == '\033') {
			p = behind_escape(p, end);
			continue;
		}
		if (*p == '\n' || *p == '\t' || !g_ascii_iscntrl(*p))
			g_string_append_c(kept, *p == '\t' ? ' ' : *p);
		p++;
	}
	for (line = kept->str; (next = strchr(line, '\n')) != NULL; line = next + 1) {
		AUTO(gfree) char *shown = text_escape(line, next - line);

		g_string_append_printf(text, "%s\n", shown);
	}
	if (*line) {
		AUTO(gfree) char *shown = text_escape(line, strlen(line));

		g_string_append(text, shown);
	}
	g_string_free(kept, TRUE);
	return g_string_free(text, FALSE);
}
