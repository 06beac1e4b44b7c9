/* A plan as people read it. */
#ifndef CLI_PLAN_PRINT_H
#define CLI_PLAN_PRINT_H

#include "cli/style.h"
#include "plan/plan.h"

struct plan_print {
	struct style style;
	const char *fleet; /* its name */
	bool all;	   /* also what is as it should be */
};

/* Each step with its reason, and below it each field that would be set or changed; machines with
 * what lies inside them, in order of address. Then a line that sums up. Caller frees. */
char *plan_print(const struct plan_print *print, const struct plan *plan);
/* "+", "~", "-/+", "-", ">", "?", "!"; and the shade it is shown in. */
const char *plan_sign(enum step_action action);
enum shade plan_shade(enum step_action action);

#endif
