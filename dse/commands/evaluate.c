/* dse evaluate: one design in full, with its schedule, breakdowns, bounds, price, and how sure all that is. */
#include "dse/design/breakdown.h"
#include "dse/design/uncertainty.h"
#include "dse/output/outputs.h"
#include "dse/output/picture.h"
#include "dse/output/set_report.h"
#include "dse/system/system_report.h"

#include "arch/schedule_check.h"
#include "base/file.h"
#include "base/text.h"
#include "results/table.h"
#include <inttypes.h>
#include <string.h>

struct evaluation {
  struct run *run;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct stage_result result;
  struct score score;
  struct stage_detail detail;
  uint64_t floor_cycles; /* from operator floors alone */
  struct set_report set; /* of a list of workloads; all above is of its first */
  struct breakdown breakdown;
  struct uncertainty *uncertainty; /* NULL: not asked for */
};

/* --design k=v,… on top of the run file's first values; or a catalogue entry's name; default: the reference. */
static bool choose_design(struct run *run, struct accelerator *accelerator, struct error *error) {
  struct invocation *invocation = run->invocation;
  const char *text = invocation_value(invocation, "design");
  if (text == NULL) text = run->settings.limits.reference;
  if (strchr(text, '=') == NULL) {
    return accelerator_from_catalogue(invocation->data_folder, text, invocation->arena, accelerator, error) &&
           accelerator_derive(accelerator, error);
  }
  if (!design_parse(&run->designs, text, accelerator, invocation->arena, error)) return false;
  const uint64_t generated = run->designs.fixed.element_bytes;
  if (accelerator->element_bytes == generated) return true;
  return error_add(error, STATUS_INPUT,
                   "--design: element_bytes: %" PRIu64 ", but the operators of this run are generated for %" PRIu64
                   "; write --set space.element_bytes=[%" PRIu64 "]",
                   accelerator->element_bytes, generated, accelerator->element_bytes);
}

static void print_costs(const struct evaluation *evaluation) {
  const struct area_breakdown *area = &evaluation->design.area;
  const struct power_breakdown *power = &evaluation->design.tdp;
  const struct invocation *invocation = evaluation->run->invocation;
  say(invocation,
      "area %.5g mm2: tensor %.4g, vector %.4g, SRAM %.4g, wiring %.4g, HBM %.4g, links %.4g, misc %.4g, "
      "fill %.4g\n",
      area->total, area->tensor, area->vector, area->sram, area->noc, area->hbm, area->links, area->misc, area->fill);
  const bool has_tdp = evaluation->run->stage.provider->has_tdp;
  if (has_tdp) {
    say(invocation,
        "TDP %.5g W: tensor %.4g, vector %.4g, HBM %.4g, links %.4g, leakage %.4g, misc %.4g, supply %.4g\n",
        power->total, power->tensor, power->vector, power->hbm, power->links, power->leakage, power->misc,
        power->supply);
  }
  if (evaluation->run->designs.set != NULL) {
    say(invocation, "parts; energy of an iteration of %s:\n", evaluation->run->workload.name);
  }
  breakdown_say(&evaluation->breakdown, evaluation->run);
  if (has_tdp) say(invocation, "model band: %s\n", model_band);
}

/* The time of one workload in full. */
static void print_workload(const struct evaluation *evaluation) {
  const struct run *run = evaluation->run;
  const struct invocation *invocation = run->invocation;
  const struct stage_result *result = &evaluation->result;
  const struct accelerator *a = &evaluation->accelerator;
  say(invocation, "workload %s, %" PRIu64 " samples an iteration, %zu operators of %zu shapes\n", run->workload.name,
      run->stage.samples, run->graph.n_ops, run->graph.n_shapes);
  say(invocation, "iteration %.6g s, %" PRIu64 " cycles: %.6g samples/s\n", result->iteration_s, result->cycles,
      (double)run->stage.samples / result->iteration_s);
  say(invocation, "  no schedule of these costs is shorter than %" PRIu64 " cycles (gap %.3g %%, %s binds)\n",
      result->bound_cycles, 100.0 * (double)(result->cycles - result->bound_cycles) / (double)result->cycles,
      stage_binding_names[result->binding]);
  say(invocation, "  no mapping and schedule is shorter than %" PRIu64 " cycles (operator floors)\n",
      evaluation->floor_cycles);
  say(invocation, "  critical path %" PRIu64 ", list schedule %" PRIu64 ", HBM traffic alone %" PRIu64 " cycles\n",
      result->critical_path_cycles, result->list_cycles, result->hbm_cycles);
  say(invocation, "  tensor cores busy %.1f %%, vector cores %.1f %%, MACs used %.1f %% of peak\n",
      100.0 * (double)result->busy_cycles[CORE_TENSOR] / ((double)result->cycles * (double)a->tc_count),
      100.0 * (double)result->busy_cycles[CORE_VECTOR] / ((double)result->cycles * (double)a->vc_count),
      100.0 * (double)result->macs / ((double)result->cycles * (double)(a->tc_count * a->tc_rows * a->tc_cols)));
  say(invocation, "energy %.5g J an iteration; HBM traffic %.5g GB; memory needed %.5g of %.5g GB\n", result->energy_j,
      1e-9 * (double)result->hbm_bytes, 1e-9 * (double)evaluation->design.memory_bytes,
      1e-9 * (double)evaluation->design.hbm_bytes);
}

static void print_text(const struct evaluation *evaluation) {
  const struct run *run = evaluation->run;
  const struct invocation *invocation = run->invocation;
  const struct accelerator *a = &evaluation->accelerator;
  char name[17];
  design_name(a, name);
  say(invocation,
      "design %s: %" PRIu64 " x %" PRIu64 "x%" PRIu64 " tensor, %" PRIu64 " x %" PRIu64 " lanes, %" PRIu64
      " MiB, %" PRIu64 " HBM%s stacks, %" PRIu64 " MHz, %" PRIu64 " nm\n",
      name, a->tc_count, a->tc_rows, a->tc_cols, a->vc_count, a->vc_width, accelerator_glb_bytes(a) >> 20,
      a->hbm_stacks, config_find_field(&accelerator_fields, "hbm_generation")->choices[a->hbm_generation], a->clock_mhz,
      a->node_nm);
  if (run->designs.set != NULL) {
    set_report_say(run, &evaluation->set);
    say(invocation, "energy %.5g J an iteration, mean; memory needed %.5g of %.5g GB\n", evaluation->set.energy_j,
        1e-9 * (double)evaluation->design.memory_bytes, 1e-9 * (double)evaluation->design.hbm_bytes);
  } else {
    print_workload(evaluation);
  }
  print_costs(evaluation);
  if (evaluation->uncertainty != NULL) uncertainty_say(evaluation->uncertainty, invocation);
  if (evaluation->score.reason != REASON_NONE) {
    const struct reason_name *reason = &run->designs.space.reasons[evaluation->score.reason];
    say(invocation, "infeasible: %s, exceeded by %.6g %s\n", reason->name, evaluation->score.excess, reason->unit);
  }
}

static json_t *set_json(const struct evaluation *evaluation, const char *name) {
  const struct run *run = evaluation->run;
  json_t *object =
      json_pack("{ss ss sb ss sf sf sf sI}", "design", name, "workload", run->title, "feasible",
                evaluation->score.reason == REASON_NONE, "reason",
                run->designs.space.reasons[evaluation->score.reason].name, "excess", evaluation->score.excess,
                run->designs.space.objectives[OBJECTIVE_THROUGHPUT].name, evaluation->set.value, "energy_j",
                evaluation->set.energy_j, "memory_bytes", (json_int_t)evaluation->design.memory_bytes);
  REQUIRE(object != NULL);
  json_object_set_new(object, "workloads", set_report_json(run, &evaluation->set));
  return object;
}

static json_t *workload_json(const struct evaluation *evaluation, const char *name) {
  const struct run *run = evaluation->run;
  const struct stage_result *result = &evaluation->result;
  json_t *object = json_pack(
      "{ss ss sb ss sf sf sf sI sI sI sI sI sI sf sI sI}", "design", name, "workload", run->workload.name, "feasible",
      evaluation->score.reason == REASON_NONE, "reason", run->designs.space.reasons[evaluation->score.reason].name,
      "excess", evaluation->score.excess, "throughput_samples_per_s", (double)run->stage.samples / result->iteration_s,
      "iteration_s", result->iteration_s, "cycles", (json_int_t)result->cycles, "bound_cycles",
      (json_int_t)result->bound_cycles, "floor_cycles", (json_int_t)evaluation->floor_cycles, "critical_path_cycles",
      (json_int_t)result->critical_path_cycles, "list_cycles", (json_int_t)result->list_cycles, "hbm_cycles",
      (json_int_t)result->hbm_cycles, "energy_j", result->energy_j, "memory_bytes",
      (json_int_t)evaluation->design.memory_bytes, "hbm_traffic_bytes", (json_int_t)result->hbm_bytes);
  REQUIRE(object != NULL);
  json_object_set_new(object, "binding", json_string(stage_binding_names[result->binding]));
  return object;
}

static void print_json(const struct evaluation *evaluation) {
  const struct run *run = evaluation->run;
  const struct area_breakdown *area = &evaluation->design.area;
  const struct power_breakdown *power = &evaluation->design.tdp;
  char name[17];
  design_name(&evaluation->accelerator, name);
  json_t *object = run->designs.set != NULL ? set_json(evaluation, name) : workload_json(evaluation, name);
  json_object_set_new(object, "area_mm2",
                      json_pack("{sf sf sf sf sf sf sf sf sf}", "total", area->total, "tensor", area->tensor, "vector",
                                area->vector, "sram", area->sram, "noc", area->noc, "hbm", area->hbm, "links",
                                area->links, "misc", area->misc, "fill", area->fill));
  json_object_set_new(object, "tdp_w",
                      json_pack("{sf sf sf sf sf sf sf sf}", "total", power->total, "tensor", power->tensor, "vector",
                                power->vector, "hbm", power->hbm, "links", power->links, "leakage", power->leakage,
                                "misc", power->misc, "supply", power->supply));
  breakdown_json(&evaluation->breakdown, object);
  json_object_set_new(object, "model_band", run->stage.provider->has_tdp ? json_string(model_band) : json_null());
  if (evaluation->uncertainty != NULL) uncertainty_json(evaluation->uncertainty, object);
  json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
  putchar('\n');
  json_decref(object);
}

/* The trace file of accelerator-search §5: one operator a row. */
static bool write_schedule(const struct evaluation *evaluation, const char *path, struct error *error) {
  static const struct table_column columns[] = {
      {"op", "", "", "name of the operator"},
      {"kind", "", "", "kind of operator"},
      {"phase", "", "", "forward, backward-data, backward-weight, update"},
      {"class", "", "", "cores that it owns: tensor, vector, both, link"},
      {"cores", "", "", "how many of each"},
      {"tensor_core", "", "", "lowest tensor core, empty if none"},
      {"vector_core", "", "", "lowest vector core, empty if none"},
      {"start_cycles", "cycles", "", "start"},
      {"finish_cycles", "cycles", "", "finish"},
      {"mobility_cycles", "cycles", "", "slack with unlimited cores; 0: critical"},
      {"delay_cycles", "cycles", "", "waited beyond its slack"},
  };
  static const char *const classes[8] = {"", "tensor", "vector", "both", "link", "", "", ""};
  const struct op_graph *graph = evaluation->detail.problem.graph;
  const struct schedule *schedule = &evaluation->detail.schedule;
  struct table *table =
      table_new(evaluation->run->invocation->arena, "schedule.csv", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *op = &graph->ops[i];
    table_text(table, op_name(graph, i));
    table_text(table, op_kinds[op->kind].name);
    table_text(table, op_phase_names[op->phase]);
    table_text(table, classes[evaluation->detail.problem.shape_classes[op->shape] & 7]);
    table_u64(table, UINT64_C(1) << schedule->width_log2[i]);
    for (unsigned c = CORE_TENSOR; c <= CORE_VECTOR; c++) {
      if (schedule->core[c][i] == UINT32_MAX) {
        table_empty(table);
      } else {
        table_u64(table, schedule->core[c][i]);
      }
    }
    table_u64(table, schedule->start_cycles[i]);
    table_u64(table, schedule->finish_cycles[i]);
    table_u64(table, schedule->mobility_cycles[i]);
    table_u64(table, schedule->delay_op_cycles[i]);
  }
  size_t n;
  const char *bytes = table_bytes(table, &n);
  return file_publish(path, bytes, n, error);
}

/* --uncertainty N and --uncertainty-scale X; false with a message if they make no sense. */
static bool read_request(const struct run *run, struct uncertainty_request *request, struct error *error) {
  const struct invocation *invocation = run->invocation;
  const char *draws = invocation_value(invocation, "uncertainty");
  const char *scale = invocation_value(invocation, "uncertainty-scale");
  *request = (struct uncertainty_request){.n_draws = 0, .seed = run->settings.search.seed, .scale = 1};
  if (draws == NULL && scale != NULL) {
    return error_add(error, STATUS_INPUT,
                     "--uncertainty-scale: widens the ranges of --uncertainty N, which is missing");
  }
  if (draws == NULL) return true;
  if (!invocation_u64(invocation, "uncertainty", 0, &request->n_draws, error)) return false;
  if (request->n_draws == 0 || request->n_draws > UNCERTAINTY_MAX_DRAWS) {
    return error_add(error, STATUS_INPUT, "--uncertainty: %" PRIu64 " draws, allowed are 1 to %d", request->n_draws,
                     UNCERTAINTY_MAX_DRAWS);
  }
  if (scale != NULL && (!text_to_double(scale, &request->scale) || request->scale < 0 || request->scale > 4)) {
    return error_add(error, STATUS_INPUT, "--uncertainty-scale: \"%s\", allowed are numbers from 0 to 4", scale);
  }
  if (run->designs.set != NULL) {
    return error_add(error, STATUS_INPUT, "--uncertainty: takes a run file with one workload, not a list of them");
  }
  if (!run->stage.provider->has_tdp) {
    return error_add(error, STATUS_INPUT, "--uncertainty: the constants of provider %s have no ranges",
                     run->stage.provider->name);
  }
  return true;
}

static enum status evaluate(struct evaluation *evaluation, struct error *error) {
  struct run *run = evaluation->run;
  struct invocation *invocation = run->invocation;
  struct uncertainty_request request;
  if (!read_request(run, &request, error)) return error->status;
  if (!choose_design(run, &evaluation->accelerator, error)) return error->status;
  if (run->system != NULL) {
    if (request.n_draws > 0 || invocation_value(invocation, "schedule") != NULL) {
      error_add(error, STATUS_INPUT, "--uncertainty, --schedule: of one device; this run file is of a whole system");
      return error->status;
    }
    return system_report_evaluate(run, &evaluation->accelerator, error);
  }
  design_evaluate(&run->designs, &evaluation->accelerator, &evaluation->design, &evaluation->result, &evaluation->score,
                  &evaluation->detail, invocation->arena);
  if (evaluation->result.cycles == UINT64_MAX || evaluation->score.reason == REASON_TOO_LONG) {
    error_add(error, STATUS_INFEASIBLE, "the design cannot run this workload (its cycles do not fit 64 bits)");
    return error->status;
  }
  struct stage_floor floor;
  stage_bound(&run->stage, &evaluation->accelerator, &evaluation->design, run->designs.scratch, &floor);
  evaluation->floor_cycles = floor.cycles;
  if (run->designs.set != NULL) set_report_of(run, &evaluation->accelerator, &evaluation->set, invocation->arena);
  struct error broken = {0};
  if (!schedule_check(&evaluation->detail.problem, &evaluation->detail.schedule, invocation->scratch, &broken)) {
    BUG("a schedule broke its rules: %s", broken.text);
  }
  if (!breakdown_of(run, &evaluation->accelerator, &evaluation->design, &evaluation->result, &evaluation->breakdown,
                    error)) {
    return error->status;
  }
  if (request.n_draws > 0) {
    evaluation->uncertainty = ARENA_NEW(invocation->arena, struct uncertainty, 1);
    if (!uncertainty_of(run, &evaluation->accelerator, &evaluation->design, &evaluation->result, &request,
                        evaluation->uncertainty, error)) {
      return error->status;
    }
  }
  const char *path = invocation_value(invocation, "schedule");
  const bool is_writer = cluster_rank(invocation->cluster) == 0;
  if (path != NULL && is_writer) write_schedule(evaluation, path, error);
  if (!cluster_agree(invocation->cluster, error)) return error->status;
  if (is_writer) {
    if (invocation->json) {
      print_json(evaluation);
    } else {
      print_text(evaluation);
    }
  }
  return evaluation->score.reason == REASON_NONE ? STATUS_OK : STATUS_INFEASIBLE;
}

static enum status run_evaluate(struct invocation *invocation, struct error *error) {
  struct run *run = ARENA_NEW(invocation->arena, struct run, 1);
  const char *seed = invocation_value(invocation, "seed");
  if (seed != NULL) invocation->sets[invocation->n_sets++] = (struct config_set){"search.seed", seed};
  run->invocation = invocation;
  struct evaluation *evaluation = ARENA_NEW(invocation->arena, struct evaluation, 1);
  evaluation->run = run;
  enum status status = STATUS_INPUT;
  run->any_design = true;
  if (run_prepare(run, invocation->words[0], error)) {
    status = evaluate(evaluation, error);
  } else {
    status = error->status;
  }
  run_release(run);
  return status;
}

static const struct command_option options[] = {
    {"design", "K=V,...|NAME",
     "the design: keys of dse list keys (accelerator), or a catalogue entry (default: the "
     "run's reference)"},
    {"schedule", "FILE", "writes the schedule as CSV, an operator a row"},
    {"uncertainty", "N",
     "draws the model's constants N times (1 to 65536) within their ranges: intervals of area, TDP, time, energy"},
    {"uncertainty-scale", "X", "the ranges' width, 0 to 4 (default: 1; 2: twice as wide)"},
    {"seed", "N", "seed of the draws (default: search.seed of the run file)"},
};
static const char *const examples[] = {
    "dse evaluate configs/quickstart.cfg --design tpuv4",
    "dse evaluate configs/quickstart.cfg --design tc_count=4,tc_rows=128,tc_cols=128,vc_count=4,vc_width=512",
    "dse evaluate configs/quickstart.cfg --design tpuv4 --uncertainty 256", NULL};
const struct command command_evaluate = {
    .name = "evaluate",
    .words = "RUN.cfg",
    .summary = "one design in full: time, bounds, schedule; area, TDP, energy by part; price",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details = "Keys that --design leaves out take the first value of the run file's list or follow its rule. Exit "
               "status 3 if the design\n"
               "breaks a limit; its numbers are printed nevertheless. Prices and carbon: keys of group money. With\n"
               "--uncertainty, --verbose lists the range of every constant and where it comes from.",
    .examples = examples,
    .run = run_evaluate,
};
