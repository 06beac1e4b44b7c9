/* Edits in a root tree that others have filled: links in it are followed inside it alone. Paths are
 * relative to the tree. */
#ifndef IMAGE_TREE_H
#define IMAGE_TREE_H

#include <sys/types.h>

#include "base/error.h"

/* Opens the tree. -1 on failure. */
int tree_open(const char *path, struct error **err);
/* Puts a file in the place of whatever has the name; missing folders are made, 0755. */
bool tree_write(
	int tree, const char *path, const char *text, mode_t mode, struct error **err) MUST_USE;
bool tree_link(int tree, const char *path, const char *target, struct error **err) MUST_USE;
/* Removes all files in a folder whose names match the pattern of the last part ("etc/ssh/key_*"),
 * or the one of that name. None is no error; folders are left. */
bool tree_drop(int tree, const char *pattern, struct error **err) MUST_USE;
/* Opens a file of the tree for reading. -1 on failure. */
int tree_read(int tree, const char *path, struct error **err);
/* Opens a folder of the tree. NULL on failure. */
DIR *tree_folder(int tree, const char *path, struct error **err);

#endif
