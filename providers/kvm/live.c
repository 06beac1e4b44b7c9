/* Forwarded ports have no QMP command of their own: they go through the human monitor. What it
 * answers is not relied upon; afterwards the list is read again. The command lines hold nothing but
 * numbers. */
#include "live.h"

#include <netinet/in.h>
#include <string.h>

#include "qmp.h"

enum { LIMIT = 10000, FORWARDS_MOST = 512 };

struct present {
	struct forward forwards[FORWARDS_MOST];
	size_t count;
};

static const char *monitor(
	struct qmp *qmp, struct arena *arena, const char *line, struct error **err)
{
	struct value *arguments = value_map(arena);
	const struct value *said;

	value_set(arena, arguments, "command-line", value_string(arena, line));
	said = qmp_call(qmp, arena, "human-monitor-command", arguments, LIMIT, err);
	if (!said)
		return NULL;
	return said->type == VALUE_STRING ? said->text.bytes : "";
}

/* "  TCP[HOST_FORWARD]  12  127.0.0.1  20022  10.0.2.15  22  0  0" */
static bool line_parse(const char *line, struct forward *f)
{
	char protocol[8];

	if (sscanf(line, " %7[A-Z][HOST_FORWARD] %*s %*s %d %*s %d", protocol, &f->host,
		    &f->guest) != 3)
		return false;
	f->udp = !strcmp(protocol, "UDP");
	return true;
}

size_t live_parse(const char *text, struct forward *forwards, size_t most)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	size_t count = 0;

	for (char **line = lines; *line && count < most; line++)
		if (line_parse(*line, &forwards[count]))
			count++;
	return count;
}

static bool present_read(
	struct qmp *qmp, struct arena *arena, struct present *present, struct error **err)
{
	const char *text = monitor(qmp, arena, "info usernet", err);

	if (text)
		present->count = live_parse(text, present->forwards, FORWARDS_MOST);
	return text != NULL;
}

static bool has(const struct forward *forwards, size_t count, const struct forward *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (forwards[i].host == wanted->host && forwards[i].guest == wanted->guest &&
			forwards[i].udp == wanted->udp)
			return true;
	return false;
}

static bool remove_others(struct qmp *qmp, struct arena *arena, const struct present *present,
	const struct forward *wanted, size_t count, struct error **err)
{
	for (size_t i = 0; i < present->count; i++) {
		const struct forward *f = &present->forwards[i];

		if (!has(wanted, count, f) &&
			!monitor(qmp, arena,
				arena_printf(arena, "hostfwd_remove net0 %s:127.0.0.1:%d",
					f->udp ? "udp" : "tcp", f->host),
				err))
			return false;
	}
	return true;
}

static bool add_missing(struct qmp *qmp, struct arena *arena, const struct present *present,
	const struct forward *wanted, size_t count, struct error **err)
{
	for (size_t i = 0; i < count; i++) {
		AUTO(gfree) char *rule = forward_rule(&wanted[i]);

		if (!has(present->forwards, present->count, &wanted[i]) &&
			!monitor(qmp, arena, arena_printf(arena, "hostfwd_add net0 %s", rule), err))
			return false;
	}
	return true;
}

static bool check(const struct present *present, const struct forward *wanted, size_t count,
	struct error **err)
{
	for (size_t i = 0; i < count; i++) {
		if (has(present->forwards, present->count, &wanted[i]))
			continue;
		error_set(err, ERROR_CONFLICT, "ports: QEMU cannot listen on %s port %d",
			wanted[i].udp ? "UDP" : "TCP", wanted[i].host);
		error_hint(
			err, wanted[i].host < IPPORT_RESERVED
				     ? "a machine that had no port below 1024 when it started gets "
				       "none while "
				       "it runs: stop it with state: stopped, then start it again"
				     : "something else on this host uses it");
		return false;
	}
	return true;
}

/* All of the machine's, that of its SSH server first. */
static const struct forward *wanted_of(struct arena *arena, const struct machine *m, size_t *count)
{
	struct forward *all = arena_array_of(arena, struct forward, m->settings.forward_count + 1);

	*count = 0;
	if (m->ssh_port)
		all[(*count)++] = (struct forward){m->ssh_port, 22, false};
	for (size_t i = 0; i < m->settings.forward_count; i++)
		all[(*count)++] = m->settings.forwards[i];
	return all;
}

bool live_ports(const struct machine *m, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(qmp) struct qmp *qmp = qmp_open(m->folder, "qmp.sock", LIMIT, err);
	struct present *present = arena_new_of(arena, struct present);
	size_t count;
	const struct forward *wanted = wanted_of(arena, m, &count);

	return qmp && present_read(qmp, arena, present, err) &&
	       remove_others(qmp, arena, present, wanted, count, err) &&
	       add_missing(qmp, arena, present, wanted, count, err) &&
	       present_read(qmp, arena, present, err) && check(present, wanted, count, err);
}

bool live_disk(const struct machine *m, int64_t size, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(qmp) struct qmp *qmp = qmp_open(m->folder, "qmp.sock", LIMIT, err);
	struct value *arguments = value_map(arena);

	value_set(arena, arguments, "node-name", value_string(arena, "disk"));
	value_set(arena, arguments, "size", value_integer(arena, size));
	return qmp &&
	       (qmp_do(qmp, "block_resize", arguments, LIMIT, err) || error_prefix(err, "disk"));
}
