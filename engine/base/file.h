/* Files: whole or not at all, and nothing followed that we did not make. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* Reads a whole regular file of at most `most` bytes; *text ends with a NUL that is not counted.
 * Caller frees. A missing file is ERROR_MISSING. */
bool file_read(
	const char *path, size_t most, char **text, size_t *length, struct error **err) MUST_USE;
/* Writes a temporary file in the same folder, syncs it, renames it, syncs the folder. */
bool file_write(const char *path, const void *data, size_t length, mode_t mode,
	struct error **err) MUST_USE;
/* mkdir -p; every folder made is 0700 whatever the umask. An existing one is left as it is. */
bool dir_make(const char *path, struct error **err) MUST_USE;
/* Removes a file or a tree without following links or entering what is mounted in it; a missing one
 * is done already. */
bool tree_remove(const char *path, struct error **err) MUST_USE;
bool file_exists(const char *path);
bool fd_cloexec(int fd, bool on);
/* Writes all, through short writes and EINTR. False with errno. */
bool fd_write_all(int fd, const void *data, size_t length) MUST_USE;
/* fsync of a folder, so that a rename in it is on disk. */
bool dir_sync(const char *path, struct error **err) MUST_USE;

#endif
