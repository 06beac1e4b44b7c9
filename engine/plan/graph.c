/* Nodes in one array, edges in arrays of their own; order by counting what is unmet. */
#include "plan/graph.h"

#include <string.h>

#include "base/heap.h"

struct graph *graph_new(struct arena *arena)
{
	struct graph *graph = arena_new_of(arena, struct graph);

	graph->arena = arena;
	return graph;
}

/* Twice the room; the old array stays in the arena. */
static void *grow(struct arena *arena, const void *old, unsigned *room, size_t size)
{
	unsigned more = *room ? *room * 2 : 4;
	void *array = arena_alloc(arena, more * size);

	if (*room)
		memcpy(array, old, *room * size);
	*room = more;
	return array;
}

unsigned graph_add_node(struct graph *graph, void *data)
{
	if (graph->count == graph->room)
		graph->nodes =
			grow(graph->arena, graph->nodes, &graph->room, sizeof(struct graph_node));
	graph->nodes[graph->count].data = data;
	return graph->count++;
}

void graph_add_edge(struct graph *graph, unsigned before, unsigned after)
{
	struct graph_node *node = &graph->nodes[before];

	if (node->next_count == node->next_room)
		node->next = grow(graph->arena, node->next, &node->next_room, sizeof(unsigned));
	node->next[node->next_count++] = after;
	graph->nodes[after].before_count++;
}

void graph_remove_edges(struct graph *graph, unsigned before, const bool *marked)
{
	struct graph_node *node = &graph->nodes[before];
	unsigned kept = 0;

	for (unsigned i = 0; i < node->next_count; i++) {
		unsigned after = node->next[i];

		if (marked[after])
			graph->nodes[after].before_count--;
		else
			node->next[kept++] = after;
	}
	node->next_count = kept;
}

bool graph_order(const struct graph *graph, unsigned *order, unsigned *count)
{
	unsigned *unmet = g_new(unsigned, graph->count + 1);
	struct heap ready = {0};
	unsigned done = 0;

	for (unsigned i = 0; i < graph->count; i++) {
		unmet[i] = graph->nodes[i].before_count;
		if (!unmet[i])
			heap_push(&ready, i);
	}
	while (ready.count) {
		const struct graph_node *node = &graph->nodes[order[done++] = heap_pop(&ready)];

		for (unsigned i = 0; i < node->next_count; i++)
			if (--unmet[node->next[i]] == 0)
				heap_push(&ready, node->next[i]);
	}
	g_free(unmet);
	heap_clear(&ready);
	*count = done;
	return done == graph->count;
}

/* The same graph with all its arrows turned. */
static struct graph *reverse(struct arena *arena, const struct graph *graph)
{
	struct graph *other = graph_new(arena);

	for (unsigned i = 0; i < graph->count; i++)
		graph_add_node(other, NULL);
	for (unsigned i = 0; i < graph->count; i++)
		for (unsigned j = 0; j < graph->nodes[i].next_count; j++)
			graph_add_edge(other, graph->nodes[i].next[j], i);
	return other;
}

/* Takes out what can be put in order: what is in no circle and behind none. */
static void take_out(const struct graph *graph, bool *core)
{
	unsigned *order = g_new(unsigned, graph->count + 1);
	unsigned count;

	(void)graph_order(graph, order, &count);
	for (unsigned i = 0; i < count; i++)
		core[order[i]] = false;
	g_free(order);
}

void graph_core(const struct graph *graph, bool *core)
{
	AUTO(arena) struct arena *arena = arena_new();

	for (unsigned i = 0; i < graph->count; i++)
		core[i] = true;
	take_out(graph, core);
	take_out(reverse(arena, graph), core);
}
