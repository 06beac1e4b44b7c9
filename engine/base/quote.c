/* Single quotes: nothing but a quote itself is special between them. */
#include "base/quote.h"

#include <glib.h>

static void append(GString *text, const char *word)
{
	g_string_append_c(text, '\'');
	for (; *word; word++)
		if (*word == '\'')
			g_string_append(text, "'\\''");
		else
			g_string_append_c(text, *word);
	g_string_append_c(text, '\'');
}

char *quote_word(const char *word)
{
	GString *text = g_string_new(NULL);

	append(text, word);
	return g_string_free(text, FALSE);
}

char *quote_words(const char *const *words)
{
	GString *text = g_string_new(NULL);

	for (; *words; words++) {
		if (text->len)
			g_string_append_c(text, ' ');
		append(text, *words);
	}
	return g_string_free(text, FALSE);
}
