/* Kind image: a cache of what machines start from, keyed by what it is made of. An image is never
 * changed, and it belongs to no fleet, so none is listed and no plan deletes one. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/lock.h"
#include "bootstrap.h"
#include "import.h"

enum {
	CHANGE_LIMIT = 20 * 60 * 1000,
	LOCK_TRY_MICROSECONDS = 200000,
	LOCK_PROGRESS = 25, /* tries */
};

/* One image under its name in the store. */
struct wanted {
	struct definition definition;
	struct definition_known known;
};

static bool wanted_load(
	struct call *call, const struct value *map, struct wanted *wanted, struct error **err)
{
	return definition_parse(call->arena, map, &wanted->definition, err) &&
	       definition_learn(
		       call->arena, call->state_dir, &wanted->definition, &wanted->known, err);
}

/* *found is false when the store has none. */
static bool look_up(struct call *call, const char *key, struct store_image *image, bool *found,
	struct error **err)
{
	*found = store_load(call->arena, call->state_dir, key, image, err);
	if (*found || (*err)->class != ERROR_MISSING)
		return *found;
	error_clear(err);
	return true;
}

static struct value *outputs(
	struct arena *arena, const struct wanted *wanted, const struct store_image *image)
{
	int64_t size = image ? image->disk_size : wanted->known.disk_size;
	struct value *map = value_map(arena);

	value_set(arena, map, "key", value_string(arena, wanted->known.key));
	if (image)
		value_set(arena, map, "digest", value_string(arena, image->digest));
	if (size)
		value_set(arena, map, "size", value_integer(arena, size));
	return map;
}

/* An image under the key is one of these fields: the key is made of them. */
static void answer(struct call *call, const struct object *object, const struct value *fields,
	enum status status, const struct wanted *wanted, const struct store_image *image)
{
	struct answer a = {
		.status = status,
		.incarnation = image ? image->incarnation : NULL,
		.actual = image ? fields : NULL,
		.outputs = outputs(call->arena, wanted, image),
	};

	emit_answer(call, object, &a);
}

static const char *lock_path(struct call *call, const char *key)
{
	return arena_printf(
		call->arena, "%s/.lock-%s", store_folder(call->arena, call->state_dir), key);
}

/* One that a kill has left between the last two steps of making an image that is now there. */
static void drop_lock(struct call *call, const char *key)
{
	AUTO(error) struct error *err = NULL;
	const char *path = lock_path(call, key);
	AUTO(fd) int fd = -1;

	if (file_exists(path) && lock_take(path, "", &fd, &err))
		unlink(path);
}

static bool read_one(struct call *call, const struct object *object, struct error **err)
{
	struct store_image image;
	struct wanted wanted;
	bool found;

	if (!wanted_load(call, object->desired, &wanted, err) ||
		!look_up(call, wanted.known.key, &image, &found, err))
		return false;
	if (found)
		drop_lock(call, wanted.known.key);
	answer(call, object, object->desired, found ? STATUS_PRESENT : STATUS_ABSENT, &wanted,
		found ? &image : NULL);
	return true;
}

static bool image_read(struct call *call, struct error **err)
{
	(void)err;
	for (size_t i = 0; i < call->count; i++) {
		struct error *failure = NULL;

		if (!read_one(call, &call->objects[i], &failure))
			emit_failure(call, &call->objects[i], &failure);
	}
	return true;
}

/* Whoever makes the same image now is waited for: then it is there. */
static bool lock_key(struct call *call, const struct object *object, const char *path, int *fd,
	struct error **err)
{
	AUTO(gfree) char *holder = g_strdup_printf("fleet '%s'", call->fleet);

	for (unsigned tries = 0;; tries++) {
		if (lock_take(path, holder, fd, err))
			return true;
		if ((*err)->class != ERROR_CONFLICT)
			return false;
		if (tries % LOCK_PROGRESS == 0)
			emit_progress(call, object, "waiting: %s", (*err)->message);
		error_clear(err);
		usleep(LOCK_TRY_MICROSECONDS);
	}
}

static bool make(struct call *call, const struct object *object, const struct wanted *wanted,
	struct store_image *image, struct error **err)
{
	AUTO(stage) struct stage stage = {.fd = -1};
	AUTO(gfree) char *incarnation = id_random();
	const struct definition *d = &wanted->definition;

	image->incarnation = arena_strdup(call->arena, incarnation);
	if (!stage_open(call->state_dir, &stage, err))
		return false;
	if (d->bootstrap ? !bootstrap_build(call, object, &d->build, &stage, image, err)
			 : !import_files(call, object, d, &wanted->known, &stage, image, err))
		return false;
	image->key = wanted->known.key;
	emit_progress(call, object, "writing it to disk");
	return stage_commit(&stage, image, err);
}

/* The lock's file goes with its holder. */
static bool make_locked(struct call *call, const struct object *object, const struct wanted *wanted,
	struct store_image *image, struct error **err)
{
	const char *path = lock_path(call, wanted->known.key);
	AUTO(fd) int fd = -1;
	bool found, ok;

	if (!dir_make(store_folder(call->arena, call->state_dir), err) ||
		!lock_key(call, object, path, &fd, err))
		return false;
	ok = look_up(call, wanted->known.key, image, &found, err) &&
	     (found || make(call, object, wanted, image, err));
	unlink(path);
	return ok;
}

static bool change_one(struct call *call, const struct object *object, struct error **err)
{
	struct store_image image = {0};
	struct wanted wanted;

	if (object->action != ACTION_CREATE) {
		error_set(err, ERROR_INTERNAL, "an image is made, never changed or deleted");
		return false;
	}
	if (!wanted_load(call, object->after, &wanted, err) ||
		!make_locked(call, object, &wanted, &image, err))
		return false;
	answer(call, object, object->after, STATUS_CHANGED, &wanted, &image);
	return true;
}

static bool image_change(struct call *call, struct error **err)
{
	(void)err;
	for (size_t i = 0; i < call->count; i++) {
		struct error *failure = NULL;

		if (!change_one(call, &call->objects[i], &failure))
			emit_failure(call, &call->objects[i], &failure);
	}
	return true;
}

static const struct provider_kind kinds[] = {
	{.name = "image",
		.fields = definition_fields,
		.parallel = 2,
		.change_limit = CHANGE_LIMIT,
		.read = image_read,
		.change = image_change},
	{.name = NULL},
};

static const struct provider image_provider = {
	.name = "image", .version = PROVISION_VERSION, .kinds = kinds};

int main(int argc, char **argv)
{
	return provider_serve(&image_provider, argc, argv);
}
