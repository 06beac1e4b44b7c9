/* Expressions in the strings of the fleet file: the one place where text becomes a value.
 *
 * Today a string is literal text with `${path}` in it, path being `self.FIELD` or
 * `machine.NAME.FIELD` with further `.key` and `[index]`; `$${` is a literal `${`. A string that is
 * one `${path}` and nothing else takes the value's own type. Operators and functions come here. */
#ifndef FLEET_EXPRESSION_H
#define FLEET_EXPRESSION_H

#include "document/source.h"

struct path {
	const char *root;	 /* "self" or "machine" */
	const char *const *rest; /* names and decimal indexes after the root */
	size_t count;
	struct span span;
};

struct scope {
	/* Returns the value at a path; unknown where it is known only later. NULL after adding a
	 * diagnostic. */
	const struct value *(*lookup)(
		void *data, const struct path *path, struct diagnostics *diagnostics);
	void *data;
	struct arena *arena;
	struct diagnostics *diagnostics;
};

/* True if any string in it has a `${`. */
bool expression_in(const struct value *value);
/* The value with every expression replaced, deep; parts without one are shared with the input.
 * NULL when something was wrong, after all of it was added to the diagnostics. */
const struct value *expression_evaluate(const struct scope *scope, const struct value *value);

#endif
