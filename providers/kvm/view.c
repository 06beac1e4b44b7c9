/* Law 1: what is there is read, each time anew. */
#include "view.h"

#include <string.h>

#include "accelerator.h"
#include "base/file.h"
#include "keys.h"
#include "overlay.h"
#include "running.h"

static const char loopback[] = "127.0.0.1";

static void set_text(struct arena *arena, struct value *map, const char *key, const char *text)
{
	value_set(arena, map, key, value_string(arena, text));
}

static const char *below(struct arena *arena, const struct machine *m, const char *name)
{
	return arena_printf(arena, "%s/%s", m->relative, name);
}

static struct value *connection(struct arena *arena, const struct machine *m)
{
	struct value *map = value_map(arena);

	set_text(arena, map, "type", "ssh");
	set_text(arena, map, "address", loopback);
	value_set(arena, map, "port", value_integer(arena, m->ssh_port));
	set_text(arena, map, "user", m->settings.user);
	set_text(arena, map, "identity", keys_login_relative(arena, m->fleet));
	set_text(arena, map, "known_hosts", below(arena, m, "known_hosts"));
	set_text(arena, map, "host_key_alias", m->name);
	return map;
}

/* {"80/tcp": 20080}: where each port of the machine is found. */
static struct value *host_ports(struct arena *arena, const struct settings *s)
{
	struct value *map = value_map(arena);

	for (size_t i = 0; i < s->forward_count; i++) {
		const struct forward *f = &s->forwards[i];

		value_set(arena, map,
			arena_printf(arena, "%d/%s", f->guest, f->udp ? "udp" : "tcp"),
			value_integer(arena, f->host));
	}
	return map;
}

static struct value *outputs(
	struct arena *arena, const struct machine *m, const struct running *running)
{
	struct value *map = value_map(arena);

	set_text(arena, map, "address", loopback);
	if (m->ssh_port) {
		value_set(arena, map, "ssh_port", value_integer(arena, m->ssh_port));
		value_set(arena, map, "connection", connection(arena, m));
	}
	value_set(arena, map, "host_ports", host_ports(arena, &m->settings));
	set_text(arena, map, "console", below(arena, m, "console.sock"));
	set_text(arena, map, "console_log", below(arena, m, "console.log"));
	if (running)
		set_text(arena, map, "accelerator_used", running->accelerator);
	return map;
}

/* Memory and the like are saved only while the machine is down, so what is kept is what runs. */
static struct value *actual(
	struct arena *arena, const struct machine *m, bool runs, const char **partial)
{
	AUTO(error) struct error *err = NULL;
	struct value *map = settings_format(arena, &m->settings);
	const char *disk = machine_path(arena, m, "disk.qcow2");
	int64_t size;

	set_text(arena, map, "state", runs ? "running" : "stopped");
	if (!m->base.disk_format && !file_exists(disk))
		return map;
	size = overlay_size(disk, &err);
	if (size > 0)
		value_set(arena, map, "disk", value_integer(arena, size));
	else if (!*partial)
		*partial = arena_printf(arena, "disk: %s", err ? err->message : "it has no size");
	return map;
}

static const char *partial_of(const struct machine *m)
{
	if (m->unmade)
		return m->unmade;
	return m->aside ? "provision was stopped while it was being replaced or deleted" : NULL;
}

void view_fill(struct arena *arena, const struct machine *m, struct answer *answer)
{
	AUTO(running) struct running running = {.pidfd = -1};
	enum running_found found = running_find(arena, m->folder, &running);
	bool runs = found == RUNNING_YES;

	*answer = (struct answer){
		.status = found == RUNNING_UNCLEAR ? STATUS_UNKNOWN : STATUS_PRESENT,
		.incarnation = m->incarnation,
		.record = m->record,
		.partial = partial_of(m),
		.outputs = outputs(arena, m, runs ? &running : NULL),
		.up = runs && !g_strcmp0(m->up_boot, running.boot),
	};
	answer->ready = answer->up && !g_strcmp0(m->ready_boot, running.boot);
	answer->actual = actual(arena, m, runs, &answer->partial);
	if (found == RUNNING_UNCLEAR)
		answer->text = "its QEMU runs, but it cannot be told which process it is";
}

/* The accelerator that a machine would get, kept for the next one with the same wish. */
struct outlook {
	const char *wish, *accelerator;
};

static const char *accelerator_of(
	struct call *call, const struct object *object, struct outlook *outlook)
{
	const char *wish = value_get_string(object->desired, "accelerator");
	AUTO(error) struct error *err = NULL;
	struct accelerator accelerator;

	if (!wish)
		wish = "auto";
	if (!g_strcmp0(wish, outlook->wish))
		return outlook->accelerator;
	outlook->wish = wish;
	outlook->accelerator = NULL;
	if (accelerator_choose(call->arena, call->state_dir, wish, &accelerator, &err))
		outlook->accelerator = accelerator_format(call->arena, &accelerator);
	return outlook->accelerator;
}

/* What is known of a machine before it is there. */
static struct value *foreseen(
	struct call *call, const struct object *object, struct outlook *outlook)
{
	struct value *map = value_map(call->arena);
	const char *accelerator = accelerator_of(call, object, outlook);

	set_text(call->arena, map, "address", loopback);
	if (accelerator)
		set_text(call->arena, map, "accelerator_used", accelerator);
	return map;
}

static void fill(struct call *call, const struct object *object, struct outlook *outlook,
	struct answer *answer)
{
	struct machine *m = NULL;
	const char *text = NULL;

	*answer = (struct answer){0};
	switch (machine_load(call->arena, call, object->name, object->address, &m, &text)) {
	case MACHINE_OURS:
		view_fill(call->arena, m, answer);
		return;
	case MACHINE_ABSENT:
		answer->status = STATUS_ABSENT;
		answer->outputs = foreseen(call, object, outlook);
		return;
	case MACHINE_FOREIGN:
		answer->status = STATUS_FOREIGN;
		break;
	case MACHINE_UNKNOWN:
		answer->status = STATUS_UNKNOWN;
		break;
	}
	answer->text = text;
}

void view_object(struct call *call, const struct object *object, struct answer *answer)
{
	struct outlook outlook = {0};

	fill(call, object, &outlook, answer);
}

bool view_read(struct call *call, struct error **err)
{
	struct outlook outlook = {0};

	(void)err;
	for (size_t i = 0; i < call->count; i++) {
		AUTO(error) struct error *wrong = NULL;
		struct answer answer;

		if (!settings_check_said(call->arena, call->objects[i].desired, &wrong)) {
			emit_failure(call, &call->objects[i], &wrong);
			continue;
		}
		fill(call, &call->objects[i], &outlook, &answer);
		emit_answer(call, &call->objects[i], &answer);
	}
	return true;
}

/* False when the name's folder does not say what it is. */
static bool list_one(struct call *call, const char *name)
{
	struct machine *m = NULL;
	const char *text = NULL;
	struct answer answer = {.status = STATUS_UNKNOWN};

	switch (machine_load(call->arena, call, name, NULL, &m, &text)) {
	case MACHINE_OURS:
		view_fill(call->arena, m, &answer);
		emit_listed(call, m->address, "machine", &answer);
		return answer.status == STATUS_PRESENT;
	case MACHINE_UNKNOWN:
		answer.text = text;
		emit_listed(
			call, arena_printf(call->arena, "machine.%s", name), "machine", &answer);
		return false;
	case MACHINE_FOREIGN:
		/* Told, so that the fleet's folder is not taken for an empty one. */
		answer.status = STATUS_FOREIGN;
		answer.text = text;
		emit_listed(
			call, arena_printf(call->arena, "machine.%s", name), "machine", &answer);
		break;
	case MACHINE_ABSENT:
		break;
	}
	return true;
}

bool view_list(struct call *call, struct error **err)
{
	g_autoptr(GPtrArray) names = machine_names(call->state_dir, call->fleet, err);

	if (*err)
		return false;
	call->complete = true;
	for (unsigned i = 0; i < names->len; i++)
		call->complete = list_one(call, names->pdata[i]) && call->complete;
	return true;
}
