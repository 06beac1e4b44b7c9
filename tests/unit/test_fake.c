/* The fake provider: the rules of its world, its files, its script, and a large world.
 */
#include <fcntl.h>

#include "tests/unit/client_fixture.h"

#include "providers/fake/fake_world.c"

enum { THINGS = 1500 };

static const struct field fields[] = {
	{.name = "memory", .type = FIELD_SIZE, .change = CHANGE_REBOOT},
	{.name = "cpus", .type = FIELD_INTEGER, .change = CHANGE_REBOOT},
	{.name = "tags", .type = FIELD_MAP},
	{.name = "address", .type = FIELD_STRING, .computed = true},
	{0},
};
static const struct provider_kind machine_kind = {
	.name = "machine", .fields = fields, .machine = true};

static const struct value *json(struct arena *arena, const char *text)
{
	struct error *err = NULL;
	struct value *value = json_parse(arena, text, strlen(text), &err);

	g_assert_nonnull(value);
	return value;
}

static struct call call_of(struct arena *arena)
{
	return (struct call){
		.arena = arena, .fleet = "shop", .fleet_id = "i1", .run = "r1", .name = "change"};
}

static struct object object_of(enum action action, const char *expect, const struct value *after)
{
	return (struct object){.address = "machine.a",
		.kind = "machine",
		.name = "a",
		.action = action,
		.expect = expect,
		.after = after};
}

static struct fake_thing *created(struct call *call)
{
	const struct value *after = json(call->arena, "{\"memory\":5,\"cpus\":1}");
	struct object object = object_of(ACTION_CREATE, NULL, after);
	struct answer answer;

	object.record = json(call->arena, "{\"x\":1}");
	g_assert_true(fake_allows(call->arena, NULL, "i1", &object, &answer));
	return fake_changed(call, &object, &machine_kind, NULL);
}

static void test_create(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct call call = call_of(arena);
	struct fake_thing *a = created(&call), *b = created(&call), *back;
	struct error *err = NULL;
	struct answer answer;

	g_assert_cmpstr(a->incarnation, !=, b->incarnation);
	g_assert_cmpstr(value_get_string(a->outputs, "address"), ==,
		value_get_string(b->outputs, "address"));
	fake_describe(arena, a, "i1", &answer);
	g_assert_cmpint(answer.status, ==, STATUS_PRESENT);
	g_assert_false(answer.up || answer.ready || answer.partial);
	back = fake_thing_parse(arena, fake_thing_format(arena, a), &err);
	g_assert_cmpstr(back->incarnation, ==, a->incarnation);
	g_assert_cmpstr(back->boot, ==, a->boot);
	g_assert_true(value_equal(back->record, a->record));
	fake_describe(arena, NULL, "i1", &answer);
	g_assert_cmpint(answer.status, ==, STATUS_ABSENT);
}

static void refused(const struct fake_thing *thing, const char *fleet_id, struct object object,
	enum status status, const char *text)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct answer answer;

	g_assert_false(fake_allows(arena, thing, fleet_id, &object, &answer));
	g_assert_cmpint(answer.status, ==, status);
	if (!strstr(answer.text, text))
		fixture_fail(text, answer.text);
}

static void test_refusals(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct call call = call_of(arena);
	struct fake_thing *thing = created(&call);
	struct object update = object_of(ACTION_UPDATE, thing->incarnation, thing->fields);
	struct answer answer;

	refused(thing, "i1", object_of(ACTION_CREATE, NULL, NULL), STATUS_STALE, "there already");
	refused(thing, "i1", object_of(ACTION_DELETE, "x", NULL), STATUS_STALE, "made anew");
	refused(NULL, "i1", object_of(ACTION_DELETE, "x", NULL), STATUS_STALE, "gone");
	refused(thing, "i2", object_of(ACTION_CREATE, NULL, NULL), STATUS_FOREIGN, "'shop'");
	refused(thing, "i2", object_of(ACTION_DELETE, thing->incarnation, NULL), STATUS_FOREIGN,
		"i1");
	update.expect_fields = json(arena, "{\"memory\":5,\"cpus\":2}");
	refused(thing, "i1", update, STATUS_STALE, "'cpus'");
	update.expect_fields = json(arena, "{\"memory\":5,\"disk\":2}");
	refused(thing, "i1", update, STATUS_STALE, "'disk'");
	update.expect_fields = json(arena, "{\"memory\":5,\"disk\":null}");
	g_assert_true(fake_allows(arena, thing, "i1", &update, &answer));
	fake_describe(arena, thing, "i2", &answer);
	g_assert_cmpint(answer.status, ==, STATUS_FOREIGN);
	thing->fleet_id = NULL;
	refused(thing, "i1", update, STATUS_FOREIGN, "no mark");
}

/* What a change costs: up and ready are of one boot. */
static void test_boots(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct call call = call_of(arena);
	struct fake_thing *thing = created(&call);
	struct object object = object_of(ACTION_UPDATE, thing->incarnation,
		json(arena, "{\"memory\":6,\"cpus\":1,\"tags\":{\"a\":\"b\"}}"));
	struct answer answer;

	g_assert_true(fake_arrive(thing, "up"));
	fake_describe(arena, thing, "i1", &answer);
	g_assert_true(answer.up && !answer.ready);
	g_assert_true(fake_arrive(thing, "ready"));
	object.fields = json(arena, "[\"tags\"]");
	thing = fake_changed(&call, &object, &machine_kind, thing);
	fake_describe(arena, thing, "i1", &answer);
	g_assert_true(answer.up && answer.ready);
	g_assert_cmpint(value_get_integer(answer.actual, "memory", 0), ==, 5);
	g_assert_cmpstr(value_get_string(value_get_map(answer.actual, "tags"), "a"), ==, "b");
	object.fields = json(arena, "[\"memory\"]");
	thing = fake_changed(&call, &object, &machine_kind, thing);
	fake_describe(arena, thing, "i1", &answer);
	g_assert_false(answer.up || answer.ready);
	object.after = json(arena, "{\"state\":\"stopped\"}");
	object.fields = json(arena, "[\"state\",\"tags\"]");
	thing = fake_changed(&call, &object, &machine_kind, thing);
	g_assert_null(thing->boot);
	g_assert_null(value_get(thing->fields, "tags"));
	g_assert_false(fake_arrive(thing, "up"));
}

static void test_halfway(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct call call = call_of(arena);
	struct fake_thing *thing = created(&call), *half;
	struct object create = object_of(ACTION_CREATE, NULL, thing->fields);
	struct object remove = object_of(ACTION_DELETE, thing->incarnation, NULL);
	struct object update = object_of(
		ACTION_UPDATE, thing->incarnation, json(arena, "{\"memory\":6,\"cpus\":2}"));

	half = fake_halfway(&call, &create, &machine_kind, NULL);
	g_assert_nonnull(half->partial);
	g_assert_cmpuint(half->fields->map.count, ==, 0);
	half = fake_halfway(&call, &remove, &machine_kind, thing);
	g_assert_nonnull(half->partial);
	g_assert_cmpstr(half->incarnation, ==, thing->incarnation);
	update.fields = json(arena, "[\"memory\",\"cpus\"]");
	half = fake_halfway(&call, &update, &machine_kind, thing);
	g_assert_null(half->partial);
	g_assert_cmpint(value_get_integer(half->fields, "memory", 0), ==, 6);
	g_assert_cmpint(value_get_integer(half->fields, "cpus", 0), ==, 1);
	g_assert_true(half->record == thing->record);
	g_assert_null(fake_changed(&call, &remove, &machine_kind, thing));
}

static void change(
	struct fixture *f, const char *address, const char *kind, const char *rest, struct taken *t)
{
	AUTO(gfree)
	char *extra = g_strdup_printf("\"call\":\"change\",\"objects\":[{\"address\":\"%s\","
				      "\"kind\":\"%s\",\"name\":\"n\",%s}]",
		address, kind, rest);

	send_call(f, t, extra, PATIENCE);
	run_done(t);
	g_assert_false(t->failed);
	g_assert_cmpuint(t->objects, ==, 1);
}

static char *incarnation_of(struct fixture *f, const char *path)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree) char *whole = g_build_filename(f->state, "fake", path, NULL);
	AUTO(gfree) char *text = NULL;
	struct error *err = NULL;
	size_t length;

	g_assert_true(file_read(whole, 100000, &text, &length, &err));
	return g_strdup(value_get_string(json(arena, text), "incarnation"));
}

/* A machine takes what lies in it, the last one the folders. */
static void test_files(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken a = {0}, b = {0}, c = {0};
	AUTO(gfree) char *incarnation = NULL, *rest = NULL;

	(void)data;
	fixture_ready(f, "fake");
	change(f, "machine.a", "machine", "\"action\":\"create\",\"after\":{}", &a);
	change(f, "machine.a/file:/etc/motd", "file", "\"action\":\"create\",\"after\":{}", &b);
	g_assert_true(fixture_has(f, "state/fake/shop/machine.a.json"));
	g_assert_true(fixture_has(f, "state/fake/shop/machine.a/file:%2Fetc%2Fmotd.json"));
	incarnation = incarnation_of(f, "shop/machine.a.json");
	rest = g_strdup_printf("\"action\":\"delete\",\"expect\":\"%s\"", incarnation);
	change(f, "machine.a", "machine", rest, &c);
	g_assert_false(fixture_has(f, "state/fake"));
}

/* An address longer than a file's name may be, and one that wants to be elsewhere. */
static void test_names(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken a = {0}, b = {0}, list = {0};
	AUTO(gfree) char *fill = g_strnfill(3000, 'x');
	AUTO(gfree) char *address = g_strdup_printf("thing.%s", fill);

	(void)data;
	fixture_ready(f, "fake");
	change(f, address, "thing", "\"action\":\"create\",\"after\":{}", &a);
	change(f, "../../../thing", "thing", "\"action\":\"create\",\"after\":{}", &b);
	g_assert_false(fixture_has(f, "thing.json"));
	send_call(f, &list, "\"call\":\"list\",\"kind\":\"*\"", PATIENCE);
	run_done(&list);
	g_assert_cmpuint(list.objects, ==, 2);
}

static void test_counting(struct fixture *f, const void *data)
{
	const bool fails[] = {false, true, true, false};

	(void)data;
	fixture_script(f, "{\"address\":\"machine.*\",\"call\":\"list\",\"fail\":{}},"
			  "{\"call\":\"list\",\"skip\":1,\"times\":2,\"fail\":{\"class\":"
			  "\"denied\",\"message\":\"no\",\"hint\":\"ask\"}}");
	fixture_ready(f, "fake");
	for (size_t i = 0; i < G_N_ELEMENTS(fails); i++) {
		AUTO(taken) struct taken t = {0};

		send_call(f, &t, "\"call\":\"list\",\"kind\":\"*\"", PATIENCE);
		run_done(&t);
		g_assert_cmpint(t.failed, ==, fails[i]);
		if (t.failed)
			g_assert_cmpstr(t.hint, ==, "ask");
	}
}

static void test_bad_script(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken t = {0};

	(void)data;
	fixture_script(f, "{\"cal\":\"list\"}");
	fixture_ready(f, "fake");
	send_call(f, &t, "\"call\":\"list\",\"kind\":\"*\"", PATIENCE);
	run_done(&t);
	g_assert_cmpint(t.class, ==, ERROR_CONFIG);
	assert_contains(t.message, "unknown 'cal'");
}

static void test_kinds(struct fixture *f, const void *data)
{
	const struct client_kind *kind;
	size_t count;

	(void)data;
	fixture_write(f, "state/fake/kinds.json",
		"{\"kinds\":[{\"name\":\"disk\",\"batch\":true,\"lists\":false,\"fields\":"
		"[{\"name\":\"size\",\"type\":\"size\",\"required\":true,\"change\":\"replace\"}]},"
		"{\"name\":\"machine\",\"machine\":true,\"parallel\":2,\"fields\":[]}]}",
		0600);
	fixture_ready(f, "fake");
	client_kinds(f->client, &count);
	g_assert_cmpuint(count, ==, 3);
	kind = client_kind(f->client, "disk");
	g_assert_true(kind->batch && !kind->lists && !kind->open);
	g_assert_cmpint(schema_find(kind->fields, "size")->change, ==, CHANGE_REPLACE);
	kind = client_kind(f->client, "machine");
	g_assert_cmpuint(kind->parallel, ==, 2);
	g_assert_null(schema_find(kind->fields, "memory"));
	g_assert_true(client_kind(f->client, "anything")->open);
}

static void test_bad_kinds(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;

	(void)data;
	fixture_write(f, "state/fake/kinds.json", "{\"kinds\":[{\"name\":\"disk\"}]}", 0600);
	fixture_start(f, "fake", PATIENCE);
	g_assert_false(client_ready(f->client, &err));
	assert_contains(err->message, "kinds.json': a kind without 'name' or 'fields'");
}

/* A world of that size costs a list no more than its share for each thing. */
static void test_many(struct fixture *f, const void *data)
{
	AUTO(taken) struct taken list = {0}, more = {0};
	int64_t before;

	(void)data;
	for (int i = 0; i < THINGS; i++) {
		AUTO(gfree)
		char *text = g_strdup_printf(
			"{\"format\":1,\"address\":\"thing.%d\",\"kind\":\"thing\",\"mark\":"
			"{\"fleet\":\"shop\",\"id\":\"i1\"},\"incarnation\":\"x\",\"fields\":{}}",
			i);
		AUTO(gfree)
		char *path = g_strdup_printf("%s/fake/shop/thing.%d.json", f->state, i);

		if (i == 0)
			fixture_write(f, "state/fake/shop/thing.0.json", text, 0600);
		else
			g_assert_true(g_file_set_contents_full(
				path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
	}
	fixture_ready(f, "fake");
	before = clock_now();
	send_call(f, &list, "\"call\":\"list\",\"kind\":\"*\"", PATIENCE);
	run_done(&list);
	g_assert_cmpuint(list.objects, ==, THINGS);
	g_test_message("listed in %d ms", (int)(clock_now() - before));
	g_assert_cmpint(clock_now() - before, <, 3000);
	before = clock_now();
	change(f, "thing.new", "thing", "\"action\":\"create\",\"after\":{}", &more);
	g_test_message("one more in %d ms", (int)(clock_now() - before));
	g_assert_cmpint(clock_now() - before, <, 1000);
}

#define add(name, function) \
	g_test_add("/fake/" name, struct fixture, NULL, fixture_open, function, fixture_close)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fake/create", test_create);
	g_test_add_func("/fake/refusals", test_refusals);
	g_test_add_func("/fake/boots", test_boots);
	g_test_add_func("/fake/halfway", test_halfway);
	add("files", test_files);
	add("names", test_names);
	add("counting", test_counting);
	add("bad-script", test_bad_script);
	add("kinds", test_kinds);
	add("bad-kinds", test_bad_kinds);
	add("many", test_many);
	return g_test_run();
}
