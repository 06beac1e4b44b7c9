/* Steps as such. */
#include "plan/step.h"

struct step *step_new(struct plan *plan, enum stage stage, const struct actual *actual)
{
	struct step *step = arena_new_of(plan->arena, struct step);

	step->stage = stage;
	step->actual = actual;
	step->node = graph_add_node(plan->graph, step);
	return step;
}

void step_decide(struct step *step, enum step_action action, const char *reason)
{
	step->action = action;
	step->reason = reason;
}

void step_refuse(struct step *step, enum step_action action, const struct actual *actual)
{
	bool foreign = actual->presence == PRESENCE_FOREIGN;

	step_decide(step, action,
		actual->text ? actual->text
		: foreign    ? "it is there already, and is not ours"
			     : "its provider gave no reason");
	step->hint = actual->hint;
	step->error = foreign ? ERROR_CONFLICT : actual->class;
}

bool step_is_newer(struct step *step)
{
	if (value_get_integer(step->actual->record, "format", 0) <= RECORD_FORMAT)
		return false;
	step_decide(step, STEP_CONFLICT, "its record was written by a newer version of provision");
	step->hint = "use that version";
	step->error = ERROR_CONFLICT;
	return true;
}

const char *step_action_name(enum step_action action)
{
	static const char *const names[] = {
		"none", "create", "update", "replace", "delete", "wait", "unknown", "conflict"};

	return names[action];
}

const char *stage_name(enum stage stage)
{
	static const char *const names[] = {"made", "up", "configured", "ready"};

	return names[stage];
}
