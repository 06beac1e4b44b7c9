/* The rules of order.
 *
 * 1. A machine's nodes follow one another: made, up, configured, ready.
 * 2. What lies inside a machine waits until it is up; configured waits for all of it, and for all
 *    that is taken out of it.
 * 3. A reference waits for the node that makes its value, `needs` for ready.
 * 4. A delete waits for every step of what depended on the object by its record: they have let go
 *    of it by then, or are gone. Thus destroy is create reversed.
 * 5. What moves to another provider is deleted by the old one before the new one makes it. Of its
 *    dependents by record those that need it still do not go before: they wait for the new.
 *
 * 6. Nothing is deleted while it is unknown what became of something that depended on it.
 *
 * Records are of different times, so rule 4 can run in a circle, alone or with the others. It then
 * yields: within a circle first where it is against the order of addresses, then altogether.
 */
#include "plan/edges.h"

#include <string.h>

#include "plan/step.h"

/* An edge of rule 4. */
struct soft {
	unsigned before, after;
};

struct edges {
	struct plan *plan;
	GArray *soft;	    /* of struct soft */
	GHashTable *groups; /* pattern in a record → its node + 2, or 1 where it has none */
};

enum { NO_NODE = 1 };

static unsigned node_of(const struct target *target, enum stage stage)
{
	return target->nodes[target->resource->is_machine ? stage : STAGE_MADE];
}

static void target_edges(struct plan *plan, const struct target *t)
{
	const struct resource *r = t->resource;

	for (enum stage stage = STAGE_UP; r->is_machine && stage < STAGE_COUNT; stage++)
		graph_add_edge(plan->graph, t->nodes[stage - 1], t->nodes[stage]);
	for (unsigned i = 0; i < r->dependencies->len; i++) {
		const struct dependency *d = &g_array_index(r->dependencies, struct dependency, i);
		unsigned before = d->group ? plan->groups[d->group->index]
					   : node_of(plan_target(plan, d->on), d->stage);

		graph_add_edge(plan->graph, before, t->nodes[STAGE_MADE]);
	}
	if (r->machine)
		graph_add_edge(plan->graph, t->nodes[STAGE_MADE],
			plan_target(plan, r->machine)->nodes[STAGE_CONFIGURED]);
}

static void group_edges(struct plan *plan, const struct group *group)
{
	for (unsigned i = 0; i < group->members->len; i++)
		graph_add_edge(plan->graph,
			node_of(plan_target(plan, group->members->pdata[i]), STAGE_READY),
			plan->groups[group->index]);
}

/* Rules 2 and 5 for what is not in the file. */
static void leftover_edges(struct plan *plan, const struct step *step)
{
	const struct resource *moved = fleet_find(plan->fleet, step->address);
	const struct resource *machine =
		strcmp(step->scope, step->address) ? fleet_find(plan->fleet, step->scope) : NULL;
	const struct target *t;

	if (moved)
		graph_add_edge(
			plan->graph, step->node, plan_target(plan, moved)->nodes[STAGE_MADE]);
	if (!machine)
		return;
	t = plan_target(plan, machine);
	graph_add_edge(plan->graph, t->nodes[STAGE_UP], step->node);
	graph_add_edge(plan->graph, step->node, t->nodes[STAGE_CONFIGURED]);
}

/* The first leftover whose address is not below. */
static unsigned lower_bound(const struct plan *plan, const char *address)
{
	unsigned low = 0, high = plan->leftovers->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const struct step *step = plan->leftovers->pdata[middle];

		if (strcmp(step->address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_soft(struct edges *e, unsigned before, unsigned after)
{
	struct soft soft = {before, after};

	if (before != after)
		g_array_append_val(e->soft, soft);
}

static bool moves(const struct plan *plan, const struct step *step)
{
	return plan->fleet && fleet_find(plan->fleet, step->address);
}

/* The dependencies are in order of their indexes, groups behind. */
static bool depends_on(const GArray *all, const struct resource *r)
{
	unsigned low = 0, high = all->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const struct dependency *d = &g_array_index(all, struct dependency, middle);

		if (d->on == r)
			return true;
		if (d->on && d->on->index < r->index)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = all->len; r->group && i-- > 0;) {
		const struct dependency *d = &g_array_index(all, struct dependency, i);

		if (d->group == r->group)
			return true;
		if (!d->group)
			break;
	}
	return false;
}

static bool still_needs(const struct plan *plan, const struct step *dependent, const char *address)
{
	const struct resource *r = plan->fleet ? fleet_find(plan->fleet, address) : NULL;

	return r && dependent->target && depends_on(dependent->target->resource->dependencies, r);
}

static void release_one(struct edges *e, const struct step *dependent, const char *address)
{
	const GPtrArray *all = e->plan->leftovers;

	for (unsigned i = lower_bound(e->plan, address); i < all->len; i++) {
		const struct step *step = all->pdata[i];

		if (strcmp(step->address, address))
			break;
		if (!still_needs(e->plan, dependent, address))
			add_soft(e, dependent->node, step->node);
	}
}

/* Of "machine.web-*": leftovers "machine.web-1" and so on, behind one node that stands for all. */
static unsigned group_node(struct edges *e, const char *pattern)
{
	AUTO(gfree) char *prefix = g_strndup(pattern, strlen(pattern) - 1);
	const GPtrArray *all = e->plan->leftovers;
	struct step *node = NULL;

	for (unsigned i = lower_bound(e->plan, prefix); i < all->len; i++) {
		const struct step *step = all->pdata[i];
		const char *rest = step->address + strlen(prefix);

		if (strncmp(step->address, prefix, strlen(prefix)))
			break;
		if (!*rest || rest[strspn(rest, "0123456789")] || moves(e->plan, step))
			continue;
		if (!node) {
			node = step_new(e->plan, STAGE_MADE, NULL);
			node->address = node->scope = node->name =
				arena_strdup(e->plan->arena, pattern);
			node->kind = "machine";
			node->provider = "";
		}
		add_soft(e, node->node, step->node);
	}
	return node ? node->node + 1 + NO_NODE : NO_NODE;
}

static void release_group(struct edges *e, const struct step *dependent, const char *pattern)
{
	unsigned node = GPOINTER_TO_UINT(g_hash_table_lookup(e->groups, pattern));

	if (!node) {
		node = group_node(e, pattern);
		g_hash_table_insert(e->groups, (void *)pattern, GUINT_TO_POINTER(node));
	}
	if (node != NO_NODE)
		add_soft(e, dependent->node, node - 1 - NO_NODE);
}

/* Rule 4 for one object that is there. */
static void release_edges(struct edges *e, const struct step *dependent)
{
	const struct value *depends = value_get_list(dependent->actual->record, "depends");

	for (size_t i = 0; depends && i < depends->list.count; i++) {
		const struct value *address = depends->list.items[i];

		if (address->type != VALUE_STRING)
			continue;
		if (g_str_has_suffix(address->text.bytes, "-*"))
			release_group(e, dependent, address->text.bytes);
		else
			release_one(e, dependent, address->text.bytes);
	}
}

static void add_released(struct edges *e)
{
	unsigned count = e->plan->graph->count;

	for (unsigned i = 0; i < count; i++) {
		const struct step *step = e->plan->graph->nodes[i].data;

		if (step->stage == STAGE_MADE && step->action != STEP_NONE && step->actual)
			release_edges(e, step);
	}
	for (unsigned i = 0; i < e->soft->len; i++) {
		const struct soft *soft = &g_array_index(e->soft, struct soft, i);

		graph_add_edge(e->plan->graph, soft->before, soft->after);
	}
}

static bool has_circle(const struct graph *graph)
{
	unsigned *order = g_new(unsigned, graph->count + 1), count;
	bool circle = !graph_order(graph, order, &count);

	g_free(order);
	return circle;
}

static int by_before(const void *a, const void *b)
{
	const struct soft *x = a, *y = b;

	return x->before < y->before ? -1 : x->before > y->before;
}

/* Takes away edges [from, to), which start at one node, as far as they may be in a circle. */
static void yield_from(
	struct edges *e, unsigned from, unsigned to, const bool *core, bool *gone, bool altogether)
{
	const struct soft *all = &g_array_index(e->soft, struct soft, 0);
	unsigned before = all[from].before;

	if (!core[before])
		return;
	for (unsigned i = from; i < to; i++)
		gone[all[i].after] = core[all[i].after] && (altogether || before > all[i].after);
	graph_remove_edges(e->plan->graph, before, gone);
	for (unsigned i = from; i < to; i++)
		gone[all[i].after] = false;
}

static void yield(struct edges *e, bool altogether)
{
	const struct graph *graph = e->plan->graph;
	bool *core = g_new(bool, graph->count + 1), *gone = g_new0(bool, graph->count + 1);

	graph_core(graph, core);
	g_array_sort(e->soft, by_before);
	for (unsigned from = 0, to; from < e->soft->len; from = to) {
		unsigned before = g_array_index(e->soft, struct soft, from).before;

		for (to = from; to < e->soft->len; to++)
			if (g_array_index(e->soft, struct soft, to).before != before)
				break;
		yield_from(e, from, to, core, gone, altogether);
	}
	g_free(core);
	g_free(gone);
}

static bool is_pattern(const struct step *step)
{
	return step->action == STEP_NONE && !step->target && step->stage == STAGE_MADE;
}

/* Rule 6. `unknown` comes through patterns, and through deletes that are held back by it. */
static void hold_back(struct plan *plan, struct step *step, const struct step **unknown)
{
	const struct graph_node *node = &plan->graph->nodes[step->node];
	const struct step *cause = step->action == STEP_UNKNOWN ? step : unknown[step->node];

	if (cause && step->action == STEP_DELETE) {
		step_decide(step, STEP_UNKNOWN,
			arena_printf(
				plan->arena, "%s depends on it, and is unknown", cause->address));
		step->error = cause->error;
		cause = step;
	}
	for (unsigned i = 0; cause && i < node->next_count; i++) {
		const struct step *next = plan->graph->nodes[node->next[i]].data;

		if ((next->action == STEP_DELETE || is_pattern(next)) && !unknown[next->node])
			unknown[next->node] = cause;
	}
}

static void hold_deletes(struct plan *plan)
{
	unsigned *order = g_new(unsigned, plan->graph->count + 1), count;
	const struct step **unknown = g_new0(const struct step *, plan->graph->count + 1);

	(void)graph_order(plan->graph, order, &count);
	for (unsigned i = 0; i < count; i++)
		hold_back(plan, plan->graph->nodes[order[i]].data, unknown);
	g_free(order);
	g_free(unknown);
}

void edges_add(struct plan *plan)
{
	struct edges e = {plan, g_array_new(FALSE, FALSE, sizeof(struct soft)),
		g_hash_table_new(g_str_hash, g_str_equal)};

	for (unsigned i = 0; i < plan->targets->len; i++)
		target_edges(plan, plan->targets->pdata[i]);
	for (unsigned i = 0; plan->fleet && i < plan->fleet->groups->len; i++)
		group_edges(plan, plan->fleet->groups->pdata[i]);
	for (unsigned i = 0; plan->fleet && i < plan->leftovers->len; i++)
		leftover_edges(plan, plan->leftovers->pdata[i]);
	if (plan->leftovers->len)
		add_released(&e);
	for (int pass = 0; pass < 2 && has_circle(plan->graph); pass++)
		yield(&e, pass == 1);
	if (plan->leftovers->len)
		hold_deletes(plan);
	g_array_free(e.soft, TRUE);
	g_hash_table_destroy(e.groups);
}
