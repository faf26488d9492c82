/* What the files of a placement's statement and evaluators share: where rows came from, and what a rule of time finds.
 * The judge (placement_check.c) includes none of it. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_PRIVATE_H
#define SEARCH_PLACEMENT_PLACEMENT_PRIVATE_H

#include "base/csv.h"
#include "search/placement/placement.h"
#include "search/rows.h"

/* --- where it stands in a file, for messages ---
 */
struct placement_origin {
  struct rows_origin layers, edges, devices;
};
/* As placement_finish; origin NULL: messages start with the problem's name. */
bool placement_finish_at(struct placement_problem *problem, const struct placement_origin *origin, struct arena *arena,
                         struct error *error);

/* --- tables of a problem file, whether in the JSON or beside it; placement_tables.c ---
 */
struct placement_tables {
  const char *file; /* of the JSON, fit to be shown */
  const struct csv *layers, *costs;
  const struct csv *edges; /* NULL: there are none */
};
/* problem->devices must be there; fills everything that tables say and, by `origin`, where. */
bool placement_read_tables(const struct placement_tables *tables, struct arena *arena, struct arena *scratch,
                           struct placement_problem *problem, struct placement_origin *origin, struct error *error);

/* --- what a rule of time finds ---
 */
struct placement_run {
  double *start_s, *end_s; /* [n_layers]; NULL: not wanted */
  double *busy_s;          /* [n_devices] */
  double makespan_s, period_s, compute_s, communication_s;
  uint64_t out_bytes, in_bytes, direct_bytes; /* out of the host, into it, past it */
  bool keep_flows;
  struct placement_flow *flows; /* if kept; room for all */
  size_t n_flows;
};
/* False: a circle, or a layer where it cannot run. busy_s zeroed by the caller. */
typedef bool placement_rule(const struct placement_problem *problem, const struct placement_answer *answer,
                            struct arena *scratch, struct placement_run *run);
placement_rule placement_run_plain, placement_run_serial, placement_run_delay, placement_run_contention;
/* At most so many transfers has an answer. */
size_t placement_most_flows(const struct placement_problem *problem);
/* The host's share of a period. */
double placement_host_s(const struct placement_problem *problem, const struct placement_run *run);
/* `delay`: how long after a layer's end on one device an edge lets its reader begin on another. */
double placement_delay_s(const struct placement_problem *problem, const struct placement_edge *edge, uint32_t from,
                         uint32_t to);
/* Do devices take successive differences of order ideals? */
bool placement_is_contiguous(const struct placement_problem *problem, const struct placement_answer *answer,
                             struct arena *scratch);

/* --- which transfers a layer needs ---
 */
struct placement_move {
  uint32_t edge; /* PLACEMENT_NONE: weights, outputs, inputs from outside */
  int what;      /* PLACEMENT_FLOW_… */
  bool direct;   /* over a link between the devices, past the host */
  uint64_t bytes;
  double bytes_per_s, latency_s;
  double fixed_s; /* instead of bytes ÷ rate, and no latency; NAN: none */
};
static inline double placement_move_s(const struct placement_move *move) {
  return move->fixed_s == move->fixed_s ? move->fixed_s : (double)move->bytes / move->bytes_per_s + move->latency_s;
}
struct placement_routes {
  const struct placement_problem *problem;
  const struct placement_answer *answer;
  uint32_t *device, *place; /* [n_layers] */
  uint32_t *stays_until;    /* [n_layers] the last place on its device that finds a layer's output there */
  uint32_t *read_on;        /* [n_layers] `cut`: the device that read it last; NONE: none yet */
};
void placement_routes_init(struct placement_routes *routes, const struct placement_problem *problem,
                           const struct placement_answer *answer, struct arena *scratch);
/* Into `moves`, with room for 2 + the layer's edges in; how many. To be called device by device, in their order. */
size_t placement_reads(struct placement_routes *routes, uint32_t layer, struct placement_move *moves);
bool placement_write_back(const struct placement_routes *routes, uint32_t layer, struct placement_move *move);

#endif
