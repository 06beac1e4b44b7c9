/* The arguments of QEMU. No secret and no path of a disk is in them: both go by descriptor. */
#ifndef KVM_ARGV_H
#define KVM_ARGV_H

#include <stddef.h>
#include <stdint.h>

#include "forward.h"

struct argv {
	const char *binary;
	const char *label; /* "shop/web-1", for those who look at the process list */
	const char *uuid, *mac;
	int64_t cpus, memory;
	bool kvm;
	const char *base_format;  /* "raw", "qcow2"; NULL: the disk has no base */
	int base_fd, overlay_fd;  /* overlay -1: no disk */
	int kernel_fd, initrd_fd; /* -1: none */
	const char *cmdline;
	const int *credential_fds;
	size_t credential_count;
	int qmp_fd, console_fd, console_log_fd;
	int ssh_port;			/* 0: none */
	const struct forward *forwards; /* host ports picked */
	size_t forward_count;
};

/* Caller frees with g_ptr_array_free(…, TRUE); ends with NULL. */
GPtrArray *argv_format(const struct argv *argv);

#endif
