/* What is an algorithm for multi-tenant mapping, and how are its samples counted?
 *
 * One record, one file, one line in algorithms.def. An algorithm goes through rounds on an island of its own: it gets
 * the answers that the last round left (its own and migrants), a budget of samples, and leaves answers behind. All that
 * it knows lies in those answers and in how far the search has come, so that a round can run on any rank, and a killed
 * one again. (tenancy §11.) */
#ifndef SEARCH_TENANCY_TENANCY_ALGORITHM_H
#define SEARCH_TENANCY_TENANCY_ALGORITHM_H

#include "base/config.h"
#include "search/tenancy/tenancy.h"
#include "search/tenancy/tenancy_bounds.h"

/* Counts samples and keeps the best answer. One sample: one mapping judged in full, or one move tried. */
struct tenancy_meter {
  const struct tenancy_problem *problem;
  uint64_t n_samples, limit; /* used so far, and where to stop, in this round */
  struct tenancy_queues best;
  tenancy_cost best_cost;
  /* The best cost at certain counts of samples (of the whole search), for curves: mark[i] ascending, at[i] filled as
   * they are passed. */
  uint64_t before; /* samples of earlier rounds */
  size_t n_marks, n_passed;
  const uint64_t *marks;
  tenancy_cost *at;
  struct tenancy_queues room; /* scratch of tenancy_meter_answer */
};
void tenancy_meter_init(struct tenancy_meter *meter, const struct tenancy_problem *problem, uint64_t limit,
                        struct arena *arena);
static inline bool tenancy_meter_full(const struct tenancy_meter *meter) { return meter->n_samples >= meter->limit; }
/* Evaluates, counts one sample, keeps the best. Only while the meter is not full. */
tenancy_cost tenancy_meter_queues(struct tenancy_meter *meter, const struct tenancy_queues *queues);
tenancy_cost tenancy_meter_answer(struct tenancy_meter *meter, const struct tenancy_answer *answer);
/* Counts `n` tried moves, of which the last led to `queues` of `cost` (NULL: none was better than the best). Call it at
 * every new best; marks in between get the best of before. */
void tenancy_meter_moves(struct tenancy_meter *meter, uint64_t n, const struct tenancy_queues *queues,
                         tenancy_cost cost);

struct tenancy_request {
  const struct tenancy_problem *problem;
  const struct tenancy_bounds *bounds; /* computed before; at least B1 and B2, B3 as a start */
  const void *settings;                /* of the algorithm's own table */
  uint64_t seed, island, round;
  uint64_t total_samples; /* of this island, all rounds together */
  /* What the last round left, best first, then migrants; n_population 0: the first round. */
  size_t n_population;
  const struct tenancy_answer *population;
  /* Filled by the algorithm: what the next round starts from, best first; room for `keep` answers. */
  size_t keep, n_kept;
  struct tenancy_answer *kept;
  /* What else travels from round to round: state_bytes of the record, zeros in the first round. The algorithm reads
   * `state` (const) and writes `state_out`; no pointers, same bytes for the same content. */
  size_t n_state;
  const void *state;
  void *state_out;
  struct arena *arena; /* scratch: rewound behind the round */
};

struct tenancy_algorithm {
  const char *name, *doc;
  const char *source;              /* paper, or ours */
  const struct field_table *table; /* keys `--set NAME.key=…`; NULL: none */
  size_t settings_bytes;
  bool one_shot; /* a rule: one sample, nothing to go on from */
  size_t keeps;  /* answers that a round leaves, e.g. the population; 0: as many as settings say via keep_of */
  size_t (*keep_of)(const void *settings, const struct tenancy_problem *problem);     /* NULL: `keeps` */
  size_t (*state_bytes)(const void *settings, const struct tenancy_problem *problem); /* NULL: 0 */
  /* One round: until the meter is full, or (early) when nothing more can be gained. Draws only from
   * rng_stream(seed, its purpose, round, island). */
  void (*run)(struct tenancy_request *request, struct tenancy_meter *meter);
};
extern const struct tenancy_algorithm *const tenancy_algorithms[];
extern const size_t n_tenancy_algorithms;
const struct tenancy_algorithm *tenancy_find_algorithm(const char *name); /* NULL: none */

#endif
