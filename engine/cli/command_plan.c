/* provision validate, provision plan: what is wrong, what would be done. Nothing is changed. */
#include <string.h>

#include "base/text.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/plan_print.h"

static bool checked(struct session *session, const struct invocation *i, struct error **err)
{
	return find_file(session, i, err) && find_state(session, i, NULL, err) &&
	       session_check(session, err);
}

static void append_count(GString *text, unsigned count, const char *kind)
{
	g_string_append_printf(
		text, "%s%u %s%s", text->len ? ", " : "", count, kind, count == 1 ? "" : "s");
}

/* "2 machines, 1 image": machines first, then kind by kind in order of address. */
static char *count_kinds(const struct fleet *fleet)
{
	GString *text = g_string_new(NULL);
	unsigned machines = 0, count = 0;

	for (unsigned i = 0; i < fleet->resources->len; i++)
		machines += ((struct resource *)fleet->resources->pdata[i])->is_machine;
	append_count(text, machines, "machine");
	for (unsigned i = 0; i < fleet->resources->len; i++) {
		const struct resource *r = fleet->resources->pdata[i], *next = NULL;

		if (i + 1 < fleet->resources->len)
			next = fleet->resources->pdata[i + 1];
		if (r->is_machine || r->machine)
			continue;
		count++;
		if (next && !next->is_machine && !next->machine && !strcmp(next->kind, r->kind))
			continue;
		append_count(text, count, r->kind);
		count = 0;
	}
	return g_string_free(text, FALSE);
}

int command_validate(const struct invocation *i)
{
	AUTO(session) struct session *session = session_new();
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *counts = NULL;
	AUTO(gfree) char *path = NULL;
	AUTO(gfree) char *line = NULL;

	if (!checked(session, i, &err))
		return find_failed(session, i, err);
	counts = count_kinds(session->fleet);
	path = text_escape(find_path(i), strlen(find_path(i)));
	line = g_strdup_printf("%s: fleet '%s' is valid: %s\n", path, session->name, counts);
	output_data(line);
	return EXIT_DONE;
}

/* Steps that something would be done in. */
static unsigned doable(const struct plan *plan)
{
	unsigned count = 0;

	for (int action = STEP_CREATE; action <= STEP_WAIT; action++)
		count += plan->counts[action];
	return count;
}

static bool is_certain(const struct plan *plan)
{
	g_autoptr(GPtrArray) incompletes = world_incompletes(plan->world);

	return !plan->counts[STEP_UNKNOWN] && !incompletes->len;
}

static int code_of(const struct plan *plan, bool wanted)
{
	if (plan->counts[STEP_CONFLICT])
		return output_code(plan_conflict(plan)->error);
	if (doable(plan))
		return wanted ? EXIT_CHANGES : EXIT_DONE;
	return is_certain(plan) ? EXIT_DONE : EXIT_UNREACHABLE;
}

int command_plan(const struct invocation *i)
{
	AUTO(session) struct session *session = session_new();
	AUTO(error) struct error *err = NULL;
	struct plan_print print = {style_for(i, STDOUT_FILENO), NULL, i->verbose};
	AUTO(gfree) char *text = NULL;

	if (!checked(session, i, &err) || !session_plan(session, false, &err))
		return find_failed(session, i, err);
	print.fleet = session->name;
	text = plan_print(&print, session->plan);
	output_data(text);
	return code_of(session->plan, i->exit_code);
}
