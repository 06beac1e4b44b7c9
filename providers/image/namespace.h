/* Programs that mount and act for several users run in namespaces of their own: what they mount
 * nobody else sees, and all of them end, and all mounts go, when the first of them ends or we do.
 */
#ifndef IMAGE_NAMESPACE_H
#define IMAGE_NAMESPACE_H

#include "base/process.h"

/* True if this host can do that for us; else ERROR_MISSING or ERROR_DENIED with what to do. */
bool namespace_check(struct error **err) MUST_USE;
/* Where programs see a folder that is given to them: a place that every user may get to. */
const char *namespace_folder(const char *folder);

/* process_run() of a program with all rights over files that it makes itself. It sees `folder`, if
 * that is not NULL, at its namespace_folder() as well. The options' dies_with_us is always set. */
bool namespace_run(const char *const *argv, const char *folder,
	const struct process_options *options, int64_t milliseconds, process_line *line, void *data,
	struct error **err) MUST_USE;
/* Removes a tree that such programs have made. */
bool namespace_remove(const char *path, struct error **err) MUST_USE;

#endif
