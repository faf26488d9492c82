/* dse plan: what would a run be, and how long would it take? Without a folder, in two seconds at most.
 *
 * It begins the run itself, in memory, and watches it for total_s. Most runs of small spaces end within, and then all
 * is known. Of others, what is done by then against what there is to do (points of a fold, stages, platforms) gives the
 * time of the phase under way. What nobody can know before is how many designs the search will want; budgets say how
 * many at most, and the interval says how little is known. Left out: the time to write the folder on a slow disk. */
#include "dse/explore.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/rng.h"
#include "dse/design/importance.h"
#include "dse/run/progress.h"
#include "dse/system/system_report.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* PAGE_BYTES: of report and trace. FINALS_BYTES: of the closest bound on the platforms in the finals, its partial
 * mappings. */
enum {
  PAGE_BYTES = 5 << 18,
  MOST_SCREENED = 4000,
  PROVE_BLOCK_POINTS = 1024,
  FINALS_BYTES = 24 << 20,
  BYTES_OF_A_DESIGN_ROW = 400,
  BYTES_OF_FRAME = 64
};
static const double screen_s = 0.1, trial_s = 1.95; /* of the processor at most */
/* Measured on the ready configurations (scripts/plan-check): what a finished trial leaves out (report, traces, tables),
 * in core-seconds; how many evaluations a search of systems wants, in the median; what the proof behind it takes in
 * terms of the search, the stages' own searches in terms of both, and in terms of all these what the importance of axes
 * and degrees takes behind them. */
static const double writing_s = 0.03, usual_evaluations = 21, proof_share = 0.45, stages_share = 0.1,
                    importance_share = 0.45;

struct plan {
  struct run *run;
  double prepared_s, begun_s; /* core-seconds until the problem was made; clock when the trial began */
  double trial_core_s;
  double ended_s; /* core-seconds at the trial's end */
  bool ended;
  const char *phase;
  double phase_core_s;      /* processor time when the phase began */
  uint64_t n_done, n_total; /* of what the phase counts, at the last look; 0, 0: nothing */
  uint64_t phase_tasks;     /* tasks and blocks that were done when it began; of one rank */
  uint64_t screened, allowed, reasons[N_REASONS];
  uint64_t points, evaluations_max, evaluations, rounds, bytes_per_rank, bytes_disk;
  double core_s, low_s, high_s;
  unsigned ranks;
};

/* --- how much of the space limits leave ------------------------------------------------------------------------------
 */

/* All points of a small space, else draws. */
static void screen_some(struct plan *plan) {
  const struct space *space = &plan->run->designs.space;
  struct rng rng = rng_stream(plan->run->settings.search.seed, RNG_PLAN, 0, 0);
  const bool all = plan->points <= MOST_SCREENED;
  const double start_s = clock_wall_s();
  for (uint64_t i = 0; i < min_u64(plan->points, MOST_SCREENED); i++) {
    const struct point point = space_point(space, all ? i : rng_below(&rng, plan->points));
    struct score score;
    space->screen(space->context, &point, &score);
    plan->screened++;
    plan->allowed += score.reason == REASON_NONE;
    plan->reasons[score.reason]++;
    if (clock_wall_s() - start_s > screen_s) return;
  }
}

/* --- the trial -------------------------------------------------------------------------------------------------------
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

/* Known without asking other ranks only where there are none. */
static struct cluster_timing own_timing(const struct plan *plan) {
  struct cluster *cluster = plan->run->invocation->cluster;
  struct cluster_timing timing = {0};
  if (cluster_size(cluster) == 1) cluster_timing(cluster, &timing);
  return timing;
}

static void watch(struct plan *plan) {
  const struct run *run = plan->run;
  const char *phase = phase_of(run);
  const bool stages = strcmp(phase, "stages") == 0, tenants = strcmp(phase, "tenants") == 0;
  const bool fold = strcmp(phase, "fold") == 0;
  plan->n_done = stages ? run->stages.n_done : tenants ? run->mapping.n_done : fold ? run->rounds.fold_done : 0;
  plan->n_total = stages ? run->stages.n_total : tenants ? run->mapping.n_total : fold ? run->rounds.fold_total : 0;
  if (phase == plan->phase) return;
  plan->phase = phase;
  plan->phase_core_s = clock_processor_s();
  plan->phase_tasks = own_timing(plan).n_tasks;
}

static bool over(void *context) {
  struct plan *plan = context;
  watch(plan);
  /* On a machine that others keep busy, up to four times as long by the wall: what counts is the processor's time. */
  const double wall_s = clock_wall_s() - plan->begun_s;
  return wall_s >= trial_s && (clock_processor_s() - plan->prepared_s >= trial_s || wall_s >= 4 * trial_s);
}

static void on_round(void *context, const struct rounds *rounds) {
  (void)rounds;
  watch(context);
}

static bool try_it(struct plan *plan, struct error *error) {
  struct run *run = plan->run;
  plan->begun_s = clock_wall_s();
  plan->phase = "";
  rounds_init(&run->rounds, run->invocation->cluster, &run->designs, NULL, run->invocation->arena);
  run->rounds.stop = run->rounds.interrupted = over;
  run->rounds.progress = on_round;
  run->rounds.stop_context = run->rounds.progress_context = plan;
  if (!explore_search(run, error) || (!run->rounds.stopped && !importance_compute(run, error))) return false;
  plan->ended = !run->rounds.stopped;
  plan->ended_s = clock_processor_s();
  plan->trial_core_s = plan->ended_s - plan->prepared_s;
  return true;
}

/* --- from the trial to the run ---------------------------------------------------------------------------------------
 */

/* Points of a block of the sweep; 0: the fold is a proof's, whose slices are short. */
static uint64_t block_of(const struct run *run) {
  const struct search_algorithm *algorithm = search_algorithm_find(run->settings.search.algorithm);
  const struct sweep_settings *sweep = algorithm->folds ? run_algorithm_settings(&run->settings, algorithm) : NULL;
  return sweep != NULL ? sweep->block : 0;
}

static uint64_t points_of_round(const struct run *run) {
  const struct search_algorithm *algorithm = search_algorithm_find(run->settings.search.algorithm);
  const struct sweep_settings *sweep = run_algorithm_settings(&run->settings, algorithm);
  return max_u64(sat_mul(sweep->block, sweep->blocks_per_round), 1);
}

/* Share of the phase under way that is done; 0: nobody knows. A long round counts by its tasks, a fold by its blocks;
 * those of a proof by each of its folds. */
static double share_done(const struct plan *plan) {
  const double tasks = (double)(own_timing(plan).n_tasks - plan->phase_tasks);
  const uint64_t block = block_of(plan->run);
  const double each = strcmp(plan->phase, "tenants") == 0 ? 1
                      : strcmp(plan->phase, "fold") == 0  ? (double)(block > 0 ? block : PROVE_BLOCK_POINTS)
                                                          : 0;
  return plan->n_total > 0 ? fmin(fmax((double)plan->n_done, tasks * each) / (double)plan->n_total, 1) : 0;
}

/* What is left behind the phase under way, of which spent_s are over; before_s: the phases before it.
 *
 * What has lasted so long lasts as long again, in the median, where nothing more is known (Gott 1993). More is known of
 * a search that has evaluated only a few designs, because each is slow: how many it will want; and that the proof of
 * systems takes a part of what the search did. */
static double left_s(const struct plan *plan, double before_s, double spent_s) {
  const bool of_system = plan->run->system != NULL;
  const bool weighs = of_system && plan->run->settings.report.sensitivity_samples > 0;
  const double stages = of_system ? 1 + stages_share + (weighs ? importance_share : 0) : 1;
  const double weighing_s = weighs ? importance_share * (before_s + spent_s) : 0;
  if (strcmp(plan->phase, "importance") == 0) return spent_s;
  if (strcmp(plan->phase, "search") == 0) {
    const double done = fmax((double)plan->run->rounds.evaluations, 1), wanted = usual_evaluations / done;
    const double times = wanted > 1 ? wanted * (1 + proof_share) * stages : 0;
    return fmax(times, 2) * spent_s - spent_s;
  }
  if (strcmp(plan->phase, "prove") == 0) {
    return of_system ? fmax(fmax(proof_share * before_s - spent_s, spent_s), 0) + stages_share * before_s + weighing_s
                     : fmax(spent_s, 0.5 * (before_s + spent_s));
  }
  return strcmp(plan->phase, "stages") == 0 ? fmax(spent_s, stages_share * before_s) + weighing_s
                                            : 0.5 * (before_s + spent_s);
}

static void guess_seconds(struct plan *plan) {
  const double share = share_done(plan), at_s = plan->ended_s, before_s = plan->phase_core_s;
  if (plan->ended) {
    plan->core_s = at_s + writing_s;
    plan->low_s = 0.8 * plan->core_s;
    plan->high_s = 1.25 * plan->core_s;
    return;
  }
  /* Ten times as long once in ten, where nothing is known; but at most all evaluations that the budgets allow, at the
   * pace so far. */
  const uint64_t done = max_u64(plan->run->rounds.evaluations, 1);
  const double most_s = fmax(plan->trial_core_s * (double)plan->evaluations_max / (double)done, plan->trial_core_s);
  plan->low_s = at_s + writing_s;
  const bool searching = strcmp(plan->phase, "search") == 0; /* nothing limits a proof */
  plan->high_s = plan->prepared_s + writing_s + fmin(searching ? most_s : (double)INFINITY, 10 * plan->trial_core_s);
  if (share > 0) {
    /* Of a front that is to be proven another fold may follow. */
    const bool proof =
        strcmp(plan->phase, "fold") == 0 && block_of(plan->run) == 0 && plan->run->settings.search.prove_front;
    const double phase_s = (at_s - before_s) / share;
    plan->core_s = before_s + (proof ? 1.5 : 1) * phase_s + writing_s;
    plan->low_s = fmax(plan->low_s, before_s + 0.5 * phase_s);
    plan->high_s = fmax(before_s + 2 * phase_s + writing_s, plan->core_s);
  } else {
    plan->core_s = fmin(at_s + left_s(plan, before_s - plan->prepared_s, at_s - before_s) + writing_s, plan->high_s);
  }
}

/* One rank more is worth it while all of them are busy for most of the time; a round must have some tasks for each. */
static unsigned advised_ranks(const struct plan *plan) {
  struct cluster *cluster = plan->run->invocation->cluster;
  struct cluster_timing *timing = ARENA_NEW(plan->run->invocation->arena, struct cluster_timing, cluster_size(cluster));
  cluster_timing(cluster, timing);
  double evaluating_s = 0;
  for (unsigned r = 0; r < cluster_size(cluster); r++) evaluating_s += timing[r].evaluating_s;
  const double busy = plan->trial_core_s > 0 ? fmin(evaluating_s / plan->trial_core_s, 0.999) : 0;
  const double most_of_time = (1 / 0.7 - busy) / (1 - busy); /* Amdahl, at an efficiency of 0.7 */
  double ranks = fmin(most_of_time, (double)plan->run->rounds.round_size / 4);
  ranks = fmin(ranks, plan->core_s); /* a second each at least */
  return ranks > 1 ? (unsigned)ranks : 1;
}

static void guess_all(struct plan *plan) {
  struct run *run = plan->run;
  struct cluster *cluster = run->invocation->cluster;
  struct cluster_timing *timing = ARENA_NEW(run->invocation->arena, struct cluster_timing, cluster_size(cluster));
  const struct run_search *search = &run->settings.search;
  const uint64_t searches = 1 + run->stages.n_total;
  plan->evaluations_max = min_u64(sat_mul(progress_most_evaluations(&run->rounds), searches), UINT64_MAX);
  guess_seconds(plan);
  const uint64_t done = run->rounds.evaluations + run->stages.n_evaluations;
  const double ratio = plan->ended ? 1 : plan->core_s / fmax(plan->trial_core_s + plan->prepared_s, 1e-3);
  plan->evaluations = min_u64((uint64_t)((double)done * ratio), plan->evaluations_max);
  plan->rounds = (uint64_t)((double)max_u64(run->rounds.round, 1) * ratio);
  cluster_timing(cluster, timing);
  uint64_t held_bytes = 0;
  for (unsigned r = 0; r < cluster_size(cluster); r++) held_bytes = max_u64(held_bytes, timing[r].peak_bytes);
  plan->bytes_per_rank =
      held_bytes + (plan->evaluations - min_u64(done, plan->evaluations)) * 2 * sizeof(struct record);
  const uint64_t kept = pareto_count(run->rounds.front) + search->top_k;
  uint64_t journal_bytes = plan->evaluations * (sizeof(struct score) / 2 + 2 * run->designs.space.n_axes);
  if (!plan->ended && strcmp(plan->phase, "tenants") == 0) plan->bytes_per_rank += FINALS_BYTES;
  if (block_of(run) > 0) { /* a sweep keeps its answer alone, a round at a time */
    plan->rounds = ceil_div(plan->points, points_of_round(run));
    plan->bytes_per_rank = held_bytes;
    journal_bytes = plan->rounds * kept * sizeof(struct record);
  }
  plan->bytes_disk = journal_bytes + plan->rounds * BYTES_OF_FRAME + kept * 3 * BYTES_OF_A_DESIGN_ROW + PAGE_BYTES;
  plan->ranks = advised_ranks(plan);
}

/* What is known of it: something was found; or the whole run was, or limits exclude every point. */
enum feasible { FEASIBLE_UNKNOWN, FEASIBLE_NONE, FEASIBLE_SOME };
static enum feasible is_feasible(const struct plan *plan) {
  const struct run *run = plan->run;
  if (topk_count(run->rounds.topk) > 0 || system_report_chosen(run) != NULL) return FEASIBLE_SOME;
  const bool none = plan->ended || (plan->screened == plan->points && plan->allowed == 0);
  return none ? FEASIBLE_NONE : FEASIBLE_UNKNOWN;
}

/* --- telling ---------------------------------------------------------------------------------------------------------
 */

static double advised_time_s(const struct plan *plan) {
  const double seconds = 1.5 * plan->high_s / plan->ranks;
  return fmax(60, 60 * ceil(seconds / 60));
}

static void tell_json(const struct plan *plan, struct error *error) {
  const struct run *run = plan->run;
  json_t *object = json_pack("{ss sI sI sI sI sI sI sf sf sf si sf sf sb ss}", "workload", run->title, "stages",
                             (json_int_t)(run->system != NULL ? run->system->system->n_units : run->n_members),
                             "points", (json_int_t)min_u64(plan->points, INT64_MAX), "evaluations_max",
                             (json_int_t)min_u64(plan->evaluations_max, INT64_MAX), "rounds", (json_int_t)plan->rounds,
                             "bytes_per_rank", (json_int_t)plan->bytes_per_rank, "bytes_disk",
                             (json_int_t)plan->bytes_disk, "core_s", plan->core_s, "core_s_low", plan->low_s,
                             "core_s_high", plan->high_s, "ranks_advised", (int)plan->ranks, "allowed_share",
                             (double)plan->allowed / (double)max_u64(plan->screened, 1), "max_time_advised_s",
                             advised_time_s(plan), "exact", plan->ended, "phase", plan->ended ? "done" : plan->phase);
  const enum feasible feasible = is_feasible(plan);
  if (object != NULL) {
    json_object_set_new(object, "feasible",
                        feasible == FEASIBLE_UNKNOWN ? json_null() : json_boolean(feasible == FEASIBLE_SOME));
  }
  if (object == NULL || json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII) != 0) {
    error_add(error, STATUS_ENVIRONMENT, "dse plan: the answer cannot be composed");
  }
  putchar('\n');
  json_decref(object);
}

static void tell(const struct plan *plan) {
  const struct run *run = plan->run;
  const struct invocation *invocation = run->invocation;
  const char *path = invocation->words[0];
  char text[3][32];
  say(invocation, "%s: %s\n", path, run->title);
  if (run->system != NULL) {
    say(invocation, "  stages       %zu different ones, in the strategies of the system\n",
        run->system->system->n_units);
  }
  say(invocation, "  axes         ");
  for (size_t a = 0; a < run->designs.space.n_axes; a++) {
    say(invocation, "%s%s %zu", a > 0 ? ", " : "", run->designs.axes[a].key, run->designs.axes[a].n);
  }
  say(invocation, "\n  points       %" PRIu64 ", of which limits known beforehand leave %.3g %%", plan->points,
      100.0 * (double)plan->allowed / (double)max_u64(plan->screened, 1));
  if (plan->screened < plan->points) say(invocation, " (of %" PRIu64 " looked at)", plan->screened);
  say(invocation, "\n");
  for (size_t r = REASON_NONE + 1; r < N_REASONS; r++) {
    if (plan->reasons[r] == 0) continue;
    say(invocation, "               %s excludes %.3g %%\n", run->designs.space.reasons[r].name,
        100.0 * (double)plan->reasons[r] / (double)plan->screened);
  }
  say(invocation, "  evaluations  %s%" PRIu64 ", at most %" PRIu64 "; %s%" PRIu64 " rounds of up to %zu\n",
      plan->ended ? "" : "about ", plan->evaluations, plan->evaluations_max, plan->ended ? "" : "about ", plan->rounds,
      run->rounds.round_size);
  say(invocation, "  memory       %.0f MiB a rank\n  disk         %.1f MiB\n", (double)plan->bytes_per_rank / (1 << 20),
      (double)plan->bytes_disk / (1 << 20));
  pace_duration(plan->core_s, text[0]);
  pace_duration(plan->low_s, text[1]);
  pace_duration(plan->high_s, text[2]);
  if (plan->ended) {
    say(invocation, "  core time    %.2g s: the whole search ran just now, and was thrown away\n", plan->core_s);
  } else {
    say(invocation, "  core time    about %s, between %s and %s (after %.1f s, in the phase: %s)\n", text[0], text[1],
        text[2], plan->trial_core_s, plan->phase);
  }
  if (is_feasible(plan) == FEASIBLE_NONE) {
    say(invocation, "  nothing is feasible within these limits; dse why %s says what stands in the way\n", path);
    return;
  }
  const double limit_s = advised_time_s(plan);
  const unsigned minutes = (unsigned)(limit_s / 60);
  say(invocation, "  ranks        %u\nto paste:\n  ", plan->ranks);
  if (plan->ranks > 1) say(invocation, "mpirun -n %u ", plan->ranks);
  say(invocation, "dse explore %s --max-time %.0f\n", path, limit_s);
  say(invocation,
      "  sbatch --ntasks=%u --mem-per-cpu=%.0fM --time=%u:%02u:00 --wrap 'srun dse explore %s --max-time %.0f'\n",
      plan->ranks, ceil(1.5 * (double)plan->bytes_per_rank / (1 << 20)), (minutes + 1) / 60, (minutes + 1) % 60, path,
      limit_s);
}

static enum status run_plan(struct invocation *invocation, struct error *error) {
  struct run *run = ARENA_NEW(invocation->arena, struct run, 1);
  struct plan *plan = ARENA_NEW(invocation->arena, struct plan, 1);
  run->invocation = invocation;
  run->start_s = clock_wall_s();
  plan->run = run;
  bool good = run_prepare(run, invocation->words[0], error);
  if (good) {
    plan->prepared_s = clock_processor_s();
    plan->points = space_size(&run->designs.space);
    good = try_it(plan, error);
  }
  if (good) {
    guess_all(plan);
    screen_some(plan);
    if (invocation->json && cluster_rank(invocation->cluster) == 0) {
      tell_json(plan, error);
    } else {
      tell(plan);
    }
  }
  run_release(run);
  return error_is_set(error) ? error->status : STATUS_OK;
}

static const char *const examples[] = {"dse plan configs/quickstart.cfg", "dse plan configs/default-space.cfg --json",
                                       NULL};
const struct command command_plan = {
    .name = "plan",
    .words = "RUN.cfg",
    .summary = "what would run and how long: designs, evaluations, memory, core-seconds, ranks",
    .min_words = 1,
    .max_words = 1,
    .details =
        "Begins the run in memory and watches it for two seconds at most; writes nothing. What ends within is known, "
        "the\n"
        "rest is extrapolated, with an interval. Prints the lines to paste for mpirun and sbatch. --json: points,\n"
        "evaluations_max, rounds, bytes_per_rank, bytes_disk, core_s, core_s_low, core_s_high, ranks_advised, and\n"
        "workload, stages, allowed_share, max_time_advised_s, exact (the trial ended), phase (where it was), feasible "
        "(null: not known).",
    .examples = examples,
    .run = run_plan,
};
