/* In the worker: runs the provider's functions and writes what they emit, one line each. */
#include "provider/serve.h"

#include <stdarg.h>
#include <string.h>

#include "base/file.h"
#include "document/json.h"

enum { PROGRESS_MOST = 200 };

static struct served *served_of(struct call *call)
{
	return (struct served *)call;
}

static const char *valid(struct arena *arena, const char *text)
{
	AUTO(gfree) char *copy = g_utf8_make_valid(text, -1);

	return arena_strdup(arena, copy);
}

/* `last` marks the line that ends the request. A server that is gone ends us by signal; should a
 * write fail first, nothing is left to do either. False if the line is too long. */
static bool write_line(struct served *served, const struct value *message, bool last)
{
	GString *line = g_string_new(last ? "!" : ".");
	bool fits;

	json_append(line, message);
	fits = line->len - 1 <= PROTOCOL_LINE_MOST;
	g_string_append_c(line, '\n');
	if (fits && !fd_write_all(served->fd, line->str, line->len))
		_exit(1);
	g_string_free(line, TRUE);
	return fits;
}

static struct value *message_new(struct arena *arena, const struct served *served)
{
	struct value *message = value_map(arena);

	value_set(arena, message, "id", value_integer(arena, served->id));
	return message;
}

static void set_text(struct arena *arena, struct value *map, const char *key, const char *text)
{
	if (text)
		value_set(arena, map, key, value_string(arena, valid(arena, text)));
}

static void set_map(
	struct arena *arena, struct value *map, const char *key, const struct value *value)
{
	if (value)
		value_set(arena, map, key, (struct value *)value);
}

static struct value *object_new(
	struct arena *arena, const char *address, const char *kind, const char *status)
{
	struct value *map = value_map(arena);

	set_text(arena, map, "address", address);
	set_text(arena, map, "kind", kind);
	set_text(arena, map, "status", status);
	return map;
}

static bool write_object(struct served *served, struct arena *arena, struct value *object)
{
	struct value *message = message_new(arena, served);

	value_set(arena, message, "object", object);
	return write_line(served, message, false);
}

static void write_failure(
	struct served *served, const char *address, const char *kind, const struct error *err)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *object = object_new(arena, address, kind, "failed");

	value_set(arena, object, "error", serve_error_value(arena, err));
	if (!write_object(served, arena, object))
		_exit(1);
}

static const char *status_name(enum status status)
{
	static const char *const names[] = {
		[STATUS_ABSENT] = "absent",
		[STATUS_PRESENT] = "present",
		[STATUS_FOREIGN] = "foreign",
		[STATUS_UNKNOWN] = "unknown",
		[STATUS_CHANGED] = "changed",
		[STATUS_STALE] = "stale",
	};

	return names[status];
}

static void write_answer(
	struct served *served, const char *address, const char *kind, const struct answer *answer)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct value *map = object_new(arena, address, kind, status_name(answer->status));

	set_text(arena, map, "text", answer->text);
	set_text(arena, map, "incarnation", answer->incarnation);
	set_map(arena, map, "actual", answer->actual);
	set_map(arena, map, "record", answer->record);
	set_map(arena, map, "outputs", answer->outputs);
	if (answer->up)
		value_set(arena, map, "up", value_boolean(arena, true));
	if (answer->ready)
		value_set(arena, map, "ready", value_boolean(arena, true));
	set_text(arena, map, "partial", answer->partial);
	if (write_object(served, arena, map))
		return;
	error_set(&err, ERROR_INTERNAL, "the answer is longer than a line of the protocol may be");
	write_failure(served, address, kind, err);
}

/* The first answer counts. */
static bool take_turn(struct call *call, const struct object *object)
{
	return g_hash_table_remove(served_of(call)->waiting, object->address);
}

void emit_answer(struct call *call, const struct object *object, const struct answer *answer)
{
	if (take_turn(call, object))
		write_answer(served_of(call), object->address, object->kind, answer);
}

void emit_listed(
	struct call *call, const char *address, const char *kind, const struct answer *answer)
{
	write_answer(served_of(call), address, kind, answer);
}

void emit_failure(struct call *call, const struct object *object, struct error **err)
{
	if (take_turn(call, object))
		write_failure(served_of(call), object->address, object->kind, *err);
	error_clear(err);
}

/* Cut between characters. */
static void shorten(char *text)
{
	size_t length = strlen(text);

	if (length > PROGRESS_MOST) {
		length = PROGRESS_MOST;
		while (length && (text[length] & 0xc0) == 0x80)
			length--;
		text[length] = '\0';
	}
}

void emit_progress(struct call *call, const struct object *object, const char *format, ...)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *message = message_new(arena, served_of(call));
	AUTO(gfree) char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	shorten(text);
	set_text(arena, message, "event", "progress");
	if (object)
		set_text(arena, message, "address", object->address);
	set_text(arena, message, "text", text);
	write_line(served_of(call), message, false);
}

static bool run_batches(struct served *served, struct error **err)
{
	struct object *all = served->call.objects;
	size_t count = served->call.count, end;
	bool ok = true;

	for (size_t at = 0; ok && at < count; at = end) {
		for (end = at + 1; end < count && served->functions[end] == served->functions[at];)
			end++;
		served->call.objects = &all[at];
		served->call.count = end - at;
		ok = served->functions[at](&served->call, err);
	}
	served->call.objects = all;
	served->call.count = count;
	return ok;
}

static void write_missing(struct served *served)
{
	for (size_t i = 0; i < served->call.count; i++) {
		const struct object *object = &served->call.objects[i];
		struct error *err = NULL;

		if (!g_hash_table_contains(served->waiting, object->address))
			continue;
		error_set(&err, ERROR_INTERNAL, "the provider did not answer");
		emit_failure(&served->call, object, &err);
	}
}

void serve_run(struct served *served)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct value *message = message_new(arena, served);
	bool list = !strcmp(served->call.name, "list");
	bool ok = list ? served->functions[0](&served->call, &err) : run_batches(served, &err);

	if (!ok && !err)
		error_set(&err, ERROR_INTERNAL, "the provider failed without saying why");
	if (ok)
		write_missing(served);
	else
		value_set(arena, message, "error", serve_error_value(arena, err));
	if (ok && list)
		value_set(arena, message, "complete", value_boolean(arena, served->call.complete));
	value_set(arena, message, "done", value_boolean(arena, true));
	write_line(served, message, true);
}
