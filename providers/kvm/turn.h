/* One operation on a machine at a time, whoever asks for it. */
#ifndef KVM_TURN_H
#define KVM_TURN_H

#include "provider/provider.h"

/* Waits for its turn with the machine of that object, a minute at most. The descriptor holds it.
 * The folder of the fleet's machines is made. */
bool turn_take(
	struct call *call, const struct object *object, int *fd, struct error **err) MUST_USE;

#endif
