/* What does the system model say of one measured run? See e2e.h.
 *
 * The row's machine, model and strategy become the structs that the search works on, and the same code tells the time.
 * What was not published is tried with the constants of each point; where there are too many points, with those of
 * some, and the others choose among what was best there. */
#include "dse/e2e/e2e.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

struct e2e_case {
  const struct e2e_question *question;
  const struct e2e_row *row;
  const struct e2e_hardware *hardware;
  struct e2e_work work;
  struct e2e_degrees degrees;
  struct accelerator part;
  /* What the system model points to; the constants move it. */
  struct cost_settings cost;
  struct training_settings training;
  struct network_settings network;
  struct system_law law;
  struct system *system;
  struct arena *arena, *scratch;
};

/* --- settings ---------------------------------------------------------------------------------------------------- */

/* 32-bit products: on lanes where cores have both, else in four passes of 16 bits; TF32: at half the rate. */
static const double tf32_rate = 0.5, passes_rate = 0.25;

/* Of GPUs: the efficiency of products is that of a machine with this ceiling, others' goes with theirs. */
static const double usual_ceiling = 0.836;
/* 8-bit products, as measured in the H100, reach less of their peak than its 16-bit ones. */
static const double eight_bit_ceiling = 0.709 / 0.803;

static void set_precision(struct e2e_case *run) {
  struct cost_settings *const cost = &run->cost;
  const enum e2e_precision precision = run->work.precision;
  if (precision == E2E_8_BIT) cost->weight_gemm_rate = fmax(run->hardware->eight_bit_rate * eight_bit_ceiling, 1);
  if (precision == E2E_TF32) cost->matmul_efficiency *= tf32_rate;
  if (precision == E2E_32_BIT && run->part.core_kind == CORES_SIMT)
    cost->tensor_on = DEPTHWISE_VC;
  else if (precision == E2E_32_BIT)
    cost->matmul_efficiency *= passes_rate;
}

static void set_constants(struct e2e_case *run, const struct e2e_constants *constants) {
  const double *const of = constants->of;
  run->cost.matmul_efficiency = fmin(of[E2E_MATMUL] * run->hardware->ceiling / usual_ceiling, 1);
  run->cost.hbm_efficiency = of[E2E_HBM];
  run->law.op_overhead_us = of[E2E_OP];
  run->law.overlap_share = of[E2E_OVERLAP];
  run->law.iteration_overhead = of[E2E_ITERATION];
  run->network.efficiency_inner = run->network.efficiency_outer = of[E2E_LINKS];
  set_precision(run);
}

/* What the software does with kernels, messages and gradients (docs/models/calibration.md, "Measured runs"). An update
 * moves 28 bytes a parameter: weight, gradient, and master copy and moments in and out. Sums of gradients are read and
 * written with 4 each instead of a 2-byte gradient; before products could add to them, in a pass that reads the
 * gradient as well. What
 * --set says stays. */
static void set_software(struct e2e_case *run) {
  static const double update_bytes = 28, fused_bytes = 6, separate_bytes = 10;
  static const uint64_t cast_bytes = 3; /* 2 read, 1 written */
  const struct e2e_software *const software = run->work.software;
  struct system_law *const law = &run->law;
  run->cost.wave_cores = e2e_hardware_waves(run->hardware, run->question->data_folder, run->arena);
  if (run->work.transformer && run->training.fusion == FUSION_OFF) run->training.fusion = FUSION_KERNELS;
  if (software->casts && run->work.precision == E2E_8_BIT && run->cost.cast_bytes == 0)
    run->cost.cast_bytes = cast_bytes;
  const bool compiled = run->cost.wave_cores == 0 || software->fuses_norms;
  if (!run->work.transformer && compiled && run->training.fusion == FUSION_OFF) run->training.fusion = FUSION_COMPAT;
  if (run->work.transformer && law->accumulation_share == 0)
    law->accumulation_share = (run->work.fused_attention ? fused_bytes : separate_bytes) / update_bytes;
  law->scatter_sends = law->scatter_sends || software->scatters;
  law->overlap_data = law->overlap_data && software->overlaps[run->row->pipeline > 1 ? 0 : 1];
  if (software->recomputes_operators) run->training.selective = SELECTIVE_OPERATORS;
  const double ranks = (double)max_u64(run->row->tensor, 1); /* of as many pieces the first is waited for */
  const bool asynchronous = software->asynchronous_tensor ||
                            e2e_says(run->row->precision, "asynchronous tensor parallel|async tensor parallel");
  if (asynchronous && law->overlap_tensor == 0) law->overlap_tensor = 1 - 1 / ranks;
  if (software->hidden_exchange > law->overlap_tensor && run->row->tensor == 1 && run->row->expert > 1)
    law->overlap_tensor = software->hidden_exchange; /* no other collectives are in its blocks */
  if (software->exchange_share > 0) run->cost.exchange_share = fmin(run->cost.exchange_share, software->exchange_share);
}

static bool set_up(struct e2e_case *run, uint64_t share, struct error *error) {
  const struct e2e_question *const question = run->question;
  if (!e2e_hardware_part(run->hardware, question->data_folder, share, run->arena, &run->part, error)) return false;
  e2e_hardware_limit(run->hardware, &question->base->technology, run->row->hardware, &run->part);
  if (!e2e_hardware_network(run->hardware, share, run->degrees.n_devices, run->arena, &run->network, error))
    return false;
  run->cost = question->base->cost;
  run->cost.network = &run->network;
  run->law = question->base->law;
  run->training = question->base->training;
  run->training.optimizer = run->work.optimizer;
  run->training.attention = !run->work.fused_attention ? ATTENTION_SEPARATE
                            : run->work.causal         ? ATTENTION_CAUSAL
                                                       : ATTENTION_FUSED;
  set_software(run);
  set_constants(run, &question->points[0]);
  const struct system_model model = {.workload = {.name = run->work.name,
                                                  .data_folder = question->data_folder,
                                                  .batch = 1,
                                                  .element_bytes = run->work.element_bytes,
                                                  .sets = run->work.sets,
                                                  .n_sets = run->work.n_sets},
                                     .training = &run->training,
                                     .schedule = &question->base->schedule,
                                     .cost = &run->cost,
                                     .technology = &question->base->technology,
                                     .network = &run->network,
                                     .law = &run->law};
  run->system = system_new(&model, run->arena, run->scratch);
  return true;
}

/* --- the strategy ------------------------------------------------------------------------------------------------ */

/* The best so far: of those that fit the most samples a second, else the one that lacks least memory. */
struct choice {
  bool any, fits;
  double samples_per_s;
  uint64_t excess_bytes;
  unsigned assumed;
  struct strategy strategy;
  const struct system_plan *plan;
  struct system_result result;
};

static bool is_better(const struct choice *a, const struct choice *b) {
  if (!b->any || a->fits != b->fits) return !b->any || a->fits;
  return a->fits ? a->samples_per_s > b->samples_per_s : a->excess_bytes < b->excess_bytes;
}

/* With the constants as they stand. */
static void evaluate(struct e2e_case *run, struct choice *mine) {
  system_evaluate(run->system, mine->plan, &run->part, &mine->result);
  const struct system_result *const result = &mine->result;
  mine->fits = result->fits;
  mine->excess_bytes = result->fits ? 0 : result->memory_bytes - result->hbm_bytes;
  mine->samples_per_s = (double)mine->strategy.global_batch / result->iteration_s;
}

/* One strategy; false if it is illegal. */
static bool attempt(struct e2e_case *run, const struct strategy *strategy, unsigned assumed, struct choice *mine,
                    struct error *error) {
  *mine = (struct choice){.any = true, .strategy = *strategy, .assumed = assumed};
  if (!system_prepare(run->system, strategy, &mine->plan, error)) return false;
  evaluate(run, mine);
  return true;
}

/* Which of these to try: as published, else the least recomputation, and for each the least sharding. */
static size_t memory_modes(const struct e2e_degrees *degrees, uint64_t data, int modes[][2]) {
  static const int zeros[] = {0, 1, 3};
  size_t n = 0;
  for (int r = 0; r < N_RECOMPUTES; r++) {
    if (degrees->recompute >= 0 && r != degrees->recompute) continue;
    for (int z = 0; z < (int)(sizeof zeros / sizeof *zeros); z++) {
      if (degrees->zero >= 0 && z > 0) continue;
      if (z > 0 && data == 1) continue;
      modes[n][0] = r;
      modes[n++][1] = degrees->zero >= 0 ? degrees->zero : zeros[z];
    }
  }
  return n;
}

enum trial { TRIAL_ILLEGAL, TRIAL_TOO_LARGE, TRIAL_FITS };

/* The first mode of memory that fits; with ZeRO-3 that nobody published only after all others. */
static enum trial try_memory(struct e2e_case *run, struct strategy *strategy, unsigned assumed, struct choice *best,
                             struct error *error) {
  int modes[3 * N_RECOMPUTES][2];
  const size_t n = memory_modes(&run->degrees, strategy->degrees.data, modes);
  for (int late = 0; late < 2; late++) {
    for (size_t i = 0; i < n; i++) {
      struct choice mine;
      if ((run->degrees.zero < 0 && modes[i][1] == 3) != (late == 1)) continue;
      strategy->recompute = (uint64_t)modes[i][0];
      strategy->zero = (uint64_t)modes[i][1];
      const unsigned more = run->degrees.zero < 0 && modes[i][1] > 0 ? E2E_ASSUMED_SHARDING : 0;
      if (!attempt(run, strategy, assumed | more, &mine, error)) return TRIAL_ILLEGAL;
      if (is_better(&mine, best)) *best = mine;
      if (mine.fits) return TRIAL_FITS;
    }
  }
  return TRIAL_TOO_LARGE;
}

/* All microbatches of these degrees; larger ones than one that does not fit would not either. The first mistake stays
 * in `error`. */
static void try_batches(struct e2e_case *run, struct strategy *strategy, struct choice *best, struct error *error) {
  struct e2e_batches batches;
  enum trial trial = TRIAL_FITS;
  e2e_batches_of(run->row, strategy->degrees.data, strategy->degrees.pipeline, &batches);
  for (size_t b = 0; b < batches.n && trial != TRIAL_TOO_LARGE; b++) {
    struct error own = {0};
    strategy->microbatch = batches.microbatch[b];
    strategy->global_batch = batches.batch[b];
    trial = try_memory(run, strategy, run->degrees.assumed | batches.assumed, best, &own);
    if (trial == TRIAL_ILLEGAL && !error_is_set(error)) *error = own;
  }
}

static void choose(struct e2e_case *run, struct choice *best, struct error *error) {
  const struct e2e_degrees *const degrees = &run->degrees;
  const uint64_t n = degrees->n_devices, context = max_u64(run->row->context, 1);
  for (size_t t = 0; t < degrees->n_tensor; t++)
    for (size_t p = 0; p < degrees->n_pipeline; p++)
      for (size_t v = 0; v < degrees->n_chunks; v++) {
        const uint64_t group = sat_mul(sat_mul(degrees->tensor[t], degrees->pipeline[p]), context);
        if (n % group != 0 || (run->row->data > 0 && n / group != run->row->data)) continue;
        struct strategy strategy = {
            .degrees = {.tensor = degrees->tensor[t],
                        .context = context,
                        .expert = max_u64(run->row->expert, 1),
                        .data = n / group,
                        .pipeline = degrees->pipeline[p],
                        .sequence = degrees->sequence && degrees->tensor[t] > 1 &&
                                    (uint64_t)run->work.tokens % (degrees->tensor[t] * context) == 0,
                        .pad_heads = degrees->n_tensor == 1},
            .n_chunks = degrees->pipeline[p] > 1 ? degrees->chunks[v] : 1,
            .schedule = degrees->schedule};
        try_batches(run, &strategy, best, error);
      }
  if (!best->any && !error_is_set(error))
    error_add(error, STATUS_INPUT, "no degrees beside those of its row make its %llu devices", (unsigned long long)n);
}

/* --- the outcome ------------------------------------------------------------------------------------------------- */

static void say_why(struct e2e_outcome *outcome, const char *why) {
  size_t n = 0;
  while (n + 1 < E2E_WHY_BYTES && why[n] != '\0' && why[n] != '\n') {
    outcome->why_not[n] = why[n];
    n++;
  }
}

static double peak_tflops(const struct e2e_case *run) {
  const struct accelerator *const part = &run->part;
  const double rate = run->work.precision == E2E_8_BIT ? run->hardware->eight_bit_rate : 1;
  return 2e-6 * rate * (double)part->tc_count * (double)part->tc_rows * (double)part->tc_cols * (double)part->clock_mhz;
}

static bool tries_all(const struct e2e_question *question, size_t point) {
  return point == 0 || question->tries == NULL || question->tries[point];
}

/* The best strategies of the points that tried all; no two alike. */
enum { MOST_BEST = 32 };
struct best_choices {
  size_t n;
  struct choice of[MOST_BEST];
};

static bool is_same(const struct strategy *a, const struct strategy *b) { return memcmp(a, b, sizeof *a) == 0; }

static void add_best(struct best_choices *best, const struct choice *choice) {
  for (size_t i = 0; i < best->n; i++)
    if (is_same(&best->of[i].strategy, &choice->strategy)) return;
  if (best->n < MOST_BEST) best->of[best->n++] = *choice;
}

static void move_to(struct e2e_case *run, const struct e2e_constants *constants) {
  set_constants(run, constants);
  system_refresh(run->system);
}

/* The best of a few, with the constants as they stand. */
static struct choice choose_among(struct e2e_case *run, const struct best_choices *best) {
  struct choice winner = {0};
  for (size_t i = 0; i < best->n; i++) {
    struct choice mine = best->of[i];
    evaluate(run, &mine);
    if (is_better(&mine, &winner)) winner = mine;
  }
  return winner;
}

/* Of another strategy's iteration: as if it were of the first point's, whose batch may be another. */
static double scaled_s(const struct e2e_case *run, const struct choice *choice, double peak,
                       const struct e2e_outcome *outcome) {
  const uint64_t batch = choice->strategy.global_batch;
  double measured_s;
  if (batch == outcome->strategy.global_batch) return choice->result.iteration_s;
  const char *const why = e2e_measured_s(run->row, &run->work, batch, peak, &measured_s);
  return why == NULL ? choice->result.iteration_s * (outcome->measured_s / measured_s) : NAN;
}

/* Every point but the first, whose choice is there. */
static void price_points(struct e2e_case *run, const struct choice *first, double peak, struct e2e_outcome *outcome,
                         struct error *error) {
  const struct e2e_question *const question = run->question;
  struct best_choices *const best = ARENA_NEW(run->arena, struct best_choices, 1);
  outcome->predicted_s[0] = first->result.iteration_s;
  best->n = 0;
  add_best(best, first);
  for (size_t i = 1; i < question->n_points; i++) {
    if (!tries_all(question, i)) continue;
    struct choice mine = {0};
    move_to(run, &question->points[i]);
    choose(run, &mine, error);
    add_best(best, &mine);
    outcome->predicted_s[i] = scaled_s(run, &mine, peak, outcome);
  }
  for (size_t i = 1; i < question->n_points; i++) {
    if (tries_all(question, i)) continue;
    move_to(run, &question->points[i]);
    const struct choice mine = choose_among(run, best);
    outcome->predicted_s[i] = scaled_s(run, &mine, peak, outcome);
  }
}

static const char *predict(struct e2e_case *run, struct e2e_outcome *outcome, struct error *error) {
  const struct e2e_question *const question = run->question;
  uint64_t share;
  run->hardware = e2e_hardware_of(run->row->hardware);
  if (run->hardware == NULL) return "hardware unknown";
  const char *why = e2e_work_of(run->row, run->hardware, question->data_folder, run->arena, run->scratch, &run->work);
  if (why == NULL) why = e2e_degrees_of(run->row, &run->work, run->hardware, &run->degrees, &share);
  if (why != NULL) return why;
  if (!set_up(run, share, error)) return error->text;
  struct choice best = {0};
  choose(run, &best, error);
  if (!best.any) return error->text;
  if (!isfinite(best.result.iteration_s)) return "an operator does not fit the part";
  outcome->strategy = best.strategy;
  outcome->result = best.result;
  outcome->n_devices = run->degrees.n_devices;
  outcome->assumed = best.assumed | run->work.assumed;
  outcome->nothing_fits = !best.fits;
  outcome->apart =
      (outcome->assumed & E2E_ASSUMED_WINDOW) != 0 || run->work.adapters || run->work.software->exchange_share > 0;
  outcome->work_flop = e2e_iteration_flop(run->row, &run->work, best.strategy.global_batch, false);
  const double peak = peak_tflops(run) * (double)share;
  why = e2e_measured_s(run->row, &run->work, best.strategy.global_batch, peak, &outcome->measured_s);
  if (why == NULL) price_points(run, &best, peak, outcome, error);
  return why;
}

void e2e_predict(const struct e2e_question *question, struct e2e_outcome *outcome) {
  struct arena arena, scratch;
  struct error *error;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  error = ARENA_NEW(&arena, struct error, 1);
  struct e2e_case *const run = ARENA_NEW(&arena, struct e2e_case, 1);
  *run = (struct e2e_case){.question = question, .row = question->row, .arena = &arena, .scratch = &scratch};
  memset(outcome, 0, sizeof *outcome);
  const char *const why = predict(run, outcome, error);
  if (why != NULL) say_why(outcome, why);
  if (run->system != NULL) system_release(run->system);
  arena_release(&scratch);
  arena_release(&arena);
}
