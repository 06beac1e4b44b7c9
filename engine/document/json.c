/* JSON by jansson for reading, written by hand: every line of the protocol passes here, so values
 * are made and written in one pass, and keys are sorted only where equal bytes are promised. */
#include "document/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { DEPTH_MOST = 64 };

static const char unknown_key[] = "$unknown";

static struct value *convert(
	struct arena *arena, const json_t *json, int depth, struct error **err);

static struct value *convert_list(
	struct arena *arena, const json_t *json, int depth, struct error **err)
{
	struct value *list = value_list(arena);
	size_t count = json_array_size(json);

	list->list.room = count;
	list->list.items = arena_array_of(arena, struct value *, count);
	for (size_t i = 0; i < count; i++) {
		struct value *item = convert(arena, json_array_get(json, i), depth + 1, err);

		if (!item)
			return NULL;
		list->list.items[list->list.count++] = item;
	}
	return list;
}

static struct value *convert_map(
	struct arena *arena, const json_t *json, int depth, struct error **err)
{
	const json_t *unknown = json_object_get(json, unknown_key);
	struct value *map;
	const char *key;
	json_t *member;

	if (json_is_string(unknown) && json_object_size(json) == 1)
		return value_unknown(arena, json_string_value(unknown));
	map = value_map(arena);
	json_object_foreach((json_t *)json, key, member)
	{
		struct value *value = convert(arena, member, depth + 1, err);

		if (!value)
			return NULL;
		value_set(arena, map, key, value);
	}
	return map;
}

static struct value *convert(struct arena *arena, const json_t *json, int depth, struct error **err)
{
	switch (json_typeof(json)) {
	case JSON_NULL:
		return value_null(arena);
	case JSON_TRUE:
	case JSON_FALSE:
		return value_boolean(arena, json_is_true(json));
	case JSON_INTEGER:
		return value_integer(arena, json_integer_value(json));
	case JSON_REAL:
		return value_number(arena, json_real_value(json));
	case JSON_STRING:
		return value_string_n(arena, json_string_value(json), json_string_length(json));
	default:
		break;
	}
	if (depth >= DEPTH_MOST) {
		error_set(err, ERROR_FAILED, "JSON nested deeper than %d", DEPTH_MOST);
		return NULL;
	}
	if (json_is_array(json))
		return convert_list(arena, json, depth, err);
	return convert_map(arena, json, depth, err);
}

/* jansson takes a thousand steps down; what is refused for its depth need not be built first. */
static bool depth_check(const char *text, size_t length, struct error **err)
{
	bool quoted = false;
	int depth = 0;

	for (const char *p = text, *end = text + length; p < end; p++) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if ((*p == '[' || *p == '{') && ++depth > DEPTH_MOST) {
			error_set(err, ERROR_FAILED, "JSON nested deeper than %d", DEPTH_MOST);
			return false;
		} else if (*p == ']' || *p == '}')
			depth--;
	}
	return true;
}

struct value *json_parse(struct arena *arena, const char *text, size_t length, struct error **err)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
	struct value *value;
	json_error_t error;
	json_t *json;

	/* jansson steps over such a byte in silence. */
	if (memchr(text, '\0', length)) {
		error_set(err, ERROR_FAILED, "no valid JSON: it holds a NUL byte");
		return NULL;
	}
	if (!depth_check(text, length, err))
		return NULL;
	json = json_loadb(text, length, flags, &error);
	if (!json) {
		error_set(err, ERROR_FAILED, "no valid JSON at byte %d: %s", error.position,
			error.text);
		return NULL;
	}
	value = convert(arena, json, 0, err);
	json_decref(json);
	return value;
}

static void append_escaped(GString *text, gunichar c)
{
	static const char *const shorts[0x20] = {
		['\b'] = "\\b",
		['\f'] = "\\f",
		['\n'] = "\\n",
		['\r'] = "\\r",
		['\t'] = "\\t",
	};

	if (c < 0x20 && shorts[c])
		g_string_append(text, shorts[c]);
	else
		g_string_append_printf(text, "\\u%04x", c);
}

/* How many bytes from p may be taken as they are. */
static size_t plain(const char *p, const char *end)
{
	const char *from = p;

	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f && *p != '"' &&
		*p != '\\')
		p++;
	return p - from;
}

static void append_string(GString *text, const char *bytes, size_t length)
{
	const char *p = bytes, *end = bytes + length;

	g_string_append_c(text, '"');
	while (p < end) {
		size_t run = plain(p, end);
		gunichar c;

		g_string_append_len(text, p, run);
		p += run;
		if (p == end)
			break;
		c = (unsigned char)*p < 0x80 ? (unsigned char)*p
					     : g_utf8_get_char_validated(p, end - p);
		if (c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append(text, "\xef\xbf\xbd");
			p++;
			continue;
		}
		if (c == '"' || c == '\\') {
			g_string_append_c(text, '\\');
			g_string_append_c(text, (char)c);
		} else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
			append_escaped(text, c);
		} else {
			g_string_append_len(text, p, g_utf8_next_char(p) - p);
		}
		p = c < 0x80 ? p + 1 : g_utf8_next_char(p);
	}
	g_string_append_c(text, '"');
}

/* The shortest that reads back as the same double, and never looks like an integer. */
static void append_number(GString *text, double number)
{
	char buffer[G_ASCII_DTOSTR_BUF_SIZE];

	if (!isfinite(number)) {
		g_string_append(text, "null");
		return;
	}
	g_ascii_formatd(buffer, sizeof(buffer), "%.15g", number);
	if (g_ascii_strtod(buffer, NULL) != number)
		g_ascii_formatd(buffer, sizeof(buffer), "%.17g", number);
	g_string_append(text, buffer);
	if (!strpbrk(buffer, ".e"))
		g_string_append(text, ".0");
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(struct member *const *)a)->key, (*(struct member *const *)b)->key);
}

static const struct member **sorted(const struct value *map)
{
	const struct member **all = g_new(const struct member *, map->map.count + 1);

	for (size_t i = 0; i < map->map.count; i++)
		all[i] = &map->map.members[i];
	qsort(all, map->map.count, sizeof(*all), by_key);
	return all;
}

static void append(GString *text, const struct value *value, bool canonical);

static void append_list(GString *text, const struct value *list, bool canonical)
{
	g_string_append_c(text, '[');
	for (size_t i = 0; i < list->list.count; i++) {
		if (i)
			g_string_append_c(text, ',');
		append(text, list->list.items[i], canonical);
	}
	g_string_append_c(text, ']');
}

static void append_map(GString *text, const struct value *map, bool canonical)
{
	AUTO(gfree) const struct member **order = canonical ? sorted(map) : NULL;

	g_string_append_c(text, '{');
	for (size_t i = 0; i < map->map.count; i++) {
		const struct member *member = order ? order[i] : &map->map.members[i];

		if (i)
			g_string_append_c(text, ',');
		append_string(text, member->key, strlen(member->key));
		g_string_append_c(text, ':');
		append(text, member->value, canonical);
	}
	g_string_append_c(text, '}');
}

static void append(GString *text, const struct value *value, bool canonical)
{
	switch (value->type) {
	case VALUE_NULL:
		g_string_append(text, "null");
		break;
	case VALUE_BOOLEAN:
		g_string_append(text, value->boolean ? "true" : "false");
		break;
	case VALUE_INTEGER:
		g_string_append_printf(text, "%" G_GINT64_FORMAT, value->integer);
		break;
	case VALUE_NUMBER:
		append_number(text, value->number);
		break;
	case VALUE_STRING:
		append_string(text, value->text.bytes, value->text.length);
		break;
	case VALUE_LIST:
		append_list(text, value, canonical);
		break;
	case VALUE_MAP:
		append_map(text, value, canonical);
		break;
	case VALUE_UNKNOWN:
		g_string_append_printf(text, "{\"%s\":", unknown_key);
		append_string(text, value->text.bytes, value->text.length);
		g_string_append_c(text, '}');
		break;
	}
}

void json_append(GString *text, const struct value *value)
{
	append(text, value, false);
}

char *json_format(const struct value *value)
{
	GString *text = g_string_new(NULL);

	append(text, value, false);
	return g_string_free(text, FALSE);
}

char *json_canonical(const struct value *value)
{
	GString *text = g_string_new(NULL);

	append(text, value, true);
	return g_string_free(text, FALSE);
}
