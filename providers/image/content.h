/* Files by what is in them: digests that do not read holes, and copies that keep them. */
#ifndef IMAGE_CONTENT_H
#define IMAGE_CONTENT_H

#include <stdint.h>

#include "base/error.h"
#include "document/value.h"

/* SHA-256 over the size and every block of 4 KiB that is not all zero, with its place: the same
 * for a sparse file and a full one. "sha256-…", in the arena. NULL on failure. */
const char *content_digest(struct arena *arena, int fd, const char *path, struct error **err);
/* Copies to an empty file by reflink or by its blocks, and gives the digest of what is there then.
 * Neither is synced. NULL on failure. */
const char *content_copy(
	struct arena *arena, int from, const char *path, int to, struct error **err);
/* Opens a regular file of the user's for reading; a missing one is ERROR_CONFIG. -1 on failure. */
int content_open(const char *path, struct error **err);
/* The digest of a file of the user's. It is read once: what was found lies in `folder`, and counts
 * as long as inode, size and times of the file are the same. NULL on failure. */
const char *content_known(
	struct arena *arena, const char *folder, const char *path, struct error **err);

#endif
