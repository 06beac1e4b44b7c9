/* The engine's end of the protocol, against provider programs that keep to it. */
#include <fcntl.h>

#include "tests/unit/client_fixture.h"

static void test_schema(struct fixture *f, const void *data)
{
	size_t count;
	const struct client_kind *machine, *any;

	(void)data;
	fixture_ready(f, "fake");
	g_assert_cmpstr(client_name(f->client), ==, "fake");
	client_kinds(f->client, &count);
	g_assert_cmpuint(count, ==, 2);
	machine = client_kind(f->client, "machine");
	any = client_kind(f->client, "no-such-kind");
	g_assert_true(machine->machine && machine->lists && !machine->open);
	g_assert_true(any->open && !any->machine);
	g_assert_cmpint(schema_find(machine->fields, "memory")->change, ==, CHANGE_REBOOT);
	g_assert_cmpint(machine->change_limit, ==, 600000);
	g_assert_true(client_alive(f->client));
}

static void test_kind_unknown(struct fixture *f, const void *data)
{
	(void)data;
	fixture_program(f, "small", GREETING "cat >/dev/null\n");
	fixture_ready(f, "small");
	g_assert_nonnull(client_kind(f->client, "thing"));
	g_assert_null(client_kind(f->client, "other"));
}

static void test_answer(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_program(f, "small",
		GREETING "IFS= read -r line\n"
			 "echo '{\"id\":3,\"event\":\"progress\",\"text\":\"a\\u001b[31m\"}'\n"
			 "echo '{\"id\":99,\"object\":{\"address\":\"not.mine\"}}'\n"
			 "echo\n"
			 "echo '{\"object\":{\"address\":\"thing.a\"},\"id\":3}'\n"
			 "echo '{\"id\":3,\"done\":true,\"complete\":true}'\n"
			 "cat >/dev/null\n");
	fixture_ready(f, "small");
	send_call(f, &t, "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	run_done(&t);
	g_assert_cmpuint(t.objects, ==, 1);
	g_assert_cmpstr(t.address, ==, "thing.a");
	g_assert_cmpstr(t.text, ==, "a\\x1b[31m");
	g_assert_true(t.complete && !t.failed);
}

/* Lines come in any pieces, and several in one. */
static void test_pieces(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_program(f, "small",
		GREETING
		"IFS= read -r line\n"
		"printf '{\"id\":3,\"obj'; sleep 0.02\n"
		"printf 'ect\":{\"address\":\"thing.a\"}}\\n{\"id\":3,'; sleep 0.02\n"
		"printf '\"object\":{\"address\":\"thing.b\"}}\\n{\"id\":3,\"done\":true}\\n'\n"
		"cat >/dev/null\n");
	fixture_ready(f, "small");
	send_call(f, &t, "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	run_done(&t);
	g_assert_cmpuint(t.objects, ==, 2);
	g_assert_cmpstr(t.address, ==, "thing.b");
	g_assert_false(t.complete);
}

static void test_error(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_program(f, "small",
		GREETING "IFS= read -r line\n"
			 "echo '{\"id\":3,\"error\":{\"class\":\"denied\",\"message\":\"no\","
			 "\"hint\":\"ask\"},\"done\":true}'\n"
			 "cat >/dev/null\n");
	fixture_ready(f, "small");
	send_call(f, &t, "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	run_done(&t);
	g_assert_cmpint(t.class, ==, ERROR_DENIED);
	g_assert_cmpstr(t.message, ==, "no");
	g_assert_cmpstr(t.hint, ==, "ask");
}

/* The second is answered first, and the first is still answered. */
static void test_side_by_side(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken a = {0}, b = {0};

	(void)data;
	fixture_program(f, "small",
		GREETING "IFS= read -r line; IFS= read -r line\n"
			 "echo '{\"id\":4,\"done\":true,\"complete\":true}'\n"
			 "IFS= read -r line\n"
			 "echo '{\"id\":3,\"done\":true}'\n"
			 "cat >/dev/null\n");
	fixture_ready(f, "small");
	send_call(f, &a, "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	send_call(f, &b, "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	run_done(&b);
	g_assert_cmpuint(a.done, ==, 0);
	g_assert_true(b.complete);
	client_cancel(f->client, a.request);
	run_done(&a);
	g_assert_false(a.failed);
}

static const char create[] =
	"\"call\":\"change\",\"scope\":\"machine.a\",\"objects\":[{\"address\":\"machine.a\","
	"\"kind\":\"machine\",\"name\":\"a\",\"action\":\"create\",\"after\":{}}]";

static void test_cancel(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_script(f, "{\"call\":\"change\",\"progress\":[\"on it\"],\"hang\":\"polite\"}");
	fixture_ready(f, "fake");
	send_call(f, &t, create, PATIENCE);
	run_until(&t.progress, 1);
	client_cancel(f->client, t.request);
	client_cancel(f->client, t.request);
	run_done(&t);
	g_assert_cmpint(t.class, ==, ERROR_CANCELLED);
	g_assert_true(client_alive(f->client));
}

static void test_limit(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0}, after = {0};

	(void)data;
	fixture_script(f, "{\"call\":\"change\",\"hang\":\"polite\"}");
	fixture_ready(f, "fake");
	send_call(f, &t, create, 60);
	run_done(&t);
	g_assert_cmpint(t.class, ==, ERROR_TIMEOUT);
	g_assert_cmpstr(t.message, ==, "provider 'fake' did not end 'change' within 60ms");
	send_call(f, &after, "\"call\":\"list\",\"kind\":\"machine\"", PATIENCE);
	run_done(&after);
	g_assert_true(after.complete);
}

/* More than may be under way at once, sent in one go. */
static void test_window(struct fixture *f, const void *data)
{
	enum { MANY = 300 };
	struct taken *all = g_new0(struct taken, MANY);

	(void)data;
	fixture_program(f, "small",
		GREETING "id=3\n"
			 "while IFS= read -r line; do\n"
			 "echo \"{\\\"id\\\":$id,\\\"done\\\":true,\\\"complete\\\":true}\"\n"
			 "id=$((id + 1)); done\n");
	fixture_ready(f, "small");
	for (int i = 0; i < MANY; i++)
		send_call(f, &all[i], "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	g_assert_cmpuint(f->client->under_way, <, MANY);
	for (int i = 0; i < MANY; i++) {
		run_done(&all[i]);
		g_assert_true(all[i].complete);
		taken_clear(&all[i]);
	}
	g_assert_cmpuint(f->client->under_way, ==, 0);
	g_free(all);
}

/* One that waits for its turn is never begun, and the others do not notice. */
static void test_cancel_waiting(struct fixture *f, const void *data)
{
	enum { MANY = 130 };
	struct taken *all = g_new0(struct taken, MANY);

	(void)data;
	fixture_program(f, "small", GREETING "cat >/dev/null\n");
	fixture_ready(f, "small");
	for (int i = 0; i < MANY; i++)
		send_call(f, &all[i], "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	client_cancel(f->client, all[MANY - 1].request);
	run_done(&all[MANY - 1]);
	g_assert_cmpint(all[MANY - 1].class, ==, ERROR_CANCELLED);
	fixture_stop(f);
	for (int i = 0; i < MANY; i++) {
		g_assert_cmpuint(all[i].done, ==, 1);
		g_assert_cmpint(all[i].class, ==, ERROR_CANCELLED);
		taken_clear(&all[i]);
	}
	g_free(all);
}

static void test_too_long(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};
	AUTO(gfree) char *fill = g_strnfill(PROTOCOL_LINE_MOST, 'x');
	AUTO(gfree)
	char *extra = g_strdup_printf("\"call\":\"list\",\"kind\":\"thing\",\"fill\":\"%s\"", fill);

	(void)data;
	fixture_program(f, "small", GREETING "cat >/dev/null\n");
	fixture_ready(f, "small");
	send_call(f, &t, extra, PATIENCE);
	run_done(&t);
	g_assert_cmpint(t.class, ==, ERROR_INTERNAL);
	g_assert_true(client_alive(f->client));
}

/* The end of its input is all that it is told. */
static void test_stop(struct fixture *f, const void *data)
{
	int64_t before = clock_now();

	(void)data;
	fixture_program(f, "small", GREETING "cat >/dev/null\ntouch \"$0.ended\"\n");
	fixture_ready(f, "small");
	fixture_stop(f);
	g_assert_cmpint(clock_now() - before, <, PATIENCE / 2);
	g_assert_true(fixture_has(f, "provider-small.ended"));
}

/* Each ends only once both have been told to. */
static void test_hang_up(struct fixture *f, const void *data)
{
	struct client *first, *second;

	(void)data;
	fixture_program(f, "small",
		GREETING "cat >/dev/null\n"
			 "touch \"$0.$$.eof\"; n=0\n"
			 "while [ \"$(ls \"$0\".*.eof | wc -l)\" -lt 2 ] && [ $n -lt 100 ]; do\n"
			 "n=$((n + 1)); sleep 0.02; done\n"
			 "[ $n -eq 100 ] || touch \"$0.both\"\n");
	first = fixture_ready(f, "small");
	second = fixture_ready(f, "small");
	client_hang_up(first);
	client_hang_up(second);
	client_stop(first, PATIENCE);
	client_stop(second, PATIENCE);
	f->client = NULL;
	g_assert_true(fixture_has(f, "provider-small.both"));
}

static void test_lock(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};
	AUTO(fd) int fd = open(f->folder, O_RDONLY | O_CLOEXEC);
	struct client_options options = {.state_dir = f->state, .lock_fd = fd};
	struct error *err = NULL;

	(void)data;
	fixture_program(f, "small",
		GREETING "IFS= read -r line\n"
			 "where=$(readlink /proc/$$/fd/3)\n"
			 "[ -e /proc/$$/fd/4 ] && where=leak\n"
			 "echo \"{\\\"id\\\":3,\\\"object\\\":{\\\"address\\\":\\\"$where\\\"}}\"\n"
			 "echo '{\"id\":3,\"done\":true}'\n"
			 "cat >/dev/null\n");
	f->client = client_start("small", &options, &err);
	g_assert_nonnull(f->client);
	g_assert_true(client_ready(f->client, &err));
	send_call(f, &t, "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	run_done(&t);
	g_assert_cmpstr(t.address, ==, f->folder);
}

static void test_stop_in_callbacks(struct fixture *f, const void *data)
{
	struct taken a = {.stop_in_object = true}, b = {.stop_in_done = true}, c = {0};

	(void)data;
	fixture_program(f, "small",
		GREETING "IFS= read -r line; IFS= read -r line\n"
			 "echo '{\"id\":3,\"object\":{\"address\":\"thing.a\"}}'\n"
			 "echo '{\"id\":4,\"done\":true}'\n"
			 "cat >/dev/null\n");
	fixture_ready(f, "small");
	send_call(f, &a, "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	send_call(f, &c, "\"call\":\"list\",\"kind\":\"thing\"", PATIENCE);
	run_done(&a);
	g_assert_cmpuint(a.objects, ==, 1);
	g_assert_cmpuint(c.done, ==, 1);
	taken_clear(&a);
	taken_clear(&c);
	fixture_ready(f, "fake");
	send_call(f, &b, "\"call\":\"list\",\"kind\":\"machine\"", PATIENCE);
	send_call(f, &c, "\"call\":\"list\",\"kind\":\"machine\"", PATIENCE);
	run_done(&c);
	run_done(&b);
	f->client = NULL;
	taken_clear(&b);
	taken_clear(&c);
}

static void test_find(struct fixture *f, const void *data)
{
	AUTO(error) struct error *missing = NULL, *bad = NULL;
	AUTO(gfree) char *found = NULL, *mine = NULL;
	struct error *err = NULL;

	(void)data;
	fixture_program(f, "fake", "exit 0\n");
	fixture_write(f, "provider-plain", "", 0600);
	found = client_find("fake", &err);
	mine = g_build_filename(f->folder, "provider-fake", NULL);
	g_assert_cmpstr(found, ==, mine);
	g_assert_null(client_find("fkae", &missing));
	g_assert_cmpint(missing->class, ==, ERROR_MISSING);
	assert_contains(missing->hint, "did you mean 'fake'?");
	g_assert_null(client_find("../fake", &bad));
	error_clear(&bad);
	g_assert_null(client_find("plain", &bad));
}

#define add(name, function) \
	g_test_add("/client/" name, struct fixture, NULL, fixture_open, function, fixture_close)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("schema", test_schema);
	add("unknown-kind", test_kind_unknown);
	add("answer", test_answer);
	add("pieces", test_pieces);
	add("error", test_error);
	add("side-by-side", test_side_by_side);
	add("cancel", test_cancel);
	add("limit", test_limit);
	add("window", test_window);
	add("cancel-waiting", test_cancel_waiting);
	add("too-long", test_too_long);
	add("stop", test_stop);
	add("hang-up", test_hang_up);
	add("lock", test_lock);
	add("stop-in-callbacks", test_stop_in_callbacks);
	add("find", test_find);
	return g_test_run();
}
