/* A binary heap: the children of i are 2i + 1 and 2i + 2, and not lower. */
#include "base/heap.h"

#include <glib.h>

void heap_push(struct heap *heap, unsigned number)
{
	unsigned at = heap->count++;

	if (heap->count > heap->room) {
		heap->room = heap->room ? heap->room * 2 : 16;
		heap->items = g_renew(unsigned, heap->items, heap->room);
	}
	for (; at && heap->items[(at - 1) / 2] > number; at = (at - 1) / 2)
		heap->items[at] = heap->items[(at - 1) / 2];
	heap->items[at] = number;
}

unsigned heap_pop(struct heap *heap)
{
	unsigned top = heap->items[0], last = heap->items[--heap->count];
	unsigned at = 0, child;

	while ((child = 2 * at + 1) < heap->count) {
		if (child + 1 < heap->count && heap->items[child + 1] < heap->items[child])
			child++;
		if (heap->items[child] >= last)
			break;
		heap->items[at] = heap->items[child];
		at = child;
	}
	heap->items[at] = last;
	return top;
}

unsigned heap_top(const struct heap *heap)
{
	return heap->items[0];
}

void heap_clear(struct heap *heap)
{
	g_free(heap->items);
	*heap = (struct heap){0};
}
