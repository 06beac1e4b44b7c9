/* The fake world on disk: a file for each thing, STATE_DIR/fake/FLEET/ADDRESS.json, and what lies
 * in a machine below FLEET/MACHINE/. In a file's name, all but letters, digits and ._:@- is written
 * as %XX. A change replaces one file by rename, so that a kill at any instant leaves a whole world
 * and a change costs the same in a large world as in a small one. */
#ifndef FAKE_STORE_H
#define FAKE_STORE_H

#include "fake_world.h"

/* The folder of all that is the fake provider's. */
const char *fake_store_folder(struct arena *arena, const char *state_dir);
/* Waits for the world's lock; who holds it only looks and writes. Close *fd to let go. */
bool fake_store_lock(const char *state_dir, int *fd, struct error **err) MUST_USE;
/* *thing is NULL when there is none. */
bool fake_store_load(const struct call *call, const char *address, struct fake_thing **thing,
	struct error **err) MUST_USE;
typedef void fake_store_visit(void *data, struct arena *arena, const struct fake_thing *thing);
/* All things of the fleet's name, whosever they are, in order of their files; each lives until the
 * visit returns. */
bool fake_store_each(
	const struct call *call, fake_store_visit *visit, void *data, struct error **err) MUST_USE;
/* Under the lock: */
bool fake_store_save(
	const struct call *call, const struct fake_thing *thing, struct error **err) MUST_USE;
/* With all that lies in it. The last one takes the folders with it. */
bool fake_store_remove(const struct call *call, const char *address, struct error **err) MUST_USE;
/* Writes any file of ours; not synced, since a world for tests need not outlive a power cut. */
bool fake_store_write(const char *folder, const char *path, const struct value *value,
	struct error **err) MUST_USE;

#endif
