/* The fleet file's own structure: blocks, names, counts. */
#include "fleet/fleet.h"

#include <string.h>

#include "base/text.h"
#include "document/yaml.h"

enum { COUNT_MOST = 100000 };

static const struct field ready_fields[] = {
	{.name = "tcp",
		.type = FIELD_INTEGER,
		.least = 1,
		.most = 65535,
		.doc = "a port that accepts"},
	{.name = "http", .type = FIELD_STRING, .doc = "a URL that answers with 2xx or 3xx"},
	{.name = "run", .type = FIELD_STRING, .doc = "a command inside that exits with 0"},
	{.name = "console", .type = FIELD_STRING, .doc = "text that appears on the console"},
	{.name = "timeout", .type = FIELD_DURATION, .doc = "how long to try"},
	{0},
};

static const char *const states[] = {"running", "stopped", "absent", NULL};
static const struct field name_item = {.type = FIELD_STRING};

const struct field machine_fields[] = {
	{.name = "provider",
		.type = FIELD_STRING,
		.doc = "the program that makes it; kvm if not said"},
	{.name = "count",
		.type = FIELD_INTEGER,
		.most = COUNT_MOST,
		.doc = "makes NAME-1 to NAME-count"},
	{.name = "needs",
		.type = FIELD_LIST,
		.item = &name_item,
		.doc = "machines to be ready before"},
	{.name = "ready",
		.type = FIELD_MAP,
		.fields = ready_fields,
		.doc = "when it counts as ready"},
	{.name = "state", .type = FIELD_STRING, .choices = states, .doc = "running if not said"},
	{.name = "timeout", .type = FIELD_DURATION, .doc = "limit of each wait for it"},
	{.name = "resources", .type = FIELD_MAP, .doc = "things inside it"},
	{0},
};

static const struct field map_item = {.type = FIELD_MAP};

static const struct field fleet_fields[] = {
	{.name = "fleet", .type = FIELD_STRING, .required = true, .doc = "the fleet's name"},
	{.name = "images", .type = FIELD_MAP, .item = &map_item, .doc = "what machines start from"},
	{.name = "machines", .type = FIELD_MAP, .doc = "the machines by name"},
	{.name = "defaults", .type = FIELD_MAP, .doc = "keys for every machine"},
	{.name = "resources",
		.type = FIELD_MAP,
		.item = &map_item,
		.doc = "any kind of any provider"},
	{0},
};

struct loader {
	struct arena *arena;
	struct fleet *fleet;
	struct diagnostics *diagnostics;
};

static void check_name(struct loader *l, const struct member *member, const char *what)
{
	if (name_valid(member->key))
		return;
	diagnostic_add(
		l->diagnostics, member->key_span, "'%s' is no name for %s", member->key, what);
	diagnostic_hint(l->diagnostics, "use lower-case letters, digits and '-', 63 at most, "
					"starting with a letter or digit");
}

static struct resource *add(
	struct loader *l, const char *address, const struct value *map, struct span span)
{
	struct resource *other = g_hash_table_lookup(l->fleet->by_address, address), *r;

	if (other) {
		diagnostic_add(l->diagnostics, span, "there are two of '%s'", address);
		diagnostic_also(l->diagnostics, other->span, "first defined here");
		return NULL;
	}
	r = arena_new_of(l->arena, struct resource);
	r->address = r->scope = address;
	r->written = map;
	r->span = span;
	g_hash_table_insert(l->fleet->by_address, (void *)address, r);
	g_ptr_array_add(l->fleet->resources, r);
	return r;
}

/* `resources: {NAME: {provider: …, kind: …}}`, at the top or inside a machine. */
static void load_resource(struct loader *l, const struct member *member, struct resource *machine)
{
	static const char *const own[] = {"provider", "kind"};
	const char *values[2], *address;
	struct resource *r;
	bool ok = true;

	if (member->value->type != VALUE_MAP) {
		diagnostic_add(l->diagnostics, member->value->span,
			"'%s' must be a map with 'provider', 'kind' and its fields", member->key);
		return;
	}
	for (int i = 0; i < 2; i++) {
		values[i] = value_get_string(member->value, own[i]);
		if (values[i])
			continue;
		diagnostic_add(
			l->diagnostics, member->key_span, "'%s' has no '%s'", member->key, own[i]);
		ok = false;
	}
	if (!ok)
		return;
	if (!*member->key || strpbrk(member->key, "\n\r\t")) {
		diagnostic_add(
			l->diagnostics, member->key_span, "a resource needs a printable name");
		return;
	}
	address = machine ? arena_printf(
				    l->arena, "%s/%s:%s", machine->address, values[1], member->key)
			  : arena_printf(l->arena, "%s.%s", values[1], member->key);
	r = add(l, address, member->value, member->key_span);
	if (!r)
		return;
	r->provider = values[0];
	r->kind = values[1];
	r->name = member->key;
	r->machine = machine;
	if (machine)
		r->scope = machine->address;
}

static void load_image(struct loader *l, const struct member *member)
{
	struct resource *r;

	check_name(l, member, "an image");
	if (member->value->type != VALUE_MAP)
		return;
	r = add(l, arena_printf(l->arena, "image.%s", member->key), member->value,
		member->key_span);
	if (!r)
		return;
	r->provider = "image";
	r->kind = "image";
	r->name = member->key;
}

/* A key of the engine's, from the machine or else from defaults. */
static const struct value *engine_key(struct loader *l, const struct value *map, const char *key)
{
	const struct value *value = value_get(map, key);

	return value ? value : value_get(l->fleet->defaults, key);
}

static void load_machine_named(struct loader *l, const struct member *member, const char *name,
	const struct value *checked)
{
	const struct value *inside = value_get_map(checked, "resources");
	const char *provider = value_get_string(checked, "provider");
	struct resource *r;

	r = add(l, arena_printf(l->arena, "machine.%s", name), member->value, member->key_span);
	if (!r)
		return;
	r->is_machine = true;
	r->kind = "machine";
	r->name = name;
	r->provider = provider ? provider : "kvm";
	r->stopped = !g_strcmp0(value_get_string(checked, "state"), "stopped");
	r->ready = value_get_map(checked, "ready");
	r->needs = value_get_list(checked, "needs");
	r->timeout = value_get_integer(checked, "timeout", 0);
	for (size_t i = 0; inside && i < inside->map.count; i++)
		load_resource(l, &inside->map.members[i], r);
}

static void load_count(
	struct loader *l, const struct member *member, int64_t count, const struct value *checked)
{
	GPtrArray *all = g_ptr_array_new();

	g_hash_table_insert(l->fleet->counted, (void *)member->key, all);
	for (int64_t i = 1; i <= count; i++) {
		const char *name = arena_printf(l->arena, "%s-%" G_GINT64_FORMAT, member->key, i);
		struct resource *r;

		load_machine_named(l, member, name, checked);
		r = g_hash_table_lookup(
			l->fleet->by_address, arena_printf(l->arena, "machine.%s", name));
		if (r)
			g_ptr_array_add(all, r);
	}
	if (count && strlen(member->key) + 7 > 63)
		check_name(l,
			&(struct member){.key = arena_printf(l->arena, "%s-%" G_GINT64_FORMAT,
						 member->key, count),
				.key_span = member->key_span},
			"a machine");
}

static void load_machine(struct loader *l, const struct member *member)
{
	struct value *own = value_map(l->arena);
	const struct value *checked, *count;

	check_name(l, member, "a machine");
	if (member->value->type != VALUE_MAP && member->value->type != VALUE_NULL) {
		diagnostic_add(l->diagnostics, member->value->span,
			"a machine must be a map, not %s", value_type_name(member->value->type));
		return;
	}
	own->span = member->value->span;
	for (const struct field *field = machine_fields; field->name; field++) {
		const struct value *value = engine_key(l, member->value, field->name);

		if (value)
			value_set(l->arena, own, field->name, (struct value *)value);
	}
	checked = schema_check(
		l->arena, machine_fields, false, own, "a machine", NULL, l->diagnostics);
	count = value_get(member->value, "count");
	if (!g_strcmp0(value_get_string(checked, "state"), "absent"))
		g_hash_table_add(l->fleet->absent, (void *)member->key);
	else if (count && count->type == VALUE_INTEGER && count->integer <= COUNT_MOST)
		load_count(l, member, count->integer, checked);
	else
		load_machine_named(l, member, member->key, checked);
}

static void each(struct loader *l, const struct value *root, const char *key,
	void (*load)(struct loader *, const struct member *))
{
	const struct value *map = value_get_map(root, key);

	for (size_t i = 0; map && i < map->map.count; i++)
		load(l, &map->map.members[i]);
}

static void load_top_resource(struct loader *l, const struct member *member)
{
	load_resource(l, member, NULL);
}

static int by_address(const void *a, const void *b)
{
	const struct resource *x = *(struct resource *const *)a, *y = *(struct resource *const *)b;

	return strcmp(x->address, y->address);
}

static void free_array(void *array)
{
	g_ptr_array_free(array, TRUE);
}

static struct fleet *fleet_new(struct arena *arena, struct source *source)
{
	struct fleet *fleet = arena_new_of(arena, struct fleet);

	fleet->source = source;
	fleet->resources = g_ptr_array_new();
	fleet->by_address = g_hash_table_new(g_str_hash, g_str_equal);
	fleet->counted = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_array);
	fleet->absent = g_hash_table_new(g_str_hash, g_str_equal);
	return fleet;
}

static void check_root(struct loader *l, const struct value *root)
{
	const struct member *name = value_member(root, "fleet");
	const struct value *defaults = value_get_map(root, "defaults");
	static const char *const never[] = {"count", "needs", "resources"};

	if (name && name->value->type == VALUE_STRING && !name_valid(name->value->text.bytes)) {
		diagnostic_add(l->diagnostics, name->value->span, "'%s' is no name for a fleet",
			name->value->text.bytes);
		diagnostic_hint(
			l->diagnostics, "use lower-case letters, digits and '-', 63 at most");
	}
	for (size_t i = 0; i < G_N_ELEMENTS(never); i++) {
		const struct member *member = value_member(defaults, never[i]);

		if (member)
			diagnostic_add(l->diagnostics, member->key_span,
				"'%s' belongs to one machine, it cannot be a default", never[i]);
	}
}

struct fleet *fleet_load(
	struct arena *arena, struct source *source, struct diagnostics *diagnostics)
{
	const struct value *root = yaml_parse(arena, source, diagnostics);
	struct loader l = {arena, NULL, diagnostics};

	if (!root)
		return NULL;
	if (root->type != VALUE_MAP) {
		diagnostic_add(diagnostics, root->span,
			"a fleet file is a map that starts with 'fleet: NAME'");
		return NULL;
	}
	(void)schema_check(arena, fleet_fields, false, root, "a fleet file", NULL, diagnostics);
	l.fleet = fleet_new(arena, source);
	l.fleet->name = value_get_string(root, "fleet");
	l.fleet->defaults = value_get_map(root, "defaults");
	check_root(&l, root);
	each(&l, root, "images", load_image);
	each(&l, root, "resources", load_top_resource);
	each(&l, root, "machines", load_machine);
	g_ptr_array_sort(l.fleet->resources, by_address);
	return l.fleet;
}

void fleet_free(struct fleet *fleet)
{
	for (unsigned i = 0; i < fleet->resources->len; i++) {
		struct resource *r = fleet->resources->pdata[i];

		if (r->dependencies)
			g_array_free(r->dependencies, TRUE);
	}
	g_ptr_array_free(fleet->resources, TRUE);
	g_hash_table_destroy(fleet->by_address);
	g_hash_table_destroy(fleet->counted);
	g_hash_table_destroy(fleet->absent);
}

struct resource *fleet_find(const struct fleet *fleet, const char *address)
{
	return g_hash_table_lookup(fleet->by_address, address);
}

static void suggest_machine(
	const struct fleet *fleet, const char *name, struct diagnostics *diagnostics)
{
	GPtrArray *names = g_ptr_array_new();
	const char *near;

	for (unsigned i = 0; i < fleet->resources->len; i++) {
		struct resource *r = fleet->resources->pdata[i];

		if (r->is_machine)
			g_ptr_array_add(names, (void *)r->name);
	}
	g_ptr_array_add(names, NULL);
	near = text_suggest(name, (const char *const *)names->pdata);
	if (g_hash_table_contains(fleet->absent, name))
		diagnostic_hint(diagnostics, "it has 'state: absent'");
	else if (near)
		diagnostic_hint(diagnostics, "did you mean '%s'?", near);
	g_ptr_array_free(names, TRUE);
}

struct resource *fleet_machine(const struct fleet *fleet, const char *name, struct span span,
	struct diagnostics *diagnostics)
{
	AUTO(gfree) char *address = g_strdup_printf("machine.%s", name);
	struct resource *r = fleet_find(fleet, address);

	if (r)
		return r;
	diagnostic_add(diagnostics, span, "there is no machine '%s'", name);
	suggest_machine(fleet, name, diagnostics);
	return NULL;
}
