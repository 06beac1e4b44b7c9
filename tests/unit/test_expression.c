/* Expressions in strings: what they give, and how their mistakes are told. */
#include "fleet/expression.h"

#include <string.h>

#include "document/json.h"

/* What the paths of these tests lead to: the value of a JSON map, by the names after the root. */
struct lookup {
	const struct value *values;
	GString *asked;
};

static const struct value *look_up(
	void *data, const struct path *path, struct diagnostics *diagnostics)
{
	struct lookup *l = data;
	const struct value *value = l->values;

	g_string_append_printf(l->asked, "%s%s", l->asked->len ? " " : "", path->root);
	for (size_t i = 0; i < path->count; i++) {
		g_string_append_printf(l->asked, "|%s", path->rest[i]);
		value = value_get(value, path->rest[i]);
	}
	if (!value)
		diagnostic_add(diagnostics, path->span, "nothing there");
	return value;
}

static const char values[] = "{\"s\":\"text\",\"n\":5,\"f\":1.5,\"t\":true,\"z\":null,\"l\":[1,"
			     "\"b\"],\"m\":{\"k\":\"v\"},"
			     "\"u\":{\"$unknown\":\"machine.db\"},\"e\":\"${self.s}\"}";

/* Evaluates a JSON value; `want` is JSON, or "! " and the first message. */
static void assert_gives(const char *text, const char *want, const char *asked)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
	struct error *err = NULL;
	struct value *value = json_parse(arena, text, strlen(text), &err);
	struct lookup lookup = {
		json_parse(arena, values, strlen(values), &err), g_string_new(NULL)};
	struct scope scope = {look_up, &lookup, arena, diagnostics};
	const struct value *got = expression_evaluate(&scope, value);
	AUTO(gfree) char *shown = NULL;

	if (got) {
		g_assert_cmpuint(diagnostics_count(diagnostics), ==, 0);
		shown = json_format(got);
	} else {
		AUTO(gfree) char *said = diagnostics_format(diagnostics, false);

		said[strcspn(said, "\n")] = '\0';
		shown = g_strconcat("! ", said + strlen("error: "), NULL);
	}
	g_assert_cmpstr(shown, ==, want);
	if (asked)
		g_assert_cmpstr(lookup.asked->str, ==, asked);
	g_string_free(lookup.asked, TRUE);
}

static void test_literal(void)
{
	assert_gives("\"plain\"", "\"plain\"", "");
	assert_gives("\"$ { } $x $$ }{\"", "\"$ { } $x $$ }{\"", "");
	assert_gives("\"$${self.s}\"", "\"${self.s}\"", "");
	assert_gives("\"a$${b}c${self.s}d$${\"", "\"a${b}ctextd${\"", "self|s");
	assert_gives("\"$$${self.s}\"", "\"$${self.s}\"", "");
	assert_gives("5", "5", "");
	assert_gives("null", "null", "");
}

static void test_types(void)
{
	assert_gives("\"${self.n}\"", "5", "self|n");
	assert_gives("\"${self.t}\"", "true", NULL);
	assert_gives("\"${self.f}\"", "1.5", NULL);
	assert_gives("\"${self.z}\"", "null", NULL);
	assert_gives("\"${self.l}\"", "[1,\"b\"]", NULL);
	assert_gives("\"${self.m}\"", "{\"k\":\"v\"}", NULL);
	assert_gives("\"${ self.n }\"", "5", NULL);
	assert_gives("\" ${self.n}\"", "\" 5\"", NULL);
	assert_gives("\"${self.n}${self.n}\"", "\"55\"", NULL);
}

static void test_text(void)
{
	assert_gives("\"a ${self.s} ${self.n} ${self.t} ${self.f} z\"", "\"a text 5 true 1.5 z\"",
		"self|s self|n self|t self|f");
	assert_gives("\"${self.s} ${self.l}\"", "! a list cannot be put into a string", NULL);
	assert_gives("\"${self.s} ${self.m}\"", "! a map cannot be put into a string", NULL);
	assert_gives("\"${self.s} ${self.z}\"", "! nothing cannot be put into a string", NULL);
}

static void test_unknown(void)
{
	assert_gives("\"${self.u}\"", "{\"$unknown\":\"machine.db\"}", NULL);
	assert_gives("\"http://${self.u}:${self.n}/\"", "{\"$unknown\":\"machine.db\"}", NULL);
	assert_gives("[\"${self.u}\",\"${self.n}\"]", "[{\"$unknown\":\"machine.db\"},5]", NULL);
}

static void test_paths(void)
{
	assert_gives("\"${machine.web-1.address}\"", "! nothing there", "machine|web-1|address");
	assert_gives("\"${machine.a_b.l[0].k[12]}\"", "! nothing there", "machine|a_b|l|0|k|12");
	assert_gives("\"${self.m.k}\"", "\"v\"", "self|m|k");
}

/* A value that looks like an expression is a value. */
static void test_once(void)
{
	assert_gives("\"${self.e}\"", "\"${self.s}\"", "self|e");
	assert_gives("\"x${self.e}\"", "\"x${self.s}\"", "self|e");
}

static void test_deep(void)
{
	assert_gives("{\"a\":[{\"b\":\"${self.n}\"},\"c\"],\"d\":\"${self.s}!\"}",
		"{\"a\":[{\"b\":5},\"c\"],\"d\":\"text!\"}", "self|n self|s");
	assert_gives("{\"a\":\"${self.no}\",\"b\":[\"${self.no2}\",\"${self.s}\"]}",
		"! nothing there", "self|no self|no2 self|s");
}

static void test_syntax(void)
{
	static const char *const never[] = {"${", "${ ", "${self", "${self.", "${self.n",
		"${self.l[", "${self.l[0", "${self.n ", "a ${self.n} ${"};
	static const char *const others[][2] = {{"${}", "expected an expression"},
		{"${.a}", "expected an expression"}, {"${self..a}", "expected a name"},
		{"${self.l[]}", "expected an index"}, {"${self.l[a]}", "expected an index"},
		{"${self.l[0.a}", "expected ']'"}, {"${self.a b}", "expected '}'"},
		{"${self.a+1}", "expected '}'"}, {"${{self.a}}", "expected an expression"},
		{"${var.a}", "unknown name 'var'"}, {"${äself.a}", "expected an expression"},
		{"x ${self.a b} ${self.n}", "expected '}'"}};

	for (size_t i = 0; i < G_N_ELEMENTS(never); i++) {
		AUTO(gfree) char *json = g_strdup_printf("\"%s\"", never[i]);

		assert_gives(json, "! '${' is never closed", NULL);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		AUTO(gfree) char *json = g_strdup_printf("\"%s\"", others[i][0]);
		AUTO(gfree) char *want = g_strdup_printf("! %s", others[i][1]);

		assert_gives(json, want, NULL);
	}
}

static void test_long_path(void)
{
	GString *text = g_string_new("\"${self");

	for (int i = 0; i < 16; i++)
		g_string_append(text, ".a");
	g_string_append(text, "}\"");
	assert_gives(text->str, "! nothing there", NULL);
	g_string_insert(text, text->len - 2, ".a");
	assert_gives(text->str, "! the path is too long", NULL);
	g_string_free(text, TRUE);
}

/* Any bytes: never a crash, and either a value or a mistake. */
static void test_random(void)
{
	static const char *const pieces[] = {"${", "}", "self", ".", "s", "n", "[", "0", "]", "$",
		" ", "machine", "ä", "u", "-", "l", "$${"};
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);

	for (int round = 0; round < 3000; round++) {
		AUTO(arena) struct arena *arena = arena_new();
		AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
		struct error *err = NULL;
		struct lookup lookup = {
			json_parse(arena, values, strlen(values), &err), g_string_new(NULL)};
		struct scope scope = {look_up, &lookup, arena, diagnostics};
		GString *text = g_string_new(NULL);
		bool ok;

		for (int i = g_rand_int_range(rand, 1, 12); i > 0; i--)
			g_string_append(
				text, pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))]);
		ok = expression_evaluate(&scope, value_string_n(arena, text->str, text->len));
		g_assert_true(ok == (diagnostics_count(diagnostics) == 0));
		g_string_free(text, TRUE);
		g_string_free(lookup.asked, TRUE);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/expression/literal", test_literal);
	g_test_add_func("/expression/types", test_types);
	g_test_add_func("/expression/text", test_text);
	g_test_add_func("/expression/unknown", test_unknown);
	g_test_add_func("/expression/paths", test_paths);
	g_test_add_func("/expression/once", test_once);
	g_test_add_func("/expression/deep", test_deep);
	g_test_add_func("/expression/syntax", test_syntax);
	g_test_add_func("/expression/long-path", test_long_path);
	g_test_add_func("/expression/random", test_random);
	return g_test_run();
}
