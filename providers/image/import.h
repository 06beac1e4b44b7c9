/* Takes files of the user's into the store. */
#ifndef IMAGE_IMPORT_H
#define IMAGE_IMPORT_H

#include "definition.h"
#include "provider/provider.h"
#include "stage.h"

/* Fills the stage with copies, and the image with all but its key. Files that are no longer what
 * is known of them are ERROR_CONFLICT. */
bool import_files(struct call *call, const struct object *object,
	const struct definition *definition, const struct definition_known *known,
	struct stage *stage, struct store_image *image, struct error **err) MUST_USE;

#endif
