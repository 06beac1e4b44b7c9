/* What needs a restart is saved only while the machine is down, what does not is saved after QEMU
 * has taken it: so machine.json never tells of memory that a running machine does not have. */
#include "update.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "live.h"
#include "make.h"
#include "overlay.h"
#include "running.h"
#include "start.h"
#include "stop.h"

struct updating {
	struct call *call;
	const struct object *object;
	struct machine *old, *new;
	int64_t disk; /* the size that it is to have; 0: as it is */
	bool runs;
};

static bool disk_plan(struct updating *u, struct error **err)
{
	const char *path = machine_path(u->call->arena, u->old, "disk.qcow2");
	int64_t wanted = u->new->settings.disk, size;
	AUTO(gfree) char *wanted_text = size_format(wanted);
	AUTO(gfree) char *size_text = NULL;

	if (!wanted || wanted == u->old->settings.disk)
		return true;
	if (!file_exists(path)) {
		error_set(err, ERROR_CONFIG, "disk: the machine was made without one");
		error_hint(err, "delete the machine and make it anew, or take 'disk' out");
		return false;
	}
	size = overlay_size(path, err);
	if (size < 0)
		return error_prefix(err, "disk");
	size_text = size_format(size);
	if (wanted < size) {
		error_set(err, ERROR_CONFIG, "disk: cannot shrink from %s to %s", size_text,
			wanted_text);
		error_hint(err, "say %s or more; a smaller one needs the machine made anew",
			size_text);
		return false;
	}
	u->disk = wanted > size ? wanted : 0;
	return true;
}

static bool prepare(struct updating *u, struct error **err)
{
	struct arena *arena = u->call->arena;
	AUTO(running) struct running running = {.pidfd = -1};
	enum running_found found = running_find(arena, u->old->folder, &running);

	if (found == RUNNING_UNCLEAR || u->old->unmade || u->old->aside) {
		error_set(err, ERROR_CONFLICT, "%s",
			found == RUNNING_UNCLEAR ? "it cannot be told whether it runs"
						 : "it is not whole");
		return false;
	}
	u->runs = found == RUNNING_YES;
	u->new = arena_new_of(arena, struct machine);
	*u->new = *u->old;
	u->new->record = u->object->record;
	if (!settings_parse(arena, u->object->after, &u->new->settings, err))
		return false;
	if (strcmp(u->new->settings.image, u->old->settings.image) != 0) {
		error_set(err, ERROR_CONFLICT, "image: another one needs a replacement");
		return false;
	}
	return disk_plan(u, err) && make_ports_check(u->new, u->old, err);
}

static bool grow(const struct updating *u, bool live, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();

	if (!u->disk)
		return true;
	emit_progress(u->call, u->object, "growing its disk");
	return live ? live_disk(u->new, u->disk, err)
		    : overlay_grow(machine_path(arena, u->new, "disk.qcow2"), u->disk, err);
}

/* Its own words on why it does not start stay; what follows is told as progress. */
static void go_back(const struct updating *u)
{
	AUTO(error) struct error *err = NULL;

	emit_progress(u->call, u->object, "going back to what it was before");
	if (!machine_save(u->old, &err) || (u->runs && !start(u->call, u->object, u->old, &err)))
		emit_progress(u->call, u->object, "that fails as well: %s", err->message);
}

/* The machine is down while all is changed. */
static bool restart(const struct updating *u, struct error **err)
{
	if (!stop_gently(u->call, u->object, u->old, err))
		return false;
	if (make_ports(u->new, u->old, err) && grow(u, false, err) && machine_save(u->new, err) &&
		(!u->new->settings.running || start(u->call, u->object, u->new, err)))
		return true;
	go_back(u);
	return false;
}

/* Ports that cannot be had are no reason to lose those that were there. */
static bool move_ports(const struct updating *u, struct error **err)
{
	AUTO(error) struct error *late = NULL;

	if (live_ports(u->new, err))
		return true;
	if (!live_ports(u->old, &late))
		emit_progress(u->call, u->object, "its ports do not come back: %s", late->message);
	return false;
}

static bool change_live(const struct updating *u, struct error **err)
{
	return make_ports(u->new, u->old, err) && grow(u, true, err) && move_ports(u, err) &&
	       machine_save(u->new, err);
}

bool update(struct call *call, const struct object *object, struct machine *m, struct error **err)
{
	struct updating u = {.call = call, .object = object, .old = m};
	bool live;

	if (!prepare(&u, err))
		return false;
	live = u.runs && u.new->settings.running &&
	       !settings_need_restart(&u.old->settings, &u.new->settings);
	if (!(live ? change_live(&u, err) : restart(&u, err)))
		return false;
	make_release_ports(u.new, false);
	return make_sweep(call, object->name, NULL, err);
}
