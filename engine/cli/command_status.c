/* provision status: the machines as they are now, and those of the file that are not there. */
#include <string.h>

#include "base/text.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/style.h"
#include "cli/table.h"
#include "document/json.h"

static const char machine_prefix[] = "machine.";

/* A machine to show. */
struct line {
	const char *name, *provider;
	const struct actual *actual; /* NULL: not there, or not known */
	const char *state;
	enum shade shade;
};

static void set_state(struct line *line, const char *state, enum shade shade)
{
	line->state = state;
	line->shade = shade;
}

static void judge_present(struct line *line)
{
	const struct actual *a = line->actual;

	if (a->partial)
		set_state(line, "incomplete", SHADE_RED);
	else if (!g_strcmp0(value_get_string(a->fields, "state"), "stopped"))
		set_state(line, "stopped", SHADE_DIM);
	else if (a->ready)
		set_state(line, "ready", SHADE_GREEN);
	else if (a->up)
		set_state(line, "up", SHADE_CYAN);
	else
		set_state(line, "not up", SHADE_YELLOW);
}

static void judge(struct line *line, const struct world *world)
{
	if (!line->actual && world_incomplete(world, line->provider, "machine"))
		set_state(line, "unknown", SHADE_YELLOW);
	else if (!line->actual || line->actual->presence == PRESENCE_ABSENT)
		set_state(line, "not made", SHADE_DIM);
	else if (line->actual->presence == PRESENCE_UNKNOWN)
		set_state(line, "unknown", SHADE_YELLOW);
	else if (line->actual->presence == PRESENCE_FOREIGN)
		set_state(line, "foreign", SHADE_RED);
	else
		judge_present(line);
}

static bool is_machine(const char *address)
{
	return g_str_has_prefix(address, machine_prefix) && !strchr(address, '/');
}

static int by_name(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->provider, y->provider);
}

static GArray *collect(const struct session *session)
{
	GArray *lines = g_array_new(FALSE, TRUE, sizeof(struct line));
	GPtrArray *listed = world_listed(session->world);

	for (unsigned i = 0; i < listed->len; i++) {
		const struct actual *a = listed->pdata[i];
		struct line line = {.provider = a->provider, .actual = a};

		if (!is_machine(a->address))
			continue;
		line.name = a->address + strlen(machine_prefix);
		g_array_append_val(lines, line);
	}
	for (unsigned i = 0; session->fleet && i < session->fleet->resources->len; i++) {
		const struct resource *r = session->fleet->resources->pdata[i];
		const struct actual *a = world_find(session->world, r->provider, r->address);
		struct line line = {.name = r->name, .provider = r->provider, .actual = a};

		if (r->is_machine && !(a && a->listed))
			g_array_append_val(lines, line);
	}
	g_ptr_array_free(listed, TRUE);
	g_array_sort(lines, by_name);
	for (unsigned i = 0; i < lines->len; i++)
		judge(&g_array_index(lines, struct line, i), session->world);
	return lines;
}

/* "127.0.0.1:2222", "10.9.0.5", or NULL. Caller frees. */
static char *place_of(const struct actual *actual)
{
	const struct value *outputs = actual ? actual->outputs : NULL;
	const char *address = value_get_string(outputs, "address");
	int64_t port = value_get_integer(outputs, "ssh_port", 0);

	if (!address || !port)
		return g_strdup(address);
	return g_strdup_printf("%s:%" G_GINT64_FORMAT, address, port);
}

static char *memory_of(const struct value *fields)
{
	int64_t bytes = value_get_integer(fields, "memory", 0);

	return bytes > 0 ? size_format(bytes) : NULL;
}

static char *cpus_of(const struct value *fields)
{
	int64_t cpus = value_get_integer(fields, "cpus", 0);

	return cpus > 0 ? g_strdup_printf("%" G_GINT64_FORMAT, cpus) : NULL;
}

static void print_table(const struct invocation *i, const GArray *lines)
{
	static const char *const titles[] = {
		"MACHINE", "STATE", "SSH", "MEMORY", "CPUS", "PROVIDER", NULL};
	struct style style = style_for(i, STDOUT_FILENO);
	struct table *table = table_new(&style, titles);
	AUTO(gfree) char *text = NULL;

	for (unsigned at = 0; at < lines->len; at++) {
		const struct line *line = &g_array_index(lines, struct line, at);
		const struct value *fields = line->actual ? line->actual->fields : NULL;
		AUTO(gfree) char *place = place_of(line->actual);
		AUTO(gfree) char *memory = memory_of(fields);
		AUTO(gfree) char *cpus = cpus_of(fields);

		table_add(table, line->name);
		table_add_shaded(table, line->state, line->shade);
		table_add(table, place);
		table_add(table, memory);
		table_add(table, cpus);
		table_add(table, line->provider);
	}
	text = table_format(table);
	output_data(text);
	table_free(table);
}

static void set_text(struct arena *arena, struct value *map, const char *key, const char *text)
{
	value_set(arena, map, key, text ? value_string(arena, text) : value_null(arena));
}

static struct value *line_value(struct arena *arena, const struct line *line)
{
	struct value *map = value_map(arena);
	const struct actual *a = line->actual;
	bool there = a && a->presence == PRESENCE_PRESENT;

	set_text(arena, map, "name", line->name);
	set_text(arena, map, "state", line->state);
	set_text(arena, map, "provider", line->provider);
	value_set(arena, map, "up", value_boolean(arena, there && a->up));
	value_set(arena, map, "ready", value_boolean(arena, there && a->ready));
	if (a && a->text)
		set_text(arena, map, "text", a->text);
	if (there && a->fields)
		value_set(arena, map, "fields", value_copy(arena, a->fields));
	if (there && a->outputs)
		value_set(arena, map, "outputs", value_copy(arena, a->outputs));
	return map;
}

static void print_json(const struct session *session, const GArray *lines)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *root = value_map(arena), *list = value_list(arena);
	AUTO(gfree) char *text = NULL;
	AUTO(gfree) char *line = NULL;

	for (unsigned i = 0; i < lines->len; i++)
		value_append(arena, list, line_value(arena, &g_array_index(lines, struct line, i)));
	set_text(arena, root, "fleet", session->name);
	value_set(arena, root, "machines", list);
	text = json_format(root);
	line = g_strconcat(text, "\n", NULL);
	output_data(line);
}

/* Why something is not known, for each that is not. */
static bool tell_unknown(const struct session *session, const GArray *lines)
{
	g_autoptr(GPtrArray) all = world_incompletes(session->world);
	bool any = all->len > 0;

	for (unsigned i = 0; i < all->len; i++) {
		const struct incomplete *one = all->pdata[i];

		output_warning("provider '%s' cannot tell all: %s", one->provider, one->why);
	}
	for (unsigned i = 0; i < lines->len; i++) {
		const struct line *line = &g_array_index(lines, struct line, i);
		const char *text = line->actual ? line->actual->text : NULL;

		if (!text || line->actual->presence == PRESENCE_PRESENT)
			continue;
		any |= line->actual->presence == PRESENCE_UNKNOWN;
		output_warning("machine '%s': %s", line->name, text);
	}
	return any;
}

int command_status(const struct invocation *i)
{
	AUTO(session) struct session *session = session_new();
	AUTO(error) struct error *err = NULL;
	g_autoptr(GArray) lines = NULL;

	if (!find_name(session, i, &err) || !find_state(session, i, NULL, &err) ||
		!session_list(session, &err))
		return find_failed(session, i, err);
	lines = collect(session);
	if (i->json)
		print_json(session, lines);
	else if (lines->len)
		print_table(i, lines);
	else
		output_people("fleet '%s' has no machines\n", session->name);
	return tell_unknown(session, lines) ? EXIT_UNREACHABLE : EXIT_DONE;
}
