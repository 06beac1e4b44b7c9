/* Values as people read them. */
#include <string.h>

#include "base/text.h"
#include "document/json.h"
#include "document/schema.h"
#include "document/yaml_scalar.h"

/* A string that reads as itself: it is no other scalar, and nothing in it separates or hides. */
static bool is_bare(const char *bytes, size_t length)
{
	AUTO(gfree) char *escaped = text_escape(bytes, length);
	struct value value;

	if (!length || strlen(escaped) != length || memcmp(escaped, bytes, length) != 0)
		return false;
	if (scalar_resolve(bytes, length, &value) || value.type != VALUE_STRING)
		return false;
	if (bytes[0] == ' ' || bytes[length - 1] == ' ' || bytes[0] == '(')
		return false;
	return !strpbrk(bytes, "\"'\\,[]{}#") && !strstr(bytes, ": ") && bytes[length - 1] != ':';
}

static void show_text(GString *text, const char *bytes, size_t length)
{
	struct value string = {.type = VALUE_STRING};
	AUTO(gfree) char *quoted = NULL, *escaped = NULL;

	if (is_bare(bytes, length)) {
		g_string_append_len(text, bytes, length);
		return;
	}
	string.text.bytes = bytes;
	string.text.length = length;
	quoted = json_format(&string);
	escaped = text_escape(quoted, strlen(quoted));
	g_string_append(text, escaped);
}

static void show(GString *text, const struct field *field, const struct value *value);

static void show_list(GString *text, const struct field *field, const struct value *list)
{
	const struct field *item = field && field->type == FIELD_LIST ? field->item : NULL;

	g_string_append_c(text, '[');
	for (size_t i = 0; i < list->list.count; i++) {
		if (i)
			g_string_append(text, ", ");
		show(text, item, list->list.items[i]);
	}
	g_string_append_c(text, ']');
}

static const struct field *field_of(const struct field *field, const char *key)
{
	if (!field || field->type != FIELD_MAP)
		return NULL;
	return field->fields ? schema_find(field->fields, key) : field->item;
}

static void show_map(GString *text, const struct field *field, const struct value *map)
{
	g_string_append_c(text, '{');
	for (size_t i = 0; i < map->map.count; i++) {
		const struct member *member = &map->map.members[i];

		if (i)
			g_string_append(text, ", ");
		show_text(text, member->key, strlen(member->key));
		g_string_append(text, ": ");
		show(text, field_of(field, member->key), member->value);
	}
	g_string_append_c(text, '}');
}

static void show_integer(GString *text, const struct field *field, int64_t integer)
{
	AUTO(gfree) char *shown = NULL;

	if (field && field->type == FIELD_SIZE && integer >= 0)
		shown = size_format(integer);
	else if (field && field->type == FIELD_DURATION && integer >= 0)
		shown = duration_exact(integer);
	else
		shown = g_strdup_printf("%" G_GINT64_FORMAT, integer);
	g_string_append(text, shown);
}

static void show(GString *text, const struct field *field, const struct value *value)
{
	AUTO(gfree) char *after = NULL;

	if (field && field->sensitive) {
		g_string_append(text, "(secret)");
		return;
	}
	switch (value->type) {
	case VALUE_NULL:
	case VALUE_BOOLEAN:
	case VALUE_NUMBER:
		json_append(text, value);
		break;
	case VALUE_INTEGER:
		show_integer(text, field, value->integer);
		break;
	case VALUE_STRING:
		show_text(text, value->text.bytes, value->text.length);
		break;
	case VALUE_LIST:
		show_list(text, field, value);
		break;
	case VALUE_MAP:
		show_map(text, field, value);
		break;
	case VALUE_UNKNOWN:
		after = text_escape(value->text.bytes, value->text.length);
		g_string_append_printf(text, "(known after %s)", after);
		break;
	}
}

char *schema_show(const struct field *field, const struct value *value)
{
	GString *text;

	if (!value)
		return g_strdup("(unset)");
	text = g_string_new(NULL);
	show(text, field, value);
	return g_string_free(text, FALSE);
}
