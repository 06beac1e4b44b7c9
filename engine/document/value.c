/* Values: makers, maps with an index once they are large, comparison and copies. */
#include "document/value.h"

#include <stdarg.h>
#include <string.h>

/* Maps of up to this many members are searched one by one. */
enum { INDEX_FROM = 8 };

static struct value *make(struct arena *arena, enum value_type type)
{
	struct value *value = arena_new_of(arena, struct value);

	value->type = type;
	return value;
}

struct value *value_null(struct arena *arena)
{
	return make(arena, VALUE_NULL);
}

struct value *value_boolean(struct arena *arena, bool boolean)
{
	struct value *value = make(arena, VALUE_BOOLEAN);

	value->boolean = boolean;
	return value;
}

struct value *value_integer(struct arena *arena, int64_t integer)
{
	struct value *value = make(arena, VALUE_INTEGER);

	value->integer = integer;
	return value;
}

struct value *value_number(struct arena *arena, double number)
{
	struct value *value = make(arena, VALUE_NUMBER);

	value->number = number;
	return value;
}

struct value *value_string_n(struct arena *arena, const char *bytes, size_t length)
{
	struct value *value = make(arena, VALUE_STRING);

	value->text.bytes = arena_strndup(arena, bytes, length);
	value->text.length = length;
	return value;
}

struct value *value_string(struct arena *arena, const char *text)
{
	return value_string_n(arena, text, strlen(text));
}

struct value *value_format(struct arena *arena, const char *format, ...)
{
	AUTO(gfree) char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	return value_string(arena, text);
}

struct value *value_unknown(struct arena *arena, const char *after)
{
	struct value *value = value_string(arena, after);

	value->type = VALUE_UNKNOWN;
	return value;
}

struct value *value_list(struct arena *arena)
{
	return make(arena, VALUE_LIST);
}

struct value *value_map(struct arena *arena)
{
	return make(arena, VALUE_MAP);
}

/* The old array stays in the arena: doubling keeps what is lost below what is used. */
static void *grow(struct arena *arena, const void *old, size_t count, size_t *room, size_t size)
{
	void *larger;

	*room = *room ? *room * 2 : 4;
	larger = arena_alloc(arena, *room * size);
	if (count)
		memcpy(larger, old, count * size);
	return larger;
}

void value_append(struct arena *arena, struct value *list, struct value *item)
{
	if (list->list.count == list->list.room)
		list->list.items = grow(arena, list->list.items, list->list.count, &list->list.room,
			sizeof(*list->list.items));
	list->list.items[list->list.count++] = item;
}

/* FNV-1a, started at an address that differs from run to run: keys come from other programs, and
 * must not be able to meet in one slot by intent. */
static unsigned hash(const struct value *map, const char *key)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uintptr_t)map->map.index;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3u;
	return h ^ h >> 32;
}

/* The slot that holds the key, or the free one where it belongs. */
static unsigned *slot(const struct value *map, const char *key)
{
	size_t mask = map->map.index_size - 1, at = hash(map, key) & mask;

	for (;; at = (at + 1) & mask) {
		unsigned *found = &map->map.index[at];

		if (!*found || !strcmp(map->map.members[*found - 1].key, key))
			return found;
	}
}

static void fill_index(struct value *map)
{
	memset(map->map.index, 0, map->map.index_size * sizeof(*map->map.index));
	for (size_t i = 0; i < map->map.count; i++)
		*slot(map, map->map.members[i].key) = i + 1;
}

static void add_to_index(struct arena *arena, struct value *map)
{
	size_t size = map->map.index_size;

	if (!size && map->map.count <= INDEX_FROM)
		return;
	if (map->map.count * 2 <= size) {
		*slot(map, map->map.members[map->map.count - 1].key) = map->map.count;
		return;
	}
	map->map.index_size = size ? size * 2 : 4 * INDEX_FROM;
	map->map.index = arena_array_of(arena, unsigned, map->map.index_size);
	fill_index(map);
}

static struct member *find(const struct value *map, const char *key)
{
	if (!map || map->type != VALUE_MAP)
		return NULL;
	if (map->map.index_size) {
		unsigned at = *slot(map, key);

		return at ? &map->map.members[at - 1] : NULL;
	}
	for (size_t i = 0; i < map->map.count; i++)
		if (!strcmp(map->map.members[i].key, key))
			return &map->map.members[i];
	return NULL;
}

void value_set(struct arena *arena, struct value *map, const char *key, struct value *value)
{
	struct member *member = find(map, key);

	if (member) {
		member->value = value;
		return;
	}
	if (map->map.count == map->map.room)
		map->map.members = grow(arena, map->map.members, map->map.count, &map->map.room,
			sizeof(*map->map.members));
	member = &map->map.members[map->map.count++];
	*member = (struct member){.key = arena_strdup(arena, key), .value = value};
	add_to_index(arena, map);
}

void value_unset(struct value *map, const char *key)
{
	struct member *member = find(map, key);
	size_t behind;

	if (!member)
		return;
	behind = map->map.members + map->map.count - (member + 1);
	memmove(member, member + 1, behind * sizeof(*member));
	map->map.count--;
	if (map->map.index_size)
		fill_index(map);
}

struct value *value_get(const struct value *map, const char *key)
{
	struct member *member = find(map, key);

	return member ? member->value : NULL;
}

const struct member *value_member(const struct value *map, const char *key)
{
	return find(map, key);
}

static struct value *get_typed(const struct value *map, const char *key, enum value_type type)
{
	struct value *value = value_get(map, key);

	return value && value->type == type ? value : NULL;
}

const char *value_get_string(const struct value *map, const char *key)
{
	const struct value *value = get_typed(map, key, VALUE_STRING);

	return value ? value->text.bytes : NULL;
}

bool value_get_boolean(const struct value *map, const char *key, bool fallback)
{
	const struct value *value = get_typed(map, key, VALUE_BOOLEAN);

	return value ? value->boolean : fallback;
}

int64_t value_get_integer(const struct value *map, const char *key, int64_t fallback)
{
	const struct value *value = get_typed(map, key, VALUE_INTEGER);

	return value ? value->integer : fallback;
}

struct value *value_get_map(const struct value *map, const char *key)
{
	return get_typed(map, key, VALUE_MAP);
}

struct value *value_get_list(const struct value *map, const char *key)
{
	return get_typed(map, key, VALUE_LIST);
}

/* Exact: 2^53 + 1 is not 2^53, though it is so as a double. */
static bool same_amount(int64_t integer, double number)
{
	return number >= -0x1p63 && number < 0x1p63 && (double)(int64_t)number == number &&
	       (int64_t)number == integer;
}

static bool same_list(const struct value *a, const struct value *b)
{
	if (a->list.count != b->list.count)
		return false;
	for (size_t i = 0; i < a->list.count; i++)
		if (!value_equal(a->list.items[i], b->list.items[i]))
			return false;
	return true;
}

static bool same_map(const struct value *a, const struct value *b)
{
	if (a->map.count != b->map.count)
		return false;
	for (size_t i = 0; i < a->map.count; i++) {
		const struct value *other = value_get(b, a->map.members[i].key);

		if (!other || !value_equal(a->map.members[i].value, other))
			return false;
	}
	return true;
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a->type == VALUE_INTEGER && b->type == VALUE_NUMBER)
		return same_amount(a->integer, b->number);
	if (a->type == VALUE_NUMBER && b->type == VALUE_INTEGER)
		return same_amount(b->integer, a->number);
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case VALUE_NULL:
		return true;
	case VALUE_BOOLEAN:
		return a->boolean == b->boolean;
	case VALUE_INTEGER:
		return a->integer == b->integer;
	case VALUE_NUMBER:
		return a->number == b->number;
	case VALUE_STRING:
		return a->text.length == b->text.length &&
		       !memcmp(a->text.bytes, b->text.bytes, a->text.length);
	case VALUE_LIST:
		return same_list(a, b);
	case VALUE_MAP:
		return same_map(a, b);
	case VALUE_UNKNOWN:
		return false;
	}
	return false;
}

static void copy_list(struct arena *arena, struct value *copy, const struct value *value)
{
	copy->list.room = value->list.count;
	copy->list.items = arena_array_of(arena, struct value *, value->list.count);
	for (size_t i = 0; i < value->list.count; i++)
		copy->list.items[i] = value_copy(arena, value->list.items[i]);
}

static void copy_map(struct arena *arena, struct value *copy, const struct value *value)
{
	copy->map.room = value->map.count;
	copy->map.members = arena_array_of(arena, struct member, value->map.count);
	for (size_t i = 0; i < value->map.count; i++) {
		const struct member *from = &value->map.members[i];
		struct member *to = &copy->map.members[i];

		to->key = arena_strdup(arena, from->key);
		to->key_span = from->key_span;
		to->value = value_copy(arena, from->value);
	}
	if (!value->map.index_size)
		return;
	copy->map.index = arena_array_of(arena, unsigned, value->map.index_size);
	fill_index(copy);
}

struct value *value_copy(struct arena *arena, const struct value *value)
{
	struct value *copy = arena_new_of(arena, struct value);

	*copy = *value;
	switch (value->type) {
	case VALUE_STRING:
	case VALUE_UNKNOWN:
		copy->text.bytes = arena_strndup(arena, value->text.bytes, value->text.length);
		break;
	case VALUE_LIST:
		copy_list(arena, copy, value);
		break;
	case VALUE_MAP:
		copy_map(arena, copy, value);
		break;
	default:
		break;
	}
	return copy;
}

bool value_has_unknown(const struct value *value)
{
	switch (value->type) {
	case VALUE_UNKNOWN:
		return true;
	case VALUE_LIST:
		for (size_t i = 0; i < value->list.count; i++)
			if (value_has_unknown(value->list.items[i]))
				return true;
		return false;
	case VALUE_MAP:
		for (size_t i = 0; i < value->map.count; i++)
			if (value_has_unknown(value->map.members[i].value))
				return true;
		return false;
	default:
		return false;
	}
}

const char *value_type_name(enum value_type type)
{
	static const char *const names[] = {
		[VALUE_NULL] = "nothing",
		[VALUE_BOOLEAN] = "a boolean",
		[VALUE_INTEGER] = "an integer",
		[VALUE_NUMBER] = "a number",
		[VALUE_STRING] = "a string",
		[VALUE_LIST] = "a list",
		[VALUE_MAP] = "a map",
		[VALUE_UNKNOWN] = "a value that is not known yet",
	};

	return names[type];
}
