/* A lock that the kernel holds for as long as any process keeps its descriptor open. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* Takes the lock of the file at `path` (made 0600) without waiting. `holder` is written into it
 * for others to read. *fd is close-on-exec; a child that keeps acting gets a duplicate. Held by
 * somebody else: ERROR_CONFLICT with the holder's text in the message. */
bool lock_take(const char *path, const char *holder, int *fd, struct error **err) MUST_USE;
/* True if somebody holds it, or if that cannot be found out. A file that does not exist is not
 * held. */
bool lock_held(const char *path);

#endif
