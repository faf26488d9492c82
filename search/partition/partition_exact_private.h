/* What the exact methods share: the graph in whole numbers without groups that cost nothing, and the search for a chain
 * of order ideals whose pieces all stay at or below a period. See partition_exact.h. */
#ifndef SEARCH_PARTITION_PARTITION_EXACT_PRIVATE_H
#define SEARCH_PARTITION_PARTITION_EXACT_PRIVATE_H

#include "search/partition/partition_exact.h"

/* Times are whole multiples of one unit, a power of two of a ms so small that all of them together stay below 2^60:
 * sums do not depend on their order, and nothing is lost by taking back. */
struct partition_lattice {
  const struct partition_graph *graph;
  size_t n, n_words; /* elements, in topological order; words of a set of them */
  uint32_t *of;      /* [graph->n] a group's element; PARTITION_NONE: it costs nothing anywhere and sits on chip 1 */
  uint32_t *group;   /* [n] one that stands for the element */
  int64_t *work;     /* [n] compute */
  uint64_t *weight;  /* [n] bytes */
  uint32_t *in_start, *in, *out_start, *out;
  size_t n_tensors;
  struct lattice_tensor {
    uint32_t producer, first, end;
    int64_t time;
  } * tensors; /* by producer */
  uint32_t *tensor_start, *consumer, *read_start, *read;
  int64_t *sent;    /* [n] of all tensors of an element */
  uint64_t *key;    /* [n] random words: a set's hash is the exclusive or of its elements' */
  double unit_ms;   /* one unit */
  int64_t total;    /* of work */
  int64_t most;     /* no load is above */
  int64_t rounding; /* by how much a load may be off */
  uint64_t room;    /* bytes a chip; UINT64_MAX: no limit */
};
/* Elements without work, and without weight where that counts, that only one other needs or makes are part of it.
 * False: too large for sets of them. */
bool partition_lattice_init(const struct partition_graph *graph, struct arena *arena,
                            struct partition_lattice *lattice);

/* What ideals of some work cut at least: steps of equal width over all work. */
enum { PARTITION_STEPS = 4096 };
struct partition_profile {
  int64_t width;
  int64_t cut[PARTITION_STEPS]; /* of all ideals whose work is in [i * width, (i + 1) * width) */
};
/* before, after [n]: work of an element with all its ancestors, all its descendants; not too much. */
void partition_profile_init(struct partition_profile *profile, const struct partition_lattice *lattice,
                            const int64_t *before, const int64_t *after, struct arena *scratch);

/* What is known of partitions of a period: where elements can be (partition_windows.h), what may be cut. */
struct partition_where {
  const uint32_t *low, *high; /* [n] chips */
  /* [n_chips + 2] Traffic of all chips behind boundary c but for what crosses it, at least. */
  const int64_t *coming;
  const struct partition_profile *profile; /* NULL: not known, nor is `may_cut` */
  /* [(n_chips + 1) * PARTITION_STEPS] Most that an ideal may cut if c chips are to do the rest; < 0: they cannot. */
  const int64_t *may_cut;
};

enum partition_outcome {
  PARTITION_REFUTED, /* no chain with all pieces at or below the period */
  PARTITION_REACHED,
  PARTITION_GAVE_UP /* a limit, or a stop from outside */
};
/* A chain from one ideal to a larger one in at most n_chips pieces. */
struct partition_reach {
  const struct partition_lattice *lattice;
  const uint64_t *from, *to; /* [n_words] sets */
  uint32_t n_chips;
  enum partition_cost cost;
  bool path, general;                      /* the triangle rule */
  const struct partition_where *where;     /* NULL: nothing is known. Else from nothing to all. */
  const struct partition_request *request; /* for its `interrupted`; may be NULL */
  uint64_t ideals, pairs;                  /* still allowed; counted down */
  bool loose;                              /* out: a chain that was found may break `general` */
  struct arena *scratch;
};
/* May all pieces stay at or below `period` (plus what rounding may do)? If so chip[element] is 1 … n_chips for those in
 * `to` but not in `from`. Deterministic. Gives back all memory. */
enum partition_outcome partition_reach(struct partition_reach *reach, int64_t period, uint32_t *chip);

/* --- rules that ideals do not know: partition_branches.c ------------------------------------------------------------
 */

enum { PARTITION_MOST_BRANCHED = 64 }; /* groups; with more there is no end to it */
/* Of all partitions, with `most` placements of a group at most. chip[n] may hold an answer (value its period, INFINITY:
 * none) and gets a better one if there is. True: there is none better (to 1e-11 of it). */
bool partition_branches(const struct partition_graph *graph, uint64_t most, const struct partition_request *request,
                        uint32_t *chip, double *value);

/* --- ideals that were reached: partition_reach_ideals.c -------------------------------------------------------------
 */

/* An ideal; its set behind it. */
struct partition_met {
  uint64_t hash, weight;
  int64_t work, cut;
  uint32_t from; /* the ideal before */
  uint32_t chips;
  uint64_t set[];
};
enum { PARTITION_CHUNKS = 32 };
/* In chunks that double, so that few need little and none ever moves. */
struct partition_ideals {
  struct arena *arena;
  size_t n, n_words, met_bytes;
  unsigned char *chunks[PARTITION_CHUNKS];
  uint32_t *table;
  size_t table_size;
};
/* n_more words behind each set are the caller's. */
void partition_ideals_init(struct partition_ideals *ideals, size_t n_words, size_t n_more, struct arena *arena);
struct partition_met *partition_ideals_at(const struct partition_ideals *ideals, size_t i);
/* The first that has this set; UINT32_MAX: none. */
uint32_t partition_ideals_find(const struct partition_ideals *ideals, const uint64_t *set, uint64_t hash);
/* A copy of *met with its set[n_words], the last one now. */
struct partition_met *partition_ideals_add(struct partition_ideals *ideals, const struct partition_met *met,
                                           const uint64_t *set);

/* --- what must cross a boundary: partition_reach_cuts.c -------------------------------------------------------------
 */

/* Behind chip c cross at least `sum` and, of tensors that certainly cross, `left` each on top of it: a maximum flow
 * and what it leaves free of them. [n_tensors] */
void partition_reach_cut(const struct partition_lattice *lattice, const struct partition_where *where, uint32_t c,
                         struct arena *scratch, int64_t *left, int64_t *sum);

#endif
