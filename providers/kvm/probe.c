/* Each probe is one short try with one answer; who waits repeats it. */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/text.h"
#include "console.h"

enum { REPLY_MOST = 512, HTTP_PORT = 80, OUTPUT_SHOWN = 200 };

static const char scheme[] = "http://";

static bool bad(struct error **err, const char *what, const char *hint)
{
	error_set(err, ERROR_CONFIG, "ready: %s", what);
	error_hint(err, "%s", hint);
	return false;
}

/* "http://HOST[:PORT][/PATH]". What would break a line of the request is refused. */
static bool url_parse(struct arena *arena, const char *url, struct probe *probe, struct error **err)
{
	const char *host = url + strlen(scheme), *end, *colon;
	AUTO(gfree) char *number = NULL;
	char *rest = NULL;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return bad(err, "http needs a URL that begins with http://",
			"for anything else say run: with a command that tells");
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p == 0x7f || *p == '@' || *p == '[')
			return bad(err, "http has a URL with something in it that is not allowed",
				"write http://HOST:PORT/PATH, without blanks");
	end = host + strcspn(host, "/?#");
	colon = memchr(host, ':', end - host);
	probe->port = HTTP_PORT;
	if (colon) {
		number = g_strndup(colon + 1, end - colon - 1);
		probe->port = (int)g_ascii_strtoull(number, &rest, 10);
		if (!*number || *rest || strlen(number) > 5 || probe->port < 1 ||
			probe->port > 65535)
			return bad(err, "http has no valid port", "ports are from 1 to 65535");
	}
	probe->host = arena_strndup(arena, host, (colon ? colon : end) - host);
	probe->path = *end == '/' ? arena_strdup(arena, end)
				  : arena_printf(arena, "/%s", *end == '#' ? "" : end);
	return *probe->host || bad(err, "http has no host", "write http://HOST:PORT/PATH");
}

static int count_of(const struct value *ready)
{
	static const char *const names[] = {"tcp", "http", "run", "console"};
	int count = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		count += value_get(ready, names[i]) != NULL;
	return count;
}

bool probe_parse(
	struct arena *arena, const struct value *ready, struct probe *probe, struct error **err)
{
	int64_t port = value_get_integer(ready, "tcp", 0);
	const char *url = value_get_string(ready, "http");

	*probe = (struct probe){.host = "127.0.0.1", .path = "/"};
	if (count_of(ready) != 1)
		return bad(err, "it must say exactly one of tcp, http, run and console",
			"for more than one condition say run: with a command that checks them");
	if (url) {
		probe->kind = PROBE_HTTP;
		probe->shown = url;
		return url_parse(arena, url, probe, err);
	}
	if (port) {
		probe->kind = PROBE_TCP;
		probe->port = (int)port;
		probe->shown = arena_printf(arena, "TCP port %d", probe->port);
		return (port > 0 && port < 65536) ||
		       bad(err, "tcp has no valid port", "ports are from 1 to 65535");
	}
	probe->kind = value_get_string(ready, "run") ? PROBE_RUN : PROBE_CONSOLE;
	probe->text = value_get_string(ready, probe->kind == PROBE_RUN ? "run" : "console");
	if (!probe->text || !*probe->text)
		return bad(err, "it has an empty or wrong value", "see 'ready' of a machine");
	probe->shown =
		probe->kind == PROBE_RUN ? "the command" : arena_printf(arena, "'%s'", probe->text);
	return true;
}

bool probe_needs_login(const struct probe *probe, const struct machine *m)
{
	return probe->kind == PROBE_RUN || (probe->kind != PROBE_CONSOLE && m->base.login);
}

static bool not_yet(struct error **err, const char *what)
{
	error_set(err, ERROR_UNAVAILABLE, "%s", what);
	return false;
}

int probe_http_status(const char *reply)
{
	const char *code = reply + strlen("HTTP/1.1 ");

	if (strncmp(reply, "HTTP/1.", strlen("HTTP/1.")) != 0 || strlen(reply) < 12 ||
		code[-1] != ' ' || strspn(code, "0123456789") != 3)
		return 0;
	return (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
}

static bool judge_http(const char *reply, struct error **err)
{
	int status = probe_http_status(reply);

	if (status >= 200 && status < 400)
		return true;
	error_set(err, ERROR_UNAVAILABLE,
		status ? "it answers with status %d" : "it answers with something else than HTTP",
		status);
	return false;
}

static char *request_format(const struct probe *probe)
{
	if (probe->kind == PROBE_TCP)
		return NULL;
	return g_strdup_printf("GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: provision\r\n"
			       "Accept: */*\r\nConnection: close\r\n\r\n",
		probe->path, probe->host, probe->port);
}

/* The port of this host that leads to the machine's, for machines without a login. */
static int host_port(const struct probe *probe, const struct machine *m, struct error **err)
{
	for (size_t i = 0; i < m->settings.forward_count; i++) {
		const struct forward *f = &m->settings.forwards[i];

		if (!f->udp && f->guest == probe->port)
			return f->host;
	}
	error_set(err, ERROR_CONFIG, "ready: port %d of a machine without login is not reachable",
		probe->port);
	error_hint(
		err, "add \"%d\" to its 'ports', or wait for a text on its console", probe->port);
	return -1;
}

static bool ready_for(int fd, short events, int64_t end)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, (int)CLAMP(end - clock_now(), 0, INT32_MAX)) > 0;
}

/* QEMU accepts for the machine, so that alone says nothing: one that nobody serves is closed. */
static bool talk_direct(
	int fd, const char *request, int64_t end, GString *reply, struct error **err)
{
	char buffer[REPLY_MOST];
	ssize_t n;

	if (!ready_for(fd, POLLOUT, end) ||
		(request && !fd_write_all(fd, request, strlen(request))))
		return not_yet(err, "no answer");
	while (reply->len < REPLY_MOST && ready_for(fd, POLLIN, end)) {
		n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n <= 0)
			return reply->len > 0 || not_yet(err, "the connection is closed at once");
		g_string_append_len(reply, buffer, n);
	}
	return !request || reply->len > 0 || not_yet(err, "no answer");
}

static bool try_direct(
	const struct probe *probe, const struct machine *m, int64_t end, struct error **err)
{
	int port = host_port(probe, m, err);
	AUTO(fd) int fd = port < 0 ? -1 : login_connect(port, err);
	AUTO(gfree) char *request = request_format(probe);
	GString *reply = g_string_new(NULL);
	bool ok = fd >= 0 && talk_direct(fd, request, end, reply, err) &&
		  (!request || judge_http(reply->str, err));

	g_string_free(reply, TRUE);
	return ok;
}

static bool try_inside(
	const struct probe *probe, struct ssh_link *link, int64_t milliseconds, struct error **err)
{
	AUTO(gfree) char *request = request_format(probe);
	AUTO(gfree) char *reply = NULL;

	if (!ssh_link_talk(link, probe->host, probe->port, request, REPLY_MOST, milliseconds,
		    request ? &reply : NULL, err))
		return false;
	return !request || judge_http(reply, err);
}

static bool try_run(
	const struct probe *probe, struct ssh_link *link, int64_t milliseconds, struct error **err)
{
	AUTO(gfree) char *output = NULL;
	AUTO(gfree) char *safe = NULL;
	int status;

	if (!ssh_link_run(link, probe->text, milliseconds, &status, &output, err))
		return false;
	if (status == 0)
		return true;
	g_strchomp(output);
	safe = text_escape(output, MIN(strlen(output), OUTPUT_SHOWN));
	error_set(err, ERROR_UNAVAILABLE, "it exits with %d%s%s", status, *safe ? ": " : "", safe);
	return false;
}

bool probe_try(struct probe *probe, const struct machine *m, struct ssh_link *link,
	int64_t milliseconds, struct error **err)
{
	switch (probe->kind) {
	case PROBE_RUN:
		return try_run(probe, link, milliseconds, err);
	case PROBE_CONSOLE:
		if (console_find(m, probe->text, &probe->from, err))
			return true;
		return *err ? false : not_yet(err, "the console has not said it");
	case PROBE_TCP:
	case PROBE_HTTP:
		break;
	}
	return link ? try_inside(probe, link, milliseconds, err)
		    : try_direct(probe, m, clock_now() + milliseconds, err);
}
