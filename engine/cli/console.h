/* A serial console on this terminal. */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include <stddef.h>

#include "base/error.h"

/* Connects to a unix socket whose path may be longer than an address of a socket. -1 on failure. */
int console_connect(const char *path, struct error **err);
/* Copies both ways until Ctrl-], the other end, or a signal; the terminal is raw meanwhile. When
 * standard input is no terminal it ends soon after the input has. Returns the exit code. */
int console_copy(int fd);
/* Output of a console as text: escape sequences and control characters taken out, lines kept.
 * Caller frees. */
char *console_text(const char *bytes, size_t length);

#endif
