/* An archive as the kernel unpacks it at its start: cpio in the "newc" format. All belongs to root,
 * with no times, so that equal content gives equal bytes. */
#ifndef IMAGE_CPIO_H
#define IMAGE_CPIO_H

#include <stddef.h>
#include <sys/types.h>

#include "base/auto.h"

/* Appends an entry; `mode` has its type. Folders come before what is in them. */
void cpio_add(GString *archive, const char *path, mode_t mode, const void *data, size_t length);
void cpio_add_device(
	GString *archive, const char *path, mode_t mode, unsigned major, unsigned minor);
void cpio_end(GString *archive);

#endif
