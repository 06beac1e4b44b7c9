/* A table at the end of the terminal that shows what runs; finished lines scroll above it. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli/style.h"
#include "plan/plan.h"

struct live;

/* Draws on `fd`, a terminal, from the main loop, ten times a second at most. */
struct live *live_new(int fd, const struct style *style, const struct plan *plan);
/* Draws the last finished lines, takes the table away. */
void live_free(struct live *live);
/* A row for a step. `since` is on clock_now(). */
void live_add(struct live *live, const struct step *step, int64_t since);
/* Its last output line; escaped. */
void live_set(struct live *live, const struct step *step, const char *text);
/* The step has ended: its row goes. With the last of those that count as one it is done. */
void live_remove(struct live *live, const struct step *step);
/* Lines for above the table, each ended; may hold escape sequences of style.h. */
void live_say(struct live *live, const char *lines);

#endif
