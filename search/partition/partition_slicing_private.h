/* Inside slicing: one order laid out as positions, and what is reached at a period. Position j is behind the j-th group
 * of the order; a piece (i, j] is what lies between two positions. */
#ifndef SEARCH_PARTITION_PARTITION_SLICING_PRIVATE_H
#define SEARCH_PARTITION_PARTITION_SLICING_PRIVATE_H

#include "search/partition/partition_slicing.h"

struct partition_slicer {
  const struct partition_graph *graph;
  struct partition_work *work;
  uint32_t n_chips;           /* no more than groups */
  bool ring;                  /* a piece's load depends on its ends alone: ring, and point to point without jumps */
  bool overlap, path, walked; /* `walked`: the problem's cost is not `ring` */
  double floor_ms;            /* no period is below */
  /* --- the order --- */
  uint32_t *order, *position; /* [n]; [n] by group, from 1 */
  double *x_ms, *w_ms;        /* [n + 1] compute of the first j groups; what crosses behind them */
  uint64_t *w_bits;           /* [n + 1] the same in bits */
  double *end_ms, *begin_ms;  /* [n + 1] the load of (i, j] is end_ms[j] − begin_ms[i] */
  uint64_t *bytes;            /* [n + 1] weights of the first j groups */
  uint32_t *last;             /* [n_tensors] position of the last consumer */
  uint32_t *farthest;         /* [n] by group, path: position of the last successor, 0: none */
  uint32_t *far;              /* [n + 1] path: a piece from i must end here or later */
  /* --- what a pass has reached --- */
  uint32_t *depth, *back; /* [n + 1] fewest chips to get there; where the last of them began */
  double *piece_ms;       /* [n + 1] its load, where that does not follow from the ends */
  double cover_ms;        /* compute up to the last position that was reached */
  /* --- scratch of passes --- */
  double *level_ms;                   /* [n_chips + 1] */
  uint32_t *level_at;                 /* [n_chips + 1] */
  uint32_t *head, *tail;              /* [n_chips + 1] of the queues of positions at each depth */
  uint32_t *before, *behind;          /* [n + 1] neighbours in them */
  uint64_t *seen, n_walks;            /* [n_tensors] the walk that met it last; walks so far */
  uint32_t *closed;                   /* [n + 1] the depth at which no earlier start gets there */
  uint32_t *trial;                    /* [n] chips */
  struct partition_slicer_live *live; /* where tensors that live in a piece are looked at; NULL: nobody does */
  struct partition_slicer_live *live_when_needed; /* NULL: the rule does not ask for it */
  uint32_t *cuts;                                 /* [n_chips + 1] ends of the best pieces so far */
  uint32_t n_cuts;
};

/* Loads from ends alone even where pieces must be walked: no less, and much faster. Not under `live`. */
void partition_slicer_simplify(struct partition_slicer *slicer, bool simple);
/* Lays out a topological order, as it is in slicer->order. */
void partition_slicer_load(struct partition_slicer *slicer);
/* The same when only places first … last of the order, counted from 0, hold other groups than before. */
void partition_slicer_reload(struct partition_slicer *slicer, uint32_t first, uint32_t last);
/* Are there pieces with loads of at most T? If not, *next_ms (> T) is the least period for which the answer may be
 * another one. */
bool partition_slicer_reach(struct partition_slicer *slicer, double period_ms, double *next_ms);
/* Do weights and live tensors of the piece (i, j] fit into a chip? (partition §3.2.) Linear in its nodes' edges but for
 * sorting them. */
bool partition_slicer_fits(struct partition_slicer *slicer, uint32_t i, uint32_t j);
struct partition_slicer_live *partition_slicer_live_new(const struct partition_graph *graph, struct arena *arena);
/* After a success: the ends of the pieces as slicer->cuts; their greatest load. */
double partition_slicer_collect(struct partition_slicer *slicer);
/* The least period below `better_than` of the order that is laid out, its pieces in slicer->cuts; INFINITY: none. */
double partition_slicer_solve(struct partition_slicer *slicer, double better_than);
/* Chips by group of slicer->cuts. */
void partition_slicer_fill(const struct partition_slicer *slicer, uint32_t *chip);

#endif
