/* Resources against the fields of their kinds, and what each of them depends on. */
#include <string.h>

#include "base/text.h"
#include "fleet/expression.h"
#include "fleet/fleet.h"

struct checker {
	struct arena *arena;
	struct fleet *fleet;
	fleet_kind_lookup *lookup;
	void *data;
	struct diagnostics *diagnostics;
	struct resource *resource; /* the one that is being looked at */
	GHashTable *default_keys;  /* keys of defaults that some kind knows */
	bool every_kind_known;
	bool in_ready; /* what is looked at waits for the machine: its outputs may be named */
};

static void depend(struct checker *c, struct resource *on, enum stage stage)
{
	struct dependency dependency = {on, stage};
	GArray *all = c->resource->dependencies;

	if (on == c->resource)
		return;
	for (unsigned i = 0; i < all->len; i++) {
		struct dependency *other = &g_array_index(all, struct dependency, i);

		if (other->on == on && other->stage >= stage)
			return;
	}
	g_array_append_val(all, dependency);
}

/* The kind's fields and, for a machine, the engine's own, as one table. */
static const struct field *whole_table(struct checker *c, const struct resource *r)
{
	static const struct field common[] = {{.name = "provider", .type = FIELD_STRING},
		{.name = "kind", .type = FIELD_STRING}, {0}};
	const struct field *extra = r->is_machine ? machine_fields : common;
	size_t n = 0, at = 0;
	struct field *table;

	if (!strcmp(r->kind, "image") && !strcmp(r->provider, "image"))
		return r->fields;
	for (const struct field *f = r->fields; f->name; f++)
		n++;
	for (const struct field *f = extra; f->name; f++)
		n++;
	table = arena_array_of(c->arena, struct field, n + 1);
	for (const struct field *f = extra; f->name; f++)
		table[at++] = *f;
	for (const struct field *f = r->fields; f->name; f++)
		if (!schema_find(extra, f->name))
			table[at++] = *f;
	return table;
}

/* Defaults count as said by the machine, where its kind has such a field. */
static const struct value *with_defaults(struct checker *c, const struct resource *r)
{
	const struct value *defaults = c->fleet->defaults;
	struct value *all = value_map(c->arena);

	all->span = r->span;
	for (size_t i = 0; r->written->type == VALUE_MAP && i < r->written->map.count; i++) {
		const struct member *m = &r->written->map.members[i];

		value_set(c->arena, all, m->key, m->value);
		all->map.members[all->map.count - 1].key_span = m->key_span;
	}
	for (size_t i = 0; r->is_machine && defaults && i < defaults->map.count; i++) {
		const struct member *m = &defaults->map.members[i];

		if (!schema_find(r->fields, m->key) && !schema_find(machine_fields, m->key))
			continue;
		g_hash_table_add(c->default_keys, (void *)m->key);
		if (!value_get(all, m->key)) {
			value_set(c->arena, all, m->key, m->value);
			all->map.members[all->map.count - 1].key_span = m->key_span;
		}
	}
	return all;
}

/* The checked map less what is the engine's alone. `state` is both: the provider starts and stops;
 * a file that is silent about it says "running". */
static const struct value *provider_part(
	struct checker *c, const struct resource *r, const struct value *checked)
{
	struct value *said = value_map(c->arena);

	said->span = checked->span;
	for (size_t i = 0; i < checked->map.count; i++) {
		const struct member *m = &checked->map.members[i];
		bool own = r->is_machine ? schema_find(machine_fields, m->key) != NULL
					 : !strcmp(m->key, "provider") || !strcmp(m->key, "kind");

		if (own && !schema_find(r->fields, m->key))
			continue;
		if (m->value->type == VALUE_NULL)
			continue;
		value_set(c->arena, said, m->key, m->value);
		said->map.members[said->map.count - 1].key_span = m->key_span;
	}
	if (r->is_machine && schema_find(r->fields, "state") && !value_get(said, "state"))
		value_set(c->arena, said, "state", value_string(c->arena, "running"));
	return said;
}

static void check_fields(struct checker *c, struct resource *r)
{
	const char *what =
		arena_printf(c->arena, "%s '%s' of provider '%s'", r->kind, r->name, r->provider);
	const struct value *checked;

	checked = schema_check(c->arena, whole_table(c, r), r->open, with_defaults(c, r), what,
		NULL, c->diagnostics);
	r->said = checked ? provider_part(c, r, checked) : value_map(c->arena);
}

static void check_needs(struct checker *c, struct resource *r)
{
	for (size_t i = 0; r->needs && i < r->needs->list.count; i++) {
		const struct value *name = r->needs->list.items[i];
		GPtrArray *counted;
		struct resource *on;

		if (name->type != VALUE_STRING)
			continue;
		counted = g_hash_table_lookup(c->fleet->counted, name->text.bytes);
		for (unsigned j = 0; counted && j < counted->len; j++)
			depend(c, counted->pdata[j], STAGE_READY);
		if (counted)
			continue;
		on = fleet_machine(c->fleet, name->text.bytes, name->span, c->diagnostics);
		if (on == r)
			diagnostic_add(c->diagnostics, name->span, "'%s' needs itself", r->name);
		else if (on)
			depend(c, on, STAGE_READY);
	}
}

static void check_reference(struct checker *c, const struct field *field, const struct value *value)
{
	const char *address;
	struct resource *on;
	GPtrArray *names;
	const char *near;

	if (value->type != VALUE_STRING)
		return;
	address = arena_printf(c->arena, "%s.%s", field->refers, value->text.bytes);
	on = fleet_find(c->fleet, address);
	if (on) {
		depend(c, on, STAGE_MADE);
		return;
	}
	diagnostic_add(c->diagnostics, value->span, "there is no %s '%s'", field->refers,
		value->text.bytes);
	names = g_ptr_array_new();
	for (unsigned i = 0; i < c->fleet->resources->len; i++) {
		struct resource *r = c->fleet->resources->pdata[i];

		if (!strcmp(r->kind, field->refers))
			g_ptr_array_add(names, (void *)r->name);
	}
	g_ptr_array_add(names, NULL);
	near = text_suggest(value->text.bytes, (const char *const *)names->pdata);
	if (near)
		diagnostic_hint(c->diagnostics, "did you mean '%s'?", near);
	else
		diagnostic_hint(c->diagnostics, "declare it under '%ss:'", field->refers);
	g_ptr_array_free(names, TRUE);
}

/* An output of a machine, or one of its fields, or a mistake. */
static bool check_field_name(
	struct checker *c, const struct resource *on, const struct path *path, const char *name)
{
	const struct field *field = schema_find(on->fields, name);
	GPtrArray *names;
	const char *near;

	if (field && field->host_only && strcmp(c->resource->scope, on->address) != 0) {
		diagnostic_add(c->diagnostics, path->span,
			"'%s' of machine '%s' means something on this host only, not inside '%s'",
			name, on->name, c->resource->scope);
		diagnostic_hint(c->diagnostics, "no network connects the two");
		return false;
	}
	if (field || on->open || value_get(on->said, name))
		return true;
	diagnostic_add(c->diagnostics, path->span, "a machine of provider '%s' has no field '%s'",
		on->provider, name);
	names = g_ptr_array_new();
	for (const struct field *f = on->fields; f->name; f++)
		g_ptr_array_add(names, (void *)f->name);
	g_ptr_array_add(names, NULL);
	near = text_suggest(name, (const char *const *)names->pdata);
	if (near)
		diagnostic_hint(c->diagnostics, "did you mean '%s'?", near);
	g_ptr_array_free(names, TRUE);
	return false;
}

/* The machine that a path starts at, and the index of its field among the rest. */
static struct resource *path_machine(struct checker *c, const struct path *path, size_t *field)
{
	struct resource *r = c->resource;
	GPtrArray *counted;

	*field = strcmp(path->root, "self") ? 1 : 0;
	if (path->count <= *field) {
		diagnostic_add(c->diagnostics, path->span, "the path names no field");
		return NULL;
	}
	if (*field == 0 && (r->is_machine || r->machine))
		return r->is_machine ? r : r->machine;
	if (*field == 0) {
		diagnostic_add(c->diagnostics, path->span, "'self' is known in a machine alone");
		return NULL;
	}
	counted = g_hash_table_lookup(c->fleet->counted, path->rest[0]);
	if (counted && counted->len) {
		r = counted->pdata[0];
		diagnostic_add(c->diagnostics, path->span,
			"machine '%s' has a count: there are %u of it", path->rest[0],
			counted->len);
		diagnostic_hint(c->diagnostics, "name one of them: '%s'", r->address);
		return NULL;
	}
	return fleet_machine(c->fleet, path->rest[0], path->span, c->diagnostics);
}

/* Stands in for evaluation while only the dependencies are wanted. */
static const struct value *note_path(
	void *data, const struct path *path, struct diagnostics *diagnostics)
{
	struct checker *c = data;
	size_t at;
	struct resource *on = path_machine(c, path, &at);
	const struct field *field;

	(void)diagnostics;
	if (!on || !on->fields || !check_field_name(c, on, path, path->rest[at]))
		return NULL;
	field = schema_find(on->fields, path->rest[at]);
	if (on == c->resource && !c->in_ready && (!field || field->computed)) {
		diagnostic_add(c->diagnostics, path->span,
			"'%s' is known only when the machine is there, it cannot be one of its "
			"fields",
			path->rest[at]);
		return NULL;
	}
	depend(c, on, STAGE_MADE);
	return value_unknown(c->arena, on->address);
}

static void check_expressions(struct checker *c, struct resource *r)
{
	struct scope scope = {note_path, c, c->arena, c->diagnostics};

	for (size_t i = 0; i < r->said->map.count; i++) {
		const struct value *value = r->said->map.members[i].value;
		const struct field *field = schema_find(r->fields, r->said->map.members[i].key);

		if (expression_in(value))
			(void)expression_evaluate(&scope, value);
		else if (field && field->type == FIELD_REFERENCE)
			check_reference(c, field, value);
	}
	c->in_ready = true;
	if (r->ready && expression_in(r->ready))
		(void)expression_evaluate(&scope, r->ready);
	c->in_ready = false;
}

static void check_kind(struct checker *c, struct resource *r)
{
	const struct value *key = value_get(r->written, "provider");

	if (c->lookup(c->data, r->provider, r->kind, &r->fields, &r->open))
		return;
	c->every_kind_known = false;
	r->fields = NULL;
	r->said = value_map(c->arena);
	if (r->provider)
		diagnostic_add(c->diagnostics, key ? key->span : r->span,
			"provider '%s' has no kind '%s'", r->provider, r->kind);
}

static void check_default_keys(struct checker *c)
{
	const struct value *defaults = c->fleet->defaults;

	for (size_t i = 0; defaults && i < defaults->map.count; i++) {
		const struct member *m = &defaults->map.members[i];

		if (c->every_kind_known && !g_hash_table_contains(c->default_keys, m->key) &&
			!schema_find(machine_fields, m->key))
			diagnostic_add(c->diagnostics, m->key_span,
				"no machine of this fleet has a field '%s'", m->key);
	}
}

/* Depth first over the dependencies; white, grey and black kept as 0, 1, 2. */
static bool walk(struct checker *c, GHashTable *colours, struct resource *r, GPtrArray *trail)
{
	int colour = GPOINTER_TO_INT(g_hash_table_lookup(colours, r));

	if (colour == 2)
		return true;
	g_ptr_array_add(trail, r);
	if (colour == 1)
		return false;
	g_hash_table_insert(colours, r, GINT_TO_POINTER(1));
	for (unsigned i = 0; i < r->dependencies->len; i++)
		if (!walk(c, colours, g_array_index(r->dependencies, struct dependency, i).on,
			    trail))
			return false;
	g_hash_table_insert(colours, r, GINT_TO_POINTER(2));
	g_ptr_array_set_size(trail, trail->len - 1);
	return true;
}

static void report_circle(struct checker *c, GPtrArray *trail)
{
	struct resource *last = trail->pdata[trail->len - 1];
	GString *text = g_string_new(NULL);
	unsigned from = 0;

	while (trail->pdata[from] != last)
		from++;
	for (unsigned i = from; i < trail->len; i++)
		g_string_append_printf(text, "%s%s", i > from ? " → " : "",
			((struct resource *)trail->pdata[i])->address);
	diagnostic_add(c->diagnostics, last->span, "a circle of dependencies: %s", text->str);
	diagnostic_hint(c->diagnostics, "each waits for the next; take one of the arrows out");
	g_string_free(text, TRUE);
}

static void check_circles(struct checker *c)
{
	GHashTable *colours = g_hash_table_new(NULL, NULL);
	GPtrArray *trail = g_ptr_array_new();

	for (unsigned i = 0; i < c->fleet->resources->len; i++)
		if (!walk(c, colours, c->fleet->resources->pdata[i], trail)) {
			report_circle(c, trail);
			break;
		}
	g_ptr_array_free(trail, TRUE);
	g_hash_table_destroy(colours);
}

static void check_all(struct checker *c)
{
	GPtrArray *all = c->fleet->resources;

	for (unsigned i = 0; i < all->len; i++) {
		c->resource = all->pdata[i];
		c->resource->dependencies = g_array_new(FALSE, FALSE, sizeof(struct dependency));
		check_kind(c, c->resource);
		if (c->resource->fields)
			check_fields(c, c->resource);
	}
	for (unsigned i = 0; i < all->len; i++) {
		c->resource = all->pdata[i];
		check_needs(c, c->resource);
		if (c->resource->machine)
			depend(c, c->resource->machine, STAGE_UP);
		if (c->resource->fields)
			check_expressions(c, c->resource);
	}
}

void fleet_check(struct arena *arena, struct fleet *fleet, fleet_kind_lookup *lookup, void *data,
	struct diagnostics *diagnostics)
{
	struct checker c = {.arena = arena,
		.fleet = fleet,
		.lookup = lookup,
		.data = data,
		.diagnostics = diagnostics,
		.default_keys = g_hash_table_new(g_str_hash, g_str_equal),
		.every_kind_known = true};

	check_all(&c);
	check_default_keys(&c);
	check_circles(&c);
	g_hash_table_destroy(c.default_keys);
}
