/* Turns a process into QEMU: a session of its own, few privileges, and no descriptor but those that
 * it is meant to have. */
#ifndef KVM_LAUNCH_H
#define KVM_LAUNCH_H

#include <stdint.h>

#include "base/process.h"

struct launch {
	const char *const *argv; /* argv[0] is a path; ends with NULL */
	const int *keep; /* descriptors that it inherits under their numbers; ends with -1 */
	int log_fd;	 /* its standard output and error */
	int folder_fd;	 /* where it writes `run` (running.h) */
	const char *boot, *accelerator;
	int64_t uid;	/* 0: stays ours */
	int64_t group;	/* a further group that it needs for /dev/kvm; 0: none */
	bool low_ports; /* it may listen below 1024, whoever it becomes */
};

/* Returns when the process has become QEMU. */
bool launch(const struct launch *launch, struct process *process, struct error **err) MUST_USE;

#endif
