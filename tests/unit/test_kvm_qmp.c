/* kvm: the monitor's client against a peer that follows a script. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/text.h"
#include "document/json.h"
#include "kvm/card.h"
#include "kvm/qmp.h"
#include "kvm/socket.h"

#define GREETING "{\"QMP\":{\"version\":{},\"capabilities\":[]}}\r\n"
#define OK(id) "{\"return\":{},\"id\":" #id "}\r\n"

enum { LIMIT = 5000, SHORT = 150 };

/* One exchange: what is awaited as a part of the next line (NULL: nothing), and what is then said
 * (NULL: the connection is closed). */
struct turn {
	const char *heard, *said;
};

static bool read_line(int fd, char *line, size_t size)
{
	size_t length = 0;

	while (length + 1 < size && read(fd, line + length, 1) == 1 && line[length] != '\n')
		length++;
	line[length] = '\0';
	return length > 0;
}

/* In a child: 0 when all went by the script. */
static int play(int fd, const struct turn *script)
{
	char line[4096];

	for (; script->heard || script->said; script++) {
		if (script->heard &&
			(!read_line(fd, line, sizeof(line)) || !strstr(line, script->heard)))
			return 1;
		if (!script->said)
			return 0;
		if (!fd_write_all(fd, script->said, strlen(script->said)))
			return 2;
	}
	/* Stays until the other side has gone. */
	while (read(fd, line, 1) > 0)
		;
	return 0;
}

static pid_t peer(const struct turn *script, int *fd)
{
	int fds[2];
	pid_t pid;

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		_exit(play(fds[1], script));
	}
	close(fds[1]);
	*fd = fds[0];
	return pid;
}

static void played(pid_t pid)
{
	int status = -1;

	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
}

static struct qmp *attach(const struct turn *script, pid_t *pid)
{
	AUTO(error) struct error *err = NULL;
	struct qmp *qmp;
	int fd;

	*pid = peer(script, &fd);
	qmp = qmp_attach(fd, LIMIT, &err);
	g_assert_nonnull(qmp);
	return qmp;
}

static void test_call(void)
{
	static const struct turn script[] = {{NULL, GREETING}, {"qmp_capabilities", OK(1)},
		{"\"execute\":\"query-status\"",
			"{\"return\":{\"status\":\"running\"},\"id\":2}\r\n"},
		{NULL, NULL}};
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	pid_t pid;
	struct qmp *qmp = attach(script, &pid);
	struct value *value = qmp_call(qmp, arena, "query-status", NULL, LIMIT, &err);

	g_assert_cmpstr(value_get_string(value, "status"), ==, "running");
	qmp_close(qmp);
	played(pid);
}

/* Events and answers to others come in between, and a line comes in pieces. */
static void test_between(void)
{
	static const struct turn script[] = {{NULL, GREETING},
		{"qmp_capabilities", "{\"event\":\"STOP\"}\r\n" OK(1)},
		{"stop", "{\"event\":\"STOP\",\"data\":{}}\r\n{\"return\":{\"old\":1},\"id\":1}\r\n"
			 "{\"return\""},
		{NULL, ":{\"new\":1},\"id\":2}\r\n{\"event\":\"X\"}\r\n"}, {"cont", OK(3)},
		{NULL, NULL}};
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	pid_t pid;
	struct qmp *qmp = attach(script, &pid);
	struct value *value = qmp_call(qmp, arena, "stop", NULL, LIMIT, &err);

	g_assert_cmpint(value_get_integer(value, "new", 0), ==, 1);
	g_assert_true(qmp_do(qmp, "cont", NULL, LIMIT, &err));
	qmp_close(qmp);
	played(pid);
}

/* What QEMU says reaches a terminal: it is escaped. */
static void test_refused(void)
{
	static const struct turn script[] = {{NULL, GREETING}, {"qmp_capabilities", OK(1)},
		{"block_resize", "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no \\u001b[31m "
				 "node\"},\"id\":2}\r\n"},
		{NULL, NULL}};
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct value *arguments = value_map(arena);
	pid_t pid;
	struct qmp *qmp = attach(script, &pid);

	value_set(arena, arguments, "size", value_integer(arena, 512));
	g_assert_false(qmp_do(qmp, "block_resize", arguments, LIMIT, &err));
	g_assert_cmpint(err->class, ==, ERROR_FAILED);
	g_assert_nonnull(strstr(err->message, "'block_resize'"));
	g_assert_nonnull(strstr(err->message, "node"));
	g_assert_null(strchr(err->message, '\033'));
	qmp_close(qmp);
	played(pid);
}

static void test_hangs_up(void)
{
	static const struct turn script[] = {
		{NULL, GREETING}, {"qmp_capabilities", OK(1)}, {"quit", NULL}, {NULL, NULL}};
	AUTO(error) struct error *err = NULL;
	pid_t pid;
	struct qmp *qmp = attach(script, &pid);

	g_assert_false(qmp_do(qmp, "quit", NULL, LIMIT, &err));
	g_assert_cmpint(err->class, ==, ERROR_UNAVAILABLE);
	qmp_close(qmp);
	played(pid);
}

static void test_silent(void)
{
	static const struct turn script[] = {
		{NULL, GREETING}, {"qmp_capabilities", OK(1)}, {"stop", ""}, {NULL, NULL}};
	AUTO(error) struct error *err = NULL;
	int64_t start = clock_now();
	pid_t pid;
	struct qmp *qmp = attach(script, &pid);

	g_assert_false(qmp_do(qmp, "stop", NULL, SHORT, &err));
	g_assert_cmpint(err->class, ==, ERROR_TIMEOUT);
	g_assert_cmpint(clock_now() - start, <, LIMIT);
	qmp_close(qmp);
	played(pid);
}

static void test_await(void)
{
	static const struct turn script[] = {{NULL, GREETING},
		{"qmp_capabilities", OK(1) "{\"event\":\"A\"}\r\n{\"event\":\"B\"}\r\n"},
		{NULL, NULL}};
	AUTO(error) struct error *err = NULL;
	pid_t pid;
	struct qmp *qmp = attach(script, &pid);

	g_assert_true(qmp_await(qmp, "B", LIMIT, &err));
	g_assert_false(qmp_await(qmp, "B", SHORT, &err));
	g_assert_cmpint(err->class, ==, ERROR_TIMEOUT);
	qmp_close(qmp);
	played(pid);
}

static bool up(const char *text)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;

	return card_is_up(json_parse(arena, text, strlen(text), &err));
}

static void test_card(void)
{
	g_assert_false(up("[{\"promiscuous\":true,\"multicast-table\":[]}]"));
	g_assert_true(up("[{\"promiscuous\":false,\"multicast-table\":[]}]"));
	g_assert_true(up("[{\"promiscuous\":true,\"multicast-table\":[\"01:00:5e:00:00:01\"]}]"));
	g_assert_false(up("[]"));
	g_assert_false(up("{}"));
	g_assert_false(card_is_up(NULL));
}

static void check_greeting(const struct turn *script, enum error_class class)
{
	AUTO(error) struct error *err = NULL;
	int fd;
	pid_t pid = peer(script, &fd);

	g_assert_null(qmp_attach(fd, SHORT, &err));
	g_assert_cmpint(err->class, ==, class);
	played(pid);
}

static void test_greetings(void)
{
	static const struct turn silent[] = {{NULL, ""}, {NULL, NULL}}, none[] = {{NULL, NULL}},
				 other[] = {{NULL, "{\"hello\":1}\n"}, {NULL, NULL}},
				 text[] = {{NULL, "SSH-2.0-x\n"}, {NULL, NULL}},
				 list[] = {{NULL, "[]\n"}, {NULL, NULL}};

	check_greeting(silent, ERROR_TIMEOUT);
	check_greeting(none, ERROR_TIMEOUT);
	check_greeting(other, ERROR_FAILED);
	check_greeting(list, ERROR_FAILED);
	check_greeting(text, ERROR_FAILED);
}

/* A hostile QEMU cannot make us keep what it says without end. */
static void test_endless(void)
{
	AUTO(error) struct error *err = NULL;
	int fds[2];
	pid_t pid;

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	pid = fork();
	if (pid == 0) {
		char block[65536];

		close(fds[0]);
		memset(block, ' ', sizeof(block));
		while (send(fds[1], block, sizeof(block), MSG_NOSIGNAL) > 0)
			;
		_exit(0);
	}
	close(fds[1]);
	g_assert_null(qmp_attach(fds[0], LIMIT, &err));
	g_assert_cmpint(err->class, ==, ERROR_FAILED);
	played(pid);
}

/* The folder's path is longer than the address of a unix socket may be. */
static void test_long_path(void)
{
	static const struct turn script[] = {
		{NULL, GREETING}, {"qmp_capabilities", OK(1)}, {NULL, NULL}};
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *folder = g_dir_make_tmp("test-kvm-XXXXXX", NULL);
	AUTO(gfree) char *name = g_strnfill(100, 'x');
	AUTO(gfree) char *deep = g_build_filename(folder, name, name, NULL);
	AUTO(fd) int fd = -1;
	struct qmp *qmp;
	pid_t pid;

	g_assert_true(dir_make(deep, &err));
	fd = socket_listen(deep, "qmp.sock", &err);
	g_assert_cmpint(fd, >=, 0);
	pid = fork();
	if (pid == 0)
		_exit(play(accept(fd, NULL, NULL), script));
	qmp = qmp_open(deep, "qmp.sock", LIMIT, &err);
	g_assert_nonnull(qmp);
	qmp_close(qmp);
	played(pid);
	close(fd_steal(&fd));
	g_assert_null(qmp_open(deep, "qmp.sock", LIMIT, &err));
	g_assert_cmpint(err->class, ==, ERROR_UNAVAILABLE);
	error_clear(&err);
	g_assert_true(tree_remove(folder, &err));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvm/qmp/call", test_call);
	g_test_add_func("/kvm/qmp/between", test_between);
	g_test_add_func("/kvm/qmp/refused", test_refused);
	g_test_add_func("/kvm/qmp/hangs-up", test_hangs_up);
	g_test_add_func("/kvm/qmp/silent", test_silent);
	g_test_add_func("/kvm/qmp/await", test_await);
	g_test_add_func("/kvm/card/is-up", test_card);
	g_test_add_func("/kvm/qmp/greetings", test_greetings);
	g_test_add_func("/kvm/qmp/endless", test_endless);
	g_test_add_func("/kvm/qmp/long-path", test_long_path);
	return g_test_run();
}
