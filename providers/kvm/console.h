/* What a machine's logs say: bytes of the guest, made harmless. */
#ifndef KVM_CONSOLE_H
#define KVM_CONSOLE_H

#include "machine.h"

/* The last lines of the log `name` in the machine's folder, escaped, without terminal codes and
 * empty lines, joined by newlines; "" when there are none. In the arena. */
const char *console_tail(
	struct arena *arena, const struct machine *machine, const char *name, unsigned lines);
/* True when the console ended with the panic of a kernel and has been silent since, as far as two
 * looks tell: *size is what the last look saw, 0 at first. */
bool console_panicked(const struct machine *machine, int64_t *size);
/* Looks for a text in what the console said since *from; *from moves on, by 64 MiB at most. False
 * with *err unset when it is not there yet. */
bool console_find(const struct machine *machine, const char *text, int64_t *from,
	struct error **err) MUST_USE;

#endif
