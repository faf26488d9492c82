/* Which layer of a model runs on which of several unlike devices, in which order, and what stays in their memories?
 *
 * A graph of layers; devices with a compute time for every layer that they can run, private memory and a link to a
 * host. Chosen are each layer's device and place in its order, the weights that stay (pinned) and thereby the
 * activations that never travel. (Placement; H2H, Zhang et al., DAC 2022, arXiv 2204.13852, and classical task graphs;
 * placement §2, §3.) Knows neither layers' shapes nor hardware. Bytes and seconds are as somebody measured them.
 *
 * Rules of time: `serial` is H2H's (load, compute and store one after another, nothing shared), `delay` the classical
 * one (a transfer between two devices delays the follower and occupies nobody), `contention` ours (shared host,
 * overlap). The order of layers, devices and edges in the file breaks every tie. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_H
#define SEARCH_PLACEMENT_PLACEMENT_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLACEMENT_MAX_LAYERS = 1 << 17, PLACEMENT_MAX_DEVICES = 1024, PLACEMENT_MAX_EDGES = 1 << 20 };
/* An index that is none: no group, an unpinned past, … */
#define PLACEMENT_NONE UINT32_MAX

enum placement_transfers { PLACEMENT_ALL, PLACEMENT_CUT };
enum placement_timing { PLACEMENT_SERIAL, PLACEMENT_DELAY, PLACEMENT_CONTENTION };
enum placement_objective { PLACEMENT_MAKESPAN, PLACEMENT_PERIOD, PLACEMENT_ENERGY };
enum placement_memory { PLACEMENT_PIN, PLACEMENT_HARD, PLACEMENT_UNLIMITED };

struct placement_device {
  const char *name, *class_name;
  bool host;           /* no transfer cost and no memory limit */
  uint64_t dram_bytes; /* UINT64_MAX: not said */
  double pin_share;
  double link_bytes_per_s; /* INFINITY: not said */
  double link_latency_s;
  double active_w, idle_w;
};
struct placement_edge {
  uint32_t from, to;
  uint64_t bytes;
  double transfer_s; /* between two devices, instead of bytes ÷ bandwidth; NAN: not given */
};

struct placement_problem {
  const char *name;
  enum placement_transfers transfers;
  enum placement_timing timing;
  enum placement_objective objective;
  enum placement_memory memory;
  uint64_t granule_bytes; /* rounding unit of the pin capacity */
  bool contiguous;        /* devices take successive differences of order ideals */
  /* `contention`: an activation stays on its device for the next layer alone, as in `serial`, whatever room there is.
   */
  bool adjacent_residency;

  size_t n_devices, n_layers, n_edges, n_kinds, n_groups;
  const struct placement_device *devices;
  /* A mesh: [n_devices * n_devices] from row to column, bytes/s (0: no link of its own) and latency; NULL: a star. */
  const double *mesh_bytes_per_s, *mesh_latency_s;
  struct {
    double out_bytes_per_s, in_bytes_per_s; /* INFINITY: unlimited */
    double transfer_j_per_byte;
    uint64_t prefetch_layers;
    bool half_duplex;
  } host;

  const char *const *layer_names;                            /* [n_layers] */
  const char *const *kinds;                                  /* [n_kinds] in order of first appearance */
  const uint32_t *kind;                                      /* [n_layers] */
  const uint64_t *weight_bytes, *input_bytes, *output_bytes; /* [n_layers] */
  const uint32_t *group; /* [n_layers] layers of one group share a device; PLACEMENT_NONE: free; NULL: all */
  const struct placement_edge *edges; /* [n_edges], the file's order */
  /* Edges by layer in compressed rows, each row in the file's order: edge numbers. */
  const uint32_t *in_start, *in_edge, *out_start, *out_edge;
  const uint32_t *topological; /* [n_layers] layers, predecessors first, ties by number */
  /* [n_layers * n_devices], a row a layer; NAN: cannot run there. energy_j NULL: active_w × busy time. */
  const double *compute_s, *energy_j;

  /* --- derived by placement_finish, as are the rows and the topological order above --- */
  const uint32_t *predecessor, *successor; /* [n_edges] the other end of in_edge[i], out_edge[i] */
  const uint64_t *weight_granules;         /* [n_layers] rounded up */
  const uint64_t *pin_granules;            /* [n_devices] what may be pinned; UINT64_MAX: everything */
  const uint32_t *only_reader;             /* [n_layers] where the one edge with bytes goes; NONE: none or several */
  const bool *is_read;                     /* [n_layers] some edge out carries bytes or takes time */
  const uint64_t *read_bytes;              /* [n_layers] the largest edge out */
  const double *read_s;                    /* [n_layers] the largest transfer_s out; NAN: none is given */
  bool plain; /* all transfers, a star, neither latencies nor transfer_s: times follow from bytes and rates alone */
};

static inline size_t placement_at(const struct placement_problem *problem, size_t layer, size_t device) {
  return layer * problem->n_devices + device;
}
static inline bool placement_can_run(const struct placement_problem *problem, size_t layer, size_t device) {
  const double compute_s = problem->compute_s[placement_at(problem, layer, device)];
  return compute_s == compute_s;
}
/* Checks sizes, names, numbers, cycles, that every layer and group has a device, hard memory that cannot be met, and
 * derives what is derived: all else must be there. An input_bytes below the sum of a layer's edges is allowed: then
 * edges count in their order until it is used up. Messages name what is wrong. */
bool placement_finish(struct placement_problem *problem, struct arena *arena, struct error *error);

/* Every layer stands once; layers without a device of their own would make no answer. */
struct placement_answer {
  uint32_t *start; /* [n_devices + 1]: the layers of device d in their order are layer[start[d]] … */
  uint32_t *layer; /* [n_layers] */
  bool *pinned;    /* [n_layers] weights stay in the memory of the layer's device */
};
struct placement_answer placement_answer_new(const struct placement_problem *problem, struct arena *arena);
void placement_answer_copy(const struct placement_problem *problem, const struct placement_answer *from,
                           struct placement_answer *to);
/* Universal tie-break of answers: by device and place, then pins. */
int placement_compare(const struct placement_problem *problem, const struct placement_answer *a,
                      const struct placement_answer *b);

struct placement_flow { /* of `contention`: a transfer */
  uint32_t layer, edge, device;
  enum { PLACEMENT_FLOW_WEIGHT, PLACEMENT_FLOW_INPUT, PLACEMENT_FLOW_OUTPUT } what;
  double start_s, end_s;
  uint64_t bytes;
};
struct placement_schedule {
  double *start_s, *end_s; /* [n_layers] with their transfers; `contention`: of the computation alone */
  double makespan_s, energy_j, period_s;
  double communication_s, compute_s; /* sums over layers: what the devices spend on either */
  size_t n_flows;
  struct placement_flow *flows; /* `contention` alone */
};
struct placement_schedule placement_schedule_new(const struct placement_problem *problem, struct arena *arena);

/* The value of an answer under the problem's rule: makespan, period or energy, by its objective; INFINITY for a
 * circular order, layers where they cannot run, a group apart, weights beyond the memory, devices that are no pieces of
 * a chain where they must be. Fills `schedule` (NULL: not wanted; untouched but for makespan_s = INFINITY if the value
 * is). Linear in layers and edges (contention: events times devices). No allocation but from scratch (marked and
 * rewound).
 *
 * Weights travel only under `pin` memory, if not pinned; `hard` and `none` hold them all. `delay` charges edges between
 * devices whatever `transfers` says; without transfer_s an edge is written to the host and then read from it. Under
 * `cut` a device reads what a layer elsewhere made once, for the first layer in its order that needs it. */
double placement_evaluate(const struct placement_problem *problem, const struct placement_answer *answer,
                          struct arena *scratch, struct placement_schedule *schedule);
/* Step 2 of H2H: what to pin, by a knapsack a device in the device's order (placement §4). Layers without weights are
 * not pinned; where memory is `hard` or `none`, or the device the host, all others are. Exact unless a capacity above
 * 2^24 granules meets more than 2^18 sums of weights; then weights count as rounded up. */
void placement_pin(const struct placement_problem *problem, struct arena *scratch, struct placement_answer *answer);
uint64_t placement_pin_granules(const struct placement_problem *problem, size_t device);

/* --- the judge: placement_check.c, which shares no code with evaluators and solvers (placement §5) ---
 * Times as claimed by somebody; NULL fields of `claimed` are not judged. A start may be later than it need be, except
 * under `contention`, where times follow from the order. Adds every violation with its size to `error`, as
 * "precedence A>B 0.25 s"; `truth` (NULL: not wanted) gets what the order really takes, or a makespan of INFINITY if
 * it has no times. Tolerance: 1e-9 of the makespan. */
struct placement_claim {
  struct placement_answer answer;
  const double *start_s, *end_s; /* as in a schedule */
  double makespan_s;             /* NAN: not claimed */
  size_t n_flows;
  const struct placement_flow *flows; /* of `contention`; NULL: not claimed */
};
bool placement_check(const struct placement_problem *problem, const struct placement_claim *claim, struct arena *arena,
                     struct placement_schedule *truth, struct error *error);

#endif
