/* What makes a tree of packages into a machine's disk: one that comes up fast, takes its network
 * from DHCP and its keys from credentials, and bears no identity of its own. */
#ifndef IMAGE_RECIPE_H
#define IMAGE_RECIPE_H

#include "base/error.h"

/* Told with every image that is built; a change of what follows raises it. */
enum { RECIPE_VERSION = 1 };

/* Packages that every image has, besides the kernel; ends with NULL. */
extern const char *const recipe_packages[];

/* Works on the opened tree. */
bool recipe_apply(int tree, struct error **err) MUST_USE;

#endif
