/* Requests: numbered, limited in time, ended exactly once. */
#include "provider/client_wire.h"

#include <string.h>

#include "base/text.h"
#include "document/json.h"

/* So many are under way at once, the others wait here: each costs the provider a process. */
enum { WINDOW = 128 };

static void drop_timer(struct request *request)
{
	if (!request->timer)
		return;
	g_source_destroy(request->timer);
	g_source_unref(request->timer);
	request->timer = NULL;
}

static void set_timer(struct request *request, int64_t milliseconds, GSourceFunc call)
{
	drop_timer(request);
	request->timer = g_timeout_source_new(MIN(milliseconds, INT32_MAX));
	g_source_set_callback(request->timer, call, request, NULL);
	g_source_attach(request->timer, request->client->context);
}

static void set_expired(const struct request *request, struct error **err)
{
	AUTO(gfree) char *limit = duration_format(request->limit);

	error_set(err, ERROR_TIMEOUT, "provider '%s' did not end '%s' within %s",
		request->client->name, request->call, limit);
}

static int on_limit(void *data);

static void put_on_wire(struct request *request)
{
	AUTO(gfree) char *line = g_steal_pointer(&request->line);

	request->client->under_way++;
	client_wire_queue(request->client, line, strlen(line));
	if (request->limit > 0)
		set_timer(request, request->limit, on_limit);
}

static void send_waiting(struct client *client)
{
	struct request *request;

	while (!client->gone && client->under_way < WINDOW &&
		(request = g_queue_pop_head(&client->waiting)) != NULL)
		put_on_wire(request);
}

void client_request_end(struct request *request, bool complete, const struct error *err)
{
	struct client *client = request->client;
	AUTO(error) struct error *expired = NULL;

	/* What did succeed in the end has succeeded. */
	if (request->expired && err) {
		set_expired(request, &expired);
		err = expired;
	}
	drop_timer(request);
	g_hash_table_remove(client->requests, &request->id);
	if (request->line)
		g_queue_remove(&client->waiting, request);
	else if (!request->refused)
		client->under_way--;
	client_enter(client);
	if (request->handlers.done)
		request->handlers.done(request->handlers.data, complete, err);
	send_waiting(client);
	client_leave(client);
	error_free(request->refused);
	g_free(request->line);
	g_free(request->call);
	g_free(request);
}

static int by_id(const void *a, const void *b)
{
	const struct request *x = *(struct request *const *)a, *y = *(struct request *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* In their order. A callback may end others of them by stopping the client, so each is looked up
 * again; one that a callback sends now ends by itself. */
void client_request_end_all(struct client *client, const struct error *err)
{
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	GPtrArray *all = g_ptr_array_new();
	GHashTableIter iter;
	void *request;

	g_hash_table_iter_init(&iter, client->requests);
	while (g_hash_table_iter_next(&iter, NULL, &request))
		g_ptr_array_add(all, request);
	g_ptr_array_sort(all, by_id);
	for (unsigned i = 0; i < all->len; i++)
		g_array_append_val(ids, ((struct request *)all->pdata[i])->id);
	g_ptr_array_free(all, TRUE);
	client_enter(client);
	for (unsigned i = 0; i < ids->len; i++) {
		request = g_hash_table_lookup(client->requests, &g_array_index(ids, int64_t, i));
		if (request)
			client_request_end(request, false, err);
	}
	client_leave(client);
	g_array_free(ids, TRUE);
}

static int on_refused(void *data)
{
	struct request *request = data;
	struct client *client = request->client;

	client_enter(client);
	client_request_end(request, false, request->refused);
	client_leave(client);
	return G_SOURCE_REMOVE;
}

/* done is never called from within client_send: its caller has not noted the request yet. */
static void refuse(struct request *request, enum error_class class, const char *message)
{
	error_set(&request->refused, class, "%s", message);
	set_timer(request, 0, on_refused);
}

/* The provider does not even end its own workers: it cannot be trusted to end anything. */
static int on_grace_over(void *data)
{
	struct request *request = data;
	struct client *client = request->client;
	struct error *err = NULL;

	error_set(&err, ERROR_UNAVAILABLE,
		"provider '%s' was killed: it did not end '%s' after it was cancelled",
		client->name, request->call);
	client_enter(client);
	client_wire_break(client, err);
	client_leave(client);
	return G_SOURCE_REMOVE;
}

void client_cancel(struct client *client, struct request *request)
{
	AUTO(gfree) char *line = NULL;

	if (request->cancelled || request->refused)
		return;
	if (request->line) {
		g_queue_remove(&client->waiting, request);
		g_clear_pointer(&request->line, g_free);
		refuse(request, ERROR_CANCELLED, "cancelled before it was begun");
		return;
	}
	request->cancelled = true;
	line = g_strdup_printf("{\"id\":%" G_GINT64_FORMAT
			       ",\"call\":\"cancel\",\"of\":%" G_GINT64_FORMAT "}",
		client->next_id++, request->id);
	client_wire_queue(client, line, strlen(line));
	set_timer(request, client->grace, on_grace_over);
}

static int on_limit(void *data)
{
	struct request *request = data;

	request->expired = true;
	client_cancel(request->client, request);
	return G_SOURCE_REMOVE;
}

static struct request *request_new(struct client *client, const struct value *message,
	int64_t limit, const struct request_handlers *handlers)
{
	struct request *request = g_new0(struct request, 1);
	const char *call = value_get_string(message, "call");

	request->client = client;
	request->id = client->next_id++;
	request->call = g_strdup(call ? call : "");
	request->handlers = *handlers;
	request->limit = limit;
	g_hash_table_insert(client->requests, &request->id, request);
	return request;
}

struct request *client_send(struct client *client, const struct value *message, int64_t limit,
	const struct request_handlers *handlers)
{
	struct request *request = request_new(client, message, limit, handlers);
	GString *line = g_string_new(NULL);

	g_string_printf(line, "{\"id\":%" G_GINT64_FORMAT ",", request->id);
	json_append(line, message);
	/* The message is a map with a call, so its text goes on behind its brace. */
	g_string_erase(line, strchr(line->str, ',') + 1 - line->str, 1);
	if (client->gone) {
		refuse(request, client->gone->class, client->gone->message);
	} else if (line->len > PROTOCOL_LINE_MOST) {
		refuse(request, ERROR_INTERNAL,
			"the request is longer than a line of the protocol may be");
	} else {
		request->line = g_strdup(line->str);
		g_queue_push_tail(&client->waiting, request);
		send_waiting(client);
	}
	g_string_free(line, TRUE);
	return request;
}

static void break_with(struct client *client, const char *line, size_t length, const char *why)
{
	AUTO(gfree) char *start = text_escape(line, MIN(length, 80));
	struct error *err = NULL;

	error_set(&err, ERROR_UNAVAILABLE,
		"provider '%s' wrote a line that is not of the protocol (%s): '%s%s'", client->name,
		why, start, length > 80 ? "…" : "");
	client_wire_break(client, err);
}

static void take_error(const struct value *map, struct error **err)
{
	const char *message = value_get_string(map, "message");
	const char *hint = value_get_string(map, "hint");

	error_set(err, error_class_parse(value_get_string(map, "class")), "%s",
		message ? message : "the provider failed without saying why");
	if (hint)
		error_hint(err, "%s", hint);
}

static void handle_event(struct request *request, const struct value *message)
{
	const char *event = value_get_string(message, "event");
	const struct value *text = value_get(message, "text");
	AUTO(gfree) char *escaped = NULL;

	if (g_strcmp0(event, "progress") || !text || text->type != VALUE_STRING)
		return;
	escaped = text_escape(text->text.bytes, text->text.length);
	if (request->handlers.progress)
		request->handlers.progress(
			request->handlers.data, value_get_string(message, "address"), escaped);
}

static void handle_done(struct request *request, const struct value *message)
{
	const struct value *map = value_get_map(message, "error");
	AUTO(error) struct error *err = NULL;

	if (map)
		take_error(map, &err);
	client_request_end(request, value_get_boolean(message, "complete", false), err);
}

/* Each callback may end the request, so it is looked up again after one. */
static void handle(struct client *client, int64_t id, const struct value *message)
{
	const struct value *object = value_get_map(message, "object");
	struct request *request = g_hash_table_lookup(client->requests, &id);

	if (request && request->message)
		request->message(client, message);
	if (request && object && request->handlers.object)
		request->handlers.object(request->handlers.data, object);
	request = g_hash_table_lookup(client->requests, &id);
	if (request && value_get(message, "event"))
		handle_event(request, message);
	request = g_hash_table_lookup(client->requests, &id);
	if (request && value_get_boolean(message, "done", false))
		handle_done(request, message);
}

/* What came lives as long as its callbacks run: an endless flood of progress costs no memory. */
void client_request_line(struct client *client, const char *line, size_t length)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	const struct value *message = json_parse(arena, line, length, &err);
	const struct value *id = value_get(message, "id");

	if (!message)
		break_with(client, line, length, err->message);
	else if (message->type != VALUE_MAP || !id || id->type != VALUE_INTEGER)
		break_with(client, line, length, "no object with an id");
	else
		handle(client, id->integer, message);
}
