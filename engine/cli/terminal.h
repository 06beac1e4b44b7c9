/* What a terminal is able to do, and how much room a text takes on it. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>

/* True for a terminal that understands escape sequences. */
bool terminal_able(int fd);
/* Its size now; 80 × 24 where it does not say. */
void terminal_size(int fd, int *columns, int *rows);
/* Columns that a text without escape sequences takes: wide characters two, combining ones none. */
int terminal_width(const char *text);
/* The text itself, or its start and "…", so that it takes `columns` at most. Caller frees. */
char *terminal_cut(const char *text, int columns);

#endif
