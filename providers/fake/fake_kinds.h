/* The kinds of the fake provider: those of STATE_DIR/fake/kinds.json, then the built-in ones that
 * it does not name. */
#ifndef FAKE_KINDS_H
#define FAKE_KINDS_H

#include "provider/provider.h"

extern const struct field fake_machine_fields[];
extern const struct field fake_any_fields[];

/* Ends with name NULL. `built_in` ends so too, and its functions serve all kinds. The file holds
 * {"kinds": [{…}]}, each as in docs/protocol.md. */
const struct provider_kind *fake_kinds_load(struct arena *arena, const char *state_dir,
	const struct provider_kind *built_in, struct error **err);
/* The kind of that name, else "*". */
const struct provider_kind *fake_kinds_find(const struct provider_kind *kinds, const char *name);

#endif
