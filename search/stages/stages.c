/* What is asked, and what is answered where nothing fits? See stages.h; the search is stages_best.c.
 *
 * A graph is solved along its topological chain first: that is a partition of it too, so the r-th best of the chain
 * bounds the stages that the search over downsets has to look at. */
#include "search/stages/stages.h"

#include "base/checked.h"
#include "search/stages/stages_private.h"
#include <math.h>

static const uint64_t MOST_STEPS = UINT64_C(1) << 28; /* of walks over a lattice: a second or two */

/* --- the statement --------------------------------------------------------------------------------------------------
 */

static bool check_sizes(const struct stages_problem *problem, struct error *error) {
  if (problem->n_layers == 0 || problem->n_layers > STAGES_MAX_LAYERS) {
    return error_add(error, STATUS_INPUT, "stages: %zu layers, 1 to %d are allowed", problem->n_layers,
                     STAGES_MAX_LAYERS);
  }
  if (problem->n_stages == 0 || problem->n_stages > STAGES_MAX_STAGES) {
    return error_add(error, STATUS_INPUT, "stages: %zu stages, 1 to %d are allowed", problem->n_stages,
                     STAGES_MAX_STAGES);
  }
  if (problem->cut != NULL && problem->pred_start != NULL) {
    return error_add(error, STATUS_INPUT, "stages: cuts between the layers of a graph, only a chain may have them");
  }
  if (problem->memory_bytes == UINT64_MAX) {
    return error_add(error, STATUS_INPUT, "stages: a memory of 2^64 - 1 bytes, give less, or 0 for no limit");
  }
  return true;
}

static bool check_number(double value, const char *what, size_t layer, struct error *error) {
  if (value >= 0 && isfinite(value)) return true;
  return error_add(error, STATUS_INPUT, "stages: %s of layer %zu is %g, at least 0 and finite is allowed", what, layer,
                   value);
}

static bool check_preds(const struct stages_problem *problem, size_t layer, struct error *error) {
  const uint32_t start = problem->pred_start[layer], end = problem->pred_start[layer + 1];
  if (start > end || (layer == 0 && start != 0)) {
    return error_add(error, STATUS_INPUT, "stages: rows of predecessors run backwards at layer %zu", layer);
  }
  for (uint32_t i = start; i < end; i++) {
    if (problem->preds[i] < layer) continue;
    return error_add(error, STATUS_INPUT, "stages: layer %zu follows layer %u, only an earlier one is allowed", layer,
                     problem->preds[i]);
  }
  return true;
}

static bool check_problem(const struct stages_problem *problem, struct error *error) {
  if (!check_sizes(problem, error)) return false;
  double sum = 0;
  for (size_t i = 0; i < problem->n_layers; i++) {
    if (!check_number(problem->load[i], "load", i, error)) return false;
    if (problem->cut != NULL && !check_number(problem->cut[i], "cut", i, error)) return false;
    if (problem->pred_start != NULL && !check_preds(problem, i, error)) return false;
    sum += problem->load[i] + (problem->cut != NULL ? 2 * problem->cut[i] : 0);
  }
  if (!isfinite(sum)) return error_add(error, STATUS_INPUT, "stages: the loads add up beyond all numbers");
  if (problem->n_layers >= problem->n_stages) return true;
  return error_add(error, STATUS_INFEASIBLE, "stages: %zu layers for %zu stages, each needs one", problem->n_layers,
                   problem->n_stages);
}

/* --- the answer -----------------------------------------------------------------------------------------------------
 */

/* Best partitions along one lattice, in scratch. */
struct found {
  size_t n;
  uint32_t *ends;
  uint64_t *keys;
};

static void search(struct stages_lattice *lattice, enum stages_criterion criterion, size_t r, uint64_t below,
                   struct arena *scratch, struct found *found) {
  found->ends = ARENA_NEW(scratch, uint32_t, r * lattice->problem->n_stages);
  found->keys = ARENA_NEW(scratch, uint64_t, r);
  found->n = stages_best(lattice, criterion, r, below, scratch, found->ends, found->keys);
}

/* Along a chain. Stages are looked at up to some load only, more generous each time that too few partitions come of it:
 * the best ones are near the bound as a rule, and short stages make short walks. */
static void search_chain(struct stages_lattice *chain, size_t r, struct arena *scratch, struct found *found) {
  static const double shares[] = {1.05, 1.1, 1.25, 2};
  const double bound = stages_lower_bound(chain->problem);
  const struct arena_mark mark = arena_get_mark(scratch);
  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
    search(chain, STAGES_LOAD, r, stages_key(shares[i] * bound), scratch, found);
    if (found->n == r) return;
    arena_rewind(scratch, mark);
  }
  search(chain, STAGES_LOAD, r, STAGES_NO_KEY, scratch, found);
}

static void write_partitions(const struct stages_lattice *lattice, const struct found *found, struct arena *arena,
                             struct stages_answer *answer) {
  const struct stages_problem *problem = lattice->problem;
  answer->n = found->n;
  answer->partitions = ARENA_NEW(arena, struct stages_partition, found->n);
  for (size_t i = 0; i < found->n; i++) {
    const uint32_t *ends = &found->ends[i * problem->n_stages];
    uint32_t *stage_of = ARENA_NEW(arena, uint32_t, problem->n_layers);
    for (size_t layer = 0; layer < problem->n_layers; layer++) {
      while (!stages_contains(lattice, ends[stage_of[layer]], layer)) stage_of[layer]++;
    }
    answer->partitions[i] = (struct stages_partition){stages_load(found->keys[i]), stage_of};
  }
}

static uint64_t bytes_of_stage(const struct stages_lattice *lattice, const uint32_t *ends, size_t s) {
  const struct stages_problem *problem = lattice->problem;
  uint64_t fixed_bytes = 0, kept_bytes = 0;
  for (size_t layer = 0; layer < problem->n_layers; layer++) {
    if (!stages_contains(lattice, ends[s], layer) || (s > 0 && stages_contains(lattice, ends[s - 1], layer))) continue;
    if (problem->fixed_bytes != NULL) fixed_bytes = sat_add(fixed_bytes, problem->fixed_bytes[layer]);
    if (problem->kept_bytes != NULL) kept_bytes = sat_add(kept_bytes, problem->kept_bytes[layer]);
  }
  return sat_add(fixed_bytes, sat_mul(problem->n_kept != NULL ? problem->n_kept[s] : 0, kept_bytes));
}

/* Nothing fits: the partition whose fullest stage is the least full says what is lacking. */
static void write_excess(struct stages_lattice *lattice, struct arena *scratch, struct stages_answer *answer) {
  const struct stages_problem *problem = lattice->problem;
  struct found found;
  search(lattice, STAGES_MEMORY, 1, STAGES_NO_KEY, scratch, &found);
  if (stages_gave_up(lattice)) {
    answer->exact = false;
    stages_chain_init(lattice, problem);
    search(lattice, STAGES_MEMORY, 1, STAGES_NO_KEY, scratch, &found);
  }
  REQUIRE(found.n == 1);
  uint64_t most_bytes = 0;
  for (size_t s = 0; s < problem->n_stages; s++) {
    const uint64_t bytes = bytes_of_stage(lattice, found.ends, s);
    if (bytes > most_bytes) answer->tight_stage = s;
    most_bytes = max_u64(most_bytes, bytes);
  }
  REQUIRE(most_bytes > problem->memory_bytes);
  answer->excess_bytes = most_bytes - problem->memory_bytes;
}

/* Over the downsets of a graph, if there are few enough; then the lattice is theirs, and what was found along the chain
 * gives way. */
static bool search_downsets(struct stages_lattice *lattice, size_t r, struct arena *scratch, struct found *found) {
  struct stages_lattice downsets;
  if (!stages_lattice_init(&downsets, lattice->problem, scratch)) return false;
  downsets.max_steps = MOST_STEPS;
  struct found better = {0};
  search(&downsets, STAGES_LOAD, r, found->n == r ? found->keys[r - 1] + 1 : STAGES_NO_KEY, scratch, &better);
  if (stages_gave_up(&downsets)) return false;
  *lattice = downsets;
  *found = better;
  return true;
}

static void solve(const struct stages_problem *problem, size_t r, struct arena *arena, struct arena *scratch,
                  struct stages_answer *answer) {
  struct stages_lattice lattice;
  struct found found = {0};
  stages_chain_init(&lattice, problem);
  search_chain(&lattice, r, scratch, &found);
  answer->exact = problem->pred_start == NULL || search_downsets(&lattice, r, scratch, &found);
  write_partitions(&lattice, &found, arena, answer);
  if (found.n > 0) return;
  lattice.n_steps = 0;
  write_excess(&lattice, scratch, answer);
}

bool stages_solve(const struct stages_problem *problem, size_t r, struct arena *arena, struct arena *scratch,
                  struct stages_answer *answer, struct error *error) {
  REQUIRE(r > 0 && arena != scratch);
  *answer = (struct stages_answer){0};
  if (!check_problem(problem, error)) return false;
  const struct arena_mark mark = arena_get_mark(scratch);
  solve(problem, r, arena, scratch, answer);
  arena_rewind(scratch, mark);
  return true;
}

/* --- the bound ------------------------------------------------------------------------------------------------------
 */

double stages_lower_bound(const struct stages_problem *problem) {
  double sum = 0, largest = 0;
  for (size_t i = 0; i < problem->n_layers; i++) {
    sum += problem->load[i];
    if (problem->load[i] > largest) largest = problem->load[i];
  }
  /* Each of the fewer than 2·n_layers + n_stages roundings, ours and those of the stages' sums, is within 2^-53. */
  const double slack = ldexp(2.0 * (double)problem->n_layers + (double)problem->n_stages, -53);
  const double share = sum / (double)problem->n_stages * (1 - slack);
  return share > largest ? share : largest;
}

double stages_gap(double bottleneck, double bound) {
  if (!(bottleneck > bound)) return 0;
  return bottleneck / bound - 1;
}
