/* The graph of a plan: order, circles, and that both cost what they must. */
#include "plan/graph.h"

#include "base/heap.h"

struct fixture {
	struct arena *arena;
	struct graph *graph;
};

static void set_up(struct fixture *f, const void *data)
{
	f->arena = arena_new();
	f->graph = graph_new(f->arena);
	for (unsigned i = 0; i < GPOINTER_TO_UINT(data); i++)
		g_assert_cmpuint(graph_add_node(f->graph, NULL), ==, i);
}

static void tear_down(struct fixture *f, const void *data)
{
	(void)data;
	arena_free(f->arena);
}

/* "1>2 2>3": 2 waits for 1. */
static void add_edges(struct fixture *f, const char *text)
{
	g_auto(GStrv) edges = g_strsplit(text, " ", -1);

	for (char **edge = edges; *edge && **edge; edge++) {
		char *rest;
		unsigned before = strtoul(*edge, &rest, 10);

		graph_add_edge(f->graph, before, strtoul(rest + 1, NULL, 10));
	}
}

static void assert_order(struct fixture *f, bool all, const char *want)
{
	GString *text = g_string_new(NULL);
	unsigned *order = g_new(unsigned, f->graph->count + 1), count;

	g_assert_true(graph_order(f->graph, order, &count) == all);
	for (unsigned i = 0; i < count; i++)
		g_string_append_printf(text, "%s%u", i ? " " : "", order[i]);
	g_assert_cmpstr(text->str, ==, want);
	g_string_free(text, TRUE);
	g_free(order);
}

static void assert_core(struct fixture *f, const char *want)
{
	GString *text = g_string_new(NULL);
	bool *core = g_new(bool, f->graph->count + 1);

	graph_core(f->graph, core);
	for (unsigned i = 0; i < f->graph->count; i++)
		if (core[i])
			g_string_append_printf(text, "%s%u", text->len ? " " : "", i);
	g_assert_cmpstr(text->str, ==, want);
	g_string_free(text, TRUE);
	g_free(core);
}

static void test_empty(struct fixture *f, const void *data)
{
	(void)data;
	assert_order(f, true, "");
	assert_core(f, "");
}

static void test_ties(struct fixture *f, const void *data)
{
	(void)data;
	assert_order(f, true, "0 1 2 3 4 5");
	add_edges(f, "0>3 1>2");
	assert_order(f, true, "0 1 2 3 4 5");
	add_edges(f, "5>0");
	assert_order(f, true, "1 2 4 5 0 3");
}

/* The order of the edges makes no difference. */
static void test_edges_order(struct fixture *f, const void *data)
{
	(void)data;
	add_edges(f, "5>1 5>0 5>4 4>2 0>3");
	assert_order(f, true, "5 0 1 3 4 2");
}

static void test_twice(struct fixture *f, const void *data)
{
	(void)data;
	add_edges(f, "1>0 1>0 1>0");
	assert_order(f, true, "1 0 2 3 4 5");
	g_assert_cmpuint(f->graph->nodes[0].before_count, ==, 3);
}

static void test_remove(struct fixture *f, const void *data)
{
	bool marked[6] = {[1] = true, [4] = true};

	(void)data;
	add_edges(f, "1>0 1>2 1>3 3>1 3>1 3>5");
	assert_order(f, false, "4");
	graph_remove_edges(f->graph, 3, marked);
	graph_remove_edges(f->graph, 2, marked);
	assert_order(f, true, "1 0 2 3 4 5");
	marked[0] = marked[5] = true;
	graph_remove_edges(f->graph, 1, marked);
	assert_order(f, true, "0 1 2 3 4 5");
	g_assert_cmpuint(f->graph->nodes[5].before_count, ==, 1);
}

static void test_circle(struct fixture *f, const void *data)
{
	(void)data;
	add_edges(f, "0>1 1>2 2>3 3>1 3>4 5>5");
	assert_order(f, false, "0");
	assert_core(f, "1 2 3 5");
}

/* What stands between two circles cannot be told from them. */
static void test_between(struct fixture *f, const void *data)
{
	(void)data;
	add_edges(f, "0>1 1>0 1>2 2>3 3>4 4>3 4>5");
	assert_order(f, false, "");
	assert_core(f, "0 1 2 3 4");
}

static void test_long_chain(struct fixture *f, const void *data)
{
	enum { LENGTH = 200000 };
	unsigned *order = g_new(unsigned, LENGTH), count;

	(void)data;
	for (unsigned i = 0; i < LENGTH; i++)
		graph_add_node(f->graph, NULL);
	for (unsigned i = 1; i < LENGTH; i++)
		graph_add_edge(f->graph, i, i - 1);
	g_assert_true(graph_order(f->graph, order, &count));
	g_assert_cmpuint(order[0], ==, LENGTH - 1);
	g_assert_cmpuint(order[LENGTH - 1], ==, 0);
	g_free(order);
}

static void test_heap(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	struct heap heap = {0};
	unsigned last = 0, pushed = 0, popped = 0;

	for (int round = 0; round < 1000; round++) {
		unsigned n = g_rand_int_range(rand, 0, 20);

		for (unsigned i = 0; i < n; i++, pushed++)
			heap_push(&heap, g_rand_int_range(rand, 0, 100));
		for (last = 0; heap.count > n / 2; popped++) {
			unsigned top = heap_top(&heap);

			g_assert_cmpuint(heap_pop(&heap), ==, top);
			g_assert_cmpuint(top, >=, last);
			last = top;
		}
	}
	g_assert_cmpuint(pushed, ==, popped + heap.count);
	heap_clear(&heap);
}

static void add(const char *name, unsigned nodes, void (*test)(struct fixture *, const void *))
{
	g_test_add(name, struct fixture, GUINT_TO_POINTER(nodes), set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/graph/empty", 0, test_empty);
	add("/graph/ties-by-number", 6, test_ties);
	add("/graph/order-of-edges", 6, test_edges_order);
	add("/graph/edge-twice", 6, test_twice);
	add("/graph/remove", 6, test_remove);
	add("/graph/circle", 6, test_circle);
	add("/graph/between-circles", 6, test_between);
	add("/graph/long-chain", 0, test_long_chain);
	g_test_add_func("/heap/random", test_heap);
	return g_test_run();
}
