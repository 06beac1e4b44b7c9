/* Files of the fake world. */
#include "fake_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "document/json.h"

enum { NAME_MOST = 200, NAME_KEPT = 150, DIGEST_KEPT = 16, FILE_MOST = 4 << 20 };

static const char ending[] = ".json";

const char *fake_store_folder(struct arena *arena, const char *state_dir)
{
	return arena_printf(arena, "%s/fake", state_dir);
}

/* A folder that was removed while we waited at its door is made again. */
bool fake_store_lock(const char *state_dir, int *out, struct error **err)
{
	AUTO(gfree) char *folder = g_build_filename(state_dir, "fake", NULL);

	for (;;) {
		AUTO(fd) int fd = -1;
		struct stat st;

		if (!dir_make(folder, err))
			return false;
		fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0) {
			error_set_errno(err, "cannot lock '%s'", folder);
			return false;
		}
		if (st.st_nlink > 0) {
			*out = fd_steal(&fd);
			return true;
		}
	}
}

static char *escape(const char *text, size_t length)
{
	GString *name = g_string_new(NULL);
	AUTO(gfree) char *digest = NULL;

	for (size_t i = 0; i < length; i++)
		if (g_ascii_isalnum(text[i]) || strchr("_:@-", text[i]) || (text[i] == '.' && i))
			g_string_append_c(name, text[i]);
		else
			g_string_append_printf(name, "%%%02X", (unsigned char)text[i]);
	if (name->len > NAME_MOST) {
		digest = id_digest(text, length);
		g_string_truncate(name, NAME_KEPT);
		g_string_append_c(name, '~');
		g_string_append_len(name, digest, DIGEST_KEPT);
	}
	return g_string_free(name, FALSE);
}

static const char *fleet_folder(const struct call *call)
{
	AUTO(gfree) char *fleet = escape(call->fleet, strlen(call->fleet));

	return arena_printf(call->arena, "%s/fake/%s", call->state_dir, fleet);
}

/* The folder of what lies inside a thing. */
static const char *inner_folder(const struct call *call, const char *address, size_t length)
{
	AUTO(gfree) char *name = escape(address, length);

	return arena_printf(call->arena, "%s/%s", fleet_folder(call), name);
}

static const char *path_of(const struct call *call, const char *address, const char **folder)
{
	const char *slash = strchr(address, '/'), *rest = slash ? slash + 1 : address;
	AUTO(gfree) char *name = escape(rest, strlen(rest));

	*folder = slash ? inner_folder(call, address, slash - address) : fleet_folder(call);
	return arena_printf(call->arena, "%s/%s%s", *folder, name, ending);
}

/* *thing is NULL when there is no such file. */
static bool load(
	struct arena *arena, const char *path, struct fake_thing **thing, struct error **err)
{
	AUTO(gfree) char *text = NULL;
	const struct value *map;
	size_t length;

	*thing = NULL;
	if (!file_read(path, FILE_MOST, &text, &length, err)) {
		if ((*err)->class != ERROR_MISSING)
			return false;
		error_clear(err);
		return true;
	}
	map = json_parse(arena, text, length, err);
	*thing = map ? fake_thing_parse(arena, map, err) : NULL;
	return *thing || error_prefix(err, "'%s'", path);
}

bool fake_store_load(
	const struct call *call, const char *address, struct fake_thing **thing, struct error **err)
{
	const char *folder;

	return load(call->arena, path_of(call, address, &folder), thing, err);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in a folder in order, without what is hidden. NULL if there is no such folder. */
static GPtrArray *names_in(const char *folder)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	GPtrArray *names;
	const char *name;

	if (!dir)
		return NULL;
	names = g_ptr_array_new_with_free_func(g_free);
	while ((name = g_dir_read_name(dir)) != NULL)
		if (*name != '.')
			g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, by_text);
	return names;
}

static bool visit_file(const char *path, fake_store_visit *visit, void *data, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct fake_thing *thing;

	if (!load(arena, path, &thing, err))
		return false;
	if (thing)
		visit(data, arena, thing);
	return true;
}

static bool visit_folder(
	const char *folder, bool deeper, fake_store_visit *visit, void *data, struct error **err)
{
	g_autoptr(GPtrArray) names = names_in(folder);

	for (unsigned i = 0; names && i < names->len; i++) {
		AUTO(gfree) char *path = g_build_filename(folder, names->pdata[i], NULL);
		bool ok = true;

		if (g_str_has_suffix(names->pdata[i], ending))
			ok = visit_file(path, visit, data, err);
		else if (deeper)
			ok = visit_folder(path, false, visit, data, err);
		if (!ok)
			return false;
	}
	return true;
}

bool fake_store_each(
	const struct call *call, fake_store_visit *visit, void *data, struct error **err)
{
	return visit_folder(fleet_folder(call), true, visit, data, err);
}

bool fake_store_write(
	const char *folder, const char *path, const struct value *value, struct error **err)
{
	AUTO(gfree) char *fresh = g_build_filename(folder, ".new", NULL);
	AUTO(gfree) char *json = json_format(value);
	AUTO(gfree) char *text = g_strconcat(json, "\n", NULL);
	AUTO(fd) int fd = -1;

	if (!dir_make(folder, err))
		return false;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && fd_write_all(fd, text, strlen(text)) && rename(fresh, path) == 0)
		return true;
	error_set_errno(err, "cannot write '%s'", path);
	return false;
}

bool fake_store_save(const struct call *call, const struct fake_thing *thing, struct error **err)
{
	const char *folder, *path = path_of(call, thing->address, &folder);

	return fake_store_write(folder, path, fake_thing_format(call->arena, thing), err);
}

/* What is left of a write that was killed does not keep a folder. */
static bool remove_if_empty(const char *folder)
{
	AUTO(gfree) char *fresh = g_build_filename(folder, ".new", NULL);

	if (rmdir(folder) == 0)
		return true;
	if (errno != ENOTEMPTY)
		return false;
	unlink(fresh);
	return rmdir(folder) == 0;
}

bool fake_store_remove(const struct call *call, const char *address, struct error **err)
{
	const char *folder, *path = path_of(call, address, &folder);

	if (!strchr(address, '/') &&
		!tree_remove(inner_folder(call, address, strlen(address)), err))
		return false;
	if (unlink(path) < 0 && errno != ENOENT) {
		error_set_errno(err, "cannot remove '%s'", path);
		return false;
	}
	if (strchr(address, '/') && !remove_if_empty(folder))
		return true;
	if (remove_if_empty(fleet_folder(call)))
		remove_if_empty(fake_store_folder(call->arena, call->state_dir));
	return true;
}
