/* Which chip of a multi-chip module keeps which operator, so that the slowest chip is as fast as can be?
 *
 * Equal chips in a chain; samples stream through; every chip keeps its operators' weights. Chosen is a chip for every
 * operator; the value is the period, the load of the most loaded chip, in ms a sample. (Partition; "A Transferable
 * Approach for Partitioning Machine Learning Models on Multi-Chip-Modules", MLSys 2022, arXiv 2112.04041, whose cost
 * model is not public: loads, rules and files are ours, partition §2 to §4.) Knows neither operators nor hardware.
 *
 * Three statements: the problem as it was read (nodes), its graph with everything contracted that must stay together
 * (groups), which all solvers work on, and the judge, which reads the nodes again. Chips are 1 to C everywhere. The
 * order of the file breaks every tie. */
#ifndef SEARCH_PARTITION_PARTITION_H
#define SEARCH_PARTITION_PARTITION_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARTITION_MAX_NODES = 1 << 20, PARTITION_MAX_EDGES = 1 << 23, PARTITION_MAX_CHIPS = 1024 };
#define PARTITION_END_BITS (UINT64_C(1) << 62) /* sums of bits are below */
#define PARTITION_NONE UINT32_MAX              /* no colocation group */

enum partition_cost { PARTITION_RING, PARTITION_P2P, PARTITION_RING_OVERLAP, PARTITION_P2P_OVERLAP };
enum partition_triangle { PARTITION_ANY, PARTITION_PATH, PARTITION_GENERAL };
enum partition_memory { PARTITION_WEIGHTS, PARTITION_LIVE };

struct partition_edge {
  uint32_t from, to;
};

/* As read. */
struct partition_problem {
  const char *name;
  uint32_t n_chips;
  uint64_t link_bytes_per_s, memory_bytes; /* memory 0: unlimited */
  enum partition_memory memory_rule;
  enum partition_cost cost;
  enum partition_triangle triangle;
  bool clone; /* every chip has its own free copy of cloneable nodes: their edges out do not exist */
  size_t n_nodes, n_edges, n_drops;
  const char *const *node_names;      /* [n_nodes] orig_id */
  const double *compute_ms;           /* [n_nodes] */
  const uint64_t *weight_bytes;       /* [n_nodes] */
  const uint64_t *out_bits;           /* [n_nodes] out_bytes × 8: bits are exact */
  const uint32_t *colocate;           /* [n_nodes] nodes of equal number share a chip; PARTITION_NONE: free */
  const bool *cloneable;              /* [n_nodes] */
  const struct partition_edge *edges; /* [n_edges] the file's order, all of them */
  const struct partition_edge *drops; /* [n_drops] edges that do not exist */
  /* Would a compiler take this, chips by node? NULL: yes. A black box: the rule of memory stands beside it. */
  bool (*accepts)(void *context, const uint32_t *chip);
  void *accepts_context;
};

/* One tensor, or several with the same producer and the same consumers taken together. */
struct partition_tensor {
  uint32_t producer;   /* group */
  uint32_t first, end; /* its consumers: consumer[first] … consumer[end - 1], distinct, ascending, none the producer */
  uint64_t bits;       /* sums of bits are exact in any order; all bits of a graph together are below 2^62 */
  double ms;           /* of these bits on one link */
};

/* Compressed rows: at[start[i]] … at[start[i + 1] - 1] belong to i, distinct and ascending. */
struct partition_rows {
  const uint32_t *start, *at;
};

/* What solvers work on: groups, numbered by their first node; an acyclic graph. Built by partition_contract. */
struct partition_graph {
  const struct partition_problem *problem;
  size_t n;                     /* groups */
  const uint32_t *group_of;     /* [n_nodes] */
  const double *compute_ms;     /* [n] sums in the order of nodes */
  const uint64_t *weight_bytes; /* [n] */
  /* Distinct neighbours, ascending, in compressed rows. */
  const uint32_t *in_start, *in, *out_start, *out; /* [n + 1], [n_arcs] */
  size_t n_arcs;
  const uint32_t *topological; /* [n] predecessors first, least number first */
  const uint32_t *place;       /* [n] its inverse */
  size_t n_tensors;
  const struct partition_tensor *tensors; /* by producer; those without a consumer are not there */
  const uint32_t *tensor_start;           /* [n + 1] tensors of group g: tensor_start[g] … */
  const uint32_t *consumer;
  /* Tensors that a group reads, ascending, in compressed rows. */
  const uint32_t *read_start, *read; /* [n + 1], [n_reads] */
  double total_ms;                   /* of compute_ms */
  uint64_t total_weight_bytes;
  /* The group that makes the path rule useless (partition §13), or PARTITION_NONE: more than half of all work lies on
   * ways between it and what it reads or feeds directly, and so would be on two chips. For a warning. */
  uint32_t blocker;
  struct partition_rows member;            /* nodes by group */
  struct partition_rows node_in, node_out; /* neighbours by node, of the edges that exist */
  bool nodes_in_order;                     /* every such edge leads to a greater number */
};
/* Milliseconds that many bits take on one link. */
static inline double partition_bits_ms(const struct partition_graph *graph, uint64_t bits) {
  return (double)bits * 125.0 / (double)graph->problem->link_bytes_per_s; /* 1000 ms/s over 8 bits/byte */
}
/* Drops edges, contracts colocated nodes and then what is strongly connected. False with a message for mistakes that
 * reading cannot see (a cycle among nodes, an edge to drop that is none, numbers out of range). */
bool partition_contract(const struct partition_problem *problem, struct arena *arena, struct partition_graph *graph,
                        struct error *error);

/* --- evaluator: partition_evaluate.c --- */

/* Buffers of evaluations, one a caller; no evaluation allocates. */
struct partition_work;
struct partition_work *partition_work_new(const struct partition_graph *graph, struct arena *arena);
/* The period in ms of an assignment that keeps the rules, whatever those say: they are not looked at. chip[n] by group,
 * 1 to C. Linear in arcs and chips. `load` (NULL: not wanted) [C] gets each chip's. */
double partition_period(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work,
                        double *load);
/* What the loads are made of, [C] each: work, what comes in and what goes out, ms. */
void partition_parts(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work,
                     double *compute_ms, double *in_ms, double *out_ms);
enum partition_rule {
  PARTITION_FINE,
  PARTITION_RANGE,
  PARTITION_MONOTONE,
  PARTITION_SKIPPED,
  PARTITION_TRIANGLE,
  PARTITION_MEMORY,
  PARTITION_REFUSED /* by `accepts` */
};
/* The first rule that is broken, in this order; static rules, then dynamic ones. */
enum partition_rule partition_rules(const struct partition_graph *graph, const uint32_t *chip,
                                    struct partition_work *work);
/* partition_period, INFINITY if a rule is broken: what searches minimise. */
double partition_value(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work);
/* Numbers the used chips 1 … m; keeps every rule but no-skip, which it makes true, and never raises the period. */
void partition_renumber(const struct partition_graph *graph, uint32_t *chip, struct partition_work *work);
/* Universal tie-break: groups' chips from the first on. */
int partition_compare(const struct partition_graph *graph, const uint32_t *a, const uint32_t *b);
/* Chips by group to chips by node, and back (of any node of a group). */
void partition_to_nodes(const struct partition_graph *graph, const uint32_t *chip, uint32_t *node_chip);
/* Fills groups in topological order to equal compute: the compiler's stand-in (partition §7). May break triangle and
 * memory. */
void partition_greedy(const struct partition_graph *graph, uint32_t *chip, struct partition_work *work);

/* --- the judge: partition_check.c; shares no code with evaluator and solvers and contracts nothing (partition §5) ---
 */

struct partition_claim {
  const uint32_t *chip; /* [n_chips_said] by node */
  size_t n_said;
  double claim_ms; /* NAN: none */
};
/* Valid? `reason` is the first violation with its place, or a remark on a claim that is off by more than 1e-6
 * relative, or "". `value_ms` is what it really takes; NAN if not valid. */
bool partition_check(const struct partition_problem *problem, const struct partition_claim *claim, struct arena *arena,
                     double *value_ms, const char **reason);

#endif
