/* What a fleet keeps on this host beside its machines: its id, its lock, and which providers were
 * ever asked to make something. */
#ifndef RUN_STATE_H
#define RUN_STATE_H

#include "base/error.h"
#include "document/value.h"

struct state {
	char *root;   /* absolute */
	char *folder; /* ROOT/fleets/NAME */
	char *name;
	char *id;    /* random; made by state_create(), else a fresh one that marks nothing */
	bool exists; /* the id is on disk */
	GPtrArray *providers; /* of char *: names in providers.json, in order */
	int lock;	      /* -1: not held */
};

/* The folder for all state: `given`, else $PROVISION_STATE_DIR, else /var/lib/provision for root,
 * else $XDG_STATE_HOME/provision. Absolute; it need not exist. Caller frees. */
char *state_root(const char *given);
/* Reads what there is; a fleet without state is no error. */
struct state *state_load(const char *root, const char *name, struct error **err);
void state_free(struct state *state);
/* Takes the fleet's lock, making the folder first. Held by another: ERROR_CONFLICT naming the
 * holder. `what` is the command, for the others to read. */
bool state_lock(struct state *state, const char *what, struct error **err) MUST_USE;
/* Makes the id if there is none yet. The lock must be held. */
bool state_create(struct state *state, struct error **err) MUST_USE;
/* Adds or drops names in providers.json; on disk when it returns. */
bool state_add_provider(struct state *state, const char *provider, struct error **err) MUST_USE;
bool state_drop_provider(struct state *state, const char *provider, struct error **err) MUST_USE;
/* Undoes what locking did: the folder goes only if nothing else lies in it. The lock stays held. */
void state_unmake(struct state *state);
/* Removes all of the fleet's folder, the lock's file last. */
bool state_remove(struct state *state, struct error **err) MUST_USE;
/* Names of all fleets with an id, in order. Caller frees with g_ptr_array_free(…, TRUE). */
GPtrArray *state_fleets(const char *root);

static inline void auto_state(struct state **state)
{
	if (*state)
		state_free(*state);
}

#endif
