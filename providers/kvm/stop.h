/* The ways in which a machine stops. */
#ifndef KVM_STOP_H
#define KVM_STOP_H

#include "machine.h"

/* Ends QEMU at once, as when the power fails. True when it does not run. */
bool stop_now(const struct machine *machine, struct error **err) MUST_USE;
/* In rungs, each with a limit that is told: power-off asked for inside, then by the power button,
 * then as stop_now(). True when it does not run. */
bool stop_gently(struct call *call, const struct object *object, const struct machine *machine,
	struct error **err) MUST_USE;

#endif
