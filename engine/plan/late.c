/* Values that other resources give: known now, or known after they are made. */
#include <string.h>

#include "document/json.h"
#include "fleet/expression.h"
#include "plan/plan.h"

struct late {
	const struct plan *plan;
	struct arena *arena;
	const struct target *target;
};

/* What lies at a place inside of a list or map; NULL if nothing does. */
static const struct value *member_at(const struct value *value, const char *part)
{
	size_t digits = strspn(part, "0123456789");
	guint64 index;

	if (value->type != VALUE_LIST)
		return value_get(value, part);
	index = digits && !part[digits] ? g_ascii_strtoull(part, NULL, 10) : G_MAXUINT64;
	return index < value->list.count ? value->list.items[index] : NULL;
}

/* A field as the file or its default says, or an output as it is or will be. */
static const struct value *value_of(struct late *late, const struct target *t, const char *name)
{
	const struct value *value = value_get(t->after, name);

	if (!value)
		value = value_get(t->outputs, name);
	if (!value && !t->settled)
		value = value_unknown(late->arena, t->resource->address);
	return value;
}

/* fleet_check() has refused all paths that lead nowhere. */
static const struct value *look_up(
	void *data, const struct path *path, struct diagnostics *diagnostics)
{
	struct late *late = data;
	size_t at = strcmp(path->root, "self") ? 1 : 0;
	AUTO(gfree)
	char *address = at ? g_strdup_printf("machine.%s", path->rest[0])
			   : g_strdup(late->target->resource->scope);
	const struct target *t = plan_target(late->plan, fleet_find(late->plan->fleet, address));
	const struct value *value = value_of(late, t, path->rest[at]);

	while (value && value->type != VALUE_UNKNOWN && ++at < path->count)
		value = member_at(value, path->rest[at]);
	if (value)
		return value;
	diagnostic_add(diagnostics, path->span, "%s gives no value '%s'", address,
		path->rest[MIN(at, path->count - 1)]);
	if (t->resource->stopped)
		diagnostic_hint(diagnostics, "its state is 'stopped'");
	return NULL;
}

/* The name of an image becomes the key under which its provider knows it. */
static const struct value *refer(
	struct late *late, const struct field *field, const struct value *name)
{
	AUTO(gfree) char *address = g_strdup_printf("%s.%s", field->refers, name->text.bytes);
	const struct resource *r = fleet_find(late->plan->fleet, address);
	const struct value *key = value_get(plan_target(late->plan, r)->outputs, "key");
	struct value *copy =
		key ? value_copy(late->arena, key) : value_unknown(late->arena, r->address);

	copy->span = name->span;
	return copy;
}

static const struct value *adapt(
	struct late *late, const struct field *field, const struct value *value);

static const struct value *adapt_list(
	struct late *late, const struct field *field, const struct value *value)
{
	struct value *list = value_list(late->arena);

	list->span = value->span;
	for (size_t i = 0; i < value->list.count; i++)
		value_append(late->arena, list,
			(struct value *)adapt(late, field->item, value->list.items[i]));
	return list;
}

static const struct value *adapt_map(
	struct late *late, const struct field *field, const struct value *value)
{
	struct value *map = value_map(late->arena);

	map->span = value->span;
	for (size_t i = 0; i < value->map.count; i++) {
		const struct member *m = &value->map.members[i];
		const struct field *inner =
			field->fields ? schema_find(field->fields, m->key) : field->item;

		value_set(late->arena, map, m->key, (struct value *)adapt(late, inner, m->value));
	}
	return map;
}

/* What an expression gives is no string where it names something else, but becomes one. */
static const struct value *as_string(struct late *late, const struct value *value)
{
	AUTO(gfree) char *text = NULL;
	struct value *string;

	if (value->type != VALUE_INTEGER && value->type != VALUE_NUMBER &&
		value->type != VALUE_BOOLEAN)
		return value;
	text = json_format(value);
	string = value_string(late->arena, text);
	string->span = value->span;
	return string;
}

/* References and strings in a value, however deep its field has them. */
static const struct value *adapt(
	struct late *late, const struct field *field, const struct value *value)
{
	if (!field)
		return value;
	if (field->type == FIELD_REFERENCE && value->type == VALUE_STRING)
		return refer(late, field, value);
	if (field->type == FIELD_STRING)
		return as_string(late, value);
	if (field->item && value->type == VALUE_LIST)
		return adapt_list(late, field, value);
	if ((field->item || field->fields) && value->type == VALUE_MAP)
		return adapt_map(late, field, value);
	return value;
}

/* The value that a field is to have; `field` is NULL for one of an open kind. */
static const struct value *value_for(struct late *late, const struct field *field,
	const struct value *written, struct diagnostics *diagnostics)
{
	struct scope scope = {look_up, late, late->arena, diagnostics};
	const struct value *value = expression_evaluate(&scope, written);

	if (value)
		value = adapt(late, field, value);
	if (value && field && expression_in(written))
		value = schema_check_value(late->arena, field, value, diagnostics);
	return value;
}

const struct value *plan_said(const struct plan *plan, struct arena *arena,
	const struct target *target, struct diagnostics *diagnostics)
{
	struct late late = {plan, arena, target};
	const struct value *said = target->resource->said;
	struct value *all = value_map(arena);
	bool ok = true;

	all->span = said->span;
	for (size_t i = 0; i < said->map.count; i++) {
		const struct member *m = &said->map.members[i];
		const struct field *field = schema_find(target->resource->fields, m->key);
		const struct value *value = value_for(&late, field, m->value, diagnostics);

		ok = ok && value;
		if (value)
			value_set(arena, all, m->key, (struct value *)value);
	}
	return ok ? all : NULL;
}

const struct value *plan_ready(const struct plan *plan, struct arena *arena,
	const struct target *target, struct diagnostics *diagnostics)
{
	struct late late = {plan, arena, target};
	const struct value *ready = target->resource->ready;

	if (!ready)
		return NULL;
	return value_for(&late, schema_find(machine_fields, "ready"), ready, diagnostics);
}

/* The dependencies are in order of address, those on groups behind the others. */
struct value *plan_depends(struct arena *arena, const struct resource *resource)
{
	struct value *list = value_list(arena);

	for (unsigned i = 0; i < resource->dependencies->len; i++) {
		const struct dependency *d =
			&g_array_index(resource->dependencies, struct dependency, i);

		value_append(arena, list,
			value_string(arena, d->group ? d->group->pattern : d->on->address));
	}
	return list;
}
