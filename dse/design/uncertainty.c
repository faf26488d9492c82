/* See uncertainty.h. */
#include "dse/design/uncertainty.h"

#include "base/num.h"
#include "base/rng.h"
#include "base/text.h"
#include <gsl/gsl_qrng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum target {
  TARGET_TECHNOLOGY,
  TARGET_COST,
  TARGET_LANES,
  TARGET_LOGIC,
  TARGET_ENERGY,
  TARGET_HBM_AREA,
  TARGET_HBM_POWER,
  TARGET_HBM_RATE,
  TARGET_LANE_RATE,
  TARGET_CLOCK,
  N_TARGETS
};

static const struct constant {
  const char *name;
  enum target target;
  const char *keys;
  double low, high;
  const char *source;
} constants[] = {
#define UNCERTAIN(name, target, keys, low, high, source) {#name, TARGET_##target, keys, low, high, source},
#include "arch/uncertainty.def"
};
enum { N_CONSTANTS = sizeof constants / sizeof *constants, GROUP = 8, FEWEST_FOR_RANKS = 8 };

static const char *const uncertain_output_names[N_UNCERTAIN_OUTPUTS] = {
    "area_mm2", "tdp_w", "iteration_s", "throughput_samples_per_s", "throughput_per_tdp", "energy_j"};

size_t uncertainty_n_constants(void) { return N_CONSTANTS; }

const char *uncertainty_constant_name(size_t constant) { return constants[constant].name; }

/* --- from the unit cube to constants --------------------------------------------------------------------------------
 */

/* The table gives technology keys in their own units, around their defaults. */
void uncertainty_range(size_t constant, double *low, double *high) {
  const struct constant *of = &constants[constant];
  double value = 1;
  if (of->target == TARGET_TECHNOLOGY) {
    const struct field *field = config_find_field(&technology_fields, of->keys);
    REQUIRE(field != NULL && text_to_double(field->default_text, &value));
  }
  *low = of->low / value;
  *high = of->high / value;
}

void uncertainty_factors(const double *u, double scale, double *factor) {
  for (size_t i = 0; i < N_CONSTANTS; i++) {
    double low, high;
    uncertainty_range(i, &low, &high);
    /* Inverse of the triangular distribution over a … b with its top at 0. */
    const double a = num_log(low), b = num_log(high), width = b - a;
    const double x = u[i] * width < -a ? a + sqrt(u[i] * width * -a) : b - sqrt((1 - u[i]) * width * b);
    factor[i] = num_exp(scale * x);
  }
}

/* The next word of a list that spaces part. */
static bool next_word(const char **list, char word[64]) {
  while (**list == ' ') ++*list;
  const size_t n = strcspn(*list, " ");
  if (n == 0) return false;
  REQUIRE(n < 64);
  memcpy(word, *list, n);
  word[n] = 0;
  *list += n;
  return true;
}

bool uncertainty_matters(size_t i, uint64_t node_nm) {
  const struct constant *constant = &constants[i];
  const char *list = constant->keys;
  char word[64];
  if (constant->target != TARGET_LOGIC && constant->target != TARGET_ENERGY) return true;
  while (next_word(&list, word)) {
    if (strtoull(word, NULL, 10) == node_nm) return true;
  }
  return false;
}

/* Times a factor, within the key's range; whole numbers are rounded to the nearest, zeros stay. */
static void scale_key(const struct field_table *table, const char *key, double factor, void *into) {
  const struct field *field = config_find_field(table, key);
  REQUIRE(field != NULL); /* as the unit test of the ranges sees to */
  void *const place = (char *)into + field->offset;
  const double value = field->type == FIELD_REAL ? *(const double *)place : (double)*(const uint64_t *)place;
  const double scaled = fmin(fmax(value * factor, field->minimum), field->maximum);
  REQUIRE(field->type == FIELD_REAL || field->type == FIELD_UINT);
  if (field->type == FIELD_REAL) {
    *(double *)place = scaled;
  } else {
    *(uint64_t *)place = value > 0 ? (uint64_t)fmax(scaled + 0.5, 1) : 0;
  }
}

/* Optimizers have no backward cycles. */
static void scale_lanes(const char *kind, double factor, struct cost_settings *cost) {
  static const char *const phases[] = {"forward", "backward"};
  for (unsigned p = 0; p < 2; p++) {
    char key[96];
    snprintf(key, sizeof key, "%s_%s_cycles", kind, phases[p]);
    if (p == 0 || config_find_field(&cost_fields, key) != NULL) scale_key(&cost_fields, key, factor, cost);
  }
}

void uncertain_stage_init(struct uncertain_stage *drawn, const struct stage *stage, uint64_t node_nm,
                          const double *factor) {
  double kept[N_TARGETS]; /* what is no key */
  for (size_t t = 0; t < N_TARGETS; t++) kept[t] = 1;
  drawn->technology = *stage->technology;
  drawn->cost = *stage->cost;
  for (size_t i = 0; i < N_CONSTANTS; i++) {
    const struct constant *constant = &constants[i];
    if (!uncertainty_matters(i, node_nm)) continue;
    const char *list = constant->keys;
    char word[64];
    kept[constant->target] = factor[i];
    /* What a node does to arrays and lanes, their constants can do as well. */
    if (constant->target == TARGET_LOGIC) list = "mac_um2 lane_um2";
    if (constant->target == TARGET_ENERGY) list = "mac_pj lane_pj";
    while (next_word(&list, word)) {
      if (constant->target == TARGET_COST) {
        scale_key(&cost_fields, word, factor[i], &drawn->cost);
      } else if (constant->target == TARGET_LANES) {
        scale_lanes(word, factor[i], &drawn->cost);
      } else {
        scale_key(&technology_fields, word, factor[i], &drawn->technology);
      }
    }
  }
  drawn->derating = (struct stage_derating){kept[TARGET_HBM_AREA], kept[TARGET_HBM_POWER], kept[TARGET_HBM_RATE],
                                            kept[TARGET_LANE_RATE], kept[TARGET_CLOCK]};
  drawn->stage = *stage;
  drawn->stage.technology = &drawn->technology;
  drawn->stage.cost = &drawn->cost;
  drawn->stage.derating = &drawn->derating;
  energy_model_calibrate(&drawn->stage.energy, &drawn->technology);
}

/* --- one draw -------------------------------------------------------------------------------------------------------
 */

struct sample {
  double output[N_UNCERTAIN_OUTPUTS];
};

struct drawing {
  const struct run *run;
  const struct accelerator *accelerator;
  struct stage_scratch *scratch; /* without a cache: prices differ from draw to draw */
  const double *factors;         /* [n_draws × N_CONSTANTS] */
};

static void collect(const struct stage *stage, const struct stage_cost_of_design *design,
                    const struct stage_result *result, struct sample *sample) {
  const bool fits = result->cycles > 0 && result->cycles < UINT64_MAX;
  const double throughput = fits ? (double)stage->samples / result->iteration_s : (double)NAN;
  sample->output[UNCERTAIN_AREA] = design->area.total;
  sample->output[UNCERTAIN_TDP] = design->tdp.total;
  sample->output[UNCERTAIN_ITERATION] = fits ? result->iteration_s : (double)NAN;
  sample->output[UNCERTAIN_THROUGHPUT] = throughput;
  sample->output[UNCERTAIN_THROUGHPUT_PER_TDP] = throughput / design->tdp.total;
  sample->output[UNCERTAIN_ENERGY] = result->energy_j;
}

static void draw(void *context, size_t index, void *record) {
  const struct drawing *drawing = context;
  const struct accelerator *accelerator = drawing->accelerator;
  struct uncertain_stage drawn;
  uncertain_stage_init(&drawn, &drawing->run->stage, accelerator->node_nm, drawing->factors + index * N_CONSTANTS);
  struct stage_cost_of_design design;
  struct stage_result result;
  stage_design(&drawn.stage, accelerator, &design);
  stage_evaluate(&drawn.stage, accelerator, &design, drawing->scratch, &result, NULL, NULL);
  collect(&drawn.stage, &design, &result, record);
}

/* --- all draws ------------------------------------------------------------------------------------------------------
 */

/* u[d * N_CONSTANTS + first …], one group's dimensions of all draws. */
static void fill_group(const struct uncertainty_request *request, size_t first, double *u, struct arena *arena) {
  const size_t n = request->n_draws, width = N_CONSTANTS - first < GROUP ? N_CONSTANTS - first : GROUP;
  const struct arena_mark mark = arena_get_mark(arena);
  size_t *order = ARENA_NEW(arena, size_t, n);
  struct rng rng = rng_stream(request->seed, RNG_UNCERTAINTY, 0, first);
  double shift[GROUP], point[GROUP];
  for (size_t i = 0; i < width; i++) shift[i] = rng_unit(&rng);
  for (size_t d = 0; d < n; d++) { /* a random order, by insertion (Fisher & Yates) */
    const size_t at = rng_below(&rng, d + 1);
    order[d] = order[at];
    order[at] = d;
  }
  gsl_qrng *sequence = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)width);
  if (sequence == NULL) arena_on_exhaustion(0);
  for (size_t d = 0; d < n; d++) {
    double *place = u + order[d] * N_CONSTANTS + first;
    gsl_qrng_get(sequence, point);
    for (size_t i = 0; i < width; i++) {
      const double moved = point[i] + shift[i];
      place[i] = moved < 1 ? moved : moved - 1;
    }
  }
  gsl_qrng_free(sequence);
  arena_rewind(arena, mark);
}

double *uncertainty_draws(const struct uncertainty_request *request, struct arena *arena) {
  const size_t n = request->n_draws;
  double *u = ARENA_NEW(arena, double, n *N_CONSTANTS), *factors = ARENA_NEW(arena, double, n *N_CONSTANTS);
  for (size_t first = 0; first < N_CONSTANTS; first += GROUP) fill_group(request, first, u, arena);
  for (size_t d = 0; d < n; d++) {
    uncertainty_factors(u + d * N_CONSTANTS, request->scale, factors + d * N_CONSTANTS);
  }
  return factors;
}

/* How the output's ranks go with each constant's; ties go to the earlier. What does not vary has no ranks. */
static void find_movers(const struct drawing *drawing, const double *values, size_t n,
                        struct uncertain_interval *interval, struct arena *arena) {
  double least, most, largest = 0;
  interval->by = SIZE_MAX;
  interval->correlation = NULL;
  gsl_stats_minmax(&least, &most, values, 1, n);
  if (n < FEWEST_FOR_RANKS || !(most > least)) return;
  double *correlations = ARENA_NEW(arena, double, N_CONSTANTS);
  interval->correlation = correlations;
  const struct arena_mark mark = arena_get_mark(arena);
  double *work = ARENA_NEW(arena, double, 2 * n);
  for (size_t i = 0; i < N_CONSTANTS; i++) {
    correlations[i] = (double)NAN;
    if (!uncertainty_matters(i, drawing->accelerator->node_nm)) continue;
    const double correlation = gsl_stats_spearman(drawing->factors + i, N_CONSTANTS, values, 1, n, work);
    correlations[i] = correlation;
    if (!(fabs(correlation) > largest)) continue;
    interval->by = i;
    largest = fabs(correlation);
  }
  arena_rewind(arena, mark);
}

bool uncertainty_of(struct run *run, const struct accelerator *accelerator, const struct stage_cost_of_design *design,
                    const struct stage_result *result, const struct uncertainty_request *request,
                    struct uncertainty *uncertainty, struct error *error) {
  struct arena *arena = run->invocation->arena;
  const size_t n = request->n_draws;
  uncertainty->request = *request;
  struct drawing drawing = {run, accelerator, stage_scratch_new(arena, &run->stage, false),
                            uncertainty_draws(request, arena)};
  struct sample *samples = ARENA_NEW(arena, struct sample, n), nominal;
  const struct cluster_tasks tasks = {.n_tasks = n, .record_bytes = sizeof *samples, .task = draw, .context = &drawing};
  const enum cluster_end end = cluster_map(run->invocation->cluster, &tasks, samples, error);
  stage_scratch_release(drawing.scratch);
  if (end != CLUSTER_DONE) return false;

  collect(&run->stage, design, result, &nominal);
  double *values = ARENA_NEW(arena, double, n), *sorted = ARENA_NEW(arena, double, n);
  for (unsigned o = 0; o < N_UNCERTAIN_OUTPUTS; o++) {
    struct uncertain_interval *interval = &uncertainty->of[o];
    for (size_t d = 0; d < n; d++) {
      values[d] = sorted[d] = samples[d].output[o];
      if (isfinite(values[d])) continue;
      return error_add(error, STATUS_INPUT, "--uncertainty: draw %zu gives no %s: its numbers do not fit", d,
                       uncertain_output_names[o]);
    }
    gsl_sort(sorted, 1, n);
    interval->nominal = nominal.output[o];
    interval->median = gsl_stats_quantile_from_sorted_data(sorted, 1, n, 0.5);
    interval->low = gsl_stats_quantile_from_sorted_data(sorted, 1, n, 0.05);
    interval->high = gsl_stats_quantile_from_sorted_data(sorted, 1, n, 0.95);
    find_movers(&drawing, values, n, interval, arena);
  }
  return true;
}

/* --- reports --------------------------------------------------------------------------------------------------------
 */

void uncertainty_say(const struct uncertainty *uncertainty, const struct invocation *invocation) {
  const struct uncertainty_request *request = &uncertainty->request;
  say(invocation, "uncertainty of the constants: %" PRIu64 " draws, seed %" PRIu64 "\n", request->n_draws,
      request->seed);
  say(invocation, "  %-26s %11s %11s %11s %11s  %s\n", "", "nominal", "median", "5 %", "95 %",
      "moved most by (rank correlation)");
  for (unsigned o = 0; o < N_UNCERTAIN_OUTPUTS; o++) {
    const struct uncertain_interval *interval = &uncertainty->of[o];
    say(invocation, "  %-26s %11.5g %11.5g %11.5g %11.5g  ", uncertain_output_names[o], interval->nominal,
        interval->median, interval->low, interval->high);
    if (interval->by == SIZE_MAX) {
      say(invocation, "-\n");
    } else {
      say(invocation, "%s (%+.2f)\n", constants[interval->by].name, interval->correlation[interval->by]);
    }
  }
  if (!invocation->verbose) return;
  say(invocation, "ranges: factors on the value in force\n");
  for (size_t i = 0; i < N_CONSTANTS; i++) {
    double low, high;
    uncertainty_range(i, &low, &high);
    say(invocation, "  %-18s %5.2f %5.2f  %s\n", constants[i].name, low, high, constants[i].source);
  }
}

void uncertainty_json(const struct uncertainty *uncertainty, json_t *object) {
  const struct uncertainty_request *request = &uncertainty->request;
  json_t *outputs = json_object(), *ranges = json_object();
  for (unsigned o = 0; o < N_UNCERTAIN_OUTPUTS; o++) {
    const struct uncertain_interval *interval = &uncertainty->of[o];
    json_t *one = json_pack("{sf sf sf sf}", "nominal", interval->nominal, "median", interval->median, "low_5",
                            interval->low, "high_95", interval->high);
    const bool moved = interval->by != SIZE_MAX;
    json_object_set_new(one, "moved_most_by", moved ? json_string(constants[interval->by].name) : json_null());
    json_t *correlations = moved ? json_object() : json_null();
    for (size_t i = 0; moved && i < N_CONSTANTS; i++) {
      if (isfinite(interval->correlation[i])) {
        json_object_set_new(correlations, constants[i].name, json_real(interval->correlation[i]));
      }
    }
    json_object_set_new(one, "rank_correlation", correlations);
    json_object_set_new(outputs, uncertain_output_names[o], one);
  }
  for (size_t i = 0; i < N_CONSTANTS; i++) {
    double low, high;
    uncertainty_range(i, &low, &high);
    json_object_set_new(ranges, constants[i].name,
                        json_pack("{sf sf ss}", "low", low, "high", high, "source", constants[i].source));
  }
  json_object_set_new(object, "uncertainty",
                      json_pack("{sI sI sf so so}", "draws", (json_int_t)request->n_draws, "seed",
                                (json_int_t)request->seed, "scale", request->scale, "outputs", outputs, "ranges",
                                ranges));
}
