/* Makes a plan: targets and their nodes, a decision for each, what left the file, the order. */
#include "plan/plan.h"

#include <string.h>

#include "plan/edges.h"
#include "plan/step.h"

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

static const struct actual *actual_of(struct plan *plan, const struct resource *r)
{
	const struct actual *actual = world_find(plan->world, r->provider, r->address);

	if (actual)
		return actual;
	return world_add_unknown(plan->world, r->provider, r->address, r->kind, ERROR_INTERNAL,
		"its provider said nothing of it", NULL);
}

/* Nodes are numbered by address, so that ties in the order of execution are broken by it. */
static void add_target(struct plan *plan, struct resource *r)
{
	struct target *t = arena_new_of(plan->arena, struct target);

	t->resource = r;
	t->actual = actual_of(plan, r);
	g_ptr_array_add(plan->targets, t);
	t->step = step_of(plan, t, STAGE_MADE);
	for (enum stage stage = STAGE_UP; r->is_machine && stage < STAGE_COUNT; stage++)
		(void)step_of(plan, t, stage);
}

static void add_group(struct plan *plan, const struct group *group)
{
	struct step *step = step_new(plan, STAGE_READY, NULL);

	step->address = step->scope = group->pattern;
	step->name = group->name;
	step->kind = "machine";
	step->provider = "";
	plan->groups[group->index] = step->node;
}

/* A thing that the file gives to another provider is to go from the one that has it. */
static void note_moves(struct plan *plan)
{
	g_autoptr(GPtrArray) listed = world_listed(plan->world);

	for (unsigned i = 0; i < listed->len; i++) {
		const struct actual *actual = listed->pdata[i];
		const struct resource *r = fleet_find(plan->fleet, actual->address);

		if (r && actual->presence != PRESENCE_FOREIGN &&
			strcmp(r->provider, actual->provider))
			plan_target(plan, r)->old = actual;
	}
}

static void add_fleet(struct plan *plan, struct diagnostics *diagnostics)
{
	const struct fleet *fleet = plan->fleet;

	for (unsigned i = 0; i < fleet->resources->len; i++)
		add_target(plan, fleet->resources->pdata[i]);
	plan->groups = arena_array_of(plan->arena, unsigned, fleet->groups->len + 1);
	plan->unknown = arena_array_of(plan->arena, const struct step *, fleet->groups->len + 1);
	for (unsigned i = 0; i < fleet->groups->len; i++)
		add_group(plan, fleet->groups->pdata[i]);
	note_moves(plan);
	for (unsigned i = 0; i < fleet->order->len; i++)
		decide_target(plan, plan_target(plan, fleet->order->pdata[i]), diagnostics);
}

/* What one provider deletes stands before what another one makes in its place. */
static int by_address(const void *a, const void *b)
{
	const struct step *x = *(struct step *const *)a, *y = *(struct step *const *)b;
	int order = strcmp(x->address, y->address);

	if (order || x->target == y->target)
		return order ? order : (int)x->stage - (int)y->stage;
	if (!x->target != !y->target)
		return x->target ? 1 : -1;
	return strcmp(x->provider, y->provider);
}

static void collect_steps(struct plan *plan)
{
	for (unsigned i = 0; i < plan->graph->count; i++) {
		struct step *step = plan->graph->nodes[i].data;

		if (step->action == STEP_NONE)
			continue;
		g_ptr_array_add(plan->steps, step);
		if (plan_counted(plan, step) == step)
			plan->counts[step->action]++;
	}
	g_ptr_array_sort(plan->steps, by_address);
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
	plan->leftovers = g_ptr_array_new();
	plan->steps = g_ptr_array_new();
	plan->tables = g_hash_table_new(NULL, NULL);
	if (fleet)
		add_fleet(plan, diagnostics);
	leftovers_add(plan);
	edges_add(plan);
	collect_steps(plan);
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
	g_ptr_array_free(plan->leftovers, TRUE);
	g_ptr_array_free(plan->steps, TRUE);
	g_hash_table_destroy(plan->tables);
}

bool plan_empty(const struct plan *plan)
{
	return plan->steps->len == 0;
}

const struct step *plan_conflict(const struct plan *plan)
{
	const struct step *first = NULL;

	for (unsigned i = 0; i < plan->steps->len; i++) {
		const struct step *step = plan->steps->pdata[i];

		if (step->action == STEP_CONFLICT &&
			(!first || (first->error != ERROR_CONFIG && step->error == ERROR_CONFIG)))
			first = step;
	}
	return first;
}

const struct step *plan_counted(const struct plan *plan, const struct step *step)
{
	const struct step *up;

	if (step->action != STEP_WAIT || !step->target)
		return step;
	if (step->implied)
		return step->target->step;
	up = plan->graph->nodes[step->target->nodes[STAGE_UP]].data;
	return up->action == STEP_WAIT ? up : step;
}

struct target *plan_target(const struct plan *plan, const struct resource *resource)
{
	return plan->targets->pdata[resource->index];
}

const struct table *plan_table(const struct plan *plan, const struct field *fields)
{
	struct table *table = g_hash_table_lookup(plan->tables, fields);

	if (!table) {
		table = diff_table(plan->arena, fields);
		g_hash_table_insert(plan->tables, (void *)fields, table);
	}
	return table;
}
