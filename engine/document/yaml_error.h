/* What the parser says about wrong syntax, in the words and at the place that help. */
#ifndef DOCUMENT_YAML_ERROR_H
#define DOCUMENT_YAML_ERROR_H

#include "document/source.h"

struct syntax_fault {
	const char *problem;		  /* libyaml's text */
	int line, column;		  /* where it was noticed; 1-based */
	int context_line, context_column; /* where what it was reading began; line 0: not said */
};

void syntax_error(const struct source *source, const struct syntax_fault *fault,
	struct diagnostics *diagnostics);
/* Refuses what libyaml would take otherwise than YAML 1.2, or not at all: bytes that are no UTF-8,
 * control characters, and the three line ends that nobody sees (U+0085, U+2028, U+2029). */
bool text_check(const struct source *source, struct diagnostics *diagnostics) MUST_USE;

#endif
