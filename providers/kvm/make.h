/* Making a machine's folder, and taking it away. */
#ifndef KVM_MAKE_H
#define KVM_MAKE_H

#include "machine.h"

/* Decides all of a new machine from the object of a change and checks what can be checked before
 * anything is done. What it replaces (or NULL) hands on its identity and its ports. */
struct machine *make_prepare(struct call *call, const struct object *object,
	const struct machine *old, struct error **err);
/* Makes the folder: the mark first, the word that it is whole last. The name must be free. */
bool make(struct machine *machine, const struct machine *old, struct error **err) MUST_USE;

/* Gives the forwarded ports that were asked for without one a port of this host each; the same
 * entry of `old` (or NULL) hands on its own. */
bool make_ports(struct machine *machine, const struct machine *old, struct error **err) MUST_USE;
/* Lets go of the ports that were claimed under its name: of all, or of those that it has not. */
void make_release_ports(const struct machine *machine, bool all);
/* Ports that were asked for by number and that `old` (or NULL) does not have must be free. */
bool make_ports_check(
	const struct machine *machine, const struct machine *old, struct error **err) MUST_USE;

/* Renames the folder so that the name is free; the machine's paths change with it. */
bool make_set_aside(struct arena *arena, struct machine *machine, struct error **err) MUST_USE;
/* And back. */
bool make_bring_back(struct arena *arena, struct machine *machine, struct error **err) MUST_USE;
/* Removes the folder, the mark last. What still runs there is ended first. */
bool make_remove(const struct machine *machine, struct error **err) MUST_USE;
/* Removes what other operations on that name were killed over: folders that were set aside, except
 * that of `keep` (or NULL), and one that has no mark yet. */
bool make_sweep(const struct call *call, const char *name, const struct machine *keep,
	struct error **err) MUST_USE;

#endif
