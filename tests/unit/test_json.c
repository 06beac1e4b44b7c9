/* document/json: what is read, what is refused, what is written. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "document/json.h"

/* Milliseconds of processor time: others may keep the machine busy. */
static int64_t spent(void)
{
	return (int64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

static void check_refused(const char *text, size_t length)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct value *value = json_parse(arena, text, length, &err);

	if (value)
		g_test_message("accepted: %s", text);
	g_assert_null(value);
	g_assert_nonnull(err);
}

static void test_round_trip(void)
{
	static const char *const texts[] = {"null", "true", "false", "0", "-1",
		"9223372036854775807", "-9223372036854775808", "1.5", "1e+300", "0.1", "-0.5",
		"1.0", "2.2250738585072014e-308", "\"\"", "\"plain\"",
		"\"\\\"\\\\\\n\\t\\r\\b\\f\\u0000\\u001b\\u007f\\u0085/\"", "\"é日𝄞\"", "[]", "{}",
		"[1,[2,[3]],{}]", "{\"z\":1,\"a\":{\"y\":[true],\"b\":null}}",
		"{\"$unknown\":\"machine.db\"}", "{\"a\":{\"$unknown\":\"x \\\"y\\\"\"}}",
		"{\"$unknown\":1}", "{\"$unknown\":\"x\",\"more\":1}", "{\"é\\n\":1}", "{\"\":1}"};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		AUTO(arena) struct arena *arena = arena_new();
		AUTO(error) struct error *err = NULL;
		struct value *value = json_parse(arena, texts[i], strlen(texts[i]), &err);
		AUTO(gfree) char *text = NULL;

		g_assert_nonnull(value);
		text = json_format(value);
		g_assert_cmpstr(text, ==, texts[i]);
	}
}

static void test_types(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	const char text[] =
		" {\"u\":{\"$unknown\":\"x\"},\"n\":1.0,\"i\":1,\"s\":\"a\\u0000b\"} \n";
	struct value *map = json_parse(arena, text, strlen(text), &err);

	g_assert_cmpint(value_get(map, "u")->type, ==, VALUE_UNKNOWN);
	g_assert_cmpint(value_get(map, "n")->type, ==, VALUE_NUMBER);
	g_assert_cmpint(value_get(map, "i")->type, ==, VALUE_INTEGER);
	g_assert_cmpmem(
		value_get(map, "s")->text.bytes, value_get(map, "s")->text.length, "a\0b", 3);
}

static void test_refused(void)
{
	static const char *const texts[] = {"", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}",
		"{\"a\":{\"b\":1,\"b\":1}}", "1 2", "{} {}", "[1] x", "9223372036854775808",
		"-9223372036854775809", "1e999", "01", "+1", "NaN", "Infinity", "'a'", "{a:1}",
		"\"\\ud800\"", "\"\\x41\"", "\"a\nb\"", "\"\xff\"", "tru", "{\"a\\u0000b\":1}",
		"// x\n1", "\xef\xbb\xbf{}", "\"\xed\xa0\x80\""};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		check_refused(texts[i], strlen(texts[i]));
	check_refused("1\0", 2);
	check_refused("{}\0{}", 5);
}

static char *nested(int depth)
{
	GString *text = g_string_new(NULL);

	for (int i = 0; i < depth; i++)
		g_string_append(text, i % 2 ? "[" : "{\"]\\\"[\":");
	g_string_append(text, "1");
	for (int i = depth; i-- > 0;)
		g_string_append_c(text, i % 2 ? ']' : '}');
	return g_string_free(text, FALSE);
}

static void test_depth(void)
{
	static const int deeper[] = {65, 1000, 100000};
	AUTO(gfree) char *most = nested(64), *open = g_strnfill(1 << 20, '[');
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	int64_t start = spent();

	g_assert_nonnull(json_parse(arena, most, strlen(most), &err));
	for (size_t i = 0; i < G_N_ELEMENTS(deeper); i++) {
		AUTO(gfree) char *text = nested(deeper[i]);

		check_refused(text, strlen(text));
	}
	check_refused(open, strlen(open));
	g_assert_cmpint(spent() - start, <, 1000);
}

/* One line, no control characters, UTF-8: whatever the strings hold. */
static void test_escaped(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	GString *all = g_string_new(NULL);

	for (int i = 0; i < 256; i++)
		g_string_append_c(all, (char)i);
	for (int i = 0; i < 2000; i++) {
		AUTO(gfree) char *text = NULL;
		AUTO(error) struct error *err = NULL;
		size_t length = g_test_rand_int_range(0, 30);
		struct value *string, *map = value_map(arena);

		for (size_t j = 0; j < length; j++)
			all->str[j] = (char)g_test_rand_int_range(i % 2 ? 0x70 : 0, 256);
		string = value_string_n(arena, all->str, length);
		value_set(arena, map, string->text.bytes, string);
		text = json_format(map);
		g_assert_true(g_utf8_validate(text, -1, NULL));
		for (const char *p = text; *p; p = g_utf8_next_char(p))
			g_assert_false(g_unichar_iscntrl(g_utf8_get_char(p)));
		g_assert_nonnull(json_parse(arena, text, strlen(text), &err));
	}
	g_string_free(all, TRUE);
}

static void test_numbers(void)
{
	static const double numbers[] = {0.1, 1.0 / 3, 1e21, 5e-324, 1.7976931348623157e308, -0.0,
		123456789012345680.0, 0.30000000000000004};
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree) char *infinite = json_format(value_number(arena, INFINITY));

	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		AUTO(gfree) char *text = json_format(value_number(arena, numbers[i]));
		AUTO(error) struct error *err = NULL;
		struct value *back = json_parse(arena, text, strlen(text), &err);

		g_assert_cmpint(back->type, ==, VALUE_NUMBER);
		g_assert_true(!memcmp(&back->number, &numbers[i], sizeof(double)));
	}
	g_assert_cmpstr(infinite, ==, "null");
}

static void test_canonical(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	const char *one = "{\"b\":[{\"z\":1,\"y\":2}],\"a\":1,\"A\":3}";
	const char *two = "{\"A\":3,\"a\":1,\"b\":[{\"y\":2,\"z\":1}]}";
	AUTO(gfree) char *first = json_canonical(json_parse(arena, one, strlen(one), &err));
	AUTO(gfree) char *second = json_canonical(json_parse(arena, two, strlen(two), &err));
	AUTO(gfree) char *kept = json_format(json_parse(arena, one, strlen(one), &err));

	g_assert_cmpstr(first, ==, two);
	g_assert_cmpstr(second, ==, two);
	g_assert_cmpstr(kept, ==, one);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/json/round-trip", test_round_trip);
	g_test_add_func("/json/types", test_types);
	g_test_add_func("/json/refused", test_refused);
	g_test_add_func("/json/depth", test_depth);
	g_test_add_func("/json/escaped", test_escaped);
	g_test_add_func("/json/numbers", test_numbers);
	g_test_add_func("/json/canonical", test_canonical);
	return g_test_run();
}
