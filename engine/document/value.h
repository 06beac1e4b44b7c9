/* Values of the fleet file and of the protocol, each with the place it came from. */
#ifndef DOCUMENT_VALUE_H
#define DOCUMENT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct source;

/* A piece of a source text. Lines and columns are 1-based, columns in code points; line 0 is
 * "from nowhere". The end is behind the last character. */
struct span {
	const struct source *source;
	int line, column;
	int end_line, end_column;
};

enum value_type {
	VALUE_NULL,
	VALUE_BOOLEAN,
	VALUE_INTEGER,
	VALUE_NUMBER, /* double */
	VALUE_STRING, /* UTF-8, may hold NUL */
	VALUE_LIST,
	VALUE_MAP,     /* keys are strings, in the order of the source */
	VALUE_UNKNOWN, /* known after something else exists; text.bytes says after what */
};

struct value {
	enum value_type type;
	struct span span;
	union {
		bool boolean;
		int64_t integer;
		double number;
		struct {
			const char *bytes; /* ends with a NUL that is not counted */
			size_t length;
		} text;
		struct {
			struct value **items;
			size_t count, room;
		} list;
		struct {
			struct member *members;
			size_t count, room;
			unsigned *index; /* hash table of positions + 1, for large maps */
			size_t index_size;
		} map;
	};
};

struct member {
	const char *key;
	struct span key_span;
	struct value *value;
};

/* Makers. The arena owns all; strings are copied. */
struct value *value_null(struct arena *arena);
struct value *value_boolean(struct arena *arena, bool boolean);
struct value *value_integer(struct arena *arena, int64_t integer);
struct value *value_number(struct arena *arena, double number);
struct value *value_string(struct arena *arena, const char *text);
struct value *value_string_n(struct arena *arena, const char *bytes, size_t length);
struct value *value_format(struct arena *arena, const char *format, ...) PRINTF(2, 3);
struct value *value_unknown(struct arena *arena, const char *after);
struct value *value_list(struct arena *arena);
struct value *value_map(struct arena *arena);

void value_append(struct arena *arena, struct value *list, struct value *item);
/* Adds, or replaces the value of a key that is there. The key is copied when it is new. */
void value_set(struct arena *arena, struct value *map, const char *key, struct value *value);
/* Removes a key if it is there. */
void value_unset(struct value *map, const char *key);

/* NULL when map is NULL, is no map, or has no such key. O(1) for large maps. */
struct value *value_get(const struct value *map, const char *key);
const struct member *value_member(const struct value *map, const char *key);
/* As value_get, and NULL (or the fallback) unless it has the type. */
const char *value_get_string(const struct value *map, const char *key);
bool value_get_boolean(const struct value *map, const char *key, bool fallback);
int64_t value_get_integer(const struct value *map, const char *key, int64_t fallback);
struct value *value_get_map(const struct value *map, const char *key);
struct value *value_get_list(const struct value *map, const char *key);

/* Deep; maps without regard to order; an integer and a number of the same amount are equal;
 * unknown equals nothing. */
bool value_equal(const struct value *a, const struct value *b);
/* Deep copy into the arena, spans kept. */
struct value *value_copy(struct arena *arena, const struct value *value);
/* True if it is or contains VALUE_UNKNOWN. */
bool value_has_unknown(const struct value *value);
/* "string", "list" … with an article for messages: "a string", "an integer". */
const char *value_type_name(enum value_type type);

#endif
