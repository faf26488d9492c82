/* See names.h. An open table of hashes that doubles when it is half full. */
#include "search/names.h"

#include "base/digest.h"
#include "base/error.h"
#include <string.h>

enum { FIRST_SLOTS = 64 };

void names_init(struct names *names, struct arena *arena) {
  *names = (struct names){.arena = arena, .n_slots = FIRST_SLOTS, .room = FIRST_SLOTS / 2};
  names->slots = ARENA_NEW(arena, uint32_t, names->n_slots);
  names->names = ARENA_NEW(arena, const char *, names->room);
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t find_slot(const struct names *names, const char *name) {
  size_t slot = digest_of(name, strlen(name)).low & (names->n_slots - 1);
  while (names->slots[slot] != 0 && strcmp(names->names[names->slots[slot] - 1], name) != 0) {
    slot = (slot + 1) & (names->n_slots - 1);
  }
  return slot;
}

static void grow(struct names *names) {
  const char **const old = names->names;
  names->room *= 2;
  names->n_slots *= 2;
  names->names = ARENA_NEW(names->arena, const char *, names->room);
  names->slots = ARENA_NEW(names->arena, uint32_t, names->n_slots);
  memcpy(names->names, old, names->n * sizeof *old);
  for (size_t i = 0; i < names->n; i++) names->slots[find_slot(names, names->names[i])] = (uint32_t)i + 1;
}

size_t names_find(const struct names *names, const char *name) {
  const uint32_t number = names->slots[find_slot(names, name)];
  return number > 0 ? number - 1 : SIZE_MAX;
}

size_t names_add(struct names *names, const char *name) {
  const size_t known = names_find(names, name);
  if (known != SIZE_MAX) return known;
  REQUIRE(names->n < UINT32_MAX - 1);
  if (names->n == names->room) grow(names);
  names->names[names->n] = name;
  names->slots[find_slot(names, name)] = (uint32_t)++names->n;
  return names->n - 1;
}
