/* What fields a thing has: one table that checks a file, describes a kind over the protocol, and
 * says how values are compared and shown. */
#ifndef DOCUMENT_SCHEMA_H
#define DOCUMENT_SCHEMA_H

#include "document/source.h"

enum field_type {
	FIELD_ANY,
	FIELD_STRING,
	FIELD_INTEGER,
	FIELD_BOOLEAN,
	FIELD_NUMBER,
	FIELD_SIZE,	/* "2GiB" in a file, bytes as integer everywhere else */
	FIELD_DURATION, /* "90s" in a file, milliseconds as integer everywhere else */
	FIELD_LIST,	/* of `item`, or of anything */
	FIELD_MAP, /* of `item`, or of anything, when `fields` is NULL; else with those fields */
	FIELD_REFERENCE, /* a name of a resource of kind `refers`; the provider gets its output
			    `key` */
};

/* What a change of the field costs. */
enum change_class {
	CHANGE_LIVE,
	CHANGE_REBOOT,
	CHANGE_REPLACE,
};

struct field {
	const char *name; /* NULL ends a table */
	enum field_type type;
	enum change_class change;
	bool required;
	bool computed;	/* an output: never in a file */
	bool sensitive; /* shown as (secret) */
	bool host_only; /* an output that means something on the host alone, not inside a machine */
	bool path;	/* a string that names a file; relative ones are taken from the fleet file's
			   folder */
	const char *fallback;	    /* default as JSON ("2", "\"running\""), or NULL: unset */
	const char *const *choices; /* for strings; ends with NULL; may be NULL */
	const char *refers;	    /* FIELD_REFERENCE: the kind */
	const struct field *item;   /* FIELD_LIST, FIELD_MAP: one field without name, or NULL */
	const struct field *fields; /* FIELD_MAP: its fields, or NULL */
	int64_t least, most;	    /* for integers, sizes, durations; both 0: no bounds */
	const char *doc;	    /* one sentence */
};

/* Checks `map` against the table and returns a copy in which sizes and durations are integers and
 * relative paths are absolute. Adds diagnostics: unknown keys (with a suggestion), wrong types,
 * missing required ones (at `map`'s span), choices, bounds. `what` names the thing in messages
 * ("a machine of provider 'kvm'"). Strings with "${" are taken over unchecked and unchanged.
 * Defaults are not filled in; a key with null counts as not said. Of what is wrong nothing is in
 * the copy, which is never NULL. Keys in `skip` (may be NULL; ends with NULL) are passed over. */
struct value *schema_check(struct arena *arena, const struct field *fields, bool open,
	const struct value *map, const char *what, const char *const *skip,
	struct diagnostics *diagnostics);
/* Checks one value as schema_check does a member; for values that an expression gave: "${" in one
 * is text, and an integer for a duration is milliseconds. NULL after adding a diagnostic. */
struct value *schema_check_value(struct arena *arena, const struct field *field,
	const struct value *value, struct diagnostics *diagnostics);
const struct field *schema_find(const struct field *fields, const char *name);
/* The default as a value, NULL when there is none. */
struct value *schema_fallback(struct arena *arena, const struct field *field);
/* A value as a person reads it: sizes and durations with units, strings bare when plain and
 * JSON-quoted otherwise, lists and maps in flow style, "(secret)" for sensitive ones, "(known
 * after X)" for unknown ones, "(unset)" for NULL. Escaped for terminals. `field` may be NULL.
 * Caller frees. */
char *schema_show(const struct field *field, const struct value *value);

const char *change_class_name(enum change_class change);

/* The table as a list value for the protocol, and back. From the wire nothing is trusted. */
struct value *schema_to_value(struct arena *arena, const struct field *fields);
struct field *schema_from_value(struct arena *arena, const struct value *list, struct error **err);

#endif
