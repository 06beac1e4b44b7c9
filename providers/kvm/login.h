/* Getting into a machine with the fleet's key. */
#ifndef KVM_LOGIN_H
#define KVM_LOGIN_H

#include "common/ssh.h"
#include "machine.h"

/* What a login needs, read from the files of the machine and its fleet. */
bool login_access(struct arena *arena, const struct machine *machine, struct ssh_access *access,
	struct error **err) MUST_USE;
/* A socket on its way to a port of the loopback address, non-blocking; -1 on failure. */
int login_connect(int port, struct error **err);
/* One try. NULL on failure. */
struct ssh_link *login_open(struct arena *arena, const struct machine *machine,
	int64_t milliseconds, struct error **err);

#endif
