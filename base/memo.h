/* What has been computed before under this key?
 *
 * A table of answers of pure functions: fixed size, direct-mapped, a newcomer replaces what is in its place. Keys hold
 * all that the answer depends on, or a digest of it, and are compared in full. Changes speed and no answer; of one
 * rank.
 *
 * Places hold numbers of entries, and entries lie in the order in which they came: what was computed for one design is
 * mostly asked for together by the next, and memory that no entry needs is never touched. */
#ifndef BASE_MEMO_H
#define BASE_MEMO_H

#include "base/arena.h"
#include <stddef.h>
#include <stdint.h>

struct memo;
/* `n_entries`: a power of two. Keys are whole words of 8 bytes without padding. In the arena; nothing is allocated
 * later. */
struct memo *memo_new(struct arena *arena, size_t n_entries, size_t key_bytes, size_t value_bytes);
/* The value kept under exactly this key, valid until the next memo_place; NULL if there is none. `spread`: the same for
 * equal keys, and mostly another for others in its low bits. */
const void *memo_find(const struct memo *memo, uint64_t spread, const void *key);
/* Where the value of this key is to be put: all of it, before the next look. Aligned to 8. */
void *memo_place(struct memo *memo, uint64_t spread, const void *key);

#endif
