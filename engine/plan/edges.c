/* The rules of order.
 *
 * 1. A machine's nodes follow one another: made, up, configured, ready.
 * 2. What lies inside a machine waits until it is up; configured waits for all of it.
 * 3. A reference waits for the node that makes its value, `needs` for ready.
 * 4. A delete waits for every step of what depended on the object by its record: they have let go
 *    of it by then, or are gone. Thus destroy is create reversed.
 * 5. What moves to another provider is deleted by the old one before the new one makes it; then
 *    rule 4 does not hold for the old, as its dependents wait for the new.
 */
#include "plan/edges.h"

#include <string.h>

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
		struct dependency *d = &g_array_index(r->dependencies, struct dependency, i);
		struct target *on = g_hash_table_lookup(plan->by_resource, d->on);

		graph_add_edge(plan->graph, node_of(on, d->stage), t->nodes[STAGE_MADE]);
	}
	if (r->machine) {
		struct target *machine = g_hash_table_lookup(plan->by_resource, r->machine);

		graph_add_edge(plan->graph, t->nodes[STAGE_MADE], machine->nodes[STAGE_CONFIGURED]);
	}
}

/* The delete steps by address; those of rule 5 are wired at once and left out. */
static GHashTable *deletions(struct plan *plan)
{
	GHashTable *all = g_hash_table_new(g_str_hash, g_str_equal);

	for (unsigned i = 0; i < plan->graph->count; i++) {
		struct step *step = plan->graph->nodes[i].data;
		struct resource *r;

		if (step->action != STEP_DELETE)
			continue;
		r = plan->fleet ? fleet_find(plan->fleet, step->address) : NULL;
		if (r)
			graph_add_edge(plan->graph, step->node,
				((struct target *)g_hash_table_lookup(plan->by_resource, r))
					->nodes[STAGE_MADE]);
		else
			g_hash_table_insert(all, (void *)step->address, step);
	}
	return all;
}

/* Rule 4 for one object that is there. */
static void release_edges(struct plan *plan, GHashTable *deleted, const struct step *dependent)
{
	const struct value *depends = value_get_list(dependent->actual->record, "depends");

	for (size_t i = 0; depends && i < depends->list.count; i++) {
		const struct value *address = depends->list.items[i];
		struct step *step = address->type == VALUE_STRING
					    ? g_hash_table_lookup(deleted, address->text.bytes)
					    : NULL;

		if (step && step != dependent)
			graph_add_edge(plan->graph, dependent->node, step->node);
	}
}

void edges_add(struct plan *plan)
{
	GHashTable *deleted;

	for (unsigned i = 0; i < plan->targets->len; i++)
		target_edges(plan, plan->targets->pdata[i]);
	deleted = deletions(plan);
	for (unsigned i = 0; i < plan->graph->count; i++) {
		struct step *step = plan->graph->nodes[i].data;

		if (step->stage == STAGE_MADE && step->action != STEP_NONE && step->actual->record)
			release_edges(plan, deleted, step);
	}
	g_hash_table_destroy(deleted);
}
