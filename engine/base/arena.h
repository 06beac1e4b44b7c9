/* Memory that is taken piece by piece and released all at once, one arena per phase. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/auto.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);
/* Zeroed, aligned for any object. Never NULL: a failed allocation ends the process. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
/* Bytes handed out so far. */
size_t arena_size(const struct arena *arena);

#define arena_new_of(arena, type) ((type *)arena_alloc(arena, sizeof(type)))
#define arena_array_of(arena, type, n) ((type *)arena_alloc(arena, sizeof(type) * (n)))

static inline void auto_arena(struct arena **arena)
{
	if (*arena)
		arena_free(*arena);
}

#endif
