/* Objects by provider and address. */
#include "plan/world.h"

#include <string.h>

#include "base/text.h"

enum { ADDRESS_MOST = 4096 };

struct world {
	struct arena *arena;
	GHashTable *objects;	/* "provider address" → struct actual */
	GHashTable *incomplete; /* "provider kind" → struct incomplete */
};

struct world *world_new(void)
{
	struct world *world = g_new0(struct world, 1);

	world->arena = arena_new();
	world->objects = g_hash_table_new(g_str_hash, g_str_equal);
	world->incomplete = g_hash_table_new(g_str_hash, g_str_equal);
	return world;
}

void world_free(struct world *world)
{
	g_hash_table_destroy(world->objects);
	g_hash_table_destroy(world->incomplete);
	arena_free(world->arena);
	g_free(world);
}

struct arena *world_arena(struct world *world)
{
	return world->arena;
}

static struct actual *slot(
	struct world *world, const char *provider, const char *address, const char *kind)
{
	char *key = arena_printf(world->arena, "%s %s", provider, address);
	struct actual *actual = g_hash_table_lookup(world->objects, key);

	if (actual)
		return actual;
	actual = arena_new_of(world->arena, struct actual);
	actual->provider = arena_strdup(world->arena, provider);
	actual->address = arena_strdup(world->arena, address);
	actual->kind = arena_strdup(world->arena, kind);
	g_hash_table_insert(world->objects, key, actual);
	return actual;
}

static enum presence presence_parse(const char *status)
{
	if (!g_strcmp0(status, "absent"))
		return PRESENCE_ABSENT;
	if (!g_strcmp0(status, "present") || !g_strcmp0(status, "changed"))
		return PRESENCE_PRESENT;
	return g_strcmp0(status, "foreign") ? PRESENCE_UNKNOWN : PRESENCE_FOREIGN;
}

static const char *copy_text(struct world *world, const struct value *map, const char *key)
{
	const struct value *text = value_get(map, key);
	AUTO(gfree) char *shown = NULL;

	if (!text || text->type != VALUE_STRING)
		return NULL;
	shown = text_escape(text->text.bytes, text->text.length);
	return arena_strdup(world->arena, shown);
}

/* A hint may be of several lines. */
static const char *copy_hint(struct world *world, const struct value *error)
{
	const struct value *text = value_get(error, "hint");
	AUTO(gfree) char *shown = NULL;

	if (!text || text->type != VALUE_STRING)
		return NULL;
	shown = text_escape_lines(text->text.bytes, text->text.length);
	return arena_strdup(world->arena, shown);
}

static const struct value *copy_map(struct world *world, const struct value *map, const char *key)
{
	const struct value *value = value_get_map(map, key);

	return value ? value_copy(world->arena, value) : NULL;
}

static bool is_address(const char *address)
{
	AUTO(gfree) char *shown = address ? text_escape(address, strlen(address)) : NULL;

	return address && *address && strlen(address) <= ADDRESS_MOST && !strcmp(address, shown);
}

static void fill(struct world *world, struct actual *actual, const struct value *answer)
{
	const struct value *error = value_get_map(answer, "error");

	actual->presence = presence_parse(value_get_string(answer, "status"));
	actual->class = ERROR_UNAVAILABLE;
	actual->text = copy_text(world, answer, "text");
	if (error) {
		actual->class = error_class_parse(value_get_string(error, "class"));
		actual->text = copy_text(world, error, "message");
		actual->hint = copy_hint(world, error);
	}
	actual->incarnation = copy_text(world, answer, "incarnation");
	actual->partial = copy_text(world, answer, "partial");
	actual->fields = copy_map(world, answer, "actual");
	actual->record = copy_map(world, answer, "record");
	actual->outputs = copy_map(world, answer, "outputs");
	actual->up = value_get_boolean(answer, "up", false);
	actual->ready = value_get_boolean(answer, "ready", false);
}

/* Of two answers about one object the one to a read is kept, with the other's record if it could
 * find out nothing itself. */
static void merge(struct actual *actual, const struct actual *other)
{
	bool listed = actual->listed || other->listed;
	struct actual kept = other->read || !actual->read ? *other : *actual;
	const struct actual *lost = other->read || !actual->read ? actual : other;

	if (kept.presence == PRESENCE_UNKNOWN && !kept.record)
		kept.record = lost->record;
	kept.listed = listed;
	*actual = kept;
}

static struct actual *add(
	struct world *world, const char *provider, const struct value *answer, bool listed)
{
	const char *address = value_get_string(answer, "address");
	const char *kind = value_get_string(answer, "kind");
	struct actual *actual, other;

	if (!is_address(address) || !is_address(kind))
		return NULL;
	actual = slot(world, provider, address, kind);
	other = (struct actual){.provider = actual->provider,
		.address = actual->address,
		.kind = actual->kind,
		.read = !listed,
		.listed = listed};
	fill(world, &other, answer);
	merge(actual, &other);
	return actual;
}

struct actual *world_add(struct world *world, const char *provider, const struct value *answer)
{
	return add(world, provider, answer, false);
}

struct actual *world_add_listed(
	struct world *world, const char *provider, const struct value *answer)
{
	return add(world, provider, answer, true);
}

struct actual *world_add_unknown(struct world *world, const char *provider, const char *address,
	const char *kind, enum error_class class, const char *text, const char *hint)
{
	struct actual *actual = slot(world, provider, address, kind);
	struct actual other = {.provider = actual->provider,
		.address = actual->address,
		.kind = actual->kind,
		.presence = PRESENCE_UNKNOWN,
		.class = class,
		.text = arena_strdup(world->arena, text),
		.hint = hint ? arena_strdup(world->arena, hint) : NULL,
		.read = true};

	merge(actual, &other);
	return actual;
}

struct actual *world_find(const struct world *world, const char *provider, const char *address)
{
	AUTO(gfree) char *key = g_strdup_printf("%s %s", provider, address);

	return g_hash_table_lookup(world->objects, key);
}

static int by_address(const void *a, const void *b)
{
	const struct actual *x = *(struct actual *const *)a, *y = *(struct actual *const *)b;
	int order = strcmp(x->address, y->address);

	return order ? order : strcmp(x->provider, y->provider);
}

GPtrArray *world_listed(const struct world *world)
{
	GPtrArray *all = g_ptr_array_new();
	GHashTableIter iter;
	void *actual;

	g_hash_table_iter_init(&iter, world->objects);
	while (g_hash_table_iter_next(&iter, NULL, &actual))
		if (((struct actual *)actual)->listed)
			g_ptr_array_add(all, actual);
	g_ptr_array_sort(all, by_address);
	return all;
}

void world_set_incomplete(
	struct world *world, const char *provider, const char *kind, const char *why)
{
	struct incomplete *one = arena_new_of(world->arena, struct incomplete);

	one->provider = arena_strdup(world->arena, provider);
	one->kind = arena_strdup(world->arena, kind);
	one->why = arena_strdup(world->arena, why);
	g_hash_table_insert(
		world->incomplete, arena_printf(world->arena, "%s %s", provider, kind), one);
}

const char *world_incomplete(const struct world *world, const char *provider, const char *kind)
{
	AUTO(gfree) char *key = g_strdup_printf("%s %s", provider, kind);
	AUTO(gfree) char *any = g_strdup_printf("%s *", provider);
	const struct incomplete *one = g_hash_table_lookup(world->incomplete, key);

	if (!one)
		one = g_hash_table_lookup(world->incomplete, any);
	return one ? one->why : NULL;
}

static int by_kind(const void *a, const void *b)
{
	const struct incomplete *x = *(struct incomplete *const *)a;
	const struct incomplete *y = *(struct incomplete *const *)b;
	int order = strcmp(x->provider, y->provider);

	return order ? order : strcmp(x->kind, y->kind);
}

GPtrArray *world_incompletes(const struct world *world)
{
	GPtrArray *all = g_ptr_array_new();
	GHashTableIter iter;
	void *one;

	g_hash_table_iter_init(&iter, world->incomplete);
	while (g_hash_table_iter_next(&iter, NULL, &one))
		g_ptr_array_add(all, one);
	g_ptr_array_sort(all, by_kind);
	return all;
}
