/* Dependencies as an order. */
#ifndef FLEET_ORDER_H
#define FLEET_ORDER_H

#include "fleet/fleet.h"

/* Sets fleet->order. A circle is a diagnostic. */
void order_check(struct fleet *fleet, struct diagnostics *diagnostics);

#endif
