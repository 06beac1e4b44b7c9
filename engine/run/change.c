/* Steps become objects of requests. */
#include "run/change.h"

#include <string.h>

#include "run/refresh.h"

static struct value *names_of(struct arena *arena, const GArray *changes)
{
	struct value *list = value_list(arena);

	for (unsigned i = 0; i < changes->len; i++)
		value_append(arena, list,
			value_string(arena, g_array_index(changes, struct change, i).name));
	return list;
}

/* All that the diff looked at must still be as it was then. */
static struct value *expected_fields(
	struct arena *arena, const struct value *said, const struct actual *actual)
{
	const struct value *applied = value_get_map(actual->record, "applied");
	struct value *map = value_map(arena);

	for (size_t i = 0; actual->fields && i < actual->fields->map.count; i++) {
		const struct member *m = &actual->fields->map.members[i];

		if (value_get(said, m->key) || value_get(applied, m->key))
			value_set(arena, map, m->key, m->value);
	}
	return map;
}

/* The first diagnostic as the step's error. */
static void fail_with(
	const struct diagnostics *diagnostics, const struct step *step, struct error **err)
{
	AUTO(gfree)
	char *text = diagnostics_format((struct diagnostics *)diagnostics, false);
	char *end = strchr(text, '\n');

	if (end)
		*end = '\0';
	error_set(err, ERROR_CONFIG, "%s: %s", step->address, text);
}

/* What the file says now. It may not hold anything that is still unknown. */
static const struct value *said_now(
	struct plan *plan, struct arena *arena, struct step *step, struct error **err)
{
	AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
	const struct value *said = plan_said(plan, arena, step->target, diagnostics);

	if (!said || diagnostics_count(diagnostics)) {
		fail_with(diagnostics, step, err);
		return NULL;
	}
	if (!value_has_unknown(said))
		return said;
	error_set(err, ERROR_FAILED, "%s: a value that it needs was not given by what came before",
		step->address);
	return NULL;
}

static struct value *object_of(struct arena *arena, const struct step *step, const char *action)
{
	struct value *object = refresh_object(arena, step->address, step->kind, step->name);

	value_set(arena, object, "action", value_string(arena, action));
	if (step->actual->incarnation && step->action != STEP_CREATE)
		value_set(arena, object, "expect", value_string(arena, step->actual->incarnation));
	return object;
}

/* False when nothing is left; then, or when it would cost more than was shown, *err tells apart. */
static bool add_update(struct plan *plan, struct arena *arena, struct step *step,
	const struct value *said, struct value *object, struct error **err)
{
	const struct actual *actual = step->actual;
	g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	enum change_class class = CHANGE_LIVE;

	diff_fields(plan->arena, step->target->resource->fields, said, actual->fields,
		actual->record, changes);
	for (unsigned i = 0; i < changes->len; i++)
		class = MAX(class, g_array_index(changes, struct change, i).class);
	if (class > step->class) {
		error_set(err, ERROR_CONFLICT,
			"%s: with the values known now it would need more than the plan showed "
			"(%s)",
			step->address, change_class_name(class));
		error_hint(err, "run apply again: the new plan will show it");
		return false;
	}
	value_set(arena, object, "fields", names_of(arena, changes));
	value_set(arena, object, "expect_fields", expected_fields(arena, said, actual));
	return changes->len > 0;
}

struct value *change_object(
	struct plan *plan, struct arena *arena, struct step *step, struct error **err)
{
	struct value *object = object_of(arena, step, step_action_name(step->action));
	struct target *t = step->target;
	const struct value *record = step->action == STEP_UPDATE ? step->actual->record : NULL;
	const struct value *said;

	if (step->action == STEP_DELETE)
		return object;
	said = said_now(plan, plan->arena, step, err);
	if (!said)
		return NULL;
	if (step->action == STEP_UPDATE && !add_update(plan, arena, step, said, object, err))
		return NULL;
	t->said = said;
	t->after = diff_after(plan->arena, t->resource->fields, said, record);
	value_set(arena, object, "after", (struct value *)t->after);
	value_set(arena, object, "record",
		diff_record(arena, t->resource->fields, said, record,
			plan_depends(arena, t->resource)));
	return object;
}

struct value *change_wait(struct plan *plan, struct arena *arena, struct step *step, int64_t *limit,
	struct error **err)
{
	AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
	struct value *object = refresh_object(arena, step->address, step->kind, step->name);
	const struct value *ready = NULL;

	*limit = step->target->resource->timeout;
	value_set(arena, object, "until", value_string(arena, stage_name(step->stage)));
	if (step->stage == STAGE_READY)
		ready = plan_ready(plan, arena, step->target, diagnostics);
	if (diagnostics_count(diagnostics)) {
		fail_with(diagnostics, step, err);
		return NULL;
	}
	if (ready && value_has_unknown(ready)) {
		error_set(err, ERROR_FAILED,
			"%s: the probe 'ready' needs a value that is not known", step->address);
		return NULL;
	}
	if (ready) {
		value_set(arena, object, "ready", (struct value *)ready);
		*limit = value_get_integer(ready, "timeout", *limit);
	}
	if (*limit)
		value_set(arena, object, "timeout", value_integer(arena, *limit));
	return object;
}
