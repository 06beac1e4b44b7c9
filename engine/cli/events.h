/* What happens, for programs: a JSON object per line on standard output. docs/events.md says what
 * they hold. */
#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

#include "run/session.h"

/* Of the objects; a member that comes on top does not change it. */
enum { EVENTS_VERSION = 1 };

struct events {
	const struct session *session; /* it has a plan */
	const char *command;
};

/* The plan: a line for all of it, then one for each step. */
void events_plan(const struct events *events);
/* An event_sink; data is struct events. */
void events_event(void *data, const struct event *event);

#endif
