/* provision console: which machine, what its log says last, and in. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/console.h"
#include "cli/find.h"
#include "cli/output.h"

enum { TAIL_BYTES = 4096 };

static bool below(const char *path)
{
	return path && *path && *path != '/' && !strstr(path, "..");
}

/* The end of the log, from the start of a line on. */
static char *read_tail(const char *root, const char *log)
{
	AUTO(gfree) char *path = g_build_filename(root, log, NULL);
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTO(gfree) char *bytes = g_malloc(TAIL_BYTES);
	struct stat st;
	ssize_t n;
	char *start = bytes;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	n = pread(fd, bytes, TAIL_BYTES, MAX(0, st.st_size - TAIL_BYTES));
	if (n <= 0)
		return NULL;
	if (st.st_size > TAIL_BYTES) {
		start = memchr(bytes, '\n', n);
		start = start ? start + 1 : bytes;
	}
	return console_text(start, n - (start - bytes));
}

static bool check(const struct actual *actual, const char *socket, struct error **err)
{
	if (!g_strcmp0(value_get_string(actual->fields, "state"), "stopped")) {
		error_set(err, ERROR_FAILED, "it is stopped");
		error_hint(
			err, "'provision apply' starts it, unless its file says 'state: stopped'");
		return false;
	}
	if (below(socket))
		return true;
	error_set(err, ERROR_FAILED, "it has no console");
	return false;
}

static bool run(struct session *session, const struct invocation *i, int *code, struct error **err)
{
	const struct actual *actual = find_machine(session, i, err);
	const char *socket = actual ? value_get_string(actual->outputs, "console") : NULL;
	const char *log = actual ? value_get_string(actual->outputs, "console_log") : NULL;
	AUTO(gfree) char *path = NULL;
	AUTO(gfree) char *tail = NULL;
	AUTO(fd) int fd = -1;

	if (!actual)
		return false;
	if (!check(actual, socket, err))
		return error_prefix(err, "machine '%s'", i->operand);
	path = g_build_filename(session->state->root, socket, NULL);
	fd = console_connect(path, err);
	if (fd < 0)
		return error_prefix(err, "console of machine '%s'", i->operand);
	tail = below(log) ? read_tail(session->state->root, log) : NULL;
	if (tail)
		output_data(tail);
	if (isatty(STDIN_FILENO))
		output_people("%sconsole of machine '%s'; Ctrl-] leaves it\n",
			tail && *tail && tail[strlen(tail) - 1] != '\n' ? "\n" : "", i->operand);
	*code = console_copy(fd);
	return true;
}

int command_console(const struct invocation *i)
{
	AUTO(session) struct session *session = session_new();
	AUTO(error) struct error *err = NULL;
	int code = EXIT_DONE;

	if (!find_name(session, i, &err) || !find_state(session, i, NULL, &err) ||
		!run(session, i, &code, &err))
		return find_failed(session, i, err);
	return code;
}
