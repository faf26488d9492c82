/* dse evaluate of a whole system: one design on all devices, in the strategies that suit it best. */
#include "dse/system/system_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { STRATEGIES_SHOWN = 10, MOST_TIMED = 64 };

struct timed {
  const struct system_plan *plan;
  uint32_t number; /* of the plan */
  struct system_result result;
};

static int by_time(const void *a, const void *b) {
  const struct timed *x = a, *y = b;
  if (x->result.iteration_s != y->result.iteration_s) return x->result.iteration_s < y->result.iteration_s ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

/* The strategies of least bound that fit, each in full. */
static size_t time_plans(const struct run *run, const struct accelerator *accelerator, struct timed *timed) {
  struct system_search *search = run->system;
  size_t n = 0;
  /* search->bounds are in order of the bounds of the design that was judged last: this one. */
  for (size_t i = 0; i < search->n_plans && n < MOST_TIMED; i++) {
    const struct system_plan *plan = search->plans[search->bounds[i].plan];
    if (!isfinite(search->bounds[i].seconds)) break;
    timed[n].plan = plan;
    timed[n].number = search->bounds[i].plan;
    system_evaluate(search->system, plan, accelerator, &timed[n].result);
    n++;
  }
  qsort(timed, n, sizeof *timed, by_time);
  return n;
}

/* Of the iteration; what is but the rounding of picoseconds is nothing. */
static double share_of(const struct system_result *result, enum system_binding part) {
  const double share = result->part_s[part] / result->iteration_s;
  return share < 1e-9 ? 0 : share;
}

static void print_others(const struct run *run, const struct timed *timed, size_t n) {
  static const struct table_column columns[] = {
      {"strategy", "", "", "in short: tensor (s: by sequence), pipeline, data, microbatch, schedule, recomputation"},
      {"devices", "", "", "of the system"},
      {"throughput_samples_per_s", "1/s", "max", "of the whole system"},
      {"iteration_s", "s", "min", "one iteration"},
      {"bubble", "", "", "share of the iteration that the busiest stage waits"},
      {"collectives", "", "", "share that its collectives take"},
      {"data", "", "", "share of data-parallel traffic that nothing hides"},
      {"memory_gib", "GiB", "min", "of a device of the fullest stage"},
  };
  struct arena *arena = run->invocation->arena;
  struct table *table = table_new(arena, "strategies.csv", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < n; i++) {
    const struct system_result *result = &timed[i].result;
    table_text(table, strategy_text(&timed[i].plan->strategy, arena));
    table_u64(table, timed[i].plan->n_devices);
    table_double(table, (double)run->system->samples / result->iteration_s);
    table_double(table, result->iteration_s);
    table_double(table, share_of(result, SYSTEM_BUBBLE));
    table_double(table, share_of(result, SYSTEM_COLLECTIVES));
    table_double(table, share_of(result, SYSTEM_DATA_EXPOSED));
    table_double(table, (double)result->memory_bytes / (1 << 30));
  }
  char *text;
  table_print(table, NULL, 0, STRATEGIES_SHOWN, &text, arena);
  say(run->invocation, "\nstrategies by time:\n\n%s\n", text);
}

static void say_price(const struct run *run, const struct accelerator *accelerator,
                      const struct stage_cost_of_design *design, uint64_t n_devices) {
  struct money money;
  struct error *ignored = ARENA_NEW(run->invocation->arena, struct error, 1);
  const double n = (double)n_devices;
  struct arena *arena = run->invocation->arena;
  say(run->invocation, "  a device     %.5g mm2, %.5g W TDP\n  all devices  %s mm2, %s W TDP", design->area.total,
      design->tdp.total, system_report_number(n * design->area.total, arena),
      system_report_number(n * design->tdp.total, arena));
  if (design_money(&run->designs, accelerator, design, &money, ignored)) {
    say(run->invocation, ", %s USD (dies and memory)", system_report_number(n * money.total_usd, arena));
  }
  say(run->invocation, "\n");
}

static bool say_none(const struct run *run, const struct system_score *score, const struct accelerator *accelerator,
                     struct error *error) {
  if (score->too_large) return system_search_say_too_large(run->system, accelerator_hbm_bytes(accelerator), error);
  if (isfinite(score->power_excess_w)) {
    return error_add(error, STATUS_INFEASIBLE, "system.power_w: missed by at least %.6g W", score->power_excess_w);
  }
  if (isfinite(score->money_excess_usd)) {
    return error_add(error, STATUS_INFEASIBLE, "system.money_usd: missed by at least %.6g USD",
                     score->money_excess_usd);
  }
  if (score->unpriced) return error_add(error, STATUS_INFEASIBLE, "system.money_usd: the design's price is not known");
  return error_add(error, STATUS_INFEASIBLE,
                   "no strategy ends: devices have no links to talk over, or cycles do not fit 64 bits");
}

enum status system_report_evaluate(const struct run *run, const struct accelerator *accelerator, struct error *error) {
  const struct invocation *invocation = run->invocation;
  struct stage_cost_of_design design;
  struct stage_result unused;
  struct score score;
  struct system_score own;
  struct system_result result;
  design_evaluate(&run->designs, accelerator, &design, &unused, &score, NULL, NULL);
  design_system_of(&run->designs, accelerator, &own, &result);
  if (own.plan == NULL) {
    say_none(run, &own, accelerator, error);
    return error->status;
  }
  if (cluster_rank(invocation->cluster) != 0) return score.reason == REASON_NONE ? STATUS_OK : STATUS_INFEASIBLE;
  struct timed *timed = ARENA_NEW(invocation->arena, struct timed, MOST_TIMED);
  const size_t n = time_plans(run, accelerator, timed);
  if (invocation->json) {
    json_t *object = system_report_json(run, own.plan, &result), *others = json_array();
    json_object_set_new(object, "workload", json_string(run->title));
    json_object_set_new(object, "throughput_samples_per_s", json_real(own.throughput));
    json_object_set_new(object, "energy_j", json_real(own.energy_j));
    json_object_set_new(object, "area_mm2", json_real(design.area.total));
    json_object_set_new(object, "tdp_w", json_real(design.tdp.total));
    json_object_set_new(object, "reason", json_string(run->designs.space.reasons[score.reason].name));
    json_object_set_new(object, "excess", json_real(score.excess));
    for (size_t i = 0; i < n; i++) {
      json_array_append_new(others, system_report_json(run, timed[i].plan, &timed[i].result));
    }
    json_object_set_new(object, "strategies", others);
    json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
  } else {
    say(invocation, "workload %s, %" PRIu64 " samples an iteration on %" PRIu64 " devices\n", run->title,
        run->system->samples, own.plan->n_devices);
    say(invocation, "  throughput   %.6g samples/s\n", own.throughput);
    system_report_say(run, own.plan, &result);
    say(invocation, "  energy       %s J an iteration\n", system_report_number(own.energy_j, invocation->arena));
    say_price(run, accelerator, &design, own.plan->n_devices);
    if (score.reason != REASON_NONE) {
      say(invocation, "breaks %s by %.6g %s\n", run->designs.space.reasons[score.reason].name, score.excess,
          run->designs.space.reasons[score.reason].unit);
    }
    print_others(run, timed, n);
  }
  return score.reason == REASON_NONE ? STATUS_OK : STATUS_INFEASIBLE;
}
