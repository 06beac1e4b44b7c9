/* How much room a text takes, and what of a console's output is shown. */
#include <glib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/console.h"
#include "cli/terminal.h"

static void test_width(void)
{
	g_assert_cmpint(terminal_width(""), ==, 0);
	g_assert_cmpint(terminal_width("machine.web-1"), ==, 13);
	g_assert_cmpint(terminal_width("日本"), ==, 4);
	g_assert_cmpint(terminal_width("e\u0301"), ==, 1);
	g_assert_cmpint(terminal_width("→…"), ==, 2);
}

static void test_cut(void)
{
	static const struct {
		const char *text;
		int columns;
		const char *want;
	} cases[] = {
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"abcd", 1, "…"},
		{"abcd", 0, ""},
		{"", 0, ""},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"日本語", 2, "…"},
		{"ae\u0301ae\u0301", 4, "ae\u0301ae\u0301"},
		{"ae\u0301ae\u0301", 3, "ae\u0301…"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(gfree) char *got = terminal_cut(cases[i].text, cases[i].columns);

		g_assert_cmpstr(got, ==, cases[i].want);
		g_assert_cmpint(terminal_width(got), <=, MAX(cases[i].columns, 0));
	}
}

static void test_console(void)
{
	static const struct {
		const char *bytes, *want;
	} cases[] = {
		{"", ""},
		{"login: ", "login: "},
		{"a\r\nb\r\n", "a\nb\n"},
		{"\033[0;1;32mOK\033[0m\n", "OK\n"},
		{"\033[?25l\033[2J\033[10;20Hx", "x"},
		{"\033]0;title\007x", "x"},
		{"\033]0;title\033\\x", "x"},
		{"\033(Bx\033=y\0337z", "xyz"},
		{"a\tb\001\177c", "a bc"},
		{"caf\303\251 \377", "café \\xff"},
		{"\302\233"
		 "31mx",
			"\\xc2\\x9b31mx"},
		{"\033", ""},
		{"x\033[", "x"},
		{"x\033]0;", "x"},
		{"x\033(", "x"},
		{"x\033]0;t\033", "x"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		size_t length = strlen(cases[i].bytes);
		/* Without anything behind it, so that reading too far is seen. */
		AUTO(gfree) char *copy = g_memdup2(cases[i].bytes, length);
		AUTO(gfree) char *got = console_text(copy, length);

		g_assert_cmpstr(got, ==, cases[i].want);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/terminal/width", test_width);
	g_test_add_func("/terminal/cut", test_cut);
	g_test_add_func("/console/text", test_console);
	return g_test_run();
}
