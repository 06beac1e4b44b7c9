/* The monitor's client. What QEMU says is not trusted: lines are bounded, replies matched by id. */
#include "qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/text.h"
#include "document/json.h"
#include "socket.h"

enum { LINE_MOST = 4 << 20, RETRY_FIRST = 5, RETRY_MOST = 100, REASON_MOST = 500 };

struct qmp {
	int fd;
	int64_t next_id;
	GString *input; /* what has come and is not yet taken */
};

void qmp_close(struct qmp *qmp)
{
	close(qmp->fd);
	g_string_free(qmp->input, TRUE);
	g_free(qmp);
}

static bool wait_for(const struct qmp *qmp, short events, int64_t end, struct error **err)
{
	for (;;) {
		struct pollfd fd = {.fd = qmp->fd, .events = events};
		int64_t left = end - clock_now();
		int n = left > 0 ? poll(&fd, 1, (int)MIN(left, INT32_MAX)) : 0;

		if (n > 0)
			return true;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			error_set_errno(err, "cannot wait for QEMU's monitor");
		else
			error_set(err, ERROR_TIMEOUT, "QEMU's monitor does not answer");
		return false;
	}
}

static bool fill(struct qmp *qmp, int64_t end, struct error **err)
{
	char buffer[16384];
	ssize_t n;

	if (!wait_for(qmp, POLLIN, end, err))
		return false;
	n = recv(qmp->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0) {
		error_set(err, ERROR_UNAVAILABLE, "QEMU's monitor hung up");
		return false;
	}
	g_string_append_len(qmp->input, buffer, n);
	if (qmp->input->len <= LINE_MOST)
		return true;
	error_set(err, ERROR_FAILED, "QEMU's monitor sent a line of more than 4 MiB");
	return false;
}

/* The next message, a map. */
static struct value *receive(struct qmp *qmp, struct arena *arena, int64_t end, struct error **err)
{
	struct value *message;
	char *newline;

	while (!(newline = memchr(qmp->input->str, '\n', qmp->input->len)))
		if (!fill(qmp, end, err))
			return NULL;
	message = json_parse(arena, qmp->input->str, newline - qmp->input->str, err);
	g_string_erase(qmp->input, 0, newline - qmp->input->str + 1);
	if (!message) {
		error_prefix(err, "QEMU's monitor sent no JSON");
		return NULL;
	}
	if (message->type == VALUE_MAP)
		return message;
	error_set(err, ERROR_FAILED, "QEMU's monitor sent %s", value_type_name(message->type));
	return NULL;
}

static bool transmit(struct qmp *qmp, const GString *text, int64_t end, struct error **err)
{
	size_t sent = 0;

	while (sent < text->len) {
		ssize_t n = send(
			qmp->fd, text->str + sent, text->len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			sent += n;
		} else if (errno == EAGAIN) {
			if (!wait_for(qmp, POLLOUT, end, err))
				return false;
		} else if (errno != EINTR) {
			error_set(err, ERROR_UNAVAILABLE, "QEMU's monitor hung up");
			return false;
		}
	}
	return true;
}

static struct value *refusal(const char *command, const struct value *message, struct error **err)
{
	const struct value *error = value_get_map(message, "error");
	const char *text = value_get_string(error, "desc");
	AUTO(gfree) char *safe = text_escape(text ? text : "", text ? strlen(text) : 0);

	error_set(err, ERROR_FAILED, "QEMU refused '%s': %.*s", command, REASON_MOST,
		text ? safe : "no reason was given");
	return NULL;
}

struct value *qmp_call(struct qmp *qmp, struct arena *arena, const char *command,
	const struct value *arguments, int64_t milliseconds, struct error **err)
{
	int64_t end = clock_now() + milliseconds, id = ++qmp->next_id;
	struct value *request = value_map(arena);
	GString *text = g_string_new(NULL);
	bool ok;

	value_set(arena, request, "execute", value_string(arena, command));
	if (arguments)
		value_set(arena, request, "arguments", (struct value *)arguments);
	value_set(arena, request, "id", value_integer(arena, id));
	json_append(text, request);
	g_string_append_c(text, '\n');
	ok = transmit(qmp, text, end, err);
	g_string_free(text, TRUE);
	while (ok) {
		/* What is not for us is not kept, however much of it comes. */
		AUTO(arena) struct arena *scratch = arena_new();
		const struct value *message = receive(qmp, scratch, end, err);

		ok = message != NULL;
		if (value_get_integer(message, "id", -1) != id)
			continue;
		if (value_get(message, "error"))
			return refusal(command, message, err);
		if (value_get(message, "return"))
			return value_copy(arena, value_get(message, "return"));
	}
	error_prefix(err, "'%s'", command);
	return NULL;
}

bool qmp_do(struct qmp *qmp, const char *command, const struct value *arguments,
	int64_t milliseconds, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();

	return qmp_call(qmp, arena, command, arguments, milliseconds, err) != NULL;
}

bool qmp_await(struct qmp *qmp, const char *event, int64_t milliseconds, struct error **err)
{
	int64_t end = clock_now() + milliseconds;

	for (;;) {
		AUTO(arena) struct arena *arena = arena_new();
		const struct value *message = receive(qmp, arena, end, err);

		if (!message)
			return false;
		if (!g_strcmp0(value_get_string(message, "event"), event))
			return true;
	}
}

static bool greet(struct qmp *qmp, int64_t end, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *greeting = receive(qmp, arena, end, err);

	if (!greeting)
		return false;
	if (!value_get_map(greeting, "QMP")) {
		error_set(err, ERROR_FAILED, "QEMU's monitor did not greet");
		return false;
	}
	return qmp_do(qmp, "qmp_capabilities", NULL, MAX(1, end - clock_now()), err);
}

struct qmp *qmp_attach(int fd, int64_t milliseconds, struct error **err)
{
	struct qmp *qmp = g_new0(struct qmp, 1);

	qmp->fd = fd;
	qmp->input = g_string_new(NULL);
	if (greet(qmp, clock_now() + milliseconds, err))
		return qmp;
	qmp_close(qmp);
	return NULL;
}

struct qmp *qmp_open(const char *folder, const char *name, int64_t milliseconds, struct error **err)
{
	int64_t end = clock_now() + milliseconds, pause = RETRY_FIRST;

	for (;;) {
		int fd = socket_connect(folder, name, err);
		struct qmp *qmp;

		if (fd < 0)
			return NULL;
		qmp = qmp_attach(fd, MAX(1, end - clock_now()), err);
		/* One that was just let go by its last client may hang up on the next in line. */
		if (qmp || (*err)->class != ERROR_UNAVAILABLE || clock_now() + pause >= end)
			return qmp;
		error_clear(err);
		poll(NULL, 0, (int)pause);
		pause = MIN(pause * 2, RETRY_MOST);
	}
}
