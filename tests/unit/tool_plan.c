/* Plans and errors of fleet files as text, compared with what case files expect.
 *
 * usage: tool_plan [--write] FILE...
 *
 * A case starts with a line "=== NAME"; its parts with lines "--- PART":
 *   kinds    what the providers know (JSON); else the file kinds.json beside the cases' folder
 *   before   a fleet file that was applied
 *   world    how what is there differs from that, see plan_world.h
 *   now      kinds from here on, for the fleet
 *   fleet    the fleet file; without it everything is destroyed
 *   plan     the plan that is expected, or
 *   errors   what is said about the file
 * Each plan is made several times, from answers and from a file in other orders: it must not
 * change. With --write, expectations that differ are replaced. */
#include "base/file.h"
#include "base/text.h"
#include "tests/unit/plan_world.h"

enum { SHUFFLES = 3, TEXT_MOST = 1 << 20 };

static const char *const part_names[] = {
	"kinds", "before", "world", "now", "fleet", "plan", "errors", NULL};
enum part { KINDS, BEFORE, WORLD, NOW, FLEET, PLAN, ERRORS, PARTS };

struct test_case {
	char *name;
	char *parts[PARTS]; /* NULL where there is none */
};

/* A fleet file on its way to a plan. */
struct draft {
	struct diagnostics *diagnostics;
	struct fleet *fleet;
	struct world *world;
	struct plan *plan;
};

static void draft_clear(struct draft *d)
{
	if (d->plan)
		plan_free(d->plan);
	if (d->world)
		world_free(d->world);
	if (d->fleet)
		fleet_free(d->fleet);
	diagnostics_free(d->diagnostics);
}

static bool draft_check(struct draft *d, struct imagined *w, const char *text, const char *name)
{
	d->diagnostics = diagnostics_new();
	if (!text)
		return true;
	d->fleet = fleet_load(w->arena, source_from_text(w->arena, name, text), d->diagnostics);
	if (d->fleet)
		fleet_check(w->arena, d->fleet, look_up_kind, w, d->diagnostics);
	return diagnostics_count(d->diagnostics) == 0;
}

static bool draft_plan(struct draft *d, struct imagined *w, guint32 seed)
{
	d->world = hear(w, d->fleet, seed);
	d->plan = plan_new(w->arena, d->fleet, d->world, d->diagnostics);
	return diagnostics_count(d->diagnostics) == 0;
}

static char *label(const struct step *step)
{
	if (step->action == STEP_WAIT)
		return g_strdup_printf("%s %s", stage_name(step->stage), step->address);
	return g_strdup_printf("%s %s", step_action_name(step->action), step->address);
}

static void print_after(GString *text, const struct step *step)
{
	const struct value *after = step->target->after;

	for (size_t i = 0; i < after->map.count; i++) {
		const struct member *m = &after->map.members[i];
		AUTO(gfree)
		char *shown =
			schema_show(schema_find(step->target->resource->fields, m->key), m->value);

		g_string_append_printf(text, "    %s: %s\n", m->key, shown);
	}
}

static void print_changes(GString *text, const struct step *step)
{
	for (unsigned i = 0; step->changes && i < step->changes->len; i++) {
		const struct change *c = &g_array_index(step->changes, struct change, i);
		AUTO(gfree) char *before = schema_show(c->field, c->before);
		AUTO(gfree) char *after = schema_show(c->field, c->after);

		g_string_append_printf(text, "    %s: %s → %s [%s]%s\n", c->name, before, after,
			change_class_name(c->class), c->left_file ? " left the file" : "");
	}
}

/* The steps that this one waits for, seen through nodes with nothing to do. */
static void find_before(struct plan *plan, GArray **before, unsigned node, GHashTable *found)
{
	for (unsigned i = 0; i < before[node]->len; i++) {
		unsigned other = g_array_index(before[node], unsigned, i);
		const struct step *step = plan->graph->nodes[other].data;

		if (step->action != STEP_NONE)
			g_hash_table_add(found, (void *)step);
		else
			find_before(plan, before, other, found);
	}
}

static void print_before(GString *text, struct plan *plan, GArray **before, const struct step *step)
{
	GHashTable *found = g_hash_table_new(NULL, NULL);
	const char *separator = "    after ";

	find_before(plan, before, step->node, found);
	for (unsigned i = 0; i < plan->steps->len; i++) {
		AUTO(gfree) char *name = NULL;

		if (!g_hash_table_contains(found, plan->steps->pdata[i]))
			continue;
		name = label(plan->steps->pdata[i]);
		g_string_append_printf(text, "%s%s", separator, name);
		separator = ", ";
	}
	if (g_hash_table_size(found))
		g_string_append_c(text, '\n');
	g_hash_table_destroy(found);
}

static void print_step(GString *text, struct plan *plan, GArray **before, const struct step *step)
{
	AUTO(gfree) char *name = label(step);

	g_string_append_printf(text, "%s @%s%s: %s\n", name, step->provider,
		step->implied ? " (follows)" : "", step->reason);
	if (step->hint)
		g_string_append_printf(text, "    hint: %s\n", step->hint);
	if (step->action == STEP_UNKNOWN || step->action == STEP_CONFLICT)
		g_string_append_printf(text, "    class: %s\n", error_class_name(step->error));
	if (step->action == STEP_CREATE)
		print_after(text, step);
	print_changes(text, step);
	print_before(text, plan, before, step);
}

static void print_order(GString *text, struct plan *plan)
{
	unsigned *order = g_new(unsigned, plan->graph->count + 1), count;
	const char *separator = "order: ";

	if (!graph_order(plan->graph, order, &count))
		g_string_append(text, "a circle!\n");
	for (unsigned i = 0; i < count; i++) {
		const struct step *step = plan->graph->nodes[order[i]].data;
		AUTO(gfree) char *name = label(step);

		if (step->action == STEP_NONE)
			continue;
		g_string_append_printf(text, "%s%s", separator, name);
		separator = ", ";
	}
	g_string_append(text, plan_empty(plan) ? "nothing to do\n" : "\n");
	g_free(order);
}

static void print_counts(GString *text, const struct plan *plan)
{
	const char *separator = "count: ";

	for (int i = STEP_CREATE; i < STEP_ACTIONS; i++) {
		if (!plan->counts[i])
			continue;
		g_string_append_printf(
			text, "%s%u %s", separator, plan->counts[i], step_action_name(i));
		separator = ", ";
	}
	if (*separator == ',')
		g_string_append_c(text, '\n');
}

static char *print_plan(struct plan *plan)
{
	GString *text = g_string_new(NULL);
	GArray **before = g_new(GArray *, plan->graph->count + 1);

	for (unsigned i = 0; i < plan->graph->count; i++)
		before[i] = g_array_new(FALSE, FALSE, sizeof(unsigned));
	for (unsigned i = 0; i < plan->graph->count; i++)
		for (unsigned j = 0; j < plan->graph->nodes[i].next_count; j++)
			g_array_append_val(before[plan->graph->nodes[i].next[j]], i);
	for (unsigned i = 0; i < plan->steps->len; i++)
		print_step(text, plan, before, plan->steps->pdata[i]);
	print_order(text, plan);
	print_counts(text, plan);
	for (unsigned i = 0; i < plan->graph->count; i++)
		g_array_free(before[i], TRUE);
	g_free(before);
	return g_string_free(text, FALSE);
}

/* Makes what the file "before" says, in a world in which there is nothing. */
static char *apply_before(struct imagined *w, const char *text)
{
	struct draft d = {0};
	char *said = NULL;

	if (!draft_check(&d, w, text, "before.yaml") || !draft_plan(&d, w, 0))
		said = diagnostics_format(d.diagnostics, false);
	else
		apply_all(w, d.plan, d.diagnostics);
	draft_clear(&d);
	return said;
}

static void edit_all(struct imagined *w, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++)
		if (**line && **line != '#')
			edit_world(w, *line);
}

/* The text of the plan, or of what is wrong. */
static char *outcome(struct imagined *w, const struct test_case *test, const char *fleet,
	guint32 seed, bool *planned)
{
	struct draft d = {0};
	char *text;

	*planned = draft_check(&d, w, fleet, "fleet.yaml") &&
		   (test->parts[ERRORS] == NULL || test->parts[WORLD] || test->parts[BEFORE]) &&
		   draft_plan(&d, w, seed);
	if (*planned)
		text = print_plan(d.plan);
	else if (diagnostics_count(d.diagnostics))
		text = diagnostics_format(d.diagnostics, false);
	else
		text = g_strdup("nothing is wrong\n");
	draft_clear(&d);
	return text;
}

/* The same file with the entries of each block the other way round, as long as no entry is inside
 * of another line's quotes: cases are written so that blocks are told by their indent. */
static char *turn_round(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GPtrArray) blocks = g_ptr_array_new_with_free_func(g_free);
	GString *turned = g_string_new(NULL), *block = NULL;

	for (char **line = lines; *line; line++) {
		bool entry = g_str_has_prefix(*line, "  ") && (*line)[2] != ' ';
		bool inside = g_str_has_prefix(*line, "   ");

		if (!inside && block) {
			g_ptr_array_insert(blocks, 0, g_string_free(block, FALSE));
			block = NULL;
		}
		if (entry)
			block = g_string_new(NULL);
		if (!entry && !inside) {
			for (unsigned i = 0; i < blocks->len; i++)
				g_string_append(turned, blocks->pdata[i]);
			g_ptr_array_set_size(blocks, 0);
		}
		g_string_append_printf(block ? block : turned, "%s\n", *line);
	}
	return g_string_free(turned, FALSE);
}

static char *run_case(const struct test_case *test, const char *kinds, bool *planned)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct imagined *w = imagined_new(arena);
	char *text = NULL;

	w->kinds = parse_json(arena, test->parts[KINDS] ? test->parts[KINDS] : kinds);
	if (test->parts[BEFORE])
		text = apply_before(w, test->parts[BEFORE]);
	if (!text) {
		if (test->parts[NOW])
			w->kinds = parse_json(arena, test->parts[NOW]);
		if (test->parts[WORLD])
			edit_all(w, test->parts[WORLD]);
		text = outcome(w, test, test->parts[FLEET], 0, planned);
	}
	for (guint32 seed = 1; *planned && seed <= SHUFFLES; seed++) {
		AUTO(gfree)
		char *turned = test->parts[FLEET] && seed == SHUFFLES
				       ? turn_round(test->parts[FLEET])
				       : g_strdup(test->parts[FLEET]);
		AUTO(gfree) char *again = outcome(w, test, turned, seed, planned);

		if (strcmp(again, text)) {
			char *both = g_strdup_printf(
				"%s\nin another order it is (seed %u):\n%s", text, seed, again);

			g_free(text);
			text = both;
			break;
		}
	}
	imagined_free(w);
	return text;
}

static void show_difference(const char *want, const char *got)
{
	g_auto(GStrv) wanted = g_strsplit(want, "\n", -1);
	g_auto(GStrv) given = g_strsplit(got, "\n", -1);

	for (char **line = wanted; *line; line++)
		printf("# %c %s\n", g_strv_contains((const char *const *)given, *line) ? ' ' : '-',
			*line);
	for (char **line = given; *line; line++)
		printf("# %c %s\n", g_strv_contains((const char *const *)wanted, *line) ? ' ' : '+',
			*line);
}

static void test_case_free(void *data)
{
	struct test_case *test = data;

	for (int i = 0; i < PARTS; i++)
		g_free(test->parts[i]);
	g_free(test->name);
	g_free(test);
}

static int part_index(const char *name)
{
	for (int i = 0; part_names[i]; i++)
		if (!strcmp(part_names[i], name))
			return i;
	die("no part of a case is called '%s'", name);
}

static GPtrArray *parse_cases(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	GPtrArray *all = g_ptr_array_new_with_free_func(test_case_free);
	struct test_case *test = NULL;
	int part = -1;

	for (char **line = lines; *line && (line[1] || **line); line++) {
		if (g_str_has_prefix(*line, "=== ")) {
			test = g_new0(struct test_case, 1);
			test->name = g_strdup(*line + 4);
			g_ptr_array_add(all, test);
			part = -1;
		} else if (test && g_str_has_prefix(*line, "--- ")) {
			part = part_index(*line + 4);
			test->parts[part] = g_strdup("");
		} else if (part >= 0) {
			char *longer = g_strdup_printf("%s%s\n", test->parts[part], *line);

			g_free(test->parts[part]);
			test->parts[part] = longer;
		}
	}
	return all;
}

static void print_cases(GString *text, const GPtrArray *cases)
{
	for (unsigned i = 0; i < cases->len; i++) {
		const struct test_case *test = cases->pdata[i];

		g_string_append_printf(text, "=== %s\n", test->name);
		for (int part = 0; part < PARTS; part++)
			if (test->parts[part])
				g_string_append_printf(
					text, "--- %s\n%s", part_names[part], test->parts[part]);
	}
}

static char *read_text(const char *path)
{
	struct error *err = NULL;
	char *text = NULL;
	size_t length;

	if (!file_read(path, TEXT_MOST, &text, &length, &err))
		die("%s", err->message);
	return text;
}

/* Runs the cases of one file; numbers go on from *number. Returns how many failed. */
static unsigned run_file(const char *path, bool write, unsigned *number)
{
	AUTO(gfree) char *text = read_text(path);
	AUTO(gfree) char *folder = g_path_get_dirname(path);
	AUTO(gfree)
	char *kinds_path = g_build_filename(folder, "..", "..", "plan", "kinds.json", NULL);
	AUTO(gfree) char *kinds = read_text(kinds_path);
	AUTO(gfree) char *file = g_path_get_basename(path);
	g_autoptr(GPtrArray) cases = parse_cases(text);
	unsigned failed = 0;

	for (unsigned i = 0; i < cases->len; i++) {
		struct test_case *test = cases->pdata[i];
		bool planned = false;
		AUTO(gfree) char *got = run_case(test, kinds, &planned);
		int part = test->parts[ERRORS] ? ERRORS : PLAN;
		const char *want = test->parts[part] ? test->parts[part] : "";
		bool same = !strcmp(want, got) && planned == (part == PLAN);

		printf("%s %u - %s: %s\n", same ? "ok" : "not ok", ++*number, file, test->name);
		if (same)
			continue;
		failed++;
		show_difference(want, got);
		g_free(test->parts[part]);
		test->parts[part] = NULL;
		test->parts[planned ? PLAN : ERRORS] = g_strdup(got);
	}
	if (write && failed) {
		GString *all = g_string_new(NULL);
		struct error *err = NULL;

		print_cases(all, cases);
		if (!file_write(path, all->str, all->len, 0644, &err))
			die("%s", err->message);
		g_string_free(all, TRUE);
	}
	return failed;
}

int main(int argc, char **argv)
{
	bool write = argc > 1 && !strcmp(argv[1], "--write");
	unsigned number = 0, failed = 0;

	for (int i = 1 + write; i < argc; i++)
		failed += run_file(argv[i], write, &number);
	printf("1..%u\n", number);
	return failed ? 1 : 0;
}
