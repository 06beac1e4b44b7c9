/* QEMU's monitor: one JSON object per line over a unix socket, one client at a time. */
#ifndef KVM_QMP_H
#define KVM_QMP_H

#include "base/error.h"
#include "document/value.h"

struct qmp;

/* Takes the connected socket, waits for the greeting and leaves negotiation mode. NULL with
 * ERROR_UNAVAILABLE when the other side hangs up, ERROR_TIMEOUT when nothing comes in time: the
 * monitor serves one client, so a busy one looks like silence. */
struct qmp *qmp_attach(int fd, int64_t milliseconds, struct error **err);
/* Connects to the socket `name` in `folder`, whose path may be longer than a socket's may be.
 * Tries again for as long as another client is served. */
struct qmp *qmp_open(
	const char *folder, const char *name, int64_t milliseconds, struct error **err);
void qmp_close(struct qmp *qmp);

/* Returns what `command` returned, in the arena. arguments may be NULL. An error of QEMU is
 * ERROR_FAILED with QEMU's text; events in between are dropped. */
struct value *qmp_call(struct qmp *qmp, struct arena *arena, const char *command,
	const struct value *arguments, int64_t milliseconds, struct error **err);
/* As qmp_call for a command that returns nothing of use. */
bool qmp_do(struct qmp *qmp, const char *command, const struct value *arguments,
	int64_t milliseconds, struct error **err) MUST_USE;
/* Waits for an event of that name; others are dropped. ERROR_UNAVAILABLE: QEMU hung up. */
bool qmp_await(
	struct qmp *qmp, const char *event, int64_t milliseconds, struct error **err) MUST_USE;

static inline void auto_qmp(struct qmp **qmp)
{
	if (*qmp)
		qmp_close(*qmp);
}

#endif
