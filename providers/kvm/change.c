/* Killed between any two lines, what is on disk still says what to do next: a machine that is not
 * whole says so, one that was set aside is found by its name, and a whole one that does not run is
 * seen as stopped. */
#include "change.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "make.h"
#include "start.h"
#include "stop.h"
#include "turn.h"
#include "update.h"
#include "view.h"

static void emit_stale(struct call *call, const struct object *object, const char *text)
{
	const struct answer answer = {.status = STATUS_STALE, .text = text};

	emit_answer(call, object, &answer);
}

/* How a value reads in a message; a list may be long. */
static char *show(const struct value *value)
{
	return schema_show(NULL, value);
}

/* The name of the first field that is not as expected, and how; NULL if all are. */
static const char *differs(
	struct call *call, const struct object *object, const struct answer *answer)
{
	const struct value *expected = object->expect_fields;

	for (size_t i = 0; expected && i < expected->map.count; i++) {
		const struct member *m = &expected->map.members[i];
		const struct value *is = value_get(answer->actual, m->key);
		AUTO(gfree) char *was_text = NULL;
		AUTO(gfree) char *is_text = NULL;

		if (is ? value_equal(is, m->value) : m->value->type == VALUE_NULL)
			continue;
		was_text = show(m->value);
		is_text = show(is);
		return arena_printf(
			call->arena, "'%s' was %s, and is %s now", m->key, was_text, is_text);
	}
	return NULL;
}

/* NULL when the machine is as the engine saw it. */
static const char *staleness(
	struct call *call, const struct object *object, const struct machine *m)
{
	struct answer answer;

	if (!object->expect)
		return m ? arena_printf(call->arena, "it is there already (%s)", m->incarnation)
			 : NULL;
	if (!m)
		return "it is not there any more";
	if (strcmp(m->incarnation, object->expect) != 0)
		return "it was made anew meanwhile";
	if (!object->expect_fields)
		return NULL;
	view_fill(call->arena, m, &answer);
	return answer.status == STATUS_PRESENT ? differs(call, object, &answer) : answer.text;
}

/* True when nothing is left of what was made. What cannot be taken back is told, after what made it
 * necessary. */
static bool take_back(struct call *call, const struct object *object, const struct machine *m)
{
	AUTO(error) struct error *err = NULL;

	if (!m->made || make_remove(m, &err))
		return true;
	emit_progress(call, object, "what was made of it stays: %s", err->message);
	return false;
}

static bool build(struct call *call, const struct object *object, struct machine *m,
	const struct machine *old, struct error **err)
{
	emit_progress(call, object, "making its disk");
	return make(m, old, err) && (!m->settings.running || start(call, object, m, err));
}

static bool create(struct call *call, const struct object *object, struct error **err)
{
	struct machine *m = make_prepare(call, object, NULL, err);

	if (!m || !make_sweep(call, object->name, NULL, err))
		return false;
	if (build(call, object, m, NULL, err))
		return true;
	if (m->made)
		make_release_ports(m, true);
	take_back(call, object, m);
	return false;
}

static void bring_back(
	struct call *call, const struct object *object, struct machine *old, bool ran)
{
	AUTO(error) struct error *err = NULL;

	if (old->unmade)
		return;
	emit_progress(call, object, "bringing the old one back");
	make_release_ports(old, false);
	if (!make_bring_back(call->arena, old, &err) || (ran && !start(call, object, old, &err)))
		emit_progress(call, object, "the old one does not come back: %s", err->message);
}

static bool replace(
	struct call *call, const struct object *object, struct machine *old, struct error **err)
{
	struct machine *m = make_prepare(call, object, old, err);
	bool ran = old->settings.running && !old->unmade;

	if (!m)
		return false;
	emit_progress(call, object, "ending the old one");
	if (!stop_now(old, err) || !make_set_aside(call->arena, old, err))
		return false;
	if (!build(call, object, m, old, err)) {
		if (take_back(call, object, m))
			bring_back(call, object, old, ran);
		return false;
	}
	make_release_ports(m, false);
	return make_sweep(call, object->name, NULL, err);
}

static bool delete (
	struct call *call, const struct object *object, struct machine *m, struct error **err)
{
	if (!stop_now(m, err) || !make_set_aside(call->arena, m, err))
		return false;
	make_release_ports(m, true);
	return make_remove(m, err) && make_sweep(call, object->name, NULL, err);
}

static bool act(
	struct call *call, const struct object *object, struct machine *m, struct error **err)
{
	switch (object->action) {
	case ACTION_CREATE:
		return create(call, object, err);
	case ACTION_UPDATE:
		return update(call, object, m, err);
	case ACTION_REPLACE:
		return replace(call, object, m, err);
	case ACTION_DELETE:
		return delete (call, object, m, err);
	case ACTION_NONE:
		break;
	}
	error_set(err, ERROR_INTERNAL, "no action was given");
	return false;
}

static bool find(
	struct call *call, const struct object *object, struct machine **m, struct error **err)
{
	const char *text = NULL;

	switch (machine_load(call->arena, call, object->name, object->address, m, &text)) {
	case MACHINE_OURS:
		return true;
	case MACHINE_ABSENT:
		*m = NULL;
		return true;
	case MACHINE_FOREIGN:
		error_set(err, ERROR_CONFLICT, "%s", text);
		break;
	case MACHINE_UNKNOWN:
		error_set(err, ERROR_FAILED, "%s", text);
		break;
	}
	return false;
}

static bool change(struct call *call, const struct object *object, struct error **err)
{
	AUTO(fd) int turn = -1;
	struct machine *m = NULL;
	struct answer answer = {0};
	const char *stale;

	if (!turn_take(call, object, &turn, err) || !find(call, object, &m, err))
		return false;
	stale = staleness(call, object, m);
	if (stale) {
		emit_stale(call, object, stale);
		return true;
	}
	if (!act(call, object, m, err))
		return false;
	if (object->action != ACTION_DELETE)
		view_object(call, object, &answer);
	answer.status = STATUS_CHANGED;
	emit_answer(call, object, &answer);
	return true;
}

bool change_machines(struct call *call, struct error **err)
{
	(void)err;
	for (size_t i = 0; i < call->count; i++) {
		struct error *failure = NULL;

		if (!change(call, &call->objects[i], &failure))
			emit_failure(call, &call->objects[i], &failure);
	}
	return true;
}
