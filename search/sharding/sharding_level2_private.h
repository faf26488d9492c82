/* Level 2 taken apart: the plan of a range on one set, and labels that go over it. Private to exact methods.
 *
 * A plan has the range's layers in their order with costs by strategy. A layer begins when the layer before it has
 * ended and its inputs are there: what comes from the layer just before is always waited for, what comes from further
 * back ("skip") only as far as it sticks out behind what ran between. */
#ifndef SEARCH_SHARDING_SHARDING_LEVEL2_PRIVATE_H
#define SEARCH_SHARDING_SHARDING_LEVEL2_PRIVATE_H

#include "search/sharding/sharding_tables.h"

enum { LEVEL2_MAX_SLOTS = 6, LEVEL2_CLOSED = UINT16_MAX };

/* An edge inside the range whose producer is not the layer just before. */
struct level2_skip {
  uint32_t from, to;       /* offsets in the range */
  const double *reshard_s; /* [n from * n to] */
  double *most_s;          /* [n from] longest re-shard */
  double *tail_s;          /* [n from] from the producer's end to the very end, at least */
  bool ignored;            /* too many at once: left out of the labels, which then only bound */
  uint32_t slot;           /* of the producer at the consumer */
};
struct level2_layer {
  uint32_t layer, n;
  const double *cost_s; /* [n]; training: forward and backward together, which only bounds what hides in each */
  const double *full_s, *forward_s; /* [n] the same without what a reduce-scatter may save; its forward part */
  const double *chain_s;            /* [n before * n] re-shard from the layer before; NULL: no such edge */
  const double *reshard_s;          /* the re-shard alone, one way */
  const double *release_s;          /* [n] inputs from outside are there then; NULL: at once */
  const double *out_s;              /* [n] from its end to that of all that waits for it outside; NULL: nothing does */
  double *tail_s;                   /* [n] from its end to the very end, at least */
  const double *priced_tail_s;      /* [n] the same with bytes of the layers behind at the plan's price; NULL: none */
  const uint64_t *lasting_bytes, *io_bytes, *output_bytes;
  uint32_t last_reader;         /* offset; its own: none behind the next layer */
  double least_s;               /* sum of least costs of the layers before this one */
  uint64_t least_lasting_bytes; /* likewise, of this and those behind */
  uint64_t own_live_bytes;      /* what it holds while it runs, at least */
  uint64_t least_live_bytes;    /* what this one or one behind it holds while it runs, at least */
  uint32_t first_in, n_in;      /* skips that end here */
  const uint32_t *out;          /* [n_out] skips that begin here */
  uint32_t n_out;
  /* Producers whose skips go on behind this layer, and where they stood at the layer before: a slot, or NONE: it is
   * that layer itself. */
  uint32_t n_slots, slot_from[LEVEL2_MAX_SLOTS], slot_place[LEVEL2_MAX_SLOTS];
};
struct level2_plan {
  struct sharding_tables *tables;
  uint32_t first, n; /* places */
  struct level2_layer *layers;
  struct level2_skip *skips; /* by consumer */
  uint32_t n_skips;
  double bound_s; /* of the plan without its skips */
  bool both_ways; /* training: a layer's cost is that of its two ways */
  bool exact;     /* labels' values are the evaluator's: no skip is ignored, nothing is merged */
  /* Marks are places, ascending; window_s[i * n_marks + j]: layers behind mark i up to mark j take no less. NULL: none.
   */
  uint32_t n_marks;
  const uint32_t *marks;
  const double *window_s;
  double price; /* seconds a byte, by which labels are bounded where memory counts; 0: by time alone */
  bool memory;  /* weights and activations are counted against the boards' memory */
  uint64_t least_live_bytes, most_live_bytes; /* memory: as if at least so many were live; no more than that are */
};

/* Could a board hold what layers from offset first to last leave there for good, each by its smallest strategy? */
static inline bool level2_may_fit(const struct level2_plan *plan, uint32_t first, uint32_t last) {
  const uint64_t all = plan->layers[first].least_lasting_bytes;
  const uint64_t behind = last + 1 < plan->n ? plan->layers[last + 1].least_lasting_bytes : 0;
  return all == UINT64_MAX || all - behind <= plan->tables->shape.dram_bytes;
}

/* Training: both ways of layers and edges as one cost, or one way alone. */
enum level2_way { LEVEL2_BOTH, LEVEL2_FORWARD, LEVEL2_BACKWARD };
/* What surrounds a range: by edge and layer of the problem; NULL: the range's own rule. */
struct level2_outside {
  double inbound_bytes_per_s;   /* where `inbound` is NULL */
  const double *inbound;        /* [n_edges] of edges that come in */
  const double *producer_end_s; /* [n_layers] of layers outside; NULL: 0 */
  bool relative;                /* from the range's own start: what the host sends is left out */
  bool to_end;                  /* to the end of the range's last layer: what goes to the host is left out */
  const double *tail_s;         /* [n_layers] from a layer's end to the end of all outside that waits; NULL: 0 */
  enum level2_way way;
};
void level2_plan_make(struct sharding_tables *tables, uint32_t first, uint32_t last,
                      const struct level2_outside *outside, struct arena *scratch, struct level2_plan *plan);
/* Least times to the very end, again after costs have changed; what they bound; the shortest path without skips. */
void level2_tails_make(struct level2_plan *plan);
double level2_bound_of(const struct level2_plan *plan);
void level2_relaxed_choice(const struct level2_plan *plan, uint16_t *choice);
/* Does the set hold it, as the evaluator counts? */
bool level2_fits(const struct level2_plan *plan, const uint16_t *choice, struct arena *scratch);
/* Where memory binds: improves choice and *value_s by what fits; returns what nothing that fits is below. Labels of at
 * most so much width; 0: none, prices alone. */
double level2_priced(struct level2_plan *plan, size_t max_width, struct arena *scratch, uint16_t *choice,
                     double *value_s);
/* The plan's value of strategies by offset: just as sharding_evaluate adds. */
double level2_plan_value(const struct level2_plan *plan, const uint16_t *choice, struct arena *scratch);
/* Layer by layer, at most `width` labels each. Improves choice and *value_s; returns what no choice is below (labels
 * dropped for want of width count). */
double level2_labels(const struct level2_plan *plan, size_t width, struct arena *scratch, uint16_t *choice,
                     double *value_s);
/* Widths grow until the value is proven or `max_width` is reached. */
double level2_plan_solve(const struct level2_plan *plan, size_t max_width, struct arena *scratch, uint16_t *choice,
                         double *value_s);

/* Values windows between marks of a plan of all layers by level 2: what skips cost inside, shortest paths then know. */
void level2_windows_make(struct level2_plan *plan, size_t max_width, struct arena *scratch, struct arena *arena);
/* At place i of a shortest path that began at `entry` with ends so far: its least end is at least this. Bytes have a
 * price, or none. */
double level2_window_end(const struct level2_plan *plan, uint32_t entry, uint32_t place, const double *end_s,
                         double price);

/* From a place of a plan of all layers to its end. */
struct level2_walk {
  const struct level2_plan *plan;
  uint32_t first;                 /* place */
  const double *const *release_s; /* [n] by layer and strategy: inputs from outside are there; NULL: at once */
  double cutoff_s;                /* what ends no sooner is of no interest and counts as endless */
};
/* [n]: the least end of each layer, and of all outputs up to there; INFINITY behind what no memory holds. */
void level2_walk(const struct level2_walk *walk, struct arena *scratch, double *end_s, double *out_s);

struct level2_want {
  size_t max_width; /* of labels */
  double cutoff_s;  /* only what is less is looked for; INFINITY: anything */
};
struct level2_found {
  uint16_t *choice; /* [last - first + 1] strategies by offset; the caller's */
  double value_s;   /* INFINITY: nothing below the cutoff that fits the memory */
  double bound_s;   /* no choice is below this, up to the cutoff */
  bool proven;      /* the value is least, or the cutoff is */
};
/* Leaves the plan's parts in scratch: the caller rewinds. True: something was found. */
bool level2_solve(struct sharding_tables *tables, uint32_t first, uint32_t last, const struct level2_outside *outside,
                  struct level2_want want, struct arena *scratch, struct level2_plan *plan, struct level2_found *found);
/* Ends of the layers by offset; training: with what they take on the way back, as costs are counted here. */
void level2_plan_ends(const struct level2_plan *plan, const uint16_t *choice, double *end_s);
/* From the end of each layer to the very end with these strategies. */
void level2_plan_tails(const struct level2_plan *plan, const uint16_t *choice, double *tail_s);

#endif
