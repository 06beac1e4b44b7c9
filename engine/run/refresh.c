/* Lists and reads in batches, side by side, until the last one has answered. */
#include "run/refresh.h"

#include <string.h>

#include "document/json.h"
#include "fleet/expression.h"

enum { LIMIT = 120000, BATCH_OBJECTS = 512 };

struct refresh {
	struct world *world;
	const struct state *state;
	unsigned pending;
};

/* One request under way. */
struct batch {
	struct refresh *refresh;
	struct client *client;
	const char *provider;
	const char *kind;  /* of a list; NULL: a read */
	GPtrArray *wanted; /* of a read: struct resource */
	char *single;	   /* of a read without the file: the machine's address */
};

struct value *refresh_request(struct arena *arena, const struct state *state, const char *call)
{
	struct value *request = value_map(arena), *fleet = value_map(arena);

	value_set(arena, fleet, "name", value_string(arena, state->name));
	value_set(arena, fleet, "id", value_string(arena, state->id));
	value_set(arena, request, "call", value_string(arena, call));
	value_set(arena, request, "fleet", fleet);
	return request;
}

struct value *refresh_object(
	struct arena *arena, const char *address, const char *kind, const char *name)
{
	struct value *object = value_map(arena);

	value_set(arena, object, "address", value_string(arena, address));
	value_set(arena, object, "kind", value_string(arena, kind));
	value_set(arena, object, "name", value_string(arena, name));
	return object;
}

size_t refresh_size(const struct value *object)
{
	AUTO(gfree) char *text = json_format(object);

	return strlen(text) + 1;
}

static void on_object(void *data, const struct value *answer)
{
	struct batch *batch = data;
	struct world *world = batch->refresh->world;

	if (!batch->kind)
		(void)world_add(world, batch->provider, answer);
	else if (!world_add_listed(world, batch->provider, answer))
		world_set_incomplete(world, batch->provider, batch->kind,
			"its provider listed something without a proper address");
}

/* False if no read has answered for it. */
static bool was_read(const struct world *world, const char *provider, const char *address)
{
	const struct actual *actual = world_find(world, provider, address);

	return actual && actual->read;
}

static void on_done(void *data, bool complete, const struct error *err)
{
	struct batch *batch = data;
	struct world *world = batch->refresh->world;

	if (batch->kind && (err || !complete))
		world_set_incomplete(world, batch->provider, batch->kind,
			err ? err->message : "its provider could not see everything");
	for (unsigned i = 0; err && batch->wanted && i < batch->wanted->len; i++) {
		const struct resource *r = batch->wanted->pdata[i];

		if (!was_read(world, r->provider, r->address))
			world_add_unknown(world, r->provider, r->address, r->kind, err->class,
				err->message, err->hint);
	}
	if (err && batch->single && !world_find(world, batch->provider, batch->single))
		world_add_unknown(world, batch->provider, batch->single, "machine", err->class,
			err->message, err->hint);
	if (batch->wanted)
		g_ptr_array_free(batch->wanted, TRUE);
	batch->refresh->pending--;
	g_free(batch->single);
	g_free(batch);
}

static struct batch *send(struct refresh *refresh, struct client *client,
	const struct value *request, const char *kind, GPtrArray *wanted)
{
	struct batch *batch = g_new0(struct batch, 1);
	struct request_handlers handlers = {.object = on_object, .done = on_done, .data = batch};

	batch->refresh = refresh;
	batch->provider = client_name(client);
	batch->kind = kind;
	batch->wanted = wanted;
	refresh->pending++;
	client_send(client, request, LIMIT, &handlers);
	return batch;
}

static void list_all(struct refresh *refresh, struct client *client)
{
	size_t count;
	const struct client_kind *kinds = client_kinds(client, &count);

	for (size_t i = 0; i < count; i++) {
		AUTO(arena) struct arena *arena = arena_new();
		struct value *request = refresh_request(arena, refresh->state, "list");

		if (!kinds[i].lists)
			continue;
		value_set(arena, request, "kind", value_string(arena, kinds[i].name));
		send(refresh, client, request, kinds[i].name, NULL);
	}
}

/* The key that a name stands for is not for every provider to know. */
static bool is_literal(const struct resource *r, const struct member *m)
{
	const struct field *field = schema_find(r->fields, m->key);

	return !expression_in(m->value) && (!field || field->type != FIELD_REFERENCE);
}

/* What the file says as far as it is literal; the rest is unknown to the provider. */
static struct value *desired(struct arena *arena, const struct resource *r)
{
	struct value *map = value_map(arena);

	for (size_t i = 0; r->said && i < r->said->map.count; i++) {
		const struct member *m = &r->said->map.members[i];

		value_set(arena, map, m->key,
			is_literal(r, m) ? m->value : value_unknown(arena, "what it refers to"));
	}
	return map;
}

/* Sends what follows `from` and shares its provider and scope group; returns where it stopped. */
static unsigned read_batch(
	struct refresh *refresh, struct client *client, GPtrArray *all, unsigned from)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *request = refresh_request(arena, refresh->state, "read");
	struct value *objects = value_list(arena);
	const struct resource *first = all->pdata[from];
	GPtrArray *wanted = g_ptr_array_new();
	size_t bytes = 0;
	unsigned at = from;

	for (; at < all->len && wanted->len < BATCH_OBJECTS && bytes < BATCH_BYTES; at++) {
		struct resource *r = all->pdata[at];
		struct value *object;

		if (r->machine != first->machine)
			break;
		object = refresh_object(arena, r->address, r->kind, r->name);
		value_set(arena, object, "desired", desired(arena, r));
		value_append(arena, objects, object);
		bytes += refresh_size(object);
		g_ptr_array_add(wanted, r);
	}
	value_set(arena, request, "scope",
		value_string(arena, first->machine ? first->machine->address : "fleet"));
	value_set(arena, request, "objects", objects);
	send(refresh, client, request, NULL, wanted);
	return at;
}

static int by_scope(const void *a, const void *b)
{
	const struct resource *x = *(struct resource *const *)a, *y = *(struct resource *const *)b;
	int order = strcmp(
		x->machine ? x->machine->address : "", y->machine ? y->machine->address : "");

	return order ? order : strcmp(x->address, y->address);
}

static void read_all(struct refresh *refresh, struct client *client, const struct fleet *fleet)
{
	GPtrArray *mine = g_ptr_array_new();
	unsigned at = 0;

	for (unsigned i = 0; i < fleet->resources->len; i++) {
		struct resource *r = fleet->resources->pdata[i];

		if (!strcmp(r->provider, client_name(client)))
			g_ptr_array_add(mine, r);
	}
	g_ptr_array_sort(mine, by_scope);
	while (at < mine->len)
		at = read_batch(refresh, client, mine, at);
	g_ptr_array_free(mine, TRUE);
}

struct names {
	GHashTable *seen;
	GPtrArray *all;
};

static void add_name(struct names *names, const char *name)
{
	if (g_hash_table_add(names->seen, (void *)name))
		g_ptr_array_add(names->all, (void *)name);
}

/* Names of all providers that may have something, without doubles. */
static GPtrArray *names_of(
	const struct fleet *fleet, const struct providers *providers, const struct state *state)
{
	struct names names = {g_hash_table_new(g_str_hash, g_str_equal), g_ptr_array_new()};
	g_autoptr(GPtrArray) running = providers_running(providers);

	for (unsigned i = 0; i < state->providers->len; i++)
		add_name(&names, state->providers->pdata[i]);
	for (unsigned i = 0; fleet && i < fleet->resources->len; i++)
		add_name(&names, ((struct resource *)fleet->resources->pdata[i])->provider);
	for (unsigned i = 0; i < running->len; i++)
		add_name(&names, running->pdata[i]);
	g_hash_table_destroy(names.seen);
	return names.all;
}

/* One that the file does not name would be a riddle. */
static bool start(struct providers *providers, const char *name, const struct state *state,
	struct error **err)
{
	if (providers_get(providers, name, err))
		return true;
	for (unsigned i = 0; i < state->providers->len; i++)
		if (!strcmp(state->providers->pdata[i], name))
			return error_prefix(err,
				"what provider '%s' made for fleet '%s' cannot be looked up", name,
				state->name);
	return false;
}

bool refresh(struct world *world, const struct fleet *fleet, struct providers *providers,
	const struct state *state, struct error **err)
{
	struct refresh refresh = {world, state, 0};
	GPtrArray *all = names_of(fleet, providers, state);
	bool ok = true;

	for (unsigned i = 0; ok && i < all->len; i++)
		ok = start(providers, all->pdata[i], state, err);
	for (unsigned i = 0; ok && i < all->len; i++) {
		struct client *client = providers_find(providers, all->pdata[i]);

		list_all(&refresh, client);
		if (fleet)
			read_all(&refresh, client, fleet);
	}
	while (refresh.pending)
		g_main_context_iteration(NULL, TRUE);
	g_ptr_array_free(all, TRUE);
	return ok;
}

static void read_machine(struct refresh *refresh, struct client *client, const char *name)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct client_kind *kind = client_kind(client, "machine");
	struct value *request = refresh_request(arena, refresh->state, "read");
	struct value *objects = value_list(arena);
	const char *address = arena_printf(arena, "machine.%s", name);

	if (!kind)
		return;
	value_append(arena, objects, refresh_object(arena, address, "machine", name));
	value_set(arena, request, "scope", value_string(arena, address));
	value_set(arena, request, "objects", objects);
	send(refresh, client, request, NULL, NULL)->single = g_strdup(address);
}

bool refresh_machine(struct world *world, const char *name, struct providers *providers,
	const struct state *state, struct error **err)
{
	struct refresh refresh = {world, state, 0};
	bool ok = true;

	for (unsigned i = 0; ok && i < state->providers->len; i++)
		ok = start(providers, state->providers->pdata[i], state, err);
	for (unsigned i = 0; ok && i < state->providers->len; i++)
		read_machine(&refresh, providers_find(providers, state->providers->pdata[i]), name);
	while (refresh.pending)
		g_main_context_iteration(NULL, TRUE);
	return ok;
}
