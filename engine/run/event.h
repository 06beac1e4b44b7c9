/* What happens during a run, told to whoever listens: terminal, plain lines, journal. */
#ifndef RUN_EVENT_H
#define RUN_EVENT_H

#include "plan/plan.h"

enum event_type {
	EVENT_RUN_STARTED,
	EVENT_STEP_STARTED,
	EVENT_STEP_PROGRESS, /* text: the last output line */
	EVENT_STEP_DONE,
	EVENT_STEP_UNCHANGED, /* a late value turned out to be what is there */
	EVENT_STEP_FAILED,    /* error */
	EVENT_STEP_SKIPPED,   /* text: why */
	EVENT_RUN_STOPPING,   /* text: why nothing new is started */
	EVENT_RUN_ENDED,      /* totals */
	EVENT_WARNING,	      /* text: something beside the steps */
};

struct totals {
	unsigned done, failed, skipped; /* waits that follow from a step count when they fail */
	unsigned unreachable;		/* among failed: could not be read */
	unsigned changes;		/* done, waits not counted */
	unsigned uncertain;		/* failed changes that may have been done in part */
	unsigned actions[STEP_ACTIONS]; /* done, by action */
	int signal;			/* that interrupted it, or 0 */
};

struct event {
	enum event_type type;
	const struct step *step; /* NULL for events of the run */
	const char *text;	 /* escaped; or NULL */
	const struct error *error;
	int64_t elapsed; /* milliseconds since the step, or the run, started */
	const struct totals *totals;
};

typedef void event_sink(void *data, const struct event *event);

#endif
