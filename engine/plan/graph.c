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

void graph_remove_edge(struct graph *graph, unsigned before, unsigned after)
{
	struct graph_node *node = &graph->nodes[before];

	for (unsigned i = 0; i < node->next_count; i++)
		if (node->next[i] == after) {
			node->next_count--;
			memmove(&node->next[i], &node->next[i + 1],
				(node->next_count - i) * sizeof(unsigned));
			graph->nodes[after].before_count--;
			return;
		}
}

/* Nodes that wait for nothing any more, the lowest number on top. */
struct heap {
	unsigned *nodes, count;
};

static void push(struct heap *heap, unsigned node)
{
	unsigned at = heap->count++;

	for (; at && heap->nodes[(at - 1) / 2] > node; at = (at - 1) / 2)
		heap->nodes[at] = heap->nodes[(at - 1) / 2];
	heap->nodes[at] = node;
}

static unsigned pop(struct heap *heap)
{
	unsigned top = heap->nodes[0], last = heap->nodes[--heap->count];
	unsigned at = 0, child;

	while ((child = 2 * at + 1) < heap->count) {
		if (child + 1 < heap->count && heap->nodes[child + 1] < heap->nodes[child])
			child++;
		if (heap->nodes[child] >= last)
			break;
		heap->nodes[at] = heap->nodes[child];
		at = child;
	}
	heap->nodes[at] = last;
	return top;
}

bool graph_order(const struct graph *graph, unsigned *order, unsigned *count)
{
	unsigned *unmet = g_new(unsigned, graph->count + 1);
	struct heap heap = {g_new(unsigned, graph->count + 1), 0};
	unsigned done = 0;

	for (unsigned i = 0; i < graph->count; i++) {
		unmet[i] = graph->nodes[i].before_count;
		if (!unmet[i])
			push(&heap, i);
	}
	while (heap.count) {
		const struct graph_node *node = &graph->nodes[order[done++] = pop(&heap)];

		for (unsigned i = 0; i < node->next_count; i++)
			if (--unmet[node->next[i]] == 0)
				push(&heap, node->next[i]);
	}
	g_free(unmet);
	g_free(heap.nodes);
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
