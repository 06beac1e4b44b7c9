/* Strings with paths in them. */
#include "fleet/expression.h"

#include <string.h>

#include "base/text.h"
#include "document/json.h"

struct reader {
	const struct scope *scope;
	const struct value *value; /* the string */
	const char *at, *end;
	const char *opened; /* the "${" that is being read */
	bool broken;	    /* where the expression ends cannot be told */
};

static bool string_has(const struct value *value)
{
	return memmem(value->text.bytes, value->text.length, "${", 2) != NULL;
}

bool expression_in(const struct value *value)
{
	switch (value->type) {
	case VALUE_STRING:
		return string_has(value);
	case VALUE_LIST:
		for (size_t i = 0; i < value->list.count; i++)
			if (expression_in(value->list.items[i]))
				return true;
		return false;
	case VALUE_MAP:
		for (size_t i = 0; i < value->map.count; i++)
			if (expression_in(value->map.members[i].value))
				return true;
		return false;
	default:
		return false;
	}
}

/* The place of bytes [from, to) of a string. Only where the source shows the string as it is, plain
 * or in quotes on one line, can it be told; else it is the whole string. */
static struct span inner_span(const struct reader *r, const char *from, const char *to)
{
	struct span span = r->value->span;
	const char *start = r->value->text.bytes;
	int length = g_utf8_strlen(start, r->value->text.length);
	int quotes = (span.end_column - span.column - length) / 2;

	if (span.line != span.end_line || quotes > 1 ||
		span.end_column - span.column != length + 2 * quotes)
		return span;
	span.column += quotes + g_utf8_strlen(start, from - start);
	span.end_column = span.column + g_utf8_strlen(from, to - from);
	return span;
}

static bool name_byte(char c)
{
	return g_ascii_isalnum(c) || c == '_' || c == '-';
}

static void syntax_error(struct reader *r, const char *from, const char *what)
{
	const char *to = MIN(from + 1, r->end);

	r->broken = true;
	if (from == r->end) {
		from = r->opened;
		to = r->end;
		what = "'${' is never closed";
	}
	diagnostic_add(r->scope->diagnostics, inner_span(r, from, to), "%s", what);
	diagnostic_hint(r->scope->diagnostics, "an expression is ${self.FIELD} or "
					       "${machine.NAME.FIELD}; write $${ for a literal ${");
}

/* One `.name` or `[0]`; NULL at the end of the path or after an error. */
static const char *read_part(struct reader *r)
{
	bool index = *r->at == '[';
	const char *from = ++r->at;

	while (r->at < r->end && (index ? g_ascii_isdigit(*r->at) : name_byte(*r->at)))
		r->at++;
	if (r->at == from) {
		syntax_error(r, from, index ? "expected an index" : "expected a name");
		return NULL;
	}
	if (index && (r->at >= r->end || *r->at != ']')) {
		syntax_error(r, r->at, "expected ']'");
		return NULL;
	}
	if (index)
		return arena_strndup(r->scope->arena, from, r->at++ - from);
	return arena_strndup(r->scope->arena, from, r->at - from);
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end && *r->at == ' ')
		r->at++;
}

/* Reads what stands between `${` and `}`. */
static bool read_path(struct reader *r, struct path *path)
{
	const char **rest = arena_array_of(r->scope->arena, const char *, 16);
	const char *from;

	skip_space(r);
	from = r->at;
	while (r->at < r->end && name_byte(*r->at))
		r->at++;
	if (r->at == from) {
		syntax_error(r, from, "expected an expression");
		return false;
	}
	path->root = arena_strndup(r->scope->arena, from, r->at - from);
	path->rest = rest;
	path->count = 0;
	while (r->at < r->end && (*r->at == '.' || *r->at == '[')) {
		if (path->count == 16) {
			syntax_error(r, r->at, "the path is too long");
			return false;
		}
		rest[path->count] = read_part(r);
		if (!rest[path->count++])
			return false;
	}
	path->span = inner_span(r, from, r->at);
	skip_space(r);
	if (r->at < r->end && *r->at == '}') {
		r->at++;
		return true;
	}
	syntax_error(r, r->at, "expected '}'");
	return false;
}

static const struct value *look_up(struct reader *r)
{
	static const char *const roots[] = {"self", "machine", NULL};
	const char *near;
	struct path path;

	r->opened = r->at;
	r->at += 2;
	if (!read_path(r, &path))
		return NULL;
	if (!strcmp(path.root, "self") || !strcmp(path.root, "machine"))
		return r->scope->lookup(r->scope->data, &path, r->scope->diagnostics);
	diagnostic_add(r->scope->diagnostics, path.span, "unknown name '%s'", path.root);
	near = text_suggest(path.root, roots);
	if (near)
		diagnostic_hint(r->scope->diagnostics, "did you mean '%s'?", near);
	else
		diagnostic_hint(r->scope->diagnostics, "known are 'self' and 'machine'");
	return NULL;
}

/* Appends a value as text. False when it has none. */
static bool append_text(struct reader *r, GString *text, const struct value *value)
{
	switch (value->type) {
	case VALUE_STRING:
		g_string_append_len(text, value->text.bytes, value->text.length);
		return true;
	case VALUE_BOOLEAN:
	case VALUE_INTEGER:
	case VALUE_NUMBER:
		json_append(text, value);
		return true;
	default:
		diagnostic_add(r->scope->diagnostics, inner_span(r, r->opened, r->at),
			"%s cannot be put into a string", value_type_name(value->type));
		return false;
	}
}

/* Text and paths in turn; *unknown is the first value that is not known yet. */
static bool interpolate(struct reader *r, GString *text, const struct value **unknown)
{
	bool ok = true;

	while (r->at < r->end && !r->broken) {
		const struct value *part;

		if (r->end - r->at >= 3 && !strncmp(r->at, "$${", 3)) {
			g_string_append(text, "${");
			r->at += 3;
			continue;
		}
		if (r->end - r->at < 2 || strncmp(r->at, "${", 2)) {
			g_string_append_c(text, *r->at++);
			continue;
		}
		part = look_up(r);
		if (!part)
			ok = false;
		else if (part->type == VALUE_UNKNOWN)
			*unknown = *unknown ? *unknown : part;
		else
			ok = append_text(r, text, part) && ok;
	}
	return ok;
}

/* `${path}` and nothing else keeps the type of what it names. */
static bool whole(const struct value *value)
{
	const char *text = value->text.bytes;
	size_t length = value->text.length;

	return length > 2 && !strncmp(text, "${", 2) &&
	       memchr(text, '}', length) == text + length - 1;
}

static const struct value *evaluate_string(const struct scope *scope, const struct value *value)
{
	struct reader r = {.scope = scope,
		.value = value,
		.at = value->text.bytes,
		.end = value->text.bytes + value->text.length};
	const struct value *unknown = NULL, *result;
	struct value *copy;
	GString *text;
	bool ok;

	if (whole(value)) {
		result = look_up(&r);
		if (!result)
			return NULL;
		copy = value_copy(scope->arena, result);
		copy->span = value->span;
		return copy;
	}
	text = g_string_new(NULL);
	ok = interpolate(&r, text, &unknown);
	if (unknown)
		copy = value_copy(scope->arena, unknown);
	else
		copy = value_string_n(scope->arena, text->str, text->len);
	copy->span = value->span;
	g_string_free(text, TRUE);
	return ok ? copy : NULL;
}

static const struct value *evaluate_list(const struct scope *scope, const struct value *value)
{
	struct value *list = value_list(scope->arena);
	bool ok = true;

	for (size_t i = 0; i < value->list.count; i++) {
		const struct value *item = expression_evaluate(scope, value->list.items[i]);

		ok = ok && item;
		if (item)
			value_append(scope->arena, list, (struct value *)item);
	}
	list->span = value->span;
	return ok ? list : NULL;
}

static const struct value *evaluate_map(const struct scope *scope, const struct value *value)
{
	struct value *map = value_map(scope->arena);
	bool ok = true;

	for (size_t i = 0; i < value->map.count; i++) {
		const struct member *member = &value->map.members[i];
		const struct value *item = expression_evaluate(scope, member->value);

		ok = ok && item;
		if (!item)
			continue;
		value_set(scope->arena, map, member->key, (struct value *)item);
		map->map.members[map->map.count - 1].key_span = member->key_span;
	}
	map->span = value->span;
	return ok ? map : NULL;
}

const struct value *expression_evaluate(const struct scope *scope, const struct value *value)
{
	if (!expression_in(value))
		return value;
	if (value->type == VALUE_STRING)
		return evaluate_string(scope, value);
	if (value->type == VALUE_LIST)
		return evaluate_list(scope, value);
	return evaluate_map(scope, value);
}
