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

/* Law 2: what was shown as a value, and not as known later, is that value. */
static bool check_shown(const struct step *step, const struct value *now, struct error **err)
{
	const struct value *shown = step->target->said;

	for (size_t i = 0; i < now->map.count; i++) {
		const struct member *m = &now->map.members[i];
		const struct value *before = value_get(shown, m->key);
		const struct field *field = schema_find(step->target->resource->fields, m->key);
		AUTO(gfree) char *planned = NULL;
		AUTO(gfree) char *found = NULL;

		if (before && (value_has_unknown(before) || value_equal(before, m->value)))
			continue;
		planned = schema_show(field, before);
		found = schema_show(field, m->value);
		error_set(err, ERROR_CONFLICT, "%s: '%s' would become %s, but the plan showed %s",
			step->address, m->key, found, planned);
		error_hint(err, "run apply again: the new plan starts from what is there now");
		return false;
	}
	return true;
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
	if (value_has_unknown(said)) {
		error_set(err, ERROR_FAILED,
			"%s: a value that it needs was not given by what came before",
			step->address);
		return NULL;
	}
	return check_shown(step, said, err) ? said : NULL;
}

static struct value *object_of(struct arena *arena, const struct step *step, const char *action)
{
	struct value *object = refresh_object(arena, step->address, step->kind, step->name);

	value_set(arena, object, "action", value_string(arena, action));
	if (step->actual->incarnation && step->action != STEP_CREATE)
		value_set(arena, object, "expect", value_string(arena, step->actual->incarnation));
	return object;
}

/* The fields that an update still changes: a late one may have turned out to be what is there. */
static struct value *changed_fields(
	struct plan *plan, struct arena *arena, const struct step *step, const struct value *said)
{
	g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(struct change));

	diff_fields(plan_table(plan, step->target->resource->fields), said, step->actual->fields,
		step->actual->record, changes);
	return names_of(arena, changes);
}

struct value *change_object(
	struct plan *plan, struct arena *arena, struct step *step, struct error **err)
{
	struct value *object = object_of(arena, step, step_action_name(step->action)), *fields;
	struct target *t = step->target;
	const struct value *record = step->action == STEP_UPDATE ? step->actual->record : NULL;
	const struct value *said;
	const struct table *table;

	if (step->action == STEP_DELETE)
		return object;
	said = said_now(plan, plan->arena, step, err);
	if (!said)
		return NULL;
	table = plan_table(plan, t->resource->fields);
	t->said = said;
	t->after = diff_after(plan->arena, table, said, record);
	if (step->action == STEP_UPDATE) {
		fields = changed_fields(plan, arena, step, said);
		if (!fields->list.count)
			return NULL;
		value_set(arena, object, "fields", fields);
	}
	if (step->action != STEP_CREATE && !step->actual->partial)
		value_set(
			arena, object, "expect_fields", expected_fields(arena, said, step->actual));
	value_set(arena, object, "after", (struct value *)t->after);
	value_set(arena, object, "record",
		diff_record(arena, table, said, record, plan_depends(arena, t->resource)));
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
