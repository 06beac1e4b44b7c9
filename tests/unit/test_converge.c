/* Fleets that change at random, in a world that drifts and where runs end half way: whatever
 * happened, the next whole run makes what the file says, and the plan after it is empty. Each step
 * is played by the rules of the protocol, in any order that the graph allows; what it relies on
 * must be there at that moment. */
#include "run/change.h"

#include "tests/unit/plan_world.h"

enum { ROUNDS = 100, FLEETS = 6, RUNS = 3, MACHINES = 5, TRIES = 20 };

struct play {
	GRand *rand;
	struct arena *arena;
	struct imagined *world;
	unsigned incarnations;
	char *machines[MACHINES]; /* the text of each; NULL: it is not in the file */
	struct fleet *fleet;	  /* NULL: destroy */
	struct plan *plan;
};

static const char kinds[] =
	"{\"kvm\":{\"machine\":{\"lists\":true,\"fields\":["
	"{\"name\":\"image\",\"type\":\"reference\",\"refers\":\"image\",\"change\":\"replace\"},"
	"{\"name\":\"memory\",\"type\":\"size\",\"change\":\"reboot\",\"default\":512},"
	"{\"name\":\"note\",\"type\":\"string\"},"
	"{\"name\":\"state\",\"type\":\"string\",\"default\":\"running\"},"
	"{\"name\":\"zone\",\"type\":\"string\",\"change\":\"replace\"},"
	"{\"name\":\"address\",\"type\":\"string\",\"computed\":true}]}},"
	"\"jail\":{\"machine\":{\"lists\":true,\"fields\":["
	"{\"name\":\"note\",\"type\":\"string\",\"change\":\"reboot\"},"
	"{\"name\":\"state\",\"type\":\"string\"},"
	"{\"name\":\"address\",\"type\":\"string\",\"computed\":true}],\"open\":true}},"
	"\"image\":{\"image\":{\"fields\":[{\"name\":\"file\",\"type\":\"string\"},"
	"{\"name\":\"key\",\"type\":\"string\",\"computed\":true}]}},"
	"\"config\":{\"*\":{\"lists\":true,\"open\":true,\"fields\":["
	"{\"name\":\"mode\",\"type\":\"string\",\"default\":\"0644\"}]}}}";

static unsigned below(struct play *p, unsigned most)
{
	return (unsigned)g_rand_int_range(p->rand, 0, (int)most);
}

static bool chance(struct play *p, unsigned percent)
{
	return below(p, 100) < percent;
}

/* What is needed comes before, so there is no circle. */
static void write_machine(struct play *p, GString *text, char name, const char *names)
{
	static const char *const states[] = {"running", "stopped", "absent"};

	g_string_append_printf(text, "  %c:\n", name);
	if (chance(p, 25))
		g_string_append(text, "    provider: jail\n");
	else
		g_string_append_printf(text, "    image: %s\n", chance(p, 85) ? "base" : "other");
	if (chance(p, 25))
		g_string_append_printf(text, "    count: %u\n", below(p, 4));
	if (chance(p, 40) && *names)
		g_string_append_printf(
			text, "    needs: [%c]\n", names[below(p, (unsigned)strlen(names))]);
	if (chance(p, 30))
		g_string_append_printf(text, "    state: %s\n", states[below(p, 3)]);
	if (chance(p, 30) && !strstr(text->str, "jail"))
		g_string_append_printf(text, "    memory: %uKiB\n", 1 + below(p, 3));
	if (chance(p, 60) && *names)
		g_string_append_printf(text, "    note: \"see ${machine.%c.address}\"\n",
			names[below(p, (unsigned)strlen(names))]);
	if (chance(p, 40))
		g_string_append_printf(text,
			"    resources:\n      /x: {provider: config, kind: file, of: \"%s\"}\n"
			"      y: {provider: config, kind: package, v: %u}\n",
			chance(p, 50) ? "${self.address}" : "me", below(p, 2));
}

/* A file is mostly the one before. */
static void change_machines(struct play *p, char *machines[], bool afresh)
{
	char names[MACHINES + 1] = "";

	for (int i = 0; i < MACHINES; i++) {
		GString *text = g_string_new(NULL);

		if (!afresh && chance(p, 70)) {
			machines[i] = g_strdup(p->machines[i]);
		} else if (chance(p, 70)) {
			write_machine(p, text, (char)('a' + i), names);
			machines[i] = g_strdup(text->str);
		}
		if (machines[i])
			names[strlen(names)] = (char)('a' + i);
		g_string_free(text, TRUE);
	}
}

static struct fleet *load_fleet(struct play *p, char *machines[])
{
	AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
	GString *text = g_string_new("fleet: f\nimages:\n  base: {file: a}\n");
	struct fleet *fleet;

	g_string_append_printf(
		text, "  other: {file: b%u}\nmachines:\n  z: {image: base}\n", below(p, 2));
	for (int i = 0; i < MACHINES; i++)
		g_string_append(text, machines[i] ? machines[i] : "");
	fleet = fleet_load(
		p->arena, source_from_text(p->arena, "fleet.yaml", text->str), diagnostics);
	fleet_check(p->arena, fleet, look_up_kind, p->world, diagnostics);
	g_string_free(text, TRUE);
	if (!diagnostics_count(diagnostics))
		return fleet;
	fleet_free(fleet);
	return NULL;
}

/* A fleet without mistakes. */
static struct fleet *next_fleet(struct play *p)
{
	for (int try = 0;; try++) {
		char *machines[MACHINES] = {NULL};
		struct fleet *fleet;

		change_machines(p, machines, try > TRIES);
		fleet = load_fleet(p, machines);
		for (int i = 0; i < MACHINES; i++) {
			g_free(fleet ? p->machines[i] : machines[i]);
			if (fleet)
				p->machines[i] = machines[i];
		}
		if (fleet)
			return fleet;
	}
}

static bool is_state(const struct thing *t, const char *key)
{
	return t && !t->gone && value_get_boolean(t->answer, key, false);
}

/* What a step relies on, as the file says it. */
static void assert_ready_for(struct play *p, const struct resource *r)
{
	for (unsigned i = 0; i < r->dependencies->len; i++) {
		const struct dependency *d = &g_array_index(r->dependencies, struct dependency, i);

		for (unsigned j = 0; j < (d->group ? d->group->members->len : 1); j++) {
			const struct resource *on = d->group ? d->group->members->pdata[j] : d->on;
			const struct thing *t = find_thing(p->world, on->provider, on->address);

			g_assert_true(t && !t->gone);
			if (on->stopped || !on->is_machine)
				continue;
			if (d->stage == STAGE_UP)
				g_assert_true(is_state(t, "up"));
			if (d->stage == STAGE_READY)
				g_assert_true(is_state(t, "ready"));
		}
	}
}

/* What lies inside goes with its machine. */
static void take_away(struct play *p, struct thing *t)
{
	AUTO(gfree) char *inside = g_strconcat(t->address, "/", NULL);

	t->gone = true;
	for (unsigned i = 0; i < p->world->things->len; i++) {
		struct thing *other = p->world->things->pdata[i];

		if (g_str_has_prefix(other->address, inside))
			other->gone = true;
	}
}

static void start(struct play *p, struct value *answer)
{
	value_set(p->arena, answer, "up", value_boolean(p->arena, false));
	value_set(p->arena, answer, "ready", value_boolean(p->arena, false));
}

static void put(struct play *p, const struct step *step, const struct value *object)
{
	struct value *answer = value_map(p->arena), *outputs;
	struct thing *t = find_thing(p->world, step->provider, step->address);
	const struct resource *r = step->target->resource;

	value_set(p->arena, answer, "status", value_string(p->arena, "present"));
	value_set(
		p->arena, answer, "incarnation", value_format(p->arena, "i%u", p->incarnations++));
	value_set(p->arena, answer, "actual", value_get(object, "after"));
	value_set(p->arena, answer, "record", value_get(object, "record"));
	outputs = outputs_of(p->arena, r, value_get(object, "after"));
	if (r->is_machine)
		value_set(p->arena, outputs, "address",
			value_format(p->arena, "ip-%u", p->incarnations));
	value_set(p->arena, answer, "outputs", outputs);
	start(p, answer);
	if (!t)
		t = add_thing(p->world, step->provider, step->address, answer);
	value_set(p->arena, answer, "address", value_string(p->arena, step->address));
	value_set(p->arena, answer, "kind", value_string(p->arena, step->kind));
	t->answer = answer;
	t->gone = false;
}

static void assert_expected(const struct thing *t, const struct value *object)
{
	const struct value *fields = value_get(object, "expect_fields");

	g_assert_cmpstr(
		value_get_string(object, "expect"), ==, value_get_string(t->answer, "incarnation"));
	for (size_t i = 0; fields && i < fields->map.count; i++)
		g_assert_true(value_equal(fields->map.members[i].value,
			value_get(value_get(t->answer, "actual"), fields->map.members[i].key)));
}

static void update(struct play *p, struct thing *t, const struct value *object)
{
	const struct value *fields = value_get_list(object, "fields");

	t->answer = value_copy(p->arena, t->answer);
	value_set(p->arena, t->answer, "actual", value_get(object, "after"));
	value_set(p->arena, t->answer, "record", value_get(object, "record"));
	g_assert_cmpuint(fields->list.count, >, 0);
	for (size_t i = 0; i < fields->list.count; i++)
		if (strcmp(fields->list.items[i]->text.bytes, "note") ||
			!strcmp(t->provider, "jail"))
			start(p, t->answer);
}

static const struct thing *find_present(const struct play *p, const char *address)
{
	for (unsigned i = 0; i < p->world->things->len; i++) {
		const struct thing *t = p->world->things->pdata[i];

		if (!t->gone && !strcmp(t->address, address))
			return t;
	}
	return NULL;
}

static bool has_text(const struct value *list, const char *text)
{
	for (size_t i = 0; list && i < list->list.count; i++)
		if (!strcmp(list->list.items[i]->text.bytes, text))
			return true;
	return false;
}

/* What is deleted has nobody left that is deleted as well and depended on it; what lies inside a
 * machine is within reach. */
static void assert_deletable(const struct play *p, const struct step *step)
{
	for (unsigned i = 0; i < p->plan->leftovers->len; i++) {
		const struct step *other = p->plan->leftovers->pdata[i];
		const struct value *depends = value_get_list(other->actual->record, "depends");

		if (other->action == STEP_DELETE && has_text(depends, step->address))
			g_assert_true(find_thing(p->world, other->provider, other->address)->gone);
	}
	if (strcmp(step->scope, step->address))
		g_assert_true(is_state(find_present(p, step->scope), "up"));
}

static void change(struct play *p, struct step *step, const struct value *object)
{
	struct thing *t = find_thing(p->world, step->provider, step->address);

	if (step->action == STEP_DELETE)
		assert_deletable(p, step);
	if (step->action == STEP_CREATE) {
		g_assert_true(!find_present(p, step->address) || !strcmp(step->kind, "image"));
		g_assert_null(value_get(object, "expect"));
		put(p, step, object);
		return;
	}
	g_assert_true(t && !t->gone);
	assert_expected(t, object);
	if (step->action == STEP_UPDATE) {
		update(p, t, object);
		return;
	}
	take_away(p, t);
	if (step->action == STEP_REPLACE)
		put(p, step, object);
}

static void wait(struct play *p, struct step *step)
{
	struct thing *t = find_thing(p->world, step->provider, step->address);
	const char *key = stage_name(step->stage);

	g_assert_true(t && !t->gone);
	g_assert_true(step->stage == STAGE_UP || is_state(t, "up"));
	t->answer = value_copy(p->arena, t->answer);
	value_set(p->arena, t->answer, key, value_boolean(p->arena, true));
}

static void run_step(struct play *p, struct step *step)
{
	AUTO(error) struct error *err = NULL;
	struct value *object;
	const struct thing *t;

	if (step->action == STEP_WAIT) {
		wait(p, step);
	} else {
		if (step->target)
			assert_ready_for(p, step->target->resource);
		object = change_object(p->plan, p->arena, step, &err);
		g_assert_cmpstr(err ? err->message : NULL, ==, NULL);
		/* It points into the world that was read, which goes before ours. */
		if (object)
			change(p, step, value_copy(p->arena, object));
	}
	t = step->target ? find_thing(p->world, step->provider, step->address) : NULL;
	if (t)
		step->target->outputs = value_get_map(t->answer, "outputs");
	if (step->target)
		step->target->settled = true;
}

/* True if the step is done, or has nothing to be done; else what waits for it is not done either.
 * What is there as it should be stays so. A plan shows what cannot be done, but for waits. */
static bool take_step(struct play *p, struct step *step, bool blocked)
{
	if (step->action == STEP_NONE)
		return !blocked || (step->stage == STAGE_MADE && step->target);
	if (step->action == STEP_UNKNOWN)
		return false;
	g_assert_true(step->action != STEP_CONFLICT);
	g_assert_true(!blocked || step->action == STEP_WAIT || (step->target && step->target->old));
	if (!blocked)
		run_step(p, step);
	return !blocked;
}

/* Runs at most `most` steps, in any order that the graph allows. */
static void run(struct play *p, unsigned most)
{
	const struct graph *graph = p->plan->graph;
	unsigned *unmet = g_new(unsigned, graph->count + 1);
	bool *blocked = g_new0(bool, graph->count + 1);
	g_autoptr(GArray) ready = g_array_new(FALSE, FALSE, sizeof(unsigned));
	unsigned done = 0;

	for (unsigned i = 0; i < graph->count; i++) {
		unmet[i] = graph->nodes[i].before_count;
		if (!unmet[i])
			g_array_append_val(ready, i);
	}
	while (ready->len && done < most) {
		unsigned at = below(p, ready->len), node = g_array_index(ready, unsigned, at);
		bool ok = take_step(p, graph->nodes[node].data, blocked[node]);

		g_array_remove_index_fast(ready, at);
		done++;
		for (unsigned i = 0; i < graph->nodes[node].next_count; i++) {
			unsigned next = graph->nodes[node].next[i];

			blocked[next] = blocked[next] || !ok;
			if (--unmet[next] == 0)
				g_array_append_val(ready, next);
		}
	}
	g_assert_true(done == most || done == graph->count);
	g_free(unmet);
	g_free(blocked);
}

/* Plans and runs; false if the plan was empty. */
static bool plan_and_run(struct play *p, unsigned most)
{
	AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
	AUTO(world) struct world *world = hear(p->world, p->fleet, 1 + below(p, 1000));
	bool any;

	p->plan = plan_new(p->arena, p->fleet, world, diagnostics);
	g_assert_cmpuint(diagnostics_count(diagnostics), ==, 0);
	any = !plan_empty(p->plan);
	run(p, most);
	plan_free(p->plan);
	return any;
}

static bool any_moves(const struct play *p)
{
	for (unsigned i = 0; i < p->world->things->len; i++) {
		const struct thing *t = p->world->things->pdata[i];
		const struct resource *r = fleet_find(p->fleet, t->address);

		if (!t->gone && r && strcmp(r->provider, t->provider))
			return true;
	}
	return false;
}

/* A run during which one thing cannot be read. */
static void run_half_blind(struct play *p)
{
	unsigned from = p->world->things->len ? below(p, p->world->things->len) : 0;
	bool inside = chance(p, 50);
	AUTO(gfree) char *line = NULL;

	for (unsigned i = from; i < p->world->things->len && !line; i++) {
		const struct thing *t = p->world->things->pdata[i];

		if (!t->gone && !strchr(t->address, '/') != inside)
			line = g_strdup_printf("%s fails unavailable x", t->address);
	}
	if (!line || any_moves(p))
		return;
	edit_world(p->world, line);
	(void)plan_and_run(p, chance(p, 50) ? below(p, 20) : UINT_MAX);
	for (unsigned i = 0; i < p->world->things->len; i++)
		((struct thing *)p->world->things->pdata[i])->failure = NULL;
}

static void drift(struct play *p)
{
	static const char *const edits[] = {"{\"actual\": {\"note\": \"by hand\"}}",
		"{\"actual\": {\"memory\": 77}}", "{\"up\": false, \"ready\": false}",
		"{\"ready\": false}", "{\"actual\": {\"state\": \"stopped\"}, \"up\": false}",
		"{\"partial\": \"it was killed\"}", "{\"record\": null}",
		"{\"actual\": {\"mode\": \"0600\"}}"};

	for (unsigned i = 0; i < p->world->things->len; i++) {
		struct thing *t = p->world->things->pdata[i];

		if (t->gone || !strcmp(t->kind, "image") || !chance(p, 15))
			continue;
		if (chance(p, 20))
			take_away(p, t);
		else
			edit_thing(p->world, t, edits[below(p, G_N_ELEMENTS(edits))]);
	}
}

static unsigned count_listed(const struct play *p)
{
	unsigned count = 0;

	for (unsigned i = 0; i < p->world->things->len; i++) {
		const struct thing *t = p->world->things->pdata[i];

		count += !t->gone && strcmp(t->kind, "image");
	}
	return count;
}

static void assert_as_said(const struct play *p)
{
	unsigned wanted = 0;

	for (unsigned i = 0; i < p->fleet->resources->len; i++) {
		const struct resource *r = p->fleet->resources->pdata[i];
		const struct thing *t = find_thing(p->world, r->provider, r->address);

		/* What lies in a stopped machine is left as it is. */
		if (r->machine && r->machine->stopped) {
			wanted += t && !t->gone;
			continue;
		}
		g_assert_true(t && !t->gone);
		wanted += strcmp(r->kind, "image") != 0;
		g_assert_true(!r->is_machine || r->stopped || is_state(t, "ready"));
	}
	g_assert_cmpuint(count_listed(p), >=, wanted);
}

static void play_round(guint32 seed)
{
	struct play p = {.rand = g_rand_new_with_seed(seed), .arena = arena_new()};

	p.world = imagined_new(p.arena);
	p.world->kinds = parse_json(p.arena, kinds);
	for (int i = 0; i < FLEETS; i++) {
		p.fleet = next_fleet(&p);
		for (unsigned run = below(&p, RUNS); run-- > 0;) {
			(void)plan_and_run(&p, below(&p, 20));
			if (chance(&p, 30))
				drift(&p);
			run_half_blind(&p);
		}
		(void)plan_and_run(&p, UINT_MAX);
		g_assert_false(plan_and_run(&p, 0));
		assert_as_said(&p);
		fleet_free(p.fleet);
	}
	p.fleet = NULL;
	(void)plan_and_run(&p, below(&p, 10));
	(void)plan_and_run(&p, UINT_MAX);
	g_assert_cmpuint(count_listed(&p), ==, 0);
	for (int i = 0; i < MACHINES; i++)
		g_free(p.machines[i]);
	imagined_free(p.world);
	arena_free(p.arena);
	g_rand_free(p.rand);
}

static void test_converge(void)
{
	for (guint32 seed = 1; seed <= ROUNDS; seed++)
		play_round(seed);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/converge/random", test_converge);
	return g_test_run();
}
