/* Values that other resources give: known now, or known after they are made. */
#include <string.h>

#include "fleet/expression.h"
#include "plan/plan.h"

struct late {
	const struct plan *plan;
	struct arena *arena;
	const struct target *target;
};

static struct target *find(const struct plan *plan, const char *address)
{
	struct resource *r = fleet_find(plan->fleet, address);

	return r ? g_hash_table_lookup(plan->by_resource, r) : NULL;
}

/* fleet_check() has refused all paths that lead nowhere. */
static const struct value *look_up(
	void *data, const struct path *path, struct diagnostics *diagnostics)
{
	struct late *late = data;
	bool self = !strcmp(path->root, "self");
	const char *address = self ? late->target->resource->scope
				   : arena_printf(late->arena, "machine.%s", path->rest[0]);
	const struct target *target = find(late->plan, address);
	const struct value *value;
	size_t at = self ? 0 : 1;

	value = value_get(target->after, path->rest[at]);
	if (!value)
		value = value_get(target->outputs, path->rest[at]);
	if (!value && !target->settled)
		return value_unknown(late->arena, address);
	while (value && ++at < path->count)
		value = value->type == VALUE_LIST && strspn(path->rest[at], "0123456789") &&
					strtoul(path->rest[at], NULL, 10) < value->list.count
				? value->list.items[strtoul(path->rest[at], NULL, 10)]
				: value_get(value, path->rest[at]);
	if (value)
		return value;
	diagnostic_add(diagnostics, path->span, "'%s' has no such value", address);
	return NULL;
}

/* The name of an image becomes the key under which its provider knows it. */
static const struct value *refer(
	struct late *late, const struct field *field, const struct value *name)
{
	AUTO(gfree) char *address = g_strdup_printf("%s.%s", field->refers, name->text.bytes);
	const struct target *target = find(late->plan, address);
	struct value *copy;
	const struct value *key;

	if (!target)
		return name;
	key = value_get(target->outputs, "key");
	copy = key ? value_copy(late->arena, key) : value_unknown(late->arena, address);
	copy->span = name->span;
	return copy;
}

const struct value *plan_said(const struct plan *plan, struct arena *arena,
	const struct target *target, struct diagnostics *diagnostics)
{
	struct late late = {plan, arena, target};
	struct scope scope = {look_up, &late, arena, diagnostics};
	const struct value *said = target->resource->said;
	struct value *all = value_map(arena);

	all->span = said->span;
	for (size_t i = 0; i < said->map.count; i++) {
		const struct member *m = &said->map.members[i];
		const struct field *field = schema_find(target->resource->fields, m->key);
		const struct value *value = m->value;

		if (expression_in(value)) {
			value = expression_evaluate(&scope, value);
			if (value && field && !value_has_unknown(value))
				value = schema_check_value(arena, field, value, diagnostics);
			if (!value)
				return NULL;
		}
		if (field && field->type == FIELD_REFERENCE && value->type == VALUE_STRING)
			value = refer(&late, field, value);
		value_set(arena, all, m->key, (struct value *)value);
	}
	return all;
}

const struct value *plan_ready(const struct plan *plan, struct arena *arena,
	const struct target *target, struct diagnostics *diagnostics)
{
	struct late late = {plan, arena, target};
	struct scope scope = {look_up, &late, arena, diagnostics};

	if (!target->resource->ready)
		return NULL;
	return expression_evaluate(&scope, target->resource->ready);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct value *plan_depends(struct arena *arena, const struct resource *resource)
{
	struct value *list = value_list(arena);
	GPtrArray *names = g_ptr_array_new();

	for (unsigned i = 0; i < resource->dependencies->len; i++)
		g_ptr_array_add(
			names, (void *)g_array_index(resource->dependencies, struct dependency, i)
				       .on->address);
	g_ptr_array_sort(names, by_text);
	for (unsigned i = 0; i < names->len; i++)
		value_append(arena, list, value_string(arena, names->pdata[i]));
	g_ptr_array_free(names, TRUE);
	return list;
}
