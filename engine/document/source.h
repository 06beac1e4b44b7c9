/* Source texts and what is wrong in them, shown with line and caret. */
#ifndef DOCUMENT_SOURCE_H
#define DOCUMENT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "document/value.h"

struct source {
	const char *name; /* as the user gave it */
	const char *text; /* ends with a NUL that is not counted */
	size_t length;
	const size_t *lines; /* byte offset of each line's start */
	int line_count;
};

/* The most a fleet file may have. */
enum { SOURCE_MOST = 1 << 20 };

/* ERROR_MISSING when there is no such file; too large or with a NUL is ERROR_CONFIG. */
struct source *source_load(struct arena *arena, const char *path, struct error **err);
struct source *source_from_text(struct arena *arena, const char *name, const char *text);

/* All that is wrong in a file is collected, then shown in the order of the file. */
struct diagnostics;

/* More are counted, not kept: for those a hint need not be looked for. */
enum { DIAGNOSTICS_KEPT = 100 };

struct diagnostics *diagnostics_new(void);
void diagnostics_free(struct diagnostics *diagnostics);
/* Adds one error at the span; the same text at the same place is one error. */
void diagnostic_add(struct diagnostics *diagnostics, struct span span, const char *format, ...)
	PRINTF(3, 4);
/* Gives the newest one a hint, its own line under the caret. */
void diagnostic_hint(struct diagnostics *diagnostics, const char *format, ...) PRINTF(2, 3);
/* Gives the newest one a second place with a label ("first defined here"). */
void diagnostic_also(struct diagnostics *diagnostics, struct span span, const char *label);
size_t diagnostics_count(const struct diagnostics *diagnostics);
/* Text for people, in the order of the file:
 *   fleet.yaml:7:5: error: unknown key 'memroy' in a machine
 *       memroy: 1GiB
 *       ^~~~~~
 *     did you mean 'memory'?
 * Tabs, wide and combining characters keep the caret under its text; long lines are cut around it;
 * everything shown of the file is escaped. With colour: bold place, red "error:", green caret.
 * Caller frees. */
char *diagnostics_format(struct diagnostics *diagnostics, bool colour);

static inline void auto_diagnostics(struct diagnostics **diagnostics)
{
	if (*diagnostics)
		diagnostics_free(*diagnostics);
}

#endif
