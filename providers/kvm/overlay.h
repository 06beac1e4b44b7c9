/* The machine's own disk: a qcow2 file over the image, whose header we write and read ourselves, so
 * that nothing in it is ever taken on trust. */
#ifndef KVM_OVERLAY_H
#define KVM_OVERLAY_H

#include <stdint.h>

#include "base/error.h"

/* The largest disk that the tables which overlay_create() writes can describe: 4 TiB. */
#define OVERLAY_MOST ((int64_t)4 << 40)

/* Writes an empty overlay of `size` bytes whose backing file is named `base` with `format` (both
 * NULL: none, an empty disk). The file must not exist; synced when it returns. */
bool overlay_create(const char *path, const char *base, const char *format, int64_t size,
	struct error **err) MUST_USE;
/* The size of the disk that a guest sees; -1 on failure. */
int64_t overlay_size(const char *path, struct error **err);
/* Grows a disk that nobody has open. Synced when it returns. */
bool overlay_grow(const char *path, int64_t size, struct error **err) MUST_USE;

#endif
