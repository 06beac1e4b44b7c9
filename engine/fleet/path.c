/* Paths against what the file declares, before anything is known of the world. */
#include "fleet/path.h"

#include <string.h>

static void suggest_field(const struct path_use *use, const struct resource *on, const char *name)
{
	GPtrArray *names = g_ptr_array_new();

	for (const struct field *f = on->fields; f->name; f++)
		g_ptr_array_add(names, (void *)f->name);
	g_ptr_array_add(names, NULL);
	(void)fleet_suggest(name, (const char *const *)names->pdata, use->diagnostics);
	g_ptr_array_free(names, TRUE);
}

/* What means something on this host is of no use inside another machine. */
static bool check_reach(const struct path_use *use, const struct path *path,
	const struct resource *on, const struct field *field)
{
	const struct resource *r = use->resource;
	bool inside = r->is_machine || r->machine;

	if (!field || !field->host_only || !inside || !strcmp(r->scope, on->address))
		return true;
	diagnostic_add(use->diagnostics, path->span,
		"'%s' of machine '%s' means something on this host only, not inside machine '%s'",
		field->name, on->name, r->machine ? r->machine->name : r->name);
	diagnostic_hint(use->diagnostics, "no network connects the two");
	return false;
}

/* A field of the machine itself is a value for another one if it is literal. */
static bool check_itself(const struct path_use *use, const struct path *path,
	const struct field *field, const struct value *said, const char *name)
{
	if (use->in_ready)
		return true;
	if (said && expression_in(said)) {
		diagnostic_add(use->diagnostics, path->span,
			"'%s' is an expression itself, so no other field of the same machine can "
			"use it",
			name);
		return false;
	}
	if (said || (field && !field->computed))
		return true;
	diagnostic_add(use->diagnostics, path->span,
		"'%s' is known only when the machine is there, it cannot be in one of its fields",
		name);
	return false;
}

static bool check_field(const struct path_use *use, const struct path *path,
	const struct resource *on, const char *name, enum stage *stage)
{
	const struct field *field = schema_find(on->fields, name);
	const struct value *said = value_get(on->said, name);

	if (!field && !on->open && !said) {
		diagnostic_add(use->diagnostics, path->span,
			"a machine of provider '%s' has no field '%s'", on->provider, name);
		suggest_field(use, on, name);
		return false;
	}
	*stage = said || (field && !field->computed) ? STAGE_MADE : STAGE_UP;
	if (!check_reach(use, path, on, field))
		return false;
	return on != use->resource || check_itself(use, path, field, said, name);
}

static struct resource *self_of(const struct path_use *use, const struct path *path)
{
	const struct resource *r = use->resource;

	if (r->is_machine)
		return (struct resource *)r;
	if (!r->machine)
		diagnostic_add(
			use->diagnostics, path->span, "'self' is a machine: there is none here");
	return r->machine;
}

static struct resource *named(const struct path_use *use, const struct path *path)
{
	const struct group *group = g_hash_table_lookup(use->fleet->counted, path->rest[0]);

	if (!group)
		return fleet_machine(use->fleet, path->rest[0], path->span, use->diagnostics);
	diagnostic_add(use->diagnostics, path->span, "machine '%s' has a count: there are %u of it",
		group->name, group->members->len);
	if (group->members->len)
		diagnostic_hint(use->diagnostics, "name one of them: 'machine.%s'",
			((struct resource *)group->members->pdata[0])->name);
	return NULL;
}

struct resource *path_check(
	const struct path_use *use, const struct path *path, size_t *at, enum stage *stage)
{
	struct resource *on;

	*at = strcmp(path->root, "self") ? 1 : 0;
	if (path->count <= *at) {
		diagnostic_add(use->diagnostics, path->span, "the path names no %s",
			path->count < *at ? "machine" : "field");
		return NULL;
	}
	on = *at ? named(use, path) : self_of(use, path);
	if (!on || !on->fields || !check_field(use, path, on, path->rest[*at], stage))
		return NULL;
	return on;
}
