/* Nodes in one array, edges in arrays of their own; order by counting what is unmet. */
#include "plan/graph.h"

#include <string.h>

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

bool graph_order(const struct graph *graph, unsigned *order, unsigned *count)
{
	unsigned *unmet = g_new(unsigned, graph->count + 1);
	unsigned done = 0, found = 0;

	for (unsigned i = 0; i < graph->count; i++) {
		unmet[i] = graph->nodes[i].before_count;
		if (!unmet[i])
			order[found++] = i;
	}
	while (done < found) {
		const struct graph_node *node = &graph->nodes[order[done++]];

		for (unsigned i = 0; i < node->next_count; i++)
			if (--unmet[node->next[i]] == 0)
				order[found++] = node->next[i];
	}
	g_free(unmet);
	*count = found;
	return found == graph->count;
}
