/* Which of the numbers in hand is the least? A heap of them in somebody's array, *n of them there. */
#ifndef BASE_NUMBER_HEAP_H
#define BASE_NUMBER_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* There must be room for one more. */
static inline void number_heap_push(uint32_t *heap, size_t *n, uint32_t value) {
  size_t at = (*n)++;
  for (; at > 0 && heap[(at - 1) / 2] > value; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = value;
}

/* Takes the least out; there is one. */
static inline uint32_t number_heap_pop(uint32_t *heap, size_t *n) {
  const uint32_t least = heap[0], moved = heap[--*n];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < *n; at = child) {
    if (child + 1 < *n && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= moved) break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
  return least;
}

#endif
