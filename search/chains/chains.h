/* Which layers, and which design, for each stage of a pipeline?
 *
 * A chain of layers, p stages in a row, candidate designs. A system cuts the chain into p pieces of consecutive layers,
 * none empty, and gives every stage a design that holds its piece. A stage's load is that of its piece on its design;
 * the system's is the largest. Costs of stages add up and have limits; the front of load against cost 0 is wanted.
 * (Chains-on-chains partitioning, Pinar and Aykanat 2004, with processors that are bought rather than given; mapping of
 * pipelines onto unlike processors: Benoit and Robert 2008.) Knows neither graphs nor hardware.
 *
 * For a bound on loads the least cost of the first s stages with the first i layers is a shortest path, g[s][i] = min
 * over j and designs of g[s-1][j] + cost: exact where one sum has a limit. With two it is a shortest path under a
 * constraint: a multiplier gives a bound, labels the answer, up to `max_nodes` of them. A number of different designs
 * is kept by branching on who may be used. Costs are added in the order of stages, by everyone: sums are equal to the
 * last bit or not at all.
 *
 * Left out: layers that are no chain, several pieces on one stage, costs that depend on the place of a stage. */
#ifndef SEARCH_CHAINS_H
#define SEARCH_CHAINS_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHAINS_MAX_COSTS = 2, CHAINS_MAX_LAYERS = 1024, CHAINS_MAX_STAGES = 1024, CHAINS_MAX_DESIGNS = 1 << 16 };

struct chains_problem {
  size_t n_layers, n_stages, n_designs, n_costs; /* cost 0 is minimised; all of them have limits */
  /* Pieces of the chain: from `first` to `last` it is number piece_of[first * n_layers + last] (first ≤ last). Pieces
   * that nothing tells apart share a number. */
  size_t n_pieces;
  const uint32_t *piece_of;
  const double *load;             /* [n_designs * n_pieces]; INFINITY: the design cannot have the piece */
  const uint64_t *bytes;          /* [n_stages * n_pieces] that the piece needs at that stage; NULL: none */
  const uint64_t *memory_bytes;   /* [n_designs]; NULL with `bytes` */
  const double *cost;             /* [n_designs * n_costs] of a stage of the design, ≥ 0 */
  double load_weight;             /* ≥ 0: cost 0 of a stage also holds this much for each unit of its load */
  double limit[CHAINS_MAX_COSTS]; /* on each sum; INFINITY: none */
  size_t max_designs;             /* distinct designs in one system; 0: any; 1: all stages alike */
};
struct chains_choice {
  double load, cost[CHAINS_MAX_COSTS];
  uint32_t *end;    /* [n_stages] the layer behind the stage's last one */
  uint32_t *design; /* [n_stages] */
};
struct chains_effort {
  uint64_t max_nodes; /* labels and sets of designs, all together */
  double step;        /* loads of neighbours on the front differ by this share at least; 0: every point */
  size_t max_points;
};
struct chains_front {
  size_t n;
  struct chains_choice *choices; /* ascending load, descending cost 0; none dominates another */
  bool proven;  /* every system within the limits has a choice here with no more cost 0 and at most 1 + step times its
                   load */
  double bound; /* no system within the limits has less load; INFINITY: there is none */
};
/* The same choices every time. An empty front with bound INFINITY: nothing is feasible, proven. */
bool chains_solve(const struct chains_problem *problem, const struct chains_effort *effort, struct arena *arena,
                  struct arena *scratch, struct chains_front *front, struct error *error);

/* The judge, which shares no code with the solver: every layer once and in order, no stage empty, each held by its
 * design's memory, at most max_designs of them, load and sums as said and within the limits. */
bool chains_check(const struct chains_problem *problem, const struct chains_choice *choice, struct error *error);

#endif
