/* A chain of blocks; each allocation is a bump of the newest one. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <string.h>

enum { BLOCK_FIRST = 4096, BLOCK_MOST = 1 << 20 };

struct block {
	struct block *next;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *blocks;
	char *at, *end;
	size_t block_size;
	size_t total;
};

struct arena *arena_new(void)
{
	struct arena *arena = g_new0(struct arena, 1);

	arena->block_size = BLOCK_FIRST;
	return arena;
}

void arena_free(struct arena *arena)
{
	struct block *next;

	for (struct block *block = arena->blocks; block; block = next) {
		next = block->next;
		g_free(block);
	}
	g_free(arena);
}

/* A request larger than a block gets one of its own, so that the rest of the current is not lost.
 */
static char *large(struct arena *arena, size_t size)
{
	struct block *block = g_malloc0(sizeof(*block) + size);

	if (arena->blocks) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		arena->blocks = block;
	}
	return block->data;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct block *block;
	char *p;

	if (size > G_MAXSSIZE / 2)
		abort();
	size = (size + align - 1) & ~(align - 1);
	arena->total += size;
	if ((size_t)(arena->end - arena->at) >= size) {
		p = arena->at;
		arena->at += size;
		return p;
	}
	if (size > arena->block_size / 4)
		return large(arena, size);
	block = g_malloc0(sizeof(*block) + arena->block_size);
	block->next = arena->blocks;
	arena->blocks = block;
	arena->at = block->data + size;
	arena->end = block->data + arena->block_size;
	if (arena->block_size < BLOCK_MOST)
		arena->block_size *= 2;
	return block->data;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	AUTO(gfree) char *text = NULL;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	return arena_strdup(arena, text);
}

size_t arena_size(const struct arena *arena)
{
	return arena->total;
}
