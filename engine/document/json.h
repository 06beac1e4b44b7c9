/* JSON text to values and back. An unknown travels as {"$unknown": "after what"}. */
#ifndef DOCUMENT_JSON_H
#define DOCUMENT_JSON_H

#include "base/error.h"
#include "document/value.h"

/* One JSON value, nothing behind it; depth at most 64; duplicate keys are errors. */
struct value *json_parse(struct arena *arena, const char *text, size_t length, struct error **err);
/* Compact, on one line, keys in the map's order, escaped so that it is valid UTF-8 without control
 * characters. Appends. */
void json_append(GString *text, const struct value *value);
/* Caller frees. */
char *json_format(const struct value *value);
/* With keys sorted at every level: equal values give equal bytes. Caller frees. */
char *json_canonical(const struct value *value);

#endif
