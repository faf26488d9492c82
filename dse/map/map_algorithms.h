/* Which algorithms of a problem are wanted, and what are their keys and their budget? For every problem of `dse map`
 * that is searched: --algorithm NAME, all, or names with commas between; --set ALGORITHM.key=value; --samples, --time
 * and --seed. */
#ifndef DSE_MAP_ALGORITHMS_H
#define DSE_MAP_ALGORITHMS_H

#include "base/config.h"
#include "dse/map/map.h"

/* What a problem offers. */
struct map_offer {
  bool (*at)(size_t i, struct map_algorithm *algorithm); /* as in its record */
  bool (*applies)(size_t i, const void *problem);        /* can the i-th do this problem? NULL: each can do each */
  const void *problem;
  const char *fallback;          /* without --algorithm */
  const struct config_set *sets; /* of algorithms, among those of the command line */
  size_t n_sets;
  struct config_section common; /* keys of every algorithm; table NULL: none */
};

/* What was taken from it, in the order in which it was named. */
struct map_choice {
  size_t n;
  size_t *algorithm;     /* positions in the list of all */
  const void **settings; /* of each of these; NULL: it has no keys */
};

/* Algorithms and their keys. False: a name is unknown, is there twice, or cannot do this problem, or a key is wrong. */
bool map_choose(const struct invocation *invocation, const struct map_offer *offer, struct map_choice *choice,
                struct error *error);
/* The keys of every algorithm with a table (group NAME, dashes as underscores) and the common ones; settings[i] is for
 * the i-th of the list of all, NULL if it has no keys. */
bool map_read_keys(const struct invocation *invocation, const struct map_offer *offer, const void ***settings,
                   struct error *error);
/* Where --set key=… is of the problem and --set ALGORITHM.key=… of an algorithm (dashes as underscores): those of
 * algorithms, into `list` with room for all, and how many; those of the problem, as "key=…". */
size_t map_sets_of_algorithms(const struct invocation *invocation, bool (*at)(size_t i, struct map_algorithm *),
                              struct config_set *list);
size_t map_sets_of_problem(const struct invocation *invocation, bool (*at)(size_t i, struct map_algorithm *),
                           const char ***list);
/* Where searches are compared, options of a single one are said to be out of place, not ignored. */
bool map_refuse_in_contest(const struct invocation *invocation, const char *const *options, size_t n_options,
                           struct error *error);

struct map_budget {
  uint64_t samples, seed; /* samples 0: no limit, there is one of time */
  double time_s;          /* 0: no limit */
};
bool map_read_budget(const struct invocation *invocation, uint64_t default_samples, struct map_budget *budget,
                     struct error *error);

#endif
