/* Names of fields are told, values are not: nothing secret can be among them. */
#include "cli/events.h"

#include <string.h>

#include "base/text.h"
#include "cli/output.h"
#include "document/json.h"

struct line {
	struct arena *arena;
	struct value *map;
};

static struct line line_new(const char *event)
{
	struct line line = {arena_new(), NULL};

	line.map = value_map(line.arena);
	value_set(line.arena, line.map, "version", value_integer(line.arena, EVENTS_VERSION));
	value_set(line.arena, line.map, "event", value_string(line.arena, event));
	value_set(
		line.arena, line.map, "time", value_integer(line.arena, g_get_real_time() / 1000));
	return line;
}

static void say(struct line *line)
{
	AUTO(gfree) char *json = json_format(line->map);
	AUTO(gfree) char *text = g_strconcat(json, "\n", NULL);

	output_data(text);
	arena_free(line->arena);
}

/* What came from elsewhere is made harmless here too: somebody will print it. */
static void set_text(struct line *line, struct value *map, const char *key, const char *text)
{
	AUTO(gfree) char *shown = text ? output_escape(text) : NULL;

	if (shown)
		value_set(line->arena, map, key, value_string(line->arena, shown));
}

static void set_number(struct line *line, struct value *map, const char *key, int64_t number)
{
	value_set(line->arena, map, key, value_integer(line->arena, number));
}

static void set_run(struct line *line, const struct events *events)
{
	set_text(line, line->map, "fleet", events->session->name);
	set_text(line, line->map, "run", events->session->run);
	set_text(line, line->map, "command", events->command);
}

static void set_step(struct line *line, const struct step *step)
{
	set_text(line, line->map, "address", step->address);
	set_text(line, line->map, "kind", step->kind);
	set_text(line, line->map, "provider", step->provider);
	set_text(line, line->map, "action", step_action_name(step->action));
	if (step->action == STEP_WAIT)
		set_text(line, line->map, "until", stage_name(step->stage));
}

static void set_counts(struct line *line, const unsigned *counts)
{
	struct value *map = value_map(line->arena);

	for (int action = STEP_CREATE; action < STEP_ACTIONS; action++)
		if (counts[action])
			set_number(line, map, step_action_name(action), counts[action]);
	value_set(line->arena, line->map, "actions", map);
}

static void set_fields(struct line *line, const GArray *changes)
{
	struct value *list = value_list(line->arena);

	for (unsigned i = 0; i < changes->len; i++)
		value_append(line->arena, list,
			value_string(line->arena, g_array_index(changes, struct change, i).name));
	value_set(line->arena, line->map, "fields", list);
}

static void say_planned(const struct step *step)
{
	struct line line = line_new("step_planned");

	set_step(&line, step);
	set_text(&line, line.map, "reason", step->reason);
	if (step->changes)
		set_fields(&line, step->changes);
	say(&line);
}

void events_plan(const struct events *events)
{
	const struct plan *plan = events->session->plan;
	struct line line = line_new("plan");

	set_run(&line, events);
	set_counts(&line, plan->counts);
	say(&line);
	for (unsigned i = 0; i < plan->steps->len; i++)
		say_planned(plan->steps->pdata[i]);
}

static const char *name_of(enum event_type type)
{
	static const char *const names[] = {
		[EVENT_RUN_STARTED] = "run_started",
		[EVENT_STEP_STARTED] = "step_started",
		[EVENT_STEP_PROGRESS] = "step_progress",
		[EVENT_STEP_DONE] = "step_done",
		[EVENT_STEP_UNCHANGED] = "step_unchanged",
		[EVENT_STEP_FAILED] = "step_failed",
		[EVENT_STEP_SKIPPED] = "step_skipped",
		[EVENT_RUN_STOPPING] = "run_stopping",
		[EVENT_RUN_ENDED] = "run_ended",
		[EVENT_WARNING] = "warning",
	};

	return names[type];
}

static void set_error(struct line *line, const struct error *err)
{
	struct value *map = value_map(line->arena);

	set_text(line, map, "class", error_class_name(err->class));
	set_text(line, map, "message", err->message);
	set_text(line, map, "hint", err->hint);
	value_set(line->arena, line->map, "error", map);
}

static void set_totals(struct line *line, const struct totals *totals)
{
	set_number(line, line->map, "done", totals->done);
	set_number(line, line->map, "failed", totals->failed);
	set_number(line, line->map, "skipped", totals->skipped);
	if (totals->signal)
		set_number(line, line->map, "signal", totals->signal);
	set_counts(line, totals->actions);
}

void events_event(void *data, const struct event *event)
{
	const struct events *events = data;
	struct line line = line_new(name_of(event->type));

	if (event->type == EVENT_RUN_STARTED)
		set_run(&line, events);
	if (event->step)
		set_step(&line, event->step);
	set_text(&line, line.map, "text", event->text);
	if (event->error)
		set_error(&line, event->error);
	if (event->type >= EVENT_STEP_DONE && event->type <= EVENT_STEP_FAILED)
		set_number(&line, line.map, "milliseconds", event->elapsed);
	if (event->type == EVENT_RUN_ENDED) {
		set_number(&line, line.map, "milliseconds", event->elapsed);
		set_totals(&line, event->totals);
	}
	say(&line);
}
