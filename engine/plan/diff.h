/* The three-way diff of one resource: last applied × wanted × actual. */
#ifndef PLAN_DIFF_H
#define PLAN_DIFF_H

#include "document/schema.h"

/* One field that would change. */
struct change {
	const char *name;
	const struct field *field;	    /* NULL for a field of an open kind */
	const struct value *before, *after; /* NULL: unset */
	enum change_class class;
	bool left_file; /* returns to its recorded default since the file no longer says it */
};

/* All fields for a change request: what is said, else the recorded default, else the declared one.
 * `record` may be NULL (creation). */
struct value *diff_after(struct arena *arena, const struct field *fields, const struct value *said,
	const struct value *record);
/* Adds a struct change for each difference, in the order of the table, then of names. Compared is
 * only what is said or was last applied. */
void diff_fields(struct arena *arena, const struct field *fields, const struct value *said,
	const struct value *actual, const struct value *record, GArray *changes);
/* The record of what is now applied: {format, applied, defaults, depends}. `old` may be NULL; its
 * defaults stay in force. `depends` is a list of addresses. */
struct value *diff_record(struct arena *arena, const struct field *fields, const struct value *said,
	const struct value *old, struct value *depends);

#endif
