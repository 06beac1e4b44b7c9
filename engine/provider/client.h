/* The engine's end of the protocol: starts provider programs, sends requests, hands on what comes.
 * Never blocks: queues outside, GLib's main loop inside. */
#ifndef PROVIDER_CLIENT_H
#define PROVIDER_CLIENT_H

#include "provider/provider.h"

struct client;
struct request;

/* A kind as the provider described it. */
struct client_kind {
	const char *name;
	const struct field *fields;
	bool open, batch, machine, lists;
	unsigned parallel;
	int64_t change_limit, wait_limit;
};

struct request_handlers {
	/* One object answered. `answer` has members address, kind, status, text, incarnation,
	 * actual, record, outputs, up, ready, partial, or error {class, message, hint}; it lives
	 * until the callback returns. */
	void (*object)(void *data, const struct value *answer);
	/* text is already escaped. address may be NULL. */
	void (*progress)(void *data, const char *address, const char *text);
	/* Called exactly once; err is NULL on success and borrowed. complete is of list. */
	void (*done)(void *data, bool complete, const struct error *err);
	void *data;
};

struct client_options {
	const char *state_dir;
	int lock_fd; /* the fleet's lock, kept open by the provider as descriptor 3; -1: none */
	GMainContext *context; /* NULL: default */
	int64_t ready_limit;   /* milliseconds that client_ready waits; 0: 10 s */
};

/* Finds `provider-NAME` in $PROVISION_PROVIDER_PATH, beside this program in providers/ and
 * ../libexec/provision, then in PREFIX/libexec/provision. ERROR_MISSING with a suggestion of the
 * ones that there are. */
char *client_find(const char *name, struct error **err);

/* Starts the program and sends hello and schema; client_ready tells when they are answered. */
struct client *client_start(
	const char *name, const struct client_options *options, struct error **err);
/* Runs the loop until hello and schema have been answered, at most options.ready_limit. */
bool client_ready(struct client *client, struct error **err) MUST_USE;
const char *client_name(const struct client *client);
/* NULL if the provider has no such kind ("*" matches any). */
const struct client_kind *client_kind(const struct client *client, const char *kind);
/* All kinds; *count of them. */
const struct client_kind *client_kinds(const struct client *client, size_t *count);

/* Sends `message` (a map with "call" and what belongs to it; "id" is added), at once or when fewer
 * are under way. limit in milliseconds from then on (0: none): at its end the request is cancelled
 * and done is called with ERROR_TIMEOUT; a request whose provider has died ends with
 * ERROR_UNAVAILABLE. done is never called before this returns. */
struct request *client_send(struct client *client, const struct value *message, int64_t limit,
	const struct request_handlers *handlers);
/* Asks the provider to stop; done is still called. */
void client_cancel(struct client *client, struct request *request);
/* True while the program runs. */
bool client_alive(const struct client *client);
/* Closes its input, which tells it to end. To be stopped all the same; several end side by side. */
void client_hang_up(struct client *client);
/* Ends it at once, and its requests with ERROR_CANCELLED. To be stopped all the same. */
void client_kill(struct client *client);
/* Closes its input, waits at most `milliseconds` for its end, then kills its process group. */
void client_stop(struct client *client, int64_t milliseconds);

#endif
