/* Law 3: only what the file says, or once said, is compared; defaults are those of the creation. */
#include "plan/diff.h"

#include <string.h>

static const struct value *set_value(const struct value *map, const char *name)
{
	const struct value *value = value_get(map, name);

	return value && value->type != VALUE_NULL ? value : NULL;
}

struct table *diff_table(struct arena *arena, const struct field *fields)
{
	struct table *table = arena_new_of(arena, struct table);
	struct value *fallbacks = value_map(arena);

	for (const struct field *field = fields; field->name; field++) {
		struct value *value = field->computed ? NULL : schema_fallback(arena, field);

		if (value)
			value_set(arena, fallbacks, field->name, value);
	}
	table->fields = fields;
	table->fallbacks = fallbacks;
	return table;
}

/* The value of a field that the file does not say. */
static const struct value *silent(
	const struct table *table, const char *name, const struct value *record)
{
	const struct value *defaults = value_get_map(record, "defaults");

	return set_value(value_get(defaults, name) ? defaults : table->fallbacks, name);
}

struct value *diff_after(struct arena *arena, const struct table *table, const struct value *said,
	const struct value *record)
{
	struct value *after = value_map(arena);

	for (const struct field *field = table->fields; field->name; field++) {
		const struct value *value = value_get(said, field->name);

		if (field->computed)
			continue;
		if (!value)
			value = silent(table, field->name, record);
		if (value)
			value_set(arena, after, field->name, (struct value *)value);
	}
	for (size_t i = 0; i < said->map.count; i++)
		if (!schema_find(table->fields, said->map.members[i].key))
			value_set(
				arena, after, said->map.members[i].key, said->map.members[i].value);
	return after;
}

static void compare(const struct table *table, const struct field *field, const char *name,
	const struct value *said, const struct value *actual, const struct value *record,
	GArray *changes)
{
	const struct value *applied = value_get_map(record, "applied");
	const struct value *wanted = set_value(said, name);
	struct change change = {.name = name, .field = field};

	if (!wanted && !set_value(applied, name))
		return;
	change.left_file = !wanted;
	change.after = wanted ? wanted : silent(table, name, record);
	change.before = set_value(value_get(actual, name) ? actual : applied, name);
	change.class = field ? field->change : CHANGE_LIVE;
	if (!change.before && !change.after)
		return;
	if (change.before && change.after && value_equal(change.before, change.after))
		return;
	g_array_append_val(changes, change);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->name, ((const struct change *)b)->name);
}

/* Fields that no table has: what an open kind was told, as long as its provider knows of it. */
static void compare_open(const struct table *table, const struct value *said,
	const struct value *actual, const struct value *record, GArray *changes)
{
	const struct value *applied = value_get_map(record, "applied");
	unsigned known = changes->len;

	for (size_t i = 0; i < said->map.count; i++) {
		const char *name = said->map.members[i].key;

		if (!schema_find(table->fields, name))
			compare(table, NULL, name, said, actual, record, changes);
	}
	for (size_t i = 0; applied && i < applied->map.count; i++) {
		const char *name = applied->map.members[i].key;

		if (!schema_find(table->fields, name) && !value_get(said, name) &&
			value_get(actual, name))
			compare(table, NULL, name, said, actual, record, changes);
	}
	if (changes->len > known)
		qsort(&g_array_index(changes, struct change, known), changes->len - known,
			sizeof(struct change), by_name);
}

void diff_fields(const struct table *table, const struct value *said, const struct value *actual,
	const struct value *record, GArray *changes)
{
	for (const struct field *field = table->fields; field->name; field++)
		if (!field->computed)
			compare(table, field, field->name, said, actual, record, changes);
	compare_open(table, said, actual, record, changes);
}

struct value *diff_record(struct arena *arena, const struct table *table, const struct value *said,
	const struct value *old, struct value *depends)
{
	const struct value *kept = value_get_map(old, "defaults");
	struct value *record = value_map(arena);
	struct value *defaults = kept ? value_copy(arena, kept) : value_map(arena);

	for (const struct field *field = table->fields; field->name; field++) {
		struct value *fallback = value_get(table->fallbacks, field->name);

		if (!value_get(defaults, field->name) && !field->computed)
			value_set(arena, defaults, field->name,
				fallback ? fallback : value_null(arena));
	}
	value_set(arena, record, "format", value_integer(arena, RECORD_FORMAT));
	value_set(arena, record, "applied", (struct value *)said);
	value_set(arena, record, "defaults", defaults);
	value_set(arena, record, "depends", depends);
	return record;
}
