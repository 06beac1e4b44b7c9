/* Relative paths made absolute. */
#include "document/schema_path.h"

#include <string.h>

#include "document/source.h"

/* Without symbolic links, so that ".." may be taken off. Caller frees with free(). */
static char *folder_of(const struct source *source)
{
	AUTO(gfree) char *folder = g_path_get_dirname(source->name);
	AUTO(gfree) char *absolute = NULL;
	char *real = realpath(folder, NULL);

	if (real)
		return real;
	absolute = g_canonicalize_filename(folder, NULL);
	return strdup(absolute);
}

/* Steps over "./" and "../" at the start of the path; what follows a name is left to the system,
 * which knows the links. */
static const char *step(char *folder, const char *path)
{
	for (;;) {
		while (*path == '/')
			path++;
		if (path[0] == '.' && (path[1] == '/' || !path[1])) {
			path += 1;
		} else if (path[0] == '.' && path[1] == '.' && (path[2] == '/' || !path[2])) {
			char *last = strrchr(folder, '/');

			if (last)
				*last = '\0';
			path += 2;
		} else {
			return path;
		}
	}
}

struct value *path_absolute(struct arena *arena, const struct value *path)
{
	const char *text = path->text.bytes, *rest;
	AUTO(free) char *folder = NULL;
	struct value *result;

	if (*text == '/' || !*text || !path->span.source)
		return (struct value *)path;
	folder = folder_of(path->span.source);
	if (!strcmp(folder, "/"))
		*folder = '\0';
	rest = step(folder, text);
	if (*rest)
		result = value_format(arena, "%s/%s", folder, rest);
	else
		result = value_string(arena, *folder ? folder : "/");
	result->span = path->span;
	return result;
}
