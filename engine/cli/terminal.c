/* Widths by Unicode's tables, sizes by the kernel. */
#include "cli/terminal.h"

#include <glib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_able(int fd)
{
	const char *type = g_getenv("TERM");

	return isatty(fd) && type && *type && strcmp(type, "dumb");
}

void terminal_size(int fd, int *columns, int *rows)
{
	struct winsize size;

	*columns = 80;
	*rows = 24;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_col)
		*columns = size.ws_col;
	if (size.ws_row)
		*rows = size.ws_row;
}

static int width_of(gunichar c)
{
	if (g_unichar_iszerowidth(c))
		return 0;
	return g_unichar_iswide(c) ? 2 : 1;
}

int terminal_width(const char *text)
{
	int width = 0;

	for (; *text; text = g_utf8_next_char(text))
		width += width_of(g_utf8_get_char(text));
	return width;
}

char *terminal_cut(const char *text, int columns)
{
	const char *p = text;
	int width = 0;

	if (terminal_width(text) <= columns)
		return g_strdup(text);
	while (*p && width + width_of(g_utf8_get_char(p)) <= columns - 1) {
		width += width_of(g_utf8_get_char(p));
		p = g_utf8_next_char(p);
	}
	return columns > 0 ? g_strdup_printf("%.*s…", (int)(p - text), text) : g_strdup("");
}
