/* What a thing of the fake world is, what it answers, and what a change makes of it. Nothing here
 * touches disk, protocol or clock: a test can hold a world in a hash table. */
#ifndef FAKE_WORLD_H
#define FAKE_WORLD_H

#include "provider/provider.h"

/* Pointers belong to an arena. */
struct fake_thing {
	const char *address, *kind;
	const char *fleet, *fleet_id, *run; /* the mark */
	const char *incarnation;
	const char *partial;	/* why it is not whole, or NULL */
	const char *boot;	/* of a machine that runs; NULL: it is off */
	const char *up, *ready; /* the boots in which it was seen so, or NULL */
	const struct value *fields, *record, *outputs; /* maps; record may be NULL */
};

struct value *fake_thing_format(struct arena *arena, const struct fake_thing *thing);
/* The result points into the map. */
struct fake_thing *fake_thing_parse(
	struct arena *arena, const struct value *map, struct error **err);

/* The answer to read, list and wait; `thing` NULL: there is none. */
void fake_describe(struct arena *arena, const struct fake_thing *thing, const char *fleet_id,
	struct answer *answer);
/* True if the change may be done to what is there (NULL: nothing). Otherwise *answer says why. */
bool fake_allows(struct arena *arena, const struct fake_thing *thing, const char *fleet_id,
	const struct object *object, struct answer *answer) MUST_USE;
/* What is there after an allowed change; NULL after a delete. Shares values with its inputs. */
struct fake_thing *fake_changed(const struct call *call, const struct object *object,
	const struct provider_kind *kind, const struct fake_thing *thing);
/* What would be there if the provider were killed in the middle of it. */
struct fake_thing *fake_halfway(const struct call *call, const struct object *object,
	const struct provider_kind *kind, const struct fake_thing *thing);
/* The machine has come up, or is ready, in its present boot. False if it is off. */
bool fake_arrive(struct fake_thing *thing, const char *until) MUST_USE;

#endif
