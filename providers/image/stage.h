/* An image in the making: a folder of the store that bears no key yet and is locked by whoever
 * makes it, so that what a kill leaves is known by its free lock. */
#ifndef IMAGE_STAGE_H
#define IMAGE_STAGE_H

#include "common/store.h"

struct stage {
	char *folder, *path; /* of the store, and of the image in it */
	int fd;		     /* of the image's folder; it is locked while this is open */
};

/* Makes the store and an empty folder in it; removes what killed ones have left. */
bool stage_open(const char *state_dir, struct stage *stage, struct error **err) MUST_USE;
/* A path in the folder. Caller frees. */
char *stage_path(const struct stage *stage, const char *name);
/* Creates a file in the folder for reading and writing, 0600. -1 on failure. */
int stage_create(const struct stage *stage, const char *name, struct error **err);
/* Writes image.json, syncs all files, and gives the folder its key. */
bool stage_commit(
	struct stage *stage, const struct store_image *image, struct error **err) MUST_USE;
/* Removes the folder unless it was committed. */
void stage_close(struct stage *stage);

static inline void auto_stage(struct stage *stage)
{
	stage_close(stage);
}

#endif
