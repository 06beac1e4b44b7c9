/* Numbers, of which the lowest is always at hand. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>

struct heap {
	unsigned *items;
	unsigned count, room;
};

void heap_push(struct heap *heap, unsigned number);
/* The heap must not be empty. */
unsigned heap_pop(struct heap *heap);
unsigned heap_top(const struct heap *heap);
void heap_clear(struct heap *heap);

#endif
