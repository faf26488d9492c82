/* See memo.h. Left out: sharing between ranks, and keeping anything between runs. */
#include "base/memo.h"

#include "base/error.h"
#include <string.h>

struct memo {
  size_t mask, key_words, entry_words;
  uint32_t *places; /* numbers of entries from 1; 0: nothing came here yet */
  uint64_t *entries;
  uint32_t n_filled;
};

struct memo *memo_new(struct arena *arena, size_t n_entries, size_t key_bytes, size_t value_bytes) {
  REQUIRE(n_entries > 0 && n_entries < UINT32_MAX && (n_entries & (n_entries - 1)) == 0);
  REQUIRE(key_bytes > 0 && key_bytes % sizeof(uint64_t) == 0);
  struct memo *memo = ARENA_NEW(arena, struct memo, 1);
  memo->mask = n_entries - 1;
  memo->key_words = key_bytes / sizeof(uint64_t);
  memo->entry_words = memo->key_words + (value_bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
  memo->places = ARENA_NEW(arena, uint32_t, n_entries);
  memo->entries = arena_alloc(arena, n_entries, memo->entry_words * sizeof *memo->entries);
  return memo;
}

const void *memo_find(const struct memo *memo, uint64_t spread, const void *key) {
  const uint32_t number = memo->places[spread & memo->mask];
  if (number == 0) return NULL;
  const uint64_t *const entry = memo->entries + (number - 1) * memo->entry_words, *const wanted = key;
  for (size_t w = 0; w < memo->key_words; w++)
    if (entry[w] != wanted[w]) return NULL;
  return entry + memo->key_words;
}

void *memo_place(struct memo *memo, uint64_t spread, const void *key) {
  uint32_t *const place = &memo->places[spread & memo->mask];
  if (*place == 0) *place = ++memo->n_filled; /* as many entries as places, so that there is always one left */
  uint64_t *const entry = memo->entries + (*place - 1) * memo->entry_words;
  memcpy(entry, key, memo->key_words * sizeof *entry);
  return entry + memo->key_words;
}
