/* image.json says what an image is; only we write it, so what makes no sense there is damage. */
#include "common/store.h"

#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "document/json.h"

#define PREFIX "sha256-"

enum { DIGITS = 64, DESCRIPTION_MOST = 1 << 20 };

bool store_key_valid(const char *key)
{
	size_t prefix = strlen(PREFIX);

	return !strncmp(key, PREFIX, prefix) &&
	       strspn(key + prefix, "0123456789abcdef") == DIGITS && !key[prefix + DIGITS];
}

const char *store_hash(struct arena *arena, const struct value *value)
{
	AUTO(gfree) char *text = json_canonical(value);
	AUTO(gfree) char *digest = id_digest(text, strlen(text));

	return arena_printf(arena, PREFIX "%s", digest);
}

const char *store_folder(struct arena *arena, const char *state_dir)
{
	return arena_printf(arena, "%s/images", state_dir);
}

const char *store_path(
	struct arena *arena, const char *state_dir, const char *key, const char *name)
{
	return arena_printf(arena, "%s/images/%s/%s", state_dir, key, name);
}

static struct value *text_or_null(struct arena *arena, const char *text)
{
	return text ? value_string(arena, text) : value_null(arena);
}

struct value *store_format(struct arena *arena, const struct store_image *image)
{
	struct value *map = value_map(arena);

	value_set(arena, map, "format", value_integer(arena, STORE_FORMAT));
	value_set(arena, map, "key", value_string(arena, image->key));
	value_set(arena, map, "digest", value_string(arena, image->digest));
	value_set(arena, map, "incarnation", value_string(arena, image->incarnation));
	value_set(arena, map, "disk_format", text_or_null(arena, image->disk_format));
	value_set(arena, map, "disk_size", value_integer(arena, image->disk_size));
	value_set(arena, map, "kernel", value_boolean(arena, image->kernel));
	value_set(arena, map, "initrd", value_boolean(arena, image->initrd));
	value_set(arena, map, "cmdline", text_or_null(arena, image->cmdline));
	value_set(arena, map, "login", value_boolean(arena, image->login));
	value_set(arena, map, "definition", value_copy(arena, image->definition));
	return map;
}

static bool sensible(const struct store_image *image, const char *key)
{
	bool disk = image->disk_format != NULL;

	if (disk && strcmp(image->disk_format, "raw") && strcmp(image->disk_format, "qcow2"))
		return false;
	return image->key && !strcmp(image->key, key) && image->digest &&
	       store_key_valid(image->digest) && image->incarnation && image->definition &&
	       disk == (image->disk_size > 0) && (disk || image->kernel) &&
	       (image->kernel || !image->initrd);
}

static bool parse(
	const struct value *map, const char *key, struct store_image *image, struct error **err)
{
	if (value_get_integer(map, "format", 0) > STORE_FORMAT) {
		error_set(err, ERROR_CONFLICT, "a newer version of provision made it");
		error_hint(err, "use that version");
		return false;
	}
	*image = (struct store_image){
		.key = value_get_string(map, "key"),
		.digest = value_get_string(map, "digest"),
		.incarnation = value_get_string(map, "incarnation"),
		.disk_format = value_get_string(map, "disk_format"),
		.disk_size = value_get_integer(map, "disk_size", 0),
		.kernel = value_get_boolean(map, "kernel", false),
		.initrd = value_get_boolean(map, "initrd", false),
		.cmdline = value_get_string(map, "cmdline"),
		.login = value_get_boolean(map, "login", false),
		.definition = value_get_map(map, "definition"),
	};
	if (sensible(image, key))
		return true;
	error_set(err, ERROR_FAILED, "its image.json does not describe it");
	return false;
}

/* Whoever removed a file of it took the image away: better said now than by QEMU. */
static bool has_files(struct arena *arena, const char *state_dir, const struct store_image *image,
	struct error **err)
{
	const struct {
		const char *name;
		bool wanted;
	} files[] = {
		{"disk", image->disk_format != NULL},
		{"kernel", image->kernel},
		{"initrd", image->initrd},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		const char *path = store_path(arena, state_dir, image->key, files[i].name);

		if (!files[i].wanted || file_exists(path))
			continue;
		error_set(err, ERROR_FAILED, "its file '%s' is gone", files[i].name);
		return false;
	}
	return true;
}

/* A folder without one is no image, and in the way of one. As all of it comes at once, the second
 * look is a sure one. */
static bool read_description(struct arena *arena, const char *state_dir, const char *key,
	char **text, size_t *length, struct error **err)
{
	const char *path = store_path(arena, state_dir, key, "image.json");

	if (file_read(path, DESCRIPTION_MOST, text, length, err))
		return true;
	if ((*err)->class != ERROR_MISSING || !file_exists(store_path(arena, state_dir, key, "")))
		return false;
	error_clear(err);
	if (file_read(path, DESCRIPTION_MOST, text, length, err))
		return true;
	if ((*err)->class == ERROR_MISSING)
		(*err)->class = ERROR_FAILED;
	return false;
}

bool store_load(struct arena *arena, const char *state_dir, const char *key,
	struct store_image *image, struct error **err)
{
	AUTO(gfree) char *text = NULL;
	const struct value *map = NULL;
	size_t length;

	if (!store_key_valid(key)) {
		error_set(err, ERROR_CONFIG, "'%s' is no key of an image", key);
		return false;
	}
	if (read_description(arena, state_dir, key, &text, &length, err))
		map = json_parse(arena, text, length, err);
	if (map && parse(map, key, image, err) && has_files(arena, state_dir, image, err))
		return true;
	if ((*err)->class == ERROR_FAILED)
		error_hint(err, "remove '%s/images/%s', then it is made anew", state_dir, key);
	return error_prefix(err, "image '%s'", key);
}
