/* What a provider tells of itself: hello and schema. Nothing of it is trusted. */
#include "provider/client_wire.h"

#include <string.h>

enum { LIMIT_MOST = 24 * 3600 * 1000, TEN_MINUTES = 600000 };

static void set_unfit(struct client *client, const struct error *err, const char *call)
{
	if (client->unfit)
		return;
	error_set(&client->unfit, err->class, "%s", err->message);
	if (err->hint)
		error_hint(&client->unfit, "%s", err->hint);
	if (call)
		error_prefix(&client->unfit, "provider '%s': '%s'", client->name, call);
}

static void on_hello_done(void *data, bool complete, const struct error *err)
{
	struct client *client = data;

	(void)complete;
	if (err)
		set_unfit(client, err, client->gone ? NULL : "hello");
	else if (!client->greeted && !client->unfit)
		error_set(&client->unfit, ERROR_INTERNAL, "provider '%s' did not say hello",
			client->name);
}

static void on_schema_done(void *data, bool complete, const struct error *err)
{
	struct client *client = data;

	(void)complete;
	if (err)
		set_unfit(client, err, client->gone ? NULL : "schema");
	else if (client->kinds->len == 0 && !client->unfit)
		error_set(
			&client->unfit, ERROR_INTERNAL, "provider '%s' has no kinds", client->name);
	else
		client->ready = !client->unfit;
}

static int64_t limit_of(const struct value *map, const char *name)
{
	int64_t limit = value_get_integer(map, name, TEN_MINUTES);

	return limit > 0 && limit <= LIMIT_MOST ? limit : TEN_MINUTES;
}

static bool kind_parse(struct client *client, const struct value *map, struct client_kind *kind,
	struct error **err)
{
	const struct value *fields = value_get_list(map, "fields");
	const char *name = value_get_string(map, "name");

	if (!name || !*name || !fields) {
		error_set(err, ERROR_INTERNAL, "a kind without name or fields");
		return false;
	}
	*kind = (struct client_kind){
		.name = arena_strdup(client->arena, name),
		.open = value_get_boolean(map, "open", false),
		.batch = value_get_boolean(map, "batch", false),
		.machine = value_get_boolean(map, "machine", false),
		.lists = value_get_boolean(map, "lists", false),
		.parallel = CLAMP(value_get_integer(map, "parallel", 0), 0, INT16_MAX),
		.change_limit = limit_of(map, "change_limit"),
		.wait_limit = limit_of(map, "wait_limit"),
	};
	if (g_hash_table_contains(client->kind_by_name, kind->name)) {
		error_set(err, ERROR_INTERNAL, "kind '%s' is described twice", kind->name);
		return false;
	}
	kind->fields = schema_from_value(client->arena, fields, err);
	return kind->fields || error_prefix(err, "kind '%s'", kind->name);
}

static void add_kind(struct client *client, const struct value *map)
{
	AUTO(error) struct error *err = NULL;
	struct client_kind kind;

	if (!kind_parse(client, map, &kind, &err)) {
		set_unfit(client, err, "schema");
		return;
	}
	g_hash_table_insert(
		client->kind_by_name, (void *)kind.name, GUINT_TO_POINTER(client->kinds->len));
	g_array_append_val(client->kinds, kind);
}

static void check_version(struct client *client, const struct value *hello)
{
	int64_t version = value_get_integer(hello, "protocol", 0);

	client->greeted = true;
	if (version == PROTOCOL_VERSION || client->unfit)
		return;
	error_set(&client->unfit, ERROR_MISSING,
		"provider '%s' speaks version %" G_GINT64_FORMAT
		" of the protocol, this program version %d",
		client->name, version, PROTOCOL_VERSION);
	error_hint(&client->unfit, "install the '%s' that belongs to this version of provision",
		client->path);
}

static void on_message(struct client *client, const struct value *message)
{
	const struct value *hello = value_get_map(message, "hello");
	const struct value *kind = value_get_map(message, "kind");

	if (hello)
		check_version(client, hello);
	if (kind)
		add_kind(client, kind);
}

void client_hello(struct client *client, const char *state_dir)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *hello = value_map(arena), *schema = value_map(arena);
	struct request_handlers handlers = {.done = on_hello_done, .data = client};

	value_set(arena, hello, "call", value_string(arena, "hello"));
	value_set(arena, hello, "protocol", value_integer(arena, PROTOCOL_VERSION));
	value_set(arena, hello, "engine", value_string(arena, PROVISION_VERSION));
	value_set(arena, hello, "state_dir", value_string(arena, state_dir));
	client_send(client, hello, 0, &handlers)->message = on_message;
	value_set(arena, schema, "call", value_string(arena, "schema"));
	handlers.done = on_schema_done;
	client_send(client, schema, 0, &handlers)->message = on_message;
}
