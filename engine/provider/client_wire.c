/* The program and its three streams. Callbacks may stop the client while we are in the middle of a
 * buffer: what has been handled is noted in the client, and its memory stays until the last of our
 * functions has left. */
#include "provider/client_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

/* A turn of the loop reads more than a pipe holds, so that all is taken of one that has ended, but
 * not so much that others wait. */
enum {
	CHUNK = 65536,
	TURN_MOST = 4 * CHUNK,
	MOVED_AT = 4 << 20,
	TAIL_LINES = 20,
	ERROR_LINE_MOST = 1024,
	END_LIMIT = 200
};

GSource *client_wire_watch(
	struct client *client, int fd, GIOCondition condition, GUnixFDSourceFunc call)
{
	GSource *source = g_unix_fd_source_new(fd, condition);

	g_source_set_callback(source, G_SOURCE_FUNC(call), client, NULL);
	/* A callback may wait in the loop for another answer of the same program. */
	g_source_set_can_recurse(source, TRUE);
	g_source_attach(source, client->context);
	return source;
}

static void drop_source(GSource **source)
{
	if (!*source)
		return;
	g_source_destroy(*source);
	g_source_unref(*source);
	*source = NULL;
}

static void drop_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void client_wire_close_input(struct client *client)
{
	drop_source(&client->in_source);
	drop_fd(&client->in_fd);
}

/* A socket, not a pipe: a write to one whose reader is gone can be told to raise no signal. */
static void flush(struct client *client)
{
	while (client->in_fd >= 0 && client->out_at < client->out->len) {
		ssize_t n = send(client->in_fd, client->out->str + client->out_at,
			client->out->len - client->out_at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		/* Its end is seen by the pidfd. */
		if (n < 0)
			client_wire_close_input(client);
		else
			client->out_at += n;
	}
	g_string_truncate(client->out, 0);
	client->out_at = 0;
}

static int on_writable(int fd, GIOCondition condition, void *data)
{
	struct client *client = data;

	(void)fd, (void)condition;
	flush(client);
	if (client->out->len)
		return G_SOURCE_CONTINUE;
	drop_source(&client->in_source);
	return G_SOURCE_REMOVE;
}

void client_wire_queue(struct client *client, const char *line, size_t length)
{
	if (client->in_fd < 0)
		return;
	if (client->out_at > MOVED_AT) {
		g_string_erase(client->out, 0, client->out_at);
		client->out_at = 0;
	}
	g_string_append_len(client->out, line, length);
	g_string_append_c(client->out, '\n');
	if (client->in_source)
		return;
	flush(client);
	if (client->out->len && client->in_fd >= 0)
		client->in_source = client_wire_watch(client, client->in_fd, G_IO_OUT, on_writable);
}

static void break_line(struct client *client, const char *line, size_t length)
{
	AUTO(gfree) char *start = text_escape(line, MIN(length, 80));
	struct error *err = NULL;

	error_set(&err, ERROR_UNAVAILABLE,
		"provider '%s' wrote a line that is longer than the protocol allows: '%s…'",
		client->name, start);
	client_wire_break(client, err);
}

/* Each byte is looked at once for an end of line, and moved about once. */
static void handle_lines(struct client *client)
{
	while (!client->gone) {
		char *start = client->in->str + client->in_at, *end;
		size_t from = MAX(client->in_seen, client->in_at), length;

		end = memchr(client->in->str + from, '\n', client->in->len - from);
		client->in_seen = client->in->len;
		length = end ? (size_t)(end - start) : client->in->len - client->in_at;
		if (length > PROTOCOL_LINE_MOST)
			break_line(client, start, length);
		if (!end || client->gone)
			return;
		client->in_at = client->in_seen = end + 1 - client->in->str;
		if (length)
			client_request_line(client, start, length);
	}
}

bool client_wire_read(struct client *client)
{
	char buffer[CHUNK];

	for (size_t total = 0; client->out_fd >= 0 && total < TURN_MOST;) {
		ssize_t n = read(client->out_fd, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		total += n;
		g_string_erase(client->in, 0, client->in_at);
		client->in_seen -= client->in_at;
		client->in_at = 0;
		g_string_append_len(client->in, buffer, n);
		handle_lines(client);
	}
	return client->out_fd >= 0;
}

static void end_error_line(struct client *client)
{
	if (client->err_line->len)
		g_ptr_array_add(
			client->tail, text_escape(client->err_line->str, client->err_line->len));
	if (client->tail->len > TAIL_LINES)
		g_ptr_array_remove_index(client->tail, 0);
	g_string_truncate(client->err_line, 0);
}

static void add_errors(struct client *client, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] == '\n' || bytes[i] == '\r')
			end_error_line(client);
		else if (client->err_line->len < ERROR_LINE_MOST)
			g_string_append_c(client->err_line, bytes[i]);
}

void client_wire_read_errors(struct client *client)
{
	char buffer[CHUNK];

	for (size_t total = 0; client->err_fd >= 0 && total < TURN_MOST;) {
		ssize_t n = read(client->err_fd, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			drop_source(&client->err_source);
			drop_fd(&client->err_fd);
			return;
		}
		total += n;
		add_errors(client, buffer, n);
	}
}

static char *tail_text(const struct client *client)
{
	GString *text = g_string_new("its last lines:");

	for (unsigned i = 0; i < client->tail->len; i++)
		g_string_append_printf(text, "\n%s", (const char *)client->tail->pdata[i]);
	return g_string_free(text, FALSE);
}

void client_wire_break(struct client *client, struct error *err)
{
	if (client->gone) {
		error_free(err);
		return;
	}
	process_close(&client->process);
	client_wire_read_errors(client);
	end_error_line(client);
	if (client->tail->len && !err->hint) {
		AUTO(gfree) char *text = tail_text(client);

		error_hint(&err, "%s", text);
	}
	client->gone = err;
	client_wire_close(client);
	client_request_end_all(client, err);
}

void client_wire_ended(struct client *client)
{
	struct pollfd end = {client->process.pidfd, POLLIN, 0};
	bool ended = poll(&end, 1, END_LIMIT) > 0;
	AUTO(error) struct error *ignored = NULL;
	AUTO(gfree) char *text = NULL;
	struct error *err = NULL;
	int status = 0;

	/* What is left of its group, as long as its number cannot be somebody else's. One that has
	 * closed its output but runs on is of no use either. */
	process_signal(&client->process, SIGKILL);
	if (!ended || !process_wait(&client->process, END_LIMIT, &status, &ignored)) {
		error_set(&err, ERROR_UNAVAILABLE, "provider '%s' closed its output", client->name);
	} else {
		text = process_status_text(status);
		error_set(&err, ERROR_UNAVAILABLE, "provider '%s' ended unexpectedly: %s",
			client->name, text);
	}
	client_wire_break(client, err);
}

static int on_output(int fd, GIOCondition condition, void *data)
{
	struct client *client = data;

	(void)fd, (void)condition;
	client_enter(client);
	if (!client->gone && !client_wire_read(client) && !client->gone)
		client_wire_ended(client);
	client_leave(client);
	return G_SOURCE_CONTINUE;
}

static int on_errors(int fd, GIOCondition condition, void *data)
{
	(void)fd, (void)condition;
	client_wire_read_errors(data);
	return G_SOURCE_CONTINUE;
}

/* What it wrote before its end still counts. */
static int on_exit_of(int fd, GIOCondition condition, void *data)
{
	struct client *client = data;

	(void)fd, (void)condition;
	client_enter(client);
	if (!client->gone)
		client_wire_read(client);
	if (!client->gone)
		client_wire_ended(client);
	client_leave(client);
	return G_SOURCE_CONTINUE;
}

static bool spawn(
	struct client *client, const char *path, int lock_fd, const int ends[3], struct error **err)
{
	const char *argv[] = {path, NULL};
	int keep[] = {lock_fd, -1};
	struct process_options options = {
		.stdin_fd = ends[0],
		.stdout_fd = ends[1],
		.stderr_fd = ends[2],
		.keep = keep,
	};

	if (process_spawn(argv, &options, &client->process, err))
		return true;
	return error_prefix(err, "provider '%s'", client->name);
}

static void start_watching(struct client *client)
{
	g_unix_set_fd_nonblocking(client->in_fd, TRUE, NULL);
	g_unix_set_fd_nonblocking(client->out_fd, TRUE, NULL);
	g_unix_set_fd_nonblocking(client->err_fd, TRUE, NULL);
	client->out_source = client_wire_watch(client, client->out_fd, G_IO_IN, on_output);
	client->err_source = client_wire_watch(client, client->err_fd, G_IO_IN, on_errors);
	client->exit_source = client_wire_watch(client, client->process.pidfd, G_IO_IN, on_exit_of);
}

bool client_wire_open(struct client *client, const char *path, int lock_fd, struct error **err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, errors[2] = {-1, -1};
	bool ok = false;

	client->in_fd = client->out_fd = client->err_fd = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) < 0 ||
		pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0) {
		error_set_errno(err, "provider '%s': cannot make its pipes", client->name);
	} else {
		const int ends[3] = {in[1], out[1], errors[1]};

		client->in_fd = fd_steal(&in[0]);
		client->out_fd = fd_steal(&out[0]);
		client->err_fd = fd_steal(&errors[0]);
		ok = spawn(client, path, lock_fd, ends, err);
	}
	for (int i = 0; i < 2; i++) {
		drop_fd(&in[i]);
		drop_fd(&out[i]);
		drop_fd(&errors[i]);
	}
	if (ok)
		start_watching(client);
	else
		client_wire_close(client);
	return ok;
}

void client_wire_close(struct client *client)
{
	drop_source(&client->exit_source);
	drop_source(&client->out_source);
	drop_source(&client->err_source);
	client_wire_close_input(client);
	drop_fd(&client->out_fd);
	drop_fd(&client->err_fd);
}
