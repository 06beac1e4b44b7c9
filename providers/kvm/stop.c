/* What the machine has not written yet is lost when it is ended, so that comes last, and is told.
 */
#include "stop.h"

#include <string.h>

#include "base/text.h"
#include "login.h"
#include "qmp.h"
#include "running.h"

enum {
	LOGIN_LIMIT = 20000,
	COMMAND_LIMIT = 10000,
	MONITOR_LIMIT = 5000,
	POWER_OFF_LIMIT = 60000,
	BOOTING_LIMIT = 20000, /* one that was never up has nothing to lose, nor ears perhaps */
	QUIT_LIMIT = 2000,
	TELL_EVERY = 10000,
};

/* Root is what it takes, and systemd, sysvinit and busybox all have it under this name. */
static const char power_off[] =
	"if [ \"$(id -u)\" -eq 0 ]; then exec poweroff; else exec sudo -n poweroff; fi";

struct stopping {
	struct call *call;
	const struct object *object;
	const struct machine *machine;
	const struct running *running;
	int64_t limit;
};

static bool find(const struct machine *m, struct arena *arena, struct running *running, bool *runs,
	struct error **err)
{
	enum running_found found = running_find(arena, m->folder, running);

	*runs = found == RUNNING_YES;
	if (found != RUNNING_UNCLEAR)
		return true;
	error_set(err, ERROR_FAILED, "its QEMU runs, but it cannot be told which process it is");
	error_hint(err, "somebody holds '%s/alive.lock'", m->folder);
	return false;
}

bool stop_now(const struct machine *m, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(running) struct running running = {.pidfd = -1};
	bool runs;

	return find(m, arena, &running, &runs, err) && (!runs || running_kill(&running, err));
}

static bool ended(const struct stopping *s, const char *how)
{
	AUTO(gfree) char *limit = duration_format(s->limit);
	int64_t end = clock_now() + s->limit;

	emit_progress(s->call, s->object, "waiting for power off (%s)", how);
	while (clock_now() < end) {
		AUTO(gfree) char *left = NULL;

		if (running_ended(s->running, MIN(TELL_EVERY, MAX(0, end - clock_now()))))
			return true;
		left = duration_format(MAX(0, end - clock_now()));
		emit_progress(s->call, s->object, "waiting for power off (%s), %s of %s left", how,
			left, limit);
	}
	return false;
}

/* True if it took the word, as far as that can be told: its shell may go before it has answered. */
static bool ask_inside(const struct stopping *s)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	AUTO(ssh_link) struct ssh_link *link = NULL;
	int status = 0;

	if (!s->machine->base.login || g_strcmp0(s->machine->up_boot, s->running->boot) != 0)
		return false;
	emit_progress(s->call, s->object, "asking it to power off");
	link = login_open(arena, s->machine, LOGIN_LIMIT, &err);
	if (!link)
		return false;
	if (!ssh_link_run(link, power_off, COMMAND_LIMIT, &status, NULL, &err))
		return true;
	return status == 0 || status == 255;
}

static bool monitor(const struct stopping *s, const char *command)
{
	AUTO(error) struct error *err = NULL;
	AUTO(qmp) struct qmp *qmp = qmp_open(s->machine->folder, "qmp.sock", MONITOR_LIMIT, &err);

	return qmp && qmp_do(qmp, command, NULL, MONITOR_LIMIT, &err);
}

/* QEMU's own end writes out what it holds; a kill needs nobody's help. */
static bool end_it(const struct stopping *s, struct error **err)
{
	emit_progress(s->call, s->object,
		"it did not power off: ending it, what it has not written yet is lost");
	if (monitor(s, "quit") && running_ended(s->running, QUIT_LIMIT))
		return true;
	return running_kill(s->running, err);
}

bool stop_gently(
	struct call *call, const struct object *object, const struct machine *m, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(running) struct running running = {.pidfd = -1};
	struct stopping s = {call, object, m, &running, POWER_OFF_LIMIT};
	bool runs;

	if (!find(m, arena, &running, &runs, err))
		return false;
	if (!runs)
		return true;
	if (g_strcmp0(m->up_boot, running.boot) != 0)
		s.limit = BOOTING_LIMIT;
	if (ask_inside(&s) && ended(&s, "asked for inside"))
		return true;
	if (running_ended(&running, 0))
		return true;
	if (monitor(&s, "system_powerdown") && ended(&s, "power button"))
		return true;
	return running_ended(&running, 0) || end_it(&s, err);
}
