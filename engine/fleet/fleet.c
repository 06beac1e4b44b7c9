/* The fleet file's own structure: blocks, names, counts. */
#include "fleet/fleet.h"

#include <string.h>

#include "base/text.h"
#include "document/yaml.h"
#include "fleet/expression.h"

enum {
	COUNT_MOST = 100000,
	RESOURCES_MOST = 1000000,
	RESOURCE_NAME_MOST = 1024,
};

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

/* What belongs to one machine, so that defaults cannot say it. */
static const char *const personal[] = {"count", "needs", "resources"};

static bool is_personal(const char *key)
{
	for (size_t i = 0; i < G_N_ELEMENTS(personal); i++)
		if (!strcmp(personal[i], key))
			return true;
	return false;
}

struct loader {
	struct arena *arena;
	struct fleet *fleet;
	struct diagnostics *diagnostics;
	bool full;
};

bool fleet_suggest(const char *word, const char *const *names, struct diagnostics *diagnostics)
{
	const char *near = diagnostics_count(diagnostics) <= FLEET_SUGGESTIONS_MOST
				   ? text_suggest(word, names)
				   : NULL;

	if (near)
		diagnostic_hint(diagnostics, "did you mean '%s'?", near);
	return near != NULL;
}

static void check_name(struct loader *l, const char *name, struct span span, const char *what)
{
	if (name_valid(name))
		return;
	diagnostic_add(l->diagnostics, span, "'%s' is no name for %s", name, what);
	diagnostic_hint(l->diagnostics, "use lower-case letters, digits and '-', 63 at most, "
					"starting and ending with a letter or digit");
}

/* Where the file was no YAML: that has been told. */
static bool is_broken(const struct value *value)
{
	return value->type == VALUE_UNKNOWN;
}

/* What decides which things there are, or how the file is read, is literal. */
static bool check_literal(struct loader *l, const char *key, const struct value *value)
{
	if (!expression_in(value))
		return true;
	diagnostic_add(l->diagnostics, value->span, "'%s' cannot be an expression", key);
	diagnostic_hint(l->diagnostics, "write it out: it must be known before anything else is");
	return false;
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
	if (l->fleet->resources->len == RESOURCES_MOST) {
		diagnostic_add(
			l->diagnostics, span, "a fleet has at most %d resources", RESOURCES_MOST);
		l->full = true;
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

/* One of the two keys that make a resource; NULL after a diagnostic. */
static const char *resource_key(struct loader *l, const struct member *member, const char *key)
{
	const struct value *value = value_get(member->value, key);

	if (!value || value->type == VALUE_NULL)
		diagnostic_add(
			l->diagnostics, member->key_span, "'%s' has no '%s'", member->key, key);
	else if (value->type != VALUE_STRING)
		diagnostic_add(l->diagnostics, value->span, "'%s' must be a string, not %s", key,
			value_type_name(value->type));
	else if (check_literal(l, key, value))
		return value->text.bytes;
	return NULL;
}

/* An address must be told apart again into machine, kind and name. */
static bool check_kind_name(struct loader *l, const struct member *member, const char *kind)
{
	const struct value *value = value_get(member->value, "kind");
	size_t length = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	if (!length || kind[length]) {
		diagnostic_add(l->diagnostics, value->span, "'%s' is no name for a kind", kind);
		return false;
	}
	if (strcmp(kind, "machine"))
		return true;
	diagnostic_add(l->diagnostics, value->span, "a machine cannot be among 'resources'");
	diagnostic_hint(l->diagnostics, "write it under 'machines:'");
	return false;
}

static bool check_resource_name(struct loader *l, const struct member *member)
{
	size_t length = strlen(member->key);
	AUTO(gfree) char *shown = text_escape(member->key, length);

	if (length && length <= RESOURCE_NAME_MOST && !strcmp(shown, member->key))
		return true;
	diagnostic_add(l->diagnostics, member->key_span, "'%s' is no name for a resource", shown);
	diagnostic_hint(
		l->diagnostics, "it must be printable, with at most %d bytes", RESOURCE_NAME_MOST);
	return false;
}

/* `resources: {NAME: {provider: …, kind: …}}`, at the top or inside a machine. */
static void load_resource(struct loader *l, const struct member *member, struct resource *machine)
{
	const char *provider, *kind, *address;
	struct resource *r;

	if (is_broken(member->value))
		return;
	if (member->value->type != VALUE_MAP) {
		diagnostic_add(l->diagnostics, member->value->span,
			"'%s' must be a map with 'provider', 'kind' and its fields", member->key);
		return;
	}
	provider = resource_key(l, member, "provider");
	kind = resource_key(l, member, "kind");
	if (!check_resource_name(l, member) || !provider || !kind ||
		!check_kind_name(l, member, kind))
		return;
	address = machine ? arena_printf(l->arena, "%s/%s:%s", machine->address, kind, member->key)
			  : arena_printf(l->arena, "%s.%s", kind, member->key);
	r = add(l, address, member->value, member->key_span);
	if (!r)
		return;
	r->provider = provider;
	r->kind = kind;
	r->name = member->key;
	r->machine = machine;
	if (!machine)
		return;
	r->scope = machine->address;
	r->group = machine->group;
	if (machine->twin)
		r->twin = fleet_find(l->fleet, arena_printf(l->arena, "%s/%s:%s",
						       machine->twin->address, kind, member->key));
}

static void load_image(struct loader *l, const struct member *member)
{
	struct resource *r;

	check_name(l, member->key, member->key_span, "an image");
	if (member->value->type != VALUE_MAP) {
		(void)check_literal(l, member->key, member->value);
		return;
	}
	r = add(l, arena_printf(l->arena, "image.%s", member->key), member->value,
		member->key_span);
	if (!r)
		return;
	r->short_form = true;
	r->provider = "image";
	r->kind = "image";
	r->name = member->key;
}

static struct resource *load_machine_named(struct loader *l, const struct member *member,
	const char *name, const struct value *own, struct group *group)
{
	const struct value *inside = value_get_map(own, "resources");
	const char *provider = value_get_string(own, "provider");
	struct resource *r;

	r = add(l, arena_printf(l->arena, "machine.%s", name), member->value, member->key_span);
	if (!r)
		return NULL;
	r->is_machine = true;
	r->kind = "machine";
	r->name = name;
	r->provider = provider ? provider : "kvm";
	r->stopped = !g_strcmp0(value_get_string(own, "state"), "stopped");
	r->own = own;
	r->ready = value_get_map(own, "ready");
	r->needs = value_get_list(own, "needs");
	r->timeout = value_get_integer(own, "timeout", 0);
	r->group = group;
	if (group && group->members->len)
		r->twin = group->members->pdata[0];
	for (size_t i = 0; inside && i < inside->map.count; i++)
		load_resource(l, &inside->map.members[i], r);
	return r;
}

static const char *numbered(struct loader *l, const char *name, int64_t number)
{
	return arena_printf(l->arena, "%s-%" G_GINT64_FORMAT, name, number);
}

static void load_count(
	struct loader *l, const struct member *member, int64_t count, const struct value *own)
{
	struct group *group = arena_new_of(l->arena, struct group);

	group->name = member->key;
	group->pattern = arena_printf(l->arena, "machine.%s-*", member->key);
	group->members = g_ptr_array_new();
	g_hash_table_insert(l->fleet->counted, (void *)member->key, group);
	g_ptr_array_add(l->fleet->groups, group);
	if (count && name_valid(member->key))
		check_name(l, numbered(l, member->key, count), member->key_span, "a machine");
	for (int64_t i = 1; i <= count && !l->full; i++) {
		struct resource *r =
			load_machine_named(l, member, numbered(l, member->key, i), own, group);

		if (r)
			g_ptr_array_add(group->members, r);
	}
}

/* What is said of a machine that must not be there is looked at no further. */
static void load_absent(struct loader *l, const struct member *member, bool counted, int64_t count)
{
	g_hash_table_insert(l->fleet->absent, (void *)member->key, (void *)member);
	for (int64_t i = 1; counted && i <= count; i++)
		g_hash_table_insert(
			l->fleet->absent, (void *)numbered(l, member->key, i), (void *)member);
}

/* The engine's keys, from the machine or else from defaults; less what is no literal. */
static const struct value *engine_keys(struct loader *l, const struct member *member)
{
	struct value *own = value_map(l->arena);

	own->span = member->value->span;
	for (const struct field *field = machine_fields; field->name; field++) {
		const struct value *value = value_get(member->value, field->name);

		if (!value && !is_personal(field->name))
			value = value_get(l->fleet->defaults, field->name);
		if (value && (value->type == VALUE_MAP || check_literal(l, field->name, value)))
			value_set(l->arena, own, field->name, (struct value *)value);
	}
	return schema_check(
		l->arena, machine_fields, false, own, "a machine", NULL, l->diagnostics);
}

/* One condition that is tried, until a time. */
static void check_ready(struct loader *l, const struct value *ready)
{
	const struct value *http = value_get(ready, "http");
	unsigned conditions = 0;

	if (http && !g_str_has_prefix(http->text.bytes, "http://") && !expression_in(http)) {
		diagnostic_add(l->diagnostics, http->span, "'http' must be a URL");
		diagnostic_hint(l->diagnostics, "write http://HOST:PORT/PATH");
	}
	for (size_t i = 0; i < ready->map.count; i++)
		conditions += strcmp(ready->map.members[i].key, "timeout") != 0;
	if (conditions == 1)
		return;
	diagnostic_add(l->diagnostics, ready->span, "'ready' has %s",
		conditions ? "more than one condition" : "no condition");
	if (conditions)
		diagnostic_hint(l->diagnostics, "write one 'run' with a command that checks all");
	else
		diagnostic_hint(l->diagnostics, "it is one of 'tcp', 'http', 'run', 'console'");
}

static void load_machine(struct loader *l, const struct member *member)
{
	const struct value *own, *count, *ready;
	int64_t number;

	check_name(l, member->key, member->key_span, "a machine");
	if (is_broken(member->value))
		return;
	if (member->value->type != VALUE_MAP && member->value->type != VALUE_NULL) {
		diagnostic_add(l->diagnostics, member->value->span,
			"a machine must be a map, not %s", value_type_name(member->value->type));
		return;
	}
	own = engine_keys(l, member);
	ready = value_get_map(own, "ready");
	if (ready)
		check_ready(l, ready);
	count = value_get(own, "count");
	number = value_get_integer(own, "count", 0);
	if (!g_strcmp0(value_get_string(own, "state"), "absent"))
		load_absent(l, member, count != NULL, number);
	else if (count)
		load_count(l, member, number, own);
	else
		(void)load_machine_named(l, member, member->key, own, NULL);
}

/* A name cannot be there and absent. */
static void check_absent(struct loader *l, const struct value *root)
{
	const struct value *machines = value_get_map(root, "machines");

	for (size_t i = 0; machines && i < machines->map.count; i++) {
		const struct member *m = &machines->map.members[i];
		AUTO(gfree) char *address = g_strdup_printf("machine.%s", m->key);
		const struct resource *r = fleet_find(l->fleet, address);

		if (!r || !g_hash_table_contains(l->fleet->absent, m->key))
			continue;
		diagnostic_add(l->diagnostics, m->key_span, "there are two of '%s'", address);
		diagnostic_also(l->diagnostics, r->span, "first defined here");
	}
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

static int by_name(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a, *y = *(struct group *const *)b;

	return strcmp(x->name, y->name);
}

/* The order of the file is forgotten. */
static void sort(struct fleet *fleet)
{
	g_ptr_array_sort(fleet->resources, by_address);
	for (unsigned i = 0; i < fleet->resources->len; i++)
		((struct resource *)fleet->resources->pdata[i])->index = i;
	g_ptr_array_sort(fleet->groups, by_name);
	for (unsigned i = 0; i < fleet->groups->len; i++)
		((struct group *)fleet->groups->pdata[i])->index = i;
}

static struct fleet *fleet_new(struct arena *arena, struct source *source)
{
	struct fleet *fleet = arena_new_of(arena, struct fleet);

	fleet->source = source;
	fleet->resources = g_ptr_array_new();
	fleet->order = g_ptr_array_new();
	fleet->groups = g_ptr_array_new();
	fleet->by_address = g_hash_table_new(g_str_hash, g_str_equal);
	fleet->counted = g_hash_table_new(g_str_hash, g_str_equal);
	fleet->absent = g_hash_table_new(g_str_hash, g_str_equal);
	return fleet;
}

static void load_name(struct loader *l, const struct value *root)
{
	const struct value *name = value_get(root, "fleet");

	if (!name || name->type != VALUE_STRING)
		return;
	check_name(l, name->text.bytes, name->span, "a fleet");
	if (name_valid(name->text.bytes))
		l->fleet->name = name->text.bytes;
}

static void load_defaults(struct loader *l, const struct value *root)
{
	const struct value *defaults = value_get_map(root, "defaults");

	l->fleet->defaults = defaults;
	for (size_t i = 0; i < G_N_ELEMENTS(personal); i++) {
		const struct member *member = value_member(defaults, personal[i]);

		if (member)
			diagnostic_add(l->diagnostics, member->key_span,
				"'%s' belongs to one machine, it cannot be a default", personal[i]);
	}
}

/* A whole block cannot come from elsewhere: it would read as an empty one, and everything go. */
static void check_blocks(struct loader *l, const struct value *root)
{
	for (size_t i = 0; i < root->map.count; i++) {
		const struct member *m = &root->map.members[i];

		if (m->value->type == VALUE_STRING && strcmp(m->key, "fleet") &&
			schema_find(fleet_fields, m->key))
			(void)check_literal(l, m->key, m->value);
	}
}

struct fleet *fleet_load(
	struct arena *arena, struct source *source, struct diagnostics *diagnostics)
{
	const struct value *root = yaml_parse(arena, source, diagnostics);
	struct loader l = {.arena = arena, .diagnostics = diagnostics};

	if (!root || is_broken(root))
		return NULL;
	if (root->type != VALUE_MAP) {
		diagnostic_add(diagnostics, root->span,
			"a fleet file is a map that starts with 'fleet: NAME'");
		return NULL;
	}
	(void)schema_check(arena, fleet_fields, false, root, "a fleet file", NULL, diagnostics);
	l.fleet = fleet_new(arena, source);
	check_blocks(&l, root);
	load_name(&l, root);
	load_defaults(&l, root);
	each(&l, root, "images", load_image);
	each(&l, root, "resources", load_top_resource);
	each(&l, root, "machines", load_machine);
	check_absent(&l, root);
	sort(l.fleet);
	return l.fleet;
}

void fleet_free(struct fleet *fleet)
{
	for (unsigned i = 0; i < fleet->resources->len; i++) {
		struct resource *r = fleet->resources->pdata[i];

		if (r->dependencies)
			g_array_free(r->dependencies, TRUE);
	}
	for (unsigned i = 0; i < fleet->groups->len; i++)
		g_ptr_array_free(((struct group *)fleet->groups->pdata[i])->members, TRUE);
	g_ptr_array_free(fleet->resources, TRUE);
	g_ptr_array_free(fleet->order, TRUE);
	g_ptr_array_free(fleet->groups, TRUE);
	g_hash_table_destroy(fleet->by_address);
	g_hash_table_destroy(fleet->counted);
	g_hash_table_destroy(fleet->absent);
}

struct resource *fleet_find(const struct fleet *fleet, const char *address)
{
	return g_hash_table_lookup(fleet->by_address, address);
}

/* "web-4" of a web with a count of 3. */
static const struct group *group_of(const struct fleet *fleet, const char *name)
{
	const char *dash = strrchr(name, '-');
	AUTO(gfree) char *base = dash ? g_strndup(name, dash - name) : NULL;

	if (!dash || !dash[1] || dash[1 + strspn(dash + 1, "0123456789")])
		return NULL;
	return g_hash_table_lookup(fleet->counted, base);
}

static void suggest_machine(
	const struct fleet *fleet, const char *name, struct diagnostics *diagnostics)
{
	const struct group *group = group_of(fleet, name);
	GPtrArray *names;

	if (g_hash_table_contains(fleet->absent, name)) {
		diagnostic_hint(diagnostics, "it has 'state: absent'");
		return;
	}
	if (group) {
		diagnostic_hint(diagnostics, "machine '%s' has a count of %u", group->name,
			group->members->len);
		return;
	}
	if (diagnostics_count(diagnostics) > FLEET_SUGGESTIONS_MOST)
		return;
	names = g_ptr_array_new();
	for (unsigned i = 0; i < fleet->groups->len; i++)
		g_ptr_array_add(names, (void *)((struct group *)fleet->groups->pdata[i])->name);
	for (unsigned i = 0; i < fleet->resources->len; i++) {
		struct resource *r = fleet->resources->pdata[i];

		if (r->is_machine)
			g_ptr_array_add(names, (void *)r->name);
	}
	g_ptr_array_add(names, NULL);
	(void)fleet_suggest(name, (const char *const *)names->pdata, diagnostics);
	g_ptr_array_free(names, TRUE);
}

struct resource *fleet_machine(const struct fleet *fleet, const char *name, struct span span,
	struct diagnostics *diagnostics)
{
	AUTO(gfree) char *address = g_strdup_printf("machine.%s", name);
	struct resource *r = fleet_find(fleet, address);
	size_t before = diagnostics_count(diagnostics);

	if (r)
		return r;
	diagnostic_add(diagnostics, span, "there is no machine '%s'", name);
	if (diagnostics_count(diagnostics) != before)
		suggest_machine(fleet, name, diagnostics);
	return NULL;
}
