/* ROOT/fleets/NAME: fleet.json, providers.json, lock. */
#include "run/state.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/id.h"
#include "base/lock.h"
#include "base/text.h"
#include "document/json.h"

static const char put_back[] = "put back a copy: without it what the fleet has is not found again";

enum { FORMAT = 1, FILE_MOST = 1 << 20 };

/* An empty $HOME would be this folder. */
static const char *home(void)
{
	const char *path = g_get_home_dir();
	const struct passwd *user = path && *path == '/' ? NULL : getpwuid(geteuid());

	return user && user->pw_dir && *user->pw_dir == '/' ? user->pw_dir : path;
}

char *state_root(const char *given)
{
	const char *path = given ? given : g_getenv("PROVISION_STATE_DIR");

	if (path && *path)
		return g_canonicalize_filename(path, NULL);
	if (geteuid() == 0)
		return g_strdup("/var/lib/provision");
	path = g_getenv("XDG_STATE_HOME");
	if (path && *path == '/')
		return g_build_filename(path, "provision", NULL);
	return g_build_filename(home(), ".local", "state", "provision", NULL);
}

static bool hint_place(struct error **err)
{
	error_hint(err, "'--state-dir DIR' or PROVISION_STATE_DIR choose another place");
	return false;
}

/* A JSON file of ours; *value is NULL when there is none. */
static bool load(struct arena *arena, const char *path, struct value **value, struct error **err)
{
	AUTO(gfree) char *text = NULL;
	size_t length;

	*value = NULL;
	/* What may not be looked at is not absent. */
	if (!file_read(path, FILE_MOST, &text, &length, err)) {
		if ((*err)->class != ERROR_MISSING)
			return hint_place(err);
		error_clear(err);
		return true;
	}
	*value = json_parse(arena, text, length, err);
	if (*value && (*value)->type != VALUE_MAP)
		error_set(err, ERROR_FAILED, "it is not what provision writes");
	if (*err) {
		error_hint(err, "%s", put_back);
		return error_prefix(err, "'%s' is damaged", path);
	}
	if (value_get_integer(*value, "format", 0) > FORMAT) {
		error_set(err, ERROR_CONFLICT, "'%s' was written by a newer version of provision",
			path);
		error_hint(err, "use that version");
		return false;
	}
	return true;
}

static bool fail_damaged(const char *path, const char *member, struct error **err)
{
	error_set(err, ERROR_FAILED, "'%s' is damaged: it has no '%s'", path, member);
	error_hint(err, "%s", put_back);
	return false;
}

static bool load_fleet(struct state *state, struct arena *arena, struct error **err)
{
	AUTO(gfree) char *path = g_build_filename(state->folder, "fleet.json", NULL);
	struct value *value;
	const char *id;

	if (!load(arena, path, &value, err))
		return false;
	id = value_get_string(value, "id");
	if (value && !id)
		return fail_damaged(path, "id", err);
	state->exists = id != NULL;
	state->id = id ? g_strdup(id) : id_random();
	return true;
}

static bool load_providers(struct state *state, struct arena *arena, struct error **err)
{
	AUTO(gfree) char *path = g_build_filename(state->folder, "providers.json", NULL);
	struct value *value;
	const struct value *list;

	if (!load(arena, path, &value, err))
		return false;
	list = value_get_list(value, "providers");
	if (value && !list)
		return fail_damaged(path, "providers", err);
	for (size_t i = 0; list && i < list->list.count; i++) {
		const char *name = value_get_string(list->list.items[i], "provider");

		if (!name)
			return fail_damaged(path, "provider", err);
		g_ptr_array_add(state->providers, g_strdup(name));
	}
	return true;
}

struct state *state_load(const char *root, const char *name, struct error **err)
{
	struct state *state = g_new0(struct state, 1);
	AUTO(arena) struct arena *arena = arena_new();

	state->root = g_strdup(root);
	state->folder = g_build_filename(root, "fleets", name, NULL);
	state->name = g_strdup(name);
	state->providers = g_ptr_array_new_with_free_func(g_free);
	state->lock = -1;
	if (load_fleet(state, arena, err) && load_providers(state, arena, err))
		return state;
	state_free(state);
	return NULL;
}

void state_free(struct state *state)
{
	if (state->lock >= 0)
		close(state->lock);
	g_ptr_array_free(state->providers, TRUE);
	g_free(state->root);
	g_free(state->folder);
	g_free(state->name);
	g_free(state->id);
	g_free(state);
}

bool state_lock(struct state *state, const char *what, struct error **err)
{
	AUTO(gfree) char *path = g_build_filename(state->folder, "lock", NULL);
	AUTO(gfree) char *since = clock_text();
	AUTO(gfree)
	char *holder =
		g_strdup_printf("'provision %s', process %d, since %s", what, (int)getpid(), since);

	if (!dir_make(state->folder, err)) {
		error_prefix(err, "fleet '%s'", state->name);
		return hint_place(err);
	}
	if (!lock_take(path, holder, &state->lock, err))
		return error_prefix(err, "fleet '%s'", state->name);
	return true;
}

static bool save(
	const char *folder, const char *name, const struct value *value, struct error **err)
{
	AUTO(gfree) char *path = g_build_filename(folder, name, NULL);
	AUTO(gfree) char *text = json_format(value);
	AUTO(gfree) char *line = g_strconcat(text, "\n", NULL);

	return file_write(path, line, strlen(line), 0600, err);
}

bool state_create(struct state *state, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *value = value_map(arena);

	if (state->exists)
		return true;
	value_set(arena, value, "format", value_integer(arena, FORMAT));
	value_set(arena, value, "name", value_string(arena, state->name));
	value_set(arena, value, "id", value_string(arena, state->id));
	state->exists = save(state->folder, "fleet.json", value, err);
	return state->exists;
}

static bool save_providers(struct state *state, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *value = value_map(arena), *list = value_list(arena);

	for (unsigned i = 0; i < state->providers->len; i++) {
		struct value *entry = value_map(arena);

		value_set(
			arena, entry, "provider", value_string(arena, state->providers->pdata[i]));
		value_set(arena, entry, "host", value_string(arena, "local"));
		value_append(arena, list, entry);
	}
	value_set(arena, value, "format", value_integer(arena, FORMAT));
	value_set(arena, value, "providers", list);
	return save(state->folder, "providers.json", value, err);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(GPtrArray *names)
{
	g_ptr_array_sort(names, by_text);
}

bool state_add_provider(struct state *state, const char *provider, struct error **err)
{
	for (unsigned i = 0; i < state->providers->len; i++)
		if (!strcmp(state->providers->pdata[i], provider))
			return true;
	g_ptr_array_add(state->providers, g_strdup(provider));
	sort(state->providers);
	return save_providers(state, err);
}

bool state_drop_provider(struct state *state, const char *provider, struct error **err)
{
	for (unsigned i = 0; i < state->providers->len; i++)
		if (!strcmp(state->providers->pdata[i], provider)) {
			g_ptr_array_remove_index(state->providers, i);
			return save_providers(state, err);
		}
	return true;
}

void state_unmake(struct state *state)
{
	AUTO(gfree) char *path = g_build_filename(state->folder, "lock", NULL);

	unlink(path);
	rmdir(state->folder);
}

bool state_remove(struct state *state, struct error **err)
{
	g_autoptr(GDir) dir = g_dir_open(state->folder, 0, NULL);
	const char *name;

	/* The id goes when all that bears it has gone, the lock's name with the folder. */
	while (dir && (name = g_dir_read_name(dir)) != NULL) {
		AUTO(gfree) char *path = g_build_filename(state->folder, name, NULL);

		if (strcmp(name, "lock") && strcmp(name, "fleet.json") && !tree_remove(path, err))
			return false;
	}
	g_free(state->id);
	state->id = id_random();
	state->exists = false;
	return tree_remove(state->folder, err);
}

GPtrArray *state_fleets(const char *root)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	AUTO(gfree) char *folder = g_build_filename(root, "fleets", NULL);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)) != NULL) {
		AUTO(gfree) char *path = g_build_filename(folder, name, "fleet.json", NULL);

		if (file_exists(path))
			g_ptr_array_add(names, g_strdup(name));
	}
	sort(names);
	return names;
}
