/* Changes of a machine in place. */
#ifndef KVM_UPDATE_H
#define KVM_UPDATE_H

#include "machine.h"

bool update(struct call *call, const struct object *object, struct machine *machine,
	struct error **err) MUST_USE;

#endif
