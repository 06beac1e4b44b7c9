/* machine.json: read with suspicion, written whole. One of a newer version is never touched. */
#include "machine.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "document/json.h"

enum { FORMAT = 1, FILE_MOST = 4 << 20, INCARNATION_LENGTH = 32 };

static const char aside_prefix[] = ".aside-";

const char *machine_parent(struct arena *arena, const char *state_dir, const char *fleet)
{
	return arena_printf(arena, "%s/fleets/%s/machines", state_dir, fleet);
}

static void set_folder(struct arena *arena, struct machine *m, const char *name)
{
	m->relative = arena_printf(arena, "fleets/%s/machines/%s", m->fleet, name);
	m->folder = arena_printf(arena, "%s/%s", m->state_dir, m->relative);
}

struct machine *machine_new(
	struct arena *arena, const char *state_dir, const char *fleet, const char *name)
{
	struct machine *m = arena_new_of(arena, struct machine);

	m->state_dir = arena_strdup(arena, state_dir);
	m->fleet = arena_strdup(arena, fleet);
	m->name = arena_strdup(arena, name);
	set_folder(arena, m, name);
	return m;
}

const char *machine_owner(struct arena *arena, const struct machine *m)
{
	return arena_printf(arena, "fleets/%s/machines/%s", m->fleet, m->name);
}

void machine_set_aside(struct arena *arena, struct machine *m, bool aside)
{
	set_folder(arena, m,
		aside ? arena_printf(arena, "%s%s-%s", aside_prefix, m->name, m->incarnation)
		      : m->name);
	m->aside = aside;
}

const char *machine_path(struct arena *arena, const struct machine *m, const char *name)
{
	return arena_printf(arena, "%s/%s", m->folder, name);
}

/* Members that hold nothing are left out. */
static void set_text(struct arena *arena, struct value *map, const char *key, const char *text)
{
	if (text)
		value_set(arena, map, key, value_string(arena, text));
}

static struct value *mark_format(struct arena *arena, const struct machine *m)
{
	struct value *mark = value_map(arena);

	set_text(arena, mark, "fleet_id", m->fleet_id);
	set_text(arena, mark, "fleet", m->fleet);
	set_text(arena, mark, "address", m->address);
	set_text(arena, mark, "incarnation", m->incarnation);
	set_text(arena, mark, "run", m->run);
	set_text(arena, mark, "created", m->created);
	return mark;
}

static bool mark_parse(const struct value *mark, struct machine *m)
{
	m->fleet_id = value_get_string(mark, "fleet_id");
	m->address = value_get_string(mark, "address");
	m->incarnation = value_get_string(mark, "incarnation");
	m->run = value_get_string(mark, "run");
	m->created = value_get_string(mark, "created");
	return m->fleet_id && m->address && m->incarnation &&
	       strlen(m->incarnation) == INCARNATION_LENGTH;
}

static struct value *base_format(struct arena *arena, const struct machine_base *base)
{
	struct value *map = value_map(arena);

	set_text(arena, map, "digest", base->digest);
	set_text(arena, map, "disk_format", base->disk_format);
	set_text(arena, map, "cmdline", base->cmdline);
	value_set(arena, map, "kernel", value_boolean(arena, base->kernel));
	value_set(arena, map, "initrd", value_boolean(arena, base->initrd));
	value_set(arena, map, "login", value_boolean(arena, base->login));
	return map;
}

static bool base_parse(const struct value *map, struct machine_base *base)
{
	base->digest = value_get_string(map, "digest");
	base->disk_format = value_get_string(map, "disk_format");
	base->cmdline = value_get_string(map, "cmdline");
	base->kernel = value_get_boolean(map, "kernel", false);
	base->initrd = value_get_boolean(map, "initrd", false);
	base->login = value_get_boolean(map, "login", false);
	return map && (!base->disk_format || !strcmp(base->disk_format, "raw") ||
			      !strcmp(base->disk_format, "qcow2"));
}

/* The host ports that were picked, in the order of settings.ports. */
static struct value *host_ports_format(struct arena *arena, const struct settings *s)
{
	struct value *list = value_list(arena);

	for (size_t i = 0; i < s->forward_count; i++)
		value_append(arena, list, value_integer(arena, s->forwards[i].host));
	return list;
}

static bool host_ports_parse(const struct value *list, struct settings *s)
{
	if (!list || list->list.count != s->forward_count)
		return false;
	for (size_t i = 0; i < s->forward_count; i++) {
		const struct value *port = list->list.items[i];

		if (port->type != VALUE_INTEGER || port->integer < 0 || port->integer > 65535)
			return false;
		s->forwards[i].host = (int)port->integer;
	}
	return true;
}

static struct value *machine_format(struct arena *arena, const struct machine *m)
{
	struct value *map = value_map(arena);

	value_set(arena, map, "format", value_integer(arena, FORMAT));
	value_set(arena, map, "mark", mark_format(arena, m));
	set_text(arena, map, "unmade", m->unmade);
	value_set(arena, map, "settings", settings_format(arena, &m->settings));
	value_set(arena, map, "host_ports", host_ports_format(arena, &m->settings));
	value_set(arena, map, "base", base_format(arena, &m->base));
	set_text(arena, map, "mac", m->mac);
	set_text(arena, map, "uuid", m->uuid);
	value_set(arena, map, "uid", value_integer(arena, m->uid));
	value_set(arena, map, "ssh_port", value_integer(arena, m->ssh_port));
	set_text(arena, map, "up_boot", m->up_boot);
	set_text(arena, map, "ready_boot", m->ready_boot);
	if (m->record)
		value_set(arena, map, "record", (struct value *)m->record);
	return map;
}

static bool machine_parse(
	struct arena *arena, const struct value *map, struct machine *m, struct error **err)
{
	if (!mark_parse(value_get_map(map, "mark"), m) ||
		!base_parse(value_get_map(map, "base"), &m->base)) {
		error_set(err, ERROR_FAILED, "its mark is damaged");
		return false;
	}
	if (!settings_parse(arena, value_get_map(map, "settings"), &m->settings, err))
		return false;
	if (!host_ports_parse(value_get_list(map, "host_ports"), &m->settings)) {
		error_set(err, ERROR_FAILED, "its ports are damaged");
		return false;
	}
	m->unmade = value_get_string(map, "unmade");
	m->mac = value_get_string(map, "mac");
	m->uuid = value_get_string(map, "uuid");
	m->uid = value_get_integer(map, "uid", 0);
	m->ssh_port = (int)value_get_integer(map, "ssh_port", 0);
	m->up_boot = value_get_string(map, "up_boot");
	m->ready_boot = value_get_string(map, "ready_boot");
	m->record = value_get(map, "record");
	if (m->mac && m->uuid)
		return true;
	error_set(err, ERROR_FAILED, "its identity is damaged");
	return false;
}

bool machine_save(const struct machine *m, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	const char *path = machine_path(arena, m, "machine.json");
	AUTO(gfree) char *text = json_canonical(machine_format(arena, m));

	return file_write(path, text, strlen(text), 0600, err);
}

/* False with no error when there is no machine.json. */
static bool load_file(
	struct arena *arena, struct machine *m, const char **newer, struct error **err)
{
	const char *path = machine_path(arena, m, "machine.json");
	AUTO(gfree) char *text = NULL;
	const struct value *map;
	int64_t format;
	size_t length;

	if (!file_read(path, FILE_MOST, &text, &length, err)) {
		if ((*err)->class == ERROR_MISSING)
			error_clear(err);
		return false;
	}
	map = json_parse(arena, text, length, err);
	format = value_get_integer(map, "format", 0);
	if (format > FORMAT)
		*newer = arena_printf(arena,
			"'%s' was written by a newer version of provision (format %" G_GINT64_FORMAT
			")",
			path, format);
	else if (map && machine_parse(arena, map, m, err))
		return true;
	if (*err)
		error_prefix(err, "'%s'", path);
	return false;
}

static enum machine_found whose(struct arena *arena, const struct call *call, const char *address,
	const struct machine *m, const char **text)
{
	if (strcmp(m->fleet_id, call->fleet_id) != 0) {
		*text = arena_printf(arena, "belongs to another fleet of the name '%s' (id %s)",
			m->fleet, m->fleet_id);
		return MACHINE_FOREIGN;
	}
	if (!address || !strcmp(m->address, address))
		return MACHINE_OURS;
	*text = arena_printf(arena, "the name '%s' is taken by %s", m->name, m->address);
	return MACHINE_FOREIGN;
}

/* One without machine.json is on its way out. */
static bool use_aside(struct arena *arena, struct machine *m)
{
	GPtrArray *asides = machine_asides(m->state_dir, m->fleet, m->name);

	for (unsigned i = 0; i < asides->len && !m->aside; i++) {
		AUTO(gfree) char *name = g_path_get_basename(asides->pdata[i]);
		AUTO(gfree) char *mark = g_build_filename(asides->pdata[i], "machine.json", NULL);

		if (!file_exists(mark))
			continue;
		set_folder(arena, m, name);
		m->aside = true;
	}
	g_ptr_array_free(asides, TRUE);
	return m->aside;
}

enum machine_found machine_load(struct arena *arena, const struct call *call, const char *name,
	const char *address, struct machine **machine, const char **text)
{
	AUTO(error) struct error *err = NULL;
	struct machine *m;

	if (!name_valid(name) || !name_valid(call->fleet)) {
		*text = arena_printf(arena, "'%s' is no name that a machine may have", name);
		return MACHINE_UNKNOWN;
	}
	m = machine_new(arena, call->state_dir, call->fleet, name);
	*text = NULL;
	if (!load_file(arena, m, text, &err) && !err && !*text &&
		(!use_aside(arena, m) || !load_file(arena, m, text, &err)) && !err && !*text)
		return MACHINE_ABSENT;
	if (err)
		*text = arena_printf(arena, "cannot read it: %s", err->message);
	if (*text)
		return MACHINE_UNKNOWN;
	*machine = m;
	return whose(arena, call, address, m, text);
}

/* "NAME" for a folder of a machine, also of one set aside; NULL for anything else. */
static char *machine_of(const char *entry)
{
	size_t prefix = strlen(aside_prefix), length = strlen(entry);

	if (name_valid(entry))
		return g_strdup(entry);
	if (!g_str_has_prefix(entry, aside_prefix) || length < prefix + INCARNATION_LENGTH + 2)
		return NULL;
	return g_strndup(entry + prefix, length - prefix - INCARNATION_LENGTH - 1);
}

/* The mark is looked for once more at the end: meanwhile it may have come back from aside. */
bool machine_gone(const char *state_dir, const char *owner)
{
	AUTO(gfree) char *folder = g_build_filename(state_dir, owner, NULL);
	AUTO(gfree) char *mark = g_build_filename(folder, "machine.json", NULL);
	AUTO(gfree) char *parent = g_path_get_dirname(folder);
	AUTO(gfree) char *name = g_path_get_basename(folder);
	AUTO(dir) DIR *dir = opendir(parent);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT;
	while ((entry = readdir(dir)) != NULL) {
		AUTO(gfree) char *of = machine_of(entry->d_name);

		if (*entry->d_name == '.' && of && !strcmp(of, name))
			return false;
	}
	return !file_exists(mark);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *machine_names(const char *state_dir, const char *fleet, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	const char *path = machine_parent(arena, state_dir, fleet);
	AUTO(dir) DIR *dir = opendir(path);
	GHashTable *seen = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	struct dirent *entry;

	if (!dir && errno != ENOENT)
		error_set_errno(err, "cannot read folder '%s'", path);
	while (dir && (entry = readdir(dir)) != NULL) {
		char *name = machine_of(entry->d_name);

		if (name && g_hash_table_add(seen, name))
			g_ptr_array_add(names, name);
		else
			g_free(name);
	}
	g_hash_table_destroy(seen);
	if (names->len)
		g_ptr_array_sort(names, by_text);
	return names;
}

GPtrArray *machine_asides(const char *state_dir, const char *fleet, const char *name)
{
	AUTO(arena) struct arena *arena = arena_new();
	const char *path = machine_parent(arena, state_dir, fleet);
	AUTO(dir) DIR *dir = opendir(path);
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		AUTO(gfree) char *of = machine_of(entry->d_name);

		if (*entry->d_name == '.' && of && !strcmp(of, name))
			g_ptr_array_add(paths, g_build_filename(path, entry->d_name, NULL));
	}
	if (paths->len)
		g_ptr_array_sort(paths, by_text);
	return paths;
}
