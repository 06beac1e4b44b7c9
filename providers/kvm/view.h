/* What the engine is told of a machine, read from its folder and its QEMU. */
#ifndef KVM_VIEW_H
#define KVM_VIEW_H

#include "machine.h"

/* Fills all of an answer for a machine that is ours; the status is present, or unknown when it
 * cannot be told whether it runs. */
void view_fill(struct arena *arena, const struct machine *machine, struct answer *answer);
/* The same for any name of a request. */
void view_object(struct call *call, const struct object *object, struct answer *answer);

/* The kind's functions. */
bool view_list(struct call *call, struct error **err);
bool view_read(struct call *call, struct error **err);

#endif
