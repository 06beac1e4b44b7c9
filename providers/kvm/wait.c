/* The rungs: its QEMU runs; it says so over QMP; an SSH server answers; the fleet's key logs in, on
 * the host key that we gave it. An end of QEMU is seen at once. A failure shows the rung and what
 * the console said last. */
#include "wait.h"

#include <poll.h>
#include <string.h>

#include "banner.h"
#include "base/text.h"
#include "card.h"
#include "console.h"
#include "make.h"
#include "probe.h"
#include "qmp.h"
#include "running.h"
#include "turn.h"
#include "view.h"

enum {
	UP_LIMIT = 600000,
	READY_LIMIT = 300000,
	MONITOR_LIMIT = 20000,
	CARD_LIMIT = 30000, /* then it may be one that does not tell */
	CARD_FIRST = 100,
	CARD_TICK = 1000,
	LOGIN_LIMIT = 60000,   /* one login, in a slow guest */
	REFUSED_LIMIT = 60000, /* a server may be there before its accounts are */
	PROBE_LIMIT = 10000,
	PAUSE_FIRST = 100,
	PAUSE_MOST = 1000,
	CONSOLE_LINES = 10,
	GONE_GRACE = 300,
};

struct waiting {
	struct call *call;
	const struct object *object;
	struct machine *machine;
	struct running running;
	int64_t end;
	bool quiet;	  /* what is gone through once more is not told */
	const char *told; /* the rung that was told last */
	bool card;	  /* the guest has set up its network card */
	int64_t console_size;
	const char *rung;
	char *shown; /* last console line that was told */
};

static void rung(struct waiting *w, const char *name)
{
	w->rung = name;
}

/* A rung that is passed at once is not worth a line. */
static void tell(struct waiting *w)
{
	if (!w->rung || w->quiet || !g_strcmp0(w->told, w->rung))
		return;
	w->told = w->rung;
	emit_progress(w->call, w->object, "waiting for %s", w->rung);
}

static int64_t left(const struct waiting *w, int64_t most)
{
	return CLAMP(w->end - clock_now(), 0, most);
}

/* The newest line of the console goes along, so that a long wait is not a silent one. */
static void tell_console(struct waiting *w)
{
	AUTO(arena) struct arena *arena = arena_new();
	const char *line = console_tail(arena, w->machine, "console.log", 1);

	tell(w);
	if (!*line || !g_strcmp0(line, w->shown))
		return;
	g_free(w->shown);
	w->shown = g_strdup(line);
	emit_progress(w->call, w->object, "waiting for %s; console: %s", w->rung, line);
}

/* False when there is nothing to wait for: a kernel that has panicked stays so. */
static bool tick(void *data)
{
	struct waiting *w = data;

	tell_console(w);
	return !console_panicked(w->machine, &w->console_size);
}

static bool panicked(struct error **err)
{
	error_clear(err);
	error_set(err, ERROR_FAILED, "its kernel panicked");
	return false;
}

/* True when QEMU ended within that time. */
static bool pause_or_end(const struct waiting *w, int64_t milliseconds)
{
	return running_ended(&w->running, left(w, milliseconds));
}

static bool gone(const struct waiting *w, struct error **err)
{
	const char *said = console_tail(w->call->arena, w->machine, "qemu.log", CONSOLE_LINES);

	error_clear(err);
	error_set(err, ERROR_FAILED, "its QEMU ended%s%s", *said ? ": " : "", said);
	return false;
}

static bool check_process(struct waiting *w, struct error **err)
{
	rung(w, "its process");
	switch (running_find(w->call->arena, w->machine->folder, &w->running)) {
	case RUNNING_YES:
		return true;
	case RUNNING_NOT:
		error_set(err, ERROR_FAILED, "its QEMU does not run");
		error_hint(err, "apply again: the plan then starts it");
		break;
	case RUNNING_UNCLEAR:
		error_set(err, ERROR_FAILED, "it cannot be told which process its QEMU is");
		break;
	}
	return false;
}

static bool check_monitor(struct waiting *w, struct error **err)
{
	AUTO(qmp) struct qmp *qmp = NULL;
	const struct value *status;
	const char *text;

	rung(w, "its monitor");
	qmp = qmp_open(w->machine->folder, "qmp.sock", left(w, MONITOR_LIMIT), err);
	status = qmp ? qmp_call(qmp, w->call->arena, "query-status", NULL, left(w, MONITOR_LIMIT),
			       err)
		     : NULL;
	if (!status)
		return false;
	text = value_get_string(status, "status");
	if (!g_strcmp0(text, "running"))
		return true;
	error_set(err, ERROR_FAILED, "QEMU says '%s', not 'running'", text ? text : "nothing");
	return false;
}

/* False when QEMU has ended; otherwise w->card tells. */
static bool await_card(struct waiting *w, struct error **err)
{
	int64_t end = clock_now() + left(w, CARD_LIMIT), pause = CARD_FIRST;

	rung(w, "its network card");
	while (!w->card && clock_now() < end) {
		if (!card_await(w->machine, MIN(pause, end - clock_now()), &w->card, err))
			return false;
		if (!w->card && !tick(w))
			return panicked(err);
		pause = CARD_TICK;
	}
	return true;
}

static bool run_true(struct ssh_link *link, int64_t milliseconds, struct error **err)
{
	int status;

	if (!ssh_link_run(link, "true", milliseconds, &status, NULL, err))
		return false;
	if (status == 0)
		return true;
	error_set(err, ERROR_DENIED, "logged in, but 'true' exits with %d", status);
	return false;
}

/* One connection from its banner to a command. *link stays open when the caller wants it. */
static bool log_in(struct waiting *w, const struct ssh_access *access, struct ssh_link **link,
	struct error **err)
{
	struct banner banner = {.port = w->machine->ssh_port,
		.certain = w->card,
		.ended_fd = w->running.pidfd,
		.end = w->end,
		.tick = tick,
		.data = w};
	int fd;

	rung(w, "its SSH server");
	fd = banner_wait(&banner, err);
	if (fd < 0)
		return (*err)->class == ERROR_CANCELLED ? panicked(err) : false;
	rung(w, "the login");
	tell(w);
	*link = ssh_link_open(fd, access, left(w, LOGIN_LIMIT), err);
	if (*link && run_true(*link, left(w, LOGIN_LIMIT), err))
		return true;
	if (*link)
		ssh_link_close(*link);
	*link = NULL;
	return false;
}

/* A connection that is lost or too slow is tried again; so is a refused login for a while. Another
 * host key is nothing that time heals. */
static bool worth_another(const struct error *err, int64_t *refused)
{
	if (err->class == ERROR_DENIED) {
		if (!*refused)
			*refused = clock_now();
		return clock_now() - *refused < REFUSED_LIMIT;
	}
	return err->class == ERROR_UNAVAILABLE || err->class == ERROR_TIMEOUT;
}

static bool await_login(struct waiting *w, struct ssh_link **link, struct error **err)
{
	struct ssh_access access;
	int64_t refused = 0, pause = PAUSE_FIRST;

	if (!login_access(w->call->arena, w->machine, &access, err))
		return false;
	while (!log_in(w, &access, link, err)) {
		if (!worth_another(*err, &refused) || clock_now() >= w->end)
			return false;
		if (pause_or_end(w, pause))
			return gone(w, err);
		error_clear(err);
		pause = MIN(pause * 2, PAUSE_MOST);
	}
	return true;
}

static bool await_up(struct waiting *w, struct error **err)
{
	AUTO(ssh_link) struct ssh_link *link = NULL;

	return check_process(w, err) && check_monitor(w, err) &&
	       (!w->machine->base.login || (await_card(w, err) && await_login(w, &link, err)));
}

/* A try that the end cuts short says less than the one before it. */
static bool give_up(const char *last, struct error **err)
{
	if (!last || (*err)->class != ERROR_TIMEOUT)
		return false;
	error_clear(err);
	error_set(err, ERROR_TIMEOUT, "%s", last);
	return false;
}

static bool await_probe(struct waiting *w, struct probe *probe, struct error **err)
{
	AUTO(ssh_link) struct ssh_link *link = NULL;
	AUTO(gfree) char *last = NULL;
	bool login = probe_needs_login(probe, w->machine);
	int64_t pause = PAUSE_FIRST;

	for (;;) {
		w->quiet = true;
		if (login && !link && !await_login(w, &link, err))
			return false;
		w->quiet = false;
		rung(w, probe->shown);
		if (probe_try(probe, w->machine, link, left(w, PROBE_LIMIT), err))
			return true;
		if ((*err)->class != ERROR_UNAVAILABLE && (*err)->class != ERROR_TIMEOUT)
			return false;
		if (clock_now() >= w->end)
			return give_up(last, err);
		if (pause_or_end(w, pause))
			return gone(w, err);
		g_free(last);
		last = g_strdup((*err)->message);
		/* Lost, as by a restart inside, a connection is not worth a second try. */
		if (link && ((*err)->class == ERROR_TIMEOUT || ssh_link_lost(link))) {
			ssh_link_close(link);
			link = NULL;
		}
		error_clear(err);
		if (!tick(w))
			return panicked(err);
		pause = MIN(pause * 2, PAUSE_MOST);
	}
}

/* Up is a step of its own that comes before; should it have been left out, it is made up for. */
static bool seen_up(struct waiting *w, struct error **err)
{
	return check_process(w, err) &&
	       (!g_strcmp0(w->machine->up_boot, w->running.boot) || await_up(w, err));
}

static bool await_ready(struct waiting *w, struct error **err)
{
	struct probe probe;

	if (!w->object->ready)
		return seen_up(w, err);
	if (!probe_parse(w->call->arena, w->object->ready, &probe, err))
		return false;
	if (probe.kind == PROBE_RUN && !w->machine->base.login) {
		error_set(err, ERROR_CONFIG,
			"ready: the image takes no login, so nothing can be "
			"run inside");
		error_hint(err, "say tcp, http or console");
		return false;
	}
	return seen_up(w, err) && await_probe(w, &probe, err);
}

/* Recorded for this start of QEMU alone, and for this machine alone. */
static bool record(struct waiting *w, bool ready, struct error **err)
{
	AUTO(fd) int turn = -1;
	AUTO(running) struct running now = {.pidfd = -1};
	struct machine *m = NULL;
	const char *text = NULL;

	if (!turn_take(w->call, w->object, &turn, err))
		return false;
	if (machine_load(w->call->arena, w->call, w->object->name, w->object->address, &m, &text) !=
			MACHINE_OURS ||
		strcmp(m->incarnation, w->machine->incarnation) != 0 ||
		running_find(w->call->arena, m->folder, &now) != RUNNING_YES ||
		strcmp(now.boot, w->running.boot) != 0) {
		error_set(err, ERROR_CONFLICT, "it was changed while it was waited for");
		return false;
	}
	m->up_boot = now.boot;
	if (ready)
		m->ready_boot = now.boot;
	return machine_save(m, err) && make_sweep(w->call, w->object->name, NULL, err);
}

/* A monitor that hangs up is the first sign of QEMU's end. */
static int64_t ended_grace(const struct error *err)
{
	return err->class == ERROR_UNAVAILABLE ? GONE_GRACE : 0;
}

static void explain(struct waiting *w, int64_t limit, struct error **err)
{
	AUTO(gfree) char *text = duration_format(limit);
	AUTO(gfree) char *hint = g_strdup((*err)->hint);
	const char *tail = console_tail(w->call->arena, w->machine, "console.log", CONSOLE_LINES);

	if (w->running.pidfd >= 0 && running_ended(&w->running, ended_grace(*err)))
		gone(w, err);
	if ((*err)->class == ERROR_TIMEOUT || (*err)->class == ERROR_UNAVAILABLE) {
		AUTO(gfree) char *message = g_strdup((*err)->message);

		error_clear(err);
		error_set(err, ERROR_TIMEOUT, "waited %s for %s: %s", text, w->rung, message);
	} else {
		error_prefix(err, "while waiting for %s", w->rung ? w->rung : "it");
	}
	error_hint(err, "%s%s%s%s", hint ? hint : "", hint && *tail ? "\n" : "",
		*tail  ? "the console's last lines:\n"
		: hint ? ""
		       : "the console has said nothing",
		tail);
}

static bool wait_one(struct call *call, const struct object *object, struct error **err)
{
	bool ready = !strcmp(object->until, "ready");
	struct waiting w = {.call = call, .object = object, .running = {.pidfd = -1}};
	int64_t limit = object->timeout ? object->timeout : ready ? READY_LIMIT : UP_LIMIT;
	const char *text = NULL;
	bool ok;

	if (machine_load(call->arena, call, object->name, object->address, &w.machine, &text) !=
		MACHINE_OURS) {
		error_set(err, ERROR_CONFLICT, "%s", text ? text : "it is not there");
		return false;
	}
	w.end = clock_now() + limit;
	ok = ready ? await_ready(&w, err) : await_up(&w, err);
	if (!ok)
		explain(&w, limit, err);
	ok = ok && record(&w, ready, err);
	running_close(&w.running);
	g_free(w.shown);
	return ok;
}

bool wait_machines(struct call *call, struct error **err)
{
	(void)err;
	for (size_t i = 0; i < call->count; i++) {
		const struct object *object = &call->objects[i];
		struct error *failure = NULL;
		struct answer answer;

		if (wait_one(call, object, &failure)) {
			view_object(call, object, &answer);
			emit_answer(call, object, &answer);
		} else {
			emit_failure(call, object, &failure);
		}
	}
	return true;
}
