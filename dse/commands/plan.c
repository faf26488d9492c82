/* dse plan: what would a run be, and how long would it take? Without a folder, in some seconds. How that is known:
 * plan_forecast.c. */
#include "dse/commands/plan.h"

#include "base/checked.h"
#include "base/clock.h"
#include "dse/system/system_report.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

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
  const double seconds = 1.5 * plan->core.high / plan->ranks;
  return fmax(60, 60 * ceil(seconds / 60));
}

static void tell_json(const struct plan *plan, struct error *error) {
  const struct run *run = plan->run;
  json_t *object = json_pack("{ss sI sI sI sI sI sI sf sf sf si sf sf sb ss}", "workload", run->title, "stages",
                             (json_int_t)(run->system != NULL ? run->system->system->n_units : run->n_members),
                             "points", (json_int_t)min_u64(plan->points, INT64_MAX), "evaluations_max",
                             (json_int_t)min_u64(plan->evaluations_max, INT64_MAX), "rounds", (json_int_t)plan->rounds,
                             "bytes_per_rank", (json_int_t)plan->bytes_per_rank, "bytes_disk",
                             (json_int_t)plan->bytes_disk, "core_s", plan->core.likely, "core_s_low", plan->core.low,
                             "core_s_high", plan->core.high, "ranks_advised", (int)plan->ranks, "allowed_share",
                             (double)plan->allowed / (double)max_u64(plan->screened, 1), "max_time_advised_s",
                             advised_time_s(plan), "exact", plan->ended, "phase", plan->ended ? "done" : plan->phase);
  const enum feasible feasible = is_feasible(plan);
  if (object != NULL) {
    json_t *left = json_object();
    for (size_t p = 0; p < N_PLAN_PARTS; p++) {
      if (plan->part[p].high > 0) json_object_set_new(left, plan_part_names[p], json_real(plan->part[p].likely));
    }
    json_object_set_new(object, "feasible",
                        feasible == FEASIBLE_UNKNOWN ? json_null() : json_boolean(feasible == FEASIBLE_SOME));
    json_object_set_new(object, "core_s_left", left);
    json_object_set_new(object, "not_known", plan->unknown != NULL ? json_string(plan->unknown) : json_null());
  }
  if (object == NULL || json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII) != 0) {
    error_add(error, STATUS_ENVIRONMENT, "dse plan: the answer cannot be composed");
  }
  putchar('\n');
  json_decref(object);
}

static const char *duration(const struct plan *plan, double seconds) {
  char text[32];
  struct arena *arena = plan->run->invocation->arena;
  if (seconds < 9.5) return arena_printf(arena, "%.2g s", seconds);
  pace_duration(seconds, text);
  return arena_copy_text(arena, text);
}

/* What is left, part by part, and why it may be wrong. */
static void tell_parts(const struct plan *plan) {
  const struct invocation *invocation = plan->run->invocation;
  const char *before = "  of it        ";
  for (size_t p = 0; p < N_PLAN_PARTS; p++) {
    const struct plan_seconds *part = &plan->part[p];
    if (!(part->high > 0)) continue;
    say(invocation, "%s%s %s (%s to %s)", before, plan_part_names[p], duration(plan, part->likely),
        duration(plan, part->low), duration(plan, part->high));
    before = ", ";
  }
  say(invocation, "%s\n", before[0] == ',' ? "" : "  of it        nothing is left");
  if (plan->unknown != NULL) say(invocation, "  not known    %s\n", plan->unknown);
}

static void tell(const struct plan *plan) {
  const struct run *run = plan->run;
  const struct invocation *invocation = run->invocation;
  const char *path = invocation->words[0];
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
  if (plan->ended) {
    say(invocation, "  core time    %.2g s: the whole search ran just now, and was thrown away\n", plan->core.likely);
  } else {
    say(invocation, "  core time    about %s, between %s and %s (after %.1f s, in the phase: %s)\n",
        duration(plan, plan->core.likely), duration(plan, plan->core.low), duration(plan, plan->core.high),
        plan->trial_core_s, plan->phase);
    tell_parts(plan);
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
  if (run_prepare(run, invocation->words[0], error) && plan_forecast(plan, error)) {
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
        "Begins the run in memory and watches it for two seconds at most; writes nothing. What ends within is known.\n"
        "Of the rest, what branch and bound must look at is estimated by probes of its tree, and each later part is\n"
        "begun for a moment; with an interval. Prints the lines to paste for mpirun and sbatch. --json: points,\n"
        "evaluations_max, rounds, bytes_per_rank, bytes_disk, core_s, core_s_low, core_s_high, ranks_advised, and\n"
        "workload, stages, allowed_share, max_time_advised_s, exact (the trial ended), phase (where it was), feasible\n"
        "(null: not known), core_s_left (by part), not_known (why core_s may be far off; null).",
    .examples = examples,
    .run = run_plan,
};
