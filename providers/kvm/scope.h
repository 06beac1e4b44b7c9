/* A control group of its own for a process that outlives us, where systemd runs. */
#ifndef KVM_SCOPE_H
#define KVM_SCOPE_H

#include "machine.h"

/* Asks systemd to take the process over into a transient scope, so that neither the end of our
 * session nor that of a service we run in takes it along. Where there is no systemd, or where it
 * refuses, the process stays where it is. */
void scope_enter(const struct machine *machine, const char *boot, int64_t pid);

#endif
