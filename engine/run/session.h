/* One command's way from a file to a plan, and from a plan to its end. */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "run/executor.h"

struct session {
	struct arena *arena;
	struct diagnostics *diagnostics; /* all that is wrong with the file */
	struct source *source;		 /* NULL without a file */
	struct fleet *fleet;		 /* NULL without a file, or when it could not be read */
	const char *name;		 /* the fleet's; "-" while the file gives none */
	struct state *state;
	struct providers *providers;
	struct world *world;
	struct plan *plan;
	char *run; /* id of this run */
	struct interrupts interrupts;
	unsigned parallel;  /* most requests of a run at once; 0: as many as the kinds allow */
	void (*slow)(void); /* told once when the providers take long to answer; may be NULL */
	unsigned slow_timer;
};

/* Everything below that waits is ended by a signal, with ERROR_CANCELLED and interrupts.signal set,
 * after the providers have ended and with nothing left behind. */
struct session *session_new(void);
/* Ends the providers, lets go of the lock, removes what an apply without effect would leave. */
void session_free(struct session *session);

/* Reads the file. False with an error, or with diagnostics and no error. A file with mistakes that
 * leave something to look at is loaded: session_check tells them with all others. */
bool session_load(struct session *session, const char *path, struct error **err) MUST_USE;
/* As session_load, but the fleet's name is all that has to be right. */
bool session_load_name(struct session *session, const char *path, struct error **err) MUST_USE;
/* A fleet that is known by name alone. */
bool session_name(struct session *session, const char *name, struct error **err) MUST_USE;
/* Opens the fleet's state under `root`; with `lock` (a command's name) nobody else may act on it
 * until session_free. ERROR_CONFLICT with session->state set: somebody else does. */
bool session_open(
	struct session *session, const char *root, const char *lock, struct error **err) MUST_USE;
/* Starts the providers and checks the file against their kinds. False with diagnostics, or with an
 * error. */
bool session_check(struct session *session, struct error **err) MUST_USE;
/* Asks what is there, and plans. With `all_gone` the plan deletes everything. */
bool session_plan(struct session *session, bool all_gone, struct error **err) MUST_USE;
/* Asks for what bears the fleet's mark, and nothing else. */
bool session_list(struct session *session, struct error **err) MUST_USE;
/* Asks for one machine, known by its name alone, and nothing else. */
bool session_machine(struct session *session, const char *name, struct error **err) MUST_USE;
/* Runs the plan, under the lock. Then forgets providers that have nothing any more; a fleet that is
 * gone leaves nothing. *gone tells. `err` is of the bookkeeping; failed steps are in *totals. */
bool session_apply(struct session *session, const char *command, event_sink *sink, void *data,
	struct totals *totals, bool *gone, struct error **err) MUST_USE;

static inline void auto_session(struct session **session)
{
	if (*session)
		session_free(*session);
}

#endif
