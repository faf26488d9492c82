/* See memo.h. Left out: sharing between ranks, and keeping anything between runs. */
#include "base/memo.h"

#include "base/error.h"

struct entry {
  struct digest key;
  uint64_t is_filled;
  /* the value behind it */
};

struct memo {
  size_t mask, stride_bytes;
  unsigned char *entries;
};

struct memo *memo_new(struct arena *arena, size_t n_entries, size_t value_bytes) {
  REQUIRE(n_entries > 0 && (n_entries & (n_entries - 1)) == 0);
  struct memo *memo = ARENA_NEW(arena, struct memo, 1);
  memo->mask = n_entries - 1;
  memo->stride_bytes = sizeof(struct entry) + (value_bytes + 7) / 8 * 8;
  memo->entries = arena_alloc(arena, n_entries, memo->stride_bytes);
  return memo;
}

static struct entry *entry_of(const struct memo *memo, struct digest key) {
  return (struct entry *)(void *)(memo->entries + (key.low & memo->mask) * memo->stride_bytes);
}

const void *memo_find(const struct memo *memo, struct digest key) {
  const struct entry *entry = entry_of(memo, key);
  return entry->is_filled && digest_equal(entry->key, key) ? entry + 1 : NULL;
}

void *memo_place(struct memo *memo, struct digest key) {
  struct entry *entry = entry_of(memo, key);
  *entry = (struct entry){.key = key, .is_filled = 1};
  return entry + 1;
}
