/* What a person sees at the end of a run. See explore.h. */
#include "dse/explore.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "dse/cosearch/cosearch_report.h"
#include "dse/output/picture.h"
#include "dse/output/set_report.h"
#include "dse/output/tables.h"
#include "dse/system/system_report.h"
#include "dse/tenancy/tenancy_report.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { ROWS_SHOWN = 20, ROWS_SHOWN_OF_SYSTEM = 8 /* the systems follow */ };

static void show_front(const struct run *run) {
  struct arena *arena = run->invocation->arena;
  const struct space *space = &run->designs.space;
  const char *columns[3 + N_OBJECTIVES + POINT_MAX_AXES], *spanned = "";
  size_t n = 0;
  columns[n++] = "design";
  for (size_t i = 0; i < space->n_front_objectives; i++) {
    const size_t o = space_front_objective(space, i), n_behind = space->n_front_objectives - i - 1;
    spanned = arena_printf(arena, "%s%s%s", spanned, run_objective_words[o],
                           n_behind > 1    ? ", "
                           : n_behind == 1 ? " and "
                                           : "");
    const bool needs_tdp = o == OBJECTIVE_TDP || o == OBJECTIVE_THROUGHPUT_PER_TDP;
    if (!needs_tdp || run->stage.provider->has_tdp) columns[n++] = space->objectives[o].name;
  }
  for (size_t a = 0; a < run->designs.space.n_axes; a++) columns[n++] = run->designs.axes[a].key;
  columns[n++] = "binding";
  char *text;
  table_print(tables_front(run, arena), columns, n, run->system != NULL ? ROWS_SHOWN_OF_SYSTEM : ROWS_SHOWN, &text,
              arena);
  const char *complete =
      run->proof.front_complete ? "complete, proven"
      : !run->proof.counted
          ? "of the designs evaluated; the space is larger than search.bound_points"
          : arena_printf(arena, "of the designs evaluated; %" PRIu64 " others could join it",
                         run->proof.open + (run->settings.search.prove_front ? 0 : run->proof.pruned));
  say(run->invocation, "Pareto front over %s%s: %zu designs (%s)\n\n%s\n", spanned,
      run->system != NULL ? ", one design on all devices" : "", pareto_count(run->rounds.front), complete, text);
}

/* Of several workloads a row each. */
static void show_workloads(const struct run *run, const struct point *point) {
  struct accelerator accelerator;
  struct set_report report;
  REQUIRE(design_at(&run->designs, point, &accelerator));
  set_report_of(run, &accelerator, &report, run->invocation->arena);
  set_report_say(run, &report);
}

/* Of a system that is not in full words further down: a line. */
static void show_system(const struct run *run, const struct point *point) {
  struct accelerator accelerator;
  struct system_score score;
  struct system_result result;
  REQUIRE(design_at(&run->designs, point, &accelerator));
  design_system_of(&run->designs, &accelerator, &score, &result);
  if (score.plan == NULL) return;
  if (system_report_chosen(run) == NULL) {
    system_report_say(run, score.plan, &result);
  } else {
    say(run->invocation, "  strategy     %s\n", strategy_text(&score.plan->strategy, run->invocation->arena));
  }
}

static void show_best(const struct run *run) {
  const struct record *best = topk_at(run->rounds.topk, 0);
  const double *objective = best->score.objective;
  const struct objective *metric = &run->designs.space.objectives[run->designs.space.metric];
  say(run->invocation, "best by %s%s: %s\n", metric->name, run->system != NULL ? " on all devices" : "",
      design_text(&run->designs, &best->point, run->invocation->arena));
  if (run->designs.set != NULL) {
    show_workloads(run, &best->point);
  } else if (!(run->designs.reference_throughput > 0)) {
    say(run->invocation, "  throughput   %.6g samples/s (%.6g s an iteration of %" PRIu64 ")\n",
        objective[OBJECTIVE_THROUGHPUT], design_iteration_s(&run->designs, objective), design_samples(&run->designs));
  } else {
    say(run->invocation, "  throughput   %.6g samples/s (%.6g s an iteration of %" PRIu64 "), %.3g x %s\n",
        objective[OBJECTIVE_THROUGHPUT], design_iteration_s(&run->designs, objective), design_samples(&run->designs),
        objective[OBJECTIVE_THROUGHPUT] / run->designs.reference_throughput, run->settings.limits.reference);
  }
  if (run->system != NULL) show_system(run, &best->point);
  if (run->settings.search.score == SCORE_BOUND) {
    say(run->invocation,
        "               (scores are bounds, which no schedule beats; dse evaluate schedules a design)\n");
  }
  const char *each = run->system != NULL ? " a device" : "";
  say(run->invocation, "  area         %.5g mm2 of %.8g%s\n", objective[OBJECTIVE_AREA], run->settings.limits.area_mm2,
      each);
  if (run->stage.provider->has_tdp) {
    say(run->invocation, "  TDP          %.5g W of %.8g%s\n", objective[OBJECTIVE_TDP], run->settings.limits.tdp_w,
        each);
  }
  if (run->designs.asks_die_cost) {
    say(run->invocation, "  die cost     %.5g USD\n", objective[OBJECTIVE_DIE_COST]);
  }
  say(run->invocation, "  energy       %.5g J an iteration\n  stopped by   %s\n", objective[OBJECTIVE_ENERGY],
      stage_binding_names[best->score.binding]);
  if (run->stage.provider->has_tdp) say(run->invocation, "  model band   %s\n", model_band);
}

/* How branch and bound covered the space: where every single design went. */
static void show_certificate(const struct run *run) {
  const struct boxes_counts *boxes = &run->proof.boxes;
  uint64_t excluded = 0, pruned = 0;
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) excluded += boxes->excluded[r];
  for (size_t b = 0; b < BOXES_MAX_BINDINGS; b++) pruned += boxes->pruned[b];
  say(run->invocation, "certificate: %" PRIu64 " designs = %" PRIu64 " out by limits", run->proof.points, excluded);
  const char *before = " (";
  for (size_t r = 0; r < N_REASONS; r++) {
    if (boxes->excluded[r] == 0) continue;
    say(run->invocation, "%s%s %" PRIu64, before, run->designs.space.reasons[r].name, boxes->excluded[r]);
    before = ", ";
  }
  say(run->invocation, "%s + %" PRIu64 " out by bounds", excluded > 0 ? ")" : "", pruned);
  before = " (";
  for (size_t b = 0; b < N_BINDINGS; b++) {
    if (boxes->pruned[b] == 0) continue;
    say(run->invocation, "%s%s %" PRIu64, before, stage_binding_names[b], boxes->pruned[b]);
    before = ", ";
  }
  say(run->invocation, "%s + %" PRIu64 " evaluated + %" PRIu64 " open; %" PRIu64 " boxes bounded\n",
      pruned > 0 ? ")" : "", boxes->known + boxes->asked, boxes->open, boxes->n_bounded);
}

static void show_proof(const struct run *run) {
  const struct proof *proof = &run->proof;
  const struct found *found = rounds_found(&run->rounds, &topk_at(run->rounds.topk, 0)->point);
  const uint64_t found_at = found != NULL ? found->evaluation : 0;
  if (proof->optimal) {
    say(run->invocation,
        "proven optimal over all %" PRIu64 " designs of the space: found after %" PRIu64
        " evaluation%s, proven after %" PRIu64 "\n",
        proof->points, found_at, found_at == 1 ? "" : "s",
        /* An equal design that comes first in order may turn up while the front is being closed. */
        max_u64(found_at, proof->searched + proof->evaluated_best));
  } else {
    say(run->invocation,
        "proven gap %.3g %%: no design of the %" PRIu64 " is better than %.6g; found after %" PRIu64 " evaluation%s\n",
        100 * proof->gap, proof->points, proof->bound, found_at, found_at == 1 ? "" : "s");
  }
  if (proof->counted || !proof->has_boxes) {
    say(run->invocation, "of the space, limits exclude %.1f %%, bounds exclude %.1f %%\n",
        100.0 * (double)(proof->points - proof->allowed) / (double)proof->points,
        100.0 * (double)proof->pruned / (double)proof->points);
  }
  if (proof->has_boxes) show_certificate(run);
  const double best = topk_at(run->rounds.topk, 0)->score.objective[run->designs.space.metric];
  if (proof->has_ceiling && proof->ceiling > 0) {
    say(run->invocation, "under any schedule: no design has %s beyond %.6g, %.3g %% from the best found\n",
        run->designs.space.objectives[run->designs.space.metric].name, proof->ceiling,
        100 * fabs(proof->ceiling - best) / fmax(proof->ceiling, best));
  }
}

void explore_report(const struct run *run) {
  if (cluster_rank(run->invocation->cluster) != 0) return;
  if (run->invocation->json) {
    json_t *summary = outputs_summary(run);
    json_dumpf(summary, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(summary);
    return;
  }
  const bool any = topk_count(run->rounds.topk) > 0;
  if (!any && system_report_chosen(run) == NULL) return; /* why, says the error */
  if (any) {
    show_front(run);
    show_best(run);
    show_proof(run);
  } else {
    say(run->invocation,
        "no design on all stages keeps the limits of the whole system: designs of their own for stages\n");
  }
  if (run->system != NULL) system_report_search(run);
  tenancy_report_say(run);
  cosearch_report_say(run);
  const double wall_s = clock_wall_s() - run->start_s;
  const char *alone =
      run->stages.n_evaluations > 0
          ? arena_printf(run->invocation->arena, ", and %" PRIu64 " of stages alone,", run->stages.n_evaluations)
          : "";
  say(run->invocation,
      "%s%" PRIu64 " evaluations (%" PRIu64 " feasible)%s in %.3g s on %u rank%s; results in %s, open %s/%s\n",
      run->system != NULL || run->tenants != NULL ? "\n" : "", run->rounds.evaluations, run->rounds.feasible, alone,
      wall_s, cluster_size(run->invocation->cluster), cluster_size(run->invocation->cluster) > 1 ? "s" : "",
      run->folder, run->folder, any ? "report.html" : "systems.csv");
}

/* To the six digits that are shown, never down: a limit raised by what is shown must let the design in. */
static double shown_excess(double excess) {
  if (!(excess > 0)) return 0;
  const double digit = pow(10, floor(log10(excess)) - 5);
  return ceil(excess / digit * (1 + 1e-12)) * digit;
}

void explore_explain(const struct run *run, struct error *error) {
  const struct proof *proof = &run->proof;
  if (run->cosearch != NULL && run->cosearch->reason != NULL) {
    error_add(error, STATUS_INFEASIBLE, "co-search: %s", run->cosearch->reason);
    if (topk_count(run->rounds.topk) > 0 || cosearch_leads(run)) return;
  }
  if (proof->open > 0) {
    error_add(error, STATUS_INFEASIBLE,
              "nothing feasible found; %llu of %llu designs were not judged, raise the budgets",
              (unsigned long long)proof->open, (unsigned long long)proof->points);
  } else {
    error_add(error, STATUS_INFEASIBLE, "nothing feasible among %llu designs", (unsigned long long)proof->points);
  }
  if (run->system != NULL && run->system->none_fits) {
    system_search_say_too_large(run->system, run->system->most_hbm_bytes, error);
  }
  for (size_t r = REASON_NONE + 1; r < N_REASONS; r++) {
    const struct reason_name *reason = &run->designs.space.reasons[r];
    const uint64_t n =
        proof->exclusions.n[r] > run->rounds.reason_count[r] ? proof->exclusions.n[r] : run->rounds.reason_count[r];
    if (n == 0) continue;
    error_add(error, STATUS_INFEASIBLE,
              "  %s binds for %llu designs (alone for %llu); the nearest misses it by %.6g %s", reason->name,
              (unsigned long long)n, (unsigned long long)proof->exclusions.alone[r],
              proof->exclusions.n[r] > 0 ? shown_excess(proof->exclusions.nearest[r]) : 0.0,
              text_unit_shown(reason->name, reason->unit));
  }
  error_add(error, STATUS_INFEASIBLE, "next: dse why %s says which limit, moved least, lets a design in", run->folder);
}

bool explore_report_again(const struct run *run, struct error *error) {
  char *text;
  size_t n;
  if (!run->invocation->json || cluster_rank(run->invocation->cluster) != 0) return true;
  if (!file_read(run_path(run, "summary.json"), CONFIG_MAX_BYTES * 16, run->invocation->arena, &text, &n, error)) {
    return false;
  }
  say(run->invocation, "%s", text);
  return true;
}
