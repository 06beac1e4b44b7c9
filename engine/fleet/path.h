/* Where a path of an expression leads. */
#ifndef FLEET_PATH_H
#define FLEET_PATH_H

#include "fleet/expression.h"
#include "fleet/fleet.h"

/* Who says the path, and where. */
struct path_use {
	const struct fleet *fleet;
	const struct resource *resource;
	bool in_ready; /* in the machine's probe, which waits for it: its outputs may be named */
	struct diagnostics *diagnostics;
};

/* The resource that a path starts at; *at is the index of the field among the rest, *stage the node
 * of it that makes the value. NULL after a diagnostic, also when it leads nowhere. A kind that
 * could not be looked up gives NULL without one. */
struct resource *path_check(
	const struct path_use *use, const struct path *path, size_t *at, enum stage *stage);

#endif
