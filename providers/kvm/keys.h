/* The keys of the way in: the fleet's for its logins, and each machine's own host key. */
#ifndef KVM_KEYS_H
#define KVM_KEYS_H

#include "machine.h"

/* Below the state directory. */
const char *keys_login_relative(struct arena *arena, const char *fleet);
/* Text of the fleet's private key, made by whoever needs it first. NULL on failure. */
const char *keys_login(
	struct arena *arena, const char *state_dir, const char *fleet, struct error **err);
/* Makes the machine's host key and the known_hosts file with it. */
bool keys_host_make(const struct machine *machine, struct error **err) MUST_USE;
/* The private text and the public line. */
bool keys_host_load(struct arena *arena, const struct machine *machine, const char **private_key,
	const char **public_key, struct error **err) MUST_USE;
/* The public line of a private key's text, in the arena. */
const char *keys_public(struct arena *arena, const char *private_key, struct error **err);

#endif
