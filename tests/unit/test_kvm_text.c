/* kvm: what comes from a guest or from QEMU as text: the console, the list of ports, HTTP. */
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "document/json.h"
#include "kvm/accelerator.h"
#include "kvm/console.h"
#include "kvm/live.h"
#include "kvm/probe.h"

static struct machine *enter(struct arena *arena, const char *log, size_t length)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *state = g_dir_make_tmp("test-kvm-XXXXXX", NULL);
	struct machine *m = machine_new(arena, state, "shop", "web-1");

	g_assert_true(dir_make(m->folder, &err));
	g_assert_true(file_write(machine_path(arena, m, "console.log"), log, length, 0600, &err));
	return m;
}

static void leave(const struct machine *m)
{
	AUTO(error) struct error *err = NULL;

	g_assert_true(tree_remove(m->state_dir, &err));
}

static void check_tail(const char *log, unsigned lines, const char *wanted)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct machine *m = enter(arena, log, strlen(log));

	g_assert_cmpstr(console_tail(arena, m, "console.log", lines), ==, wanted);
	leave(m);
}

static void test_tail(void)
{
	check_tail("", 3, "");
	check_tail("\n\r\n", 3, "");
	check_tail("one", 3, "one");
	check_tail("one\r\ntwo\r\n\r\nthree\r\nfour", 2, "three\nfour");
	check_tail("\033[0;32m[  OK  ]\033[0m Started\033[K ssh\r\n", 3, "[  OK  ] Started ssh");
	check_tail("\033]0;title\007text \033(Bplain", 3, "text Bplain");
	check_tail("cut off \033[", 3, "cut off");
	check_tail("bell\007 and \xff", 3, "bell\\x07 and \\xff");
}

/* Only the end of a log is read, however long it is. */
static void test_tail_long(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	GString *log = g_string_new(NULL);
	struct machine *m;

	for (int i = 0; i < 100000; i++)
		g_string_append_printf(log, "line %d\n", i);
	m = enter(arena, log->str, log->len);
	g_assert_cmpstr(console_tail(arena, m, "console.log", 2), ==, "line 99998\nline 99999");
	g_assert_cmpstr(console_tail(arena, m, "missing.log", 2), ==, "");
	g_string_free(log, TRUE);
	leave(m);
}

static void append(struct arena *arena, const struct machine *m, const char *text)
{
	AUTO(fd)
	int fd = open(machine_path(arena, m, "console.log"), O_WRONLY | O_APPEND | O_CLOEXEC);

	g_assert_true(fd_write_all(fd, text, strlen(text)));
}

static void test_find(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *filler = g_strnfill(65536 - 3, '.');
	struct machine *m = enter(arena, "guest ", 6);
	int64_t from = 0;

	g_assert_false(console_find(m, "guest ready", &from, &err));
	append(arena, m, "rea");
	g_assert_false(console_find(m, "guest ready", &from, &err));
	append(arena, m, "dy\n");
	g_assert_true(console_find(m, "guest ready", &from, &err));
	append(arena, m, filler);
	append(arena, m, "second sign");
	g_assert_false(console_find(m, "third", &from, &err));
	from = 0;
	g_assert_true(console_find(m, "second sign", &from, &err));
	g_assert_null(err);
	leave(m);
}

/* A panic counts when nothing comes after it. */
static void test_panicked(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct machine *m = enter(arena, "booting\n", 8);
	int64_t size = 0;

	g_assert_false(console_panicked(m, &size));
	g_assert_false(console_panicked(m, &size));
	append(arena, m, "Kernel panic - not syncing: no init\n");
	g_assert_false(console_panicked(m, &size));
	g_assert_true(console_panicked(m, &size));
	append(arena, m, "Rebooting in 1 seconds..\n");
	g_assert_false(console_panicked(m, &size));
	for (int i = 0; i < 1000; i++)
		append(arena, m, "another boot\n");
	g_assert_false(console_panicked(m, &size));
	g_assert_false(console_panicked(m, &size));
	leave(m);
}

static void test_usernet(void)
{
	static const char text[] = "Hub 0 (net0):\r\n"
				   "  Protocol[State]    FD  Source Address  Port   Dest. Address  "
				   "Port RecvQ SendQ\r\n"
				   "  TCP[ESTABLISHED]   37       127.0.0.1 20022       10.0.2.15  "
				   "  22     0     0\r\n"
				   "  TCP[HOST_FORWARD]  17       127.0.0.1 20022       10.0.2.15  "
				   "  22     0     0\r\n"
				   "  UDP[HOST_FORWARD]  18       127.0.0.1  5353       10.0.2.15  "
				   "  53     0     0\r\n"
				   "  ICMP[10 sec]       39       10.0.2.15     -         8.8.8.8  "
				   "   -     0     0\r\n";
	struct forward forwards[4];

	g_assert_cmpuint(live_parse(text, forwards, 4), ==, 2);
	g_assert_cmpint(forwards[0].host, ==, 20022);
	g_assert_cmpint(forwards[0].guest, ==, 22);
	g_assert_false(forwards[0].udp);
	g_assert_cmpint(forwards[1].host, ==, 5353);
	g_assert_cmpint(forwards[1].guest, ==, 53);
	g_assert_true(forwards[1].udp);
	g_assert_cmpuint(live_parse(text, forwards, 1), ==, 1);
	g_assert_cmpuint(live_parse("", forwards, 4), ==, 0);
}

static bool probe_of(struct arena *arena, const char *json, struct probe *probe)
{
	AUTO(error) struct error *err = NULL;
	struct value *ready = json_parse(arena, json, strlen(json), &err);
	bool ok;

	g_assert_nonnull(ready);
	ok = probe_parse(arena, ready, probe, &err);
	g_assert_true(ok || (err->class == ERROR_CONFIG && err->hint));
	return ok;
}

static void check_url(const char *url, const char *host, int port, const char *path)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct probe probe;

	g_assert_true(probe_of(arena, arena_printf(arena, "{\"http\":\"%s\"}", url), &probe));
	g_assert_cmpint(probe.kind, ==, PROBE_HTTP);
	g_assert_cmpstr(probe.host, ==, host);
	g_assert_cmpint(probe.port, ==, port);
	g_assert_cmpstr(probe.path, ==, path);
}

static void test_urls(void)
{
	static const char *const wrong[] = {"https://a/", "a", "http://", "http:///x",
		"http://a:0/", "http://a:65536/", "http://a:8x/", "http://a:/", "http://u@a/",
		"http://[::1]/", "http://a/ b", "http://a/\\r\\nX: y", NULL};

	check_url("http://127.0.0.1", "127.0.0.1", 80, "/");
	check_url("http://127.0.0.1:8080/", "127.0.0.1", 8080, "/");
	check_url("http://web/a/b?c=d", "web", 80, "/a/b?c=d");
	check_url("http://web:1?c", "web", 1, "/?c");
	for (int i = 0; wrong[i]; i++) {
		AUTO(arena) struct arena *arena = arena_new();
		struct probe probe;

		g_assert_false(probe_of(
			arena, arena_printf(arena, "{\"http\":\"%s\"}", wrong[i]), &probe));
	}
}

static void test_probes(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct probe probe;

	g_assert_true(probe_of(arena, "{\"tcp\":5432,\"timeout\":1000}", &probe));
	g_assert_cmpint(probe.port, ==, 5432);
	g_assert_true(probe_of(arena, "{\"run\":\"true\"}", &probe));
	g_assert_cmpint(probe.kind, ==, PROBE_RUN);
	g_assert_true(probe_of(arena, "{\"console\":\"login:\"}", &probe));
	g_assert_cmpint(probe.kind, ==, PROBE_CONSOLE);
	g_assert_false(probe_of(arena, "{}", &probe));
	g_assert_false(probe_of(arena, "{\"timeout\":1000}", &probe));
	g_assert_false(probe_of(arena, "{\"tcp\":22,\"run\":\"true\"}", &probe));
	g_assert_false(probe_of(arena, "{\"tcp\":0}", &probe));
	g_assert_false(probe_of(arena, "{\"tcp\":65536}", &probe));
	g_assert_false(probe_of(arena, "{\"run\":\"\"}", &probe));
	g_assert_false(probe_of(arena, "{\"run\":7}", &probe));
}

static void test_http_status(void)
{
	g_assert_cmpint(probe_http_status("HTTP/1.1 200 OK\r\n"), ==, 200);
	g_assert_cmpint(probe_http_status("HTTP/1.0 404 Not Found\r\n"), ==, 404);
	g_assert_cmpint(probe_http_status("HTTP/1.1 301"), ==, 301);
	g_assert_cmpint(probe_http_status("HTTP/1.1 20"), ==, 0);
	g_assert_cmpint(probe_http_status("HTTP/1.1 2000 OK"), ==, 0);
	g_assert_cmpint(probe_http_status("HTTP/1."), ==, 0);
	g_assert_cmpint(probe_http_status("SSH-2.0-OpenSSH_9.2"), ==, 0);
	g_assert_cmpint(probe_http_status(""), ==, 0);
}

static void test_flags(void)
{
	g_assert_true(accelerator_has_flags("processor\t: 0\nflags\t\t: fpu vmx sse\nbugs\t:\n"));
	g_assert_true(accelerator_has_flags("processor\t: 0\nflags\t\t: fpu svm\nbugs\t:\n"));
	g_assert_false(
		accelerator_has_flags("processor\t: 0\nflags\t\t: fpu vmx_x\nbugs\t: vmx \n"));
	g_assert_false(accelerator_has_flags("processor\t: 0\n"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvm/console/tail", test_tail);
	g_test_add_func("/kvm/console/tail-long", test_tail_long);
	g_test_add_func("/kvm/console/find", test_find);
	g_test_add_func("/kvm/console/panicked", test_panicked);
	g_test_add_func("/kvm/live/usernet", test_usernet);
	g_test_add_func("/kvm/probe/urls", test_urls);
	g_test_add_func("/kvm/probe/kinds", test_probes);
	g_test_add_func("/kvm/probe/http-status", test_http_status);
	g_test_add_func("/kvm/accelerator/flags", test_flags);
	return g_test_run();
}
