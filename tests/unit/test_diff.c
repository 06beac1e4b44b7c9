/* The three-way diff, field by field: last applied × wanted × actual. */
#include "plan/diff.h"

#include <string.h>

#include "document/json.h"

static const struct field fields[] = {
	{.name = "live", .type = FIELD_STRING, .fallback = "\"d\""},
	{.name = "size", .type = FIELD_INTEGER, .change = CHANGE_REBOOT, .fallback = "1"},
	{.name = "place", .type = FIELD_STRING, .change = CHANGE_REPLACE},
	{.name = "list", .type = FIELD_LIST},
	{.name = "out", .type = FIELD_STRING, .computed = true, .fallback = "\"never\""},
	{0},
};

static struct value *parse(struct arena *arena, const char *text)
{
	struct error *err = NULL;
	struct value *value = text ? json_parse(arena, text, strlen(text), &err) : NULL;

	g_assert_null(err);
	return value;
}

static void append(GString *text, const struct value *value)
{
	if (value)
		json_append(text, value);
	else
		g_string_append_c(text, '-');
}

/* "NAME BEFORE AFTER CLASS[*]; …", where * says that it left the file. */
static void assert_changes(
	const char *said, const char *actual, const char *record, const char *want)
{
	AUTO(arena) struct arena *arena = arena_new();
	g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(struct change));
	GString *text = g_string_new(NULL);

	diff_fields(diff_table(arena, fields), parse(arena, said), parse(arena, actual),
		parse(arena, record), changes);
	for (unsigned i = 0; i < changes->len; i++) {
		const struct change *c = &g_array_index(changes, struct change, i);

		g_string_append_printf(text, "%s%s ", i ? "; " : "", c->name);
		append(text, c->before);
		g_string_append_c(text, ' ');
		append(text, c->after);
		g_string_append_printf(
			text, " %s%s", change_class_name(c->class), c->left_file ? "*" : "");
	}
	g_assert_cmpstr(text->str, ==, want);
	g_string_free(text, TRUE);
}

static void test_wanted(void)
{
	assert_changes("{}", "{}", NULL, "");
	assert_changes("{}", NULL, NULL, "");
	assert_changes("{\"live\":\"a\"}", "{\"live\":\"a\"}", NULL, "");
	assert_changes("{\"live\":\"a\"}", "{\"live\":\"b\"}", NULL, "live \"b\" \"a\" live");
	assert_changes("{\"live\":\"a\"}", "{}", NULL, "live - \"a\" live");
	assert_changes("{\"live\":\"a\"}", NULL, NULL, "live - \"a\" live");
	assert_changes("{\"size\":2}", "{\"size\":2.0}", NULL, "");
	assert_changes("{\"list\":[1,2]}", "{\"list\":[2,1]}", NULL, "list [2,1] [1,2] live");
}

static void test_order(void)
{
	assert_changes("{\"place\":\"p\",\"zz\":1,\"aa\":2,\"size\":2,\"live\":\"a\"}", "{}", NULL,
		"live - \"a\" live; size - 2 reboot; place - \"p\" replace; aa - 2 live; "
		"zz - 1 live");
}

static void test_never_said(void)
{
	assert_changes("{}", "{\"live\":\"b\",\"size\":9,\"zz\":1}",
		"{\"applied\":{},\"defaults\":{\"live\":\"d\"}}", "");
}

static void test_unknown(void)
{
	assert_changes("{\"place\":{\"$unknown\":\"machine.db\"}}", "{\"place\":\"a\"}", NULL,
		"place \"a\" {\"$unknown\":\"machine.db\"} replace");
}

static void test_left_file(void)
{
	const char *record = "{\"applied\":{\"live\":\"a\",\"size\":2,\"place\":\"p\"},"
			     "\"defaults\":{\"live\":\"old\",\"size\":1,\"place\":null}}";

	assert_changes("{}", "{\"live\":\"a\",\"size\":2,\"place\":\"p\"}", record,
		"live \"a\" \"old\" live*; size 2 1 reboot*; place \"p\" - replace*");
	assert_changes("{}", "{\"live\":\"old\",\"size\":1}", record, "place \"p\" - replace*");
	assert_changes("{}", "{\"live\":\"old\",\"size\":1,\"place\":null}", record, "");
	assert_changes("{\"live\":\"a\",\"size\":2,\"place\":\"p\"}", NULL, record, "");
}

/* A record without defaults of a field: the field is newer than the object. */
static void test_new_field(void)
{
	assert_changes("{}", "{\"size\":5}", "{\"applied\":{\"size\":5},\"defaults\":{}}",
		"size 5 1 reboot*");
}

static void test_open(void)
{
	const char *record = "{\"applied\":{\"zz\":1,\"yy\":2},\"defaults\":{}}";

	assert_changes("{}", "{\"zz\":1}", record, "zz 1 - live*");
	assert_changes("{\"zz\":1}", "{\"zz\":1,\"yy\":2}", record, "yy 2 - live*");
	assert_changes("{\"yy\":3}", "{\"zz\":1,\"yy\":2}", record, "yy 2 3 live; zz 1 - live*");
}

static void test_computed(void)
{
	assert_changes("{}", "{\"out\":\"a\"}", "{\"applied\":{\"out\":\"b\"}}", "");
}

static void assert_after(const char *said, const char *record, const char *want)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree)
	char *got = json_format(diff_after(
		arena, diff_table(arena, fields), parse(arena, said), parse(arena, record)));

	g_assert_cmpstr(got, ==, want);
}

static void test_after(void)
{
	assert_after("{}", NULL, "{\"live\":\"d\",\"size\":1}");
	assert_after("{\"zz\":1,\"live\":\"a\"}", NULL, "{\"live\":\"a\",\"size\":1,\"zz\":1}");
	assert_after("{}", "{\"defaults\":{\"live\":\"old\",\"size\":null}}", "{\"live\":\"old\"}");
	assert_after("{\"size\":4}", "{\"defaults\":{\"size\":2}}", "{\"live\":\"d\",\"size\":4}");
}

static void assert_record(const char *said, const char *old, const char *want)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree)
	char *got = json_format(diff_record(arena, diff_table(arena, fields), parse(arena, said),
		parse(arena, old), value_list(arena)));

	g_assert_cmpstr(got, ==, want);
}

static void test_record(void)
{
	assert_record("{\"size\":2}", NULL,
		"{\"format\":1,\"applied\":{\"size\":2},\"defaults\":{\"live\":\"d\",\"size\":1,"
		"\"place\":null,\"list\":null},\"depends\":[]}");
	assert_record("{}", "{\"applied\":{\"size\":2},\"defaults\":{\"live\":\"old\"}}",
		"{\"format\":1,\"applied\":{},\"defaults\":{\"live\":\"old\",\"size\":1,"
		"\"place\":null,\"list\":null},\"depends\":[]}");
}

/* Law 3: what was made is as it was made, whatever the defaults become. */
static void test_settled(void)
{
	static const char *const saids[] = {"{}", "{\"live\":\"a\"}", "{\"zz\":[1]}",
		"{\"size\":7,\"place\":\"p\",\"list\":[{}]}"};

	for (size_t i = 0; i < G_N_ELEMENTS(saids); i++) {
		AUTO(arena) struct arena *arena = arena_new();
		const struct table *table = diff_table(arena, fields);
		const struct value *said = parse(arena, saids[i]);
		AUTO(gfree) char *actual = json_format(diff_after(arena, table, said, NULL));
		AUTO(gfree)
		char *record =
			json_format(diff_record(arena, table, said, NULL, value_list(arena)));

		assert_changes(saids[i], actual, record, "");
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/diff/wanted", test_wanted);
	g_test_add_func("/diff/order", test_order);
	g_test_add_func("/diff/never-said", test_never_said);
	g_test_add_func("/diff/unknown", test_unknown);
	g_test_add_func("/diff/left-file", test_left_file);
	g_test_add_func("/diff/new-field", test_new_field);
	g_test_add_func("/diff/open", test_open);
	g_test_add_func("/diff/computed", test_computed);
	g_test_add_func("/diff/after", test_after);
	g_test_add_func("/diff/record", test_record);
	g_test_add_func("/diff/settled", test_settled);
	return g_test_run();
}
