/* document/yaml: values, their places, and what is refused where. */
#include <string.h>
#include <time.h>

#include "document/json.h"
#include "document/yaml.h"

/* Milliseconds of processor time: others may keep the machine busy. */
static int64_t spent(void)
{
	return (int64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

struct read {
	struct arena *arena;
	struct diagnostics *diagnostics;
	struct value *value;
};

static struct read read_text(const char *text)
{
	struct read r = {arena_new(), diagnostics_new(), NULL};

	r.value = yaml_parse(r.arena, source_from_text(r.arena, "f", text), r.diagnostics);
	return r;
}

static void read_clear(struct read *r)
{
	diagnostics_free(r->diagnostics);
	arena_free(r->arena);
}

static void check_value(const char *yaml, const char *json)
{
	struct read r = read_text(yaml);
	AUTO(gfree) char *wrong = diagnostics_format(r.diagnostics, false);
	AUTO(gfree) char *text = NULL;

	g_assert_cmpstr(wrong, ==, "");
	g_assert_nonnull(r.value);
	text = json_format(r.value);
	g_assert_cmpstr(text, ==, json);
	read_clear(&r);
}

static void check_errors(const char *yaml, const char *errors)
{
	struct read r = read_text(yaml);
	AUTO(gfree) char *text = diagnostics_format(r.diagnostics, false);

	g_assert_cmpstr(text, ==, errors);
	read_clear(&r);
}

static void test_scalars(void)
{
	static const char *const cases[][2] = {{"~", "null"}, {"null", "null"}, {"NULL", "null"},
		{"nULL", "\"nULL\""}, {"", "null"}, {"true", "true"}, {"False", "false"},
		{"TRUE", "true"}, {"tRUE", "\"tRUE\""}, {"yes", "\"yes\""}, {"no", "\"no\""},
		{"on", "\"on\""}, {"Off", "\"Off\""}, {"y", "\"y\""}, {"0", "0"}, {"-12", "-12"},
		{"+12", "12"}, {"007", "7"}, {"0o17", "15"}, {"0x1F", "31"}, {"0x1f", "31"},
		{"0x", "\"0x\""}, {"0o8", "\"0o8\""}, {"0b1", "\"0b1\""}, {"-0x1", "\"-0x1\""},
		{"1_000", "\"1_000\""}, {"1:30", "\"1:30\""},
		{"9223372036854775807", "9223372036854775807"},
		{"-9223372036854775808", "-9223372036854775808"}, {"1.5", "1.5"}, {"1.", "1.0"},
		{".5", "0.5"}, {"-.5e3", "-500.0"}, {"1e3", "1000.0"}, {"1E+3", "1000.0"},
		{"1e", "\"1e\""}, {"e3", "\"e3\""}, {".", "\".\""}, {"-", "[null]"}, {"+", "\"+\""},
		{"1.2.3", "\"1.2.3\""}, {"10.9.0.0/24", "\"10.9.0.0/24\""},
		{"2026-01-31", "\"2026-01-31\""}, {"2GiB", "\"2GiB\""}, {"'1'", "\"1\""},
		{"\"true\"", "\"true\""}, {"''", "\"\""}, {"!!str 5", "\"5\""}, {"! 5", "\"5\""},
		{"!!int '5'", "5"}, {"!!float 5", "5.0"}, {"!!bool true", "true"},
		{"!!null ''", "null"}, {"!!str", "\"\""},
		{"${self.address}:80", "\"${self.address}:80\""},
		{"\"a\\tb\\x41\\u00e9\\U0001D11E\\0\"", "\"a\\tbAé𝄞\\u0000\""},
		{"'it''s'", "\"it's\""}, {"a b\n  c", "\"a b c\""}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check_value(cases[i][0], cases[i][1]);
}

static void test_structure(void)
{
	static const char *const cases[][2] = {{"# nothing\n", "null"}, {"---\n...\n", "null"},
		{"a: 1\nb:\n- 1\n- x: y\n  z:\nc: {d: [e, f]}\n",
			"{\"a\":1,\"b\":[1,{\"x\":\"y\",\"z\":null}],\"c\":{\"d\":[\"e\",\"f\"]}}"},
		{"a: &x {k: v}\nb: *x\nc: [*x, *x]\n", "{\"a\":{\"k\":\"v\"},\"b\":{\"k\":\"v\"},"
						       "\"c\":[{\"k\":\"v\"},{\"k\":\"v\"}]"
						       "}"},
		{"a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}"},
		{"&k key: 1\nother: *k\n", "{\"key\":1,\"other\":\"key\"}"},
		{"a: |\n  one\n   two\n\n", "{\"a\":\"one\\n two\\n\"}"},
		{"a: >-\n  one\n  two\n", "{\"a\":\"one two\"}"}, {"\"1\": a\n", "{\"1\":\"a\"}"},
		{"\"<<\": 1\n", "{\"<<\":1}"}, {"!!map {a: !!seq [b]}\n", "{\"a\":[\"b\"]}"},
		{"%YAML 1.1\n---\na: yes\n", "{\"a\":\"yes\"}"},
		{"a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}"},
		{"\xef\xbb\xbf"
		 "a: 1\n",
			"{\"a\":1}"},
		{"? a\n: b\n", "{\"a\":\"b\"}"},
		{"a: b#c\nd: e #f\n", "{\"a\":\"b#c\",\"d\":\"e\"}"},
		{"a: http://x:80/\n", "{\"a\":\"http://x:80/\"}"}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check_value(cases[i][0], cases[i][1]);
}

static void check_span(struct span span, int line, int column, int end_line, int end_column)
{
	g_assert_cmpint(span.line, ==, line);
	g_assert_cmpint(span.column, ==, column);
	g_assert_cmpint(span.end_line, ==, end_line);
	g_assert_cmpint(span.end_column, ==, end_column);
	g_assert_cmpstr(span.source->name, ==, "f");
}

static void test_spans(void)
{
	struct read r = read_text("é日: 'ß'\n"
				  "list:\n"
				  "  - one\n"
				  "  - {a: b}\n"
				  "\n"
				  "# comment\n"
				  "empty:\n"
				  "alias: &x y\n"
				  "use: *x\n");
	const struct member *m = r.value->map.members;
	const struct value *list = m[1].value;

	check_span(r.value->span, 1, 1, 9, 8);
	check_span(m[0].key_span, 1, 1, 1, 3);
	check_span(m[0].value->span, 1, 5, 1, 8);
	check_span(list->span, 3, 3, 4, 11);
	check_span(list->list.items[0]->span, 3, 5, 3, 8);
	check_span(list->list.items[1]->span, 4, 5, 4, 11);
	check_span(list->list.items[1]->map.members[0].key_span, 4, 6, 4, 7);
	check_span(m[2].value->span, 7, 7, 7, 7);
	check_span(m[4].key_span, 9, 1, 9, 4);
	g_assert_true(m[3].value == m[4].value);
	read_clear(&r);
}

/* All that is wrong but is no syntax, in one go; what is right can still be looked at. */
static void test_collected(void)
{
	const char *text = "name: web\n"
			   "size: 1\n"
			   "size: 2\n"
			   "1: x\n"
			   "<<: {a: b}\n"
			   "near: &near 1\n"
			   "far: *nera\n"
			   "self: &self [*self]\n"
			   "big: 9223372036854775808\n"
			   "inf: -.inf\n"
			   "tag: !vault x\n"
			   "int: !!int x\n"
			   "[a]: b\n"
			   "nul: {\"a\\0b\": 1, $unknown: x}\n";
	struct read r = read_text(text);

	g_assert_nonnull(r.value);
	g_assert_cmpstr(value_get_string(r.value, "name"), ==, "web");
	g_assert_cmpint(value_get(r.value, "size")->type, ==, VALUE_UNKNOWN);
	g_assert_cmpint(value_get(r.value, "far")->type, ==, VALUE_UNKNOWN);
	read_clear(&r);
	check_errors(text,
		"f:3:1: error: the key 'size' is there twice\n"
		"    size: 2\n"
		"    ^~~~\n"
		"f:2:1: first defined here\n"
		"    size: 1\n"
		"    ^~~~\n"
		"f:4:1: error: a key must be a string, not an integer\n"
		"    1: x\n"
		"    ^\n"
		"  write it in quotes\n"
		"f:5:1: error: '<<' does not merge maps here\n"
		"    <<: {a: b}\n"
		"    ^~\n"
		"  write the keys out, or share a whole value by anchor and alias\n"
		"f:7:6: error: there is no anchor '&nera' above\n"
		"    far: *nera\n"
		"         ^~~~~\n"
		"  did you mean '*near'?\n"
		"f:8:14: error: '*self' lies inside what it stands for\n"
		"    self: &self [*self]\n"
		"                 ^~~~~\n"
		"f:8:7: which starts here\n"
		"    self: &self [*self]\n"
		"          ^~~~~~~\n"
		"f:9:6: error: the number is out of range\n"
		"    big: 9223372036854775808\n"
		"         ^~~~~~~~~~~~~~~~~~~\n"
		"  write it in quotes if it is meant as text\n"
		"f:10:6: error: infinity and 'not a number' are no values here\n"
		"    inf: -.inf\n"
		"         ^~~~~\n"
		"  write it in quotes if it is meant as text\n"
		"f:11:6: error: unknown tag '!vault'\n"
		"    tag: !vault x\n"
		"         ^~~~~~~~\n"
		"  leave it out, or write a value that starts with '!' in quotes\n"
		"f:12:6: error: 'x' is not an integer\n"
		"    int: !!int x\n"
		"         ^~~~~~~\n"
		"f:13:1: error: a key must be a string, not a list\n"
		"    [a]: b\n"
		"    ^~~\n"
		"f:14:7: error: a key cannot hold a NUL\n"
		"    nul: {\"a\\0b\": 1, $unknown: x}\n"
		"          ^~~~~~\n"
		"f:14:18: error: the key '$unknown' has a meaning of its own between programs\n"
		"    nul: {\"a\\0b\": 1, $unknown: x}\n"
		"                     ^~~~~~~~\n");
}

/* Each slip at the place where it was made, not where it was noticed. */
static void test_syntax(void)
{
	static const char *const cases[][2] = {
		{"web:\n  vm\n    cpus: 2\n", "f:2:3: error: missing ':' after 'vm'"},
		{"a: 1\nmachines\n  web: 2\n", "f:2:1: error: missing ':' after 'machines'"},
		{"a: 1\nmemory:1GiB\nb: 2\n", "f:2:1: error: missing space after ':'"},
		{"a: b: c\n", "f:1:5: error: a second ':' in one line"},
		{"a: b\n  c: d\n", "f:2:3: error: a key cannot stand here"},
		{"a: @b\n", "f:1:4: error: a value cannot start with '@'"},
		{"a: `b`\n", "f:1:4: error: a value cannot start with '`'"},
		{"a: %b\n", "f:1:4: error: a value cannot start with '%'"},
		{"a:\n\tb: c\n", "f:2:1: error: a tab cannot stand here"},
		{"a:\n  - b\n\t- c\n", "f:3:1: error: a tab cannot stand here"},
		{" \t\nfoo: 1\n", "f:1:2: error: a tab cannot stand here"},
		{"a:\n    b: 1\n  c: 2\n", "f:3:3: error: expected a key of the map"},
		{"a: \"b\" c\n", "f:1:8: error: unexpected text after the value"},
		{"a: 'it's'\n", "f:1:8: error: unexpected text after the value"},
		{"a: [1, 2\nb: 3\n", "f:2:1: error: expected ',' or ']'"},
		{"a: {b: 1\nc: 2}\n", "f:2:1: error: expected ',' or '}'"},
		{"a: \"b\nc: d\n", "f:1:4: error: the quote is never closed"},
		{"a: 'b\nc: d\n", "f:1:4: error: the quote is never closed"},
		{"a: \"\\q\"\n", "f:1:5: error: unknown escape in double quotes"},
		{"a: - b\n", "f:1:4: error: a list cannot start here"},
		{"- a\nb: c\n", "f:2:1: error: expected an item of the list"},
		{"  a: 1\nb: 2\n", "f:2:1: error: unexpected text after the end of the document"},
		{"a: *.example.com\n", "f:1:4: error: expected a name after '&' or '*'"},
		{"a: !x!y z\n", "f:1:4: error: unknown tag"},
		{"a: | b\n", "f:1:6: error: unexpected text behind '|', '>' or a directive"},
		{"a: >5x\n  b\n", "f:1:6: error: unexpected text behind '|', '>' or a directive"},
		{"a: 1\n---\nb: 2\n", "f:2:1: error: a second document in one file"},
		{"a: [${b}]\n", "f:1:6: error: expected ',' or ']'"},
		{"a: [b, c}\n", "f:1:9: error: expected ',' or ']'"},
		{"a: {{ b }}\n", "f:1:5: error: a key must be a string, not a map"},
		{"a: \x01\n", "f:1:4: error: the character U+0001 cannot stand in a file"},
		{"a: 1\nb: \xff\n", "f:2:4: error: a byte that is no UTF-8"},
		{"a: é\xe2\x80\xa8x\n",
			"f:1:5: error: the character U+2028 cannot stand in a file"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct read r = read_text(cases[i][0]);
		AUTO(gfree) char *text = diagnostics_format(r.diagnostics, false);

		*strchrnul(text, '\n') = '\0';
		g_assert_cmpstr(text, ==, cases[i][1]);
		read_clear(&r);
	}
}

static void test_hints(void)
{
	check_errors("a: {{ b }} c\n", "f:1:5: error: a key must be a string, not a map\n"
				       "    a: {{ b }} c\n"
				       "        ^~~~~\n"
				       "  write a value with '{{' in quotes\n"
				       "f:1:12: error: unexpected text after the value\n"
				       "    a: {{ b }} c\n"
				       "               ^\n"
				       "  write a value with '{{' in quotes\n");
	check_errors("a: [${b}]\n", "f:1:6: error: expected ',' or ']'\n"
				    "    a: [${b}]\n"
				    "         ^~~~\n"
				    "  inside [ ] and { } a value with '${' needs quotes\n"
				    "f:1:4: opened here\n"
				    "    a: [${b}]\n"
				    "       ^\n");
	check_errors("a:\n\tb: 1\n", "f:2:1: error: a tab cannot stand here\n"
				     "            b: 1\n"
				     "    ^~~~~~~~\n"
				     "  indent with spaces, not with tabs\n");
}

static char *repeated(const char *piece, int times)
{
	GString *text = g_string_new(NULL);

	for (int i = 0; i < times; i++)
		g_string_append(text, piece);
	return g_string_free(text, FALSE);
}

static void check_refused_soon(const char *text, const char *message)
{
	int64_t start = spent();
	struct read r = read_text(text);
	AUTO(gfree) char *errors = diagnostics_format(r.diagnostics, false);

	g_assert_null(r.value);
	g_assert_cmpint(spent() - start, <, 2000);
	if (!strstr(errors, message))
		g_test_message("%.1000s", errors);
	g_assert_nonnull(strstr(errors, message));
	read_clear(&r);
}

static void test_depth(void)
{
	AUTO(gfree) char *opened = repeated("[", 64), *closed = repeated("]", 64);
	AUTO(gfree) char *fits = g_strconcat(opened, closed, NULL);
	AUTO(gfree) char *over = g_strdup_printf("[%s%s]", opened, closed);
	AUTO(gfree) char *lists = repeated("[", 100000), *maps = repeated("{a: ", 100000);
	AUTO(gfree) char *blocks = repeated("- ", 100000), *questions = repeated("? ", 100000);
	AUTO(gfree) char *most = repeated("[", SOURCE_MOST);
	struct read r = read_text(fits);

	g_assert_nonnull(r.value);
	read_clear(&r);
	check_refused_soon(over, "f:1:65: error: nested deeper than 64");
	check_refused_soon(lists, "f:1:65: error: nested deeper than 64");
	check_refused_soon(maps, "nested deeper than 64");
	check_refused_soon(blocks, "nested deeper than 64");
	check_refused_soon(questions, "nested deeper than 64");
	check_refused_soon(most, "nested deeper than 64");
}

/* Depth counts through aliases, or a walk over the value would go deeper than it may. */
static void test_depth_by_alias(void)
{
	AUTO(gfree) char *opened = repeated("[", 40), *closed = repeated("]", 40);
	AUTO(gfree)
	char *text = g_strdup_printf("a: &a %s%s\nb: %s*a%s\n", opened, closed, opened, closed);

	AUTO(gfree)
	char *errors = g_strdup_printf("f:2:44: error: nested deeper than 64 with what '*a' holds\n"
				       "    b: %s*a%s\n%47s^~\n",
		opened, closed, "");

	check_errors(text, errors);
}

static void test_alias_bomb(void)
{
	GString *text = g_string_new("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");

	for (int i = 1; i < 60; i++)
		g_string_append_printf(text,
			"a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	check_refused_soon(text->str, "too large: aliases make more than ten times");
	g_string_free(text, TRUE);
}

/* What a fleet of a hundred machines really shares is well within. */
static void test_alias_fair(void)
{
	GString *text = g_string_new("defaults: &d {image: a, cpus: 2, memory: 1GiB}\nall:\n");
	struct read r;

	for (int i = 0; i < 1000; i++)
		g_string_append_printf(text, "  web-%d: *d\n", i);
	r = read_text(text->str);
	g_assert_nonnull(r.value);
	g_assert_cmpuint(diagnostics_count(r.diagnostics), ==, 0);
	read_clear(&r);
	g_string_free(text, TRUE);
}

static char *many_anchors(void)
{
	GString *text = g_string_new(NULL);

	for (int i = 0; i < 40000; i++)
		g_string_append_printf(text, "- &a%d\n", i);
	for (int i = 0; i < 40000; i++)
		g_string_append_printf(text, "- *b%d\n", i);
	return g_string_free(text, FALSE);
}

static void test_large(void)
{
	AUTO(gfree) char *word = g_strnfill(SOURCE_MOST - 10, 'x');
	AUTO(gfree) char *plain = g_strdup_printf("a: %s\n", word);
	AUTO(gfree) char *quoted = g_strdup_printf("a: \"%s\"\n", word);
	AUTO(gfree) char *folded = repeated("x y z\n ", SOURCE_MOST / 8);
	AUTO(gfree) char *keys = repeated("{}: 1, ", SOURCE_MOST / 8);
	AUTO(gfree) char *bad_keys = g_strdup_printf("{%s}", keys);
	AUTO(gfree) char *controls = g_strnfill(SOURCE_MOST, '\x01');
	AUTO(gfree) char *anchors = repeated("- &a *b\n", SOURCE_MOST / 8);
	AUTO(gfree) char *aliases = repeated("- *b\n", SOURCE_MOST / 5);
	AUTO(gfree) char *nowhere = many_anchors();
	const char *const texts[] = {
		plain, quoted, folded, bad_keys, controls, anchors, aliases, nowhere};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		int64_t start = spent();
		struct read r = read_text(texts[i]);
		AUTO(gfree) char *errors = diagnostics_format(r.diagnostics, false);

		g_test_message("%zu: %d ms", i, (int)(spent() - start));
		g_assert_cmpint(spent() - start, <, 5000);
		g_assert_cmpint(*errors != '\0', ==, i > 2);
		read_clear(&r);
	}
}

/* Duplicates are found among many keys in time that grows with their number alone. */
static void test_many_keys(void)
{
	GString *text = g_string_new(NULL);
	int64_t start = spent();
	struct read r;

	for (int i = 0; i < 60000; i++)
		g_string_append_printf(text, "key-%d: 1\n", i);
	g_string_append(text, "key-7: 2\n");
	r = read_text(text->str);
	g_assert_cmpuint(diagnostics_count(r.diagnostics), ==, 1);
	g_assert_cmpint(spent() - start, <, 3000);
	read_clear(&r);
	g_string_free(text, TRUE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/yaml/scalars", test_scalars);
	g_test_add_func("/yaml/structure", test_structure);
	g_test_add_func("/yaml/spans", test_spans);
	g_test_add_func("/yaml/collected", test_collected);
	g_test_add_func("/yaml/syntax", test_syntax);
	g_test_add_func("/yaml/hints", test_hints);
	g_test_add_func("/yaml/depth", test_depth);
	g_test_add_func("/yaml/depth-by-alias", test_depth_by_alias);
	g_test_add_func("/yaml/alias-bomb", test_alias_bomb);
	g_test_add_func("/yaml/alias-fair", test_alias_fair);
	g_test_add_func("/yaml/large", test_large);
	g_test_add_func("/yaml/many-keys", test_many_keys);
	return g_test_run();
}
