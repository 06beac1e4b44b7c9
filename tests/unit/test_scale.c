/* Nothing about reading a fleet and planning it is quadratic: four times as much takes about four
 * times the memory, the edges and the processor's time, where a quadratic part would take sixteen.
 */
#include <time.h>

#include "tests/unit/plan_world.h"

enum { SMALL = 250, TIMES = 4, TRIES = 3 };

/* What one more of everything costs; the time is the least of some tries. */
struct cost {
	size_t bytes, edges, steps;
	double seconds;
};

struct shape {
	const char *name;
	/* The file for n machines. */
	void (*write)(GString *text, unsigned n);
	bool there;    /* all of it is there already */
	bool destroy;  /* and is to go */
	bool circular; /* with records in one great circle */
	bool wrong;    /* the file has mistakes */
};

static const char kinds[] = "{\"fake\":{\"*\":{\"lists\":true,\"open\":true,\"fields\":["
			    "{\"name\":\"size\",\"type\":\"size\",\"default\":1024},"
			    "{\"name\":\"base\",\"type\":\"reference\",\"refers\":\"image\","
			    "\"change\":\"replace\"}]}}}";

static void write_count(GString *text, unsigned n)
{
	g_string_append_printf(text,
		"fleet: f\ndefaults: {provider: fake, base: b, size: 2KiB}\n"
		"resources:\n  b: {provider: fake, kind: image}\nmachines:\n  web: {count: %u}\n",
		n);
}

static void write_inside(GString *text, unsigned n)
{
	g_string_append_printf(text,
		"fleet: f\nmachines:\n  db: {provider: fake}\n  web:\n    provider: fake\n"
		"    count: %u\n    note: ${machine.db.address}\n    resources:\n"
		"      /a: {provider: fake, kind: file, of: \"x ${self.address}\"}\n"
		"      /b: {provider: fake, kind: file}\n",
		n / 2);
}

/* Everybody of one count needs everybody of another, and one needs all of these. */
static void write_groups(GString *text, unsigned n)
{
	g_string_append_printf(text,
		"fleet: f\ndefaults: {provider: fake}\nmachines:\n  db: {count: %u}\n"
		"  web: {count: %u, needs: [db]}\n  front: {needs: [web]}\n",
		n / 2, n / 2);
}

static void write_chain(GString *text, unsigned n)
{
	g_string_append(text, "fleet: f\ndefaults: {provider: fake}\nmachines:\n  m0: {}\n");
	for (unsigned i = 1; i < n; i++)
		g_string_append_printf(text, "  m%u: {needs: [m%u]}\n", i, i - 1);
}

static void write_fan(GString *text, unsigned n)
{
	g_string_append(text,
		"fleet: f\ndefaults: {provider: fake}\nmachines:\n  z: {}\n  all: {needs: [m0");
	for (unsigned i = 1; i < n; i++)
		g_string_append_printf(text, ", m%u", i);
	g_string_append(text, "]}\n");
	for (unsigned i = 0; i < n; i++)
		g_string_append_printf(text, "  m%u: {of: \"${machine.z.size}\"}\n", i);
}

static void write_circle(GString *text, unsigned n)
{
	write_chain(text, n);
	g_string_append_printf(text, "  z: {needs: [m%u, y]}\n  y: {needs: [z]}\n", n - 1);
}

static void write_mistakes(GString *text, unsigned n)
{
	g_string_append(text, "fleet: f\ndefaults: {provider: fake}\nmachines:\n");
	for (unsigned i = 0; i < n; i++)
		g_string_append_printf(text,
			"  m%u: {needs: [n%u], base: c%u, of: \"${machine.o%u.x}\"}\n", i, i, i, i);
}

static void write_mistaken_count(GString *text, unsigned n)
{
	g_string_append_printf(text,
		"fleet: f\nmachines:\n  web: {provider: fake, count: %u, needs: [wbe], size: x, "
		"of: \"${machine.wbe.size}\"}\n",
		n);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void hear_absent(struct imagined *w, struct world *world, const struct fleet *fleet)
{
	for (unsigned i = 0; i < fleet->resources->len; i++) {
		const struct resource *r = fleet->resources->pdata[i];
		struct value *answer = value_map(w->arena);

		value_set(w->arena, answer, "address", value_string(w->arena, r->address));
		value_set(w->arena, answer, "kind", value_string(w->arena, r->kind));
		value_set(w->arena, answer, "status", value_string(w->arena, "absent"));
		(void)world_add(world, r->provider, answer);
	}
}

/* Each record also names what is next to it, and the last one all others, so that all of them are
 * circles. */
static void make_circular(
	struct imagined *w, struct value *answer, const struct fleet *fleet, unsigned i)
{
	struct value *depends = value_get_list(value_get(answer, "record"), "depends");
	const GPtrArray *all = fleet->resources;
	unsigned from = (i + 1) % all->len, to = i + 1 < all->len ? from + 1 : all->len - 1;

	for (; from < to; from++)
		value_append(w->arena, depends,
			value_string(w->arena, ((struct resource *)all->pdata[from])->address));
}

static struct world *make_all(
	struct imagined *w, struct fleet *fleet, struct diagnostics *diagnostics, bool circular)
{
	AUTO(world) struct world *nothing = world_new();
	struct world *world = world_new();
	AUTO(plan) struct plan *plan = NULL;

	hear_absent(w, nothing, fleet);
	plan = plan_new(w->arena, fleet, nothing, diagnostics);
	for (unsigned i = 0; i < fleet->order->len; i++) {
		const struct resource *r = fleet->order->pdata[i];
		struct value *answer = made(w->arena, plan, plan_target(plan, r), diagnostics);

		value_set(w->arena, answer, "address", value_string(w->arena, r->address));
		value_set(w->arena, answer, "kind", value_string(w->arena, r->kind));
		if (circular)
			make_circular(w, answer, fleet, r->index);
		(void)world_add_listed(world, r->provider, answer);
		(void)world_add(world, r->provider, answer);
	}
	return world;
}

static size_t count_edges(const struct graph *graph)
{
	size_t edges = 0;

	for (unsigned i = 0; i < graph->count; i++)
		edges += graph->nodes[i].next_count;
	return edges;
}

static void plan_it(const struct shape *shape, struct imagined *w, struct fleet *fleet,
	struct diagnostics *diagnostics, struct cost *cost)
{
	AUTO(world)
	struct world *world =
		shape->there ? make_all(w, fleet, diagnostics, shape->circular) : world_new();
	size_t before = arena_size(w->arena);
	AUTO(plan) struct plan *plan = NULL;
	double start;

	if (!shape->there)
		hear_absent(w, world, fleet);
	start = now();
	plan = plan_new(w->arena, shape->destroy ? NULL : fleet, world, diagnostics);
	cost->seconds += now() - start;
	cost->bytes += arena_size(w->arena) - before;
	cost->edges = count_edges(plan->graph);
	cost->steps = plan->steps->len;
	g_assert_cmpuint(diagnostics_count(diagnostics), ==, 0);
	g_assert_true(shape->destroy || plan_empty(plan) == shape->there);
}

static struct cost measure(const struct shape *shape, unsigned n)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
	struct imagined *w = imagined_new(arena);
	AUTO(fleet) struct fleet *fleet = NULL;
	GString *text = g_string_new(NULL);
	struct cost cost = {0};
	struct source *source;
	size_t before;
	double start;

	w->kinds = parse_json(arena, kinds);
	shape->write(text, n);
	source = source_from_text(arena, "fleet.yaml", text->str);
	before = arena_size(arena);
	start = now();
	fleet = fleet_load(arena, source, diagnostics);
	fleet_check(arena, fleet, look_up_kind, w, diagnostics);
	cost.seconds = now() - start;
	cost.bytes = arena_size(arena) - before;
	g_assert_true((diagnostics_count(diagnostics) > 0) == shape->wrong);
	if (!shape->wrong)
		plan_it(shape, w, fleet, diagnostics, &cost);
	g_string_free(text, TRUE);
	imagined_free(w);
	return cost;
}

static struct cost least(const struct shape *shape, unsigned n)
{
	struct cost best = measure(shape, n);

	for (int i = 1; i < TRIES; i++) {
		struct cost cost = measure(shape, n);

		best.seconds = MIN(best.seconds, cost.seconds);
	}
	return best;
}

static void test_shape(const void *data)
{
	const struct shape *shape = data;
	struct cost small = least(shape, SMALL), large = least(shape, TIMES * SMALL);

	g_test_message(
		"%zu steps, %zu edges, %zu bytes, %.0f ms; with a quarter %zu, %zu, %zu, %.1f",
		large.steps, large.edges, large.bytes, large.seconds * 1e3, small.steps,
		small.edges, small.bytes, small.seconds * 1e3);
	g_assert_cmpuint(large.edges, <=, small.edges * (TIMES + 1) + 100);
	g_assert_cmpuint(large.bytes, <=, small.bytes * (TIMES + 1));
	g_assert_cmpfloat(large.seconds, <, small.seconds * TIMES * 2 + 0.02);
}

static const struct shape shapes[] = {
	{.name = "/scale/create", .write = write_count},
	{.name = "/scale/nothing-to-do", .write = write_count, .there = true},
	{.name = "/scale/inside", .write = write_inside},
	{.name = "/scale/groups", .write = write_groups},
	{.name = "/scale/groups-destroyed", .write = write_groups, .there = true, .destroy = true},
	{.name = "/scale/chain", .write = write_chain},
	{.name = "/scale/chain-destroyed", .write = write_chain, .there = true, .destroy = true},
	{.name = "/scale/fan", .write = write_fan},
	{.name = "/scale/circle-of-records",
		.write = write_chain,
		.there = true,
		.destroy = true,
		.circular = true},
	{.name = "/scale/circle", .write = write_circle, .wrong = true},
	{.name = "/scale/mistakes", .write = write_mistakes, .wrong = true},
	{.name = "/scale/mistaken-count", .write = write_mistaken_count, .wrong = true},
};

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++)
		g_test_add_data_func(shapes[i].name, &shapes[i], test_shape);
	return g_test_run();
}
