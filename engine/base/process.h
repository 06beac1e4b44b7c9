/* Child processes: argv arrays, no shell, every descriptor closed but those that are given. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct process_options {
	int stdin_fd, stdout_fd, stderr_fd; /* -1: /dev/null */
	const int *keep;		    /* kept open as 3, 4, …; ends with -1; may be NULL */
	const char *const *environment; /* additions "NAME=value"; ends with NULL; may be NULL */
	const char *folder;		/* working folder, or NULL */
	bool session;			/* own session, else own process group */
	bool dies_with_us;		/* SIGKILL when the calling process ends */
};

struct process {
	pid_t pid;
	int pidfd; /* becomes readable when the process has ended */
};

/* argv[0] is searched in PATH. A program that cannot be executed is an error here (ERROR_MISSING
 * when there is none). Signals are at their defaults in the child. */
bool process_spawn(const char *const *argv, const struct process_options *options,
	struct process *process, struct error **err) MUST_USE;
/* Waits at most `milliseconds` (-1: no limit); *status as of waitpid. False with ERROR_TIMEOUT. */
bool process_wait(
	struct process *process, int64_t milliseconds, int *status, struct error **err) MUST_USE;
/* Signals the process group, which is the child's own. */
void process_signal(const struct process *process, int signal);
/* Reaps after SIGKILL if it still runs; closes the pidfd. */
void process_close(struct process *process);

/* "exit code 3", "killed by signal 9 (Killed)". Caller frees. */
char *process_status_text(int status);

/* Called for each whole line (without its end) of standard output and error, may be NULL. */
typedef void process_line(void *data, const char *line, size_t length);

/* Runs to its end; anything but exit code 0 is ERROR_FAILED with the last lines of its output as
 * hint. Output up to 1 MiB is kept in *output when it is not NULL (caller frees). At the limit
 * the whole group is killed. Only stdin_fd of the descriptors is used. */
bool process_run(const char *const *argv, const struct process_options *options,
	int64_t milliseconds, process_line *line, void *data, char **output,
	struct error **err) MUST_USE;

#endif
