/* The SDK's end of the protocol: this program is also the provider that it talks to. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/lock.h"
#include "base/process.h"
#include "base/text.h"
#include "document/json.h"
#include "provider/provider.h"

enum { PATIENCE = 20000, MANY = 64, LISTED = 10000 };

/* The provider: what it does to an object is said by the object's name. */

static void answer_text(struct call *call, const struct object *object, const char *text)
{
	struct answer answer = {.status = STATUS_PRESENT, .text = text};

	emit_answer(call, object, &answer);
}

static void answer_number(struct call *call, const struct object *object, int number)
{
	answer_text(call, object, arena_printf(call->arena, "%d", number));
}

static void read_link(struct call *call, const struct object *object)
{
	char path[4096] = "";

	if (readlink("/proc/self/fd/3", path, sizeof(path) - 1) < 0)
		answer_text(call, object, "none");
	else
		answer_text(call, object, path);
}

static void print_much(void)
{
	char line[100];

	for (int i = 0; i < 5000; i++)
		printf("{\"id\":1,\"done\":true} words that a library prints %d\n", i);
	fflush(stdout);
	/* What was the engine's is not ours to read. */
	if (fgets(line, sizeof(line), stdin))
		abort();
}

/* One that stays in the group, or one that is to outlive us. */
static void start_child(struct call *call, const struct object *object, bool session)
{
	static const char *const argv[] = {"sleep", "100", NULL};
	struct process_options options = {-1, -1, -1, .session = session};
	struct process process = {0, -1};
	AUTO(error) struct error *err = NULL;
	pid_t pid = 0;

	if (!session) {
		pid = fork();
		if (pid == 0)
			for (;;)
				pause();
	} else if (process_spawn(argv, &options, &process, &err)) {
		pid = process.pid;
	}
	answer_number(call, object, pid);
	for (;;)
		pause();
}

static void answer_huge(struct call *call, const struct object *object)
{
	AUTO(gfree) char *text = g_strnfill(PROTOCOL_LINE_MOST, 'x');

	answer_text(call, object, text);
}

static void fail_one(struct call *call, const struct object *object)
{
	struct error *err = NULL;

	error_set(&err, ERROR_DENIED, "no \xff access");
	error_hint(&err, "ask");
	emit_failure(call, object, &err);
}

static void pause_for_good(struct call *call, const struct object *object, bool deaf)
{
	if (deaf)
		signal(SIGTERM, SIG_IGN);
	emit_progress(call, object, "%d", (int)getpid());
	for (;;)
		pause();
}

/* Whatever the sanitizers make of the signal. */
static void crash(void)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static bool read_one(struct call *call, const struct object *object, struct error **err)
{
	const char *name = object->name;

	if (!strcmp(name, "whole")) {
		error_set(err, ERROR_UNAVAILABLE, "not reachable");
		return false;
	}
	if (!strcmp(name, "fail"))
		fail_one(call, object);
	else if (!strcmp(name, "crash"))
		crash();
	else if (!strcmp(name, "exit"))
		_exit(7);
	else if (!strcmp(name, "print"))
		print_much();
	else if (!strcmp(name, "huge"))
		answer_huge(call, object);
	else if (!strcmp(name, "hang") || !strcmp(name, "deaf"))
		pause_for_good(call, object, !strcmp(name, "deaf"));
	else if (!strcmp(name, "child") || !strcmp(name, "session"))
		start_child(call, object, !strcmp(name, "session"));
	else if (!strcmp(name, "lock"))
		read_link(call, object);
	else if (!strcmp(name, "sleep"))
		g_usleep(50000);
	else if (!strcmp(name, "chat"))
		emit_progress(call, object, "%0199d\xc3\xa4", 0);
	if (strcmp(name, "silent") != 0)
		answer_text(call, object, "ok");
	return true;
}

static bool act_read(struct call *call, struct error **err)
{
	for (size_t i = 0; i < call->count; i++)
		if (!read_one(call, &call->objects[i], err))
			return false;
	return true;
}

static bool other_read(struct call *call, struct error **err)
{
	(void)err;
	for (size_t i = 0; i < call->count; i++)
		answer_number(call, &call->objects[i], (int)call->count);
	return true;
}

static bool act_list(struct call *call, struct error **err)
{
	struct answer answer = {.status = STATUS_PRESENT, .incarnation = call->fleet_id};

	(void)err;
	for (int i = 0; i < LISTED; i++) {
		AUTO(gfree) char *address = g_strdup_printf("thing.%d", i);

		emit_listed(call, address, "thing", &answer);
	}
	call->complete = true;
	return true;
}

static bool act_change(struct call *call, struct error **err)
{
	(void)err;
	for (size_t i = 0; i < call->count; i++) {
		const struct object *object = &call->objects[i];
		struct answer answer = {.status = STATUS_CHANGED,
			.text = object->expect,
			.actual = object->after,
			.record = object->record};

		emit_answer(call, object, &answer);
	}
	return true;
}

static const struct field thing_fields[] = {
	{.name = "size", .type = FIELD_SIZE, .change = CHANGE_REBOOT, .doc = "how large"}, {0}};

static const struct provider_kind kinds[] = {
	{.name = "thing",
		.fields = thing_fields,
		.parallel = 3,
		.list = act_list,
		.read = act_read,
		.change = act_change,
		.wait = act_read},
	{.name = "other", .read = other_read},
	{0},
};

static const struct provider provider = {.name = "test", .version = "1.2", .kinds = kinds};

/* The engine. */

struct talk {
	struct process process;
	int in, out;
	GString *bytes;
	int64_t next_id;
};

static void talk_start(struct talk *t, const char *argument, int lock)
{
	const char *argv[] = {"/proc/self/exe", argument, NULL};
	int in[2], out[2], keep[] = {lock, -1};
	struct process_options options = {.stderr_fd = -1, .keep = keep};
	struct error *err = NULL;

	g_assert_cmpint(pipe2(in, O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe2(out, O_CLOEXEC), ==, 0);
	options.stdin_fd = in[0];
	options.stdout_fd = out[1];
	g_assert_true(process_spawn(argv, &options, &t->process, &err));
	close(in[0]);
	close(out[1]);
	t->in = in[1];
	t->out = out[0];
	t->bytes = g_string_new(NULL);
	t->next_id = 1;
}

static void say(struct talk *t, const char *text)
{
	g_assert_true(fd_write_all(t->in, text, strlen(text)));
	g_assert_true(fd_write_all(t->in, "\n", 1));
}

/* The next line, as a value; NULL at the end. */
static struct value *hear(struct talk *t, struct arena *arena)
{
	char buffer[65536], *end;
	struct error *err = NULL;
	struct value *value;

	while (!(end = memchr(t->bytes->str, '\n', t->bytes->len))) {
		struct pollfd fd = {t->out, POLLIN, 0};
		ssize_t n;

		g_assert_cmpint(poll(&fd, 1, PATIENCE), ==, 1);
		n = read(t->out, buffer, sizeof(buffer));
		g_assert_cmpint(n, >=, 0);
		if (n == 0)
			return NULL;
		g_string_append_len(t->bytes, buffer, n);
	}
	value = json_parse(arena, t->bytes->str, end - t->bytes->str, &err);
	g_assert_nonnull(value);
	g_string_erase(t->bytes, 0, end + 1 - t->bytes->str);
	return value;
}

static bool is_done(const struct value *message)
{
	return value_get_boolean(message, "done", false);
}

/* Everything up to the end of one request; of others nothing is expected. */
static struct value *hear_all(struct talk *t, struct arena *arena, int64_t id)
{
	struct value *all = value_list(arena), *message;

	do {
		message = hear(t, arena);
		g_assert_nonnull(message);
		g_assert_cmpint(value_get_integer(message, "id", -1), ==, id);
		value_append(arena, all, message);
	} while (!is_done(message));
	return all;
}

static const struct value *last(const struct value *all)
{
	return all->list.items[all->list.count - 1];
}

static const char *error_text(const struct value *message, const char *key)
{
	return value_get_string(value_get_map(message, "error"), key);
}

/* The answer for an address, NULL if there is none. */
static const struct value *answer_of(const struct value *all, const char *address)
{
	for (size_t i = 0; i < all->list.count; i++) {
		const struct value *object = value_get_map(all->list.items[i], "object");

		if (!g_strcmp0(value_get_string(object, "address"), address))
			return object;
	}
	return NULL;
}

static int64_t ask(struct talk *t, const char *rest)
{
	int64_t id = t->next_id++;
	AUTO(gfree)
	char *text = g_strdup_printf("{\"id\":%" G_GINT64_FORMAT
				     ",\"fleet\":{\"name\":\"shop\",\"id\":\"i1\"},%s}",
		id, rest);

	say(t, text);
	return id;
}

/* A read of things with these names, which are separated by spaces. */
static int64_t ask_read(struct talk *t, const char *names)
{
	GString *text = g_string_new("\"call\":\"read\",\"objects\":[");
	char **list = g_strsplit(names, " ", -1);
	int64_t id;

	for (int i = 0; list[i]; i++)
		g_string_append_printf(text,
			"%s{\"address\":\"%s.%s\",\"kind\":\"%s\",\"name\":\"%s\"}", i ? "," : "",
			g_str_has_prefix(list[i], "other") ? "other" : "thing", list[i],
			g_str_has_prefix(list[i], "other") ? "other" : "thing", list[i]);
	g_string_append(text, "]");
	id = ask(t, text->str);
	g_string_free(text, TRUE);
	g_strfreev(list);
	return id;
}

static void greet(struct talk *t)
{
	AUTO(arena) struct arena *arena = arena_new();
	int64_t id = ask(t, "\"call\":\"hello\",\"protocol\":1,\"state_dir\":\"/tmp\"");

	hear_all(t, arena, id);
}

static void talk_open(struct talk *t, const void *data)
{
	(void)data;
	talk_start(t, "--serve", -1);
	greet(t);
}

/* Its end must follow the end of its input, and be a clean one. */
static void talk_close(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct error *err = NULL;
	int status;

	(void)data;
	close(t->in);
	while (hear(t, arena))
		;
	g_assert_true(process_wait(&t->process, PATIENCE, &status, &err));
	g_assert_cmpint(status, ==, 0);
	process_close(&t->process);
	close(t->out);
	g_string_free(t->bytes, TRUE);
}

static bool is_gone(pid_t pid)
{
	AUTO(gfree) char *path = g_strdup_printf("/proc/%d/stat", (int)pid);

	for (int i = 0; i < 200; i++) {
		AUTO(gfree) char *text = NULL;
		AUTO(error) struct error *err = NULL;
		const char *state;
		size_t length;

		if (!file_read(path, 4096, &text, &length, &err))
			return true;
		state = strrchr(text, ')');
		if (state && (state[2] == 'Z' || state[2] == 'X'))
			return true;
		g_usleep(10000);
	}
	return false;
}

static void test_schema(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *all, *kind;

	(void)data;
	all = hear_all(t, arena, ask(t, "\"call\":\"schema\""));
	g_assert_cmpuint(all->list.count, ==, 3);
	kind = value_get_map(all->list.items[0], "kind");
	g_assert_cmpstr(value_get_string(kind, "name"), ==, "thing");
	g_assert_cmpint(value_get_integer(kind, "parallel", 0), ==, 3);
	g_assert_cmpint(value_get_integer(kind, "change_limit", 0), ==, 600000);
	g_assert_true(value_get_boolean(kind, "lists", false));
	g_assert_cmpstr(value_get_string(value_get_list(kind, "fields")->list.items[0], "change"),
		==, "reboot");
	kind = value_get_map(all->list.items[1], "kind");
	g_assert_false(value_get_boolean(kind, "lists", true));
	g_assert_cmpuint(value_get_list(kind, "fields")->list.count, ==, 0);
}

static void test_before_hello(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct talk t = {0};
	const struct value *all;

	talk_start(&t, "--serve", -1);
	all = hear_all(&t, arena, ask(&t, "\"call\":\"schema\""));
	g_assert_cmpstr(error_text(last(all), "message"), ==, "'schema' before hello");
	all = hear_all(&t, arena, ask(&t, "\"call\":\"hello\",\"state_dir\":\"relative\""));
	g_assert_cmpstr(
		error_text(last(all), "message"), ==, "hello needs an absolute 'state_dir'");
	talk_close(&t, NULL);
}

static void test_malformed(struct talk *t, const void *data)
{
	static const char *const lines[] = {"no json", "[1]", "{}",
		"{\"id\":0,\"call\":\"schema\"}", "{\"id\":\"1\"}", "{\"id\":1,\"id\":2}"};
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree) char *fill = g_strnfill(PROTOCOL_LINE_MOST + 1, 'x');

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		const struct value *all;

		say(t, lines[i]);
		all = hear_all(t, arena, 0);
		g_assert_cmpstr(error_text(last(all), "class"), ==, "internal");
	}
	say(t, fill);
	g_assert_nonnull(strstr(error_text(last(hear_all(t, arena, 0)), "message"), "a line of"));
	say(t, "");
	g_assert_null(error_text(last(hear_all(t, arena, ask_read(t, "a"))), "class"));
}

static void test_lacking(struct talk *t, const void *data)
{
#define OBJECT(more) \
	"\"objects\":[{\"address\":\"thing.a\",\"kind\":\"thing\",\"name\":\"a\"" more "}]"
	static const char *const cases[][2] = {
		{"\"call\":\"dance\"", "there is no call 'dance'"},
		{"\"hello\":1", "a message without 'call'"},
		{"\"call\":\"read\"", "'read' needs 'objects'"},
		{"\"call\":\"list\"", "'list' needs a 'kind'"},
		{"\"call\":\"list\",\"kind\":\"other\"", "kind 'other' knows no 'list'"},
		{"\"call\":\"list\",\"kind\":\"third\"", "there is no kind 'third' here"},
		{"\"call\":\"read\",\"objects\":[{\"address\":\"thing.a\",\"kind\":\"thing\"}]",
			"'read' needs 'address', 'kind' and 'name' of each object"},
		{"\"call\":\"read\",\"objects\":[7]",
			"'read' needs 'address', 'kind' and 'name' of each object"},
		{"\"call\":\"change\"," OBJECT(""),
			"'change' needs an 'action': create, update, replace or delete"},
		{"\"call\":\"change\"," OBJECT(",\"action\":\"create\""),
			"'change' needs an 'after'"},
		{"\"call\":\"change\"," OBJECT(",\"action\":\"delete\""),
			"'change' needs an 'expect' unless it creates"},
		{"\"call\":\"wait\"," OBJECT(""), "'wait' needs an 'until': up or ready"},
		{"\"call\":\"cancel\"", "cancel needs 'of', the id of a request"},
		{"\"fleet\":{\"name\":\"shop\"},\"call\":\"list\",\"kind\":\"thing\"", NULL},
	};
	AUTO(arena) struct arena *arena = arena_new();

	(void)data;
	for (size_t i = 0; i + 1 < G_N_ELEMENTS(cases); i++) {
		const struct value *all = hear_all(t, arena, ask(t, cases[i][0]));

		g_assert_cmpstr(error_text(last(all), "message"), ==, cases[i][1]);
		g_assert_cmpstr(error_text(last(all), "class"), ==, "internal");
	}
	say(t, "{\"id\":900,\"call\":\"list\",\"kind\":\"thing\",\"fleet\":{\"name\":\"shop\"}}");
	g_assert_cmpstr(error_text(last(hear_all(t, arena, 900)), "message"), ==,
		"'list' needs a 'fleet' with name and id");
	g_assert_cmpstr(error_text(last(hear_all(t, arena, ask_read(t, "a a"))), "message"), ==,
		"'thing.a' stands in one request twice");
}

static void test_answers(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *all, *object;

	(void)data;
	all = hear_all(t, arena, ask_read(t, "fail silent ok"));
	g_assert_null(error_text(last(all), "message"));
	g_assert_cmpuint(all->list.count, ==, 4);
	object = answer_of(all, "thing.fail");
	g_assert_cmpstr(value_get_string(object, "status"), ==, "failed");
	g_assert_cmpstr(error_text(object, "class"), ==, "denied");
	g_assert_cmpstr(error_text(object, "hint"), ==, "ask");
	g_assert_true(g_str_has_prefix(error_text(object, "message"), "no "));
	object = answer_of(all, "thing.silent");
	g_assert_cmpstr(error_text(object, "message"), ==, "the provider did not answer");
	object = answer_of(all, "thing.ok");
	g_assert_cmpstr(value_get_string(object, "status"), ==, "present");
	g_assert_cmpstr(value_get_string(object, "text"), ==, "ok");
}

/* Objects of several kinds reach each function in one batch. */
static void test_mixed(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *all = hear_all(t, arena, ask_read(t, "other1 a other2 b other3"));

	(void)data;
	g_assert_cmpuint(all->list.count, ==, 6);
	g_assert_cmpstr(value_get_string(answer_of(all, "other.other1"), "text"), ==, "3");
	g_assert_cmpstr(value_get_string(answer_of(all, "thing.b"), "text"), ==, "ok");
}

static void test_change(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *all, *object;

	(void)data;
	all = hear_all(t, arena,
		ask(t, "\"call\":\"change\"," OBJECT(
			       ",\"action\":\"update\",\"expect\":\"i\","
			       "\"after\":{\"size\":5},\"record\":{\"x\":[]}")));
	object = answer_of(all, "thing.a");
	g_assert_cmpstr(value_get_string(object, "status"), ==, "changed");
	g_assert_cmpstr(value_get_string(object, "text"), ==, "i");
	g_assert_cmpint(value_get_integer(value_get_map(object, "actual"), "size", 0), ==, 5);
	g_assert_nonnull(value_get_list(value_get_map(object, "record"), "x"));
}

static void test_whole(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *all = hear_all(t, arena, ask_read(t, "ok whole other"));

	(void)data;
	g_assert_cmpstr(error_text(last(all), "class"), ==, "unavailable");
	g_assert_cmpstr(error_text(last(all), "message"), ==, "not reachable");
	g_assert_nonnull(answer_of(all, "thing.ok"));
}

/* The answers before the crash stay; the rest ends with the request's error. */
static void test_crash(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *all = hear_all(t, arena, ask_read(t, "ok crash after"));

	(void)data;
	g_assert_nonnull(answer_of(all, "thing.ok"));
	g_assert_null(answer_of(all, "thing.after"));
	g_assert_cmpstr(error_text(last(all), "class"), ==, "internal");
	g_assert_nonnull(strstr(error_text(last(all), "message"), "signal 11"));
	all = hear_all(t, arena, ask_read(t, "exit"));
	g_assert_nonnull(strstr(error_text(last(all), "message"), "exit code 7"));
	g_assert_nonnull(answer_of(hear_all(t, arena, ask_read(t, "ok")), "thing.ok"));
}

static void test_print(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *all = hear_all(t, arena, ask_read(t, "print"));

	(void)data;
	g_assert_cmpuint(all->list.count, ==, 2);
	g_assert_cmpstr(value_get_string(answer_of(all, "thing.print"), "text"), ==, "ok");
}

static void test_huge(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *all = hear_all(t, arena, ask_read(t, "huge ok"));

	(void)data;
	g_assert_nonnull(strstr(error_text(answer_of(all, "thing.huge"), "message"), "longer"));
	g_assert_cmpstr(value_get_string(answer_of(all, "thing.ok"), "text"), ==, "ok");
}

/* Cut to 200 bytes, between characters. */
static void test_progress(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *all = hear_all(t, arena, ask_read(t, "chat"));
	const char *text = value_get_string(all->list.items[0], "text");

	(void)data;
	g_assert_cmpstr(value_get_string(all->list.items[0], "event"), ==, "progress");
	g_assert_cmpstr(value_get_string(all->list.items[0], "address"), ==, "thing.chat");
	g_assert_cmpuint(strlen(text), ==, 199);
}

/* Much more than the pipe and the queue hold, with nobody reading for a while. */
static void test_list(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	int64_t id = ask(t, "\"call\":\"list\",\"kind\":\"thing\"");
	const struct value *all;

	(void)data;
	g_usleep(50000);
	all = hear_all(t, arena, id);
	g_assert_cmpuint(all->list.count, ==, LISTED + 1);
	g_assert_true(value_get_boolean(last(all), "complete", false));
}

/* A worker each: together they take little longer than one. */
static void test_many(struct talk *t, const void *data)
{
	int64_t before = clock_now();
	unsigned done = 0;

	(void)data;
	for (int i = 0; i < MANY; i++)
		ask_read(t, "sleep");
	while (done < MANY) {
		AUTO(arena) struct arena *arena = arena_new();
		const struct value *message = hear(t, arena);

		g_assert_nonnull(message);
		g_assert_null(value_get(message, "error"));
		done += is_done(message);
	}
	g_assert_cmpint(clock_now() - before, <, MANY * 50 * 3 / 4);
}

/* The process that works on a request that never ends, once it has said so. */
static pid_t hear_pid(struct talk *t)
{
	AUTO(arena) struct arena *arena = arena_new();
	const struct value *message = hear(t, arena);
	const char *text = value_get_string(message, "text");

	if (!text)
		text = value_get_string(value_get_map(message, "object"), "text");
	g_assert_nonnull(text);
	g_assert_cmpint(strtol(text, NULL, 10), >, 1);
	return strtol(text, NULL, 10);
}

static void cancel(struct talk *t, struct arena *arena, int64_t of)
{
	AUTO(gfree)
	char *rest = g_strdup_printf("\"call\":\"cancel\",\"of\":%" G_GINT64_FORMAT, of);

	g_assert_null(error_text(last(hear_all(t, arena, ask(t, rest))), "message"));
}

static void test_cancel(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	int64_t id = ask_read(t, "hang");
	pid_t pid = hear_pid(t);
	const struct value *all;

	(void)data;
	g_assert_nonnull(answer_of(hear_all(t, arena, ask_read(t, "ok")), "thing.ok"));
	cancel(t, arena, id);
	all = hear_all(t, arena, id);
	g_assert_cmpstr(error_text(last(all), "class"), ==, "cancelled");
	g_assert_true(is_gone(pid));
	/* It has ended: to cancel it again is no error. */
	cancel(t, arena, id);
}

/* What a worker has forked ends with it. */
static void test_group(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	int64_t id = ask_read(t, "child");
	pid_t pid = hear_pid(t);

	(void)data;
	cancel(t, arena, id);
	hear_all(t, arena, id);
	g_assert_true(is_gone(pid));
}

static void test_same_id(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	int64_t id = ask_read(t, "hang");
	const struct value *all;

	(void)data;
	hear_pid(t);
	t->next_id = id;
	ask_read(t, "ok");
	all = hear_all(t, arena, 0);
	g_assert_nonnull(strstr(error_text(last(all), "message"), "the id of one under way"));
}

/* talk_close checks the end; here that the workers have gone with it. */
static void test_end(void)
{
	struct talk t = {0};
	pid_t first, second;

	talk_open(&t, NULL);
	ask_read(&t, "hang");
	first = hear_pid(&t);
	ask_read(&t, "child");
	second = hear_pid(&t);
	talk_close(&t, NULL);
	g_assert_true(is_gone(first));
	g_assert_true(is_gone(second));
}

static void test_killed(void)
{
	struct talk t = {0};
	pid_t pid;

	talk_open(&t, NULL);
	ask_read(&t, "deaf");
	pid = hear_pid(&t);
	process_close(&t.process);
	g_assert_true(is_gone(pid));
	close(t.in);
	close(t.out);
	g_string_free(t.bytes, TRUE);
}

/* Workers hold the lock as long as they may act; what they start to outlive them does not. */
static void test_lock(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree) char *folder = g_dir_make_tmp("serve-XXXXXX", NULL);
	AUTO(gfree) char *path = g_build_filename(folder, "lock", NULL);
	struct talk t = {0};
	struct error *err = NULL;
	const struct value *all;
	pid_t pid;
	int fd = -1;

	g_assert_true(lock_take(path, "a test", &fd, &err));
	talk_start(&t, "--serve", fd);
	close(fd);
	greet(&t);
	all = hear_all(&t, arena, ask_read(&t, "lock"));
	g_assert_cmpstr(value_get_string(answer_of(all, "thing.lock"), "text"), ==, path);
	ask_read(&t, "session");
	pid = hear_pid(&t);
	g_assert_true(lock_held(path));
	talk_close(&t, NULL);
	g_assert_false(lock_held(path));
	g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
	g_assert_true(tree_remove(folder, &err));
}

static char *run_self(const char *mode, const char *argument)
{
	AUTO(gfree) char *self = g_file_read_link("/proc/self/exe", NULL);
	const char *argv[] = {self, mode, argument, NULL};
	struct process_options options = {-1, -1, -1, NULL, NULL, NULL, false, false};
	struct error *err = NULL;
	char *text = NULL;

	g_assert_true(process_run(argv, &options, PATIENCE, NULL, NULL, &text, &err));
	return text;
}

static void test_arguments(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree) char *version = run_self("--arguments", "--version");
	AUTO(gfree) char *schema = run_self("--arguments", "--schema");
	struct error *err = NULL;
	const struct value *value;

	g_assert_cmpstr(version, ==, "provider-test 1.2 (protocol 1)\n");
	value = json_parse(arena, schema, strlen(schema), &err);
	g_assert_nonnull(value);
	g_assert_cmpuint(value_get_list(value, "kinds")->list.count, ==, 2);
}

/* Started first and looked at last, since a worker that ignores SIGTERM lives for 5 s more. */
struct slow {
	struct talk cancelled, ended;
	pid_t cancelled_pid, ended_pid;
	int64_t id;
};

static void slow_start(struct slow *s)
{
	AUTO(arena) struct arena *arena = arena_new();

	talk_open(&s->cancelled, NULL);
	s->id = ask_read(&s->cancelled, "deaf");
	s->cancelled_pid = hear_pid(&s->cancelled);
	cancel(&s->cancelled, arena, s->id);
	talk_open(&s->ended, NULL);
	ask_read(&s->ended, "deaf");
	s->ended_pid = hear_pid(&s->ended);
	close(s->ended.in);
	s->ended.in = open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static void test_slow(const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct slow *s = (struct slow *)data;
	const struct value *all = hear_all(&s->cancelled, arena, s->id);

	g_assert_cmpstr(error_text(last(all), "class"), ==, "cancelled");
	g_assert_true(is_gone(s->cancelled_pid));
	talk_close(&s->cancelled, NULL);
	talk_close(&s->ended, NULL);
	g_assert_true(is_gone(s->ended_pid));
}

#define add(name, function) \
	g_test_add("/serve/" name, struct talk, NULL, talk_open, function, talk_close)

int main(int argc, char **argv)
{
	struct slow slow = {0};

	if (argc == 2 && !strcmp(argv[1], "--serve"))
		return provider_serve(&provider, 1, argv);
	if (argc == 3 && !strcmp(argv[1], "--arguments"))
		return provider_serve(&provider, 2, argv + 1);
	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN);
	add("schema", test_schema);
	g_test_add_func("/serve/before-hello", test_before_hello);
	add("malformed", test_malformed);
	add("lacking", test_lacking);
	add("answers", test_answers);
	add("mixed", test_mixed);
	add("change", test_change);
	add("whole", test_whole);
	add("crash", test_crash);
	add("print", test_print);
	add("huge", test_huge);
	add("progress", test_progress);
	add("list", test_list);
	add("many", test_many);
	add("cancel", test_cancel);
	add("group", test_group);
	add("same-id", test_same_id);
	g_test_add_func("/serve/end", test_end);
	g_test_add_func("/serve/killed", test_killed);
	g_test_add_func("/serve/lock", test_lock);
	g_test_add_func("/serve/arguments", test_arguments);
	g_test_add_data_func("/serve/deaf", &slow, test_slow);
	slow_start(&slow);
	return g_test_run();
}
