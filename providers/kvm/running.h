/* The QEMU process of a machine. It holds FOLDER/alive.lock for as long as it lives; FOLDER/run,
 * which it wrote itself before it became QEMU, says who it is. One that a guest has taken over can
 * let go of the lock, but not change who it is, so it is looked for by both. */
#ifndef KVM_RUNNING_H
#define KVM_RUNNING_H

#include <stdint.h>

#include "base/error.h"
#include "document/value.h"

struct running {
	int pid;
	int pidfd;	  /* readable when it has ended; -1: not open */
	const char *boot; /* random id of this start */
	const char *accelerator;
};

enum running_found {
	RUNNING_NOT,
	RUNNING_YES,
	RUNNING_UNCLEAR, /* alive, but it cannot be told which process it is */
};

/* Looks without acting, at most a second in the moments around a start. */
enum running_found running_find(struct arena *arena, const char *folder, struct running *running);
void running_close(struct running *running);

/* Written by the new process itself, into the folder; async-signal-safety is not needed, as the
 * parent has one thread. False with errno. */
bool running_write(int folder, const char *boot, const char *accelerator) MUST_USE;

/* True when it ended within the time. */
bool running_ended(const struct running *running, int64_t milliseconds);
/* SIGKILL, and waits until it is gone. */
bool running_kill(const struct running *running, struct error **err) MUST_USE;

static inline void auto_running(struct running *running)
{
	running_close(running);
}

#endif
