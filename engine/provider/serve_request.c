/* What the serving process answers itself: hello, schema, cancel, and all that is malformed. */
#include "provider/serve.h"

#include <string.h>

#include "document/json.h"

void serve_say(struct serve *serve, const struct value *message)
{
	json_append(serve->out, message);
	g_string_append_c(serve->out, '\n');
}

static struct value *reply(struct arena *arena, int64_t id)
{
	struct value *message = value_map(arena);

	value_set(arena, message, "id", value_integer(arena, id));
	return message;
}

static void say_done(struct serve *serve, struct arena *arena, int64_t id)
{
	struct value *message = reply(arena, id);

	value_set(arena, message, "done", value_boolean(arena, true));
	serve_say(serve, message);
}

void serve_say_error(struct serve *serve, int64_t id, const struct error *err)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *message = reply(arena, id);

	value_set(arena, message, "error", serve_error_value(arena, err));
	value_set(arena, message, "done", value_boolean(arena, true));
	serve_say(serve, message);
}

/* Takes over the state folder; a second hello starts anew. */
static bool hello(struct serve *serve, struct arena *arena, const struct value *message, int64_t id,
	struct error **err)
{
	const struct provider *provider = serve->provider;
	const char *state_dir = value_get_string(message, "state_dir");
	struct value *answer = reply(arena, id), *map = value_map(arena);
	const struct provider_kind *kinds = provider->kinds;

	if (!state_dir || *state_dir != '/') {
		error_set(err, ERROR_INTERNAL, "hello needs an absolute 'state_dir'");
		return false;
	}
	if (provider->kinds_of)
		kinds = provider->kinds_of(serve->arena, state_dir, err);
	if (!kinds)
		return false;
	serve->kinds = kinds;
	serve->state_dir = arena_strdup(serve->arena, state_dir);
	value_set(arena, map, "protocol", value_integer(arena, PROTOCOL_VERSION));
	value_set(arena, map, "name", value_string(arena, provider->name));
	value_set(arena, map, "version", value_string(arena, provider->version));
	value_set(arena, answer, "hello", map);
	serve_say(serve, answer);
	say_done(serve, arena, id);
	return true;
}

void serve_kind(struct arena *arena, const struct provider_kind *kind, struct value *into)
{
	static const struct field none = {0};
	const int64_t ten_minutes = 600000;

	value_set(arena, into, "name", value_string(arena, kind->name));
	value_set(arena, into, "open", value_boolean(arena, kind->open));
	value_set(arena, into, "batch", value_boolean(arena, kind->batch));
	value_set(arena, into, "machine", value_boolean(arena, kind->machine));
	value_set(arena, into, "lists", value_boolean(arena, kind->list != NULL));
	value_set(arena, into, "parallel", value_integer(arena, kind->parallel));
	value_set(arena, into, "change_limit",
		value_integer(arena, kind->change_limit ? kind->change_limit : ten_minutes));
	value_set(arena, into, "wait_limit",
		value_integer(arena, kind->wait_limit ? kind->wait_limit : ten_minutes));
	value_set(
		arena, into, "fields", schema_to_value(arena, kind->fields ? kind->fields : &none));
}

static void schema(struct serve *serve, struct arena *arena, int64_t id)
{
	for (const struct provider_kind *kind = serve->kinds; kind->name; kind++) {
		struct value *message = reply(arena, id), *map = value_map(arena);

		serve_kind(arena, kind, map);
		value_set(arena, message, "kind", map);
		serve_say(serve, message);
	}
	say_done(serve, arena, id);
}

static struct worker *find(const struct serve *serve, int64_t id)
{
	for (unsigned i = 0; i < serve->workers->len; i++) {
		struct worker *worker = serve->workers->pdata[i];

		if (worker->id == id)
			return worker;
	}
	return NULL;
}

/* One that has ended already is no error: its done may be on the way. */
static bool cancel(struct serve *serve, struct arena *arena, const struct value *message,
	int64_t id, struct error **err)
{
	int64_t of = value_get_integer(message, "of", 0);
	struct worker *worker = find(serve, of);

	if (of <= 0) {
		error_set(err, ERROR_INTERNAL, "cancel needs 'of', the id of a request");
		return false;
	}
	if (worker)
		serve_cancel(worker);
	say_done(serve, arena, id);
	return true;
}

static bool call(struct serve *serve, struct arena *arena, const struct value *message, int64_t id,
	struct error **err)
{
	const char *name = value_get_string(message, "call");
	struct served *served;
	bool started;

	if (!name) {
		error_set(err, ERROR_INTERNAL, "a message without 'call'");
		return false;
	}
	if (!strcmp(name, "hello"))
		return hello(serve, arena, message, id, err);
	if (!strcmp(name, "cancel"))
		return cancel(serve, arena, message, id, err);
	if (!serve->kinds) {
		error_set(err, ERROR_INTERNAL, "'%s' before hello", name);
		return false;
	}
	if (!strcmp(name, "schema")) {
		schema(serve, arena, id);
		return true;
	}
	served = serve_decode(serve, arena, message, err);
	if (!served)
		return false;
	served->id = id;
	started = serve_start(serve, served, err);
	g_hash_table_destroy(served->waiting);
	return started;
}

void serve_line(struct serve *serve, const char *line, size_t length)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	const struct value *message = json_parse(arena, line, length, &err);
	int64_t id = value_get_integer(message, "id", 0);

	if (message && message->type != VALUE_MAP)
		error_set(&err, ERROR_INTERNAL, "a line that is no object");
	else if (message && id <= 0)
		error_set(&err, ERROR_INTERNAL, "a message without a positive 'id'");
	else if (message && find(serve, id))
		error_set(&err, ERROR_INTERNAL, "a second request with the id of one under way");
	if (err) {
		err->class = ERROR_INTERNAL;
		serve_say_error(serve, 0, err);
		return;
	}
	if (!call(serve, arena, message, id, &err))
		serve_say_error(serve, id, err);
}
