/* The header of a qcow2 image, read by us before anything else opens it: what names another file or
 * asks for what we do not know is refused. */
#ifndef IMAGE_QCOW2_H
#define IMAGE_QCOW2_H

#include <stdint.h>

#include "base/error.h"

bool qcow2_is(int fd);
/* *size: of the disk that a guest sees, in bytes. A refusal is ERROR_CONFIG. */
bool qcow2_check(int fd, int64_t *size, struct error **err) MUST_USE;

#endif
