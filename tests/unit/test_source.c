/* document/source: texts, and how what is wrong in them is shown. */
#include <string.h>

#include "base/file.h"
#include "document/source.h"

struct report {
	struct arena *arena;
	struct source *source;
	struct diagnostics *diagnostics;
};

static struct report report_on(const char *text)
{
	struct report r = {arena_new(), NULL, diagnostics_new()};

	r.source = source_from_text(r.arena, "fleet.yaml", text);
	return r;
}

static struct span at(const struct report *r, int line, int column, int end_column)
{
	return (struct span){r->source, line, column, line, end_column};
}

/* What was added is shown so; frees all. */
static void check_shown(struct report *r, const char *expected)
{
	AUTO(gfree) char *text = diagnostics_format(r->diagnostics, false);

	g_assert_cmpstr(text, ==, expected);
	diagnostics_free(r->diagnostics);
	arena_free(r->arena);
}

static void test_lines(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct source *source = source_from_text(arena, "f", "a\nbc\r\nd\re\n");
	static const size_t lines[] = {0, 2, 6, 8, 10};

	g_assert_cmpint(source->line_count, ==, 5);
	for (int i = 0; i < 5; i++)
		g_assert_cmpuint(source->lines[i], ==, lines[i]);
	g_assert_cmpuint(source->length, ==, 10);
	g_assert_cmpint(source_from_text(arena, "f", "")->line_count, ==, 1);
	g_assert_cmpstr(source_from_text(arena, "f",
				"\xef\xbb\xbf"
				"a")
				->text,
		==, "a");
}

static void test_load(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *folder = g_dir_make_tmp("test-source-XXXXXX", NULL);
	AUTO(gfree) char *path = g_build_filename(folder, "fleet.yaml", NULL);
	AUTO(gfree) char *most = g_strnfill(SOURCE_MOST + 1, ' ');

	g_assert_null(source_load(arena, path, &err));
	g_assert_cmpint(err->class, ==, ERROR_MISSING);
	error_clear(&err);
	g_assert_true(file_write(path, most, SOURCE_MOST, 0600, &err));
	g_assert_cmpuint(source_load(arena, path, &err)->length, ==, SOURCE_MOST);
	g_assert_true(file_write(path, most, SOURCE_MOST + 1, 0600, &err));
	g_assert_null(source_load(arena, path, &err));
	g_assert_cmpint(err->class, ==, ERROR_CONFIG);
	error_clear(&err);
	g_assert_true(file_write(path, "a\0b", 3, 0600, &err));
	g_assert_null(source_load(arena, path, &err));
	g_assert_cmpint(err->class, ==, ERROR_CONFIG);
	error_clear(&err);
	g_assert_null(source_load(arena, folder, &err));
	error_clear(&err);
	g_assert_true(tree_remove(folder, &err));
}

static void test_shape(void)
{
	struct report r = report_on("fleet: a\n\nmachines:\n  web:\n    memroy: 1GiB\n  web: {}\n");

	diagnostic_add(r.diagnostics, at(&r, 6, 3, 6), "the key '%s' is there twice", "web");
	diagnostic_also(r.diagnostics, at(&r, 4, 3, 6), "first defined here");
	diagnostic_add(r.diagnostics, at(&r, 5, 5, 11), "unknown key 'memroy' in a machine");
	diagnostic_hint(r.diagnostics, "did you mean '%s'?", "cpus");
	diagnostic_hint(r.diagnostics, "did you mean '%s'?", "memory");
	g_assert_cmpuint(diagnostics_count(r.diagnostics), ==, 2);
	check_shown(&r, "fleet.yaml:5:5: error: unknown key 'memroy' in a machine\n"
			"    memroy: 1GiB\n"
			"    ^~~~~~\n"
			"  did you mean 'memory'?\n"
			"fleet.yaml:6:3: error: the key 'web' is there twice\n"
			"    web: {}\n"
			"    ^~~\n"
			"fleet.yaml:4:3: first defined here\n"
			"    web:\n"
			"    ^~~\n");
}

static void test_order(void)
{
	struct report r = report_on("one\ntwo\n");

	diagnostic_add(r.diagnostics, at(&r, 2, 2, 3), "d");
	diagnostic_add(r.diagnostics, at(&r, 2, 1, 4), "b");
	diagnostic_add(r.diagnostics, at(&r, 2, 1, 4), "c");
	diagnostic_add(r.diagnostics, at(&r, 2, 1, 4), "b");
	diagnostic_hint(r.diagnostics, "of the one that is there already: dropped with it");
	diagnostic_add(r.diagnostics, (struct span){0}, "a");
	diagnostic_hint(r.diagnostics, "two\nlines");
	g_assert_cmpuint(diagnostics_count(r.diagnostics), ==, 4);
	check_shown(&r, "error: a\n"
			"  two\n"
			"  lines\n"
			"fleet.yaml:2:1: error: b\n"
			"    two\n"
			"    ^~~\n"
			"fleet.yaml:2:1: error: c\n"
			"    two\n"
			"    ^~~\n"
			"fleet.yaml:2:2: error: d\n"
			"    two\n"
			"     ^\n");
}

/* The caret stands under its text whatever stands before it. */
static void test_widths(void)
{
	struct report r = report_on("日本: x\n"
				    "e\xcc\x81: x\n"
				    "a\tb: x\n"
				    "\x1b[1m: x\n"
				    "\xff: x\n"
				    "\xe2\x80\xae: x\n");

	diagnostic_add(r.diagnostics, at(&r, 1, 5, 6), "wide");
	diagnostic_add(r.diagnostics, at(&r, 1, 1, 3), "wide itself");
	diagnostic_add(r.diagnostics, at(&r, 2, 5, 6), "combining");
	diagnostic_add(r.diagnostics, at(&r, 3, 6, 7), "tab");
	diagnostic_add(r.diagnostics, at(&r, 4, 7, 8), "escape");
	diagnostic_add(r.diagnostics, at(&r, 5, 4, 5), "invalid");
	diagnostic_add(r.diagnostics, at(&r, 6, 4, 5), "direction");
	check_shown(&r, "fleet.yaml:1:1: error: wide itself\n"
			"    日本: x\n"
			"    ^~~~\n"
			"fleet.yaml:1:5: error: wide\n"
			"    日本: x\n"
			"          ^\n"
			"fleet.yaml:2:5: error: combining\n"
			"    e\xcc\x81: x\n"
			"       ^\n"
			"fleet.yaml:3:6: error: tab\n"
			"    a       b: x\n"
			"               ^\n"
			"fleet.yaml:4:7: error: escape\n"
			"    \\x1b[1m: x\n"
			"             ^\n"
			"fleet.yaml:5:4: error: invalid\n"
			"    \\xff: x\n"
			"          ^\n"
			"fleet.yaml:6:4: error: direction\n"
			"    \\xe2\\x80\\xae: x\n"
			"                  ^\n");
}

static void test_edges(void)
{
	struct report r = report_on("ab\n\nlast");

	diagnostic_add(r.diagnostics, at(&r, 1, 3, 3), "end of line");
	diagnostic_add(r.diagnostics, at(&r, 2, 1, 1), "empty line");
	diagnostic_add(r.diagnostics, at(&r, 2, 9, 12), "behind an empty line");
	diagnostic_add(r.diagnostics, (struct span){r.source, 1, 2, 3, 2}, "several lines");
	diagnostic_add(r.diagnostics, at(&r, 9, 1, 2), "no such line");
	diagnostic_add(r.diagnostics, (struct span){.source = r.source}, "the file");
	check_shown(&r, "fleet.yaml: error: the file\n"
			"fleet.yaml:1:2: error: several lines\n"
			"    ab\n"
			"     ^\n"
			"fleet.yaml:1:3: error: end of line\n"
			"    ab\n"
			"      ^\n"
			"fleet.yaml:2:1: error: empty line\n"
			"    \n"
			"    ^\n"
			"fleet.yaml:2:9: error: behind an empty line\n"
			"    \n"
			"    ^\n"
			"fleet.yaml:9:1: error: no such line\n");
}

/* The column where the caret is drawn, and the line above it, of the only diagnostic. */
static char *caret_and_line(struct report *r, size_t *column, size_t *width)
{
	AUTO(gfree) char *text = diagnostics_format(r->diagnostics, false);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	*column = strcspn(lines[2], "^");
	*width = strlen(lines[2]) - *column;
	return g_strdup(lines[1]);
}

/* Long lines are cut around the caret, wherever that is. */
static void test_long_lines(void)
{
	enum { LENGTH = 2000 };
	GString *line = g_string_new(NULL);

	for (int i = 0; line->len < LENGTH; i++)
		g_string_append_printf(line, "%d,", i);
	for (int column = 1; column <= LENGTH; column += 13) {
		struct report r = report_on(line->str);
		AUTO(gfree) char *shown = NULL;
		size_t caret, width;
		const char *under;

		diagnostic_add(r.diagnostics, at(&r, 1, column, column + 3), "x");
		shown = caret_and_line(&r, &caret, &width);
		g_assert_cmpint(g_utf8_strlen(shown, -1), <=, 100);
		g_assert_cmpuint(width, <=, 3);
		under = g_utf8_offset_to_pointer(shown, caret);
		g_assert_true(!strncmp(under, line->str + column - 1, width));
		g_assert_cmpint(g_str_has_prefix(shown, "    …"), ==, column > 24);
		g_assert_true(g_str_has_suffix(shown, "…") || column > LENGTH - 80);
		diagnostics_free(r.diagnostics);
		arena_free(r.arena);
	}
	g_string_free(line, TRUE);
}

static void test_many(void)
{
	struct report r = report_on("x\n");
	AUTO(gfree) char *text = NULL;
	unsigned errors = 0;

	for (int i = 0; i < 250; i++) {
		diagnostic_add(r.diagnostics, at(&r, 1, 1, 2), "number %d", i);
		diagnostic_hint(r.diagnostics, "hint %d", i);
		diagnostic_also(r.diagnostics, at(&r, 1, 1, 2), "label");
	}
	g_assert_cmpuint(diagnostics_count(r.diagnostics), ==, 250);
	text = diagnostics_format(r.diagnostics, false);
	for (const char *p = text; (p = strstr(p, ": error: ")); p++)
		errors++;
	g_assert_cmpuint(errors, ==, 100);
	g_assert_true(g_str_has_suffix(text, "and 150 more errors\n"));
	g_assert_nonnull(strstr(text, "hint 99\n"));
	diagnostics_free(r.diagnostics);
	arena_free(r.arena);
}

static void test_colour(void)
{
	struct report r = report_on("a: b\n");
	AUTO(gfree) char *text = NULL;

	diagnostic_add(r.diagnostics, at(&r, 1, 4, 5), "x\033[0m\ny");
	text = diagnostics_format(r.diagnostics, true);
	g_assert_cmpstr(text, ==,
		"\033[1mfleet.yaml:1:4:\033[0m \033[31merror:\033[0m x\\x1b[0m\\ny\n"
		"    a: b\n"
		"       \033[32m^\033[0m\n");
	diagnostics_free(r.diagnostics);
	arena_free(r.arena);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/source/lines", test_lines);
	g_test_add_func("/source/load", test_load);
	g_test_add_func("/source/shape", test_shape);
	g_test_add_func("/source/order", test_order);
	g_test_add_func("/source/widths", test_widths);
	g_test_add_func("/source/edges", test_edges);
	g_test_add_func("/source/long-lines", test_long_lines);
	g_test_add_func("/source/many", test_many);
	g_test_add_func("/source/colour", test_colour);
	return g_test_run();
}
