/* What waits for what in a plan. */
#ifndef PLAN_EDGES_H
#define PLAN_EDGES_H

#include "plan/plan.h"

/* Adds the edges between the nodes that the plan has. */
void edges_add(struct plan *plan);

#endif
