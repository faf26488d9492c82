/* Which points has a search asked, and what became of them? For searches that learn from single points.
 *
 * Every point gets a number when it is added; points are asked in that order, round by round, and their verdicts come
 * back in it. What has been asked once is remembered, so that meeting a point again costs nothing. Left out: records in
 * full; a searcher that needs bounds or advice keeps them itself. */
#ifndef SEARCH_SPACE_TRAIL_H
#define SEARCH_SPACE_TRAIL_H

#include "base/rng.h"
#include "search/space/space.h"

struct verdict {
  double merit; /* the metric, turned so that more is better; −∞ if infeasible */
  double objective[SCORE_MAX_OBJECTIVES];
  bool feasible;
};

struct trail {
  struct search_request request;
  struct point_set *numbers;
  struct point *points; /* by number */
  struct verdict *verdicts;
  size_t n, capacity; /* points added */
  size_t n_sent, n_told;
  uint64_t size; /* of the space */
};

#define TRAIL_NONE SIZE_MAX

void trail_init(struct trail *trail, const struct search_request *request);
/* Do the limits that are known without an evaluation allow the point? Nothing is allowed once the search is to stop. */
bool trail_allows(const struct trail *trail, const struct point *point);
/* The number of a point; TRAIL_NONE if it was never added. */
size_t trail_find(const struct trail *trail, const struct point *point);
/* The number of a point, which is asked in time unless it has been added before. It must be allowed. */
size_t trail_add(struct trail *trail, const struct point *point);
/* Adds a point drawn uniformly among those allowed and never added. TRAIL_NONE: 20,000 draws were in vain, so the space
 * is (nearly) used up, or (nearly) nothing in it is allowed. */
size_t trail_draw(struct trail *trail, struct rng *rng);
/* Have all points added got their verdicts? */
static inline bool trail_is_settled(const struct trail *trail) { return trail->n_told == trail->n; }
static inline bool trail_knows(const struct trail *trail, size_t number) { return number < trail->n_told; }
/* Is the first point better than the second? Both are known; a total order: ties break by point. */
bool trail_better(const struct trail *trail, size_t a, size_t b);
static inline double trail_merit(const struct trail *trail, size_t number) { return trail->verdicts[number].merit; }
static inline bool trail_feasible(const struct trail *trail, size_t number) { return trail->verdicts[number].feasible; }
/* An algorithm's ask and tell: the next points added, at most a round of them, and their records. */
size_t trail_ask(struct trail *trail, struct point *points);
void trail_tell(struct trail *trail, const struct record *records, size_t n);

/* A key whose value 0 means the preset's. */
static inline uint64_t set_or_preset(uint64_t value, uint64_t preset) { return value != 0 ? value : preset; }
static inline double real_or_preset(double value, double preset) { return value != 0 ? value : preset; }
/* The choices of the key `preset`, and those of a yes-or-no key that a preset decides. */
enum { PRESET_PAPER, PRESET_TUNED };
enum { SWITCH_PRESET, SWITCH_OFF, SWITCH_ON };
extern const char *const preset_names[], *const switch_names[];
static inline bool switch_or_preset(uint64_t value, bool preset) {
  return value == SWITCH_PRESET ? preset : value == SWITCH_ON;
}

#endif
