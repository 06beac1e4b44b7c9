/* Names that go into mmdebstrap's arguments are refused unless they are surely harmless. */
#include "definition.h"

#include <string.h>
#include <sys/stat.h>

#include "content.h"
#include "qcow2.h"

enum { CMDLINE_MOST = 2000, NAME_MOST = 128, PACKAGES_MOST = 1000, SECTOR = 512 };

#define SIZE_LEAST ((int64_t)1 << 30)
#define SIZE_MOST ((int64_t)1 << 40)
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static const char *const formats[] = {"raw", "qcow2", NULL};
static const struct field text_item = {.type = FIELD_STRING};

static const struct field bootstrap_fields[] = {
	{.name = "release",
		.type = FIELD_STRING,
		.doc = "release of the distribution by its code name; the host's own if not said"},
	{.name = "packages",
		.type = FIELD_LIST,
		.item = &text_item,
		.doc = "further packages, NAME or NAME=VERSION"},
	{.name = "size",
		.type = FIELD_SIZE,
		.least = SIZE_LEAST,
		.most = SIZE_MOST,
		.doc = "of the file system as it is made, 2GiB if not said; it grows with the disk "
		       "of a machine"},
	{.name = "kernel",
		.type = FIELD_STRING,
		.doc = "package of the kernel, linux-image-cloud-ARCHITECTURE if not said"},
	{.name = NULL},
};

/* No field has a default here: defaults would get into the key. */
const struct field definition_fields[] = {
	{.name = "file",
		.type = FIELD_STRING,
		.path = true,
		.change = CHANGE_REPLACE,
		.doc = "disk image to take in, raw or qcow2"},
	{.name = "format",
		.type = FIELD_STRING,
		.choices = formats,
		.change = CHANGE_REPLACE,
		.doc = "format of 'file'; may be left out when its name ends in .raw or .qcow2"},
	{.name = "kernel",
		.type = FIELD_STRING,
		.path = true,
		.change = CHANGE_REPLACE,
		.doc = "kernel that is booted directly, with or without a disk"},
	{.name = "initrd",
		.type = FIELD_STRING,
		.path = true,
		.change = CHANGE_REPLACE,
		.doc = "initial file system of the kernel"},
	{.name = "cmdline",
		.type = FIELD_STRING,
		.change = CHANGE_REPLACE,
		.doc = "arguments of the kernel"},
	{.name = "login",
		.type = FIELD_BOOLEAN,
		.change = CHANGE_REPLACE,
		.doc = "whether it takes keys and host key as systemd credentials; true if not "
		       "said"},
	{.name = "bootstrap",
		.type = FIELD_MAP,
		.fields = bootstrap_fields,
		.change = CHANGE_REPLACE,
		.doc = "an image that is built from the distribution's packages"},
	{.name = "key",
		.type = FIELD_STRING,
		.computed = true,
		.host_only = true,
		.doc = "name of the image in the store"},
	{.name = "digest",
		.type = FIELD_STRING,
		.computed = true,
		.host_only = true,
		.doc = "digest of its content"},
	{.name = "size",
		.type = FIELD_SIZE,
		.computed = true,
		.host_only = true,
		.doc = "of the disk that a guest sees"},
	{.name = NULL},
};

static bool refuse(struct error **err, const char *why, const char *hint)
{
	error_set(err, ERROR_CONFIG, "%s", why);
	if (hint)
		error_hint(err, "%s", hint);
	return false;
}

/* An image is shared by machines and made before all of them. */
static bool is_plain(const struct value *value)
{
	switch (value->type) {
	case VALUE_UNKNOWN:
		return false;
	case VALUE_STRING:
		return strlen(value->text.bytes) == value->text.length &&
		       !strstr(value->text.bytes, "${");
	case VALUE_LIST:
		for (size_t i = 0; i < value->list.count; i++)
			if (!is_plain(value->list.items[i]))
				return false;
		return true;
	case VALUE_MAP:
		for (size_t i = 0; i < value->map.count; i++)
			if (!is_plain(value->map.members[i].value))
				return false;
		return true;
	default:
		return true;
	}
}

static const char *format_of(const char *said, const char *file)
{
	if (said)
		return g_strv_contains(formats, said) ? said : NULL;
	if (g_str_has_suffix(file, ".qcow2"))
		return "qcow2";
	return g_str_has_suffix(file, ".raw") ? "raw" : NULL;
}

static bool cmdline_valid(const char *cmdline)
{
	for (const char *p = cmdline; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			return false;
	return strlen(cmdline) <= CMDLINE_MOST;
}

static bool files_check(const struct definition_files *f, const char *said, struct error **err)
{
	if (!f->disk && !f->kernel)
		return refuse(err, "nothing to make it of", "say 'file', 'kernel' or 'bootstrap'");
	if (f->disk && !f->format)
		return refuse(err, "format: cannot be told from the name of the file",
			"say 'format: raw' or 'format: qcow2'; it is never guessed from the "
			"content");
	if (!f->disk && said)
		return refuse(err, "format: there is no 'file' that it could be of", NULL);
	if (!f->kernel && (f->initrd || f->cmdline))
		return refuse(err, "initrd and cmdline are for a kernel that is booted directly",
			"say 'kernel'");
	if (f->cmdline && !cmdline_valid(f->cmdline))
		return refuse(err, "cmdline: not plain text of at most 2000 characters", NULL);
	return true;
}

static bool files_parse(const struct value *map, struct definition_files *f, struct error **err)
{
	const char *said = value_get_string(map, "format");

	*f = (struct definition_files){
		.disk = value_get_string(map, "file"),
		.kernel = value_get_string(map, "kernel"),
		.initrd = value_get_string(map, "initrd"),
		.cmdline = value_get_string(map, "cmdline"),
		.login = value_get_boolean(map, "login", true),
	};
	if (f->disk)
		f->format = format_of(said, f->disk);
	return files_check(f, said, err);
}

/* The part of `text` up to `end` begins with one of `first` and goes on with those of `rest`. */
static bool word_valid(const char *text, size_t length, const char *first, const char *rest)
{
	return length > 0 && length <= NAME_MOST && strchr(first, text[0]) &&
	       strspn(text, rest) >= length;
}

/* With a '-' behind its name, apt would remove it. */
static bool package_valid(const char *name)
{
	size_t length = strcspn(name, "=");
	const char *version = name + length;

	if (!word_valid(name, length, LOWER DIGITS, LOWER DIGITS "+-.") || name[length - 1] == '-')
		return false;
	return !*version || word_valid(version + 1, strlen(version + 1), DIGITS,
				    LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "+-.~:");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order and without doubles: neither makes another image. */
static struct value *packages_normal(
	struct arena *arena, const struct value *list, struct error **err)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	struct value *normal = value_list(arena);

	for (size_t i = 0; list && i < list->list.count; i++) {
		const struct value *item = list->list.items[i];

		if (item->type != VALUE_STRING || !package_valid(item->text.bytes) ||
			i == PACKAGES_MOST) {
			error_set(err, ERROR_CONFIG, "packages: entry %zu is no name of a package",
				i + 1);
			return NULL;
		}
		g_ptr_array_add(names, (void *)item->text.bytes);
	}
	if (names->len)
		g_ptr_array_sort(names, by_text);
	for (unsigned i = 0; i < names->len; i++)
		if (i == 0 || strcmp(names->pdata[i], names->pdata[i - 1]))
			value_append(arena, normal, value_string(arena, names->pdata[i]));
	return normal;
}

static bool build_check(const struct definition_bootstrap *b, struct error **err)
{
	if (b->release && !word_valid(b->release, strlen(b->release), LOWER, LOWER DIGITS "-"))
		return refuse(err, "release: no code name of a release", NULL);
	if (b->kernel && (strchr(b->kernel, '=') || !package_valid(b->kernel)))
		return refuse(err, "kernel: no name of a package", NULL);
	if (b->size && (b->size < SIZE_LEAST || b->size > SIZE_MOST || b->size % SECTOR))
		return refuse(err, "size: not from 1GiB to 1TiB in whole sectors", NULL);
	return true;
}

static bool build_parse(struct arena *arena, const struct value *map,
	struct definition_bootstrap *b, struct error **err)
{
	*b = (struct definition_bootstrap){
		.release = value_get_string(map, "release"),
		.kernel = value_get_string(map, "kernel"),
		.size = value_get_integer(map, "size", 0),
		.packages = packages_normal(arena, value_get_list(map, "packages"), err),
	};
	if (b->packages && build_check(b, err))
		return true;
	return error_prefix(err, "bootstrap");
}

/* The fields that are said, but for those in `skip`. */
static struct value *normal(struct arena *arena, const struct value *map, const char *const *skip)
{
	struct value *said = value_map(arena);

	for (size_t i = 0; i < map->map.count; i++) {
		const struct member *m = &map->map.members[i];

		if (m->value->type != VALUE_NULL && !g_strv_contains(skip, m->key))
			value_set(arena, said, m->key, value_copy(arena, m->value));
	}
	return said;
}

static bool check_apart(const struct value *map, struct error **err)
{
	for (size_t i = 0; i < map->map.count; i++) {
		const struct member *m = &map->map.members[i];

		if (strcmp(m->key, "bootstrap") && m->value->type != VALUE_NULL) {
			error_set(err, ERROR_CONFIG, "'%s' does not go with 'bootstrap'", m->key);
			return false;
		}
	}
	return true;
}

static bool parse_files(struct arena *arena, const struct value *map, struct definition *definition,
	struct error **err)
{
	/* Where a file lies makes no other image of it. */
	static const char *const paths[] = {"file", "kernel", "initrd", "format", NULL};
	struct value *said = normal(arena, map, paths);

	if (!files_parse(map, &definition->files, err))
		return false;
	if (definition->files.format)
		value_set(arena, said, "format", value_string(arena, definition->files.format));
	definition->said = said;
	return true;
}

static bool parse_bootstrap(struct arena *arena, const struct value *map,
	struct definition *definition, struct error **err)
{
	static const char *const packages[] = {"packages", NULL};
	struct value *said = value_map(arena), *inner;

	if (!check_apart(map, err) ||
		!build_parse(arena, value_get(map, "bootstrap"), &definition->build, err))
		return false;
	inner = normal(arena, value_get(map, "bootstrap"), packages);
	if (definition->build.packages->list.count)
		value_set(arena, inner, "packages", value_copy(arena, definition->build.packages));
	value_set(arena, said, "bootstrap", inner);
	definition->said = said;
	return true;
}

bool definition_parse(struct arena *arena, const struct value *map, struct definition *definition,
	struct error **err)
{
	*definition = (struct definition){.bootstrap = value_get_map(map, "bootstrap") != NULL};
	if (!map || map->type != VALUE_MAP)
		return refuse(err, "nothing to make it of", NULL);
	if (!is_plain(map))
		return refuse(err, "a value is not known before machines are made",
			"an image takes plain values only");
	return definition->bootstrap ? parse_bootstrap(arena, map, definition, err)
				     : parse_files(arena, map, definition, err);
}

static bool disk_size(const struct definition_files *f, int64_t *size, struct error **err)
{
	AUTO(fd) int fd = content_open(f->disk, err);
	struct stat st;

	if (fd < 0)
		return false;
	if (!strcmp(f->format, "qcow2"))
		return qcow2_check(fd, size, err) || error_prefix(err, "'%s'", f->disk);
	if (qcow2_is(fd)) {
		error_set(err, ERROR_CONFIG, "'%s' is a qcow2 image, not raw", f->disk);
		error_hint(err, "say 'format: qcow2'");
		return false;
	}
	if (fstat(fd, &st) < 0) {
		error_set_errno(err, "cannot open '%s'", f->disk);
		return false;
	}
	*size = (st.st_size + SECTOR - 1) / SECTOR * SECTOR;
	return true;
}

static bool learn_file(struct arena *arena, const char *folder, const char *what, const char *path,
	const char **digest, struct error **err)
{
	if (!path)
		return true;
	*digest = content_known(arena, folder, path, err);
	return *digest ? true : error_prefix(err, "%s", what);
}

static void set_digest(struct arena *arena, struct value *map, const char *name, const char *digest)
{
	if (digest)
		value_set(arena, map, name, value_string(arena, digest));
}

bool definition_learn(struct arena *arena, const char *state_dir,
	const struct definition *definition, struct definition_known *known, struct error **err)
{
	const struct definition_files *f = &definition->files;
	const char *folder = store_folder(arena, state_dir);
	struct value *all = value_map(arena);

	*known = (struct definition_known){0};
	if (f->disk && !disk_size(f, &known->disk_size, err))
		return error_prefix(err, "file");
	if (!learn_file(arena, folder, "file", f->disk, &known->disk, err) ||
		!learn_file(arena, folder, "kernel", f->kernel, &known->kernel, err) ||
		!learn_file(arena, folder, "initrd", f->initrd, &known->initrd, err))
		return false;
	value_set(arena, all, "said", (struct value *)definition->said);
	set_digest(arena, all, "disk", known->disk);
	set_digest(arena, all, "kernel", known->kernel);
	set_digest(arena, all, "initrd", known->initrd);
	known->key = store_hash(arena, all);
	return true;
}
