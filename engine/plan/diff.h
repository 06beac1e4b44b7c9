/* The three-way diff of one resource: last applied × wanted × actual. */
#ifndef PLAN_DIFF_H
#define PLAN_DIFF_H

#include "document/schema.h"

/* Of the records that we write; newer ones are not ours to change. */
enum { RECORD_FORMAT = 1 };

/* One field that would change. */
struct change {
	const char *name;
	const struct field *field;	    /* NULL for a field of an open kind */
	const struct value *before, *after; /* NULL: unset */
	enum change_class class;
	bool left_file; /* returns to its recorded default since the file no longer says it */
};

/* The fields of a kind, and their declared defaults as one map. */
struct table {
	const struct field *fields;
	const struct value *fallbacks;
};

struct table *diff_table(struct arena *arena, const struct field *fields);
/* All fields for a change request: what is said, else the recorded default, else the declared one.
 * `record` may be NULL (creation). */
struct value *diff_after(struct arena *arena, const struct table *table, const struct value *said,
	const struct value *record);
/* Adds a struct change for each difference, in the order of the table, then of names. Compared is
 * only what is said or was last applied. */
void diff_fields(const struct table *table, const struct value *said, const struct value *actual,
	const struct value *record, GArray *changes);
/* The record of what is now applied: {format, applied, defaults, depends}. `old` may be NULL; its
 * defaults stay in force. `depends` is a list of addresses. */
struct value *diff_record(struct arena *arena, const struct table *table, const struct value *said,
	const struct value *old, struct value *depends);

#endif
