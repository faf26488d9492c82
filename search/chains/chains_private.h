/* What the solver's parts share: chains.c makes a front of questions "the cheapest system with loads below so much",
 * chains_sets.c keeps the number of designs, chains_cheapest.c answers for given designs, chains_path.c walks. */
#ifndef SEARCH_CHAINS_PRIVATE_H
#define SEARCH_CHAINS_PRIVATE_H

#include "search/chains/chains.h"
#include <math.h>

static const uint32_t CHAINS_NO_DESIGN = UINT32_MAX;
static const double CHAINS_SLACK = 1e-9; /* of sums in another order than the answer's: far more than they round */

enum chains_status {
  CHAINS_FOUND,   /* the cheapest one, proven */
  CHAINS_NONE,    /* there is none, proven */
  CHAINS_GAVE_UP, /* nodes were used up; something may have been found */
};

/* A question, and room for its answer: all of it in scratch. */
struct chains_search {
  const struct chains_problem *problem;
  struct arena *scratch;
  uint64_t n_nodes, max_nodes;
  size_t n_kept; /* designs that no other one beats in everything */
  uint32_t *kept;
  bool *allowed;     /* [n_designs], among the kept ones */
  size_t n_sizes;    /* different memories of kept designs */
  uint64_t *sizes;   /* ascending */
  uint32_t *size_of; /* [n_designs] */
  double below;      /* loads must be */
  bool any;          /* whatever is within the limits will do, however dear */
  bool found;        /* `best` is one */
  struct chains_choice best, trial;
  /* Of a walk: for the weights at hand the cheapest design of each piece at each stage. */
  double weight[CHAINS_MAX_COSTS];
  double *pick_cost;   /* [n_stages * n_pieces]; INFINITY: none */
  uint32_t *pick;      /* [n_stages * n_pieces] */
  double *least;       /* [(n_stages + 1) * (n_layers + 1)] */
  uint32_t *from;      /* likewise: where the last stage of that path begins */
  double *size_least;  /* [n_sizes] */
  uint32_t *size_pick; /* [n_sizes] */
};

static inline bool chains_gave_up(const struct chains_search *search) { return search->n_nodes >= search->max_nodes; }
static inline uint32_t chains_piece(const struct chains_problem *problem, size_t first, size_t end) {
  return problem->piece_of[first * problem->n_layers + end - 1];
}
static inline double chains_load(const struct chains_problem *problem, size_t design, uint32_t piece) {
  return problem->load[design * problem->n_pieces + piece];
}
static inline double chains_cost(const struct chains_problem *problem, size_t c, size_t design, double load) {
  const double cost = problem->cost[design * problem->n_costs + c];
  return c == 0 && problem->load_weight > 0 ? cost + problem->load_weight * load : cost;
}
static inline double chains_weighted(const struct chains_search *search, size_t design, double load) {
  const struct chains_problem *problem = search->problem;
  double cost = search->weight[0] * chains_cost(problem, 0, design, load);
  if (problem->n_costs > 1) cost += search->weight[1] * chains_cost(problem, 1, design, load);
  return cost;
}
static inline bool chains_fits(const struct chains_problem *problem, size_t s, uint32_t piece, size_t design) {
  return problem->bytes == NULL || problem->bytes[s * problem->n_pieces + piece] <= problem->memory_bytes[design];
}
/* Layers that stage s may begin with, or the stage before end with: every stage has one. */
static inline bool chains_may_begin(const struct chains_problem *problem, size_t s, size_t layer) {
  if (s == 0 || s == problem->n_stages) return layer == (s == 0 ? 0 : problem->n_layers);
  return layer >= s && problem->n_layers - layer >= problem->n_stages - s;
}

size_t chains_count_designs(const struct chains_problem *problem, const uint32_t *design);
/* Into arrays of its own. */
void chains_copy(const struct chains_problem *problem, const struct chains_choice *from, struct chains_choice *to);
/* Load and costs of what ends and designs of the trial say; takes it over if it is within all limits and cheaper. */
void chains_offer(struct chains_search *search);
/* The cheapest picks for search->weight among allowed designs. */
void chains_pick(struct chains_search *search);
/* The path of least weighted cost into the trial, added up; INFINITY: there is none. Needs picks. */
double chains_walk(struct chains_search *search);
/* Least weighted cost of the stages from s on that begin with layer i: rest[s * (n_layers + 1) + i]. Needs picks. Sums
 * from the end: loosen them. */
void chains_rest(const struct chains_search *search, double *rest);

/* The cheapest system of allowed designs within the limits. */
enum chains_status chains_cheapest(struct chains_search *search);
/* The same of at most problem->max_designs different ones. */
enum chains_status chains_cheapest_set(struct chains_search *search);

#endif
