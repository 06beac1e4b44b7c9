/* The copy is digested as it is made: what lies in the store is what its key says. */
#include "import.h"

#include <string.h>
#include <sys/stat.h>

#include "content.h"
#include "qcow2.h"

struct import {
	struct call *call;
	const struct object *object;
	struct stage *stage;
};

static bool take(const struct import *i, const char *name, const char *path, const char *digest,
	struct error **err)
{
	AUTO(gfree) char *base = path ? g_path_get_basename(path) : NULL;
	AUTO(fd) int from = path ? content_open(path, err) : -1;
	AUTO(fd) int to = from < 0 ? -1 : stage_create(i->stage, name, err);
	const char *found;

	if (!path)
		return true;
	if (to < 0)
		return false;
	emit_progress(i->call, i->object, "copying %s", base);
	found = content_copy(i->call->arena, from, path, to, err);
	if (!found)
		return false;
	if (!strcmp(found, digest))
		return true;
	error_set(err, ERROR_CONFLICT, "'%s' changed while it was copied", path);
	error_hint(err, "try again when nobody writes to it any more");
	return false;
}

/* A raw disk ends with a whole sector; what is looked at is the copy, that nobody changes. */
static bool check_disk(
	const struct import *i, const struct definition_files *f, int64_t size, struct error **err)
{
	AUTO(gfree) char *path = stage_path(i->stage, "disk");
	int64_t found = size;

	if (!strcmp(f->format, "qcow2")) {
		AUTO(fd) int fd = content_open(path, err);

		if (fd < 0 || !qcow2_check(fd, &found, err))
			return false;
	} else if (truncate(path, size) < 0) {
		error_set_errno(err, "cannot size '%s'", path);
		return false;
	}
	if (found == size)
		return true;
	error_set(err, ERROR_CONFLICT, "'%s' changed while it was copied", f->disk);
	return false;
}

static const char *digest_of(struct arena *arena, const struct definition_known *known)
{
	struct value *all = value_map(arena);

	if (known->disk)
		value_set(arena, all, "disk", value_string(arena, known->disk));
	if (known->kernel)
		value_set(arena, all, "kernel", value_string(arena, known->kernel));
	if (known->initrd)
		value_set(arena, all, "initrd", value_string(arena, known->initrd));
	return store_hash(arena, all);
}

/* For people: the paths are where the files lay then. */
static struct value *describe(struct arena *arena, const struct definition *definition)
{
	const struct definition_files *f = &definition->files;
	struct value *map = value_copy(arena, definition->said);

	if (f->disk)
		value_set(arena, map, "file", value_string(arena, f->disk));
	if (f->kernel)
		value_set(arena, map, "kernel", value_string(arena, f->kernel));
	if (f->initrd)
		value_set(arena, map, "initrd", value_string(arena, f->initrd));
	return map;
}

bool import_files(struct call *call, const struct object *object,
	const struct definition *definition, const struct definition_known *known,
	struct stage *stage, struct store_image *image, struct error **err)
{
	const struct definition_files *f = &definition->files;
	struct import i = {call, object, stage};

	if (!take(&i, "disk", f->disk, known->disk, err) ||
		!take(&i, "kernel", f->kernel, known->kernel, err) ||
		!take(&i, "initrd", f->initrd, known->initrd, err))
		return false;
	if (f->disk && !check_disk(&i, f, known->disk_size, err))
		return false;
	*image = (struct store_image){
		.digest = digest_of(call->arena, known),
		.incarnation = image->incarnation,
		.disk_format = f->format,
		.disk_size = known->disk_size,
		.kernel = f->kernel != NULL,
		.initrd = f->initrd != NULL,
		.cmdline = f->cmdline,
		.login = f->login,
		.definition = describe(call->arena, definition),
	};
	return true;
}
