/* The SDK's end of the protocol: this program is also the provider that it talks to. */
#include <signal.h>
#include <string.h>

#include "base/lock.h"
#include "tests/unit/serve_provider.h"
#include "tests/unit/serve_talk.h"

enum { MANY = 64 };

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
