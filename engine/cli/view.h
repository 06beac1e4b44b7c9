/* What a person sees of a run: a live table on a terminal, plain lines elsewhere. */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include "cli/style.h"
#include "run/event.h"

struct view;

/* Writes to standard error. `live`: it is a terminal that can show a table. */
struct view *view_new(const struct style *style, const struct plan *plan, bool live, bool verbose);
/* An event_sink; data is struct view. */
void view_event(void *data, const struct event *event);
void view_free(struct view *view);

/* What remains to be told at the end, in order of events. */
struct view_ending {
	const struct step *step;
	char *text; /* without the address */
	char *hint; /* or NULL */
};
const GPtrArray *view_failed(const struct view *view);
const GPtrArray *view_skipped(const struct view *view);
/* Milliseconds that the run took. */
int64_t view_elapsed(const struct view *view);

#endif
