/* Ports of the host that lead into the machine: "8080:80/tcp", "53:53/udp", "80" (any host port).
 */
#ifndef KVM_FORWARD_H
#define KVM_FORWARD_H

#include <stdbool.h>

#include "base/error.h"

struct forward {
	int host; /* 0 as asked for: to be picked once */
	int guest;
	bool udp;
};

bool forward_parse(const char *text, struct forward *forward, struct error **err) MUST_USE;
/* "8080:80/tcp". Caller frees. */
char *forward_format(const struct forward *forward);
/* As QEMU's hostfwd wants it, on the loopback address. Caller frees. */
char *forward_rule(const struct forward *forward);

/* True if this process could listen there; else errno says why not. */
bool forward_free(int port, bool udp) MUST_USE;
/* Claims a free port of the loopback address for `owner` (a path below state_dir) by a link in
 * STATE_DIR/ports, so that machines which do not run now keep theirs. Which one is tried first
 * follows from `seed`. */
bool forward_claim(const char *state_dir, const char *owner, const char *seed, bool udp, int *port,
	struct error **err) MUST_USE;
/* Lets go of all claims of the owner but those of the ports in `keep`. */
void forward_release(const char *state_dir, const char *owner, const int *keep, size_t count);

#endif
