/* Builds an image from the distribution's packages. */
#ifndef IMAGE_BOOTSTRAP_H
#define IMAGE_BOOTSTRAP_H

#include "definition.h"
#include "provider/provider.h"
#include "stage.h"

/* Fills the stage with disk, kernel and initrd, and the image with all but its key. What is done
 * now is told as progress of the object. */
bool bootstrap_build(struct call *call, const struct object *object,
	const struct definition_bootstrap *build, struct stage *stage, struct store_image *image,
	struct error **err) MUST_USE;

#endif
