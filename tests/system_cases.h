/* Small systems to try things on: transformers of a few layers with random sizes, spread in random ways over devices of
 * random designs. Shared by the tests of the joined model; everything is fixed by the task's number. */
#ifndef TESTS_SYSTEM_CASES_H
#define TESTS_SYSTEM_CASES_H

#include "base/checked.h"
#include "tests/run_cases.h"
#include <inttypes.h>
#include <math.h>

static inline uint64_t case_one_of(struct rng *rng, const uint64_t *values, size_t n) {
  return values[rng_below(rng, n)];
}
#define CASE_ONE_OF(rng, ...)                                                                                          \
  case_one_of(rng, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* Some of the values of a list, as the list of a run file; never none. */
static inline const char *case_some_of(struct rng *rng, const char *const *words, size_t n, struct arena *arena) {
  const char *text = "";
  while (*text == 0) {
    for (size_t i = 0; i < n; i++) {
      if (rng_below(rng, 2) == 0) text = arena_printf(arena, "%s%s%s", text, *text != 0 ? ", " : "", words[i]);
    }
  }
  return arena_printf(arena, "[%s]", text);
}
#define CASE_SOME_OF(rng, arena, ...)                                                                                  \
  case_some_of(rng, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),   \
               arena)

/* GPT with a tied table, Llama with grouped heads, a mixture of experts. */
static inline const char *case_system_model(struct rng *rng, struct arena *arena, bool *has_experts) {
  static const char *const bases[] = {"gpt3-175b", "llama2-7b", "mixtral-8x7b"};
  const size_t base = rng_below(rng, 3);
  const uint64_t heads = CASE_ONE_OF(rng, 4, 8), head = CASE_ONE_OF(rng, 8, 16, 24);
  *has_experts = base == 2;
  const char *more = "";
  if (base > 0) more = arena_printf(arena, ", \"kv_heads=%d\", \"ffn=%" PRIu64 "\"", 4, 8 * (3 + rng_below(rng, 9)));
  if (base == 2) more = arena_printf(arena, "%s, \"experts=4\"", more);
  return arena_printf(arena,
                      "workload = \"%s\"; model = [\"layers=%" PRIu64 "\", \"hidden=%" PRIu64 "\", \"heads=%" PRIu64
                      "\", \"vocab=%" PRIu64 "\", \"sequence=%" PRIu64 "\"%s];\n",
                      bases[base], 3 + rng_below(rng, 6), heads * head, heads, 8 * (5 + rng_below(rng, 60)),
                      16 * (1 + rng_below(rng, 6)), more);
}

/* Of an even number of devices: some spaces have packages of two chiplets beside single ones. */
static inline const char *case_packages(struct rng *rng) {
  static const char *const packages[] = {"", "", "", " chiplets = [2]; d2d_gbytes_per_s = [2000];",
                                         " chiplets = [1, 2]; d2d_gbytes_per_s = [50, 900];"};
  return packages[rng_below(rng, 5)];
}

static inline const char *case_system_space(struct rng *rng, struct arena *arena) {
  return arena_printf(
      arena,
      "space = { tc_count = %s; tc_rows = %s; tc_cols = [16, 40]; vc_count = %s; vc_width = [24, 256];\n"
      "glb_mib = [1, 8]; hbm_stacks = %s; hbm_gib_per_stack = [1]; link_gbytes_per_s = %s;\n"
      "clock_mhz = [%" PRIu64 "];%s };\n",
      CASE_SOME_OF(rng, arena, "1", "2", "7"), CASE_SOME_OF(rng, arena, "4", "16", "64"),
      CASE_SOME_OF(rng, arena, "1", "3"), CASE_SOME_OF(rng, arena, "1", "2", "5"),
      CASE_SOME_OF(rng, arena, "1", "25", "600"), CASE_ONE_OF(rng, 700, 1410), case_packages(rng));
}

static inline const char *case_system_strategies(struct rng *rng, bool has_experts, struct arena *arena) {
  static const char *const sequences[] = {"off", "on", "both"};
  return arena_printf(
      arena,
      "system = { devices = %s; tensor = %s; context = %s; expert = %s; pipeline = %s; microbatch = %s; chunks = %s;\n"
      "schedule = %s; recompute = %s; zero = %s; sequence = \"%s\"; partition = \"%s\"; global_batch = %" PRIu64 ";\n"
      "law = { overlap_data = %s; overlap_share = %.2f; iteration_overhead = %.2f; op_overhead_us = %.1f;\n"
      "accumulation_share = %.2f; overlap_tensor = %.2f; scatter_sends = %s; }; };\n"
      "network = { sizes = [%" PRIu64 ", 0]; latency_us = [%.1f, 3.0]; gbytes_per_s = [%s, %s];\n"
      "topology = [\"switch\"]; };\n",
      CASE_SOME_OF(rng, arena, "2", "4", "8"), CASE_SOME_OF(rng, arena, "1", "2", "4"),
      rng_below(rng, 4) == 0 ? "[1, 2]" : "[1]", has_experts ? "[1, 2]" : "[1]",
      CASE_SOME_OF(rng, arena, "1", "2", "3", "4"), CASE_SOME_OF(rng, arena, "1", "2"),
      rng_below(rng, 2) == 0 ? "[1, 2]" : "[1]",
      CASE_SOME_OF(rng, arena, "\"gpipe\"", "\"1f1b\"", "\"interleaved\"", "\"zb_h1\"", "\"zb_h2\"", "\"zb_v\""),
      CASE_SOME_OF(rng, arena, "\"none\"", "\"selective\"", "\"full\""), CASE_SOME_OF(rng, arena, "0", "1", "2", "3"),
      sequences[rng_below(rng, 3)], rng_below(rng, 2) == 0 ? "balanced" : "equal", CASE_ONE_OF(rng, 16, 24, 48),
      rng_below(rng, 4) > 0 ? "true" : "false", rng_unit(rng), (double)rng_below(rng, 2) * 0.07,
      (double)rng_below(rng, 2) * 1.5, (double)rng_below(rng, 2) * 0.31, (double)rng_below(rng, 2) * 0.77,
      rng_below(rng, 2) == 0 ? "false" : "true", CASE_ONE_OF(rng, 2, 4), 0.2 + rng_unit(rng),
      rng_below(rng, 2) == 0 ? "0.0" : "150.0", rng_below(rng, 2) == 0 ? "0.0" : "12.5");
}

/* The run, or NULL where the drawn lists allow no strategy at all; whatever else is wrong stops the program. */
static inline struct run *case_system_run(const char *text, struct cluster *cluster, struct arena *arena,
                                          struct arena *scratch) {
  struct error *error = ARENA_NEW(arena, struct error, 1);
  struct run *run = case_settings(text, cluster, arena, scratch, error);
  if (!error_is_set(error) && run_load_workload(run, error) && run_make_problem(run, error)) return run;
  if (strstr(error->text, "system: no degrees") == NULL && strstr(error->text, "none of the") == NULL &&
      strstr(error->text, "no strategy fits") == NULL) {
    fputs(text, stderr);
    case_check(error);
  }
  run_release(run);
  return NULL;
}

/* What stage_bound says of every unit that a plan needs. */
struct case_flooring {
  struct system *system;
  const struct accelerator *accelerator;
  const struct stage_cost_of_design *design;
  struct unit_cost *floors, *costs;
};

static inline void case_floor_unit(void *context, uint32_t index) {
  const struct case_flooring *flooring = context;
  struct unit *unit = flooring->system->units[index];
  struct stage_floor floor;
  stage_bound(&unit->stage, flooring->accelerator, flooring->design, unit->scratch, &floor);
  const struct system_law *law = flooring->system->model.law;
  const double overhead_s = 1e-6 * law->op_overhead_us * (double)unit->graph.n_ops;
  flooring->floors[index] = (struct unit_cost){
      .seconds = system_floor_s(
          law, (double)max_u64(floor.cycles, 1) / stage_clock_hz(&unit->stage, flooring->accelerator) + overhead_s),
      .energy_j = floor.energy_j};
  system_price_unit(flooring->system, unit, flooring->accelerator, flooring->design, &flooring->costs[index]);
}

#endif
