/* See thinned.h. Records lie in chunks, so that growing moves none of them and a small run takes little room. */
#include "results/thinned.h"

#include "base/error.h"

enum { CHUNK = 1024 };

struct thinned {
  struct arena *arena;
  size_t capacity, n;
  uint64_t n_seen, stride; /* those whose number is a multiple of the stride are kept */
  struct record **chunks;
};

struct thinned *thinned_new(struct arena *arena, size_t capacity) {
  REQUIRE(capacity >= 2);
  struct thinned *thinned = ARENA_NEW(arena, struct thinned, 1);
  *thinned = (struct thinned){.arena = arena, .capacity = capacity, .stride = 1};
  thinned->chunks = ARENA_NEW(arena, struct record *, capacity / CHUNK + 1);
  return thinned;
}

static struct record *slot(const struct thinned *thinned, size_t i) { return &thinned->chunks[i / CHUNK][i % CHUNK]; }

static void halve(struct thinned *thinned) {
  size_t n = 0;
  for (size_t i = 0; i < thinned->n; i += 2) *slot(thinned, n++) = *slot(thinned, i);
  thinned->n = n;
  thinned->stride *= 2;
}

void thinned_add(struct thinned *thinned, const struct record *record) {
  const uint64_t number = thinned->n_seen++;
  if (number % thinned->stride != 0) return;
  if (thinned->n == thinned->capacity) {
    halve(thinned);
    if (number % thinned->stride != 0) return;
  }
  struct record **chunk = &thinned->chunks[thinned->n / CHUNK];
  if (*chunk == NULL) *chunk = ARENA_NEW(thinned->arena, struct record, CHUNK);
  *slot(thinned, thinned->n++) = *record;
}

size_t thinned_count(const struct thinned *thinned) { return thinned->n; }

const struct record *thinned_at(const struct thinned *thinned, size_t i) {
  REQUIRE(i < thinned->n);
  return slot(thinned, i);
}
