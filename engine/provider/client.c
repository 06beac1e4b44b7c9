/* A provider from its start to its end. */
#include "provider/client_wire.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/text.h"

/* After a cancel the provider itself kills its worker at 5 s. */
enum { READY_LIMIT = 10000, CANCEL_GRACE = 6000 };

static struct client *client_new(const char *name, char *path, const struct client_options *options)
{
	struct client *client = g_new0(struct client, 1);

	client->name = g_strdup(name);
	client->path = path;
	client->context = options->context;
	client->process.pidfd = -1;
	client->out = g_string_new(NULL);
	client->in = g_string_new(NULL);
	client->err_line = g_string_new(NULL);
	client->tail = g_ptr_array_new_with_free_func(g_free);
	client->requests = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_queue_init(&client->waiting);
	client->next_id = 1;
	client->arena = arena_new();
	client->kinds = g_array_new(FALSE, FALSE, sizeof(struct client_kind));
	client->kind_by_name = g_hash_table_new(g_str_hash, g_str_equal);
	client->ready_limit = options->ready_limit > 0 ? options->ready_limit : READY_LIMIT;
	client->grace = CANCEL_GRACE;
	client->ready_at = clock_now() + client->ready_limit;
	return client;
}

static void client_free(struct client *client)
{
	client_wire_close(client);
	process_close(&client->process);
	g_string_free(client->out, TRUE);
	g_string_free(client->in, TRUE);
	g_string_free(client->err_line, TRUE);
	g_ptr_array_free(client->tail, TRUE);
	g_hash_table_destroy(client->requests);
	g_hash_table_destroy(client->kind_by_name);
	g_array_free(client->kinds, TRUE);
	arena_free(client->arena);
	error_free(client->gone);
	error_free(client->unfit);
	g_free(client->name);
	g_free(client->path);
	g_free(client);
}

void client_enter(struct client *client)
{
	client->busy++;
}

void client_leave(struct client *client)
{
	if (--client->busy == 0 && client->stopped)
		client_free(client);
}

struct client *client_start(
	const char *name, const struct client_options *options, struct error **err)
{
	char *path = client_find(name, err);
	struct client *client;

	if (!path)
		return NULL;
	client = client_new(name, path, options);
	if (!client_wire_open(client, path, options->lock_fd, err)) {
		client_free(client);
		return NULL;
	}
	client_hello(client, options->state_dir);
	return client;
}

static int on_late(void *data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

static void copy_error(const struct error *from, struct error **err)
{
	error_set(err, from->class, "%s", from->message);
	if (from->hint)
		error_hint(err, "%s", from->hint);
}

static void set_late(struct client *client)
{
	AUTO(gfree) char *limit = duration_format(client->ready_limit);

	error_set(&client->unfit, ERROR_TIMEOUT, "provider '%s' did not say hello within %s",
		client->name, limit);
	error_hint(&client->unfit, "its program is '%s'", client->path);
}

bool client_ready(struct client *client, struct error **err)
{
	int64_t left = client->ready_at - clock_now();
	bool late = false;
	GSource *timer;

	if (!client->ready && !client->unfit) {
		timer = g_timeout_source_new(CLAMP(left, 0, INT32_MAX));
		g_source_set_callback(timer, on_late, &late, NULL);
		g_source_attach(timer, client->context);
		while (!client->ready && !client->unfit && !late)
			g_main_context_iteration(client->context, TRUE);
		g_source_destroy(timer);
		g_source_unref(timer);
	}
	if (!client->ready && !client->unfit)
		set_late(client);
	if (client->unfit)
		copy_error(client->unfit, err);
	else if (client->gone)
		copy_error(client->gone, err);
	return !*err;
}

const char *client_name(const struct client *client)
{
	return client->name;
}

const struct client_kind *client_kind(const struct client *client, const char *kind)
{
	void *at;

	if (!g_hash_table_lookup_extended(client->kind_by_name, kind, NULL, &at) &&
		!g_hash_table_lookup_extended(client->kind_by_name, "*", NULL, &at))
		return NULL;
	return &g_array_index(client->kinds, struct client_kind, GPOINTER_TO_UINT(at));
}

const struct client_kind *client_kinds(const struct client *client, size_t *count)
{
	*count = client->kinds->len;
	return (const struct client_kind *)(const void *)client->kinds->data;
}

bool client_alive(const struct client *client)
{
	return !client->gone;
}

/* Without the loop: nothing but this program's own answers is handled meanwhile. True when it has
 * ended by itself. */
static bool wait_end(struct client *client, int64_t milliseconds)
{
	int64_t end = clock_now() + milliseconds, left;

	while (!client->gone && (left = end - clock_now()) > 0) {
		struct pollfd fds[] = {
			{client->process.pidfd, POLLIN, 0},
			{client->out_fd, POLLIN, 0},
			{client->err_fd, POLLIN, 0},
		};
		bool open;

		if (poll(fds, G_N_ELEMENTS(fds), (int)MIN(left, INT32_MAX)) <= 0)
			continue;
		client_wire_read_errors(client);
		open = client_wire_read(client);
		if (!client->gone && fds[0].revents)
			return true;
		if (!client->gone && !open)
			poll(fds, 1, (int)MIN(left, INT32_MAX));
	}
	return false;
}

void client_hang_up(struct client *client)
{
	client_wire_close_input(client);
}

void client_kill(struct client *client)
{
	struct error *err = NULL;

	error_set(&err, ERROR_CANCELLED, "provider '%s' was killed", client->name);
	client_enter(client);
	client_wire_break(client, err);
	client_leave(client);
}

void client_stop(struct client *client, int64_t milliseconds)
{
	struct error *err = NULL;

	if (client->stopped)
		return;
	client->stopped = true;
	client_enter(client);
	if (!client->gone) {
		client_wire_close_input(client);
		wait_end(client, milliseconds);
	}
	/* Once the pid is reaped its group may be somebody else's: signal first. */
	process_signal(&client->process, SIGKILL);
	error_set(&err, ERROR_CANCELLED, "provider '%s' was stopped", client->name);
	if (client->gone) {
		client_request_end_all(client, err);
		error_free(err);
	} else {
		client_wire_break(client, err);
	}
	client_leave(client);
}
