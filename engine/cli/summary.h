/* How a run ended, in a few lines, and what the exit code says of it. */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "cli/view.h"
#include "run/session.h"

struct summary {
	const struct invocation *invocation;
	const struct session *session;
	const struct view *view;
	const struct totals *totals;
	bool gone; /* nothing of the fleet is left */
};

void summary_print(const struct summary *summary);
int summary_code(const struct summary *summary);

#endif
