/* Values against field tables. */
#include "document/schema.h"

#include <string.h>

#include "base/text.h"
#include "document/json.h"
#include "document/schema_path.h"
#include "document/yaml_scalar.h"

struct check {
	struct arena *arena;
	struct diagnostics *diagnostics;
	/* The value comes from an expression: "${" in it is text, and integers are in the units
	 * that hold everywhere but in a file. */
	bool evaluated;
	const char *subject; /* "'memory'", "an item of 'needs'" */
};

static struct value *check_value(
	const struct check *check, const struct field *field, const struct value *value);
static struct value *check_map(const struct check *check, const struct field *fields, bool open,
	const struct value *map, const char *what, const char *const *skip);

const struct field *schema_find(const struct field *fields, const char *name)
{
	for (; fields && fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

struct value *schema_fallback(struct arena *arena, const struct field *field)
{
	AUTO(error) struct error *err = NULL;

	return field->fallback ? json_parse(arena, field->fallback, strlen(field->fallback), &err)
			       : NULL;
}

const char *change_class_name(enum change_class change)
{
	static const char *const names[] = {
		[CHANGE_LIVE] = "live",
		[CHANGE_REBOOT] = "reboot",
		[CHANGE_REPLACE] = "replace",
	};

	return names[change];
}

static const char *expected(enum field_type type)
{
	static const char *const names[] = {
		[FIELD_ANY] = "a value",
		[FIELD_STRING] = "a string",
		[FIELD_INTEGER] = "an integer",
		[FIELD_BOOLEAN] = "true or false",
		[FIELD_NUMBER] = "a number",
		[FIELD_SIZE] = "a size such as 2GiB",
		[FIELD_DURATION] = "a duration such as 90s",
		[FIELD_LIST] = "a list",
		[FIELD_MAP] = "a map",
		[FIELD_REFERENCE] = "a name",
	};

	return names[type];
}

static bool is_expression(const struct check *check, const struct value *value)
{
	return !check->evaluated && value->type == VALUE_STRING &&
	       memmem(value->text.bytes, value->text.length, "${", 2);
}

static bool is_truth(const char *text)
{
	static const char *const words[] = {"yes", "no", "on", "off", "y", "n", NULL};

	for (const char *const *word = words; *word; word++)
		if (!g_ascii_strcasecmp(*word, text))
			return true;
	return false;
}

static bool reads_as(const struct value *string, enum value_type type)
{
	struct value value;

	return scalar_resolve(string->text.bytes, string->text.length, &value) == SCALAR_FINE &&
	       value.type == type;
}

/* "a', 'b", or NULL. Caller frees. */
static char *known_keys(const struct field *fields)
{
	GString *all = g_string_new(NULL);

	for (const struct field *field = fields; field->name; field++)
		if (!field->computed)
			g_string_append_printf(all, "%s%s", all->len ? "', '" : "", field->name);
	return g_string_free(all, all->len == 0);
}

static void hint_list(
	const struct check *check, const struct field *field, const struct value *value)
{
	AUTO(gfree) char *shown = schema_show(NULL, value);
	const char *quote =
		field->item && field->item->type == FIELD_STRING && value->type != VALUE_STRING
			? "\""
			: "";

	if (value->type != VALUE_MAP && value->type != VALUE_NULL)
		diagnostic_hint(check->diagnostics, "a list of one is written [%s%s%s]", quote,
			shown, quote);
}

static void hint_map(
	const struct check *check, const struct field *field, const struct value *value)
{
	AUTO(gfree) char *known = field->fields ? known_keys(field->fields) : NULL;

	if (value->type == VALUE_STRING && strchr(value->text.bytes, ':'))
		diagnostic_hint(check->diagnostics, "put a space after ':'");
	else if (known)
		diagnostic_hint(check->diagnostics, "its keys are '%s'", known);
	else if (value->type == VALUE_LIST)
		diagnostic_hint(
			check->diagnostics, "write 'NAME: …' for each, without '-' or '[ ]'");
	else if (value->type != VALUE_NULL)
		diagnostic_hint(check->diagnostics, "a map is written {KEY: VALUE}");
}

/* The likely slips: a quote too few or too many, the truth of older YAML, a space left out. */
static void hint_type(
	const struct check *check, const struct field *field, const struct value *value)
{
	const char *text = value->type == VALUE_STRING ? value->text.bytes : NULL;

	if ((field->type == FIELD_STRING || field->type == FIELD_REFERENCE) &&
		value->type != VALUE_LIST && value->type != VALUE_MAP &&
		value->type != VALUE_NULL) {
		diagnostic_hint(check->diagnostics, "write it in quotes");
	} else if (field->type == FIELD_INTEGER && text && reads_as(value, VALUE_INTEGER)) {
		diagnostic_hint(check->diagnostics, "write it without quotes");
	} else if (field->type == FIELD_BOOLEAN && text && is_truth(text)) {
		diagnostic_hint(check->diagnostics, "write 'true' or 'false'");
	} else if (field->type == FIELD_LIST) {
		hint_list(check, field, value);
	} else if (field->type == FIELD_MAP) {
		hint_map(check, field, value);
	} else if (field->type == FIELD_SIZE) {
		diagnostic_hint(check->diagnostics, "units are KiB, MiB, GiB and TiB");
	} else if (field->type == FIELD_DURATION) {
		diagnostic_hint(check->diagnostics, "units are ms, s, m, h and d");
	}
}

static struct value *wrong_type(
	const struct check *check, const struct field *field, const struct value *value)
{
	AUTO(gfree) char *shown = NULL;

	if (value->type == VALUE_STRING && field->type != FIELD_LIST && field->type != FIELD_MAP &&
		value->text.length <= 64) {
		shown = g_strdup_printf("'%s'", value->text.bytes);
	}
	diagnostic_add(check->diagnostics, value->span, "%s must be %s, not %s", check->subject,
		expected(field->type), shown ? shown : value_type_name(value->type));
	hint_type(check, field, value);
	return NULL;
}

static char *show_bound(const struct field *field, int64_t bound)
{
	struct value value = {.type = VALUE_INTEGER, .integer = bound};

	return schema_show(field, &value);
}

static struct value *check_bounds(
	const struct check *check, const struct field *field, struct value *value)
{
	bool above = field->most < field->least || field->most == INT64_MAX;
	AUTO(gfree) char *least = NULL, *most = NULL;

	if (!field->least && !field->most)
		return value;
	if (value->integer >= field->least && (above || value->integer <= field->most))
		return value;
	least = show_bound(field, field->least);
	most = show_bound(field, field->most);
	if (above)
		diagnostic_add(check->diagnostics, value->span, "%s must be at least %s",
			check->subject, least);
	else
		diagnostic_add(check->diagnostics, value->span, "%s must be from %s to %s",
			check->subject, least, most);
	return NULL;
}

static struct value *check_integer(
	const struct check *check, const struct field *field, const struct value *value)
{
	if (value->type != VALUE_INTEGER)
		return wrong_type(check, field, value);
	return check_bounds(check, field, (struct value *)value);
}

/* Bare integers are bytes and seconds. */
static struct value *check_quantity(
	const struct check *check, const struct field *field, const struct value *value)
{
	bool size = field->type == FIELD_SIZE, ok = false;
	struct value *result;
	int64_t amount;

	if (value->type == VALUE_STRING && strlen(value->text.bytes) == value->text.length) {
		ok = size ? size_parse(value->text.bytes, &amount)
			  : duration_parse(value->text.bytes, &amount);
	} else if (value->type == VALUE_INTEGER && value->integer >= 0) {
		amount = value->integer;
		ok = size || check->evaluated || !__builtin_mul_overflow(amount, 1000, &amount);
	}
	if (!ok)
		return wrong_type(check, field, value);
	result = value_integer(check->arena, amount);
	result->span = value->span;
	result = check_bounds(check, field, result);
	if (!result && size && value->type == VALUE_INTEGER && amount < field->least)
		diagnostic_hint(check->diagnostics,
			"a number alone is bytes: write '%" G_GINT64_FORMAT "MiB'", amount);
	return result;
}

static struct value *check_choice(
	const struct check *check, const struct field *field, const struct value *value)
{
	AUTO(gfree) char *all = NULL;
	const char *near;

	for (const char *const *choice = field->choices; *choice; choice++)
		if (!strcmp(*choice, value->text.bytes))
			return (struct value *)value;
	all = g_strjoinv("', '", (char **)field->choices);
	near = text_suggest(value->text.bytes, field->choices);
	diagnostic_add(check->diagnostics, value->span, "'%s' is no choice for %s",
		value->text.bytes, check->subject);
	if (near)
		diagnostic_hint(
			check->diagnostics, "did you mean '%s'? The choices are '%s'", near, all);
	else
		diagnostic_hint(check->diagnostics, "the choices are '%s'", all);
	return NULL;
}

static struct value *check_string(
	const struct check *check, const struct field *field, const struct value *value)
{
	if (value->type != VALUE_STRING)
		return wrong_type(check, field, value);
	if ((field->path || field->choices) && strlen(value->text.bytes) != value->text.length) {
		diagnostic_add(
			check->diagnostics, value->span, "%s cannot hold a NUL", check->subject);
		return NULL;
	}
	if (field->choices)
		return check_choice(check, field, value);
	if (field->path)
		return path_absolute(check->arena, value);
	return (struct value *)value;
}

static struct value *check_list(
	const struct check *check, const struct field *field, const struct value *value)
{
	struct check inner = *check;
	AUTO(gfree) char *subject = NULL;
	struct value *list;
	bool ok = true;

	if (value->type != VALUE_LIST)
		return wrong_type(check, field, value);
	if (!field->item)
		return (struct value *)value;
	inner.subject = subject = g_strdup_printf("an item of %s", check->subject);
	list = value_list(check->arena);
	list->span = value->span;
	for (size_t i = 0; i < value->list.count; i++) {
		struct value *item = check_value(&inner, field->item, value->list.items[i]);

		ok = ok && item;
		if (item)
			value_append(check->arena, list, item);
	}
	return ok ? list : NULL;
}

static void add_member(
	struct arena *arena, struct value *map, const struct member *from, struct value *value)
{
	value_set(arena, map, from->key, value);
	map->map.members[map->map.count - 1].key_span = from->key_span;
}

static struct value *check_items(
	const struct check *check, const struct field *field, const struct value *value)
{
	struct check inner = *check;
	struct value *map = value_map(check->arena);
	bool ok = true;

	map->span = value->span;
	for (size_t i = 0; i < value->map.count; i++) {
		const struct member *member = &value->map.members[i];
		AUTO(gfree) char *subject = g_strdup_printf("'%s'", member->key);
		struct value *item;

		inner.subject = subject;
		item = check_value(&inner, field->item, member->value);
		ok = ok && item;
		if (item)
			add_member(check->arena, map, member, item);
	}
	return ok ? map : NULL;
}

static struct value *check_map_value(
	const struct check *check, const struct field *field, const struct value *value)
{
	size_t before = diagnostics_count(check->diagnostics);
	struct value *map;

	if (value->type != VALUE_MAP)
		return wrong_type(check, field, value);
	if (field->fields) {
		map = check_map(check, field->fields, false, value, check->subject, NULL);
		return diagnostics_count(check->diagnostics) == before ? map : NULL;
	}
	return field->item ? check_items(check, field, value) : (struct value *)value;
}

/* The value as it is to be used; NULL after a diagnostic. */
static struct value *check_value(
	const struct check *check, const struct field *field, const struct value *value)
{
	if (value->type == VALUE_UNKNOWN || is_expression(check, value))
		return (struct value *)value;
	switch (field->type) {
	case FIELD_ANY:
		return (struct value *)value;
	case FIELD_STRING:
		return check_string(check, field, value);
	case FIELD_REFERENCE:
		return value->type == VALUE_STRING ? (struct value *)value
						   : wrong_type(check, field, value);
	case FIELD_INTEGER:
		return check_integer(check, field, value);
	case FIELD_BOOLEAN:
		return value->type == VALUE_BOOLEAN ? (struct value *)value
						    : wrong_type(check, field, value);
	case FIELD_NUMBER:
		return value->type == VALUE_NUMBER || value->type == VALUE_INTEGER
			       ? (struct value *)value
			       : wrong_type(check, field, value);
	case FIELD_SIZE:
	case FIELD_DURATION:
		return check_quantity(check, field, value);
	case FIELD_LIST:
		return check_list(check, field, value);
	case FIELD_MAP:
		return check_map_value(check, field, value);
	}
	return NULL;
}

static bool is_skipped(const char *const *skip, const char *key)
{
	for (; skip && *skip; skip++)
		if (!strcmp(*skip, key))
			return true;
	return false;
}

static void hint_key(const struct check *check, const struct field *fields, const char *key,
	const char *const *skip)
{
	GPtrArray *names = g_ptr_array_new();
	AUTO(gfree) char *all = known_keys(fields);
	const char *near;

	for (const struct field *field = fields; field->name; field++)
		if (!field->computed)
			g_ptr_array_add(names, (void *)field->name);
	for (; skip && *skip; skip++)
		g_ptr_array_add(names, (void *)*skip);
	g_ptr_array_add(names, NULL);
	near = text_suggest(key, (const char *const *)names->pdata);
	if (near)
		diagnostic_hint(check->diagnostics, "did you mean '%s'?", near);
	else if (all)
		diagnostic_hint(check->diagnostics, "known keys are '%s'", all);
	g_ptr_array_free(names, TRUE);
}

static void unknown_key(const struct check *check, const struct field *fields,
	const struct member *member, const char *what, const char *const *skip)
{
	diagnostic_add(
		check->diagnostics, member->key_span, "unknown key '%s' in %s", member->key, what);
	if (diagnostics_count(check->diagnostics) <= DIAGNOSTICS_KEPT)
		hint_key(check, fields, member->key, skip);
}

static void check_member(const struct check *check, const struct field *field,
	const struct member *member, const char *what, struct value *result)
{
	struct check inner = *check;
	AUTO(gfree) char *subject = NULL;
	struct value *value;

	if (field->computed) {
		diagnostic_add(check->diagnostics, member->key_span,
			"'%s' is an output of %s, it cannot be set", field->name, what);
		return;
	}
	if (member->value->type == VALUE_NULL)
		return;
	inner.subject = subject = g_strdup_printf("'%s'", field->name);
	value = check_value(&inner, field, member->value);
	if (value)
		add_member(check->arena, result, member, value);
}

static void check_required(const struct check *check, const struct field *fields,
	const struct value *map, const char *what, const char *const *skip)
{
	for (const struct field *field = fields; field->name; field++) {
		const struct value *value = value_get(map, field->name);

		if (!field->required || field->computed || is_skipped(skip, field->name) ||
			(value && value->type != VALUE_NULL))
			continue;
		diagnostic_add(
			check->diagnostics, map->span, "missing key '%s' in %s", field->name, what);
		if (field->doc)
			diagnostic_hint(check->diagnostics, "'%s': %s", field->name, field->doc);
	}
}

/* Always a map, of what was right. */
static struct value *check_map(const struct check *check, const struct field *fields, bool open,
	const struct value *map, const char *what, const char *const *skip)
{
	struct value *result = value_map(check->arena);

	result->span = map->span;
	for (size_t i = 0; i < map->map.count; i++) {
		const struct member *member = &map->map.members[i];
		const struct field *field = schema_find(fields, member->key);

		if (is_skipped(skip, member->key))
			continue;
		if (field)
			check_member(check, field, member, what, result);
		else if (open)
			add_member(check->arena, result, member, member->value);
		else
			unknown_key(check, fields, member, what, skip);
	}
	check_required(check, fields, map, what, skip);
	return result;
}

struct value *schema_check(struct arena *arena, const struct field *fields, bool open,
	const struct value *map, const char *what, const char *const *skip,
	struct diagnostics *diagnostics)
{
	struct check check = {arena, diagnostics, false, what};
	static const struct field as_map = {.type = FIELD_MAP};
	struct value *empty;

	if (map->type == VALUE_MAP)
		return check_map(&check, fields, open, map, what, skip);
	empty = value_map(arena);
	empty->span = map->span;
	if (map->type == VALUE_NULL)
		return check_map(&check, fields, open, empty, what, skip);
	if (map->type != VALUE_UNKNOWN)
		(void)wrong_type(&check, &as_map, map);
	return empty;
}

struct value *schema_check_value(struct arena *arena, const struct field *field,
	const struct value *value, struct diagnostics *diagnostics)
{
	AUTO(gfree) char *subject = g_strdup_printf("'%s'", field->name ? field->name : "");
	struct check check = {arena, diagnostics, true, field->name ? subject : "the value"};

	return check_value(&check, field, value);
}
