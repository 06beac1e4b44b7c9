/* Colours, where they are wanted. */
#ifndef CLI_STYLE_H
#define CLI_STYLE_H

#include "cli/command.h"

enum shade {
	SHADE_BOLD,
	SHADE_DIM,
	SHADE_GREEN,
	SHADE_YELLOW,
	SHADE_RED,
	SHADE_MAGENTA,
	SHADE_CYAN,
	SHADE_COUNT,
};

struct style {
	bool colour;
};

/* For what is written to `fd`: as --color says; with auto on a terminal that is not dumb, unless
 * NO_COLOR is set. */
struct style style_for(const struct invocation *invocation, int fd);
/* Sequences that switch a shade on, and all off; empty without colour. */
const char *style_on(const struct style *style, enum shade shade);
const char *style_off(const struct style *style);

#endif
