/* The one loop for evaluations: ask → evaluate on the ranks (or answer from the journal) → tell → keep → journal.
 *
 * Every rank runs it alike; evaluations are distributed by cluster/, records come back in task order. All that a run
 * knows about its designs accumulates here. Collective. */
#ifndef DSE_ROUNDS_H
#define DSE_ROUNDS_H

#include "cluster/cluster.h"
#include "dse/design_space.h"
#include "results/journal.h"
#include "results/pareto.h"
#include "results/topk.h"

struct convergence { /* a row a round */
  uint64_t round, evaluations, feasible, front_size;
  double best;
  bool has_best;
};

struct found { /* when and by what a design was found */
  struct point point;
  uint64_t evaluation;
  const char *by;
};

struct rounds {
  struct cluster *cluster;
  const struct design_space *designs;
  struct journal *journal; /* rank 0's; NULL elsewhere or when nothing is kept */
  struct arena *arena;     /* for what is kept */
  size_t round_size;
  uint64_t seed;
  struct topk *topk;
  struct pareto *front;
  struct point_set *evaluated;
  uint64_t round, evaluations, replayed, feasible;
  uint64_t reason_count[N_REASONS];
  struct convergence *convergence;
  size_t n_convergence, convergence_capacity;
  struct found *found; /* of every record that entered top-k or front when it came; later ones are looked up */
  size_t n_found, found_capacity;
  struct point *points;        /* round_size */
  struct record *records;      /* round_size */
  bool cut;                    /* max_evaluations ended the search, which would have gone on */
  bool stopped;                /* a limit or a signal ended the run between two rounds */
  bool (*stop)(void *context); /* asked after every round on every rank; NULL: never */
  void *stop_context;
  void (*progress)(void *context, const struct rounds *rounds);
  void *progress_context;
};

void rounds_init(struct rounds *rounds, struct cluster *cluster, const struct design_space *designs,
                 struct journal *journal, struct arena *arena);
/* Runs one algorithm until it asks no more, or rounds->stopped, or rounds->cut: the budget is looked at between rounds,
 * so that a run of a larger budget begins with the very same rounds. */
bool rounds_search(struct rounds *rounds, const struct search_algorithm *algorithm, const void *settings,
                   uint64_t max_evaluations, struct error *error);
/* Evaluates a list of points (those evaluated before are skipped). */
bool rounds_evaluate(struct rounds *rounds, const char *by, const struct point *points, size_t n, struct error *error);
const struct found *rounds_found(const struct rounds *rounds, const struct point *point);

#endif
