/* The moment in which an SSH server begins to answer behind a forwarded port. */
#ifndef KVM_BANNER_H
#define KVM_BANNER_H

#include <stdint.h>

#include "base/error.h"

struct banner {
	int port;
	bool certain;		  /* that the guest has a network card by now */
	int ended_fd;		  /* readable when there is nothing to wait for any more */
	int64_t end;		  /* as of clock_now() */
	bool (*tick)(void *data); /* soon, then every second; false: give up; may be NULL */
	void *data;
	/* told back */
	unsigned tries;
	const char *last; /* what became of the last try; NULL: nothing yet */
};

/* A connected socket on which the banner has come but is not read yet; -1 with ERROR_TIMEOUT, with
 * ERROR_UNAVAILABLE when ended_fd became readable, with ERROR_CANCELLED when tick() gave up. */
int banner_wait(struct banner *banner, struct error **err);

#endif
