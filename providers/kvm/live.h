/* Changes that a running machine takes. */
#ifndef KVM_LIVE_H
#define KVM_LIVE_H

#include "machine.h"

/* Makes the forwarded ports of the running QEMU those of the machine. Done again it changes
 * nothing. */
bool live_ports(const struct machine *machine, struct error **err) MUST_USE;
bool live_disk(const struct machine *machine, int64_t size, struct error **err) MUST_USE;

/* The forwarded ports in the text of "info usernet", in its order; their number. */
size_t live_parse(const char *text, struct forward *forwards, size_t most);

#endif
