/* A directed graph that knows nothing of what its nodes are. */
#ifndef PLAN_GRAPH_H
#define PLAN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct graph_node {
	void *data;
	unsigned *next; /* nodes that wait for this one */
	unsigned next_count, next_room;
	unsigned before_count; /* how many it waits for */
};

struct graph {
	struct arena *arena;
	struct graph_node *nodes;
	unsigned count, room;
};

struct graph *graph_new(struct arena *arena);
/* Returns its number, counted from 0. */
unsigned graph_add_node(struct graph *graph, void *data);
/* `after` waits for `before`. The same edge twice is counted twice and harmless. */
void graph_add_edge(struct graph *graph, unsigned before, unsigned after);
/* Takes away all edges from one node to those that are marked. */
void graph_remove_edges(struct graph *graph, unsigned before, const bool *marked);
/* Every node behind those it waits for, ties in order of their numbers. False if there is a
 * circle; *order then holds the nodes that are in none and behind none. */
bool graph_order(const struct graph *graph, unsigned *order, unsigned *count);
/* Marks the nodes that are in a circle, or both behind one and before one. */
void graph_core(const struct graph *graph, bool *core);

#endif
