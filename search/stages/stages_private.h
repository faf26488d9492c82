/* What the solver's parts share: the lattice of downsets, and walks over it.
 *
 * A partition is a chain of downsets ∅ ⊂ D₁ ⊂ … ⊂ all layers, stage s being Dₛ₊₁ \ Dₛ. On a chain of layers the
 * downsets are its beginnings, so one search serves both. What a stage costs is a key: an unsigned number in the order
 * of the criterion (of a load ≥ 0 the bits of the double). */
#ifndef SEARCH_STAGES_PRIVATE_H
#define SEARCH_STAGES_PRIVATE_H

#include "search/stages/stages.h"
#include <string.h>

static const uint64_t STAGES_NO_KEY = UINT64_MAX; /* beyond every key: there is none */

enum stages_criterion {
  STAGES_LOAD,   /* of stages that fit */
  STAGES_MEMORY, /* bytes, whether they fit or not */
};

struct stages_edge {
  uint32_t layer, downset; /* adding the layer leads there */
};
struct stages_frame {
  uint32_t edge, end;
  double load;
  uint64_t fixed_bytes, kept_bytes;
};
struct stages_lattice {
  const struct stages_problem *problem;
  bool chain;                  /* downset i: the first i layers; nothing below is needed */
  size_t n_downsets;           /* 0 is the empty one, the last one has all layers */
  size_t n_words;              /* of a set */
  uint64_t *sets;              /* [n_downsets][n_words] */
  uint32_t *first;             /* [n_downsets + 1] into edges */
  struct stages_edge *edges;   /* of a downset in ascending layers */
  struct stages_frame *frames; /* [n_layers + 1], of a walk */
  uint64_t n_steps, max_steps; /* of walks, all together; 0: not limited */
};

/* false: more than the problem's max_downsets, or more memory than a table of them may take. */
bool stages_lattice_init(struct stages_lattice *lattice, const struct stages_problem *problem, struct arena *scratch);
void stages_chain_init(struct stages_lattice *lattice, const struct stages_problem *problem);

/* Called for each downset that a stage may end with, with the stage's key. Returns from which key on stages are of no
 * interest any more. */
typedef uint64_t stages_visit(void *context, size_t downset, uint64_t key);
/* Every stage at place s that begins behind `from`, with a key below `below`, each once; the last stage takes all. */
void stages_walk(struct stages_lattice *lattice, enum stages_criterion criterion, size_t s, size_t from, uint64_t below,
                 stages_visit *visit, void *context);

/* The best r partitions by the criterion, those with keys below `below`; each as the downsets behind its stages,
 * [r][n_stages], best first, with their keys [r]. Returns how many. Gives up where lattice->n_steps passes the limit:
 * then the answer means nothing. */
size_t stages_best(struct stages_lattice *lattice, enum stages_criterion criterion, size_t r, uint64_t below,
                   struct arena *scratch, uint32_t *ends, uint64_t *keys);
static inline bool stages_gave_up(const struct stages_lattice *lattice) {
  return lattice->max_steps > 0 && lattice->n_steps > lattice->max_steps;
}
static inline bool stages_contains(const struct stages_lattice *lattice, size_t downset, size_t layer) {
  if (lattice->chain) return layer < downset;
  return lattice->sets[downset * lattice->n_words + layer / 64] >> layer % 64 & 1;
}

/* Doubles ≥ 0 in the order of their bits. */
static inline uint64_t stages_key(double load) {
  uint64_t bits;
  memcpy(&bits, &load, sizeof bits);
  return bits;
}
static inline double stages_load(uint64_t key) {
  double load;
  memcpy(&load, &key, sizeof load);
  return load;
}

#endif
