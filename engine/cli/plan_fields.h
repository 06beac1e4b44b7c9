/* The fields of one step of a plan. */
#ifndef CLI_PLAN_FIELDS_H
#define CLI_PLAN_FIELDS_H

#include "cli/style.h"
#include "plan/plan.h"

/* Appends a line for each field: what will be set by a create, what changes by an update or a
 * replace, with before → after and what that costs. */
void plan_fields_print(
	GString *text, const struct style *style, const struct plan *plan, const struct step *step);

#endif
