/* What the user says a machine must do before it is ready. */
#ifndef KVM_PROBE_H
#define KVM_PROBE_H

#include "login.h"

enum probe_kind { PROBE_TCP, PROBE_HTTP, PROBE_RUN, PROBE_CONSOLE };

/* Ports and hosts are as seen from inside the machine. */
struct probe {
	enum probe_kind kind;
	const char *text; /* the command, or what the console says */
	const char *host, *path;
	int port;
	int64_t from;	   /* of the console: where to go on looking */
	const char *shown; /* for people: "http://127.0.0.1:8080/" */
};

/* Reads {tcp|http|run|console}, of which it must have exactly one. */
bool probe_parse(struct arena *arena, const struct value *ready, struct probe *probe,
	struct error **err) MUST_USE;
/* True if it needs a login; without one, ports are tried through the host's forwarded ones. */
bool probe_needs_login(const struct probe *probe, const struct machine *machine);
/* One try. `link` may be NULL for one that needs no login. ERROR_UNAVAILABLE: not yet. */
bool probe_try(struct probe *probe, const struct machine *machine, struct ssh_link *link,
	int64_t milliseconds, struct error **err) MUST_USE;

/* The status code in the first line of an HTTP response; 0 if there is none. */
int probe_http_status(const char *reply);

#endif
