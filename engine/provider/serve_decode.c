/* From a message to a struct call, with everything checked that a provider may rely on. */
#include "provider/serve.h"

#include <string.h>

struct decoder {
	const struct serve *serve;
	struct served *served;
	struct arena *arena;
};

static bool lacks(struct error **err, const char *call, const char *what)
{
	error_set(err, ERROR_INTERNAL, "'%s' needs %s", call, what);
	return false;
}

static serve_function *function_of(const struct provider_kind *kind, const char *call)
{
	if (!strcmp(call, "list"))
		return kind->list;
	if (!strcmp(call, "read"))
		return kind->read;
	return strcmp(call, "change") ? kind->wait : kind->change;
}

static serve_function *find_function(const struct decoder *d, const char *name, struct error **err)
{
	const struct provider_kind *found = NULL;
	const char *call = d->served->call.name;
	serve_function *function;

	for (const struct provider_kind *kind = d->serve->kinds; kind->name; kind++)
		if (!strcmp(kind->name, name) || (!found && !strcmp(kind->name, "*")))
			found = kind;
	function = found ? function_of(found, call) : NULL;
	if (!found)
		error_set(err, ERROR_INTERNAL, "there is no kind '%s' here", name);
	else if (!function)
		error_set(err, ERROR_INTERNAL, "kind '%s' knows no '%s'", name, call);
	return function;
}

static enum action action_parse(const char *name)
{
	static const char *const names[] = {
		[ACTION_CREATE] = "create",
		[ACTION_UPDATE] = "update",
		[ACTION_REPLACE] = "replace",
		[ACTION_DELETE] = "delete",
	};

	for (size_t i = 1; name && i < G_N_ELEMENTS(names); i++)
		if (!strcmp(names[i], name))
			return i;
	return ACTION_NONE;
}

static bool decode_change(const struct value *map, struct object *object, struct error **err)
{
	object->action = action_parse(value_get_string(map, "action"));
	object->expect = value_get_string(map, "expect");
	object->expect_fields = value_get_map(map, "expect_fields");
	object->after = value_get_map(map, "after");
	object->fields = value_get_list(map, "fields");
	object->record = value_get_map(map, "record");
	if (object->action == ACTION_NONE)
		return lacks(err, "change", "an 'action': create, update, replace or delete");
	if (!object->after && object->action != ACTION_DELETE)
		return lacks(err, "change", "an 'after'");
	if (!object->expect && object->action != ACTION_CREATE)
		return lacks(err, "change", "an 'expect' unless it creates");
	return true;
}

static bool decode_wait(const struct value *map, struct object *object, struct error **err)
{
	object->until = value_get_string(map, "until");
	object->ready = value_get_map(map, "ready");
	object->timeout = value_get_integer(map, "timeout", 0);
	if (!object->until || (strcmp(object->until, "up") && strcmp(object->until, "ready")))
		return lacks(err, "wait", "an 'until': up or ready");
	return true;
}

static bool decode_object(struct decoder *d, const struct value *map, struct object *object,
	serve_function **function, struct error **err)
{
	const char *call = d->served->call.name;

	object->address = value_get_string(map, "address");
	object->kind = value_get_string(map, "kind");
	object->name = value_get_string(map, "name");
	if (!object->address || !*object->address || !object->kind || !object->name)
		return lacks(err, call, "'address', 'kind' and 'name' of each object");
	*function = find_function(d, object->kind, err);
	if (!*function)
		return false;
	if (!g_hash_table_add(d->served->waiting, (void *)object->address)) {
		error_set(err, ERROR_INTERNAL, "'%s' stands in one request twice", object->address);
		return false;
	}
	object->desired = value_get_map(map, "desired");
	if (!strcmp(call, "change"))
		return decode_change(map, object, err);
	return strcmp(call, "wait") || decode_wait(map, object, err);
}

/* Objects of one function stand together, in their order, so that it gets them as one batch. */
static void group(struct decoder *d)
{
	struct served *s = d->served;
	size_t count = s->call.count, n = 0;
	struct object *objects = arena_array_of(d->arena, struct object, count);
	serve_function **functions = arena_array_of(d->arena, serve_function *, count);

	for (size_t i = 0; i < count; i++) {
		serve_function *function = s->functions[i];

		for (size_t j = i; function && j < count; j++) {
			if (s->functions[j] != function)
				continue;
			objects[n] = s->call.objects[j];
			functions[n++] = function;
			s->functions[j] = NULL;
		}
	}
	s->call.objects = objects;
	s->functions = functions;
}

static bool decode_objects(struct decoder *d, const struct value *message, struct error **err)
{
	const struct value *list = value_get_list(message, "objects");
	struct served *s = d->served;

	if (!list)
		return lacks(err, s->call.name, "'objects'");
	s->call.count = list->list.count;
	s->call.objects = arena_array_of(d->arena, struct object, s->call.count);
	s->functions = arena_array_of(d->arena, serve_function *, s->call.count);
	for (size_t i = 0; i < s->call.count; i++)
		if (!decode_object(
			    d, list->list.items[i], &s->call.objects[i], &s->functions[i], err))
			return false;
	group(d);
	return true;
}

static bool decode_list(struct decoder *d, const struct value *message, struct error **err)
{
	struct served *s = d->served;

	s->call.kind = value_get_string(message, "kind");
	if (!s->call.kind)
		return lacks(err, "list", "a 'kind'");
	s->functions = arena_array_of(d->arena, serve_function *, 1);
	s->functions[0] = find_function(d, s->call.kind, err);
	return s->functions[0] != NULL;
}

static bool decode(struct decoder *d, const struct value *message, struct error **err)
{
	static const char *const calls[] = {"list", "read", "change", "wait"};
	const struct value *fleet = value_get_map(message, "fleet");
	const char *name = value_get_string(message, "call");
	const char *scope = value_get_string(message, "scope"), *run;
	struct call *call = &d->served->call;

	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++)
		if (!strcmp(calls[i], name))
			call->name = calls[i];
	if (!call->name) {
		error_set(err, ERROR_INTERNAL, "there is no call '%s'", name);
		return false;
	}
	run = value_get_string(message, "run");
	call->scope = scope ? scope : "";
	call->run = run ? run : "";
	call->fleet = value_get_string(fleet, "name");
	call->fleet_id = value_get_string(fleet, "id");
	call->state_dir = d->serve->state_dir;
	if (!call->fleet || !*call->fleet || !call->fleet_id || !*call->fleet_id)
		return lacks(err, call->name, "a 'fleet' with name and id");
	return strcmp(name, "list") ? decode_objects(d, message, err)
				    : decode_list(d, message, err);
}

struct served *serve_decode(
	struct serve *serve, struct arena *arena, const struct value *message, struct error **err)
{
	struct decoder d = {serve, arena_new_of(arena, struct served), arena};

	d.served->call.arena = arena;
	d.served->waiting = g_hash_table_new(g_str_hash, g_str_equal);
	if (decode(&d, message, err))
		return d.served;
	g_hash_table_destroy(d.served->waiting);
	return NULL;
}

struct value *serve_error_value(struct arena *arena, const struct error *err)
{
	struct value *map = value_map(arena);
	AUTO(gfree) char *message = g_utf8_make_valid(err->message, -1);
	AUTO(gfree) char *hint = err->hint ? g_utf8_make_valid(err->hint, -1) : NULL;

	value_set(arena, map, "class", value_string(arena, error_class_name(err->class)));
	value_set(arena, map, "message", value_string(arena, message));
	if (hint)
		value_set(arena, map, "hint", value_string(arena, hint));
	return map;
}
