/* document/value: maps with and without an index, equality, copies. */
#include <string.h>

#include "document/value.h"

static void test_getters(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *map = value_map(arena);

	value_set(arena, map, "string", value_string(arena, "text"));
	value_set(arena, map, "boolean", value_boolean(arena, true));
	value_set(arena, map, "integer", value_integer(arena, -7));
	value_set(arena, map, "list", value_list(arena));
	value_set(arena, map, "map", value_map(arena));
	g_assert_cmpstr(value_get_string(map, "string"), ==, "text");
	g_assert_null(value_get_string(map, "integer"));
	g_assert_null(value_get_string(map, "none"));
	g_assert_true(value_get_boolean(map, "boolean", false));
	g_assert_true(value_get_boolean(map, "string", true));
	g_assert_cmpint(value_get_integer(map, "integer", 1), ==, -7);
	g_assert_cmpint(value_get_integer(map, "string", 1), ==, 1);
	g_assert_nonnull(value_get_list(map, "list"));
	g_assert_null(value_get_list(map, "map"));
	g_assert_nonnull(value_get_map(map, "map"));
	g_assert_null(value_get(NULL, "string"));
	g_assert_null(value_get(value_get(map, "string"), "string"));
	g_assert_cmpstr(value_format(arena, "%s-%d", "a", 1)->text.bytes, ==, "a-1");
}

static char *key(int i)
{
	static char buffer[32];

	g_snprintf(buffer, sizeof(buffer), "key-%d", i * 7919);
	return buffer;
}

/* Sizes around the step from search to index, and every step of its growth. */
static void test_maps(void)
{
	enum { MOST = 300 };
	AUTO(arena) struct arena *arena = arena_new();
	struct value *map = value_map(arena);

	for (int n = 0; n < MOST; n++) {
		value_set(arena, map, key(n), value_integer(arena, n));
		g_assert_cmpuint(map->map.count, ==, n + 1);
		for (int i = 0; i <= n; i++)
			g_assert_cmpint(value_get_integer(map, key(i), -1), ==, i);
		g_assert_null(value_get(map, key(n + 1)));
	}
	value_set(arena, map, key(5), value_integer(arena, 55));
	g_assert_cmpuint(map->map.count, ==, MOST);
	g_assert_cmpstr(map->map.members[5].key, ==, key(5));
	for (int n = 0; n < MOST; n += 2)
		value_unset(map, key(n));
	value_unset(map, "none");
	g_assert_cmpuint(map->map.count, ==, MOST / 2);
	for (int n = 0; n < MOST; n++) {
		g_assert_cmpint(value_get_integer(map, key(n), -1), ==,
			n % 2 == 0 ? -1
			: n == 5   ? 55
				   : n);
		if (n % 2)
			g_assert_cmpstr(map->map.members[n / 2].key, ==, key(n));
	}
	for (int n = 0; n < MOST; n++)
		value_unset(map, key(n));
	g_assert_cmpuint(map->map.count, ==, 0);
	value_set(arena, map, "again", value_null(arena));
	g_assert_nonnull(value_member(map, "again"));
}

static struct value *sample(struct arena *arena, bool reversed)
{
	struct value *map = value_map(arena), *list = value_list(arena);

	for (int i = 0; i < 20; i++)
		value_set(arena, map, key(reversed ? 19 - i : i),
			value_integer(arena, reversed ? 19 - i : i));
	for (int i = 0; i < 10; i++)
		value_append(arena, list, value_format(arena, "item %d", i));
	value_set(arena, map, "list", list);
	value_set(arena, map, "null", value_null(arena));
	value_set(arena, map, "number", value_number(arena, 1.5));
	value_set(arena, map, "bytes", value_string_n(arena, "a\0b", 3));
	return map;
}

static void test_equal(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *a = sample(arena, false), *b = sample(arena, true);

	g_assert_true(value_equal(a, b));
	value_set(arena, b, "bytes", value_string_n(arena, "a\0c", 3));
	g_assert_false(value_equal(a, b));
	value_set(arena, b, "bytes", value_string_n(arena, "a\0b", 3));
	value_append(arena, value_get_list(b, "list"), value_null(arena));
	g_assert_false(value_equal(a, b));
	b = sample(arena, false);
	value_unset(b, "null");
	value_set(arena, b, "other", value_null(arena));
	g_assert_false(value_equal(a, b));
	b = sample(arena, false);
	value_set(arena, b, "more", value_null(arena));
	g_assert_false(value_equal(a, b));
}

static void test_equal_amounts(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	static const struct {
		int64_t integer;
		double number;
		bool equal;
	} cases[] = {{2, 2.0, true}, {2, 2.5, false}, {0, -0.0, true},
		{(1LL << 53) + 1, 9007199254740992.0, false}, {INT64_MAX, 0x1p63, false},
		{INT64_MIN, -0x1p63, true}, {0, 1e300, false}, {0, -1e300, false}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct value *a = value_integer(arena, cases[i].integer);
		struct value *b = value_number(arena, cases[i].number);

		g_assert_cmpint(value_equal(a, b), ==, cases[i].equal);
		g_assert_cmpint(value_equal(b, a), ==, cases[i].equal);
	}
	g_assert_false(value_equal(value_string(arena, "1"), value_integer(arena, 1)));
	g_assert_false(value_equal(value_boolean(arena, true), value_boolean(arena, false)));
	g_assert_false(value_equal(value_null(arena), value_boolean(arena, false)));
}

static void test_unknown(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *unknown = value_unknown(arena, "machine.db"), *list = value_list(arena);
	struct value *map = value_map(arena);

	g_assert_cmpstr(unknown->text.bytes, ==, "machine.db");
	g_assert_false(value_equal(unknown, unknown));
	value_append(arena, list, value_string(arena, "known"));
	value_set(arena, map, "list", list);
	g_assert_false(value_has_unknown(map));
	value_append(arena, list, unknown);
	g_assert_true(value_has_unknown(map));
	g_assert_false(value_equal(map, value_copy(arena, map)));
}

static void test_copy(void)
{
	AUTO(arena) struct arena *first = arena_new(), *second = arena_new();
	struct value *a = sample(first, false), *copy;

	a->span.line = 7;
	a->map.members[0].key_span.column = 3;
	copy = value_copy(second, a);
	g_assert_true(value_equal(a, copy));
	g_assert_cmpint(copy->span.line, ==, 7);
	g_assert_cmpint(copy->map.members[0].key_span.column, ==, 3);
	value_set(second, copy, "more", value_null(second));
	value_append(second, value_get_list(copy, "list"), value_null(second));
	g_assert_null(value_get(a, "more"));
	g_assert_cmpuint(value_get_list(a, "list")->list.count, ==, 10);
	arena_free(first);
	first = NULL;
	g_assert_cmpint(value_get_integer(copy, key(19), -1), ==, 19);
	g_assert_cmpuint(value_get(copy, "bytes")->text.length, ==, 3);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/value/getters", test_getters);
	g_test_add_func("/value/maps", test_maps);
	g_test_add_func("/value/equal", test_equal);
	g_test_add_func("/value/equal-amounts", test_equal_amounts);
	g_test_add_func("/value/unknown", test_unknown);
	g_test_add_func("/value/copy", test_copy);
	return g_test_run();
}
