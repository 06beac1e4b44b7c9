/* Waiting until a machine is up or ready, in rungs, each with its own limit and its own error. */
#ifndef KVM_WAIT_H
#define KVM_WAIT_H

#include "provider/provider.h"

bool wait_machines(struct call *call, struct error **err);

#endif
