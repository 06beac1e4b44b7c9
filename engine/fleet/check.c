/* Resources against the fields of their kinds, and what each of them depends on. */
#include <string.h>

#include "fleet/fleet.h"
#include "fleet/order.h"
#include "fleet/path.h"

struct checker {
	struct arena *arena;
	struct fleet *fleet;
	fleet_kind_lookup *lookup;
	void *data;
	struct diagnostics *diagnostics;
	const char *const *own_keys; /* of machine_fields; ends with NULL */
	struct resource *resource;   /* the one that is being looked at */
	GHashTable *default_keys;    /* keys of defaults that some kind knows */
	bool every_kind_known, any_machine;
	bool in_ready;
};

static void depend(struct checker *c, struct resource *on, enum stage stage)
{
	struct dependency dependency = {.on = on, .stage = stage};

	if (on != c->resource)
		g_array_append_val(c->resource->dependencies, dependency);
}

static int by_index(const void *a, const void *b)
{
	const struct dependency *x = a, *y = b;
	unsigned i = x->group ? x->group->index : x->on->index;
	unsigned j = y->group ? y->group->index : y->on->index;

	if (!x->group != !y->group)
		return x->group ? 1 : -1;
	if (i != j)
		return i < j ? -1 : 1;
	return (int)y->stage - (int)x->stage;
}

/* In order, each once: of two stages the later holds for both. */
static void settle_dependencies(struct resource *r)
{
	GArray *all = r->dependencies;
	unsigned kept = 0;

	g_array_sort(all, by_index);
	for (unsigned i = 0; i < all->len; i++) {
		struct dependency d = g_array_index(all, struct dependency, i);
		const struct dependency *last =
			kept ? &g_array_index(all, struct dependency, kept - 1) : NULL;

		if (!last || last->on != d.on || last->group != d.group)
			g_array_index(all, struct dependency, kept++) = d;
	}
	g_array_set_size(all, kept);
}

static void add_member(
	struct checker *c, struct value *map, const struct member *from, struct value *value)
{
	value_set(c->arena, map, from->key, value);
	map->map.members[map->map.count - 1].key_span = from->key_span;
}

/* Defaults count as said by the machine, where its kind has such a field. */
static const struct value *with_defaults(struct checker *c, const struct resource *r)
{
	const struct value *defaults = c->fleet->defaults;
	struct value *all = value_map(c->arena);

	all->span = r->span;
	for (size_t i = 0; r->written->type == VALUE_MAP && i < r->written->map.count; i++)
		add_member(c, all, &r->written->map.members[i], r->written->map.members[i].value);
	for (size_t i = 0; r->is_machine && defaults && i < defaults->map.count; i++) {
		const struct member *m = &defaults->map.members[i];

		if (!r->open && !schema_find(r->fields, m->key))
			continue;
		g_hash_table_add(c->default_keys, (void *)m->key);
		if (!value_get(all, m->key))
			add_member(c, all, m, m->value);
	}
	return all;
}

/* What is the engine's and the provider's both, such as `state`: the provider starts and stops. A
 * file that is silent about it says "running". */
static void add_shared(struct checker *c, const struct resource *r, struct value *said)
{
	for (const char *const *key = c->own_keys; *key; key++) {
		const struct field *field = schema_find(r->fields, *key);
		struct value *value = value_get(r->own, *key);

		if (!field || field->computed)
			continue;
		if (value)
			value = schema_check_value(c->arena, field, value, c->diagnostics);
		else if (!strcmp(*key, "state"))
			value = value_string(c->arena, "running");
		if (value)
			value_set(c->arena, said, *key, value);
	}
}

/* The keys that are looked at elsewhere. An image's map has nothing but its kind's fields. */
static const char *const *skipped(const struct checker *c, const struct resource *r)
{
	static const char *const of_resources[] = {"provider", "kind", NULL};
	static const char *const none[] = {NULL};

	if (r->is_machine)
		return c->own_keys;
	return r->short_form ? none : of_resources;
}

static void check_fields(struct checker *c, struct resource *r)
{
	const char *name = r->group && r->is_machine ? r->group->name : r->name;
	struct value *said;
	const char *what;

	if (r->twin && r->twin->said) {
		r->said = r->twin->said;
		return;
	}
	what = arena_printf(c->arena, "%s '%s' of provider '%s'", r->kind, name, r->provider);
	said = schema_check(c->arena, r->fields, r->open, with_defaults(c, r), what, skipped(c, r),
		c->diagnostics);
	if (r->is_machine)
		add_shared(c, r, said);
	r->said = said;
}

static void check_needs(struct checker *c, struct resource *r)
{
	for (size_t i = 0; r->needs && i < r->needs->list.count; i++) {
		const struct value *name = r->needs->list.items[i];
		const struct group *group =
			g_hash_table_lookup(c->fleet->counted, name->text.bytes);
		struct dependency all = {.group = group, .stage = STAGE_READY};
		struct resource *on = NULL;

		if (!group)
			on = fleet_machine(c->fleet, name->text.bytes, name->span, c->diagnostics);
		if (on == r || (group && group == r->group))
			diagnostic_add(
				c->diagnostics, name->span, "'%s' needs itself", name->text.bytes);
		else if (on)
			depend(c, on, STAGE_READY);
		else if (group)
			g_array_append_val(r->dependencies, all);
	}
}

static void suggest_name(struct checker *c, const struct field *field, const struct value *value)
{
	GPtrArray *names;

	if (diagnostics_count(c->diagnostics) > FLEET_SUGGESTIONS_MOST)
		return;
	names = g_ptr_array_new();
	for (unsigned i = 0; i < c->fleet->resources->len; i++) {
		struct resource *r = c->fleet->resources->pdata[i];

		if (!strcmp(r->kind, field->refers) && !r->machine)
			g_ptr_array_add(names, (void *)r->name);
	}
	g_ptr_array_add(names, NULL);
	if (!fleet_suggest(value->text.bytes, (const char *const *)names->pdata, c->diagnostics))
		diagnostic_hint(c->diagnostics, "declare it under '%ss:'", field->refers);
	g_ptr_array_free(names, TRUE);
}

static void check_reference(struct checker *c, const struct field *field, const struct value *value)
{
	AUTO(gfree) char *address = g_strdup_printf("%s.%s", field->refers, value->text.bytes);
	struct resource *on = fleet_find(c->fleet, address);
	size_t before = diagnostics_count(c->diagnostics);

	if (on) {
		depend(c, on, STAGE_MADE);
		return;
	}
	if (expression_in(value)) {
		diagnostic_add(c->diagnostics, value->span,
			"a name of kind '%s' cannot be an expression", field->refers);
		return;
	}
	diagnostic_add(c->diagnostics, value->span, "there is no %s '%s'", field->refers,
		value->text.bytes);
	if (diagnostics_count(c->diagnostics) != before)
		suggest_name(c, field, value);
}

/* All references in a value, however deep its field has them. */
static void check_references(
	struct checker *c, const struct field *field, const struct value *value)
{
	if (!field)
		return;
	if (field->type == FIELD_REFERENCE && value->type == VALUE_STRING)
		check_reference(c, field, value);
	for (size_t i = 0; value->type == VALUE_LIST && i < value->list.count; i++)
		check_references(c, field->item, value->list.items[i]);
	for (size_t i = 0; value->type == VALUE_MAP && i < value->map.count; i++)
		check_references(c,
			field->fields ? schema_find(field->fields, value->map.members[i].key)
				      : field->item,
			value->map.members[i].value);
}

/* Stands in for evaluation while only the dependencies are wanted. */
static const struct value *note_path(
	void *data, const struct path *path, struct diagnostics *diagnostics)
{
	struct checker *c = data;
	const struct path_use use = {c->fleet, c->resource, c->in_ready, diagnostics};
	enum stage stage;
	size_t at;
	struct resource *on = path_check(&use, path, &at, &stage);

	if (!on)
		return NULL;
	depend(c, on, stage);
	return value_unknown(c->arena, on->address);
}

static void check_expressions(struct checker *c, struct resource *r)
{
	struct scope scope = {note_path, c, c->arena, c->diagnostics};

	for (size_t i = 0; i < r->said->map.count; i++) {
		const struct member *m = &r->said->map.members[i];
		const struct field *field = schema_find(r->fields, m->key);

		check_references(c, field, m->value);
		if (!expression_in(m->value) || (field && field->type == FIELD_REFERENCE))
			continue;
		r->dynamic = true;
		(void)expression_evaluate(&scope, m->value);
	}
	c->in_ready = true;
	if (r->ready && expression_in(r->ready))
		(void)expression_evaluate(&scope, r->ready);
	c->in_ready = false;
}

static void check_kind(struct checker *c, struct resource *r)
{
	static const struct field none = {0};
	const struct value *key = value_get(r->written, r->is_machine ? "provider" : "kind");

	if (r->twin && r->twin->said) {
		r->fields = r->twin->fields;
		r->open = r->twin->open;
		return;
	}
	if (!c->lookup(c->data, r->provider, r->kind, &r->fields, &r->open)) {
		c->every_kind_known = false;
		r->fields = &none;
		r->open = true;
		diagnostic_add(c->diagnostics, key ? key->span : r->span,
			"provider '%s' has no kind '%s'", r->provider, r->kind);
	}
}

static void suggest_default(struct checker *c, const char *key)
{
	GPtrArray *names;

	if (diagnostics_count(c->diagnostics) > FLEET_SUGGESTIONS_MOST)
		return;
	names = g_ptr_array_new();
	for (const char *const *own = c->own_keys; *own; own++)
		g_ptr_array_add(names, (void *)*own);
	for (unsigned i = 0; i < c->fleet->resources->len; i++) {
		struct resource *r = c->fleet->resources->pdata[i];

		for (const struct field *f = r->is_machine && !r->twin ? r->fields : NULL;
			f && f->name; f++)
			if (!f->computed)
				g_ptr_array_add(names, (void *)f->name);
	}
	g_ptr_array_add(names, NULL);
	(void)fleet_suggest(key, (const char *const *)names->pdata, c->diagnostics);
	g_ptr_array_free(names, TRUE);
}

static void check_default_keys(struct checker *c)
{
	const struct value *defaults = c->fleet->defaults;

	if (!c->every_kind_known || !c->any_machine)
		return;
	for (size_t i = 0; defaults && i < defaults->map.count; i++) {
		const struct member *m = &defaults->map.members[i];

		if (g_hash_table_contains(c->default_keys, m->key) ||
			schema_find(machine_fields, m->key))
			continue;
		diagnostic_add(c->diagnostics, m->key_span,
			"no machine of this fleet has a field '%s'", m->key);
		suggest_default(c, m->key);
	}
}

/* What is wrong with one of a count is told once. */
static void note_wrong(struct checker *c, struct resource *r, size_t before)
{
	if (diagnostics_count(c->diagnostics) == before)
		return;
	r->wrong = true;
	if (r->twin)
		r->twin->wrong = true;
}

static void check_resource(struct checker *c, struct resource *r)
{
	size_t before = diagnostics_count(c->diagnostics);

	r->dependencies = g_array_new(FALSE, FALSE, sizeof(struct dependency));
	check_kind(c, r);
	check_fields(c, r);
	c->any_machine = c->any_machine || r->is_machine;
	note_wrong(c, r, before);
}

static void check_relations(struct checker *c, struct resource *r)
{
	size_t before = diagnostics_count(c->diagnostics);

	c->resource = r;
	if (!r->twin || !r->twin->wrong) {
		check_needs(c, r);
		check_expressions(c, r);
		note_wrong(c, r, before);
	}
	if (r->machine)
		depend(c, r->machine, STAGE_UP);
	settle_dependencies(r);
}

static const char *const *own_keys(struct arena *arena)
{
	const char **keys;
	size_t count = 0;

	for (const struct field *f = machine_fields; f->name; f++)
		count++;
	keys = arena_array_of(arena, const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		keys[i] = machine_fields[i].name;
	return keys;
}

void fleet_check(struct arena *arena, struct fleet *fleet, fleet_kind_lookup *lookup, void *data,
	struct diagnostics *diagnostics)
{
	struct checker c = {.arena = arena,
		.fleet = fleet,
		.lookup = lookup,
		.data = data,
		.diagnostics = diagnostics,
		.own_keys = own_keys(arena),
		.default_keys = g_hash_table_new(g_str_hash, g_str_equal),
		.every_kind_known = true};

	for (unsigned i = 0; i < fleet->resources->len; i++)
		check_resource(&c, fleet->resources->pdata[i]);
	check_default_keys(&c);
	for (unsigned i = 0; i < fleet->resources->len; i++)
		check_relations(&c, fleet->resources->pdata[i]);
	order_check(fleet, diagnostics);
	g_hash_table_destroy(c.default_keys);
}
