/* What is an answer worth after a small change?
 *
 * Orders under moves (placement_orders.h), what is pinned, and when every layer ends. Where durations and delays follow
 * from neighbours alone (`serial` in its plain case, `delay` for its makespan), a change is followed only as far as it
 * reaches, and given up as soon as the value can no longer stay below a limit; elsewhere placement_evaluate finds all
 * times anew. Everything since the last commit can be undone. Values differ from placement_evaluate's by rounding of
 * sums (loads and energy; makespans are equal). */
#ifndef SEARCH_PLACEMENT_PLACEMENT_TIMES_H
#define SEARCH_PLACEMENT_PLACEMENT_TIMES_H

#include "search/placement/placement_orders.h"

struct placement_times {
  const struct placement_problem *problem;
  struct placement_orders orders;
  enum placement_objective objective;
  double deadline_s;     /* makespans beyond are worth INFINITY */
  const uint32_t *fixed; /* [n_layers] the only device allowed and where weights are pinned, or PLACEMENT_NONE; NULL */
  bool fast, needs_loads;
  double *end_s, *duration_s; /* [n_layers] */
  double *tail_s;             /* [n_layers] after its end at least so much must follow */
  bool *pinned;               /* [n_layers] */
  uint64_t *used, *room;      /* [n_devices] of memory, in the unit of `size` */
  const uint64_t *size;       /* [n_layers]; NULL: unlimited */
  bool *tight;                /* [n_devices] not everything can be pinned here */
  double *busy_s;             /* [n_devices], then energy of the table; of the last value */
  uint64_t out_bytes, in_bytes;
  uint64_t *layer_out_bytes, *layer_in_bytes;
  uint64_t *dirty; /* bits by rank */
  uint32_t *touched;
  bool *is_touched;
  size_t n_touched, n_old, n_pins;
  struct placement_old_time *old;
  struct placement_old_pin *pins;
  double value;                   /* of the last commit */
  struct placement_answer answer; /* where it is evaluated anew */
  struct arena *scratch;
};
void placement_times_init(struct placement_times *times, const struct placement_problem *problem,
                          enum placement_objective objective, double deadline_s, const uint32_t *fixed,
                          struct arena *arena, struct arena *scratch);
/* Its value, INFINITY if it cannot be. Commits. */
double placement_times_load(struct placement_times *times, const struct placement_answer *answer);
void placement_times_save(const struct placement_times *times, struct placement_answer *answer);
/* As placement_orders_move; pins what fits. False: impossible; to be undone. */
bool placement_times_move(struct placement_times *times, uint32_t from, uint32_t to, uint32_t device, uint32_t behind);
/* Pins (if there is room) or unpins. */
bool placement_times_pin(struct placement_times *times, uint32_t layer, bool pinned);
/* Pins whatever still fits on the device. */
void placement_times_fill(struct placement_times *times, uint32_t device);
bool placement_times_allows(const struct placement_times *times, uint32_t layer, uint32_t device);
/* The value now, or INFINITY if it is above `limit`. To be committed or undone. */
double placement_times_value(struct placement_times *times, double limit);
void placement_times_commit(struct placement_times *times, double value);
void placement_times_undo(struct placement_times *times);

#endif
