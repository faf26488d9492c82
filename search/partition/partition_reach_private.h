/* What a walk from an ideal to larger ones stands on: what is in, what is out, what that costs. See partition_reach.c.
 */
#ifndef SEARCH_PARTITION_PARTITION_REACH_PRIVATE_H
#define SEARCH_PARTITION_PARTITION_REACH_PRIVATE_H

#include "search/partition/partition_exact_private.h"

enum { PARTITION_STEP_LEVELS = 13 };

struct partition_frame {
  uint32_t element;
  bool in, forced;
  uint32_t n_dead; /* before the decision, as what follows */
  int64_t read, sent;
};
/* What must cross, of tensors that certainly do. */
struct partition_certain {
  int64_t cut;  /* at the end of the piece */
  int64_t left; /* the same, beyond what crosses there anyway */
  int64_t sent; /* of tensors that the piece makes */
};
struct partition_walk {
  struct partition_reach *reach;
  const struct partition_lattice *lattice;
  int64_t period;
  struct partition_ideals ideals;
  /* The ideal walked from, or larger by what is decided `in`. */
  uint64_t *set;
  uint8_t *place;     /* [n] 0: not in; 1: in the ideal walked from; 2: in the piece */
  uint32_t *waits;    /* [n] predecessors not in */
  uint32_t *left;     /* [n_tensors] consumers not in */
  uint32_t *readers;  /* [n_tensors] consumers in the piece */
  uint32_t *refusers; /* [n_tensors] consumers that stay out for certain */
  bool *is_dead;      /* [n] decided to stay out, or behind such an element */
  uint32_t *dead;     /* those, in the order in which they died */
  uint32_t *ready;
  struct partition_frame *frames;
  uint32_t *outs; /* elements decided to stay out */
  size_t n_ready, n_frames, n_outs;
  uint32_t n_dead;
  uint64_t hash, weight;
  int64_t work, cut;  /* of the set */
  int64_t possible;   /* work of the set with all that may still join */
  int64_t read, sent; /* of the piece: tensors that enter, that leave */
  struct partition_certain certain;
  uint32_t chips; /* that reach the ideal walked from */
  int64_t start_work, start_cut;
  uint64_t start_weight;
  /* Of the boundary behind the next chip. */
  uint32_t boundary;
  bool *allowed; /* [n] may be before it */
  int64_t allowed_work;
  int64_t *cut_left; /* [n_tensors] */
  int64_t least_cut;
  int64_t *most_cut[PARTITION_STEP_LEVELS]; /* [level][step] most that may be cut at 2^level steps from there on; NULL:
                                               any */
  int64_t rest_work; /* next ideals must do this and, where it counts, what crosses behind them, for the rest to fit */
  uint64_t *must, *forced; /* on the next chip at the latest */
  int64_t end_work, end_cut;
  uint64_t end_weight;
  bool whole; /* `to` is everything */
  uint64_t steps;
  uint32_t last;
  struct partition_general *general; /* NULL: another triangle rule, or none */
  bool loose;                        /* orders are no longer all that is known of states */
};

static inline bool partition_set_has(const uint64_t *set, size_t i) { return set[i / 64] >> (i % 64) & 1; }
static inline void partition_set_flip(uint64_t *set, size_t i) { set[i / 64] ^= UINT64_C(1) << (i % 64); }
static inline int64_t partition_most(int64_t a, int64_t b) { return a > b ? a : b; }
static inline bool partition_walk_is_p2p(const struct partition_walk *w) {
  return w->reach->cost == PARTITION_P2P || w->reach->cost == PARTITION_P2P_OVERLAP;
}

/* --- partition_reach_state.c ----------------------------------------------------------------------------------------
 */

/* Of the cut, if e joins the set: what its tensors, and those that only it still waits for, change. */
int64_t partition_walk_cut_change(const struct partition_walk *w, uint32_t e);
/* Of the piece's tensors, if e joins it. */
void partition_walk_traffic_change(const struct partition_walk *w, uint32_t e, int64_t *read, int64_t *sent);
/* Of the set alone: place 1 the ideal walked from, 2 the piece. */
void partition_walk_put_in(struct partition_walk *w, uint32_t e, uint8_t place);
void partition_walk_take_out(struct partition_walk *w, uint32_t e);
/* Tensor t certainly crosses (sign 1), or that is no longer certain (-1). */
void partition_walk_count_certain(struct partition_walk *w, uint32_t t, int64_t sign);
/* An element joins the piece or stays out for certain; and back. */
void partition_walk_join(struct partition_walk *w, uint32_t e);
void partition_walk_part(struct partition_walk *w, const struct partition_frame *frame);
void partition_walk_refuse(struct partition_walk *w, uint32_t e);
void partition_walk_unrefuse(struct partition_walk *w, const struct partition_frame *frame);

/* --- the triangle rule general: partition_reach_general.c -----------------------------------------------------------
 */

/* Words behind the set of an ideal that it takes. */
size_t partition_general_words(void);
void partition_general_init(struct partition_walk *w);
/* Ideal i is the present set. */
void partition_general_stand_on(struct partition_walk *w, uint32_t i);
/* An element has joined the piece, or the last one has parted. */
void partition_general_join(struct partition_walk *w, uint32_t e);
void partition_general_part(struct partition_walk *w);
/* Must e join? May the piece keep the rule, and how much must still join? */
bool partition_general_needs(const struct partition_walk *w, uint32_t e);
bool partition_general_fits(const struct partition_walk *w);
int64_t partition_general_needed_work(const struct partition_walk *w);
/* May e be taken from any later chip without breaking the rule there or here? */
bool partition_general_is_free(const struct partition_walk *w, uint32_t e);
/* The piece is complete. False: it breaks the rule. */
bool partition_general_arrive(struct partition_walk *w);
/* Then: may one chip read all that is live? */
bool partition_general_may_end(const struct partition_walk *w);
/* Does the present set allow what no state of it does that was met? If so it is to be added. */
bool partition_general_is_new(struct partition_walk *w, uint32_t from);
/* It was: what is known of it; `first`: of its set. */
void partition_general_add(struct partition_walk *w, struct partition_met *met, bool first);

/* --- partition_reach_loads.c ----------------------------------------------------------------------------------------
 */

/* The load of the piece as it is. */
int64_t partition_walk_piece_load(const struct partition_walk *w);
/* May a piece end at some work between, and cut so much there? Only with a profile. */
bool partition_walk_may_end_between(const struct partition_walk *w, int64_t low, int64_t high, int64_t cut);
/* Does the piece fit as far as one can say; and with e? */
bool partition_walk_may_go_on_with(const struct partition_walk *w);
bool partition_walk_may_join(const struct partition_walk *w, uint32_t e);
/* Is e best put in, whatever else joins? */
bool partition_walk_costs_nothing(const struct partition_walk *w, uint32_t e);
/* Is the set, all decided, no better than with one more of those that stay out? */
bool partition_walk_is_dominated(const struct partition_walk *w);
/* May n_chips more do the rest; can one? */
bool partition_walk_rest_may_fit(const struct partition_walk *w, uint32_t n_chips);
bool partition_walk_ends(const struct partition_walk *w);

#endif
