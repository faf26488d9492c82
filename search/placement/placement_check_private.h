/* What the files of the judge share, and nobody else. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_CHECK_PRIVATE_H
#define SEARCH_PLACEMENT_PLACEMENT_CHECK_PRIVATE_H

#include "search/placement/placement.h"

enum judged_kind { JUDGED_READ, JUDGED_COMPUTE, JUDGED_WRITE, JUDGED_N_KINDS };

/* One thing that a device does for a layer. */
struct judged_task {
  enum judged_kind kind;
  uint32_t layer, device;
  uint32_t edge; /* of an input; PLACEMENT_NONE: weights, or what comes from outside */
  bool weights;
  bool direct; /* past the host */
  uint64_t bytes;
  double cap_bytes_per_s, latency_s;
  double fixed_s; /* computation, or a transfer of given time; NAN: by bytes and rate */
  double start_s, end_s;
};
struct judge {
  const struct placement_problem *problem;
  const struct placement_claim *claim;
  struct arena *arena;
  struct error *error;
  uint32_t *device, *place;     /* [n_layers] */
  uint32_t *first_in, *in_next; /* lists of edges by their end, in the file's order: [n_layers], [n_edges] */
  uint32_t *first_out, *out_next;
  uint32_t *kept_until; /* [n_layers] `contention`: last place that finds the output on the device */
  /* Device by device and layer by layer in their order: reads, computation, perhaps a write. */
  struct judged_task *tasks;
  uint32_t n_tasks, *first_task; /* [n_layers] */
  uint32_t *compute_task;        /* [n_layers] */
  uint32_t *last_task;           /* [n_layers] its write, or computation */
  struct placement_schedule truth;
  double *busy_s; /* [n_devices] */
};
const char *judged_name(const struct judge *judge, uint32_t layer);
/* Is the tensor of an edge on its end's device already? */
bool judge_finds(const struct judge *judge, const struct placement_edge *edge);
/* Placement §3: all tasks, by the rule. */
void judge_list_tasks(struct judge *judge);
/* `delay`: what passes between the end of an edge's producer and the start of its reader; 0 under other rules. */
double judged_wait_s(const struct judge *judge, const struct placement_edge *edge);
/* True times; false: a circle. */
bool judge_time_serial(struct judge *judge);
bool judge_time_contention(struct judge *judge);
void judge_totals(struct judge *judge);

#endif
