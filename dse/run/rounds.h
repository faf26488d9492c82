/* The one loop for evaluations: ask → evaluate on the ranks (or answer from the journal) → tell → keep → journal.
 * A sweep is the same in large: fold on the ranks (or answer from the journal) → keep → journal.
 *
 * Every rank runs it alike; evaluations are distributed by cluster/, records come back in task order. All that a run
 * knows about its designs accumulates here. Collective. */
#ifndef DSE_ROUNDS_H
#define DSE_ROUNDS_H

#include "cluster/cluster.h"
#include "dse/design/design_space.h"
#include "results/journal.h"
#include "results/pareto.h"
#include "results/thinned.h"
#include "results/topk.h"
#include "search/space/boxes.h"
#include "search/space/sweep.h"

struct convergence { /* a row a round */
  uint64_t round, evaluations, feasible, front_size;
  double best;
  bool has_best;
};

struct found {         /* when and by what a design was found */
  uint64_t evaluation; /* in a sweep, of its round the last */
  const char *by;
};

struct round_time { /* of a round that this launch computed */
  uint64_t round, tasks;
  double seconds;
};

enum { CLOUD_MOST = 20000 }; /* designs kept to be shown behind the front */

struct rounds {
  struct cluster *cluster;
  const struct design_space *designs;
  struct journal *journal; /* rank 0's; NULL elsewhere or when nothing is kept */
  struct arena *arena;     /* for what is kept */
  size_t round_size;
  uint64_t seed;
  struct topk *topk;
  struct pareto *front;
  struct thinned *cloud; /* of the feasible ones; of a sweep those that its rounds kept */
  struct point_set *evaluated;
  uint64_t round, evaluations, replayed, feasible;
  uint64_t reason_count[N_REASONS];
  struct convergence *convergence;
  size_t n_convergence, convergence_capacity;
  struct found *found; /* of every record that entered top-k or front when it came, as numbered by found_points */
  size_t n_found, found_capacity;
  struct point_set *found_points;
  struct round_time *times;
  size_t n_times, times_capacity;
  uint64_t journaled;              /* rounds that the journal held at the start, known to every rank */
  struct sweep_counts *swept;      /* of all rounds of a sweep; NULL: there was none */
  struct point *points;            /* round_size */
  struct record *records;          /* round_size */
  const struct boxes *certificate; /* of a search that proves its best itself and ended by itself; NULL: none */
  bool cut;                        /* max_evaluations ended the search, which would have gone on */
  bool stopped;                    /* a limit or a signal ended the run between two rounds */
  uint64_t fold_done, fold_total;  /* points of the space: how far a fold over it is; 0, 0: none under way */
  bool (*stop)(void *context);     /* asked after every round on every rank; NULL: never */
  /* Asked between any two evaluations on every rank: true on one drops the unfinished round on all. NULL: never. */
  bool (*interrupted)(void *context);
  void *stop_context; /* of both */
  void (*progress)(void *context, const struct rounds *rounds);
  void *progress_context;
  /* Told of every record of a search, also of one from the journal; not of those that a sweep folds. NULL: nobody. */
  void (*heard)(void *context, const struct record *record);
  void *heard_context;
};

void rounds_init(struct rounds *rounds, struct cluster *cluster, const struct design_space *designs,
                 struct journal *journal, struct arena *arena);
/* Runs one algorithm until it asks no more, or rounds->stopped, or rounds->cut: the budget is looked at between rounds,
 * so that a run of a larger budget begins with the very same rounds. A sweep has no budget: it ends with the space. */
bool rounds_search(struct rounds *rounds, const struct search_algorithm *algorithm, const void *settings,
                   uint64_t max_evaluations, struct error *error);
/* Evaluates a list of points (those evaluated before are skipped). */
bool rounds_evaluate(struct rounds *rounds, const char *by, const struct point *points, size_t n, struct error *error);
const struct found *rounds_found(const struct rounds *rounds, const struct point *point);

#endif
