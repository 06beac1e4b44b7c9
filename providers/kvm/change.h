/* Creates, updates, replaces and deletes machines: checks what is expected and acts, in one turn.
 */
#ifndef KVM_CHANGE_H
#define KVM_CHANGE_H

#include "provider/provider.h"

bool change_machines(struct call *call, struct error **err);

#endif
