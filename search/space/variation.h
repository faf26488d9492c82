/* Which points are next to a point, and which come of two? The moves of local and of evolutionary searches.
 *
 * Neighbours differ by one step on one axis; on a category axis every other value is one step away. Exchanges [ours]
 * step up on one axis and down on another: where a limit on area binds, no single step leads on. */
#ifndef SEARCH_SPACE_VARIATION_H
#define SEARCH_SPACE_VARIATION_H

#include "base/rng.h"
#include "search/space/trail.h"

/* Neighbours are numbered 0 … count − 1, single steps first, by axis. */
uint64_t neighbour_count(const struct space *space, const struct point *at, bool exchanges);
struct point neighbour(const struct space *space, const struct point *at, uint64_t which);

struct breeding {
  double crossover; /* probability that a child has two parents; then each axis is of either */
  double mutation;  /* mutations of a child, on average */
  bool by_step;     /* a mutation is a step to any neighbour, exchanges included; else one axis takes any other value */
};
/* The keys that say so, and their rows in a table of fields; OFFSET as the table has it, of a member `breeding`. */
struct breeding_settings {
  double crossover, mutation;
  uint64_t by_step; /* a switch that the preset decides */
};
#define BREEDING_KEY(key, type, most, default_text, doc, names)                                                        \
  { #key, type, "", 0, most, default_text, doc, OFFSET(breeding.key), ROLE_ANSWER, names }
#define BREEDING_FIELDS                                                                                                \
  BREEDING_KEY(crossover, FIELD_REAL, 1, "0.9", "probability that a child has two parents", NULL),                     \
      BREEDING_KEY(mutation, FIELD_REAL, 16, "1", "mutations of a child, on average", NULL),                           \
      BREEDING_KEY(by_step, FIELD_CHOICE, 0, "\"preset\"",                                                             \
                   "whether a mutation is a step to a neighbour, exchanges included, not any other value (paper off, " \
                   "tuned on)",                                                                                        \
                   switch_names)
struct breeding breeding_of(const struct breeding_settings *settings, bool tuned);
/* Who wins a tournament among n sorted ones, best first: the first of `size` that are drawn. */
size_t tournament_winner(size_t n, size_t size, struct rng *rng);
/* The child of two parents. */
struct point breed(const struct space *space, const struct point *mother, const struct point *father,
                   const struct breeding *breeding, struct rng *rng);

#endif
