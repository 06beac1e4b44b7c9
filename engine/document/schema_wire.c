/* Field tables over the protocol. What comes from a provider is checked to the last member: the
 * rest of the engine relies on a table as if it had been compiled in. */
#include <string.h>

#include "document/json.h"
#include "document/schema.h"

enum { FIELDS_MOST = 1000, DEPTH_MOST = 16, NAME_MOST = 128 };

static const char *const type_names[] = {
	[FIELD_ANY] = "any",
	[FIELD_STRING] = "string",
	[FIELD_INTEGER] = "integer",
	[FIELD_BOOLEAN] = "boolean",
	[FIELD_NUMBER] = "number",
	[FIELD_SIZE] = "size",
	[FIELD_DURATION] = "duration",
	[FIELD_LIST] = "list",
	[FIELD_MAP] = "map",
	[FIELD_REFERENCE] = "reference",
};

struct flag {
	const char *name;
	size_t offset;
};

static const struct flag flags[] = {
	{"required", offsetof(struct field, required)},
	{"computed", offsetof(struct field, computed)},
	{"sensitive", offsetof(struct field, sensitive)},
	{"host_only", offsetof(struct field, host_only)},
	{"path", offsetof(struct field, path)},
};

static void set_string(struct arena *arena, struct value *map, const char *key, const char *text)
{
	if (text)
		value_set(arena, map, key, value_string(arena, text));
}

static struct value *field_to_value(struct arena *arena, const struct field *field)
{
	struct value *map = value_map(arena), *choices;

	set_string(arena, map, "name", field->name);
	set_string(arena, map, "type", type_names[field->type]);
	if (field->change != CHANGE_LIVE)
		set_string(arena, map, "change", change_class_name(field->change));
	for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
		if (*(const bool *)((const char *)field + flags[i].offset))
			value_set(arena, map, flags[i].name, value_boolean(arena, true));
	if (field->fallback)
		value_set(arena, map, "default", schema_fallback(arena, field));
	if (field->choices) {
		choices = value_list(arena);
		for (const char *const *choice = field->choices; *choice; choice++)
			value_append(arena, choices, value_string(arena, *choice));
		value_set(arena, map, "choices", choices);
	}
	set_string(arena, map, "refers", field->refers);
	if (field->item)
		value_set(arena, map, "item", field_to_value(arena, field->item));
	if (field->fields)
		value_set(arena, map, "fields", schema_to_value(arena, field->fields));
	if (field->least || field->most) {
		value_set(arena, map, "least", value_integer(arena, field->least));
		value_set(arena, map, "most", value_integer(arena, field->most));
	}
	set_string(arena, map, "doc", field->doc);
	return map;
}

struct value *schema_to_value(struct arena *arena, const struct field *fields)
{
	struct value *list = value_list(arena);

	for (; fields->name; fields++)
		value_append(arena, list, field_to_value(arena, fields));
	return list;
}

/* Reads what a map says, and keeps the first thing that is wrong with it. */
struct reader {
	struct arena *arena;
	struct error **err;
	int depth;
};

static bool refuse(const struct reader *r, const char *what)
{
	error_set(r->err, ERROR_INTERNAL, "%s", what);
	return false;
}

static struct field *read_list(const struct reader *r, const struct value *list);
static bool read_field(const struct reader *r, const struct value *map, struct field *field);

/* A member of the type, or none: *value is NULL. */
static bool read_member(const struct reader *r, const struct value *map, const char *key,
	enum value_type type, const struct value **value)
{
	*value = value_get(map, key);
	if (*value && (*value)->type == VALUE_NULL)
		*value = NULL;
	if (!*value || (*value)->type == type)
		return true;
	error_set(r->err, ERROR_INTERNAL, "'%s' must be %s", key, value_type_name(type));
	return false;
}

static bool read_text(
	const struct reader *r, const struct value *map, const char *key, const char **text)
{
	const struct value *value;

	if (!read_member(r, map, key, VALUE_STRING, &value))
		return false;
	if (value && strlen(value->text.bytes) != value->text.length)
		return refuse(r, "a text that holds a NUL");
	*text = value ? arena_strdup(r->arena, value->text.bytes) : NULL;
	return true;
}

static bool read_flags(const struct reader *r, const struct value *map, struct field *field)
{
	const struct value *value;

	for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
		if (!read_member(r, map, flags[i].name, VALUE_BOOLEAN, &value))
			return false;
		*(bool *)((char *)field + flags[i].offset) = value && value->boolean;
	}
	return true;
}

static bool read_type(const struct reader *r, const struct value *map, struct field *field)
{
	const char *type, *change;

	if (!read_text(r, map, "type", &type) || !read_text(r, map, "change", &change))
		return false;
	for (size_t i = 0; i <= G_N_ELEMENTS(type_names); i++) {
		if (i == G_N_ELEMENTS(type_names) || !type)
			return refuse(r, "a type that is not known");
		field->type = i;
		if (!strcmp(type, type_names[i]))
			break;
	}
	for (int i = CHANGE_LIVE; change; i++) {
		if (i > CHANGE_REPLACE)
			return refuse(r, "a class of change that is not known");
		field->change = i;
		if (!strcmp(change, change_class_name(i)))
			break;
	}
	return true;
}

static bool read_choices(const struct reader *r, const struct value *map, struct field *field)
{
	const struct value *list;
	const char **choices;

	if (!read_member(r, map, "choices", VALUE_LIST, &list))
		return false;
	if (!list)
		return true;
	if (field->type != FIELD_STRING || !list->list.count)
		return refuse(r, "'choices' are for strings, and at least one");
	choices = arena_array_of(r->arena, const char *, list->list.count + 1);
	for (size_t i = 0; i < list->list.count; i++) {
		if (list->list.items[i]->type != VALUE_STRING)
			return refuse(r, "'choices' must be strings");
		choices[i] = arena_strdup(r->arena, list->list.items[i]->text.bytes);
	}
	field->choices = choices;
	return true;
}

static bool read_bounds(const struct reader *r, const struct value *map, struct field *field)
{
	const struct value *least, *most;

	if (!read_member(r, map, "least", VALUE_INTEGER, &least) ||
		!read_member(r, map, "most", VALUE_INTEGER, &most))
		return false;
	field->least = least ? least->integer : 0;
	field->most = most ? most->integer : 0;
	return true;
}

static bool read_inner(const struct reader *r, const struct value *map, struct field *field)
{
	const struct reader inner = {r->arena, r->err, r->depth + 1};
	const struct value *item, *fields;
	struct field *one;

	if (!read_member(r, map, "item", VALUE_MAP, &item) ||
		!read_member(r, map, "fields", VALUE_LIST, &fields))
		return false;
	if ((item && field->type != FIELD_LIST && field->type != FIELD_MAP) ||
		(fields && field->type != FIELD_MAP) || (item && fields))
		return refuse(r, "'item' is for lists and maps, 'fields' for maps without it");
	if ((item || fields) && inner.depth > DEPTH_MOST)
		return refuse(r, "fields nested too deep");
	if (fields)
		field->fields = read_list(&inner, fields);
	if (item) {
		field->item = one = arena_new_of(r->arena, struct field);
		if (!read_field(&inner, item, one))
			return error_prefix(r->err, "item");
		one->name = NULL;
	}
	return !fields || field->fields;
}

/* Checked as a value of the field, so that a default can be used without another look. */
static bool read_fallback(const struct reader *r, const struct value *map, struct field *field)
{
	AUTO(diagnostics) struct diagnostics *diagnostics = NULL;
	const struct value *value = value_get(map, "default");
	AUTO(gfree) char *text = NULL;

	if (!value || value->type == VALUE_NULL)
		return true;
	diagnostics = diagnostics_new();
	if (field->computed || value_has_unknown(value) ||
		!schema_check_value(r->arena, field, value, diagnostics))
		return refuse(r, "a default that the field itself would not take");
	text = json_format(value);
	field->fallback = arena_strdup(r->arena, text);
	return true;
}

static bool read_field(const struct reader *r, const struct value *map, struct field *field)
{
	if (map->type != VALUE_MAP)
		return refuse(r, "a field must be a map");
	if (!read_text(r, map, "name", &field->name) || !read_type(r, map, field) ||
		!read_flags(r, map, field) || !read_choices(r, map, field) ||
		!read_text(r, map, "refers", &field->refers) ||
		!read_text(r, map, "doc", &field->doc) || !read_bounds(r, map, field) ||
		!read_inner(r, map, field))
		return false;
	if (field->type == FIELD_REFERENCE && !field->refers)
		return refuse(r, "a reference without 'refers'");
	return read_fallback(r, map, field);
}

/* Names are what an expression can say after a '.'. */
static bool is_name(const char *name)
{
	size_t length = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz"
					    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
			     : 0;

	return length && !name[length] && length <= NAME_MOST;
}

static struct field *read_list(const struct reader *r, const struct value *list)
{
	struct field *fields;

	if (list->list.count > FIELDS_MOST) {
		refuse(r, "too many fields");
		return NULL;
	}
	fields = arena_array_of(r->arena, struct field, list->list.count + 1);
	for (size_t i = 0; i < list->list.count; i++) {
		struct field *field = &fields[i];

		if (!read_field(r, list->list.items[i], field)) {
			error_prefix(r->err, "field '%s'", field->name ? field->name : "");
			return NULL;
		}
		if (!is_name(field->name)) {
			refuse(r, "a field whose name is none");
			return NULL;
		}
		if (schema_find(fields, field->name) != field) {
			error_set(r->err, ERROR_INTERNAL, "two fields '%s'", field->name);
			return NULL;
		}
	}
	return fields;
}

struct field *schema_from_value(struct arena *arena, const struct value *list, struct error **err)
{
	const struct reader reader = {arena, err, 0};

	if (!list || list->type != VALUE_LIST) {
		refuse(&reader, "the fields must be a list");
		return NULL;
	}
	return read_list(&reader, list);
}
