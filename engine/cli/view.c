/* Events become lines. A wait that follows from a step of the same machine is told by its end, the
 * machine being ready; its way there is on the table. */
#include "cli/view.h"

#include <string.h>

#include "base/text.h"
#include "cli/live.h"
#include "cli/output.h"
#include "cli/plan_print.h"

enum { HINT_INDENT = 6 };

struct view {
	struct style style;
	bool wants_live, verbose;
	const struct plan *plan;
	struct live *live;	     /* NULL: plain lines */
	GHashTable *last;	     /* plain: struct step → its last output line */
	GHashTable *waited;	     /* struct target → milliseconds until it was up, untold */
	GPtrArray *failed, *skipped; /* of struct view_ending */
	int64_t elapsed;
};

static void free_ending(void *data)
{
	struct view_ending *ending = data;

	g_free(ending->text);
	g_free(ending->hint);
	g_free(ending);
}

struct view *view_new(const struct style *style, const struct plan *plan, bool live, bool verbose)
{
	struct view *view = g_new0(struct view, 1);

	view->style = *style;
	view->plan = plan;
	view->wants_live = live;
	view->verbose = verbose;
	view->last = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	view->waited = g_hash_table_new(NULL, NULL);
	view->failed = g_ptr_array_new_with_free_func(free_ending);
	view->skipped = g_ptr_array_new_with_free_func(free_ending);
	return view;
}

void view_free(struct view *view)
{
	if (view->live)
		live_free(view->live);
	g_hash_table_destroy(view->last);
	g_hash_table_destroy(view->waited);
	g_ptr_array_free(view->failed, TRUE);
	g_ptr_array_free(view->skipped, TRUE);
	g_free(view);
}

const GPtrArray *view_failed(const struct view *view)
{
	return view->failed;
}

const GPtrArray *view_skipped(const struct view *view)
{
	return view->skipped;
}

int64_t view_elapsed(const struct view *view)
{
	return view->elapsed;
}

static void say(struct view *view, const char *lines)
{
	if (view->live)
		live_say(view->live, lines);
	else
		output_people_text(lines);
}

/* "machine.web-1: TEXT", the text in a shade. */
static void say_step(struct view *view, const struct step *step, enum shade shade, const char *text)
{
	AUTO(gfree) char *address = text_escape(step->address, strlen(step->address));
	AUTO(gfree)
	char *line = g_strdup_printf("%s: %s%s%s\n", address, style_on(&view->style, shade), text,
		style_off(&view->style));

	say(view, line);
}

static const char *present(const struct step *step)
{
	static const char *const words[STEP_ACTIONS] = {
		"", "creating", "updating", "replacing", "deleting", "waiting", "", ""};

	return words[step->action];
}

static const char *past(const struct step *step)
{
	static const char *const words[STEP_ACTIONS] = {
		"as it should be", "created", "updated", "replaced", "deleted", "", "", ""};

	return step->action == STEP_WAIT ? stage_name(step->stage) : words[step->action];
}

/* The stage between made and ready is of interest on its way, or when ready is more than that. */
static bool tells_end(const struct view *view, const struct step *step)
{
	if (step->action != STEP_WAIT || step->stage != STAGE_UP || view->verbose)
		return true;
	return step->target && step->target->resource->ready;
}

static void on_started(struct view *view, const struct event *event)
{
	bool quiet = event->step->action == STEP_WAIT && event->step->stage == STAGE_READY &&
		     event->step->target && !event->step->target->resource->ready;

	if (view->live)
		live_add(view->live, event->step, clock_now() - event->elapsed);
	else if (!quiet)
		say_step(view, event->step, SHADE_DIM, present(event->step));
}

static void on_progress(struct view *view, const struct event *event)
{
	const char *last;

	if (view->live) {
		live_set(view->live, event->step, event->text);
		return;
	}
	last = g_hash_table_lookup(view->last, event->step);
	if (!g_strcmp0(last, event->text))
		return;
	g_hash_table_replace(view->last, (void *)event->step, g_strdup(event->text));
	say_step(view, event->step, SHADE_DIM, event->text);
}

/* Ready has the time until it was up in it, when that was not told. */
static void on_done(struct view *view, const struct event *event)
{
	const struct step *step = event->step;
	int64_t elapsed = event->elapsed;
	AUTO(gfree) char *took = NULL;
	AUTO(gfree) char *text = NULL;

	if (!tells_end(view, step)) {
		g_hash_table_insert(view->waited, step->target, GSIZE_TO_POINTER(elapsed));
		return;
	}
	if (step->action == STEP_WAIT && step->stage == STAGE_READY)
		elapsed += GPOINTER_TO_SIZE(g_hash_table_lookup(view->waited, step->target));
	took = duration_format(elapsed);
	text = g_strdup_printf("%s (%s)",
		event->type == EVENT_STEP_UNCHANGED ? "already as it should be" : past(step), took);
	say_step(view, step, SHADE_GREEN, text);
}

static void keep(GPtrArray *endings, const struct step *step, const char *text, const char *hint)
{
	struct view_ending *ending = g_new0(struct view_ending, 1);

	ending->step = step;
	ending->text = g_strdup(text);
	ending->hint = g_strdup(hint);
	g_ptr_array_add(endings, ending);
}

/* The executor names the address first; so do we. */
static const char *without_address(const struct step *step, const char *message)
{
	size_t length = strlen(step->address);

	if (!strncmp(message, step->address, length) && g_str_has_prefix(message + length, ": "))
		return message + length + 2;
	return message;
}

static void on_failed(struct view *view, const struct event *event)
{
	const char *message = without_address(event->step, event->error->message);
	AUTO(gfree) char *shown = output_escape(message);
	AUTO(gfree) char *text = g_strdup_printf("failed: %s", shown);
	AUTO(gfree) char *hint = event->error->hint ? output_escape(event->error->hint) : NULL;

	say_step(view, event->step, SHADE_RED, text);
	if (hint) {
		GString *lines = g_string_new(NULL);

		output_indent(lines, hint, HINT_INDENT);
		say(view, lines->str);
		g_string_free(lines, TRUE);
	}
	keep(view->failed, event->step, shown, hint);
}

static void on_skipped(struct view *view, const struct event *event)
{
	AUTO(gfree) char *why = text_escape(event->text, strlen(event->text));
	AUTO(gfree) char *text = g_strdup_printf("skipped: %s", why);

	if (event->step->implied)
		return;
	say_step(view, event->step, SHADE_YELLOW, text);
	keep(view->skipped, event->step, why, NULL);
}

static void on_notice(struct view *view, const struct event *event)
{
	AUTO(gfree) char *shown = output_escape(event->text);
	AUTO(gfree)
	char *line = g_strdup_printf(
		"provision: %s%s\n", event->type == EVENT_WARNING ? "warning: " : "", shown);

	say(view, line);
}

static void start(struct view *view)
{
	if (view->wants_live)
		view->live = live_new(STDERR_FILENO, &view->style, view->plan);
}

static void end(struct view *view, const struct event *event)
{
	view->elapsed = event->elapsed;
	if (view->live)
		live_free(view->live);
	view->live = NULL;
}

static void end_row(struct view *view, const struct event *event)
{
	if (view->live)
		live_remove(view->live, event->step);
}

void view_event(void *data, const struct event *event)
{
	struct view *view = data;

	switch (event->type) {
	case EVENT_RUN_STARTED:
		start(view);
		break;
	case EVENT_STEP_STARTED:
		on_started(view, event);
		break;
	case EVENT_STEP_PROGRESS:
		on_progress(view, event);
		break;
	case EVENT_STEP_DONE:
	case EVENT_STEP_UNCHANGED:
		end_row(view, event);
		on_done(view, event);
		break;
	case EVENT_STEP_FAILED:
		end_row(view, event);
		on_failed(view, event);
		break;
	case EVENT_STEP_SKIPPED:
		end_row(view, event);
		on_skipped(view, event);
		break;
	case EVENT_RUN_STOPPING:
	case EVENT_WARNING:
		on_notice(view, event);
		break;
	case EVENT_RUN_ENDED:
		end(view, event);
		break;
	}
}
