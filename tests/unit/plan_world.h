/* A world for plan cases: providers with their kinds, and what they would answer. An "apply" is
 * played by making all that a fleet file says, so that a case starts from what a run leaves. */
#ifndef TESTS_PLAN_WORLD_H
#define TESTS_PLAN_WORLD_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "document/json.h"
#include "plan/plan.h"

/* A case file that makes no sense ends the program. */
static inline _Noreturn PRINTF(1, 2) void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

/* An object that is there, or one that cannot be read. */
struct thing {
	const char *provider, *address, *kind;
	struct value *answer;  /* as a list and a read give it */
	struct value *failure; /* what the read gives instead, or NULL */
	bool silent;	       /* no read answers */
	bool gone;
};

struct cut {
	const char *provider, *kind, *why;
};

struct imagined {
	struct arena *arena;
	const struct value *kinds; /* provider → kind → {open, lists, fields} */
	GHashTable *tables;	   /* description of a kind → struct field */
	GPtrArray *things;
	GPtrArray *cuts;
};

static inline struct imagined *imagined_new(struct arena *arena)
{
	struct imagined *w = arena_new_of(arena, struct imagined);

	w->arena = arena;
	w->tables = g_hash_table_new(NULL, NULL);
	w->things = g_ptr_array_new();
	w->cuts = g_ptr_array_new();
	return w;
}

static inline void imagined_free(struct imagined *w)
{
	g_hash_table_destroy(w->tables);
	g_ptr_array_free(w->things, TRUE);
	g_ptr_array_free(w->cuts, TRUE);
}

static inline struct value *parse_json(struct arena *arena, const char *text)
{
	struct error *err = NULL;
	struct value *value = json_parse(arena, text, strlen(text), &err);

	if (!value)
		die("%s: %s", err->message, text);
	return value;
}

static inline const struct value *kind_of(
	const struct imagined *w, const char *provider, const char *kind)
{
	const struct value *kinds = value_get(w->kinds, provider);
	const struct value *found = value_get(kinds, kind);

	return found ? found : value_get(kinds, "*");
}

/* A fleet_kind_lookup. Equal descriptions are one table, as a client would have it. */
static inline bool look_up_kind(
	void *data, const char *provider, const char *kind, const struct field **fields, bool *open)
{
	struct imagined *w = data;
	const struct value *found = kind_of(w, provider, kind);
	struct error *err = NULL;

	if (!found)
		return false;
	*open = value_get_boolean(found, "open", false);
	*fields = g_hash_table_lookup(w->tables, found);
	if (*fields)
		return true;
	*fields = schema_from_value(w->arena, value_get(found, "fields"), &err);
	if (!*fields)
		die("%s %s: %s", provider, kind, err->message);
	g_hash_table_insert(w->tables, (void *)found, (void *)*fields);
	return true;
}

static inline struct thing *find_thing(
	const struct imagined *w, const char *provider, const char *address)
{
	for (unsigned i = 0; i < w->things->len; i++) {
		struct thing *t = w->things->pdata[i];

		if (!strcmp(t->address, address) && (!provider || !strcmp(t->provider, provider)))
			return t;
	}
	return NULL;
}

static inline const char *kind_in(struct arena *arena, const char *address)
{
	const char *slash = strchr(address, '/');
	const char *from = slash && g_str_has_prefix(address, "machine.") ? slash + 1 : address;

	return arena_strndup(arena, from, strcspn(from, from == address ? "." : ":"));
}

static inline struct thing *add_thing(
	struct imagined *w, const char *provider, const char *address, struct value *answer)
{
	struct thing *t = arena_new_of(w->arena, struct thing);

	t->provider = arena_strdup(w->arena, provider);
	t->address = arena_strdup(w->arena, address);
	t->kind = kind_in(w->arena, address);
	t->answer = answer;
	value_set(w->arena, answer, "address", value_string(w->arena, address));
	value_set(w->arena, answer, "kind", value_string(w->arena, t->kind));
	g_ptr_array_add(w->things, t);
	return t;
}

/* What providers of cases give: an image a key that comes from its definition, known before it is
 * made; a machine its address and port; other kinds an id. */
static inline struct value *outputs_of(
	struct arena *arena, const struct resource *r, const struct value *after)
{
	struct value *outputs = value_map(arena);
	AUTO(gfree) char *text = NULL;

	if (!strcmp(r->kind, "image")) {
		text = json_canonical(after);
		value_set(arena, outputs, "key", value_format(arena, "image of %s", text));
	} else if (r->is_machine) {
		value_set(arena, outputs, "address", value_format(arena, "ip-of-%s", r->name));
		value_set(arena, outputs, "ssh_port", value_integer(arena, 2200));
	} else {
		value_set(arena, outputs, "id", value_format(arena, "id-of-%s", r->name));
	}
	return outputs;
}

static inline struct value *made(
	struct arena *arena, struct plan *plan, struct target *t, struct diagnostics *diagnostics)
{
	const struct table *table = plan_table(plan, t->resource->fields);
	struct value *answer = value_map(arena), *actual;

	t->said = plan_said(plan, arena, t, diagnostics);
	if (!t->said)
		return answer;
	actual = diff_after(arena, table, t->said, NULL);
	t->after = actual;
	t->outputs = outputs_of(arena, t->resource, actual);
	t->settled = true;
	value_set(arena, answer, "status", value_string(arena, "present"));
	value_set(arena, answer, "incarnation", value_format(arena, "i-%s", t->resource->name));
	value_set(arena, answer, "actual", actual);
	value_set(arena, answer, "record",
		diff_record(arena, table, t->said, NULL, plan_depends(arena, t->resource)));
	value_set(arena, answer, "outputs", (struct value *)t->outputs);
	value_set(arena, answer, "up", value_boolean(arena, t->resource->is_machine));
	value_set(arena, answer, "ready", value_boolean(arena, t->resource->is_machine));
	return answer;
}

/* Makes all that the plan's fleet says. */
static inline void apply_all(struct imagined *w, struct plan *plan, struct diagnostics *diagnostics)
{
	for (unsigned i = 0; i < plan->fleet->order->len; i++) {
		const struct resource *r = plan->fleet->order->pdata[i];
		struct value *answer = made(w->arena, plan, plan_target(plan, r), diagnostics);
		struct thing *old = find_thing(w, r->provider, r->address);

		if (old)
			old->answer = answer;
		else
			add_thing(w, r->provider, r->address, answer);
	}
}

/* Members of maps are set one by one; null takes one away. */
static inline void merge_answer(struct arena *arena, struct value *into, const struct value *from)
{
	for (size_t i = 0; i < from->map.count; i++) {
		const struct member *m = &from->map.members[i];
		struct value *inner = value_get_map(into, m->key);

		if (m->value->type == VALUE_NULL)
			value_unset(into, m->key);
		else if (inner && m->value->type == VALUE_MAP)
			merge_answer(arena, inner, m->value);
		else
			value_set(arena, into, m->key, m->value);
	}
}

static inline void edit_thing(struct imagined *w, struct thing *t, const char *text)
{
	/* Maps of several things may be the same. */
	t->answer = value_copy(w->arena, t->answer);
	merge_answer(w->arena, t->answer, parse_json(w->arena, text));
}

/* One line of a case's world:
 *   ADDRESS gone                       it is no longer there
 *   ADDRESS silent                     its provider does not answer for it
 *   ADDRESS fails CLASS TEXT           it cannot be read
 *   ADDRESS {…}                        what its provider says differs so from what was applied
 *   PROVIDER ADDRESS {…}               further things
 *   incomplete PROVIDER KIND WHY       a list is cut short */
static inline void edit_world(struct imagined *w, const char *line)
{
	AUTO(gfree) char *copy = g_strdup(line);
	g_auto(GStrv) words = g_strsplit(line, " ", 4);
	unsigned count = g_strv_length(words);
	struct thing *t = find_thing(w, NULL, words[0]);
	const char *json = strchr(line, '{');

	if (count == 4 && !strcmp(words[0], "incomplete")) {
		struct cut *cut = arena_new_of(w->arena, struct cut);

		cut->provider = arena_strdup(w->arena, words[1]);
		cut->kind = arena_strdup(w->arena, words[2]);
		cut->why = arena_strdup(w->arena, words[3]);
		g_ptr_array_add(w->cuts, cut);
	} else if (t && count == 2 && !strcmp(words[1], "gone")) {
		t->gone = true;
	} else if (t && count == 2 && !strcmp(words[1], "silent")) {
		t->silent = true;
	} else if (t && count == 4 && !strcmp(words[1], "fails")) {
		struct value *error = value_map(w->arena);

		t->failure = value_map(w->arena);
		value_set(w->arena, error, "class", value_string(w->arena, words[2]));
		value_set(w->arena, error, "message", value_string(w->arena, words[3]));
		value_set(w->arena, t->failure, "status", value_string(w->arena, "failed"));
		value_set(w->arena, t->failure, "error", error);
		value_set(w->arena, t->failure, "address", value_string(w->arena, t->address));
		value_set(w->arena, t->failure, "kind", value_string(w->arena, t->kind));
	} else if (t && json == line + strlen(words[0]) + 1) {
		edit_thing(w, t, json);
	} else if (count > 2 && json == line + strlen(words[0]) + strlen(words[1]) + 2) {
		add_thing(w, words[0], words[1], parse_json(w->arena, json));
	} else {
		die("a line of the world that makes no sense: %s", line);
	}
}

/* What a provider would say; the engine may hear it in any order. */
struct message {
	const char *provider;
	const struct value *answer; /* NULL: a cut */
	bool listed;
	const struct cut *cut;
};

static inline void add_message(
	GArray *all, const char *provider, const struct value *answer, bool listed)
{
	struct message message = {provider, answer, listed, NULL};

	g_array_append_val(all, message);
}

/* An image is found by what its definition gives, so another one is not there. */
static inline bool is_there(
	const struct imagined *w, const struct resource *r, const struct thing *t)
{
	const struct value *key = value_get(outputs_of(w->arena, r, r->said), "key");

	if (!t || t->gone)
		return false;
	return strcmp(r->kind, "image") || t->failure ||
	       value_equal(key, value_get(value_get(t->answer, "outputs"), "key"));
}

static inline void add_reads(const struct imagined *w, GArray *all, const struct fleet *fleet)
{
	for (unsigned i = 0; i < fleet->resources->len; i++) {
		const struct resource *r = fleet->resources->pdata[i];
		const struct thing *t = find_thing(w, r->provider, r->address);
		struct value *absent = value_map(w->arena);

		if (t && t->silent)
			continue;
		if (is_there(w, r, t)) {
			add_message(all, r->provider, t->failure ? t->failure : t->answer, false);
			continue;
		}
		value_set(w->arena, absent, "address", value_string(w->arena, r->address));
		value_set(w->arena, absent, "kind", value_string(w->arena, r->kind));
		value_set(w->arena, absent, "status", value_string(w->arena, "absent"));
		if (!strcmp(r->kind, "image"))
			value_set(w->arena, absent, "outputs", outputs_of(w->arena, r, r->said));
		add_message(all, r->provider, absent, false);
	}
}

/* The world as the engine hears of it, in an order that the seed says. */
static inline struct world *hear(const struct imagined *w, const struct fleet *fleet, guint32 seed)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct message));
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	struct world *world = world_new();

	for (unsigned i = 0; i < w->things->len; i++) {
		const struct thing *t = w->things->pdata[i];

		if (!t->gone && value_get_boolean(kind_of(w, t->provider, t->kind), "lists", false))
			add_message(all, t->provider, t->answer, true);
	}
	for (unsigned i = 0; i < w->cuts->len; i++) {
		struct message message = {.cut = w->cuts->pdata[i]};

		g_array_append_val(all, message);
	}
	if (fleet)
		add_reads(w, all, fleet);
	for (unsigned i = all->len; i-- > 0;) {
		unsigned j = seed ? (unsigned)g_rand_int_range(rand, 0, (int)i + 1) : i;
		struct message m = g_array_index(all, struct message, j);

		g_array_index(all, struct message, j) = g_array_index(all, struct message, i);
		if (m.cut)
			world_set_incomplete(world, m.cut->provider, m.cut->kind, m.cut->why);
		else if (m.listed)
			(void)world_add_listed(world, m.provider, m.answer);
		else
			(void)world_add(world, m.provider, m.answer);
	}
	return world;
}

#endif
