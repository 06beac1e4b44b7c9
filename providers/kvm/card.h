/* The moment in which a guest has set up its network card. */
#ifndef KVM_CARD_H
#define KVM_CARD_H

#include "machine.h"

/* Waits for it, on an event of QEMU's; *up tells whether it came within the time. Guests whose
 * driver sets no filter never tell. ERROR_UNAVAILABLE when QEMU has ended. */
bool card_await(
	const struct machine *machine, int64_t milliseconds, bool *up, struct error **err) MUST_USE;

/* Whether a reply to query-rx-filter is of a card that a driver has set up. */
bool card_is_up(const struct value *filters);

#endif
