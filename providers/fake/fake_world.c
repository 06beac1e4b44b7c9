/* The rules of the fake world: those that docs/protocol.md sets for every provider. */
#include "fake_world.h"

#include <string.h>

#include "base/id.h"
#include "base/text.h"

enum { FORMAT = 1 };

static void set_text(struct arena *arena, struct value *map, const char *key, const char *text)
{
	if (text)
		value_set(arena, map, key, value_string(arena, text));
}

static void set_map(
	struct arena *arena, struct value *map, const char *key, const struct value *value)
{
	if (value)
		value_set(arena, map, key, (struct value *)value);
}

struct value *fake_thing_format(struct arena *arena, const struct fake_thing *thing)
{
	struct value *map = value_map(arena), *mark = value_map(arena);

	set_text(arena, mark, "fleet", thing->fleet);
	set_text(arena, mark, "id", thing->fleet_id);
	set_text(arena, mark, "run", thing->run);
	value_set(arena, map, "format", value_integer(arena, FORMAT));
	set_text(arena, map, "address", thing->address);
	set_text(arena, map, "kind", thing->kind);
	value_set(arena, map, "mark", mark);
	set_text(arena, map, "incarnation", thing->incarnation);
	set_text(arena, map, "partial", thing->partial);
	set_text(arena, map, "boot", thing->boot);
	set_text(arena, map, "up", thing->up);
	set_text(arena, map, "ready", thing->ready);
	set_map(arena, map, "fields", thing->fields);
	set_map(arena, map, "record", thing->record);
	set_map(arena, map, "outputs", thing->outputs);
	return map;
}

struct fake_thing *fake_thing_parse(
	struct arena *arena, const struct value *map, struct error **err)
{
	struct fake_thing *thing = arena_new_of(arena, struct fake_thing);
	const struct value *mark = value_get_map(map, "mark");

	if (value_get_integer(map, "format", 0) > FORMAT) {
		error_set(err, ERROR_CONFLICT, "it was written by a newer version of provision");
		return NULL;
	}
	thing->address = value_get_string(map, "address");
	thing->kind = value_get_string(map, "kind");
	thing->fleet = value_get_string(mark, "fleet");
	thing->fleet_id = value_get_string(mark, "id");
	thing->run = value_get_string(mark, "run");
	thing->incarnation = value_get_string(map, "incarnation");
	thing->partial = value_get_string(map, "partial");
	thing->boot = value_get_string(map, "boot");
	thing->up = value_get_string(map, "up");
	thing->ready = value_get_string(map, "ready");
	thing->fields = value_get_map(map, "fields");
	thing->record = value_get_map(map, "record");
	thing->outputs = value_get_map(map, "outputs");
	if (thing->address && thing->kind && thing->incarnation && thing->fields)
		return thing;
	error_set(err, ERROR_FAILED, "it lacks an address, a kind, an incarnation or fields");
	return NULL;
}

static bool is_ours(const struct fake_thing *thing, const char *fleet_id)
{
	return thing->fleet_id && !strcmp(thing->fleet_id, fleet_id);
}

static void set_foreign(struct arena *arena, const struct fake_thing *thing, struct answer *answer)
{
	answer->status = STATUS_FOREIGN;
	answer->text = thing->fleet_id ? arena_printf(arena, "it belongs to fleet '%s' with id %s",
						 thing->fleet ? thing->fleet : "", thing->fleet_id)
				       : "it bears no mark of a fleet";
}

void fake_describe(struct arena *arena, const struct fake_thing *thing, const char *fleet_id,
	struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (!thing) {
		answer->status = STATUS_ABSENT;
		return;
	}
	if (!is_ours(thing, fleet_id)) {
		set_foreign(arena, thing, answer);
		return;
	}
	answer->status = STATUS_PRESENT;
	answer->incarnation = thing->incarnation;
	answer->actual = thing->fields;
	answer->record = thing->record;
	answer->outputs = thing->outputs;
	answer->up = thing->boot && thing->up && !strcmp(thing->boot, thing->up);
	answer->ready = answer->up && thing->ready && !strcmp(thing->boot, thing->ready);
	answer->partial = thing->partial;
}

/* A field that is not there counts as null, as it does in a plan. */
static bool same(const struct value *a, const struct value *b)
{
	bool no_a = !a || a->type == VALUE_NULL, no_b = !b || b->type == VALUE_NULL;

	return no_a || no_b ? no_a && no_b : value_equal(a, b);
}

static const char *find_moved(
	struct arena *arena, const struct fake_thing *thing, const struct object *object)
{
	const struct value *expected = object->expect_fields;

	for (size_t i = 0; expected && i < expected->map.count; i++) {
		const struct member *m = &expected->map.members[i];

		if (!same(value_get(thing->fields, m->key), m->value))
			return arena_printf(arena, "'%s' was changed meanwhile", m->key);
	}
	return NULL;
}

bool fake_allows(struct arena *arena, const struct fake_thing *thing, const char *fleet_id,
	const struct object *object, struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->status = STATUS_STALE;
	if (thing && !is_ours(thing, fleet_id))
		set_foreign(arena, thing, answer);
	else if (!thing && object->expect)
		answer->text = "it is gone";
	else if (thing && !object->expect)
		answer->text = "it is there already";
	else if (thing && strcmp(thing->incarnation, object->expect) != 0)
		answer->text = "it was made anew meanwhile";
	else if (thing)
		answer->text = find_moved(arena, thing, object);
	return answer->status == STATUS_STALE && !answer->text;
}

/* The first octets of a digest, so that a name has one value for good. */
static unsigned number_of(const char *address, const char *field)
{
	AUTO(gfree) char *text = g_strconcat(address, "\n", field, NULL);
	AUTO(gfree) char *digest = id_digest(text, strlen(text));

	digest[6] = '\0';
	return strtoul(digest, NULL, 16);
}

static struct value *output_of(
	struct arena *arena, const struct field *field, const struct object *object)
{
	unsigned number = number_of(object->address, field->name);

	switch (field->type) {
	case FIELD_INTEGER:
	case FIELD_SIZE:
	case FIELD_DURATION:
	case FIELD_NUMBER:
		return value_integer(arena, 1024 + number % 64000);
	case FIELD_BOOLEAN:
		return value_boolean(arena, true);
	case FIELD_LIST:
		return value_list(arena);
	case FIELD_MAP:
		return value_map(arena);
	default:
		break;
	}
	if (!strcmp(field->name, "address"))
		return value_format(
			arena, "10.%u.%u.%u", number >> 16, number >> 8 & 255, number & 255);
	return value_format(arena, "%s-%s", object->name, field->name);
}

static const struct value *outputs_new(struct arena *arena, const struct provider_kind *kind,
	const struct object *object, const char *incarnation)
{
	struct value *outputs = value_map(arena);

	for (const struct field *field = kind->fields; field->name; field++)
		if (field->computed)
			value_set(arena, outputs, field->name,
				strcmp(field->name, "id") ? output_of(arena, field, object)
							  : value_string(arena, incarnation));
	return outputs;
}

static const char *random_in(struct arena *arena)
{
	AUTO(gfree) char *id = id_random();

	return arena_strdup(arena, id);
}

static bool is_off(const struct value *fields)
{
	return !g_strcmp0(value_get_string(fields, "state"), "stopped");
}

static struct fake_thing *make(
	const struct call *call, const struct object *object, const struct provider_kind *kind)
{
	struct fake_thing *thing = arena_new_of(call->arena, struct fake_thing);

	thing->address = object->address;
	thing->kind = object->kind;
	thing->fleet = call->fleet;
	thing->fleet_id = call->fleet_id;
	thing->run = call->run;
	thing->incarnation = random_in(call->arena);
	thing->fields = object->after;
	thing->record = object->record;
	thing->outputs = outputs_new(call->arena, kind, object, thing->incarnation);
	if (kind->machine && !is_off(object->after))
		thing->boot = random_in(call->arena);
	return thing;
}

/* Copies at most `most` of the changing fields; tells what their change costs. */
static const struct value *merge(const struct call *call, const struct object *object,
	const struct provider_kind *kind, const struct value *old, size_t most,
	enum change_class *class)
{
	struct value *fields = value_copy(call->arena, old);
	const struct value *names = object->fields;

	*class = CHANGE_LIVE;
	for (size_t i = 0; names && i < names->list.count && i < most; i++) {
		const struct value *name = names->list.items[i];
		const struct field *field;
		struct value *value;

		if (name->type != VALUE_STRING)
			continue;
		field = schema_find(kind->fields, name->text.bytes);
		value = value_get(object->after, name->text.bytes);
		if (value)
			value_set(call->arena, fields, name->text.bytes, value);
		else
			value_unset(fields, name->text.bytes);
		if (field)
			*class = MAX(*class, field->change);
	}
	return fields;
}

static struct fake_thing *update(const struct call *call, const struct object *object,
	const struct provider_kind *kind, const struct fake_thing *old, size_t most)
{
	struct fake_thing *thing = arena_new_of(call->arena, struct fake_thing);
	enum change_class class;

	*thing = *old;
	thing->fields = merge(call, object, kind, old->fields, most, &class);
	thing->run = call->run;
	if (!kind->machine)
		return thing;
	if (is_off(thing->fields))
		thing->boot = NULL;
	else if (!thing->boot || class == CHANGE_REBOOT)
		thing->boot = random_in(call->arena);
	return thing;
}

struct fake_thing *fake_changed(const struct call *call, const struct object *object,
	const struct provider_kind *kind, const struct fake_thing *thing)
{
	struct fake_thing *after;

	switch (object->action) {
	case ACTION_UPDATE:
		after = update(call, object, kind, thing, SIZE_MAX);
		after->record = object->record;
		return after;
	case ACTION_DELETE:
		return NULL;
	default:
		return make(call, object, kind);
	}
}

struct fake_thing *fake_halfway(const struct call *call, const struct object *object,
	const struct provider_kind *kind, const struct fake_thing *thing)
{
	struct fake_thing *half;

	if (object->action == ACTION_UPDATE)
		return update(call, object, kind, thing, 1);
	if (object->action == ACTION_DELETE) {
		half = arena_new_of(call->arena, struct fake_thing);
		*half = *thing;
		half->partial = "its removal was begun and not finished";
		return half;
	}
	half = make(call, object, kind);
	half->fields = value_map(call->arena);
	half->partial = "its making was begun and not finished";
	return half;
}

bool fake_arrive(struct fake_thing *thing, const char *until)
{
	if (!thing->boot)
		return false;
	thing->up = thing->boot;
	if (!strcmp(until, "ready"))
		thing->ready = thing->boot;
	return true;
}
