/* How long would a run take? See plan.h.
 *
 * The trial begins the run itself and watches it for trial_s. Most runs of small spaces end within, and then all is
 * known. Of others every part that is left is foreseen by what it will do, not by what other runs took:
 *
 *  - Branch and bound, which the guided search and the proof do each, by probes of its tree (search/space/boxes.h) with
 *    the best design so far: how many boxes, how long their bounds take, which designs must be evaluated.
 *  - Beside that the guided search follows promises as long as there are some: as long again as so far, in the median,
 *    as of anything of which nothing more is known (Gott, Nature 363, 1993). Other searches go on to their budget.
 *  - The front, by the share of a sample of designs that no design of the front beats in everything.
 *  - Stages, tenants, importance: each is begun for taste_s with the designs found so far, and counts what it has.
 *
 * Left out: the time to write the folder on a slow disk. */
#include "dse/commands/plan.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/rng.h"
#include "dse/cosearch/cosearch.h"
#include "dse/design/importance.h"
#include "dse/run/progress.h"
#include "dse/system/global.h"
#include "dse/tenancy/tenancy_flow.h"
#include "search/space/guided.h"
#include <math.h>
#include <string.h>

const char *const plan_part_names[N_PLAN_PARTS] = {"search", "proof", "stages", "tenants", "importance"};

/* PAGE_BYTES: of report and trace. BOX_BYTES: of a box that waits, with what its growing heap leaves behind. */
enum {
  PAGE_BYTES = 5 << 18,
  MOST_SCREENED = 4000,
  PROVE_BLOCK_POINTS = 1024,
  BYTES_OF_A_DESIGN_ROW = 400,
  BYTES_OF_FRAME = 64,
  BOX_BYTES = 240,
  MOST_PROBES = 9,
  FOLDS_OF_FRONT = 3
};
/* Of the processor, at most; a probe that has begun is ended, as long as that takes no longer than slow_s. writing_s:
 * what a finished trial leaves out (report, traces, tables). */
static const double screen_s = 0.1, trial_s = 1.95, probes_s = 1, slow_s = 3, taste_s = 0.25, writing_s = 0.03;

/* --- the trial, and tastes -------------------------------------------------------------------------------------------
 */

/* Branch and bound tells of what is open as if it were a fold; nobody can know how long that takes. */
static const char *phase_of(const struct run *run) {
  const bool bounding = run->proof.points > 0 && run->proof.allowed == 0;
  if (run->stages.rounds != NULL) return "stages";
  if (run->weighing) return "importance";
  if (run->mapping.n_total > 0) return "tenants";
  if (run->rounds.fold_total > 0 && !bounding) return "fold";
  return run->proof.points > 0 ? "prove" : "search";
}

static bool is_phase(const struct plan *plan, const char *phase) { return strcmp(plan->watched, phase) == 0; }

/* Known without asking other ranks only where there are none. */
static struct cluster_timing own_timing(const struct plan *plan) {
  struct cluster *cluster = plan->run->invocation->cluster;
  struct cluster_timing timing = {0};
  if (cluster_size(cluster) == 1) cluster_timing(cluster, &timing);
  return timing;
}

/* What the phase counts, if it counts anything: how much is done of how much. */
static void count(struct plan *plan) {
  const struct run *run = plan->run;
  plan->n_done = plan->n_total = 0;
  if (is_phase(plan, "stages")) plan->n_done = run->stages.n_done, plan->n_total = run->stages.n_total;
  if (is_phase(plan, "tenants")) plan->n_done = run->mapping.n_done, plan->n_total = run->mapping.n_total;
  if (is_phase(plan, "fold")) plan->n_done = run->rounds.fold_done, plan->n_total = run->rounds.fold_total;
  if (is_phase(plan, "importance")) plan->n_total = run->n_weighed;
}

static void watch(struct plan *plan) {
  const char *before = plan->watched;
  const bool counted = plan->n_total > 0;
  plan->watched = phase_of(plan->run);
  count(plan);
  /* The importance's own preparations are not what it counts. */
  if (plan->watched == before && (counted || plan->n_total == 0 || !is_phase(plan, "importance"))) return;
  plan->phase_core_s = clock_processor_s();
  plan->phase_tasks = own_timing(plan).n_tasks;
}

/* On a machine that others keep busy, up to four times as long by the wall: what counts is the processor's time. */
static bool over(void *context) {
  struct plan *plan = context;
  watch(plan);
  const double wall_s = clock_wall_s() - plan->begun_s, limit_s = plan->limit_s;
  return wall_s >= limit_s && (clock_processor_s() - plan->begun_core_s >= limit_s || wall_s >= 4 * limit_s);
}

static void on_round(void *context, const struct rounds *rounds) {
  (void)rounds;
  watch(context);
}

static void begin(struct plan *plan, double limit_s) {
  struct run *run = plan->run;
  plan->begun_s = clock_wall_s();
  plan->begun_core_s = plan->phase_core_s = clock_processor_s();
  plan->limit_s = limit_s;
  plan->watched = "";
  plan->n_done = plan->n_total = run->n_weighed = 0;
  plan->phase_tasks = own_timing(plan).n_tasks;
  run->rounds.stopped = run->weighing = false; /* what a part that was left has left */
  run->rounds.fold_done = run->rounds.fold_total = run->mapping.n_done = run->mapping.n_total = 0;
}

/* Of all ranks. */
static struct cluster_timing all_timing(const struct plan *plan) {
  struct cluster *cluster = plan->run->invocation->cluster;
  struct cluster_timing *timing = ARENA_NEW(plan->run->invocation->arena, struct cluster_timing, cluster_size(cluster));
  struct cluster_timing all = {0};
  cluster_timing(cluster, timing);
  for (unsigned r = 0; r < cluster_size(cluster); r++) {
    all.evaluating_s += timing[r].evaluating_s;
    all.n_tasks += timing[r].n_tasks;
    all.peak_bytes = max_u64(all.peak_bytes, timing[r].peak_bytes);
  }
  return all;
}

static bool try_it(struct plan *plan, struct error *error) {
  struct run *run = plan->run;
  rounds_init(&run->rounds, run->invocation->cluster, &run->designs, NULL, run->invocation->arena);
  begin(plan, trial_s);
  run->rounds.stop = run->rounds.interrupted = over;
  run->rounds.progress = on_round;
  run->rounds.stop_context = run->rounds.progress_context = plan;
  if (!explore_search(run, error) || (!run->rounds.stopped && !importance_compute(run, error))) return false;
  const struct cluster_timing timing = all_timing(plan);
  plan->ended = !run->rounds.stopped;
  plan->phase = plan->ended ? NULL : plan->watched;
  plan->ended_s = clock_processor_s();
  plan->trial_core_s = plan->ended_s - plan->begun_core_s;
  plan->evaluating_s = timing.evaluating_s;
  plan->n_tasks = timing.n_tasks;
  return true;
}

/* Points of a block of the sweep; 0: the fold is a proof's, whose slices are short. */
static uint64_t block_of(const struct run *run) {
  const struct search_algorithm *algorithm = search_algorithm_find(run->settings.search.algorithm);
  const struct sweep_settings *sweep = algorithm->folds ? run_algorithm_settings(&run->settings, algorithm) : NULL;
  return sweep != NULL ? sweep->block : 0;
}

/* Share of the phase under way that is done; 0: nobody knows. A long round counts by its tasks, a fold by its blocks;
 * those of a proof by each of its folds. */
static double share_done(const struct plan *plan) {
  const double tasks = (double)(own_timing(plan).n_tasks - plan->phase_tasks);
  const uint64_t block = block_of(plan->run);
  const double each = is_phase(plan, "tenants") || is_phase(plan, "importance") ? 1
                      : is_phase(plan, "fold") ? (double)(block > 0 ? block : PROVE_BLOCK_POINTS)
                                               : 0;
  return plan->n_total > 0 ? fmin(fmax((double)plan->n_done, tasks * each) / (double)plan->n_total, 1) : 0;
}

/* What is left of a phase that has lasted spent_s: by what it counts, else as long again. */
static struct plan_seconds left_of(const struct plan *plan, double spent_s) {
  const double share = share_done(plan), left_s = share > 0 ? spent_s / share - spent_s : spent_s;
  if (share > 0) return (struct plan_seconds){left_s, 0.6 * left_s, (share > 0.2 ? 1.6 : 3) * left_s};
  return (struct plan_seconds){left_s, 0, 9 * spent_s};
}

/* Begins a part that the trial has not reached, with what was found so far. */
static bool taste(struct plan *plan, enum plan_part part, bool (*begin_part)(struct run *run, struct error *error),
                  struct error *error) {
  begin(plan, taste_s);
  const bool good = begin_part(plan->run, error);
  const double now_s = clock_processor_s(), all_s = now_s - plan->begun_core_s;
  if (error_is_set(error)) return false;
  if (good && !plan->run->rounds.stopped) {
    plan->part[part] = (struct plan_seconds){all_s, 0.5 * all_s, 2 * all_s};
    return true;
  }
  const struct plan_seconds left = left_of(plan, now_s - plan->phase_core_s);
  plan->part[part] = (struct plan_seconds){all_s + left.likely, all_s + left.low, all_s + left.high};
  return true;
}

static bool begin_stages(struct run *run, struct error *error) {
  return global_search(run, ARENA_NEW(run->invocation->arena, struct global, 1), error);
}

static bool begin_tenants(struct run *run, struct error *error) {
  return run->cosearch != NULL ? cosearch_search(run, error) : tenants_map(run, error);
}

/* --- how much of the space limits leave ------------------------------------------------------------------------------
 */

/* Would the proof evaluate it for the front, if those looked at before reached what their bounds promise? */
static bool stays_open(const struct plan *plan, struct pareto *seen, const struct point *point,
                       const struct score *score) {
  const struct rounds *rounds = &plan->run->rounds;
  if (point_set_has(rounds->evaluated, point) || pareto_covers(rounds->front, score->objective, point)) return false;
  if (pareto_covers(seen, score->objective, point)) return false;
  const struct record record = {.point = *point, .score = *score};
  pareto_add(seen, &record);
  return true;
}

/* All points of a small space, else draws. */
static void screen_some(struct plan *plan) {
  const struct run *run = plan->run;
  const struct space *space = &run->designs.space;
  struct pareto *seen =
      pareto_new_of(run->invocation->arena, space->objectives, space->front_objectives, space->n_front_objectives);
  struct rng rng = rng_stream(run->settings.search.seed, RNG_PLAN, 0, 0);
  const bool all = plan->points <= MOST_SCREENED;
  const double start_s = clock_wall_s(), start_core_s = clock_processor_s();
  for (uint64_t i = 0; i < min_u64(plan->points, MOST_SCREENED); i++) {
    const struct point point = space_point(space, all ? i : rng_below(&rng, plan->points));
    struct score score;
    space->screen(space->context, &point, &score);
    plan->screened++;
    plan->reasons[score.reason]++;
    if (score.reason == REASON_NONE) {
      plan->allowed++;
      plan->may_join += stays_open(plan, seen, &point, &score);
    }
    if (i < MOST_SCREENED / 2) plan->may_join_half = plan->may_join, plan->screened_half = plan->screened;
    if (clock_wall_s() - start_s > screen_s) break;
  }
  plan->screening_s = (clock_processor_s() - start_core_s) / (double)max_u64(plan->screened, 1);
}

/* --- branch and bound ------------------------------------------------------------------------------------------------
 */

struct tree {
  struct plan_seconds bounds; /* of all boxes and points, once */
  double n_bounded, n_asked;
  bool known;
};

static bool may_win(void *context, double bound, const struct point *first) {
  (void)first;
  const struct run *run = context;
  const size_t metric = run->designs.space.metric;
  const double best = topk_at(run->rounds.topk, 0)->score.objective[metric];
  const double gap = fabs(bound - best) / fmax(fabs(bound), fabs(best)); /* NaN where no bound is known */
  return space_better(&run->designs.space, bound, best) && !(gap <= run->settings.search.gap_target);
}

/* Probes that keep ever more, while there is time; those that keep more count for more. */
static struct tree probe_tree(struct plan *plan) {
  struct run *run = plan->run;
  struct tree tree = {.known = false};
  if (topk_count(run->rounds.topk) == 0) return tree;
  begin(plan, slow_s);
  const struct boxes_filter filter = {.admits = may_win,
                                      .evaluated = run->rounds.evaluated,
                                      .interrupted = over,
                                      .context = run,
                                      .interrupted_context = plan};
  double weights = 0, sum_s = 0, squares = 0, heaviest = 0;
  for (uint64_t n = 0; n < MOST_PROBES; n++) {
    struct rng rng = rng_stream(run->settings.search.seed, RNG_PLAN, 1, n);
    const double start_s = clock_processor_s();
    const size_t n_kept = min_u64(UINT64_C(1) << n, BOXES_MAX_KEPT);
    const double weight = (double)(n_kept * n_kept); /* few that keep much are better than many that keep little */
    const struct boxes_probing probing = {&rng, run->invocation->arena, n_kept, clock_processor_s,
                                          topk_at(run->rounds.topk, 0)->score.objective[run->designs.space.metric]};
    struct boxes_work work;
    if (!boxes_probe(&run->designs.space, &filter, &probing, &work)) break;
    const double now_s = clock_processor_s();
    weights += weight;
    heaviest = weight;
    sum_s += weight * work.seconds;
    squares += weight * work.seconds * work.seconds;
    tree.n_bounded += weight * work.n_bounded;
    tree.n_asked += weight * work.n_asked;
    tree.known = true;
    if (n > 0 && now_s - plan->begun_core_s + 2 * (now_s - start_s) > probes_s) break;
  }
  if (!tree.known) return tree;
  const double mean_s = sum_s / weights, variance = fmax(squares / weights - mean_s * mean_s, 0);
  const double alone = weights / heaviest; /* 1: one probe, of which nobody knows how far it is off */
  const double factor = 1.5 + (alone > 1 && mean_s > 0 ? 2 * sqrt(variance) / mean_s : 2);
  tree.bounds = (struct plan_seconds){mean_s, mean_s / factor, mean_s * factor};
  tree.n_bounded /= weights;
  tree.n_asked /= weights;
  plan->n_bounded = tree.n_bounded;
  return tree;
}

/* --- search and proof ------------------------------------------------------------------------------------------------
 */

static double evaluation_s(const struct plan *plan) {
  return plan->n_tasks > 0 ? plan->evaluating_s / (double)plan->n_tasks : plan->trial_core_s;
}

/* Most evaluations for which the guided search goes on when nothing but branch and bound asks. */
static double sure_evaluations(const struct run *run) {
  const struct search_algorithm *guided = search_algorithm_find("guided");
  const struct guided_settings *settings = run_algorithm_settings(&run->settings, guided);
  return (double)settings->sure_after;
}

/* What is left of the search, of which spent_s are over. */
static void foresee_search(struct plan *plan, const struct tree *tree, double spent_s) {
  const struct run *run = plan->run;
  const struct search_algorithm *algorithm = search_algorithm_find(run->settings.search.algorithm);
  const bool guided = strcmp(algorithm->name, "guided") == 0, exact = algorithm->certificate != NULL;
  const double done = (double)max_u64(run->rounds.evaluations, 1), each_s = evaluation_s(plan);
  const double budget = (double)min_u64(run->settings.search.max_evaluations, plan->points);
  struct plan_seconds *left = &plan->part[PLAN_SEARCH];
  if ((guided || exact) && tree->known) {
    /* Half of a round is the sure way's: what it has done will not come again, and the designs that it must evaluate
     * are evaluated here. What the trial's other half was, climbs or bounds of boxes, is not known. */
    const double evaluating_s = fmin(plan->evaluating_s, spent_s), other_s = spent_s - evaluating_s;
    const double n_asked = fmin(tree->n_asked, guided ? sure_evaluations(run) + done : budget);
    const double asked_s = each_s * n_asked;
    const double again_s = guided ? spent_s - 0.5 * evaluating_s : 0;
    const double bounded_s = guided ? fmin(0.5 * other_s, 0.5 * tree->bounds.likely) : other_s;
    left->likely = fmax(tree->bounds.likely - bounded_s, 0) + asked_s + again_s;
    left->low = fmax(0.5 * tree->bounds.low - bounded_s, 0);
    left->high = tree->bounds.high + 3 * (asked_s + again_s);
    plan->evaluations = (uint64_t)fmin((guided ? 2 : 1) * done + n_asked, budget);
  } else if (guided || exact || algorithm->folds) {
    *left = (struct plan_seconds){spent_s, 0, 9 * spent_s};
    plan->unknown = "no design within the limits has been found yet, by which to tell how much can be left out";
  } else {
    const double left_s = fmax(budget - done, 0) * spent_s / done;
    *left = (struct plan_seconds){left_s, 0, 1.5 * left_s};
    plan->evaluations = (uint64_t)budget;
    plan->unknown = "the search may end before its budget is spent";
  }
}

/* Folds over the space, and what may join the front. */
static struct plan_seconds front_s(struct plan *plan) {
  const struct run_search *search = &plan->run->settings.search;
  if (plan->points > search->bound_points) return (struct plan_seconds){0, 0, 0};
  const double fold_s = (double)plan->points * plan->screening_s;
  if (!search->prove_front || !search->prove) return (struct plan_seconds){fold_s, 0.6 * fold_s, 1.6 * fold_s};
  /* Of ever more designs an ever smaller share stays open: by the growth from half of the sample to all of it. */
  const double joins = (double)plan->may_join, half = (double)plan->may_join_half;
  const double doubling = half > 0 ? (double)plan->screened / (double)plan->screened_half : 0;
  const double power = doubling > 1 ? fmin(fmax(log(joins / half) / log(doubling), 0), 1) : 1;
  const double open = joins * pow((double)plan->points / (double)max_u64(plan->screened, 1), power);
  const double some = fmin(open, (double)search->prove_evaluations), each_s = evaluation_s(plan);
  plan->evaluations += (uint64_t)some;
  return (struct plan_seconds){FOLDS_OF_FRONT * fold_s + some * each_s, fold_s,
                               (FOLDS_OF_FRONT + 1) * fold_s + 3 * some * each_s};
}

/* What is left of the proof, of which spent_s are over; 0: it has not begun. */
static void foresee_proof(struct plan *plan, const struct tree *tree, double spent_s) {
  const struct run *run = plan->run;
  const struct run_search *search = &run->settings.search;
  const struct search_algorithm *algorithm = search_algorithm_find(search->algorithm);
  const bool begun = spent_s > 0, best_proven = begun && run->proof.optimal;
  struct plan_seconds *left = &plan->part[PLAN_PROOF];
  if (algorithm->folds) return; /* it was the proof */
  const struct plan_seconds front = front_s(plan);
  struct plan_seconds bounds = tree->bounds;
  if (best_proven || (!begun && algorithm->certificate != NULL)) bounds = (struct plan_seconds){0, 0, 0};
  if (!tree->known && !best_proven) bounds = (struct plan_seconds){plan->trial_core_s, 0, 9 * plan->trial_core_s};
  const double budget = search->prove ? (double)search->prove_evaluations : 0;
  const double asked_s = best_proven ? 0 : evaluation_s(plan) * fmin(tree->n_asked, budget);
  left->likely = fmax(bounds.likely - spent_s, 0.1 * bounds.likely) + (begun ? asked_s : 0) + front.likely;
  left->low = fmax(bounds.low - spent_s, 0) + front.low;
  left->high = bounds.high + 3 * asked_s + front.high;
  if (begun) plan->evaluations += (uint64_t)fmin(tree->n_asked, budget);
}

/* --- from the trial to the run ---------------------------------------------------------------------------------------
 */

/* The part that the trial was in. */
static enum plan_part part_under_way(const struct plan *plan) {
  if (strcmp(plan->phase, "stages") == 0) return PLAN_STAGES;
  if (strcmp(plan->phase, "tenants") == 0) return PLAN_TENANTS;
  if (strcmp(plan->phase, "importance") == 0) return PLAN_IMPORTANCE;
  if (strcmp(plan->phase, "fold") == 0) return block_of(plan->run) > 0 ? PLAN_SEARCH : PLAN_PROOF;
  return strcmp(plan->phase, "prove") == 0 ? PLAN_PROOF : PLAN_SEARCH;
}

/* A co-search trains and maps by turns until bounds leave nothing. */
static void foresee_cosearch(struct plan *plan, const struct plan_seconds *batch) {
  const double spent_s = plan->trial_core_s;
  plan->part[PLAN_TENANTS] = (struct plan_seconds){fmax(batch->likely, 0.5 * spent_s), 0, 9 * spent_s};
  plan->unknown = "a co-search goes on until bounds leave no platform, which nobody knows before";
}

/* Parts behind the one under way. */
static bool foresee_later(struct plan *plan, enum plan_part under_way, struct error *error) {
  struct run *run = plan->run;
  const bool leads = cosearch_leads(run), found = topk_count(run->rounds.topk) > 0;
  if (under_way < PLAN_STAGES && !leads && run->system != NULL && !taste(plan, PLAN_STAGES, begin_stages, error)) {
    return false;
  }
  const bool serves = run->tenants != NULL || run->cosearch != NULL;
  if (under_way < PLAN_TENANTS && !leads && serves && found && !taste(plan, PLAN_TENANTS, begin_tenants, error)) {
    return false;
  }
  return under_way == PLAN_IMPORTANCE || !found || taste(plan, PLAN_IMPORTANCE, importance_compute, error);
}

static bool foresee(struct plan *plan, struct error *error) {
  const struct run *run = plan->run;
  const enum plan_part under_way = part_under_way(plan);
  const double spent_s = plan->ended_s - plan->phase_core_s;
  const struct plan_seconds left = left_of(plan, spent_s);
  const bool folds = strcmp(plan->phase, "fold") == 0, leads = cosearch_leads(run);
  const bool bounding = !folds && under_way <= PLAN_PROOF && !leads && run->designs.space.bound_box != NULL;
  const struct tree tree = bounding && !run->proof.optimal ? probe_tree(plan) : (struct tree){.known = false};
  if (leads && under_way != PLAN_IMPORTANCE) {
    foresee_cosearch(plan, &left);
  } else if (folds || under_way > PLAN_PROOF) {
    plan->part[under_way] = left;
    if (folds && under_way == PLAN_PROOF && run->settings.search.prove_front) foresee_proof(plan, &tree, spent_s);
  } else {
    if (under_way == PLAN_SEARCH) foresee_search(plan, &tree, spent_s);
    foresee_proof(plan, &tree, under_way == PLAN_PROOF ? spent_s : 0);
  }
  return foresee_later(plan, under_way, error);
}

static void sum_up(struct plan *plan) {
  plan->core = (struct plan_seconds){plan->ended_s + writing_s, plan->ended_s + writing_s, plan->ended_s + writing_s};
  for (size_t p = 0; p < N_PLAN_PARTS; p++) {
    plan->core.likely += plan->part[p].likely;
    plan->core.low += plan->part[p].low;
    plan->core.high += plan->part[p].high;
  }
  plan->core.low *= 0.8; /* as much do processors differ from one minute to the next */
  plan->core.high *= 1.25;
}

/* One rank more is worth it while all of them are busy for most of the time; a round must have some tasks for each. */
static unsigned advised_ranks(const struct plan *plan) {
  const double busy = plan->trial_core_s > 0 ? fmin(plan->evaluating_s / plan->trial_core_s, 0.999) : 0;
  const double most_of_time = (1 / 0.7 - busy) / (1 - busy); /* Amdahl, at an efficiency of 0.7 */
  double ranks = fmin(most_of_time, (double)plan->run->rounds.round_size / 4);
  ranks = fmin(ranks, plan->core.likely); /* a second each at least */
  return ranks > 1 ? (unsigned)ranks : 1;
}

static void sum_up_bytes(struct plan *plan) {
  const struct run *run = plan->run;
  const uint64_t done = run->rounds.evaluations;
  const uint64_t more = plan->evaluations - min_u64(done, plan->evaluations);
  const uint64_t held_bytes = all_timing(plan).peak_bytes;
  const double n_waiting = plan->n_bounded / (2 * (double)run->designs.space.n_axes);
  plan->bytes_per_rank = held_bytes + more * 2 * sizeof(struct record) + (uint64_t)n_waiting * 2 * BOX_BYTES;
  const uint64_t kept = pareto_count(run->rounds.front) + run->settings.search.top_k;
  uint64_t journal_bytes =
      (plan->evaluations + run->stages.n_evaluations) * (sizeof(struct score) / 2 + 2 * run->designs.space.n_axes);
  if (block_of(run) > 0) { /* a sweep keeps its answer alone, a round at a time */
    const struct search_algorithm *algorithm = search_algorithm_find(run->settings.search.algorithm);
    const struct sweep_settings *sweep = run_algorithm_settings(&run->settings, algorithm);
    plan->rounds = ceil_div(plan->points, max_u64(sat_mul(sweep->block, sweep->blocks_per_round), 1));
    plan->bytes_per_rank = held_bytes;
    journal_bytes = plan->rounds * kept * sizeof(struct record);
  }
  plan->bytes_disk = journal_bytes + plan->rounds * BYTES_OF_FRAME + kept * 3 * BYTES_OF_A_DESIGN_ROW + PAGE_BYTES;
}

bool plan_forecast(struct plan *plan, struct error *error) {
  struct run *run = plan->run;
  plan->prepared_s = clock_processor_s();
  plan->points = space_size(&run->designs.space);
  if (!try_it(plan, error)) return false;
  const uint64_t searches = 1 + run->stages.n_total;
  const uint64_t done = plan->evaluations = run->rounds.evaluations;
  const uint64_t of_stages = run->stages.n_evaluations, rounds = max_u64(run->rounds.round, 1);
  screen_some(plan);
  if (!plan->ended && !foresee(plan, error)) return false;
  run->rounds.stopped = !plan->ended;
  sum_up(plan);
  plan->evaluations_max = sat_mul(progress_most_evaluations(&run->rounds), searches);
  if (block_of(run) > 0 && !plan->ended) {
    const double times = plan->core.likely / fmax(plan->ended_s, 1e-3);
    plan->evaluations = (uint64_t)((double)done * times);
  }
  const double times = (double)plan->evaluations / (double)max_u64(done, 1);
  plan->evaluations = min_u64(sat_add(plan->evaluations, of_stages), plan->evaluations_max);
  plan->rounds = (uint64_t)((double)rounds * times);
  sum_up_bytes(plan);
  plan->ranks = advised_ranks(plan);
  return true;
}
