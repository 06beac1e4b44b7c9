/* One step for each resource that is not as it should be. */
#include "plan/plan.h"

#include <string.h>

#include "plan/edges.h"

enum { RECORD_NEWEST = 1 };

const char *step_action_name(enum step_action action)
{
	static const char *const names[] = {
		"none", "create", "update", "replace", "delete", "wait", "unknown", "conflict"};

	return names[action];
}

const char *stage_name(enum stage stage)
{
	static const char *const names[] = {"made", "up", "configured", "ready"};

	return names[stage];
}

static struct step *step_new(struct plan *plan, enum stage stage, const struct actual *actual)
{
	struct step *step = arena_new_of(plan->arena, struct step);

	step->stage = stage;
	step->actual = actual;
	step->node = graph_add_node(plan->graph, step);
	return step;
}

static struct step *step_of(struct plan *plan, struct target *target, enum stage stage)
{
	struct step *step = step_new(plan, stage, target->actual);
	const struct resource *r = target->resource;

	step->target = target;
	step->address = r->address;
	step->kind = r->kind;
	step->name = r->name;
	step->provider = r->provider;
	step->scope = r->scope;
	target->nodes[stage] = step->node;
	return step;
}

static void decide(struct step *step, enum step_action action, const char *reason)
{
	step->action = action;
	step->reason = reason;
}

static void refuse(struct step *step, enum step_action action, const struct actual *actual,
	enum error_class class)
{
	decide(step, action, actual->text ? actual->text : "no reason was given");
	step->hint = actual->hint;
	step->error = class;
}

static enum change_class worst(const GArray *changes)
{
	enum change_class class = CHANGE_LIVE;

	for (unsigned i = 0; i < changes->len; i++)
		class = MAX(class, g_array_index(changes, struct change, i).class);
	return class;
}

/* A late value never decides that something is replaced: that would not be in the plan shown. */
static void check_late(
	struct step *step, const struct change *change, struct diagnostics *diagnostics)
{
	if (change->class != CHANGE_REPLACE || !change->after || !value_has_unknown(change->after))
		return;
	diagnostic_add(diagnostics, change->after->span,
		"'%s' of %s would be known only during the run, and a change of it replaces the %s",
		change->name, step->address, step->kind);
	diagnostic_hint(diagnostics,
		"write a value that is known now, or take it out in a step of its own");
}

static void decide_present(struct plan *plan, struct step *step, struct diagnostics *diagnostics)
{
	struct target *t = step->target;

	if (value_get_integer(t->actual->record, "format", 0) > RECORD_NEWEST) {
		decide(step, STEP_CONFLICT,
			"its record was written by a newer version of provision");
		step->hint = "use that version";
		step->error = ERROR_CONFLICT;
		return;
	}
	step->changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	diff_fields(plan->arena, t->resource->fields, t->said, t->actual->fields, t->actual->record,
		step->changes);
	step->class = worst(step->changes);
	if (t->actual->partial)
		decide(step, STEP_REPLACE,
			arena_printf(plan->arena, "incomplete: %s", t->actual->partial));
	else if (!step->changes->len)
		decide(step, STEP_NONE, NULL);
	else if (step->class == CHANGE_REPLACE)
		decide(step, STEP_REPLACE, "a changed field cannot be changed in place");
	else
		decide(step, STEP_UPDATE,
			step->class == CHANGE_REBOOT ? "changed, takes effect by a restart"
						     : "changed");
	for (unsigned i = 0; i < step->changes->len; i++)
		check_late(step, &g_array_index(step->changes, struct change, i), diagnostics);
}

/* What lies inside something that is made anew is made anew, whatever was read. */
static bool machine_is_new(const struct plan *plan, const struct resource *r)
{
	const struct target *machine =
		r->machine ? g_hash_table_lookup(plan->by_resource, r->machine) : NULL;
	enum step_action action = machine ? machine->step->action : STEP_NONE;

	return action == STEP_CREATE || action == STEP_REPLACE;
}

static void decide_absent(struct plan *plan, struct step *step)
{
	const struct resource *r = step->target->resource;
	const char *why = world_incomplete(plan->world, r->provider, r->kind);

	if (!why) {
		decide(step, STEP_CREATE,
			machine_is_new(plan, r) ? "its machine is new" : "is not there");
		return;
	}
	decide(step, STEP_UNKNOWN,
		arena_printf(plan->arena, "the list of what is there is not complete: %s", why));
	step->error = ERROR_UNAVAILABLE;
}

static void decide_made(struct plan *plan, struct step *step, struct diagnostics *diagnostics)
{
	struct target *t = step->target;

	if (t->resource->machine && t->resource->machine->stopped) {
		decide(step, STEP_NONE, NULL);
		return;
	}
	if (machine_is_new(plan, t->resource)) {
		decide_absent(plan, step);
		return;
	}
	switch (t->actual->presence) {
	case PRESENCE_ABSENT:
		decide_absent(plan, step);
		break;
	case PRESENCE_PRESENT:
		decide_present(plan, step, diagnostics);
		break;
	case PRESENCE_FOREIGN:
		refuse(step, STEP_CONFLICT, t->actual, ERROR_CONFLICT);
		break;
	case PRESENCE_UNKNOWN:
		refuse(step,
			t->actual->class == ERROR_UNAVAILABLE || t->actual->class == ERROR_TIMEOUT
				? STEP_UNKNOWN
				: STEP_CONFLICT,
			t->actual, t->actual->class);
		break;
	}
}

/* The outputs as they will be, as far as that is known before anything is done. */
static void foresee(struct target *t)
{
	const struct step *step = t->step;

	t->settled = step->action == STEP_NONE;
	if (step->action == STEP_REPLACE)
		t->outputs = NULL;
	else
		t->outputs = t->actual->outputs;
}

/* True if the machine goes down, or is new, by its made step. */
static bool starts_anew(const struct step *made)
{
	const struct change *change;

	if (made->action == STEP_CREATE || made->action == STEP_REPLACE)
		return true;
	if (made->action != STEP_UPDATE)
		return false;
	if (made->class == CHANGE_REBOOT)
		return true;
	for (unsigned i = 0; i < made->changes->len; i++) {
		change = &g_array_index(made->changes, struct change, i);
		if (!strcmp(change->name, "state"))
			return true;
	}
	return false;
}

static void decide_waits(struct plan *plan, struct target *t)
{
	bool anew = starts_anew(t->step), up = anew || !t->actual->up;
	bool possible = !t->resource->stopped && t->step->action != STEP_UNKNOWN &&
			t->step->action != STEP_CONFLICT;
	struct step *step;

	for (enum stage stage = STAGE_UP; stage < STAGE_COUNT; stage++) {
		step = step_of(plan, t, stage);
		step->implied = anew;
		if (!possible || stage == STAGE_CONFIGURED)
			continue;
		if (stage == STAGE_UP && up)
			decide(step, STEP_WAIT,
				anew ? "it starts" : "it has not been seen up since it started");
		if (stage == STAGE_READY && (up || !t->actual->ready))
			decide(step, STEP_WAIT,
				anew ? "it starts" : "it has not been seen ready since it started");
	}
}

static const struct actual *read_or_absent(struct plan *plan, const struct resource *r)
{
	const struct actual *actual = world_find(plan->world, r->provider, r->address);

	if (actual)
		return actual;
	return world_add_unknown(plan->world, r->provider, r->address, r->kind, ERROR_INTERNAL,
		"its provider said nothing of it", NULL);
}

/* Depth first, so that what a resource depends on is decided before it. fleet_check() has refused
 * circles. */
static void add_target(struct plan *plan, struct resource *r, struct diagnostics *diagnostics)
{
	struct target *t;

	if (g_hash_table_contains(plan->by_resource, r))
		return;
	for (unsigned i = 0; i < r->dependencies->len; i++)
		add_target(
			plan, g_array_index(r->dependencies, struct dependency, i).on, diagnostics);
	t = arena_new_of(plan->arena, struct target);
	t->resource = r;
	t->actual = read_or_absent(plan, r);
	g_hash_table_insert(plan->by_resource, r, t);
	g_ptr_array_add(plan->targets, t);
	t->step = step_of(plan, t, STAGE_MADE);
	t->said = plan_said(plan, plan->arena, t, diagnostics);
	if (!t->said)
		t->said = value_map(plan->arena);
	t->after = diff_after(plan->arena, r->fields, t->said,
		t->actual->presence == PRESENCE_PRESENT ? t->actual->record : NULL);
	decide_made(plan, t->step, diagnostics);
	if (t->step->action == STEP_CREATE || t->step->action == STEP_REPLACE)
		t->after = diff_after(plan->arena, r->fields, t->said, NULL);
	foresee(t);
	if (r->is_machine)
		decide_waits(plan, t);
}

/* "machine.web-1/file:/etc/motd" goes with its machine, when that goes. */
static bool swallowed(const struct plan *plan, const struct actual *actual, GHashTable *gone)
{
	const char *slash = strchr(actual->address, '/');
	AUTO(gfree)
	char *machine = slash ? g_strndup(actual->address, slash - actual->address) : NULL;
	struct resource *r = machine && plan->fleet ? fleet_find(plan->fleet, machine) : NULL;

	if (!machine)
		return false;
	return g_hash_table_contains(gone, machine) ||
	       (r && machine_is_new(plan, &(struct resource){.machine = r}));
}

static void add_deletion(struct plan *plan, const struct actual *actual)
{
	struct step *step = step_new(plan, STAGE_MADE, actual);
	const char *slash = strchr(actual->address, '/');
	const char *mark;

	step->address = actual->address;
	step->kind = actual->kind;
	mark = slash ? strchr(slash, ':') : strchr(actual->address, '.');
	step->name = mark ? mark + 1 : actual->address;
	step->provider = actual->provider;
	step->scope = slash ? arena_strndup(plan->arena, actual->address, slash - actual->address)
			    : actual->address;
	decide(step, STEP_DELETE,
		plan->fleet ? "is no longer in the file" : "the fleet is destroyed");
}

static bool in_file(const struct plan *plan, const struct actual *actual)
{
	struct resource *r = plan->fleet ? fleet_find(plan->fleet, actual->address) : NULL;

	return r && !strcmp(r->provider, actual->provider);
}

static void add_deletions(struct plan *plan)
{
	GPtrArray *listed = world_listed(plan->world);
	GHashTable *gone = g_hash_table_new(g_str_hash, g_str_equal);

	for (unsigned i = 0; i < listed->len; i++) {
		const struct actual *actual = listed->pdata[i];

		if (actual->presence != PRESENCE_PRESENT || in_file(plan, actual) ||
			world_incomplete(plan->world, actual->provider, actual->kind))
			continue;
		if (swallowed(plan, actual, gone))
			continue;
		g_hash_table_add(gone, (void *)actual->address);
		add_deletion(plan, actual);
	}
	g_hash_table_destroy(gone);
	g_ptr_array_free(listed, TRUE);
}

static int by_address(const void *a, const void *b)
{
	const struct step *x = *(struct step *const *)a, *y = *(struct step *const *)b;
	int order = strcmp(x->address, y->address);

	return order ? order : (int)x->stage - (int)y->stage;
}

static void collect_steps(struct plan *plan)
{
	for (unsigned i = 0; i < plan->graph->count; i++) {
		struct step *step = plan->graph->nodes[i].data;

		if (step->action == STEP_NONE)
			continue;
		g_ptr_array_add(plan->steps, step);
		if (!step->implied)
			plan->counts[step->action]++;
	}
	g_ptr_array_sort(plan->steps, by_address);
}

/* A machine whose up and ready both are to be waited for counts as one. */
static void count_waits(struct plan *plan)
{
	const struct step *before = NULL;

	for (unsigned i = 0; i < plan->steps->len; i++) {
		const struct step *step = plan->steps->pdata[i];

		if (step->action == STEP_WAIT && !step->implied) {
			if (before && before->target == step->target)
				plan->counts[STEP_WAIT]--;
			before = step;
		}
	}
}

struct plan *plan_new(struct arena *arena, struct fleet *fleet, struct world *world,
	struct diagnostics *diagnostics)
{
	struct plan *plan = arena_new_of(arena, struct plan);

	plan->arena = arena;
	plan->fleet = fleet;
	plan->world = world;
	plan->graph = graph_new(arena);
	plan->targets = g_ptr_array_new();
	plan->steps = g_ptr_array_new();
	plan->by_resource = g_hash_table_new(NULL, NULL);
	for (unsigned i = 0; fleet && i < fleet->resources->len; i++)
		add_target(plan, fleet->resources->pdata[i], diagnostics);
	add_deletions(plan);
	edges_add(plan);
	collect_steps(plan);
	count_waits(plan);
	return plan;
}

void plan_free(struct plan *plan)
{
	for (unsigned i = 0; i < plan->graph->count; i++) {
		struct step *step = plan->graph->nodes[i].data;

		if (step->changes)
			g_array_free(step->changes, TRUE);
	}
	g_ptr_array_free(plan->targets, TRUE);
	g_ptr_array_free(plan->steps, TRUE);
	g_hash_table_destroy(plan->by_resource);
}

bool plan_empty(const struct plan *plan)
{
	return plan->steps->len == 0;
}
