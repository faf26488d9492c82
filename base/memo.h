/* What has been computed before under this key?
 *
 * A table of answers of pure functions: fixed size, direct-mapped, a newcomer replaces what is in its place. Keys are
 * digests of all that the answer depends on and are compared in full. Changes speed and no answer; of one rank. */
#ifndef BASE_MEMO_H
#define BASE_MEMO_H

#include "base/arena.h"
#include "base/digest.h"
#include <stddef.h>

struct memo;
/* `n_entries`: a power of two. In the arena; nothing is allocated later. */
struct memo *memo_new(struct arena *arena, size_t n_entries, size_t value_bytes);
/* The value kept under exactly this key, valid until the next memo_place; NULL if there is none. */
const void *memo_find(const struct memo *memo, struct digest key);
/* Where the value of this key is to be put: all of it, before the next look. Aligned to 8. */
void *memo_place(struct memo *memo, struct digest key);

#endif
