/* What is asked of a provider for one step, worked out at the moment it is due: by then everything
 * that it waited for has its values. */
#ifndef RUN_CHANGE_H
#define RUN_CHANGE_H

#include "plan/plan.h"

/* The object of a change request for the step. NULL with *err NULL when nothing is left to change,
 * since a late value turned out to be what is there; NULL with an error when the step may not be
 * done: a value is wrong, or would cost more than the plan showed. Strings and lists of the target
 * are brought up to date in the plan's arena. */
struct value *change_object(
	struct plan *plan, struct arena *arena, struct step *step, struct error **err);
/* The object of a wait request. *limit is the time that the provider is given, 0: its own. */
struct value *change_wait(struct plan *plan, struct arena *arena, struct step *step, int64_t *limit,
	struct error **err);

#endif
