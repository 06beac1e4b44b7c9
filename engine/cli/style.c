/* The sixteen colours that every terminal has. */
#include "cli/style.h"

#include <string.h>

#include "cli/terminal.h"

struct style style_for(const struct invocation *invocation, int fd)
{
	const char *when = invocation->color ? invocation->color : "auto";
	const char *refused = g_getenv("NO_COLOR");

	if (!strcmp(when, "always"))
		return (struct style){true};
	if (!strcmp(when, "never") || (refused && *refused))
		return (struct style){false};
	return (struct style){terminal_able(fd)};
}

const char *style_on(const struct style *style, enum shade shade)
{
	static const char *const codes[SHADE_COUNT] = {
		"\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[31m", "\033[35m", "\033[36m"};

	return style->colour ? codes[shade] : "";
}

const char *style_off(const struct style *style)
{
	return style->colour ? "\033[0m" : "";
}
