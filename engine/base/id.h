/* Random identities and digests. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stddef.h>

/* 32 hexadecimal digits of getrandom(2). Caller frees. */
char *id_random(void);
/* SHA-256 as 64 hexadecimal digits. Caller frees. */
char *id_digest(const void *data, size_t length);
/* The kernel's id of this boot (/proc/sys/kernel/random/boot_id), or "unknown". Caller frees. */
char *id_boot(void);

#endif
