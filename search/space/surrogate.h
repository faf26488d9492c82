/* The loop of searches that learn a model: an initial design of random points, then round after round the candidates of
 * which the model expects most improvement.
 *
 * Batches by constant liar (Ginsbourger, Le Riche, Carraro 2010): a point that has been chosen is taken to be as good
 * as the lie before the next one is chosen. Candidates are random open points, neighbours of the best designs, and the
 * latter's neighbours in two or three axes at once, which limits on area and power make necessary. Bounds are not used,
 * only whether limits exclude a point. */
#ifndef SEARCH_SPACE_SURROGATE_H
#define SEARCH_SPACE_SURROGATE_H

#include "search/space/sampler.h"
#include "search/space/trail.h"

enum surrogate_lie { LIE_BEST, LIE_MEAN, LIE_WORST, LIE_BELIEVE };

struct surrogate_model {
  size_t n_inputs;
  void *state;
  /* What the model sees of a point: n_inputs numbers. */
  void (*describe)(const struct space *space, const struct point *point, double *x);
  /* As in gaussian_process.h. */
  bool (*fit)(void *state, const double *x, const double *y, size_t n, bool appended);
  void (*query)(void *state, const double *x, size_t n);
  const double *(*mean)(const void *state), *(*variance)(const void *state);
  void (*condition)(void *state, size_t chosen, double y);
};

struct surrogate_settings {
  uint64_t initial;    /* random points first */
  uint64_t batch;      /* points a round, at most */
  uint64_t window;     /* points that the model is fitted to, at most; ≥ 8 */
  uint64_t candidates; /* random ones */
  uint64_t neighbours; /* changes of the best ones */
  uint64_t elites;     /* how many best ones */
  enum surrogate_lie lie;
  bool logarithmic; /* the model learns the metric's logarithm */
};

/* The keys that such a search has in common; 0 (or "preset") stands for what the preset says. */
struct surrogate_keys {
  uint64_t preset, initial, batch, window, candidates, neighbours, lie, output;
};
enum { OUTPUT_PRESET, OUTPUT_PLAIN, OUTPUT_LOGARITHM };
extern const char *const surrogate_lie_names[], *const surrogate_output_names[];
void surrogate_choose(const struct surrogate_keys *keys, const struct surrogate_settings *preset,
                      struct surrogate_settings *settings);

struct surrogate;
/* Queries that a model must take at once, and points that it must fit, conditioned ones included. */
size_t surrogate_most_queries(const struct surrogate_settings *settings);
size_t surrogate_most_points(const struct surrogate_settings *settings, size_t round_size);
struct surrogate *surrogate_new(const struct search_request *request, const struct surrogate_settings *settings,
                                enum rng_purpose purpose, const struct surrogate_model *model);
/* Ask and tell of struct search_algorithm. */
size_t surrogate_ask(void *state, uint64_t round, struct point *points);
void surrogate_tell(void *state, const struct record *records, size_t n);

/* Index over the last index, for every axis: 0 … 1. */
void surrogate_scaled_indices(const struct space *space, const struct point *point, double *x);

#endif
