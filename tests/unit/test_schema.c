/* document/schema: files against field tables, values for people, tables over the protocol. */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "document/json.h"
#include "document/schema.h"
#include "document/yaml.h"

static const char *const states[] = {"running", "stopped", NULL};
static const struct field port = {.type = FIELD_INTEGER, .least = 1, .most = 65535};
static const struct field key = {.type = FIELD_STRING, .path = true};
static const struct field probe_fields[] = {
	{.name = "tcp", .type = FIELD_INTEGER, .least = 1, .most = 65535},
	{.name = "timeout", .type = FIELD_DURATION, .required = true},
	{0},
};

static const struct field fields[] = {
	{.name = "image", .type = FIELD_REFERENCE, .refers = "image", .change = CHANGE_REPLACE},
	{.name = "cpus",
		.type = FIELD_INTEGER,
		.least = 1,
		.most = 64,
		.fallback = "1",
		.change = CHANGE_REBOOT},
	{.name = "memory", .type = FIELD_SIZE, .least = 1 << 20, .fallback = "536870912"},
	{.name = "wait", .type = FIELD_DURATION, .most = 60000},
	{.name = "state", .type = FIELD_STRING, .choices = states, .fallback = "\"running\""},
	{.name = "seed", .type = FIELD_STRING, .path = true},
	{.name = "user", .type = FIELD_STRING, .doc = "who may log in"},
	{.name = "password", .type = FIELD_STRING, .sensitive = true},
	{.name = "nested", .type = FIELD_BOOLEAN},
	{.name = "weight", .type = FIELD_NUMBER},
	{.name = "keys", .type = FIELD_LIST, .item = &key},
	{.name = "ports", .type = FIELD_MAP, .item = &port},
	{.name = "ready", .type = FIELD_MAP, .fields = probe_fields},
	{.name = "labels", .type = FIELD_MAP},
	{.name = "extra", .type = FIELD_ANY},
	{.name = "address", .type = FIELD_STRING, .computed = true, .host_only = true},
	{0},
};

static const struct field strict[] = {
	{.name = "fleet", .type = FIELD_STRING, .required = true, .doc = "the fleet's name"},
	{.name = "size", .type = FIELD_SIZE, .required = true},
	{0},
};

struct checked {
	struct arena *arena;
	struct diagnostics *diagnostics;
	struct value *value;
};

static struct checked check(const struct field *table, bool open, const char *yaml)
{
	struct checked c = {arena_new(), diagnostics_new(), NULL};
	struct value *map =
		yaml_parse(c.arena, source_from_text(c.arena, "f", yaml), c.diagnostics);

	g_assert_nonnull(map);
	c.value = schema_check(c.arena, table, open, map, "a machine", NULL, c.diagnostics);
	g_assert_nonnull(c.value);
	return c;
}

static void checked_clear(struct checked *c)
{
	diagnostics_free(c->diagnostics);
	arena_free(c->arena);
}

static void check_gives(const char *yaml, const char *json)
{
	struct checked c = check(fields, false, yaml);
	AUTO(gfree) char *wrong = diagnostics_format(c.diagnostics, false);
	AUTO(gfree) char *text = json_format(c.value);

	g_assert_cmpstr(wrong, ==, "");
	g_assert_cmpstr(text, ==, json);
	checked_clear(&c);
}

static void check_wrong(const struct field *table, const char *yaml, const char *errors)
{
	struct checked c = check(table, false, yaml);
	AUTO(gfree) char *text = diagnostics_format(c.diagnostics, false);

	g_assert_cmpstr(text, ==, errors);
	checked_clear(&c);
}

static void test_values(void)
{
	static const char *const cases[][2] = {{"{}", "{}"}, {"", "{}"},
		{"memory: 2GiB", "{\"memory\":2147483648}"},
		{"memory: 1048576", "{\"memory\":1048576}"},
		{"memory: '1048576'", "{\"memory\":1048576}"}, {"wait: 1m", "{\"wait\":60000}"},
		{"wait: 5", "{\"wait\":5000}"}, {"wait: 500ms", "{\"wait\":500}"},
		{"state: stopped", "{\"state\":\"stopped\"}"},
		{"nested: true", "{\"nested\":true}"}, {"weight: 2", "{\"weight\":2}"},
		{"weight: 2.5", "{\"weight\":2.5}"}, {"seed: /a/b", "{\"seed\":\"/a/b\"}"},
		{"keys: []", "{\"keys\":[]}"}, {"ports: {ssh: 22}", "{\"ports\":{\"ssh\":22}}"},
		{"ready: {tcp: 80, timeout: 1m30s}", "{\"ready\":{\"tcp\":80,\"timeout\":90000}}"},
		{"labels: {a: [1, {b: ~}]}", "{\"labels\":{\"a\":[1,{\"b\":null}]}}"},
		{"extra: 5", "{\"extra\":5}"}, {"image: base", "{\"image\":\"base\"}"},
		{"user:", "{}"}, {"memory: ~\ncpus: 2", "{\"cpus\":2}"},
		{"ready: {tcp: ~, timeout: 1s}", "{\"ready\":{\"timeout\":1000}}"},
		{"cpus: ${machine.a.cpus}", "{\"cpus\":\"${machine.a.cpus}\"}"},
		{"keys: [\"${self.x}\", /k]", "{\"keys\":[\"${self.x}\",\"/k\"]}"},
		{"state: $${x}", "{\"state\":\"$${x}\"}"},
		{"ready: ${machine.a.ready}", "{\"ready\":\"${machine.a.ready}\"}"}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check_gives(cases[i][0], cases[i][1]);
}

static void test_keys(void)
{
	check_wrong(fields,
		"memroy: 1GiB\naddress: x\nzzzzzzzzz: 1\nready: {tpc: 1, timeout: 1s}\n",
		"f:1:1: error: unknown key 'memroy' in a machine\n"
		"    memroy: 1GiB\n"
		"    ^~~~~~\n"
		"  did you mean 'memory'?\n"
		"f:2:1: error: 'address' is an output of a machine, it cannot be set\n"
		"    address: x\n"
		"    ^~~~~~~\n"
		"f:3:1: error: unknown key 'zzzzzzzzz' in a machine\n"
		"    zzzzzzzzz: 1\n"
		"    ^~~~~~~~~\n"
		"  known keys are 'image', 'cpus', 'memory', 'wait', 'state', 'seed', 'user', "
		"'password', 'nested', 'weight', 'keys', 'ports', 'ready', 'labels', 'extra'\n"
		"f:4:9: error: unknown key 'tpc' in 'ready'\n"
		"    ready: {tpc: 1, timeout: 1s}\n"
		"            ^~~\n"
		"  did you mean 'tcp'?\n");
	check_wrong(strict, "fleet:\n",
		"f:1:1: error: missing key 'fleet' in a machine\n"
		"    fleet:\n"
		"    ^~~~~~\n"
		"  'fleet': the fleet's name\n"
		"f:1:1: error: missing key 'size' in a machine\n"
		"    fleet:\n"
		"    ^~~~~~\n");
}

static void test_open(void)
{
	static const char *const skip[] = {"extra", "count", NULL};
	struct checked c = check(fields, true, "other: [1]\ncpus: 2\n");
	AUTO(gfree) char *text = json_format(c.value);
	AUTO(gfree) char *again = NULL;
	struct value *map;

	g_assert_cmpuint(diagnostics_count(c.diagnostics), ==, 0);
	g_assert_cmpstr(text, ==, "{\"other\":[1],\"cpus\":2}");
	map = c.value;
	value_set(c.arena, map, "count", value_integer(c.arena, 3));
	value_unset(map, "other");
	map = schema_check(c.arena, fields, false, map, "a machine", skip, c.diagnostics);
	again = json_format(map);
	g_assert_cmpuint(diagnostics_count(c.diagnostics), ==, 0);
	g_assert_cmpstr(again, ==, "{\"cpus\":2}");
	checked_clear(&c);
}

/* The first line of each error and its hint: the place is tested with the whole. */
static void check_said(const char *yaml, const char *message, const char *hint)
{
	struct checked c = check(fields, false, yaml);
	AUTO(gfree) char *text = diagnostics_format(c.diagnostics, false);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	const char *found = strstr(lines[0], "error: ");

	g_assert_cmpuint(diagnostics_count(c.diagnostics), ==, 1);
	g_assert_cmpstr(found ? found + 7 : NULL, ==, message);
	g_assert_cmpstr(lines[3], ==, hint);
	g_assert_null(value_get(c.value, "x"));
	checked_clear(&c);
}

static void test_types(void)
{
	static const char *const cases[][3] = {
		{"cpus: many", "'cpus' must be an integer, not 'many'", ""},
		{"cpus: '2'", "'cpus' must be an integer, not '2'", "  write it without quotes"},
		{"cpus: 2.5", "'cpus' must be an integer, not a number", ""},
		{"cpus: [2]", "'cpus' must be an integer, not a list", ""},
		{"cpus: 0", "'cpus' must be from 1 to 64", ""},
		{"cpus: 65", "'cpus' must be from 1 to 64", ""},
		{"memory: 2 gigs", "'memory' must be a size such as 2GiB, not '2 gigs'",
			"  units are KiB, MiB, GiB and TiB"},
		{"memory: -1", "'memory' must be a size such as 2GiB, not an integer",
			"  units are KiB, MiB, GiB and TiB"},
		{"memory: 1KiB", "'memory' must be at least 1MiB", ""},
		{"memory: 9999999TiB", "'memory' must be a size such as 2GiB, not '9999999TiB'",
			"  units are KiB, MiB, GiB and TiB"},
		{"wait: 1 year", "'wait' must be a duration such as 90s, not '1 year'",
			"  units are ms, s, m, h and d"},
		{"wait: 2m", "'wait' must be from 0s to 1m", ""},
		{"wait: 9223372036854775807",
			"'wait' must be a duration such as 90s, not an integer",
			"  units are ms, s, m, h and d"},
		{"state: runing", "'runing' is no choice for 'state'",
			"  did you mean 'running'? The choices are 'running', 'stopped'"},
		{"state: paused", "'paused' is no choice for 'state'",
			"  the choices are 'running', 'stopped'"},
		{"state: \"running\\0\"", "'state' cannot hold a NUL", ""},
		{"seed: \"/a\\0b\"", "'seed' cannot hold a NUL", ""},
		{"user: 0640", "'user' must be a string, not an integer", "  write it in quotes"},
		{"user: [a]", "'user' must be a string, not a list", ""},
		{"nested: yes", "'nested' must be true or false, not 'yes'",
			"  write 'true' or 'false'"},
		{"nested: 1", "'nested' must be true or false, not an integer", ""},
		{"weight: heavy", "'weight' must be a number, not 'heavy'", ""},
		{"keys: /root/key", "'keys' must be a list, not a string",
			"  a list of one is written [/root/key]"},
		{"keys: [1]", "an item of 'keys' must be a string, not an integer",
			"  write it in quotes"},
		{"keys: [~]", "an item of 'keys' must be a string, not nothing", ""},
		{"ports: [22]", "'ports' must be a map, not a list",
			"  write 'NAME: …' for each, without '-' or '[ ]'"},
		{"ports: 22", "'ports' must be a map, not an integer",
			"  a map is written {KEY: VALUE}"},
		{"keys: 1", "'keys' must be a list, not an integer",
			"  a list of one is written [\"1\"]"},
		{"ready: 80", "'ready' must be a map, not an integer",
			"  its keys are 'tcp', 'timeout'"},
		{"ports: {ssh: 70000}", "'ssh' must be from 1 to 65535", ""},
		{"ready: tcp:80", "'ready' must be a map, not a string", "  put a space after ':'"},
		{"ready: {tcp: 80}", "missing key 'timeout' in 'ready'", ""},
		{"image: 12", "'image' must be a name, not an integer", "  write it in quotes"},
		{"labels: x", "'labels' must be a map, not a string",
			"  a map is written {KEY: VALUE}"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check_said(cases[i][0], cases[i][1], cases[i][2]);
}

static void test_no_map(void)
{
	check_wrong(fields, "[a]\n",
		"f:1:1: error: a machine must be a map, not a list\n"
		"    [a]\n"
		"    ^~~\n"
		"  write 'NAME: …' for each, without '-' or '[ ]'\n");
	check_wrong(strict, "",
		"f:1:1: error: missing key 'fleet' in a machine\n"
		"    \n"
		"    ^\n"
		"  'fleet': the fleet's name\n"
		"f:1:1: error: missing key 'size' in a machine\n"
		"    \n"
		"    ^\n");
}

/* What stands for a mistake that was said already is not said again. */
static void test_stand_in(void)
{
	struct checked c = check(strict, false, "fleet: *none\nsize: [*none]\n");

	g_assert_cmpuint(diagnostics_count(c.diagnostics), ==, 3);
	g_assert_cmpint(value_get(c.value, "fleet")->type, ==, VALUE_UNKNOWN);
	checked_clear(&c);
}

static void test_spans_kept(void)
{
	struct checked c = check(fields, false, "cpus: 2\nready: {timeout: 1s}\n");
	struct value *ready = value_get(c.value, "ready");

	g_assert_cmpint(c.value->map.members[1].key_span.line, ==, 2);
	g_assert_cmpint(ready->span.column, ==, 8);
	g_assert_cmpint(value_get(ready, "timeout")->span.column, ==, 18);
	g_assert_cmpint(ready->map.members[0].key_span.column, ==, 9);
	checked_clear(&c);
}

static void check_path(const char *name, const char *path, const char *expected)
{
	AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree) char *yaml = g_strdup_printf("seed: %s\nkeys: [%s]\n", path, path);
	struct value *map = yaml_parse(arena, source_from_text(arena, name, yaml), diagnostics);

	map = schema_check(arena, fields, false, map, "a machine", NULL, diagnostics);
	g_assert_cmpstr(value_get_string(map, "seed"), ==, expected);
	g_assert_cmpstr(value_get_list(map, "keys")->list.items[0]->text.bytes, ==, expected);
}

/* Of one file the same, however it was named: by link, by "..", or from within its folder. */
static void test_paths(void)
{
	AUTO(gfree) char *made = g_dir_make_tmp("test-schema-XXXXXX", NULL);
	AUTO(free) char *folder = realpath(made, NULL);
	AUTO(gfree) char *inner = g_build_filename(folder, "a", "b", NULL);
	AUTO(gfree) char *link = g_build_filename(folder, "link", NULL);
	AUTO(gfree) char *name = g_build_filename(inner, "fleet.yaml", NULL);
	AUTO(gfree) char *by_link = g_build_filename(link, "fleet.yaml", NULL);
	AUTO(gfree) char *by_dots = g_build_filename(inner, "..", "b", "fleet.yaml", NULL);
	AUTO(gfree) char *here = g_get_current_dir();
	AUTO(gfree) char *expected = g_build_filename(inner, "x/y", NULL);
	AUTO(gfree) char *above = g_build_filename(folder, "a", "x", NULL);
	AUTO(gfree) char *parent = g_build_filename(folder, "a", NULL);
	AUTO(gfree) char *hidden = g_build_filename(inner, ".hidden", NULL);
	AUTO(gfree) char *odd = g_build_filename(inner, "x", "..", "y", NULL);
	AUTO(error) struct error *err = NULL;

	g_assert_true(dir_make(inner, &err));
	g_assert_cmpint(symlink("a/b", link), ==, 0);
	check_path(name, "x/y", expected);
	check_path(name, "./x/y", expected);
	check_path(by_link, "x/y", expected);
	check_path(by_dots, ".//./x/y", expected);
	check_path(name, "../x", above);
	check_path(by_link, ".././x", above);
	check_path(name, "x/../y", odd);
	check_path(name, "..", parent);
	check_path(name, "/abs/x", "/abs/x");
	check_path("/fleet.yaml", "../../x", "/x");
	check_path("/fleet.yaml", "..", "/");
	check_path(name, ".hidden", hidden);
	g_assert_cmpint(chdir(inner), ==, 0);
	check_path("fleet.yaml", "x/y", expected);
	g_assert_cmpint(chdir(here), ==, 0);
	g_assert_true(tree_remove(folder, &err));
}

static struct value *check_one(
	struct arena *arena, const char *name, struct value *value, size_t *errors)
{
	AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
	struct value *result =
		schema_check_value(arena, schema_find(fields, name), value, diagnostics);

	*errors = diagnostics_count(diagnostics);
	g_assert_cmpint(result == NULL, ==, *errors > 0);
	return result;
}

/* Values of expressions are in the units that hold everywhere but in a file: checking twice is as
 * checking once. */
static void test_evaluated(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *value, *list = value_list(arena);
	size_t errors;

	value = check_one(arena, "wait", value_integer(arena, 5000), &errors);
	g_assert_cmpint(value->integer, ==, 5000);
	value = check_one(arena, "wait", value, &errors);
	g_assert_cmpint(value->integer, ==, 5000);
	value = check_one(arena, "memory", value_string(arena, "2MiB"), &errors);
	g_assert_cmpint(value->integer, ==, 2 << 20);
	g_assert_null(check_one(arena, "cpus", value_string(arena, "${x}"), &errors));
	g_assert_cmpuint(errors, ==, 1);
	g_assert_nonnull(check_one(arena, "user", value_string(arena, "${x}"), &errors));
	g_assert_null(check_one(arena, "state", value_string(arena, "${x}"), &errors));
	g_assert_nonnull(check_one(arena, "cpus", value_unknown(arena, "machine.a"), &errors));
	value_append(arena, list, value_string(arena, "relative"));
	value = check_one(arena, "keys", list, &errors);
	g_assert_cmpstr(value->list.items[0]->text.bytes, ==, "relative");
}

static void test_fallback(void)
{
	AUTO(arena) struct arena *arena = arena_new();

	g_assert_cmpint(schema_fallback(arena, schema_find(fields, "cpus"))->integer, ==, 1);
	g_assert_cmpstr(
		schema_fallback(arena, schema_find(fields, "state"))->text.bytes, ==, "running");
	g_assert_null(schema_fallback(arena, schema_find(fields, "user")));
	g_assert_null(schema_find(fields, "none"));
	g_assert_null(schema_find(NULL, "none"));
}

static void check_show(const struct field *field, const char *json, const char *expected)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct value *value = json_parse(arena, json, strlen(json), &err);
	AUTO(gfree) char *text = schema_show(field, value);

	g_assert_cmpstr(text, ==, expected);
}

static void test_show(void)
{
	static const char *const plain[][2] = {{"\"web-1\"", "web-1"}, {"\"\"", "\"\""},
		{"\"a b\"", "a b"}, {"\" a\"", "\" a\""}, {"\"true\"", "\"true\""},
		{"\"12\"", "\"12\""}, {"\"null\"", "\"null\""}, {"\"yes\"", "yes"},
		{"\"a, b\"", "\"a, b\""}, {"\"a: b\"", "\"a: b\""}, {"\"a:b\"", "a:b"},
		{"\"(unset)\"", "\"(unset)\""}, {"\"it's\"", "\"it's\""},
		{"\"a\\nb\"", "\"a\\nb\""}, {"\"\\u001b[31m\"", "\"\\u001b[31m\""},
		{"\"\\u202ex\"", "\"\\xe2\\x80\\xaex\""}, {"\"é\"", "é"}, {"null", "null"},
		{"true", "true"}, {"1.5", "1.5"}, {"-3", "-3"}, {"[1,\"a\",[]]", "[1, a, []]"},
		{"{\"a\":1,\"b c\":{}}", "{a: 1, b c: {}}"},
		{"{\"$unknown\":\"machine.db\"}", "(known after machine.db)"},
		{"{\"$unknown\":\"\\u001b\"}", "(known after \\x1b)"}};

	for (size_t i = 0; i < G_N_ELEMENTS(plain); i++)
		check_show(NULL, plain[i][0], plain[i][1]);
	check_show(schema_find(fields, "memory"), "1073741824", "1GiB");
	check_show(schema_find(fields, "memory"), "\"${x}\"", "\"${x}\"");
	check_show(schema_find(fields, "wait"), "90000", "1m30s");
	check_show(schema_find(fields, "password"), "\"hunter2\"", "(secret)");
	check_show(schema_find(fields, "password"), "{\"$unknown\":\"x\"}", "(secret)");
	check_show(schema_find(fields, "ready"), "{\"tcp\":80,\"timeout\":1000}",
		"{tcp: 80, timeout: 1s}");
}

static void test_show_unset(void)
{
	AUTO(gfree) char *unset = schema_show(NULL, NULL);
	AUTO(gfree) char *secret = schema_show(schema_find(fields, "password"), NULL);

	g_assert_cmpstr(unset, ==, "(unset)");
	g_assert_cmpstr(secret, ==, "(unset)");
}

/* There and back, twice the same bytes. */
static void test_wire(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *first = json_format(schema_to_value(arena, fields));
	struct field *back =
		schema_from_value(arena, json_parse(arena, first, strlen(first), &err), &err);
	AUTO(gfree) char *second = NULL;
	const struct field *ready;

	g_assert_nonnull(back);
	second = json_format(schema_to_value(arena, back));
	g_assert_cmpstr(first, ==, second);
	g_assert_cmpint(schema_find(back, "cpus")->change, ==, CHANGE_REBOOT);
	g_assert_cmpint(schema_find(back, "image")->change, ==, CHANGE_REPLACE);
	g_assert_cmpint(schema_find(back, "memory")->least, ==, 1 << 20);
	g_assert_true(schema_find(back, "address")->computed);
	g_assert_true(schema_find(back, "address")->host_only);
	g_assert_true(schema_find(back, "keys")->item->path);
	g_assert_null(schema_find(back, "keys")->item->name);
	ready = schema_find(back, "ready");
	g_assert_true(schema_find(ready->fields, "timeout")->required);
	g_assert_cmpstr(schema_find(back, "state")->choices[1], ==, "stopped");
	g_assert_null(schema_find(back, "state")->choices[2]);
	g_assert_cmpint(schema_fallback(arena, schema_find(back, "cpus"))->integer, ==, 1);
}

static void check_refused(const char *json)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL, *bad = NULL;
	struct value *value = json_parse(arena, json, strlen(json), &bad);

	g_assert_null(bad);
	if (schema_from_value(arena, value, &err))
		g_test_message("accepted: %s", json);
	g_assert_nonnull(err);
	g_assert_cmpint(err->class, ==, ERROR_INTERNAL);
}

static void test_wire_refused(void)
{
	static const char *const cases[] = {"null", "{}", "[1]", "[{}]", "[{\"name\":\"a\"}]",
		"[{\"type\":\"string\"}]", "[{\"name\":\"\",\"type\":\"string\"}]",
		"[{\"name\":\"a b\",\"type\":\"string\"}]", "[{\"name\":1,\"type\":\"string\"}]",
		"[{\"name\":\"a\\u0000b\",\"type\":\"string\"}]",
		"[{\"name\":\"a\",\"type\":\"text\"}]", "[{\"name\":\"a\",\"type\":5}]",
		"[{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"a\",\"type\":\"any\"}]",
		"[{\"name\":\"a\",\"type\":\"string\",\"change\":\"never\"}]",
		"[{\"name\":\"a\",\"type\":\"string\",\"required\":1}]",
		"[{\"name\":\"a\",\"type\":\"string\",\"choices\":[]}]",
		"[{\"name\":\"a\",\"type\":\"string\",\"choices\":[1]}]",
		"[{\"name\":\"a\",\"type\":\"integer\",\"choices\":[\"x\"]}]",
		"[{\"name\":\"a\",\"type\":\"string\",\"choices\":[\"x\"],\"default\":\"y\"}]",
		"[{\"name\":\"a\",\"type\":\"integer\",\"default\":\"1\"}]",
		"[{\"name\":\"a\",\"type\":\"integer\",\"default\":{\"$unknown\":\"x\"}}]",
		"[{\"name\":\"a\",\"type\":\"integer\",\"most\":5,\"default\":6}]",
		"[{\"name\":\"a\",\"type\":\"string\",\"computed\":true,\"default\":\"x\"}]",
		"[{\"name\":\"a\",\"type\":\"integer\",\"least\":\"1\"}]",
		"[{\"name\":\"a\",\"type\":\"reference\"}]",
		"[{\"name\":\"a\",\"type\":\"string\",\"item\":{\"type\":\"string\"}}]",
		"[{\"name\":\"a\",\"type\":\"list\",\"fields\":[]}]",
		"[{\"name\":\"a\",\"type\":\"list\",\"item\":{\"type\":\"x\"}}]",
		"[{\"name\":\"a\",\"type\":\"map\",\"fields\":[{\"name\":\"b\"}]}]",
		"[{\"name\":\"a\",\"type\":\"map\",\"item\":{\"type\":\"any\"},\"fields\":[]}]"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check_refused(cases[i]);
}

/* Within the depth of a line of the protocol, but too deep for a table; and a table too long. */
static void test_wire_bounds(void)
{
	GString *deep = g_string_new("[{\"name\":\"a\",\"type\":\"list\"");
	GString *many = g_string_new("[");

	for (int i = 0; i < 30; i++)
		g_string_append(deep, ",\"item\":{\"type\":\"list\"");
	for (int i = 0; i < 30; i++)
		g_string_append_c(deep, '}');
	g_string_append(deep, "}]");
	check_refused(deep->str);
	for (int i = 0; i < 1001; i++)
		g_string_append_printf(
			many, "%s{\"name\":\"f%d\",\"type\":\"any\"}", i ? "," : "", i);
	g_string_append_c(many, ']');
	check_refused(many->str);
	g_string_free(deep, TRUE);
	g_string_free(many, TRUE);
}

static void test_wire_default(void)
{
	static const char json[] =
		"[{\"name\":\"t\",\"type\":\"duration\",\"default\":90000,\"later\":[1]},"
		"{\"name\":\"m\",\"type\":\"map\",\"default\":{\"a\":1},\"doc\":null}]";
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct field *back =
		schema_from_value(arena, json_parse(arena, json, strlen(json), &err), &err);

	g_assert_nonnull(back);
	g_assert_cmpint(schema_fallback(arena, &back[0])->integer, ==, 90000);
	g_assert_cmpint(value_get_integer(schema_fallback(arena, &back[1]), "a", 0), ==, 1);
	g_assert_null(back[2].name);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/schema/values", test_values);
	g_test_add_func("/schema/keys", test_keys);
	g_test_add_func("/schema/open", test_open);
	g_test_add_func("/schema/types", test_types);
	g_test_add_func("/schema/no-map", test_no_map);
	g_test_add_func("/schema/stand-in", test_stand_in);
	g_test_add_func("/schema/spans-kept", test_spans_kept);
	g_test_add_func("/schema/paths", test_paths);
	g_test_add_func("/schema/evaluated", test_evaluated);
	g_test_add_func("/schema/fallback", test_fallback);
	g_test_add_func("/schema/show", test_show);
	g_test_add_func("/schema/show-unset", test_show_unset);
	g_test_add_func("/schema/wire", test_wire);
	g_test_add_func("/schema/wire-refused", test_wire_refused);
	g_test_add_func("/schema/wire-bounds", test_wire_bounds);
	g_test_add_func("/schema/wire-default", test_wire_default);
	return g_test_run();
}
