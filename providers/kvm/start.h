/* Starting the QEMU of a machine whose folder is whole. */
#ifndef KVM_START_H
#define KVM_START_H

#include "machine.h"

/* Returns when QEMU says that the machine runs; it then belongs to nobody. Should a stranger have
 * taken the port of its SSH server meanwhile, it gets another one, saved before. When QEMU does not
 * start, its last words are the hint and nothing of it is left. */
bool start(struct call *call, const struct object *object, struct machine *machine,
	struct error **err) MUST_USE;
#endif
