/* What went wrong: a class that decides what may be done about it, a message, a hint, a place. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

#include "base/auto.h"

enum error_class {
	ERROR_USAGE,	   /* wrong command line */
	ERROR_CONFIG,	   /* the fleet file is wrong */
	ERROR_CONFLICT,	   /* the world is not as planned, or belongs to somebody else */
	ERROR_DENIED,	   /* not permitted */
	ERROR_MISSING,	   /* this host lacks something */
	ERROR_UNAVAILABLE, /* cannot be reached now; the one class that may be retried */
	ERROR_TIMEOUT,
	ERROR_FAILED,
	ERROR_CANCELLED,
	ERROR_INTERNAL,
};

struct error {
	enum error_class class;
	char *message;	  /* lower case, no full stop, names in single quotes */
	char *hint;	  /* what to do, or NULL */
	char *file;	  /* place in the fleet file, or NULL */
	int line, column; /* 1-based, in code points; 0 = none */
};

/* Convention of every function with a last parameter `struct error **err`: err is never NULL and
 * *err is NULL on entry; it is set exactly when the function fails. */

void error_set(struct error **err, enum error_class class, const char *format, ...) PRINTF(3, 4);
/* As error_set with ": " and the text of errno at the end; class from errno (ENOENT is failed,
 * EACCES and EPERM are denied). */
void error_set_errno(struct error **err, const char *format, ...) PRINTF(2, 3);
/* Replaces the hint. */
void error_hint(struct error **err, const char *format, ...) PRINTF(2, 3);
/* Puts "prefix: " before the message. Returns false, for `return error_prefix(…)`. */
bool error_prefix(struct error **err, const char *format, ...) PRINTF(2, 3);
void error_place(struct error **err, const char *file, int line, int column);
void error_free(struct error *err);
/* Frees *err and sets it to NULL. */
void error_clear(struct error **err);

const char *error_class_name(enum error_class class);
/* ERROR_INTERNAL for a name that is not known. */
enum error_class error_class_parse(const char *name);

static inline void auto_error(struct error **err)
{
	error_free(*err);
}

#endif
