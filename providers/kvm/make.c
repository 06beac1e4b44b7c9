/* Law 4 and law 6: machine.json is on disk before the first effect, says that the machine is not
 * whole until it is, and goes last. */
#include "make.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "common/store.h"
#include "keys.h"
#include "overlay.h"
#include "running.h"

enum {
	SECTOR = 512,
	SPACE_LEAST = 16 << 20,
	UID_FIRST = 0x50000000, /* far above what people and packages use */
	UID_BITS = 28,
	UID_NOBODY = 65534,
};

static const char cut_short[] = "provision was stopped while it was being made";

/* Hexadecimal digits that follow from a text. */
static const char *digits_of(struct arena *arena, const char *format, const char *a, const char *b)
{
	AUTO(gfree) char *seed = g_strdup_printf("%s %s/%s", format, a, b);
	AUTO(gfree) char *digest = id_digest(seed, strlen(seed));

	return arena_strdup(arena, digest);
}

static void set_identity(struct arena *arena, struct machine *m, const struct machine *old)
{
	const char *mac = digits_of(arena, "mac", m->fleet, m->name);
	const char *u = digits_of(arena, "uuid", m->fleet_id, m->name);

	m->mac = old && old->mac
			 ? arena_strdup(arena, old->mac)
			 : arena_printf(arena, "52:54:00:%.2s:%.2s:%.2s", mac, mac + 2, mac + 4);
	m->uuid = old && old->uuid ? arena_strdup(arena, old->uuid)
				   : arena_printf(arena, "%.8s-%.4s-8%.3s-8%.3s-%.12s", u, u + 8,
					     u + 12, u + 15, u + 18);
}

/* True if this user namespace has that user. */
static bool uid_mapped(int64_t uid)
{
	AUTO(stream) FILE *map = fopen("/proc/self/uid_map", "re");
	int64_t first, parent, count;

	while (map && fscanf(map, "%" SCNd64 " %" SCNd64 " %" SCNd64, &first, &parent, &count) == 3)
		if (uid >= first && uid - first < count)
			return true;
	return false;
}

/* Each machine's QEMU is a user of its own, so that one cannot touch another. */
static int64_t choose_uid(struct arena *arena, const struct machine *m)
{
	const char *digits = digits_of(arena, "uid", m->fleet_id, m->incarnation);
	AUTO(gfree) char *first = g_strndup(digits, UID_BITS / 4);
	int64_t uid = UID_FIRST + g_ascii_strtoll(first, NULL, 16);

	if (geteuid() != 0)
		return 0;
	if (uid_mapped(uid))
		return uid;
	return uid_mapped(UID_NOBODY) ? UID_NOBODY : 0;
}

static int64_t round_up(int64_t size)
{
	return (size + SECTOR - 1) / SECTOR * SECTOR;
}

/* The size of the disk to be made; 0: none. */
static int64_t disk_size(const struct machine *m, const struct store_image *image)
{
	return m->settings.disk ? m->settings.disk : round_up(image->disk_size);
}

static bool disk_check(const struct machine *m, const struct store_image *image, struct error **err)
{
	AUTO(gfree) char *wanted = size_format(m->settings.disk);
	AUTO(gfree) char *least = size_format(image->disk_size);

	if (!m->settings.disk || m->settings.disk >= image->disk_size)
		return true;
	error_set(err, ERROR_CONFIG, "disk: %s is less than the %s of its image", wanted, least);
	error_hint(err, "a disk starts as a copy of the image: ask for %s or more", least);
	return false;
}

static bool space_check(const char *state_dir, struct error **err)
{
	AUTO(gfree) char *left = NULL;
	struct statvfs fs;

	if (statvfs(state_dir, &fs) < 0) {
		error_set_errno(err, "cannot look at '%s'", state_dir);
		return false;
	}
	if ((uint64_t)fs.f_bavail * fs.f_frsize >= SPACE_LEAST)
		return true;
	left = size_format((int64_t)(fs.f_bavail * fs.f_frsize));
	error_set(err, ERROR_MISSING, "there is no space for a machine in '%s': %s are free",
		state_dir, left);
	return false;
}

static bool image_load(
	struct arena *arena, struct machine *m, struct store_image *image, struct error **err)
{
	if (!store_load(arena, m->state_dir, m->settings.image, image, err))
		return false;
	m->base = (struct machine_base){
		.digest = image->digest,
		.disk_format = image->disk_format,
		.kernel = image->kernel,
		.initrd = image->initrd,
		.cmdline = image->cmdline,
		.login = image->login,
	};
	return true;
}

/* The port of an entry of the old machine that asked for the same, and for no other's. */
static int port_of(const struct machine *old, const char *text)
{
	const struct value *ports = old ? old->settings.ports : NULL;

	for (size_t i = 0; ports && i < ports->list.count; i++)
		if (!strcmp(ports->list.items[i]->text.bytes, text))
			return old->settings.forwards[i].host;
	return 0;
}

/* From the first word that is written of a new machine on: cut short, it hands them on itself. */
static void ports_inherit(struct machine *m, const struct machine *old)
{
	for (size_t i = 0; i < m->settings.forward_count; i++)
		if (!m->settings.forwards[i].host)
			m->settings.forwards[i].host =
				port_of(old, m->settings.ports->list.items[i]->text.bytes);
}

struct machine *make_prepare(struct call *call, const struct object *object,
	const struct machine *old, struct error **err)
{
	struct arena *arena = call->arena;
	struct machine *m = machine_new(arena, call->state_dir, call->fleet, object->name);
	AUTO(gfree) char *incarnation = id_random();
	AUTO(gfree) char *created = clock_text();
	struct store_image image;

	m->fleet_id = call->fleet_id;
	m->address = object->address;
	m->incarnation = arena_strdup(arena, incarnation);
	m->run = call->run;
	m->created = arena_strdup(arena, created);
	m->record = object->record;
	if (!settings_parse(arena, object->after, &m->settings, err) ||
		!image_load(arena, m, &image, err) || !disk_check(m, &image, err) ||
		!space_check(m->state_dir, err) || !make_ports_check(m, old, err))
		return NULL;
	ports_inherit(m, old);
	m->disk_size = disk_size(m, &image);
	m->ssh_port = old && m->base.login ? old->ssh_port : 0;
	set_identity(arena, m, old);
	m->uid = choose_uid(arena, m);
	return m;
}

static bool link_file(const struct machine *m, const char *from, const char *to, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	const char *source = store_path(arena, m->state_dir, m->settings.image, from);
	const char *target = machine_path(arena, m, to);
	int code;

	if (linkat(AT_FDCWD, source, AT_FDCWD, target, 0) == 0)
		return true;
	code = errno;
	error_set_errno(err, "cannot link '%s' to '%s'", source, target);
	if (code == EXDEV || code == EPERM || code == EMLINK)
		error_hint(err,
			"images and machines must lie on one file system that has hard links and "
			"room for one more: choose another --state-dir");
	return false;
}

static bool disk_make(const struct machine *m, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	const char *path = machine_path(arena, m, "disk.qcow2");
	const char *format = m->base.disk_format;

	if (format && !link_file(m, "disk", "base", err))
		return false;
	return m->disk_size == 0 ||
	       overlay_create(path, format ? "base" : NULL, format, m->disk_size, err);
}

static bool fill(struct machine *m, const struct machine *old, struct error **err)
{
	if ((m->base.kernel && !link_file(m, "kernel", "kernel", err)) ||
		(m->base.initrd && !link_file(m, "initrd", "initrd", err)))
		return false;
	if (!disk_make(m, err))
		return error_prefix(err, "disk");
	if (m->base.login && !keys_host_make(m, err))
		return error_prefix(err, "keys");
	return make_ports(m, old, err);
}

/* A folder without a mark is what is left of an attempt that was killed before its first effect. */
static bool folder_make(struct machine *m, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();

	if (file_exists(machine_path(arena, m, "machine.json"))) {
		error_set(err, ERROR_CONFLICT, "'%s' is there already", m->folder);
		return false;
	}
	if (!tree_remove(m->folder, err))
		return false;
	m->made = mkdir(m->folder, 0700) == 0;
	if (m->made && chmod(m->folder, 0700) == 0)
		return true;
	error_set_errno(err, "cannot create folder '%s'", m->folder);
	return false;
}

bool make(struct machine *m, const struct machine *old, struct error **err)
{
	if (!folder_make(m, err))
		return false;
	m->unmade = cut_short;
	if (!machine_save(m, err) || !fill(m, old, err))
		return false;
	m->unmade = NULL;
	return machine_save(m, err);
}

static bool has_port(const struct machine *m, int port, bool udp)
{
	for (size_t i = 0; m && i < m->settings.forward_count; i++)
		if (m->settings.forwards[i].host == port && m->settings.forwards[i].udp == udp)
			return true;
	return m && m->ssh_port == port && !udp;
}

bool make_ports_check(const struct machine *m, const struct machine *old, struct error **err)
{
	for (size_t i = 0; i < m->settings.forward_count; i++) {
		const struct forward *f = &m->settings.forwards[i];

		if (!f->host || has_port(old, f->host, f->udp) || forward_free(f->host, f->udp))
			continue;
		error_set_errno(err, "ports: cannot listen on %s port %d of this host",
			f->udp ? "UDP" : "TCP", f->host);
		if ((*err)->class == ERROR_FAILED)
			(*err)->class = ERROR_CONFLICT;
		error_hint(err, "choose another one, or end what uses it");
		return false;
	}
	return true;
}

static bool claim(
	const struct machine *m, const char *what, bool udp, int *port, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	const char *seed = arena_printf(arena, "%s/%s/%s", m->fleet_id, m->name, what);

	return forward_claim(m->state_dir, machine_owner(arena, m), seed, udp, port, err);
}

void make_release_ports(const struct machine *m, bool all)
{
	AUTO(arena) struct arena *arena = arena_new();
	int *keep = arena_array_of(arena, int, m->settings.forward_count + 1);
	size_t count = 0;

	for (size_t i = 0; !all && i < m->settings.forward_count; i++)
		keep[count++] = m->settings.forwards[i].host;
	if (!all)
		keep[count++] = m->ssh_port;
	forward_release(m->state_dir, machine_owner(arena, m), keep, count);
}

bool make_ports(struct machine *m, const struct machine *old, struct error **err)
{
	if (m->base.login && !m->ssh_port && !claim(m, "ssh", false, &m->ssh_port, err))
		return false;
	ports_inherit(m, old);
	for (size_t i = 0; i < m->settings.forward_count; i++) {
		struct forward *f = &m->settings.forwards[i];
		const char *text = m->settings.ports->list.items[i]->text.bytes;

		if (!f->host && !claim(m, text, f->udp, &f->host, err))
			return error_prefix(err, "ports");
	}
	return true;
}

static bool move(const char *from, const char *to, struct error **err)
{
	if (rename(from, to) == 0)
		return true;
	error_set_errno(err, "cannot rename '%s' to '%s'", from, to);
	return false;
}

bool make_set_aside(struct arena *arena, struct machine *m, struct error **err)
{
	const char *from = m->folder;

	if (m->aside)
		return true;
	machine_set_aside(arena, m, true);
	if (move(from, m->folder, err))
		return true;
	machine_set_aside(arena, m, false);
	return false;
}

bool make_bring_back(struct arena *arena, struct machine *m, struct error **err)
{
	const char *from = m->folder;

	if (!m->aside)
		return true;
	machine_set_aside(arena, m, false);
	if (move(from, m->folder, err))
		return true;
	machine_set_aside(arena, m, true);
	return false;
}

static bool remove_all_but_mark(const char *folder, struct error **err)
{
	AUTO(dir) DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		AUTO(gfree) char *path = g_build_filename(folder, entry->d_name, NULL);

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
			!strcmp(entry->d_name, "machine.json"))
			continue;
		if (!tree_remove(path, err))
			return false;
	}
	return true;
}

/* No folder is removed under a QEMU that works in it. */
static bool halt(const char *folder, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(running) struct running running = {.pidfd = -1};

	switch (running_find(arena, folder, &running)) {
	case RUNNING_NOT:
		return true;
	case RUNNING_YES:
		return running_kill(&running, err);
	case RUNNING_UNCLEAR:
		break;
	}
	error_set(err, ERROR_FAILED, "a QEMU works in '%s', but it cannot be told which", folder);
	error_hint(err, "end what holds '%s/alive.lock', then apply again", folder);
	return false;
}

bool make_remove(const struct machine *m, struct error **err)
{
	return halt(m->folder, err) && remove_all_but_mark(m->folder, err) &&
	       tree_remove(m->folder, err);
}

bool make_sweep(
	const struct call *call, const char *name, const struct machine *keep, struct error **err)
{
	g_autoptr(GPtrArray) asides = machine_asides(call->state_dir, call->fleet, name);
	const struct machine *m = machine_new(call->arena, call->state_dir, call->fleet, name);

	for (unsigned i = 0; i < asides->len; i++)
		if ((!keep || strcmp(asides->pdata[i], keep->folder) != 0) &&
			(!halt(asides->pdata[i], err) || !tree_remove(asides->pdata[i], err)))
			return false;
	return file_exists(machine_path(call->arena, m, "machine.json")) ||
	       (halt(m->folder, err) && tree_remove(m->folder, err));
}
