/* What the files behind partition.h share: heaps of numbers. */
#ifndef SEARCH_PARTITION_PARTITION_PRIVATE_H
#define SEARCH_PARTITION_PARTITION_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

/* A heap of numbers, the least on top. */
void partition_heap_push(uint32_t *heap, size_t *n, uint32_t key);
uint32_t partition_heap_pop(uint32_t *heap, size_t *n);

#endif
