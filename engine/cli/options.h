/* From argv to an invocation. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/command.h"

/* Understands a command line. False with ERROR_USAGE; invocation->command and ->help are then set
 * as far as they were seen. Without any command it succeeds and leaves ->command NULL. */
bool options_parse(
	int argc, char **argv, struct invocation *invocation, struct error **err) MUST_USE;

#endif
