/* Which ideals were reached? A table of sets, by hash. See partition_exact_private.h. */
#include "search/partition/partition_exact_private.h"

#include <string.h>

enum { FIRST_IDEALS = 64 };

static unsigned chunk_of(size_t i) { return 63 - (unsigned)__builtin_clzll(i / FIRST_IDEALS + 1); }

struct partition_met *partition_ideals_at(const struct partition_ideals *ideals, size_t i) {
  const unsigned chunk = chunk_of(i);
  const size_t first = FIRST_IDEALS * (((size_t)1 << chunk) - 1);
  return (struct partition_met *)(void *)(ideals->chunks[chunk] + (i - first) * ideals->met_bytes);
}

static size_t find_slot(const struct partition_ideals *ideals, const uint64_t *set, uint64_t hash) {
  size_t at = hash & (ideals->table_size - 1);
  for (; ideals->table[at] != UINT32_MAX; at = (at + 1) & (ideals->table_size - 1)) {
    const struct partition_met *met = partition_ideals_at(ideals, ideals->table[at]);
    if (met->hash == hash && memcmp(met->set, set, ideals->n_words * sizeof *set) == 0) break;
  }
  return at;
}

static void make_table(struct partition_ideals *ideals, size_t size) {
  ideals->table_size = size;
  ideals->table = ARENA_NEW(ideals->arena, uint32_t, size);
  memset(ideals->table, 0xff, size * sizeof *ideals->table);
  for (size_t i = 0; i < ideals->n; i++) {
    const struct partition_met *met = partition_ideals_at(ideals, i);
    uint32_t *slot = &ideals->table[find_slot(ideals, met->set, met->hash)];
    if (*slot == UINT32_MAX) *slot = (uint32_t)i; /* the first of a set */
  }
}

void partition_ideals_init(struct partition_ideals *ideals, size_t n_words, size_t n_more, struct arena *arena) {
  const size_t met_bytes = sizeof(struct partition_met) + (n_words + n_more) * sizeof(uint64_t);
  *ideals = (struct partition_ideals){.arena = arena, .n_words = n_words, .met_bytes = met_bytes};
  make_table(ideals, 4 * FIRST_IDEALS);
}

uint32_t partition_ideals_find(const struct partition_ideals *ideals, const uint64_t *set, uint64_t hash) {
  return ideals->table[find_slot(ideals, set, hash)];
}

struct partition_met *partition_ideals_add(struct partition_ideals *ideals, const struct partition_met *met,
                                           const uint64_t *set) {
  const size_t i = ideals->n++;
  const unsigned chunk = chunk_of(i);
  if (ideals->chunks[chunk] == NULL) {
    ideals->chunks[chunk] = arena_alloc(ideals->arena, (size_t)FIRST_IDEALS << chunk, ideals->met_bytes);
  }
  struct partition_met *kept = partition_ideals_at(ideals, i);
  *kept = *met;
  memcpy(kept->set, set, ideals->n_words * sizeof *set);
  uint32_t *slot = &ideals->table[find_slot(ideals, set, met->hash)];
  if (*slot == UINT32_MAX) *slot = (uint32_t)i;
  if (ideals->n * 2 > ideals->table_size) make_table(ideals, ideals->table_size * 4);
  return kept;
}
