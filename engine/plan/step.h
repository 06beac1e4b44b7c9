/* Making steps: of use while a plan is made. */
#ifndef PLAN_STEP_H
#define PLAN_STEP_H

#include "plan/plan.h"

/* A step with a node of its own; its action is none. */
struct step *step_new(struct plan *plan, enum stage stage, const struct actual *actual);
void step_decide(struct step *step, enum step_action action, const char *reason);
/* For what could not be read, or is not ours: reason, hint and class as the provider gave them. */
void step_refuse(struct step *step, enum step_action action, const struct actual *actual);
/* True, after the step has become a conflict, if its record is too new for us. */
bool step_is_newer(struct step *step);

/* decide.c: what is to be done to a target, all that it depends on being decided. */
void decide_target(struct plan *plan, struct target *target, struct diagnostics *diagnostics);
/* What is inside a machine that is made anew is made anew, whatever was read. */
bool decide_is_anew(const struct plan *plan, const struct resource *machine);

/* leftover.c: adds steps for what the world lists and the file does not have. */
void leftovers_add(struct plan *plan);

#endif
