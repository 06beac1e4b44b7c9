/* Asks the providers what is there. */
#ifndef RUN_REFRESH_H
#define RUN_REFRESH_H

#include "plan/world.h"
#include "run/providers.h"

/* Lists everything that bears the fleet's mark at the providers of the file, at those of
 * providers.json and at those that run already, and reads every resource of the fleet (NULL: lists
 * alone), all at once. What cannot be found out is in the world as unknown or incomplete. False
 * only if a provider of providers.json cannot be started: then nothing is known of what it made. */
bool refresh(struct world *world, const struct fleet *fleet, struct providers *providers,
	const struct state *state, struct error **err) MUST_USE;
/* Reads one machine at every provider that ever made something for the fleet. False if one of them
 * cannot be started. */
bool refresh_machine(struct world *world, const char *name, struct providers *providers,
	const struct state *state, struct error **err) MUST_USE;
/* The members "call" and "fleet" of a request. */
struct value *refresh_request(struct arena *arena, const struct state *state, const char *call);
/* One object of a request: address, kind, name. */
struct value *refresh_object(
	struct arena *arena, const char *address, const char *kind, const char *name);

/* Bytes that an object takes in its request; those of one request should end below BATCH_BYTES. */
enum { BATCH_BYTES = 512 * 1024 };
size_t refresh_size(const struct value *object);

#endif
