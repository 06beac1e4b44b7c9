/* What is asked of a provider for a step, when its turn has come. */
#include "run/change.h"

#include "tests/unit/plan_world.h"

struct fixture {
	struct arena *arena;
	struct imagined *world;
	struct diagnostics *diagnostics;
	struct fleet *before, *fleet;
	struct world *heard, *nothing;
	struct plan *made, *plan;
};

static void set_up(struct fixture *f, const void *data)
{
	static const char kinds[] =
		"{\"kvm\":{\"machine\":{\"lists\":true,\"fields\":["
		"{\"name\":\"image\",\"type\":\"reference\",\"refers\":\"image\",\"change\":"
		"\"replace\"},"
		"{\"name\":\"memory\",\"type\":\"size\",\"change\":\"reboot\",\"default\":512},"
		"{\"name\":\"cpus\",\"type\":\"integer\",\"default\":1},"
		"{\"name\":\"note\",\"type\":\"string\"},"
		"{\"name\":\"zone\",\"type\":\"string\",\"change\":\"replace\"},"
		"{\"name\":\"state\",\"type\":\"string\"},"
		"{\"name\":\"address\",\"type\":\"string\",\"computed\":true},"
		"{\"name\":\"ssh_port\",\"type\":\"integer\",\"computed\":true}]}},"
		"\"image\":{\"image\":{\"fields\":[{\"name\":\"file\",\"type\":\"string\"},"
		"{\"name\":\"key\",\"type\":\"string\",\"computed\":true}]}}}";

	(void)data;
	f->arena = arena_new();
	f->world = imagined_new(f->arena);
	f->world->kinds = parse_json(f->arena, kinds);
	f->diagnostics = diagnostics_new();
}

static void tear_down(struct fixture *f, const void *data)
{
	(void)data;
	if (f->plan)
		plan_free(f->plan);
	if (f->made)
		plan_free(f->made);
	if (f->heard)
		world_free(f->heard);
	if (f->nothing)
		world_free(f->nothing);
	if (f->fleet)
		fleet_free(f->fleet);
	if (f->before)
		fleet_free(f->before);
	imagined_free(f->world);
	diagnostics_free(f->diagnostics);
	arena_free(f->arena);
}

static struct fleet *load(struct fixture *f, const char *machines)
{
	AUTO(gfree)
	char *text =
		g_strconcat("fleet: f\nimages:\n  base: {file: a}\nmachines:\n", machines, NULL);
	struct fleet *fleet = fleet_load(
		f->arena, source_from_text(f->arena, "fleet.yaml", text), f->diagnostics);

	fleet_check(f->arena, fleet, look_up_kind, f->world, f->diagnostics);
	g_assert_cmpuint(diagnostics_count(f->diagnostics), ==, 0);
	return fleet;
}

static void apply(struct fixture *f, const char *machines)
{
	f->before = load(f, machines);
	f->nothing = hear(f->world, f->before, 0);
	f->made = plan_new(f->arena, f->before, f->nothing, f->diagnostics);
	apply_all(f->world, f->made, f->diagnostics);
}

static void make_plan(struct fixture *f, const char *machines)
{
	f->fleet = machines ? load(f, machines) : NULL;
	f->heard = hear(f->world, f->fleet, 0);
	f->plan = plan_new(f->arena, f->fleet, f->heard, f->diagnostics);
	g_assert_cmpuint(diagnostics_count(f->diagnostics), ==, 0);
}

static struct step *step_at(const struct fixture *f, const char *address, enum stage stage)
{
	for (unsigned i = 0; i < f->plan->steps->len; i++) {
		struct step *step = f->plan->steps->pdata[i];

		if (!strcmp(step->address, address) && step->stage == stage)
			return step;
	}
	g_assert_not_reached();
}

/* As the executor does once a machine is made. */
static void settle(struct fixture *f, const char *address, const char *outputs)
{
	struct target *t = plan_target(f->plan, fleet_find(f->fleet, address));

	t->outputs = parse_json(f->arena, outputs);
	t->settled = true;
}

static void assert_json(const struct value *value, const char *want)
{
	AUTO(gfree) char *text = value ? json_format(value) : g_strdup("nothing");

	g_assert_cmpstr(text, ==, want);
}

/* Members are looked at one by one: "" for all. */
static void assert_object(
	struct fixture *f, const char *address, const char *member, const char *want)
{
	AUTO(error) struct error *err = NULL;
	struct value *object =
		change_object(f->plan, f->arena, step_at(f, address, STAGE_MADE), &err);

	g_assert_cmpstr(err ? err->message : NULL, ==, NULL);
	assert_json(*member ? value_get(object, member) : object, want);
}

static void assert_refused(
	struct fixture *f, const char *address, enum error_class class, const char *want)
{
	AUTO(error) struct error *err = NULL;

	g_assert_null(change_object(f->plan, f->arena, step_at(f, address, STAGE_MADE), &err));
	g_assert_nonnull(err);
	g_assert_cmpstr(err->message, ==, want);
	g_assert_cmpint(err->class, ==, class);
}

static void test_create(struct fixture *f, const void *data)
{
	(void)data;
	make_plan(f, "  web: {image: base, needs: [db], note: a}\n  db: {image: base, count: 0}\n");
	settle(f, "image.base", "{\"key\":\"image of {\\\"file\\\":\\\"a\\\"}\"}");
	assert_object(f, "machine.web", "",
		"{\"address\":\"machine.web\",\"kind\":\"machine\",\"name\":\"web\",\"action\":"
		"\"create\","
		"\"after\":{\"image\":\"image of "
		"{\\\"file\\\":\\\"a\\\"}\",\"memory\":512,\"cpus\":1,"
		"\"note\":\"a\",\"state\":\"running\"},"
		"\"record\":{\"format\":1,\"applied\":{\"image\":\"image of "
		"{\\\"file\\\":\\\"a\\\"}\","
		"\"note\":\"a\",\"state\":\"running\"},\"defaults\":{\"image\":null,\"memory\":512,"
		"\"cpus\":1,\"note\":null,\"zone\":null,\"state\":null},"
		"\"depends\":[\"image.base\",\"machine.db-*\"]}}");
}

static void test_update(struct fixture *f, const void *data)
{
	(void)data;
	apply(f, "  web: {image: base, memory: 1KiB, note: a}\n");
	edit_world(f->world, "machine.web {\"actual\": {\"note\": \"by hand\", \"cpus\": 3}}");
	make_plan(f, "  web: {image: base, note: b}\n");
	assert_object(f, "machine.web", "action", "\"update\"");
	assert_object(f, "machine.web", "expect", "\"i-web\"");
	assert_object(f, "machine.web", "fields", "[\"memory\",\"note\"]");
	/* What nobody said is not compared, and may drift on. */
	assert_object(f, "machine.web", "expect_fields",
		"{\"image\":\"image of {\\\"file\\\":\\\"a\\\"}\",\"memory\":1024,\"note\":\"by "
		"hand\","
		"\"state\":\"running\"}");
	assert_object(f, "machine.web", "after",
		"{\"image\":\"image of {\\\"file\\\":\\\"a\\\"}\",\"memory\":512,\"cpus\":1,"
		"\"note\":\"b\",\"state\":\"running\"}");
}

static void test_replace(struct fixture *f, const void *data)
{
	(void)data;
	apply(f, "  web: {image: base, zone: a}\n");
	edit_world(f->world, "machine.web {\"record\": {\"defaults\": {\"memory\": 77}}}");
	make_plan(f, "  web: {image: base, zone: b}\n");
	assert_object(f, "machine.web", "action", "\"replace\"");
	assert_object(f, "machine.web", "expect", "\"i-web\"");
	assert_object(f, "machine.web", "fields", "nothing");
	assert_object(f, "machine.web", "expect_fields",
		"{\"image\":\"image of "
		"{\\\"file\\\":\\\"a\\\"}\",\"zone\":\"a\",\"state\":\"running\"}");
	/* Made anew, it has the defaults of today. */
	assert_object(f, "machine.web", "after",
		"{\"image\":\"image of {\\\"file\\\":\\\"a\\\"}\",\"memory\":512,\"cpus\":1,"
		"\"zone\":\"b\",\"state\":\"running\"}");
}

static void test_partial(struct fixture *f, const void *data)
{
	(void)data;
	apply(f, "  web: {image: base}\n");
	edit_world(f->world, "machine.web {\"partial\": \"killed\", \"actual\": null}");
	make_plan(f, "  web: {image: base}\n");
	assert_object(f, "machine.web", "action", "\"replace\"");
	assert_object(f, "machine.web", "expect", "\"i-web\"");
	assert_object(f, "machine.web", "expect_fields", "nothing");
}

static void test_delete(struct fixture *f, const void *data)
{
	(void)data;
	apply(f, "  web: {image: base}\n");
	make_plan(f, NULL);
	assert_object(f, "machine.web", "",
		"{\"address\":\"machine.web\",\"kind\":\"machine\",\"name\":\"web\",\"action\":"
		"\"delete\","
		"\"expect\":\"i-web\"}");
}

static const char pair[] = "  db: {image: base, zone: a}\n"
			   "  web: {image: base, note: \"${machine.db.address}\"}\n";
static const char moved[] = "  db: {image: base, zone: b}\n"
			    "  web: {image: base, note: \"${machine.db.address}\"}\n";

static void test_late(struct fixture *f, const void *data)
{
	(void)data;
	apply(f, pair);
	make_plan(f, moved);
	settle(f, "machine.db", "{\"address\":\"other\"}");
	assert_object(f, "machine.web", "fields", "[\"note\"]");
	assert_object(f, "machine.web", "after",
		"{\"image\":\"image of {\\\"file\\\":\\\"a\\\"}\",\"memory\":512,\"cpus\":1,"
		"\"note\":\"other\",\"state\":\"running\"}");
}

/* Then nothing is asked for, and what depends on it sees the value. */
static void test_late_unchanged(struct fixture *f, const void *data)
{
	const struct target *t;

	(void)data;
	apply(f, pair);
	make_plan(f, moved);
	settle(f, "machine.db", "{\"address\":\"ip-of-db\"}");
	assert_object(f, "machine.web", "", "nothing");
	t = plan_target(f->plan, fleet_find(f->fleet, "machine.web"));
	g_assert_cmpstr(value_get_string(t->after, "note"), ==, "ip-of-db");
}

static void test_late_missing(struct fixture *f, const void *data)
{
	(void)data;
	apply(f, pair);
	make_plan(f, moved);
	assert_refused(f, "machine.web", ERROR_FAILED,
		"machine.web: a value that it needs was not given by what came before");
	settle(f, "machine.db", "{}");
	assert_refused(f, "machine.web", ERROR_CONFIG,
		"machine.web: fleet.yaml:6:31: error: machine.db gives no value 'address'");
}

static void test_late_wrong(struct fixture *f, const void *data)
{
	(void)data;
	make_plan(
		f, "  db: {image: base}\n  web: {image: base, cpus: \"${machine.db.address}\"}\n");
	settle(f, "machine.db", "{\"address\":\"x\"}");
	assert_refused(f, "machine.web", ERROR_CONFIG,
		"machine.web: fleet.yaml:6:28: error: 'cpus' must be an integer, not 'x'");
}

/* Law 2: a value that the plan showed is the value that is used. */
static void test_shown(struct fixture *f, const void *data)
{
	(void)data;
	apply(f, "  db: {image: base}\n");
	make_plan(f, "  db: {image: base, memory: 2KiB}\n"
		     "  web: {image: base, note: \"${machine.db.address}\"}\n");
	settle(f, "machine.db", "{\"address\":\"elsewhere\"}");
	assert_refused(f, "machine.web", ERROR_CONFLICT,
		"machine.web: 'note' would become elsewhere, but the plan showed ip-of-db");
}

static void assert_wait(
	struct fixture *f, const char *address, enum stage stage, int64_t limit, const char *want)
{
	AUTO(error) struct error *err = NULL;
	int64_t found = -1;
	struct value *object =
		change_wait(f->plan, f->arena, step_at(f, address, stage), &found, &err);

	g_assert_cmpstr(err ? err->message : NULL, ==, NULL);
	g_assert_cmpint(found, ==, limit);
	assert_json(object, want);
}

static void test_wait(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	int64_t limit;

	(void)data;
	make_plan(f, "  a: {image: base}\n"
		     "  b: {image: base, timeout: 9s, ready: {tcp: \"${self.ssh_port}\", timeout: "
		     "2s}}\n");
	assert_wait(f, "machine.a", STAGE_UP, 0,
		"{\"address\":\"machine.a\",\"kind\":\"machine\",\"name\":\"a\",\"until\":\"up\"}");
	assert_wait(f, "machine.a", STAGE_READY, 0,
		"{\"address\":\"machine.a\",\"kind\":\"machine\",\"name\":\"a\",\"until\":"
		"\"ready\"}");
	assert_wait(f, "machine.b", STAGE_UP, 9000,
		"{\"address\":\"machine.b\",\"kind\":\"machine\",\"name\":\"b\",\"until\":\"up\","
		"\"timeout\":9000}");
	g_assert_null(
		change_wait(f->plan, f->arena, step_at(f, "machine.b", STAGE_READY), &limit, &err));
	g_assert_cmpstr(
		err->message, ==, "machine.b: the probe 'ready' needs a value that is not known");
	settle(f, "machine.b", "{\"ssh_port\":22}");
	assert_wait(f, "machine.b", STAGE_READY, 2000,
		"{\"address\":\"machine.b\",\"kind\":\"machine\",\"name\":\"b\",\"until\":"
		"\"ready\","
		"\"ready\":{\"tcp\":22,\"timeout\":2000},\"timeout\":2000}");
}

static void add(const char *name, void (*test)(struct fixture *, const void *))
{
	g_test_add(name, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/change/create", test_create);
	add("/change/update", test_update);
	add("/change/replace", test_replace);
	add("/change/partial", test_partial);
	add("/change/delete", test_delete);
	add("/change/late", test_late);
	add("/change/late-unchanged", test_late_unchanged);
	add("/change/late-missing", test_late_missing);
	add("/change/late-wrong", test_late_wrong);
	add("/change/shown", test_shown);
	add("/change/wait", test_wait);
	return g_test_run();
}
