/* The initial file system of a bootstrap image: init of initrd/init.c and the drivers that it needs
 * to reach its disk. */
#ifndef IMAGE_INITRD_H
#define IMAGE_INITRD_H

#include <stddef.h>

#include "base/error.h"

struct initrd_program {
	const void *bytes;
	size_t length;
};

/* The init program that is built into this one. */
struct initrd_program initrd_program(void);
/* Writes an initrd of the program to `fd`, for the kernel of that version in the opened tree. */
bool initrd_write(int tree, const char *version, struct initrd_program init, int fd,
	struct error **err) MUST_USE;
/* The newest kernel with drivers in the tree: VERSION of boot/vmlinuz-VERSION. Caller frees. NULL
 * on failure. */
char *initrd_kernel(int tree, struct error **err);

#endif
