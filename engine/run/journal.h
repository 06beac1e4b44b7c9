/* The fleet's history: which runs there were, what their steps did and how long they took. Nothing
 * is decided from it, and its failure is a warning. */
#ifndef RUN_JOURNAL_H
#define RUN_JOURNAL_H

#include "run/event.h"

struct journal;

/* Opens or makes the database (SQLite, WAL). NULL with an error that is worth a warning. */
struct journal *journal_open(const char *path, struct error **err);
void journal_close(struct journal *journal);
/* Starts a run; its id is also the mark's. */
void journal_begin(struct journal *journal, const char *run, const char *command);
/* An event_sink; data is struct journal. Commits once per turn of the main loop. */
void journal_note(void *data, const struct event *event);
/* The first failure since it was opened, or NULL. */
const char *journal_failure(const struct journal *journal);

static inline void auto_journal(struct journal **journal)
{
	if (*journal)
		journal_close(*journal);
}

#endif
