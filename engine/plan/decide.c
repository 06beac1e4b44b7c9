/* One resource: what the file says × what was last applied × what is there → an action. */
#include <string.h>

#include "fleet/expression.h"
#include "plan/step.h"

static enum change_class worst(const GArray *changes, bool late)
{
	enum change_class class = CHANGE_LIVE;

	for (unsigned i = 0; i < changes->len; i++) {
		const struct change *change = &g_array_index(changes, struct change, i);

		if (late || !change->after || !value_has_unknown(change->after))
			class = MAX(class, change->class);
	}
	return class;
}

/* A late value never decides that something is replaced: that would not be in the plan shown. */
static void refuse_late(const struct step *step, struct diagnostics *diagnostics)
{
	for (unsigned i = 0; i < step->changes->len; i++) {
		const struct change *change = &g_array_index(step->changes, struct change, i);

		if (change->class != CHANGE_REPLACE || !change->after ||
			!value_has_unknown(change->after))
			continue;
		diagnostic_add(diagnostics, change->after->span,
			"'%s' of %s would be known only during the run, and a change of it "
			"replaces the %s",
			change->name, step->address, step->kind);
		diagnostic_hint(diagnostics, "write a value that is known before, or apply what it "
					     "comes from first");
	}
}

static void decide_present(struct plan *plan, struct step *step)
{
	struct target *t = step->target;

	if (step_is_newer(step))
		return;
	step->changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	diff_fields(plan_table(plan, t->resource->fields), t->said, t->actual->fields,
		t->actual->record, step->changes);
	step->class = worst(step->changes, true);
	if (t->actual->partial)
		step_decide(step, STEP_REPLACE,
			arena_printf(plan->arena, "incomplete: %s", t->actual->partial));
	else if (!step->changes->len)
		step_decide(step, STEP_NONE, NULL);
	else if (worst(step->changes, false) == CHANGE_REPLACE)
		step_decide(step, STEP_REPLACE, "a changed field cannot be changed in place");
	else
		step_decide(step, STEP_UPDATE,
			step->class == CHANGE_LIVE ? "changed"
						   : "changed, takes effect by a restart");
}

bool decide_is_anew(const struct plan *plan, const struct resource *machine)
{
	enum step_action action = plan_target(plan, machine)->step->action;

	return action == STEP_CREATE || action == STEP_REPLACE;
}

/* A list that may lack it, or the old one of what moves; NULL where all is certain. */
static const char *uncertain(const struct plan *plan, const struct target *t)
{
	const struct resource *r = t->resource;
	const char *why = world_incomplete(plan->world, r->provider, r->kind);

	if (why || !t->old)
		return why;
	if (t->old->presence == PRESENCE_UNKNOWN)
		return t->old->text ? t->old->text : "its old provider gave no reason";
	return world_incomplete(plan->world, t->old->provider, t->old->kind);
}

static void decide_absent(struct plan *plan, struct step *step, const char *reason)
{
	const struct target *t = step->target;
	const char *why = uncertain(plan, t);

	if (why) {
		step_decide(step, STEP_UNKNOWN,
			arena_printf(
				plan->arena, "the list of what is there is not complete: %s", why));
		step->error = ERROR_UNAVAILABLE;
		return;
	}
	if (t->old && t->old->presence == PRESENCE_PRESENT)
		reason = arena_printf(plan->arena, "moves from provider '%s'", t->old->provider);
	step_decide(step, STEP_CREATE, reason);
}

static void decide_made(struct plan *plan, struct step *step)
{
	const struct resource *machine = step->target->resource->machine;
	const struct actual *actual = step->actual;
	bool transient = actual->class != ERROR_CONFLICT && actual->class != ERROR_CONFIG;

	if (machine && machine->stopped)
		return;
	if (machine && decide_is_anew(plan, machine))
		decide_absent(plan, step, "its machine is new");
	else if (actual->presence == PRESENCE_ABSENT)
		decide_absent(plan, step, "is not there");
	else if (actual->presence == PRESENCE_PRESENT)
		decide_present(plan, step);
	else if (actual->presence == PRESENCE_UNKNOWN && transient)
		step_refuse(step, STEP_UNKNOWN, actual);
	else
		step_refuse(step, STEP_CONFLICT, actual);
}

static const struct step *unknown_one(const struct plan *plan, const struct dependency *d)
{
	const struct target *on;

	if (d->group)
		return plan->unknown[d->group->index];
	on = plan_target(plan, d->on);
	if (on->step->action == STEP_UNKNOWN)
		return on->step;
	return d->stage > STAGE_UP ? on->unknown_inside : NULL;
}

/* For what needs its group, or the machine that it lies in. */
static void note_unknown(struct plan *plan, const struct target *t)
{
	const struct resource *r = t->resource;
	struct target *machine = r->machine ? plan_target(plan, r->machine) : NULL;

	if (t->step->action != STEP_UNKNOWN)
		return;
	if (machine && !machine->unknown_inside)
		machine->unknown_inside = t->step;
	if (r->group && !plan->unknown[r->group->index])
		plan->unknown[r->group->index] = t->step;
}

/* Nothing is done to what depends on something that could not be read. */
static void hold_back(struct plan *plan, struct step *step)
{
	const GArray *all = step->target->resource->dependencies;
	const struct step *unknown = NULL;

	if (step->action < STEP_CREATE || step->action > STEP_REPLACE)
		return;
	for (unsigned i = 0; !unknown && i < all->len; i++)
		unknown = unknown_one(plan, &g_array_index(all, struct dependency, i));
	if (!unknown)
		return;
	step_decide(step, STEP_UNKNOWN,
		arena_printf(plan->arena, "depends on %s, which is unknown", unknown->address));
	step->error = unknown->error;
	if (step->changes)
		g_array_free(step->changes, TRUE);
	step->changes = NULL;
}

/* True if the machine goes down, or is new, by its made step. */
static bool starts_anew(const struct step *made)
{
	if (made->action == STEP_CREATE || made->action == STEP_REPLACE)
		return true;
	if (made->action != STEP_UPDATE)
		return false;
	if (made->class == CHANGE_REBOOT)
		return true;
	for (unsigned i = 0; i < made->changes->len; i++)
		if (!strcmp(g_array_index(made->changes, struct change, i).name, "state"))
			return true;
	return false;
}

static void decide_waits(const struct plan *plan, const struct target *t)
{
	bool anew = starts_anew(t->step), up = anew || !t->actual->up;

	if (t->resource->stopped || t->step->action == STEP_UNKNOWN ||
		t->step->action == STEP_CONFLICT)
		return;
	for (enum stage stage = STAGE_UP; stage < STAGE_COUNT; stage++) {
		struct step *step = plan->graph->nodes[t->nodes[stage]].data;

		step->implied = anew;
		if (stage == STAGE_UP && up)
			step_decide(step, STEP_WAIT,
				anew ? "it starts" : "it has not been seen up since it started");
		if (stage == STAGE_READY && (up || !t->actual->ready))
			step_decide(step, STEP_WAIT,
				anew ? "it starts" : "it has not been seen ready since it started");
	}
}

/* What the file says and what the record keeps, as far as no other field is needed for it. */
static const struct value *literal_after(
	struct plan *plan, const struct target *t, const struct value *record)
{
	const struct value *said = t->resource->said;
	struct value *literal = value_map(plan->arena);

	for (size_t i = 0; i < said->map.count; i++)
		if (!expression_in(said->map.members[i].value))
			value_set(plan->arena, literal, said->map.members[i].key,
				said->map.members[i].value);
	return diff_after(plan->arena, plan_table(plan, t->resource->fields), literal, record);
}

void decide_target(struct plan *plan, struct target *t, struct diagnostics *diagnostics)
{
	const struct table *table = plan_table(plan, t->resource->fields);
	const struct value *record =
		t->actual->presence == PRESENCE_PRESENT ? t->actual->record : NULL;
	struct step *step = t->step;

	if (t->resource->dynamic)
		t->after = literal_after(plan, t, record);
	t->said = plan_said(plan, plan->arena, t, diagnostics);
	if (!t->said)
		t->said = value_map(plan->arena);
	decide_made(plan, step);
	hold_back(plan, step);
	if (step->action == STEP_UPDATE)
		refuse_late(step, diagnostics);
	if (step->action == STEP_CREATE || step->action == STEP_REPLACE)
		record = NULL;
	t->after = diff_after(plan->arena, table, t->said, record);
	t->settled = step->action == STEP_NONE;
	t->outputs = step->action == STEP_REPLACE ? NULL : t->actual->outputs;
	note_unknown(plan, t);
	if (!t->resource->is_machine)
		return;
	decide_waits(plan, t);
	if (t->resource->ready)
		(void)plan_ready(plan, plan->arena, t, diagnostics);
}
