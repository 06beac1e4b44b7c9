/* Each resource behind what it depends on, by counting what is unmet. Groups are nodes as well, so
 * that "all of these need all of those" costs the sum and not the product. */
#include "fleet/order.h"

enum { CIRCLES_MOST = 20 };

/* Nodes are the resources, then their ends (a machine with all that is inside), then the groups,
 * each by its index. What needs a machine waits for its end. */
struct order {
	struct fleet *fleet;
	struct diagnostics *diagnostics;
	unsigned resources, nodes;
	unsigned
		*inside_start; /* of resource i in inside: inside_start[i] to inside_start[i + 1] */
	unsigned *inside;      /* what lies inside it */
	unsigned *unmet;
	unsigned *start;   /* of node i in waiting: start[i] to start[i + 1] */
	unsigned *waiting; /* those that wait for it */
	unsigned *queue, taken, found;
	bool *done;
};

static const struct resource *resource_at(const struct order *o, unsigned node)
{
	return node < 2 * o->resources ? o->fleet->resources->pdata[node % o->resources] : NULL;
}

static const struct group *group_at(const struct order *o, unsigned node)
{
	return o->fleet->groups->pdata[node - 2 * o->resources];
}

static bool is_end(const struct order *o, unsigned node)
{
	return node >= o->resources && node < 2 * o->resources;
}

static unsigned before_count(const struct order *o, unsigned node)
{
	const struct resource *r = resource_at(o, node);

	if (!r)
		return group_at(o, node)->members->len;
	if (is_end(o, node))
		return 1 + o->inside_start[r->index + 1] - o->inside_start[r->index];
	return r->dependencies->len;
}

static unsigned depended_on(const struct order *o, const struct dependency *d)
{
	if (d->group)
		return 2 * o->resources + d->group->index;
	return d->stage > STAGE_UP ? o->resources + d->on->index : d->on->index;
}

/* The i-th of what a node waits for. */
static unsigned before(const struct order *o, unsigned node, unsigned i)
{
	const struct resource *r = resource_at(o, node), *member;

	if (!r) {
		member = group_at(o, node)->members->pdata[i];
		return o->resources + member->index;
	}
	if (is_end(o, node))
		return i ? o->inside[o->inside_start[r->index] + i - 1] : r->index;
	return depended_on(o, &g_array_index(r->dependencies, struct dependency, i));
}

static void find_inside(struct order *o)
{
	unsigned *at = g_new0(unsigned, o->resources + 1);

	o->inside_start = g_new0(unsigned, o->resources + 1);
	o->inside = g_new0(unsigned, o->resources + 1);
	for (unsigned i = 0; i < o->resources; i++) {
		const struct resource *r = o->fleet->resources->pdata[i];

		if (r->machine)
			o->inside_start[r->machine->index + 1]++;
	}
	for (unsigned i = 0; i < o->resources; i++) {
		o->inside_start[i + 1] += o->inside_start[i];
		at[i] = o->inside_start[i];
	}
	for (unsigned i = 0; i < o->resources; i++) {
		const struct resource *r = o->fleet->resources->pdata[i];

		if (r->machine)
			o->inside[at[r->machine->index]++] = i;
	}
	g_free(at);
}

static void count_waiting(struct order *o)
{
	for (unsigned node = 0; node < o->nodes; node++) {
		o->unmet[node] = before_count(o, node);
		for (unsigned i = 0; i < o->unmet[node]; i++)
			o->start[before(o, node, i) + 1]++;
	}
	for (unsigned node = 0; node < o->nodes; node++)
		o->start[node + 1] += o->start[node];
}

static void fill_waiting(struct order *o)
{
	unsigned *at = g_new(unsigned, o->nodes + 1);

	for (unsigned node = 0; node < o->nodes; node++)
		at[node] = o->start[node];
	o->waiting = g_new(unsigned, o->start[o->nodes] + 1);
	for (unsigned node = 0; node < o->nodes; node++)
		for (unsigned i = 0; i < o->unmet[node]; i++)
			o->waiting[at[before(o, node, i)]++] = node;
	g_free(at);
}

static void release(struct order *o, unsigned node)
{
	for (unsigned i = o->start[node]; i < o->start[node + 1]; i++)
		if (--o->unmet[o->waiting[i]] == 0 && !o->done[o->waiting[i]])
			o->queue[o->found++] = o->waiting[i];
}

static void run(struct order *o)
{
	while (o->taken < o->found) {
		unsigned node = o->queue[o->taken++];

		o->done[node] = true;
		if (node < o->resources)
			g_ptr_array_add(o->fleet->order, (void *)resource_at(o, node));
		release(o, node);
	}
}

/* The circle that is met first from a node that waits for ever; in the order of the arrows. */
static GArray *circle_from(const struct order *o, unsigned node)
{
	GHashTable *seen = g_hash_table_new(NULL, NULL);
	GArray *trail = g_array_new(FALSE, FALSE, sizeof(unsigned));
	unsigned i, from;

	while (!g_hash_table_contains(seen, GUINT_TO_POINTER(node))) {
		g_hash_table_insert(seen, GUINT_TO_POINTER(node), GUINT_TO_POINTER(trail->len));
		g_array_append_val(trail, node);
		for (i = 0; o->done[before(o, node, i)]; i++)
			;
		node = before(o, node, i);
	}
	from = GPOINTER_TO_UINT(g_hash_table_lookup(seen, GUINT_TO_POINTER(node)));
	if (from)
		g_array_remove_range(trail, 0, from);
	g_hash_table_destroy(seen);
	return trail;
}

/* The circle starts where its address is the lowest; groups are not worth a word. */
static void report(const struct order *o, const GArray *circle)
{
	GString *text = g_string_new(NULL);
	const struct resource *lowest = NULL, *last = NULL;
	unsigned first = 0;

	for (unsigned i = 0; i < circle->len; i++) {
		const struct resource *r = resource_at(o, g_array_index(circle, unsigned, i));

		if (!r || (lowest && lowest->index <= r->index))
			continue;
		lowest = r;
		first = i;
	}
	for (unsigned i = 0; i <= circle->len; i++) {
		const struct resource *r =
			resource_at(o, g_array_index(circle, unsigned, (first + i) % circle->len));

		if (r && r != last)
			g_string_append_printf(text, "%s%s", last ? " → " : "", r->address);
		last = r ? r : last;
	}
	diagnostic_add(o->diagnostics, lowest->span, "a circle of dependencies: %s", text->str);
	diagnostic_hint(o->diagnostics, "each waits for the next; take one of the arrows out");
	g_string_free(text, TRUE);
}

/* A circle is told once; what only stands behind it is then let go, for the next one to be found.
 */
static void break_circles(struct order *o)
{
	unsigned circles = 0, node = 0;

	while (node < o->nodes && circles < CIRCLES_MOST) {
		GArray *circle;

		if (o->done[node]) {
			node++;
			continue;
		}
		circle = circle_from(o, node);
		report(o, circle);
		circles++;
		for (unsigned i = 0; i < circle->len; i++)
			o->done[g_array_index(circle, unsigned, i)] = true;
		for (unsigned i = 0; i < circle->len; i++)
			release(o, g_array_index(circle, unsigned, i));
		g_array_free(circle, TRUE);
		run(o);
	}
}

void order_check(struct fleet *fleet, struct diagnostics *diagnostics)
{
	struct order o = {.fleet = fleet, .diagnostics = diagnostics};

	o.resources = fleet->resources->len;
	o.nodes = 2 * o.resources + fleet->groups->len;
	find_inside(&o);
	o.unmet = g_new0(unsigned, o.nodes + 1);
	o.start = g_new0(unsigned, o.nodes + 1);
	o.queue = g_new(unsigned, o.nodes + 1);
	o.done = g_new0(bool, o.nodes + 1);
	count_waiting(&o);
	fill_waiting(&o);
	for (unsigned node = 0; node < o.nodes; node++)
		if (!o.unmet[node])
			o.queue[o.found++] = node;
	run(&o);
	break_circles(&o);
	g_free(o.inside_start);
	g_free(o.inside);
	g_free(o.unmet);
	g_free(o.start);
	g_free(o.waiting);
	g_free(o.queue);
	g_free(o.done);
}
