/* Which number does a name have? Names in the order in which they first came, for tables that refer to each other. */
#ifndef SEARCH_NAMES_H
#define SEARCH_NAMES_H

#include "base/arena.h"
#include <stddef.h>
#include <stdint.h>

struct names {
  struct arena *arena;
  const char **names; /* [n] */
  size_t n, room;
  uint32_t *slots; /* number + 1; 0: free */
  size_t n_slots;  /* a power of two */
};

void names_init(struct names *names, struct arena *arena);
/* SIZE_MAX: it has none. */
size_t names_find(const struct names *names, const char *name);
/* Its number, a new one if it has none. The text must outlive the names. */
size_t names_add(struct names *names, const char *name);

#endif
