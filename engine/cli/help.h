/* The help, made from the table of commands. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/command.h"

/* All commands, or what one does. Caller frees. */
char *help_overview(void);
char *help_command(const struct command *command);

#endif
