/* How a command finds its fleet, and a machine in it. */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include "cli/command.h"
#include "run/session.h"

/* The file that was given, else fleet.yaml of this folder. */
const char *find_path(const struct invocation *invocation);
/* Reads that file. ERROR_USAGE when there is none. */
bool find_file(
	struct session *session, const struct invocation *invocation, struct error **err) MUST_USE;
/* The fleet's name alone, from --fleet or from the file. */
bool find_name(
	struct session *session, const struct invocation *invocation, struct error **err) MUST_USE;
/* session_open() below the state directory that was asked for. */
bool find_state(struct session *session, const struct invocation *invocation, const char *lock,
	struct error **err) MUST_USE;
/* The machine that the operand names, as it is now. NULL with an error that suggests another when
 * there is none, or when it cannot be used. */
const struct actual *find_machine(
	struct session *session, const struct invocation *invocation, struct error **err);
/* Shows an error, or all that is wrong with the file; returns the exit code. */
int find_failed(
	struct session *session, const struct invocation *invocation, const struct error *err);

#endif
