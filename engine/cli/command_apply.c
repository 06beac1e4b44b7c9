/* provision apply, provision destroy: the plan is shown, confirmed, and run. */
#include <string.h>

#include "base/text.h"
#include "cli/confirm.h"
#include "cli/events.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/plan_print.h"
#include "cli/summary.h"
#include "cli/terminal.h"

enum { PARALLEL_MOST = 1000 };

static void show(const struct invocation *i, const struct session *session)
{
	struct plan_print print = {style_for(i, STDERR_FILENO), session->name, i->verbose};
	AUTO(gfree) char *text = plan_print(&print, session->plan);
	struct events events = {session, i->command->name};

	output_people_text(text);
	if (i->json)
		events_plan(&events);
}

static int refuse_conflict(const struct session *session)
{
	AUTO(error) struct error *err = NULL;
	const struct step *first = plan_conflict(session->plan);

	error_set(&err, first->error, "nothing was changed: %s: %s", first->address, first->reason);
	if (first->hint)
		error_hint(&err, "%s", first->hint);
	if (first->error == ERROR_CONFIG && first->target) {
		const struct span *span = &first->target->resource->span;

		error_place(&err, span->source->name, span->line, span->column);
	}
	return output_error(err);
}

static int refuse_unasked(const struct invocation *i)
{
	AUTO(error) struct error *err = NULL;

	error_set(&err, ERROR_USAGE,
		"nothing was changed: there is no terminal to ask on whether it may be");
	error_hint(&err, "'provision %s --yes' does not ask", i->command->name);
	return output_error(err);
}

/* EXIT_DONE: go on. */
static int ask(const struct invocation *i, struct session *session)
{
	struct interrupts *interrupts = &session->interrupts;
	bool deletes = !strcmp(i->command->name, "destroy");

	if (i->yes)
		return EXIT_DONE;
	switch (confirm(deletes ? "delete all this?" : "apply these changes?", interrupts)) {
	case CONSENT_YES:
		return EXIT_DONE;
	case CONSENT_NOBODY:
		return refuse_unasked(i);
	case CONSENT_NO:
		break;
	}
	output_people("nothing was changed\n");
	return interrupts->signal ? EXIT_SIGNALLED + interrupts->signal : EXIT_FAILED;
}

/* Who is told of a run. */
struct listeners {
	struct view *view;
	struct events *events; /* or NULL */
};

static void tell_all(void *data, const struct event *event)
{
	const struct listeners *listeners = data;

	view_event(listeners->view, event);
	if (listeners->events)
		events_event(listeners->events, event);
}

static int run(const struct invocation *i, struct session *session)
{
	struct style style = style_for(i, STDERR_FILENO);
	struct totals totals = {0};
	struct view *view =
		view_new(&style, session->plan, terminal_able(STDERR_FILENO), i->verbose);
	struct summary summary = {i, session, view, &totals, false};
	struct events events = {session, i->command->name};
	struct listeners listeners = {view, i->json ? &events : NULL};
	AUTO(error) struct error *err = NULL;
	bool ok;
	int code;

	if (!plan_empty(session->plan))
		output_people_text("\n");
	ok = session_apply(
		session, i->command->name, tell_all, &listeners, &totals, &summary.gone, &err);
	if (!plan_empty(session->plan) && (ok || totals.done || totals.failed || totals.skipped))
		summary_print(&summary);
	else if (summary.gone)
		output_people("nothing of fleet '%s' is left\n", session->name);
	code = summary_code(&summary);
	if (!ok) {
		int failed = find_failed(session, i, err);

		code = totals.changes || totals.uncertain ? EXIT_PARTLY : failed;
	}
	view_free(view);
	if (code == EXIT_DONE && session->interrupts.signal)
		code = EXIT_SIGNALLED + session->interrupts.signal;
	return code;
}

/* True if a run would do more than say once again what could not be read. */
static bool is_doable(const struct plan *plan)
{
	return plan->counts[STEP_CREATE] || plan->counts[STEP_UPDATE] ||
	       plan->counts[STEP_REPLACE] || plan->counts[STEP_DELETE] || plan->counts[STEP_WAIT];
}

static int unread(const struct session *session)
{
	g_autoptr(GPtrArray) incompletes = world_incompletes(session->world);

	return session->plan->counts[STEP_UNKNOWN] || incompletes->len ? EXIT_UNREACHABLE
								       : EXIT_DONE;
}

static bool take_parallel(const struct invocation *i, struct session *session, struct error **err)
{
	AUTO(gfree) char *shown = NULL;
	guint64 number;

	if (!i->parallel)
		return true;
	if (g_ascii_string_to_unsigned(i->parallel, 10, 1, PARALLEL_MOST, &number, NULL)) {
		session->parallel = number;
		return true;
	}
	shown = text_escape(i->parallel, strlen(i->parallel));
	error_set(err, ERROR_USAGE, "'--parallel' cannot be '%s'", shown);
	error_hint(err, "it is a number from 1 to %d", PARALLEL_MOST);
	return false;
}

int command_apply(const struct invocation *i)
{
	AUTO(session) struct session *session = session_new();
	AUTO(error) struct error *err = NULL;
	int code;

	if (!take_parallel(i, session, &err) || !find_file(session, i, &err) ||
		!find_state(session, i, "apply", &err) || !session_check(session, &err) ||
		!session_plan(session, false, &err))
		return find_failed(session, i, err);
	show(i, session);
	if (session->plan->counts[STEP_CONFLICT])
		return refuse_conflict(session);
	if (!is_doable(session->plan))
		return unread(session);
	code = ask(i, session);
	return code == EXIT_DONE ? run(i, session) : code;
}

int command_destroy(const struct invocation *i)
{
	AUTO(session) struct session *session = session_new();
	AUTO(error) struct error *err = NULL;
	int code = EXIT_DONE;

	if (!take_parallel(i, session, &err) || !find_name(session, i, &err) ||
		!find_state(session, i, "destroy", &err) || !session_plan(session, true, &err))
		return find_failed(session, i, err);
	show(i, session);
	if (session->plan->counts[STEP_CONFLICT])
		return refuse_conflict(session);
	if (!is_doable(session->plan) && (!session->state->exists || unread(session)))
		return unread(session);
	if (is_doable(session->plan))
		code = ask(i, session);
	return code == EXIT_DONE ? run(i, session) : code;
}
