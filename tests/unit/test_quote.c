/* The one quoting function: whatever the bytes, a shell reads them back. */
#include <glib.h>

#include "base/process.h"
#include "base/quote.h"

enum { WORDS = 400, ROUNDS = 20, LONGEST = 40 };

static char *random_word(GRand *random)
{
	static const char liked[] = "'\"\\$`!*?[]{}()<>|&;~#=%- \t\n\r\033ab/.";
	int length = g_rand_int_range(random, 0, LONGEST);
	char *word = g_malloc0(length + 1);

	for (int i = 0; i < length; i++)
		word[i] = g_rand_boolean(random)
				  ? liked[g_rand_int_range(random, 0, sizeof(liked) - 1)]
				  : (char)g_rand_int_range(random, 1, 256);
	return word;
}

/* As printf '<%s>' prints them. */
static char *told(const char *const *words)
{
	GString *text = g_string_new(NULL);

	for (; *words; words++)
		g_string_append_printf(text, "<%s>", *words);
	return g_string_free(text, FALSE);
}

static char *ask_shell(const char *line)
{
	const char *argv[] = {"/bin/sh", "-c", line, NULL};
	struct process_options options = {.stdin_fd = -1};
	AUTO(error) struct error *err = NULL;
	char *output = NULL;

	if (!process_run(argv, &options, 10000, NULL, NULL, &output, &err))
		g_test_message("%s", err->message);
	g_assert_nonnull(output);
	return output;
}

static void check_words(const char *const *words)
{
	AUTO(gfree) char *quoted = quote_words(words);
	AUTO(gfree) char *line = g_strdup_printf("printf '<%%s>' %s", quoted);
	AUTO(gfree) char *got = ask_shell(line);
	AUTO(gfree) char *want = told(words);

	g_assert_cmpstr(got, ==, want);
}

static void test_random(void)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(g_test_rand_int());

	for (int round = 0; round < ROUNDS; round++) {
		const char *words[WORDS + 1] = {NULL};

		for (int i = 0; i < WORDS; i++)
			words[i] = random_word(random);
		check_words(words);
		for (int i = 0; i < WORDS; i++)
			g_free((char *)words[i]);
	}
}

static void test_known(void)
{
	const char *words[] = {
		"", "'", "''", "a'b", "\\", "$HOME", "-n", "if", "a=b", "~", "*", NULL};
	AUTO(gfree) char *one = quote_word("it's");
	AUTO(gfree) char *two = quote_words((const char *[]){"a b", "", NULL});
	AUTO(gfree) char *none = quote_words((const char *[]){NULL});

	check_words(words);
	g_assert_cmpstr(one, ==, "'it'\\''s'");
	g_assert_cmpstr(two, ==, "'a b' ''");
	g_assert_cmpstr(none, ==, "");
}

/* The first word is the name of a program, not a keyword, an alias or an assignment. */
static void test_first(void)
{
	static const char *const names[] = {"if", "a=b", "{", "!", "a b"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		AUTO(gfree) char *quoted = quote_word(names[i]);
		AUTO(gfree) char *line = g_strdup_printf("%s 2>/dev/null; echo $?", quoted);
		AUTO(gfree) char *got = ask_shell(line);

		g_assert_cmpstr(got, ==, "127\n");
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/quote/known", test_known);
	g_test_add_func("/quote/random", test_random);
	g_test_add_func("/quote/first", test_first);
	return g_test_run();
}
