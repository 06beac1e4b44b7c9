/* Words for a POSIX shell: the one place where data becomes part of a command line. */
#ifndef BASE_QUOTE_H
#define BASE_QUOTE_H

/* One word that a shell reads back as these very bytes, whatever they are: always in quotes, so
 * that it is no keyword, option of the shell, assignment, pattern or expansion. Caller frees. */
char *quote_word(const char *word);
/* Each word quoted, blanks between; `words` ends with NULL. Caller frees. */
char *quote_words(const char *const *words);

#endif
