/* The provider programs of one run. */
#ifndef RUN_PROVIDERS_H
#define RUN_PROVIDERS_H

#include "fleet/fleet.h"
#include "provider/client.h"
#include "run/state.h"

struct providers;

/* `state` is borrowed: its root and its lock (if held) are handed to the programs. */
struct providers *providers_new(const struct state *state);
/* Ends the programs: closes their input, waits, kills. */
void providers_free(struct providers *providers);
/* Nothing more is wanted of them: each is told to end, at the second call made to. No other is
 * started. What is under way ends with an error. */
void providers_interrupt(struct providers *providers);
/* Starts it if it does not run yet. */
struct client *providers_get(struct providers *providers, const char *name, struct error **err);
/* Only if it was started. */
struct client *providers_find(const struct providers *providers, const char *name);
/* Names of those that run, in order. Caller frees the array, not the names. */
GPtrArray *providers_running(const struct providers *providers);
/* Starts what the fleet names and waits for the schemas; one that there is not becomes a diagnostic
 * at the place that names it. False if one that there is does not work, which is not the file's
 * fault: the error has a place that names it. */
bool providers_start_for(struct providers *providers, const struct fleet *fleet,
	struct diagnostics *diagnostics, struct error **err) MUST_USE;
/* A fleet_kind_lookup; data is struct providers. */
bool providers_kind(void *data, const char *provider, const char *kind, const struct field **fields,
	bool *open);

static inline void auto_providers(struct providers **providers)
{
	if (*providers)
		providers_free(*providers);
}

#endif
