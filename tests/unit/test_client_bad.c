/* The engine's end of the protocol, against provider programs that die, babble, or do not listen.
 */
#include <fcntl.h>
#include <signal.h>

#include "tests/unit/client_fixture.h"

static const char list[] = "\"call\":\"list\",\"kind\":\"thing\"";
static const char list_machines[] = "\"call\":\"list\",\"kind\":\"machine\"";

static void assert_unavailable(const struct taken *t, const char *message)
{
	g_assert_cmpuint(t->done, ==, 1);
	g_assert_true(t->failed);
	g_assert_cmpint(t->class, ==, ERROR_UNAVAILABLE);
	if (!strstr(t->message, message))
		fixture_fail(message, t->message);
}

/* Expects that the provider never becomes ready, and gives the error. */
static struct error *unfit(struct fixture *f, const char *body, int64_t limit)
{
	struct error *err = NULL;

	fixture_program(f, "small", body);
	fixture_start(f, "small", limit);
	g_assert_false(client_ready(f->client, &err));
	fixture_stop(f);
	return err;
}

static void test_dies(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken a = {0}, b = {0}, after = {0};

	(void)data;
	fixture_program(f, "small",
		GREETING "IFS= read -r line; IFS= read -r line\n"
			 "echo '{\"id\":3,\"object\":{\"address\":\"thing.a\"}}'\n"
			 "echo 'first words' >&2\n"
			 "printf 'last \\033[1mwords' >&2\n"
			 "exit 3\n");
	fixture_ready(f, "small");
	send_call(f, &a, list, PATIENCE);
	send_call(f, &b, list, PATIENCE);
	run_done(&b);
	assert_unavailable(&a, "provider 'small' ended unexpectedly: exit code 3");
	assert_unavailable(&b, "exit code 3");
	g_assert_cmpuint(a.objects, ==, 1);
	g_assert_cmpstr(b.hint, ==, "its last lines:\nfirst words\nlast \\x1b[1mwords");
	g_assert_false(client_alive(f->client));
	send_call(f, &after, list, PATIENCE);
	run_done(&after);
	assert_unavailable(&after, "exit code 3");
}

/* What it had answered before its end counts. */
static void test_dies_after_answer(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_program(f, "small",
		GREETING "IFS= read -r line\n"
			 "echo '{\"id\":3,\"done\":true,\"complete\":true}'\n"
			 "kill -9 $$\n");
	fixture_ready(f, "small");
	send_call(f, &t, list, PATIENCE);
	run_done(&t);
	g_assert_true(t.complete && !t.failed);
}

static void test_killed(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_script(f, "{\"call\":\"list\",\"quit\":true}");
	fixture_ready(f, "fake");
	send_call(f, &t, list_machines, PATIENCE);
	run_done(&t);
	assert_unavailable(&t, "killed by signal 9");
}

static void test_closes_output(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_program(f, "small", GREETING "IFS= read -r line; exec >&-; sleep 100\n");
	fixture_ready(f, "small");
	send_call(f, &t, list, PATIENCE);
	run_done(&t);
	assert_unavailable(&t, "closed its output");
}

static void test_garbage(struct fixture *f, const void *data)
{
	static const char *const lines[] = {"no json \\033", "[1]", "{}", "{\\\"id\\\":\\\"3\\\"}",
		"{\\\"id\\\":3", "{\\\"id\\\":3}{}"};

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		AUTO(taken) struct taken t = {0};
		AUTO(gfree)
		char *body = g_strdup_printf(GREETING "IFS= read -r line; echo words >&2\n"
						      "printf \"%s\\n\"; cat >/dev/null\n",
			lines[i]);

		fixture_program(f, "small", body);
		fixture_ready(f, "small");
		send_call(f, &t, list, PATIENCE);
		run_done(&t);
		assert_unavailable(&t, "wrote a line that is not of the protocol");
		g_assert_null(strchr(t.message, '\033'));
		fixture_stop(f);
	}
}

static void test_spill(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_script(f, "{\"call\":\"list\",\"spill\":1048577}");
	fixture_ready(f, "fake");
	send_call(f, &t, list_machines, PATIENCE);
	run_done(&t);
	assert_unavailable(&t, "longer than the protocol allows: 'xxxx");
}

/* The longest line that is allowed is taken. */
static void test_longest(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_program(f, "small",
		GREETING "IFS= read -r line\n"
			 "printf '{\"id\":3,\"object\":{\"address\":\"a\",\"fill\":\"'\n"
			 "head -c 1048531 /dev/zero | tr '\\000' x\n"
			 "printf '\"}}\\n'\n"
			 "echo '{\"id\":3,\"done\":true,\"complete\":true}'\n"
			 "cat >/dev/null\n");
	fixture_ready(f, "small");
	send_call(f, &t, list, PATIENCE);
	run_done(&t);
	g_assert_cmpuint(t.objects, ==, 1);
	g_assert_true(t.complete);
}

static int tick(void *data)
{
	(*(unsigned *)data)++;
	return G_SOURCE_CONTINUE;
}

/* An endless flood keeps nobody else waiting and is ended by the limit. */
static void test_flood(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};
	unsigned ticks = 0, timer = g_timeout_add(10, tick, &ticks);

	(void)data;
	fixture_script(f, "{\"call\":\"list\",\"flood\":-1}");
	fixture_ready(f, "fake");
	send_call(f, &t, list_machines, 150);
	run_done(&t);
	g_assert_cmpint(t.class, ==, ERROR_TIMEOUT);
	g_assert_cmpuint(t.progress, >, 100);
	g_assert_cmpuint(ticks, >, 2);
	g_assert_true(client_alive(f->client));
	g_source_remove(timer);
}

/* Error output is drained as well, and only its end is kept. */
static void test_flood_of_errors(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_program(f, "small",
		GREETING "IFS= read -r line\n"
			 "yes 'a rather long line of words' | head -c 3000000 >&2\n"
			 "echo >&2; echo the end >&2; exit 1\n");
	fixture_ready(f, "small");
	send_call(f, &t, list, PATIENCE);
	run_done(&t);
	assert_unavailable(&t, "exit code 1");
	if (!g_str_has_suffix(t.hint, "\nthe end"))
		fixture_fail("no end", t.hint);
	g_assert_cmpuint(strlen(t.hint), <, 2000);
}

/* Megabytes are queued at once without anybody who reads them. */
static void test_does_not_read(struct fixture *f, const void *data)
{
	enum { MANY = 6 };
	struct taken *all = g_new0(struct taken, MANY);
	AUTO(gfree) char *fill = g_strnfill(500000, 'x');
	AUTO(gfree) char *extra = g_strdup_printf("%s,\"fill\":\"%s\"", list, fill);

	(void)data;
	fixture_program(f, "small", GREETING "exec sleep 100\n");
	fixture_ready(f, "small");
	f->client->grace = 50;
	for (int i = 0; i < MANY; i++)
		send_call(f, &all[i], extra, 200);
	for (int i = 0; i < MANY; i++)
		g_assert_cmpuint(all[i].done, ==, 0);
	for (int i = 0; i < MANY; i++) {
		run_done(&all[i]);
		/* The first takes the program with it. */
		if (i == 0 || all[i].class != ERROR_UNAVAILABLE)
			g_assert_cmpint(all[i].class, ==, ERROR_TIMEOUT);
		taken_clear(&all[i]);
	}
	g_assert_false(client_alive(f->client));
	g_free(all);
}

/* A provider that ends nothing when it is told to is itself ended; the others are told why. */
static void test_ignores_cancel(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken a = {0}, b = {0};

	(void)data;
	fixture_program(f, "small", GREETING "cat >/dev/null\n");
	fixture_ready(f, "small");
	f->client->grace = 50;
	send_call(f, &a, list, 50);
	send_call(f, &b, list, PATIENCE);
	run_done(&b);
	g_assert_cmpint(a.class, ==, ERROR_TIMEOUT);
	assert_unavailable(&b, "was killed: it did not end 'list' after it was cancelled");
}

static void test_version(struct fixture *f, const void *data)
{
	AUTO(error)
	struct error *err = unfit(f,
		"IFS= read -r line\n"
		"echo '{\"id\":1,\"hello\":{\"protocol\":2,\"name\":\"t\"}}'\n"
		"echo '{\"id\":1,\"done\":true}'\n"
		"echo '{\"id\":2,\"kind\":{\"name\":\"thing\",\"fields\":[]}}'\n"
		"echo '{\"id\":2,\"done\":true}'\n"
		"cat >/dev/null\n",
		PATIENCE);

	(void)data;
	g_assert_cmpint(err->class, ==, ERROR_MISSING);
	assert_contains(err->message, "speaks version 2 of the protocol, this program version 1");
	assert_contains(err->hint, "install the '");
}

static void test_no_hello(struct fixture *f, const void *data)
{
	AUTO(error)
	struct error *err = unfit(f,
		"echo '{\"id\":1,\"done\":true}'\n"
		"echo '{\"id\":2,\"kind\":{\"name\":\"thing\",\"fields\":[]}}'\n"
		"echo '{\"id\":2,\"done\":true}'\n"
		"cat >/dev/null\n",
		PATIENCE);

	(void)data;
	g_assert_cmpstr(err->message, ==, "provider 'small' did not say hello");
}

static void test_hello_fails(struct fixture *f, const void *data)
{
	AUTO(error)
	struct error *err = unfit(f,
		"echo '{\"id\":1,\"error\":{\"class\":\"denied\",\"message\":\"no access\"},"
		"\"done\":true}'\n"
		"cat >/dev/null\n",
		PATIENCE);

	(void)data;
	g_assert_cmpint(err->class, ==, ERROR_DENIED);
	g_assert_cmpstr(err->message, ==, "provider 'small': 'hello': no access");
}

static void test_duplicate_kinds(struct fixture *f, const void *data)
{
	AUTO(error)
	struct error *err = unfit(f,
		"echo '{\"id\":1,\"hello\":{\"protocol\":1}}'\n"
		"echo '{\"id\":1,\"done\":true}'\n"
		"echo '{\"id\":2,\"kind\":{\"name\":\"thing\",\"fields\":[]}}'\n"
		"echo '{\"id\":2,\"kind\":{\"name\":\"thing\",\"fields\":[]}}'\n"
		"echo '{\"id\":2,\"done\":true}'\n"
		"cat >/dev/null\n",
		PATIENCE);

	(void)data;
	g_assert_cmpint(err->class, ==, ERROR_INTERNAL);
	assert_contains(err->message, "kind 'thing' is described twice");
}

static void test_bad_schema(struct fixture *f, const void *data)
{
	static const char *const kinds[] = {"{\"fields\":[]}", "{\"name\":\"thing\"}",
		"{\"name\":\"thing\",\"fields\":[{\"name\":\"a\",\"type\":\"colour\"}]}", "{}"};

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		AUTO(gfree)
		char *body = g_strdup_printf("echo '{\"id\":1,\"hello\":{\"protocol\":1}}'\n"
					     "echo '{\"id\":1,\"done\":true}'\n"
					     "echo '{\"id\":2,\"kind\":%s}'\n"
					     "echo '{\"id\":2,\"done\":true}'\n"
					     "cat >/dev/null\n",
			kinds[i]);
		AUTO(error) struct error *err = unfit(f, body, PATIENCE);

		g_assert_cmpint(err->class, ==, ERROR_INTERNAL);
	}
	{
		AUTO(error)
		struct error *err = unfit(f,
			"echo '{\"id\":1,\"hello\":{\"protocol\":1}}'\n"
			"echo '{\"id\":2,\"done\":true}'\n"
			"cat >/dev/null\n",
			PATIENCE);

		assert_contains(err->message, "has no kinds");
	}
}

static void test_dies_at_start(struct fixture *f, const void *data)
{
	AUTO(error)
	struct error *err = unfit(f, "echo 'no such library' >&2; exit 127\n", PATIENCE);

	(void)data;
	g_assert_cmpint(err->class, ==, ERROR_UNAVAILABLE);
	assert_contains(err->message, "exit code 127");
	assert_contains(err->hint, "no such library");
}

static void test_mute(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = unfit(f, "cat >/dev/null\n", 80);

	(void)data;
	g_assert_cmpint(err->class, ==, ERROR_TIMEOUT);
	assert_contains(err->message, "provider 'small' did not say hello within 80ms");
}

static void test_not_a_program(struct fixture *f, const void *data)
{
	struct client_options options = {.state_dir = f->state, .lock_fd = -1};
	AUTO(error) struct error *err = NULL;

	(void)data;
	fixture_write(f, "provider-small", "#!/no/such/interpreter\n", 0700);
	g_assert_null(client_start("small", &options, &err));
	assert_contains(err->message, "provider 'small'");
}

/* Does not end when it should: killed at the limit, and what it has started with it. */
static void test_stop_limit(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};
	AUTO(gfree) char *file = g_build_filename(f->folder, "pid", NULL);
	AUTO(gfree) char *text = NULL;
	struct error *err = NULL;
	int64_t before;
	size_t length;

	(void)data;
	fixture_program(f, "small", GREETING "sleep 100 & echo $! >${0%/*}/pid\nwait\n");
	fixture_ready(f, "small");
	send_call(f, &t, list, PATIENCE);
	while (!fixture_has(f, "pid"))
		g_usleep(1000);
	before = clock_now();
	client_stop(f->client, 100);
	f->client = NULL;
	g_assert_cmpint(clock_now() - before, >=, 100);
	g_assert_cmpint(clock_now() - before, <, PATIENCE / 4);
	g_assert_cmpint(t.class, ==, ERROR_CANCELLED);
	g_assert_true(file_read(file, 100, &text, &length, &err));
	g_assert_true(fixture_gone(strtol(text, NULL, 10)));
}

#define add(name, function) \
	g_test_add("/client-bad/" name, struct fixture, NULL, fixture_open, function, fixture_close)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("dies", test_dies);
	add("dies-after-answer", test_dies_after_answer);
	add("killed", test_killed);
	add("closes-output", test_closes_output);
	add("garbage", test_garbage);
	add("spill", test_spill);
	add("longest", test_longest);
	add("flood", test_flood);
	add("flood-of-errors", test_flood_of_errors);
	add("does-not-read", test_does_not_read);
	add("ignores-cancel", test_ignores_cancel);
	add("version", test_version);
	add("no-hello", test_no_hello);
	add("hello-fails", test_hello_fails);
	add("duplicate-kinds", test_duplicate_kinds);
	add("bad-schema", test_bad_schema);
	add("dies-at-start", test_dies_at_start);
	add("mute", test_mute);
	add("not-a-program", test_not_a_program);
	add("stop-limit", test_stop_limit);
	return g_test_run();
}
