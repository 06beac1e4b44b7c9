/* Names of files in a fleet file. */
#ifndef DOCUMENT_SCHEMA_PATH_H
#define DOCUMENT_SCHEMA_PATH_H

#include "document/value.h"

/* The path as seen from the folder of the file that it stands in; an absolute one as it is. The
 * same wherever the program was started, so that a plan does not depend on that. */
struct value *path_absolute(struct arena *arena, const struct value *path);

#endif
