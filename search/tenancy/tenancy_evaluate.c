/* The closed form in full: makespan = τ_max + X along virtual time (tenancy §3, see tenancy.h).
 *
 * One step a job: of all cores the one whose job ends first goes on to its next. What costs time is the chain from one
 * step to the next, not the work: so the end of a core's job and its number share one word, of which the smallest is
 * found without a branch; the run that comes next on every core is loaded a step ahead; and a core without jobs has an
 * end that is too far away, not a case of its own. */
#include "search/tenancy/tenancy_goal.h"

#include "base/checked.h"
#include <string.h>

/* A word is end × 256 + core: ends are below 2^55, twice that is where a core goes that has no more jobs. */
enum { CORE_BITS = 8, BLOCK = 16 };
_Static_assert(TENANCY_MAX_CORES <= 1 << CORE_BITS, "a core's number must fit its part of the word");

struct lane {
  struct tenancy_run ahead;    /* the next job of the core */
  uint64_t need;               /* of its present job */
  const uint32_t *next, *stop; /* jobs behind `ahead` */
  const struct tenancy_run *runs;
};

/* The empty statement keeps compilers from turning a tree of these into a chain, which is twice as long or more. */
static inline uint64_t least(uint64_t a, uint64_t b) {
  uint64_t smaller = a < b ? a : b;
  __asm__("" : "+r"(smaller));
  return smaller;
}
/* (a − b)⁺ without a branch: whether the bandwidth is short changes too often to be foreseen. */
static inline uint64_t excess_of(uint64_t a, uint64_t b) { return (a - b) & ((uint64_t)(a <= b) - 1); }
static inline uint64_t least_of_4(const uint64_t *word) {
  return least(least(word[0], word[1]), least(word[2], word[3]));
}
static inline uint64_t least_of_8(const uint64_t *word) { return least(least_of_4(word), least_of_4(word + 4)); }
static inline uint64_t least_of_16(const uint64_t *word) { return least(least_of_8(word), least_of_8(word + 8)); }

static inline void look_ahead(struct lane *lane) {
  static const struct tenancy_run never = {TENANCY_END_CYCLES, 0};
  lane->ahead = lane->next != lane->stop ? lane->runs[*lane->next++] : never;
}

struct walk {
  uint64_t word[TENANCY_MAX_CORES], block[TENANCY_MAX_CORES / BLOCK];
  struct lane lane[TENANCY_MAX_CORES];
  uint64_t required, now;
  tenancy_cost excess;
};

static void start_walk(const struct tenancy_problem *problem, const struct tenancy_queues *queues, size_t width,
                       struct walk *walk) {
  const size_t n_cores = problem->n_cores;
  walk->required = 0;
  for (size_t c = 0; c < n_cores; c++) {
    struct lane *lane = &walk->lane[c];
    lane->next = queues->job + queues->start[c];
    lane->stop = queues->job + queues->start[c + 1];
    lane->runs = problem->runs + c * problem->n_jobs;
    look_ahead(lane);
    walk->word[c] = lane->ahead.latency_cycles << CORE_BITS | c;
    lane->need = lane->ahead.scaled;
    walk->required += lane->need;
    look_ahead(lane);
  }
  for (size_t c = n_cores; c < width; c++) walk->word[c] = UINT64_MAX;
}

/* `width`: 4, 8 or 16 words at once, as a constant; 0: blocks of 16. */
static inline __attribute__((always_inline)) tenancy_cost walk_through(const struct tenancy_problem *problem,
                                                                       const struct tenancy_queues *queues,
                                                                       size_t width, size_t n_blocks) {
  struct walk walk;
  start_walk(problem, queues, width > 0 ? width : n_blocks * BLOCK, &walk);
  for (size_t b = 0; b < n_blocks && width == 0; b++) walk.block[b] = least_of_16(walk.word + b * BLOCK);
  const uint64_t bandwidth = problem->scaled_bandwidth;
  uint64_t now = 0, required = walk.required;
  tenancy_cost excess = 0;
  for (uint32_t n = queues->start[problem->n_cores]; n > 0; n--) {
    uint64_t first;
    if (width == 4) {
      first = least_of_4(walk.word);
    } else if (width == 8) {
      first = least_of_8(walk.word);
    } else if (width == 16) {
      first = least_of_16(walk.word);
    } else {
      first = walk.block[0];
      for (size_t b = 1; b < n_blocks; b++) first = least(first, walk.block[b]);
    }
    const size_t core = first & ((1 << CORE_BITS) - 1);
    const uint64_t end = first >> CORE_BITS, over = excess_of(required, bandwidth);
    excess += (tenancy_cost)over * (end - now);
    now = end;
    struct lane *lane = &walk.lane[core];
    walk.word[core] = first + (lane->ahead.latency_cycles << CORE_BITS);
    required += lane->ahead.scaled - lane->need;
    lane->need = lane->ahead.scaled;
    look_ahead(lane);
    if (width == 0) walk.block[core / BLOCK] = least_of_16(walk.word + core / BLOCK * BLOCK);
  }
  return (tenancy_cost)now * bandwidth + excess;
}

tenancy_cost tenancy_evaluate(const struct tenancy_problem *problem, const struct tenancy_queues *queues) {
  const size_t n_cores = problem->n_cores;
  if (problem->goal != NULL) return tenancy_goal_cost(problem->goal, queues);
  if (n_cores <= 4) return walk_through(problem, queues, 4, 0);
  if (n_cores <= 8) return walk_through(problem, queues, 8, 0);
  if (n_cores <= 16) return walk_through(problem, queues, 16, 0);
  return walk_through(problem, queues, 0, (n_cores + BLOCK - 1) / BLOCK);
}

tenancy_cost tenancy_load_cost(const struct tenancy_problem *problem, const struct tenancy_queues *queues) {
  uint64_t largest = 0;
  for (size_t c = 0; c < problem->n_cores; c++) {
    uint64_t load = 0;
    for (size_t i = queues->start[c]; i < queues->start[c + 1]; i++) {
      load += problem->latency_cycles[tenancy_at(problem, queues->job[i], c)];
    }
    largest = max_u64(largest, load);
  }
  return (tenancy_cost)largest * problem->scaled_bandwidth;
}

double tenancy_cycles(const struct tenancy_problem *problem, tenancy_cost cost) {
  const tenancy_cost whole = cost / problem->scaled_bandwidth, rest = cost % problem->scaled_bandwidth;
  return (double)whole + (double)rest / (double)problem->scaled_bandwidth;
}
