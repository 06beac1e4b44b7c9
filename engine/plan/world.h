/* What the providers read back: the actual state, the one thing besides the file that a plan is
 * made from. */
#ifndef PLAN_WORLD_H
#define PLAN_WORLD_H

#include "base/error.h"
#include "document/value.h"

enum presence {
	PRESENCE_ABSENT,
	PRESENCE_PRESENT,
	PRESENCE_FOREIGN, /* there, without our mark */
	PRESENCE_UNKNOWN, /* could not be found out */
};

struct actual {
	const char *provider, *address, *kind;
	enum presence presence;
	const char *text;	/* why it is foreign or unknown, or NULL */
	enum error_class class; /* of an unknown one */
	const char *hint;
	const char *incarnation, *partial;	       /* or NULL */
	const struct value *fields, *record, *outputs; /* maps; NULL where there are none */
	bool up, ready;
	bool read;   /* came from a read, which says more than a list */
	bool listed; /* came from a list, so it bears our mark */
};

struct world;

struct world *world_new(void);
void world_free(struct world *world);
/* Take in one answer of the protocol, to a read or to a list; its pieces are copied, its texts made
 * harmless. The order in which they come makes no difference: what a read said counts, but for a
 * record that it could not read. NULL if the answer makes no sense (no proper address). */
struct actual *world_add(struct world *world, const char *provider, const struct value *answer);
struct actual *world_add_listed(
	struct world *world, const char *provider, const struct value *answer);
/* Says that an object could not be read. */
struct actual *world_add_unknown(struct world *world, const char *provider, const char *address,
	const char *kind, enum error_class class, const char *text, const char *hint);
struct actual *world_find(const struct world *world, const char *provider, const char *address);
/* All that came from lists, in order of address, then provider. Caller frees the array. */
GPtrArray *world_listed(const struct world *world);
/* A list of the provider that was not complete, and why; world_incomplete gives the why or NULL. */
void world_set_incomplete(
	struct world *world, const char *provider, const char *kind, const char *why);
const char *world_incomplete(const struct world *world, const char *provider, const char *kind);
struct incomplete {
	const char *provider, *kind, *why;
};
/* All that are incomplete: struct incomplete, in order of provider, then kind. Caller frees the
 * array. */
GPtrArray *world_incompletes(const struct world *world);
struct arena *world_arena(struct world *world);

static inline void auto_world(struct world **world)
{
	if (*world)
		world_free(*world);
}

#endif
