/* Text for people: quantities with units, suggestions, and bytes from elsewhere made harmless. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

/* "512MiB", "2GiB", "10G" (as GiB), "1048576" -> bytes. Units K M G T with optional i and B, of
 * 1024 each; KB, MB, GB, TB are of 1000. False if it is not a size or overflows. */
bool size_parse(const char *text, int64_t *bytes) MUST_USE;
/* The largest binary unit that divides exactly: "512MiB", "1GiB", "1000". Caller frees. */
char *size_format(int64_t bytes);

/* "90s", "1m30s", "500ms", "2h" -> milliseconds. A bare number is seconds. */
bool duration_parse(const char *text, int64_t *milliseconds) MUST_USE;
/* "450ms", "1.2s", "1m05s", "2h03m": short, for people. Caller frees. */
char *duration_format(int64_t milliseconds);
/* Exact and shortest that duration_parse reads back: "90s" -> "1m30s". Caller frees. */
char *duration_exact(int64_t milliseconds);

/* Returns the choice nearest to `word` if it is near enough to be meant, else NULL.
 * `choices` ends with NULL. */
const char *text_suggest(const char *word, const char *const *choices);

/* Control bytes, escapes and invalid UTF-8 become \n, \t or \xNN: safe for terminal and log.
 * Caller frees. */
char *text_escape(const char *bytes, size_t length);
/* The same, but ends of lines stay: for texts of several lines. Caller frees. */
char *text_escape_lines(const char *bytes, size_t length);

/* True for names of machines, images and resources: [a-z0-9] then [a-z0-9-]*, at most 63 bytes
 * (RFC 1123 label, lower case). */
bool name_valid(const char *name) MUST_USE;

/* Milliseconds of the monotonic clock. */
int64_t clock_now(void);
/* "2026-01-31T12:00:00Z" for now. Caller frees. */
char *clock_text(void);

#endif
