/* Can a schedule be made shorter by moving and resizing its ops?
 *
 * The list scheduler never looks back: what starts early on many cores may keep a critical op waiting. Repairs:
 * - Schedules from scratch (schedule_starts.c), of which the best are kept beside the list's.
 * - Justification (Li and Willis 1992; Valls, Ballestín and Quintanilla 2005): place all ops as late as they go, in
 *   order of falling finishes, then as early as they go, in order of rising starts. Neither step lengthens a schedule,
 *   both close gaps.
 * - Local search over (order, widths): a few ops, mostly such as have no slack in the present schedule, get other
 *   widths, some together with all ops of their shape, or earlier or later places in the order; the result is justified
 *   and kept if it is little longer than the best of this search. Widths change as in the allotment searches for
 *   malleable tasks (Radulescu and van Gemund 2001: critical ops get wider while that helps), but either way.
 * - Graphs of up to 64 ops search from several starts and end with the branch and bound of schedule_shorten.c, cut
 * short.
 *
 * Effort is counted in ops placed: `passes` times the graph, but at least EFFORT_OPS. Graphs that the branch and bound
 * takes have SMALL_EFFORT_OPS, and several times that while they are far from the lower bound, which few optima are.
 * Random choices come from streams of the graph's size alone, so equal problems have equal answers everywhere. Left
 * out: edge delays, index-matched pairs, as in schedule.c. */
#include "arch/schedule_improve.h"
#include "arch/schedule_place.h"
#include "arch/schedule_shorten.h"
#include "arch/schedule_starts.h"
#include "base/checked.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/memo.h"
#include "base/rng.h"
#include <string.h>

enum { EFFORT_OPS = 512, SMALL_EFFORT_OPS = 64 * 512 };
enum { MOST_CHANGES = 4, DEVIATION = 64 }; /* a search starts with schedules of up to 1/64 over its best */
enum { N_POOL = 4, ALIKE = 256 };
enum { JUSTIFIED_ENTRIES = 128 };
/* Of a small graph's effort, in hundredths: starts, the first search, a second if the makespan is still more than 1/32
 * over the bound, and the branch and bound. Of a search, the share of the pool, before the best has the rest. */
enum { START_SHARE = 50, SEARCH_SHARE = 50, LONG_SEARCH_SHARE = 250, EXACT_SHARE = 50, POOL_SHARE = 60, FAR = 32 };

struct improver {
  struct placer placer;
  size_t n_ops;
  struct schedule_plan best, present, trial; /* the search moves on from the present one */
  struct schedule_plan pool[N_POOL];         /* the best justified starts, of different makespans, in their order */
  size_t n_pool;
  uint64_t *slack_cycles; /* of the solution justified last; NULL: only one placement is affordable */
  struct memo *justified; /* what became of plans of a small graph; NULL: of a large one, where few come again */
  uint64_t *key;          /* [key_words] of a plan: starts, then widths, a byte each */
  size_t key_words;
  uint64_t enough_cycles;
};

/* --- solutions ------------------------------------------------------------------------------------------------------
 */

static struct schedule_plan plan_new(size_t n_ops, struct arena *scratch) {
  return (struct schedule_plan){0, ARENA_NEW(scratch, uint64_t, n_ops), ARENA_NEW(scratch, uint8_t, n_ops)};
}

static void copy_plan(const struct improver *improver, const struct schedule_plan *from, struct schedule_plan *to) {
  to->makespan_cycles = from->makespan_cycles;
  memcpy(to->start_cycles, from->start_cycles, improver->n_ops * sizeof *to->start_cycles);
  memcpy(to->width_log2, from->width_log2, improver->n_ops);
}

static bool is_done(const struct improver *improver) {
  return improver->best.makespan_cycles <= improver->enough_cycles || improver->placer.n_left < improver->n_ops;
}

/* Far from the bound, if one is known. */
static bool is_far(const struct improver *improver) {
  const uint64_t enough_cycles = improver->enough_cycles;
  return enough_cycles > 0 && improver->best.makespan_cycles > enough_cycles + enough_cycles / FAR;
}

/* Orders ops by key, which must not fall along edges, and places them; true, and the plan is filled in, if its makespan
 * is within the limit. Ties go by op, which is topological, so predecessors come first. */
static bool place_forward(struct improver *improver, const uint64_t *key, struct schedule_plan *plan,
                          uint64_t limit_cycles) {
  struct placer *const placer = &improver->placer;
  for (size_t k = 0; k < improver->n_ops; k++) placer->order[k].key = key[placer->order[k].op];
  placer_sort(placer);
  const uint64_t makespan_cycles = placer_place(placer, plan->width_log2, false, limit_cycles);
  if (makespan_cycles > limit_cycles) return false;
  plan->makespan_cycles = makespan_cycles;
  for (size_t i = 0; i < improver->n_ops; i++)
    plan->start_cycles[i] = placer->finish_cycles[i] - placer_cycles(placer, i, plan->width_log2[i]);
  return true;
}

/* One right and left justification; neither lengthens. Slack: how much later each op could start. */
static void justify_anew(struct improver *improver, struct schedule_plan *plan) {
  const size_t n = improver->n_ops;
  struct placer *const placer = &improver->placer;
  placer_reverse(placer); /* which is nearly the order wanted */
  for (size_t k = 0; k < n; k++) {
    const uint32_t op = placer->order[k].op;
    const uint64_t finish_cycles = plan->start_cycles[op] + placer_cycles(placer, op, plan->width_log2[op]);
    placer->order[k] = (struct placer_entry){plan->makespan_cycles - finish_cycles, (uint32_t)(n - 1 - op)};
  }
  placer_sort(placer); /* of equal finishes, the later op first */
  for (size_t k = 0; k < n; k++) placer->order[k].op = (uint32_t)(n - 1) - placer->order[k].op;
  const uint64_t makespan_cycles = placer_place(placer, plan->width_log2, true, UINT64_MAX - 1);
  placer_reverse(placer);
  uint64_t *const late_cycles = improver->slack_cycles;
  for (size_t i = 0; i < n; i++) late_cycles[i] = makespan_cycles - placer->finish_cycles[i];
  place_forward(improver, late_cycles, plan, UINT64_MAX - 1);
  const uint64_t gain_cycles = makespan_cycles - min_u64(makespan_cycles, plan->makespan_cycles);
  for (size_t i = 0; i < n; i++) late_cycles[i] -= min_u64(late_cycles[i], sat_add(plan->start_cycles[i], gain_cycles));
}

/* The same, but plans that came before are remembered: changes often undo or miss one another, so that of small graphs
 * two of three plans come again. Starts and widths are all that justification reads; the effort counts as if spent. */
static void justify(struct improver *improver, struct schedule_plan *plan) {
  const size_t n = improver->n_ops, bytes = n * sizeof *plan->start_cycles;
  if (improver->justified == NULL) {
    justify_anew(improver, plan);
    return;
  }
  memcpy(improver->key, plan->start_cycles, bytes);
  memcpy(improver->key + n, plan->width_log2, n);
  const uint64_t spread = digest_of(improver->key, improver->key_words * sizeof *improver->key).low;
  const uint64_t *const known = memo_find(improver->justified, spread, improver->key);
  if (known != NULL) {
    plan->makespan_cycles = known[0];
    memcpy(plan->start_cycles, known + 1, bytes);
    memcpy(improver->slack_cycles, known + 1 + n, bytes);
    improver->placer.n_left -= min_u64(improver->placer.n_left, 2 * n);
    return;
  }
  justify_anew(improver, plan);
  uint64_t *const kept = memo_place(improver->justified, spread, improver->key);
  kept[0] = plan->makespan_cycles;
  memcpy(kept + 1, plan->start_cycles, bytes);
  memcpy(kept + 1 + n, improver->slack_cycles, bytes);
}

/* Justifies the trial for as long as that shortens it; it becomes the present solution if it is within the limit, and
 * the best if it is shorter. */
static void settle(struct improver *improver, uint64_t limit_cycles) {
  struct schedule_plan *const trial = &improver->trial;
  uint64_t before_cycles;
  do {
    before_cycles = trial->makespan_cycles;
    justify(improver, trial);
  } while (trial->makespan_cycles < before_cycles && improver->placer.n_left >= 2 * improver->n_ops &&
           trial->makespan_cycles > improver->enough_cycles);
  if (trial->makespan_cycles <= limit_cycles) copy_plan(improver, trial, &improver->present);
  if (trial->makespan_cycles < improver->best.makespan_cycles) copy_plan(improver, trial, &improver->best);
}

/* Arrays that only more than one placement needs. */
static void prepare_search(struct improver *improver, struct arena *scratch) {
  improver->slack_cycles = ARENA_NEW(scratch, uint64_t, improver->n_ops);
  improver->present = plan_new(improver->n_ops, scratch);
}

/* --- starts ---------------------------------------------------------------------------------------------------------
 */

/* The trial, justified, goes to its place in the pool. Of two that are nearly as long, which most often are nearly the
 * same, the shorter stays. */
static void offer(struct improver *improver) {
  struct schedule_plan *const pool = improver->pool;
  const uint64_t makespan_cycles = improver->trial.makespan_cycles;
  size_t k = improver->n_pool;
  for (size_t i = 0; i < improver->n_pool; i++) {
    if (pool[i].makespan_cycles > makespan_cycles + makespan_cycles / ALIKE) break;
    if (makespan_cycles > pool[i].makespan_cycles + makespan_cycles / ALIKE) continue;
    if (pool[i].makespan_cycles <= makespan_cycles) return;
    k = i; /* is replaced */
    break;
  }
  if (k == N_POOL && pool[--k].makespan_cycles <= makespan_cycles) return;
  if (k == improver->n_pool) improver->n_pool++;
  const struct schedule_plan room = pool[k];
  for (; k > 0 && pool[k - 1].makespan_cycles > makespan_cycles; k--) pool[k] = pool[k - 1];
  pool[k] = room;
  copy_plan(improver, &improver->trial, &pool[k]);
}

/* The trial's widths in every order; what could become the best by justification is justified. */
static void try_widths(struct improver *improver) {
  for (unsigned rule = 0; rule < N_START_RULES && !is_done(improver); rule++) {
    const uint64_t best_cycles = improver->best.makespan_cycles;
    if (!start_place(&improver->placer, (enum start_rule)rule, best_cycles + best_cycles / 8, &improver->trial))
      continue;
    settle(improver, 0);
    offer(improver);
  }
}

static void try_starts(struct improver *improver, struct arena *scratch) {
  const unsigned n_widths = improver->placer.problem->n_widths;
  uint8_t *const widths = improver->trial.width_log2;
  if (n_widths > 1) {
    struct start_growth growth;
    start_grow(&improver->placer, scratch, &growth);
    const size_t balanced = growth.n_balanced, rest = growth.n_steps - balanced;
    const size_t steps[] = {balanced,     balanced / 4 * 3, balanced + rest / 4, balanced + rest / 2,
                            balanced / 2, growth.n_steps};
    for (size_t k = 0; k < sizeof steps / sizeof *steps && !is_done(improver); k++) {
      start_grown_widths(&improver->placer, &growth, steps[k], widths);
      try_widths(improver);
    }
  }
  for (unsigned tensor = n_widths; tensor-- > 0;)
    for (unsigned vector = n_widths; vector-- > 0 && !is_done(improver);) {
      start_capped_widths(&improver->placer, (unsigned[N_CORE_CLASSES]){tensor, vector, n_widths}, widths);
      try_widths(improver);
    }
}

/* For large graphs: no justification, and the second order only with more than one pass: it shortens schedules by half
 * a percent and takes the time of all the others again. */
static void try_caps(struct improver *improver) {
  static const enum start_rule rules[] = {START_BY_START, START_BACK_BY_FINISH};
  const unsigned n_widths = improver->placer.problem->n_widths;
  for (size_t k = 0; k < (improver->placer.problem->passes > 1 ? 2 : 1); k++)
    for (unsigned cap = n_widths; cap-- > 0 && !is_done(improver);) {
      start_capped_widths(&improver->placer, (unsigned[N_CORE_CLASSES]){cap, cap, cap}, improver->trial.width_log2);
      if (start_place(&improver->placer, rules[k], improver->best.makespan_cycles - 1, &improver->trial))
        copy_plan(improver, &improver->trial, &improver->best);
    }
}

/* --- the search -----------------------------------------------------------------------------------------------------
 */

/* Another of its widths; false if there is none. */
static bool resize(struct improver *improver, struct rng *rng, size_t op) {
  uint8_t *const width = &improver->trial.width_log2[op];
  unsigned others = placer_choices(&improver->placer, op) & ~(1U << *width);
  if (others == 0) return false;
  for (uint64_t skip = rng_below(rng, (uint64_t)__builtin_popcount(others)); skip > 0; skip--) others &= others - 1;
  *width = (uint8_t)__builtin_ctz(others);
  return true;
}

/* The same for all ops of its shape that are as wide: repeated layers are seldom best mixed. */
static bool resize_alike(struct improver *improver, struct rng *rng, size_t op) {
  const uint32_t *const shapes = improver->placer.shapes;
  uint8_t *const widths = improver->trial.width_log2;
  const uint8_t from = widths[op];
  if (!resize(improver, rng, op)) return false;
  for (size_t i = 0; i < improver->n_ops; i++)
    if (shapes[i] == shapes[op] && widths[i] == from) widths[i] = widths[op];
  return true;
}

/* Another place in the order. An op that goes forward takes what comes before it in the graph along, one that goes back
 * what comes behind it: without that, orders that differ by whole branches would be out of reach. `key` orders ops. */
static void shift(struct improver *improver, struct rng *rng, size_t op, uint64_t *key) {
  const struct op_graph *const graph = improver->placer.problem->graph;
  const uint64_t place_cycles = rng_below(rng, improver->present.makespan_cycles + 1);
  const bool earlier = place_cycles < key[op];
  key[op] = place_cycles;
  if (earlier) {
    for (size_t i = op + 1; i-- > 0;)
      for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
        key[graph->preds[e]] = min_u64(key[graph->preds[e]], key[i]);
  } else {
    for (size_t i = op; i < improver->n_ops; i++)
      for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
        key[graph->succs[e]] = max_u64(key[graph->succs[e]], key[i]);
  }
}

/* An op, rather one without slack. `slack` is that of the last solution tried, which is good enough to guess by. */
static size_t draw_critical(const struct improver *improver, struct rng *rng) {
  size_t op = 0;
  for (unsigned draw = 0; draw < 4; draw++) {
    op = rng_below(rng, improver->n_ops);
    if (improver->slack_cycles[op] == 0) break;
  }
  return op;
}

/* Every other time the longer of two. */
static size_t draw_op(const struct improver *improver, struct rng *rng) {
  const size_t op = draw_critical(improver, rng);
  if (rng_below(rng, 2) == 0) return op;
  const size_t other = draw_critical(improver, rng);
  return placer_cycles(&improver->placer, other, 0) > placer_cycles(&improver->placer, op, 0) ? other : op;
}

/* Of eight changes one is a shape's width, four an op's, and three an op's place, which it is too where there is no
 * other width. */
static void change(struct improver *improver, struct rng *rng) {
  const size_t op = draw_op(improver, rng);
  const uint64_t kind = rng_below(rng, 8);
  if (kind == 0) {
    resize_alike(improver, rng, op);
  } else if (kind < 4 || !resize(improver, rng, op)) {
    shift(improver, rng, op, improver->trial.start_cycles);
  }
}

/* Record-to-record travel (Dueck 1993) from a plan: the present solution may be longer than the best of this search by
 * a share that shrinks to nothing as `effort`, in ops placed, is spent. `task` tells the searches of a problem apart.
 */
static void search_from(struct improver *improver, const struct schedule_plan *from, uint64_t task, uint64_t effort) {
  struct rng rng = rng_stream(0, RNG_SCHEDULE, improver->n_ops, task);
  struct placer *const placer = &improver->placer;
  const uint64_t n_kept = placer->n_left - effort; /* for others */
  uint64_t best_cycles = from->makespan_cycles;
  copy_plan(improver, from, &improver->present);
  while (!is_done(improver) && placer->n_left > n_kept) {
    copy_plan(improver, &improver->present, &improver->trial);
    const size_t n_changes = 1 + rng_below(&rng, MOST_CHANGES);
    for (size_t k = 0; k < n_changes; k++) change(improver, &rng);
    const double left = (double)(placer->n_left - n_kept) / (double)effort;
    const uint64_t limit_cycles = best_cycles + (uint64_t)(left * (double)best_cycles / DEVIATION);
    /* Justification seldom gains more than a sixteenth. */
    if (place_forward(improver, improver->trial.start_cycles, &improver->trial, limit_cycles + best_cycles / 16))
      settle(improver, limit_cycles);
    best_cycles = min_u64(best_cycles, improver->present.makespan_cycles);
  }
}

/* From each of the pool, then from the best. */
static void search_widely(struct improver *improver, uint64_t *task, uint64_t effort) {
  const uint64_t part = effort * POOL_SHARE / 100 / (improver->n_pool + 1);
  improver->placer.n_left = effort;
  for (size_t k = 0; k < improver->n_pool && !is_done(improver) && part > 0; k++)
    search_from(improver, &improver->pool[k], (*task)++, part);
  if (!is_done(improver)) search_from(improver, &improver->best, (*task)++, improver->placer.n_left);
}

/* --- the whole ------------------------------------------------------------------------------------------------------
 */

/* Justifies what there is, which also tells the slack that searches go by. */
static void settle_best(struct improver *improver) {
  struct placer *const placer = &improver->placer;
  copy_plan(improver, &improver->best, &improver->trial);
  for (size_t i = 0; i < improver->n_ops; i++)
    placer->order[i] = (struct placer_entry){improver->best.start_cycles[i], (uint32_t)i};
  placer_sort(placer);
  settle(improver, improver->best.makespan_cycles);
}

static void improve_large(struct improver *improver, uint64_t effort, struct arena *scratch) {
  improver->placer.n_left = effort;
  try_caps(improver);
  if (improver->placer.n_left < 2 * improver->n_ops || is_done(improver)) return;
  prepare_search(improver, scratch);
  settle_best(improver);
  if (!is_done(improver)) search_from(improver, &improver->best, 0, improver->placer.n_left);
}

static void remember_plans(struct improver *improver, struct arena *scratch) {
  const size_t n = improver->n_ops;
  improver->key_words = n + ceil_div(n, sizeof *improver->key);
  improver->key = ARENA_NEW(scratch, uint64_t, improver->key_words);
  improver->justified =
      memo_new(scratch, JUSTIFIED_ENTRIES, improver->key_words * sizeof *improver->key, (1 + 2 * n) * sizeof(uint64_t));
}

static void improve_small(struct improver *improver, uint64_t effort, struct arena *scratch) {
  prepare_search(improver, scratch);
  remember_plans(improver, scratch);
  for (size_t k = 0; k < N_POOL; k++) improver->pool[k] = plan_new(improver->n_ops, scratch);
  improver->placer.n_left = effort * START_SHARE / 100;
  settle_best(improver);
  offer(improver);
  if (!is_done(improver)) try_starts(improver, scratch);
  uint64_t task = 0;
  const uint64_t shares[] = {SEARCH_SHARE, LONG_SEARCH_SHARE};
  for (size_t round = 0; round < 2 && improver->best.makespan_cycles > improver->enough_cycles; round++)
    if (round == 0 || is_far(improver)) search_widely(improver, &task, effort * shares[round] / 100);
  struct schedule_plan *const best = &improver->best;
  uint64_t n_nodes;
  schedule_shorten(improver->placer.problem, effort * EXACT_SHARE / 100 / improver->n_ops, improver->enough_cycles,
                   scratch, best, &n_nodes);
}

bool schedule_improve(const struct schedule_problem *problem, struct schedule_plan *plan, struct arena *scratch) {
  const size_t n = problem->graph->n_ops;
  if (n == 0 || problem->passes == 0 || plan->makespan_cycles <= problem->enough_cycles) return false;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct improver improver = {.n_ops = n, .best = *plan, .enough_cycles = problem->enough_cycles};
  if (placer_init(&improver.placer, problem, scratch)) {
    improver.trial = plan_new(n, scratch);
    if (n <= SCHEDULE_EXACT_MAX_OPS) {
      improve_small(&improver, problem->passes * (uint64_t)SMALL_EFFORT_OPS, scratch);
    } else {
      improve_large(&improver, problem->passes * max_u64(n, EFFORT_OPS), scratch);
    }
  }
  const bool shorter = improver.best.makespan_cycles < plan->makespan_cycles;
  plan->makespan_cycles = improver.best.makespan_cycles;
  arena_rewind(scratch, mark);
  return shorter;
}
