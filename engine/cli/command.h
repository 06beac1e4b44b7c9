/* The commands of the program. One table feeds the parser, the help, and all that is made from it.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,      /* and nothing was changed */
	EXIT_CHANGES = 2,     /* of plan --exit-code */
	EXIT_PARTLY = 3,      /* some steps done, some failed or skipped */
	EXIT_UNREACHABLE = 4, /* a host or provider */
	EXIT_LOCKED = 5,      /* somebody else acts on the fleet */
	EXIT_WRONG_USAGE = 64,
	EXIT_WRONG_FILE = 65,
	EXIT_LACKING = 69,    /* this host lacks something */
	EXIT_SIGNALLED = 128, /* plus the signal */
};

/* An option; its value goes into struct invocation. */
struct option {
	const char *name;	    /* without its dashes; NULL ends a table */
	char letter;		    /* of the short form, or 0 */
	const char *argument;	    /* "DIR", or NULL: a flag */
	const char *const *choices; /* of the argument; ends with NULL; may be NULL */
	size_t offset;		    /* of a bool for a flag, else of a const char * */
	const char *doc;	    /* a phrase */
};

/* A command line, understood. Texts are those of argv. */
struct invocation {
	const struct command *command;
	const char *state_dir, *color, *fleet, *file, *parallel;
	bool verbose, help, version, yes, exit_code, json, tty;
	const char *operand;	  /* what `operands` of the command names, or NULL */
	const char *const *words; /* a command for inside a machine; ends with NULL; NULL: none */
};

struct command {
	const char *name, *other; /* other: a second name, or NULL */
	const char *operand;	  /* "[FILE]", "MACHINE", or NULL: takes none */
	bool needs_operand;
	bool takes_words;	      /* what follows the operand is for inside the machine */
	const struct option *options; /* beside the global ones; may be NULL */
	const char *doc;	      /* a phrase, for the overview */
	const char *text;	      /* what it does; lines of at most 76 columns */
	const char *examples;	      /* one command line each */
	int (*run)(const struct invocation *invocation); /* returns the exit code */
};

extern const struct command commands[]; /* name NULL ends */
extern const struct option global_options[];

/* NULL if there is no such command. */
const struct command *command_find(const char *name);
/* Names and other names; ends with NULL. Caller frees the array alone. */
const char **command_names(void);

int command_validate(const struct invocation *invocation);
int command_plan(const struct invocation *invocation);
int command_apply(const struct invocation *invocation);
int command_destroy(const struct invocation *invocation);
int command_status(const struct invocation *invocation);
int command_ssh(const struct invocation *invocation);
int command_console(const struct invocation *invocation);
int command_version(const struct invocation *invocation);
int command_help(const struct invocation *invocation);

#endif
