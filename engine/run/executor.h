/* Runs a plan: everything that waits for nothing is started at once, up to the limits of each
 * provider and kind; what failed takes down only what depends on it. */
#ifndef RUN_EXECUTOR_H
#define RUN_EXECUTOR_H

#include "run/event.h"
#include "run/interrupt.h"
#include "run/providers.h"

struct executor_options {
	const char *run; /* its id, for the marks */
	event_sink *sink;
	void *data;
	struct interrupts *interrupts; /* watched */
	unsigned parallel;	       /* most requests at once; 0: as many as the kinds allow */
};

/* Runs every step of the plan, which has no conflicts. The first signal lets what runs come to
 * its end and starts nothing new; the second cancels. A step that fails as unavailable is tried
 * again a few times, as long as its provider lives. Failures of steps are told as events and
 * counted in *totals. */
void execute(struct plan *plan, const struct state *state, struct providers *providers,
	const struct executor_options *options, struct totals *totals);

#endif
