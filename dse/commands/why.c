/* dse why: why is nothing (or so little) feasible, and which limit moved by how little helps? Why did the winner win?
 * Why is a given design not on the front?
 *
 * Limits: relax.h. The winner is that of the folder's topk.csv, held against its neighbours, one step along each axis.
 * A given design is judged as a run judges it, and compared with the folder's front.csv. Writes nothing. Left out:
 * which round pruned a design; its bound against the best says whether any would have. */
#include "dse/commands/why_private.h"
#include "dse/cosearch/cosearch.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "dse/design/design_private.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

void why_words(const struct why *why, const char *format, ...) {
  const struct invocation *invocation = why->run->invocation;
  if (invocation->json || cluster_rank(invocation->cluster) != 0) return;
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
}

/* --- limits ----------------------------------------------------------------------------------------------------------
 */

const char *why_set_of(const struct relaxation *relaxation, struct arena *arena) {
  if (relaxation->set != NULL) return relaxation->set;
  return arena_printf(arena, "%s=%.12g%s", relaxation->key, relaxation->to,
                      fmod(relaxation->to, 1) == 0 && fabs(relaxation->to) < 1e12 ? ".0" : "");
}

static json_t *relaxation_json(const struct why *why, const struct relaxation *relaxation) {
  struct arena *arena = why->run->invocation->arena;
  const bool measured = isfinite(relaxation->share); /* else it is a limit to be left out */
  return json_pack("{ss so so so ss}", "set", why_set_of(relaxation, arena), "from",
                   measured ? json_real(relaxation->from) : json_null(), "to",
                   measured ? json_real(relaxation->to) : json_null(), "share",
                   measured ? json_real(relaxation->share) : json_null(), "admits",
                   design_text(&why->run->designs, &relaxation->point, arena));
}

static void tell_relaxation(const struct why *why, const struct relaxation *relaxation) {
  const struct invocation *invocation = why->run->invocation;
  if (!isfinite(relaxation->share)) {
    why_words(why, "  --set '%s'\n", why_set_of(relaxation, invocation->arena));
    return;
  }
  why_words(why, "  --set %s  (from %.9g, by %.3g %%)\n", why_set_of(relaxation, invocation->arena), relaxation->from,
            100 * relaxation->share);
}

static void tell_counts(const struct why *why) {
  const struct relaxed *relaxed = &why->relaxed;
  json_t *limits = json_array();
  why_words(why, "%" PRIu64 " of %" PRIu64 " designs keep all limits that are known before a schedule\n",
            relaxed->allowed, relaxed->looked);
  for (size_t r = REASON_NONE + 1; r < N_REASONS; r++) {
    const struct reason_name *name = &why->run->designs.space.reasons[r];
    const struct relaxation *single = &relaxed->single[r];
    if (relaxed->n[r] == 0 && !single->exists) continue;
    why_words(why, "  %-24s breaks %" PRIu64 " (%.3g %%), alone %" PRIu64, name->name, relaxed->n[r],
              100.0 * (double)relaxed->n[r] / (double)relaxed->looked, relaxed->alone[r]);
    if (relaxed->nearest[r] >= 0)
      why_words(why, "; nearest miss %.6g %s", relaxed->nearest[r], text_unit_shown(name->name, name->unit));
    why_words(why, "\n");
    json_array_append_new(limits,
                          json_pack("{ss ss sI sI so so}", "limit", name->name, "unit", name->unit, "designs",
                                    (json_int_t)relaxed->n[r], "alone", (json_int_t)relaxed->alone[r], "nearest_miss",
                                    relaxed->nearest[r] >= 0 ? json_real(relaxed->nearest[r]) : json_null(),
                                    "relaxation", single->exists ? relaxation_json(why, single) : json_null()));
  }
  json_object_set_new(why->object, "limits", limits);
}

static void tell_limits(struct why *why) {
  const struct relaxed *relaxed = &why->relaxed;
  json_t *relaxations = json_array();
  relax_limits(why->run, &why->relaxed);
  json_object_set_new(why->object, "points", json_integer((json_int_t)relaxed->points));
  json_object_set_new(why->object, "looked", json_integer((json_int_t)relaxed->looked));
  json_object_set_new(why->object, "allowed", json_integer((json_int_t)relaxed->allowed));
  json_object_set_new(why->object, "feasible", json_boolean(relaxed->fits));
  tell_counts(why);
  if (relaxed->smallest != REASON_NONE) {
    why_words(why, relaxed->fits ? "designs are feasible; a single limit that lets in one more, moved least:\n"
                                 : "nothing is feasible; the single limit that helps, moved least:\n");
    tell_relaxation(why, &relaxed->single[relaxed->smallest]);
    json_array_append_new(relaxations, relaxation_json(why, &relaxed->single[relaxed->smallest]));
  } else if (relaxed->needs_joint) {
    why_words(why, "no single limit helps; all of these together, moved by the same factor:\n");
    for (size_t r = 0; r < N_REASONS; r++) {
      if (!relaxed->joint[r].exists) continue;
      tell_relaxation(why, &relaxed->joint[r]);
      json_array_append_new(relaxations, relaxation_json(why, &relaxed->joint[r]));
    }
  } else if (!relaxed->fits) {
    why_words(why, "no limit that is a number helps; larger axes may\n");
  }
  if (relaxed->looked < relaxed->points) {
    why_words(why, "(looked at %" PRIu64 " of %" PRIu64 " designs, at equal distances)\n", relaxed->looked,
              relaxed->points);
  }
  if (relaxed->cut) why_words(why, "(not all candidates were scheduled: a smaller step may help as well)\n");
  json_object_set_new(why->object, "relaxation", relaxations);
}

/* --- the winner ------------------------------------------------------------------------------------------------------
 */

/* The first row of topk.csv as a point of the space. */
static bool find_winner(const struct why *why, struct point *point) {
  struct arena *arena = why->run->invocation->arena;
  const struct space *space = &why->run->designs.space;
  struct error *ignored = ARENA_NEW(arena, struct error, 1);
  struct csv csv;
  if (!csv_read(arena_printf(arena, "%s/topk.csv", why->folder), 1 << 20, arena, &csv, ignored) || csv.n_rows == 0) {
    return false;
  }
  memset(point, 0, sizeof *point);
  for (size_t a = 0; a < space->n_axes; a++) {
    const struct axis *axis = &space->axes[a];
    const size_t column = csv_column(&csv, axis->key);
    if (column == SIZE_MAX) return false;
    const char *cell = csv_cell(&csv, 0, column);
    size_t i = 0;
    for (; i < axis->n; i++) {
      const char *word =
          axis->labels != NULL ? axis->labels[axis->values[i]] : arena_printf(arena, "%" PRIu64, axis->values[i]);
      if (strcmp(word, cell) == 0) break;
    }
    if (i == axis->n) return false;
    point->index[a] = (uint16_t)i;
  }
  return true;
}

static void tell_step(const struct why *why, const struct point *winner, const struct score *best, size_t a, int step,
                      json_t *steps) {
  const struct space *space = &why->run->designs.space;
  const struct invocation *invocation = why->run->invocation;
  const struct axis *axis = &space->axes[a];
  struct point point = *winner;
  struct score score;
  if ((step < 0 && point.index[a] == 0) || (step > 0 && point.index[a] + 1u >= axis->n)) return;
  point.index[a] = (uint16_t)(point.index[a] + step);
  space->evaluate(space->context, &point, &score);
  const uint64_t from = axis->values[winner->index[a]], to = axis->values[point.index[a]];
  const char *what;
  double per_percent = NAN;
  if (score.reason != REASON_NONE) {
    what = arena_printf(invocation->arena, "breaks %s by %.6g %s", space->reasons[score.reason].name, score.excess,
                        text_unit_shown(space->reasons[score.reason].name, space->reasons[score.reason].unit));
  } else {
    const double change = score.objective[space->metric] / best->objective[space->metric] - 1;
    const double times = from > 0 && axis->labels == NULL ? (double)to / (double)from - 1 : 0;
    what = arena_printf(invocation->arena, "%s %+.3g %%", space->objectives[space->metric].name, 100 * change);
    if (times != 0) {
      per_percent = change / times;
      what = arena_printf(invocation->arena, "%s, %+.3g %% for 1 %% more", what, per_percent);
    }
  }
  why_words(why, "  %s %" PRIu64 " -> %" PRIu64 ": %s\n", axis->key, from, to, what);
  json_array_append_new(
      steps, json_pack("{ss sI sI so ss so}", "axis", axis->key, "from", (json_int_t)from, "to", (json_int_t)to,
                       "per_percent", isfinite(per_percent) ? json_real(per_percent) : json_null(), "what", what,
                       space->objectives[space->metric].name,
                       score.reason == REASON_NONE ? json_real(score.objective[space->metric]) : json_null()));
}

static int by_start(const void *a, const void *b, void *starts) {
  const uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
  const uint64_t x = ((const uint64_t *)starts)[i], y = ((const uint64_t *)starts)[k];
  if (x != y) return x < y ? -1 : 1;
  return i < k ? -1 : i > k;
}

static void sort_by_start(const struct schedule *schedule, uint32_t *ops, size_t n) {
  qsort_r(ops, n, sizeof *ops, by_start, schedule->start_cycles);
}

/* What the schedule's critical path consists of: cycles by phase, and the operators that hold it up most. */
static void tell_path(const struct why *why, const struct point *winner, json_t *told) {
  enum { MOST_SHOWN = 3 };
  const struct run *run = why->run;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct stage_result result;
  struct stage_detail detail;
  struct score score;
  REQUIRE(design_at(&run->designs, winner, &accelerator));
  design_evaluate(&run->designs, &accelerator, &design, &result, &score, &detail, run->invocation->arena);
  const struct op_graph *graph = detail.problem.graph;
  const struct schedule *schedule = &detail.schedule;
  uint64_t phase_cycles[N_PHASES] = {0}, reached_cycles = 0, n_ops = 0;
  size_t longest[MOST_SHOWN] = {0}, n_longest = 0;
  uint32_t *order = ARENA_NEW(run->invocation->arena, uint32_t, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) {
    if (schedule->mobility_cycles[i] == 0) order[n_ops++] = (uint32_t)i;
  }
  sort_by_start(schedule, order, n_ops);
  /* Of paths side by side every cycle counts once, for the operator that starts first. */
  for (size_t k = 0; k < n_ops; k++) {
    const size_t i = order[k];
    const uint64_t start = max_u64(schedule->start_cycles[i], reached_cycles);
    if (schedule->finish_cycles[i] <= start) continue;
    phase_cycles[graph->ops[i].phase] += schedule->finish_cycles[i] - start;
    reached_cycles = schedule->finish_cycles[i];
  }
  for (size_t k = 0; k < n_ops; k++) {
    const uint64_t own = schedule->finish_cycles[order[k]] - schedule->start_cycles[order[k]];
    size_t at = n_longest;
    while (at > 0 && own > schedule->finish_cycles[longest[at - 1]] - schedule->start_cycles[longest[at - 1]]) at--;
    if (at == MOST_SHOWN) continue;
    if (n_longest < MOST_SHOWN) n_longest++;
    for (size_t m = n_longest - 1; m > at; m--) longest[m] = longest[m - 1];
    longest[at] = order[k];
  }
  json_t *phases = json_object(), *ops = json_array();
  why_words(why, "critical path%s: %" PRIu64 " operators, %" PRIu64 " cycles;",
            run->system != NULL ? " of one block of its stage" : "", n_ops, reached_cycles);
  for (size_t p = 0; p < N_PHASES; p++) {
    if (phase_cycles[p] == 0) continue;
    why_words(why, " %s %.3g %%", op_phase_names[p],
              100.0 * (double)phase_cycles[p] / (double)max_u64(reached_cycles, 1));
    json_object_set_new(phases, op_phase_names[p], json_integer((json_int_t)phase_cycles[p]));
  }
  why_words(why, "\n");
  for (size_t m = 0; m < n_longest; m++) {
    const uint64_t own = schedule->finish_cycles[longest[m]] - schedule->start_cycles[longest[m]];
    why_words(why, "  longest: %s, %" PRIu64 " cycles\n", op_name(graph, longest[m]), own);
    json_array_append_new(ops, json_pack("{ss sI}", "op", op_name(graph, longest[m]), "cycles", (json_int_t)own));
  }
  json_object_set_new(told, "critical_path",
                      json_pack("{sI sI so so}", "operators", (json_int_t)n_ops, "cycles", (json_int_t)reached_cycles,
                                "phases", phases, "longest", ops));
}

static void tell_winner(const struct why *why) {
  const struct space *space = &why->run->designs.space;
  const struct invocation *invocation = why->run->invocation;
  struct point point;
  struct score score;
  if (why->folder == NULL || !find_winner(why, &point)) return;
  space->evaluate(space->context, &point, &score);
  if (score.reason != REASON_NONE) return;
  const double value = score.objective[space->metric];
  const double gap = fabs(value - score.bound) / fmax(fabs(value), fabs(score.bound));
  json_t *steps = json_array();
  why_words(why, "\nthe best, %s: %s %.6g\n  stopped by %s; no schedule of it is better than %.6g (%.3g %%)\n",
            design_text(&why->run->designs, &point, invocation->arena), space->objectives[space->metric].name, value,
            stage_binding_names[score.binding], score.bound, 100 * gap);
  why_words(why, "one step along each axis:\n");
  for (size_t a = 0; a < space->n_axes; a++) {
    tell_step(why, &point, &score, a, -1, steps);
    tell_step(why, &point, &score, a, 1, steps);
  }
  json_t *told = json_pack("{ss ss sf sf so}", "design", design_text(&why->run->designs, &point, invocation->arena),
                           "binding", stage_binding_names[score.binding], space->objectives[space->metric].name, value,
                           "bound", score.bound, "steps", steps);
  if (why->run->settings.search.score == SCORE_SCHEDULE) tell_path(why, &point, told);
  json_object_set_new(why->object, "winner", told);
}

/* --- one design ------------------------------------------------------------------------------------------------------
 */

/* The first design of the front that is nowhere worse, and somewhere better; *same: the one that is equal. */
static const char *dominating(const struct why *why, const struct score *score, const char *name, bool *on_front) {
  const struct space *space = &why->run->designs.space;
  const struct csv *front = &why->front.front;
  const size_t design = csv_column(front, "design");
  const char *dominator = NULL;
  for (size_t r = 0; r < front->n_rows; r++) {
    bool no_worse = true, better = false;
    for (size_t i = 0; i < space->n_front_objectives; i++) {
      const size_t o = space_front_objective(space, i), column = csv_column(front, space->objectives[o].name);
      double value;
      if (column == SIZE_MAX || !text_to_double(csv_cell(front, r, column), &value)) continue;
      no_worse = no_worse && !objective_better(&space->objectives[o], score->objective[o], value);
      better = better || objective_better(&space->objectives[o], value, score->objective[o]);
    }
    if (design != SIZE_MAX && strcmp(csv_cell(front, r, design), name) == 0) *on_front = true;
    if (no_worse && better && dominator == NULL && design != SIZE_MAX) dominator = csv_cell(front, r, design);
  }
  return dominator;
}

static void tell_broken(const struct why *why, const struct accelerator *accelerator, const struct score *score) {
  const struct design_space *designs = &why->run->designs;
  struct stage_cost_of_design design;
  json_t *broken = json_array();
  design_cost(designs, accelerator, &design);
  bool any = false;
  for (enum reason r = REASON_AREA; r < N_REASONS; r++) {
    const bool judged = score->reason == r;
    const double excess = r <= REASON_LAST_RANGE ? design_excess(designs, accelerator, &design, r) : 0;
    if (!(excess > 0) && !judged) continue;
    const double by = excess > 0 ? excess : score->excess;
    any = true;
    why_words(why, "  breaks %s by %.6g %s\n", designs->space.reasons[r].name, by,
              text_unit_shown(designs->space.reasons[r].name, designs->space.reasons[r].unit));
    json_array_append_new(broken, json_pack("{ss sf ss}", "limit", designs->space.reasons[r].name, "excess", by, "unit",
                                            designs->space.reasons[r].unit));
  }
  if (!any) why_words(why, "  the template or a rule forbids it\n");
  json_object_set_new(why->object, "breaks", broken);
}

/* Could branch and bound pass over it without an evaluation? By its bound against the best that was found. */
static void tell_pruned(const struct why *why, const struct score *score) {
  const struct space *space = &why->run->designs.space;
  struct point winner;
  struct score best;
  if (!find_winner(why, &winner)) return;
  space->evaluate(space->context, &winner, &best);
  if (best.reason != REASON_NONE) return;
  const double value = best.objective[space->metric];
  const bool pruned = !space_better(space, score->bound, value);
  why_words(why, "  %s: its bound %.6g against the best found, %.6g; the bound is of %s\n",
            pruned ? "pruned as the best" : "not pruned by its bound", score->bound, value,
            stage_binding_names[score->binding]);
  json_object_set_new(why->object, "pruned",
                      json_pack("{sb sf sf ss}", "pruned", pruned, "bound", score->bound, "best", value, "binding",
                                stage_binding_names[score->binding]));
}

static bool tell_design(struct why *why, const char *text, struct error *error) {
  const struct run *run = why->run;
  const struct space *space = &run->designs.space;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct stage_result result;
  struct score score = {0};
  char name[17];
  if (!design_parse(&run->designs, text, &accelerator, run->invocation->arena, error)) return false;
  design_name(&accelerator, name);
  design_evaluate(&run->designs, &accelerator, &design, &result, &score, NULL, NULL);
  const bool feasible = score.reason == REASON_NONE;
  why_words(why, "design %s: %s\n", name, feasible ? "keeps all limits" : "infeasible");
  json_object_set_new(why->object, "design", json_string(name));
  json_object_set_new(why->object, "feasible", json_boolean(feasible));
  if (!feasible) {
    tell_broken(why, &accelerator, &score);
    return true;
  }
  why_words(why, "  %s %.6g, at most %.6g under any schedule; stopped by %s\n", space->objectives[space->metric].name,
            score.objective[space->metric], score.bound, stage_binding_names[score.binding]);
  if (!why->has_front) return true;
  tell_pruned(why, &score);
  bool on_front = false;
  const char *dominator = dominating(why, &score, name, &on_front);
  const char *place = on_front ? "it is on the front"
                      : dominator != NULL
                          ? arena_printf(run->invocation->arena, "dominated by %s, which is nowhere worse", dominator)
                          : "not on the front, though nothing there dominates it: it was never evaluated, "
                            "is no point of the space, or equals one that is there";
  why_words(why, "  %s\n", place);
  json_object_set_new(why->object, "place", json_string(place));
  json_object_set_new(why->object, "dominated_by", dominator != NULL ? json_string(dominator) : json_null());
  return true;
}

/* --- the command -----------------------------------------------------------------------------------------------------
 */

static bool tell(struct why *why, struct error *error) {
  struct invocation *invocation = why->run->invocation;
  const char *design = invocation_value(invocation, "design"), *platform = invocation_value(invocation, "platform");
  struct error *ignored = ARENA_NEW(invocation->arena, struct error, 1);
  why->object = json_object();
  if (why->folder != NULL && design != NULL) {
    why->has_front = front_folder_read(&why->front, why->folder, invocation->arena, ignored);
  }
  bool good = design == NULL || tell_design(why, design, error);
  if (platform != NULL) {
    good = good && why_platform(why, platform, error);
  } else if (design == NULL) {
    tell_limits(why);
    if (why->relaxed.fits) tell_winner(why);
    if (why->relaxed.fits && cosearch_leads(why->run)) good = why_platforms(why, error);
  }
  if (good && invocation->json && cluster_rank(invocation->cluster) == 0) {
    json_dumpf(why->object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    putchar('\n');
  }
  json_decref(why->object);
  return good;
}

static enum status run_why(struct invocation *invocation, struct error *error) {
  const char *word = invocation->words[0], *path = arena_printf(invocation->arena, "%s/run.cfg", word);
  struct run *run = ARENA_NEW(invocation->arena, struct run, 1);
  struct why *why = ARENA_NEW(invocation->arena, struct why, 1);
  const bool is_folder = file_exists(path);
  run->invocation = invocation;
  run->start_s = clock_wall_s();
  why->run = run;
  why->folder = is_folder ? word : NULL;
  const bool good = run_prepare(run, is_folder ? path : word, error) && tell(why, error);
  run_release(run);
  return good ? STATUS_OK : error->status;
}

static const struct command_option options[] = {
    {"design", "K=V,...", "why this design is infeasible, or not on the front; keys left out as in the run file"},
    {"platform", "N x DESIGN + ...",
     "of a co-search: which limit, price or weight moved by how little lets this platform win; a DESIGN is a name as "
     "cosearch.csv has it, or K=V,..."},
};
static const char *const examples[] = {
    "dse why configs/quickstart.cfg --set limits.tdp_w=60",
    "dse why results-quickstart --design tc_count=2,tc_rows=128,tc_cols=128,vc_count=2,vc_width=512", NULL};
const struct command command_why = {
    .name = "why",
    .words = "DIR|RUN.cfg",
    .summary = "why nothing is feasible, why the winner won, or why a design is not on the front",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "Counts the designs that break each limit, with or without others, and says which limit moved by how little "
        "lets\n"
        "a design in (a hundredth less would not), or which limits together; of memory the next size of its stacks, "
        "of\n"
        "limits.constraints which of them to leave out. Of a results folder also the winner: its critical path, what\n"
        "stops it, what one step along each axis does, and 1 %. Of a design: what it breaks and by how much, or which "
        "one\n"
        "dominates it, and whether its bound lets a search pass over it. Of a co-search also which limit of platforms "
        "lets one\n"
        "in; of a platform that is named what it needs to be allowed, and to win, or how far it is behind. Writes "
        "nothing. --json: points, looked,\n"
        "allowed, feasible, limits (limit, unit, designs, alone, nearest_miss, relaxation), relaxation (list of set,\n"
        "from, to, share, admits), winner; of a design: design, feasible, breaks (limit, excess, unit), place,\n"
        "dominated_by, pruned (pruned, bound, best, binding); of a co-search: co_search (allowed, best, value, "
        "together,\n"
        "relaxation as above); of a platform: platform (platform, broken, allowed, needs, value, training, "
        "makespan_s,\n"
        "least_makespan_s, best, best_value, wins, behind, moves, searches; moves and needs as relaxation).",
    .examples = examples,
    .run = run_why,
};
