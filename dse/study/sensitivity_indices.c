/* (a), (b): which axes and which constants move the objectives? See sensitivity.h. */
#include "dse/study/sensitivity.h"

#include "base/num.h"
#include "base/rng.h"
#include "dse/run/on_ranks.h"
#include <gsl/gsl_qrng.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *const sensitivity_part_names[N_SENSITIVITY_PARTS] = {"axes, box", "axes, allowed", "constants"};

/* Streams of random numbers, one an analysis and purpose. */
enum { STREAM_BOX = 1, STREAM_ALLOWED, STREAM_CONSTANTS, STREAM_ACCEPT, STREAM_REDRAW };

/* Designs tried for one that limits allow, on average, before a space counts as closed; and between two looks for a
 * signal. */
enum { MOST_TRIES = 256, TRIES_A_LOOK = 4096 };

/* What one task leaves. */
struct reached {
  double objective[SCORE_MAX_OBJECTIVES];
  uint64_t reason;
};

static void keep(const struct score *score, struct reached *reached) {
  memcpy(reached->objective, score->objective, sizeof reached->objective);
  reached->reason = score->reason;
}

/* u of [0, 1) to one of n values, all equally likely. */
static uint16_t value_at(double u, size_t n) {
  const size_t index = (size_t)(u * (double)n);
  return (uint16_t)(index < n ? index : n - 1);
}

static const struct sensitivity_input *axes_as_inputs(const struct space *space, struct arena *arena) {
  struct sensitivity_input *inputs = ARENA_NEW(arena, struct sensitivity_input, space->n_axes);
  for (size_t a = 0; a < space->n_axes; a++) {
    const struct axis *axis = &space->axes[a];
    const bool number = axis->labels == NULL;
    inputs[a] = (struct sensitivity_input){axis->key, number ? (double)axis->values[0] : (double)NAN,
                                           number ? (double)axis->values[axis->n - 1] : (double)NAN};
  }
  return inputs;
}

/* --- from records to values -----------------------------------------------------------------------------------------
 */

/* One objective of all records, as it is analysed; false if it has no logarithm. */
static bool values_of(const struct sensitivity_request *request, const struct reached *records, size_t n,
                      size_t objective, double *values) {
  for (size_t i = 0; i < n; i++) {
    const double value = records[i].objective[objective];
    if (!request->linear && !(value > 0)) return false;
    values[i] = request->linear ? value : num_log(value);
  }
  return true;
}

/* Every objective's indices over independent inputs. */
static void analyse(const struct sensitivity *sensitivity, const struct reached *records, size_t n_inputs,
                    uint64_t stream, struct sensitivity_indices *indices) {
  const struct run *run = sensitivity->run;
  struct arena *arena = run->invocation->arena;
  const size_t n = sensitivity->request.n_samples, n_records = n * (n_inputs + 2);
  double *values = ARENA_NEW(arena, double, n_records);
  for (size_t o = 0; o < run->designs.space.n_objectives; o++) {
    if (!values_of(&sensitivity->request, records, n_records, o, values)) {
      memset(values, 0, n_records * sizeof *values); /* nothing moves it */
    }
    sobol_independent(values, n, n_inputs, (struct sobol_stream){run->settings.search.seed, stream}, arena,
                      &indices->of[o]);
  }
}

/* Why records cannot be analysed; NULL: they can. */
static const char *complaint(const struct run *run, const struct reached *records, size_t n) {
  size_t n_bad = 0;
  uint64_t reason = SCORE_FEASIBLE;
  for (size_t i = 0; i < n; i++) {
    if (records[i].reason == SCORE_FEASIBLE) continue;
    n_bad++;
    reason = records[i].reason;
  }
  if (n_bad == 0) return NULL;
  return arena_printf(run->invocation->arena, "%zu of %zu points have no result (%s)", n_bad, n,
                      run->designs.space.reasons[reason].name);
}

/* --- axes, box ------------------------------------------------------------------------------------------------------
 */

struct box_tasks {
  const struct space *space;
  const struct sobol_sample *sample;
};

static void box_task(void *context, size_t index, void *record) {
  const struct box_tasks *tasks = context;
  const struct space *space = tasks->space;
  const size_t blocks = sobol_sample_blocks(tasks->sample);
  double u[POINT_MAX_AXES];
  struct point point = {{0}};
  struct score score = {.reason = SCORE_FEASIBLE};
  sobol_sample_row(tasks->sample, index % blocks, index / blocks, u);
  for (size_t a = 0; a < space->n_axes; a++) point.index[a] = value_at(u[a], space->axes[a].n);
  space->evaluate(space->context, &point, &score);
  keep(&score, record);
}

static bool of_box(struct sensitivity *sensitivity, struct error *error) {
  const struct run *run = sensitivity->run;
  struct arena *arena = run->invocation->arena;
  const struct space *space = &sensitivity->base.box.space;
  struct sensitivity_indices *indices = &sensitivity->indices[PART_BOX];
  struct sobol_sample sample;
  sobol_sample_make(&sample, sensitivity->request.n_samples, space->n_axes,
                    (struct sobol_stream){run->settings.search.seed, STREAM_BOX}, arena);
  struct box_tasks own = {space, &sample};
  const size_t n = sample.n * sobol_sample_blocks(&sample);
  struct reached *records = ARENA_NEW(arena, struct reached, n);
  const struct cluster_tasks tasks = {.n_tasks = n, .record_bytes = sizeof *records, .task = box_task, .context = &own};
  if (cluster_map(run->invocation->cluster, &tasks, records, error) != CLUSTER_DONE) return false;
  *indices = (struct sensitivity_indices){.n_inputs = space->n_axes,
                                          .inputs = axes_as_inputs(space, arena),
                                          .evaluations = n,
                                          .share = 1,
                                          .none = complaint(run, records, n)};
  if (indices->none == NULL) analyse(sensitivity, records, space->n_axes, STREAM_BOX, indices);
  return true;
}

/* --- axes, allowed --------------------------------------------------------------------------------------------------
 */

struct allowed_tasks {
  const struct space *space;
  const struct point *rows;
  uint64_t seed;
};

static bool is_allowed(const struct space *space, const struct point *point) {
  struct score screened = {.reason = SCORE_FEASIBLE};
  space->screen(space->context, point, &screened);
  return screened.reason == SCORE_FEASIBLE;
}

/* Axis `axis` of a point drawn anew among the values that limits allow beside the others. */
static void redraw(const struct allowed_tasks *tasks, size_t row, size_t axis, struct point *point) {
  const size_t n = tasks->space->axes[axis].n;
  struct rng rng = rng_stream(tasks->seed, RNG_SENSITIVITY, STREAM_REDRAW, row * POINT_MAX_AXES + axis);
  uint16_t chosen = point->index[axis];
  uint64_t n_allowed = 0;
  for (size_t value = 0; value < n; value++) { /* each of those met so far is the chosen one with equal chance */
    point->index[axis] = (uint16_t)value;
    if (is_allowed(tasks->space, point) && rng_below(&rng, ++n_allowed) == 0) chosen = (uint16_t)value;
  }
  point->index[axis] = chosen;
}

/* Column 0 of a row is the row itself, column 1 + i that with axis i drawn anew. */
static void drawn_task(void *context, size_t index, void *record) {
  const struct allowed_tasks *tasks = context;
  const size_t columns = tasks->space->n_axes + 1, row = index / columns, column = index % columns;
  struct point point = tasks->rows[row];
  if (column > 0) redraw(tasks, row, column - 1, &point);
  memcpy(record, &point, sizeof point);
}

struct listed_points {
  const struct space *space;
  const struct point *points;
};

static void listed_task(void *context, size_t index, void *record) {
  const struct listed_points *tasks = context;
  struct score score = {.reason = SCORE_FEASIBLE};
  tasks->space->evaluate(tasks->space->context, &tasks->points[index], &score);
  keep(&score, record);
}

/* What n points reach. Axes have few values, so that many of the points are equal: each is evaluated once. */
static bool evaluate_points(struct run *run, const struct space *space, const struct point *points, size_t n,
                            struct reached *records, struct error *error) {
  struct arena *arena = run->invocation->arena;
  struct point_set *set = point_set_new(arena);
  struct point *distinct = ARENA_NEW(arena, struct point, n);
  for (size_t i = 0; i < n; i++) {
    if (point_set_add(set, &points[i])) distinct[point_set_count(set) - 1] = points[i];
  }
  struct listed_points own = {space, distinct};
  const size_t n_distinct = point_set_count(set);
  struct reached *found = ARENA_NEW(arena, struct reached, n_distinct);
  run->n_weighed = n_distinct;
  const struct rank_work work = {.task = listed_task, .context = &own, .n = n_distinct, .record_bytes = sizeof *found};
  if (!on_ranks(run, &work, found, error)) return false;
  for (size_t i = 0; i < n; i++) records[i] = found[point_set_number(set, &points[i])];
  return true;
}

/* All ranks try the same points, so that they stop at the same one. */
static bool is_stopped(struct rounds *rounds) {
  rounds->stopped = rounds->stop != NULL && cluster_any(rounds->cluster, rounds->stop(rounds->stop_context));
  return rounds->stopped;
}

/* Quasi-random points of the box that limits allow; how many were found, at most n. */
static size_t sample_allowed(const struct space *space, struct rounds *rounds, uint64_t seed, size_t n,
                             struct point *rows, uint64_t *tries) {
  double shift[POINT_MAX_AXES], u[POINT_MAX_AXES];
  struct rng rng = rng_stream(seed, RNG_SENSITIVITY, STREAM_ACCEPT, 0);
  for (size_t a = 0; a < space->n_axes; a++) shift[a] = rng_unit(&rng);
  gsl_qrng *sequence = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)space->n_axes);
  if (sequence == NULL) arena_on_exhaustion(0);
  size_t found = 0;
  for (*tries = 0; found < n && *tries < n * (uint64_t)MOST_TRIES; ++*tries) {
    if (*tries % TRIES_A_LOOK == 0 && is_stopped(rounds)) break;
    struct point point = {{0}};
    gsl_qrng_get(sequence, u);
    for (size_t a = 0; a < space->n_axes; a++) {
      const double moved = u[a] + shift[a];
      point.index[a] = value_at(moved < 1 ? moved : moved - 1, space->axes[a].n);
    }
    if (is_allowed(space, &point)) rows[found++] = point;
  }
  gsl_qrng_free(sequence);
  return found;
}

static void analyse_allowed(struct sensitivity *sensitivity, const struct reached *records, const struct point *rows,
                            struct sensitivity_indices *indices) {
  const struct run *run = sensitivity->run;
  struct arena *arena = run->invocation->arena;
  const struct space *space = sensitivity->within;
  const size_t n = sensitivity->request.n_samples, d = space->n_axes;
  uint16_t *level = ARENA_NEW(arena, uint16_t, n * d);
  size_t *n_levels = ARENA_NEW(arena, size_t, d);
  double *values = ARENA_NEW(arena, double, n *(d + 1));
  for (size_t a = 0; a < d; a++) n_levels[a] = space->axes[a].n;
  for (size_t r = 0; r < n; r++) memcpy(level + r * d, rows[r].index, d * sizeof *level);
  const struct sobol_tied tied = {values, level, n_levels, n, d};
  for (size_t o = 0; o < space->n_objectives; o++) {
    if (sensitivity->request.metric_alone && o != space->metric) continue;
    if (!values_of(&sensitivity->request, records, n * (d + 1), o, values)) {
      memset(values, 0, n * (d + 1) * sizeof *values);
    }
    sobol_dependent(&tied, (struct sobol_stream){run->settings.search.seed, STREAM_ALLOWED}, arena, &indices->of[o]);
  }
}

bool sensitivity_of_allowed(struct sensitivity *sensitivity, struct error *error) {
  struct run *run = sensitivity->run;
  struct arena *arena = run->invocation->arena;
  const struct space *space = sensitivity->within;
  struct sensitivity_indices *indices = &sensitivity->indices[PART_ALLOWED];
  const size_t n = sensitivity->request.n_samples;
  struct point *rows = ARENA_NEW(arena, struct point, n);
  uint64_t tries;
  const size_t found = sample_allowed(space, &run->rounds, run->settings.search.seed, n, rows, &tries);
  if (run->rounds.stopped) return false;
  *indices = (struct sensitivity_indices){
      .n_inputs = space->n_axes, .inputs = axes_as_inputs(space, arena), .share = (double)found / (double)tries};
  if (found < n) {
    indices->none = arena_printf(arena, "limits allow only %zu of %" PRIu64 " designs tried", found, tries);
    return true;
  }
  struct allowed_tasks own = {space, rows, run->settings.search.seed};
  indices->evaluations = n * (space->n_axes + 1);
  struct reached *records = ARENA_NEW(arena, struct reached, indices->evaluations);
  struct point *points = ARENA_NEW(arena, struct point, indices->evaluations);
  const struct rank_work work = {
      .task = drawn_task, .context = &own, .n = indices->evaluations, .record_bytes = sizeof *points};
  if (!on_ranks(run, &work, points, error) ||
      !evaluate_points(run, space, points, indices->evaluations, records, error)) {
    return false;
  }
  indices->none = complaint(run, records, indices->evaluations);
  if (indices->none == NULL) analyse_allowed(sensitivity, records, rows, indices);
  return true;
}

bool sensitivity_of_axes(struct sensitivity *sensitivity, struct error *error) {
  return of_box(sensitivity, error) && sensitivity_of_allowed(sensitivity, error);
}

/* --- constants ------------------------------------------------------------------------------------------------------
 */

struct constant_tasks {
  const struct sensitivity *sensitivity;
  const struct sobol_sample *sample;
  const size_t *constants; /* of the sample's columns */
};

static void constant_task(void *context, size_t index, void *record) {
  const struct constant_tasks *tasks = context;
  const struct sensitivity *sensitivity = tasks->sensitivity;
  struct arena *scratch = sensitivity->run->invocation->scratch;
  const size_t n = uncertainty_n_constants(), d = tasks->sample->d, blocks = sobol_sample_blocks(tasks->sample);
  const struct arena_mark mark = arena_get_mark(scratch);
  double *u = ARENA_NEW(scratch, double, n), *own = ARENA_NEW(scratch, double, d);
  double *factor = ARENA_NEW(scratch, double, n);
  sobol_sample_row(tasks->sample, index % blocks, index / blocks, own);
  for (size_t i = 0; i < n; i++) u[i] = 0.5; /* of other nodes: nobody looks */
  for (size_t i = 0; i < d; i++) u[tasks->constants[i]] = own[i];
  uncertainty_factors(u, sensitivity->request.scale, factor);

  struct drawn_space drawn;
  struct score score = {.reason = SCORE_FEASIBLE};
  drawn_space_init(&drawn, &sensitivity->base, LIMITS_NONE, factor, false, scratch);
  drawn.space.evaluate(drawn.space.context, &sensitivity->nominal.point, &score);
  drawn_space_release(&drawn);
  arena_rewind(scratch, mark);
  keep(&score, record);
}

bool sensitivity_of_constants(struct sensitivity *sensitivity, struct error *error) {
  const struct run *run = sensitivity->run;
  struct arena *arena = run->invocation->arena;
  struct sensitivity_indices *indices = &sensitivity->indices[PART_CONSTANTS];
  struct accelerator accelerator;
  REQUIRE(design_at(&run->designs, &sensitivity->nominal.point, &accelerator));
  size_t *constants = ARENA_NEW(arena, size_t, uncertainty_n_constants()), d = 0;
  struct sensitivity_input *inputs = ARENA_NEW(arena, struct sensitivity_input, uncertainty_n_constants());
  for (size_t i = 0; i < uncertainty_n_constants(); i++) {
    if (!uncertainty_matters(i, accelerator.node_nm)) continue;
    inputs[d].name = uncertainty_constant_name(i);
    uncertainty_range(i, &inputs[d].low, &inputs[d].high);
    constants[d++] = i;
  }
  struct sobol_sample sample;
  sobol_sample_make(&sample, sensitivity->request.n_samples, d,
                    (struct sobol_stream){run->settings.search.seed, STREAM_CONSTANTS}, arena);
  struct constant_tasks own = {sensitivity, &sample, constants};
  const size_t n = sample.n * sobol_sample_blocks(&sample);
  struct reached *records = ARENA_NEW(arena, struct reached, n);
  const struct cluster_tasks tasks = {
      .n_tasks = n, .record_bytes = sizeof *records, .task = constant_task, .context = &own};
  if (cluster_map(run->invocation->cluster, &tasks, records, error) != CLUSTER_DONE) return false;
  *indices = (struct sensitivity_indices){
      .n_inputs = d, .inputs = inputs, .evaluations = n, .share = 1, .none = complaint(run, records, n)};
  if (indices->none == NULL) analyse(sensitivity, records, d, STREAM_CONSTANTS, indices);
  return true;
}

/* --- which first? ---------------------------------------------------------------------------------------------------
 */

const size_t *sensitivity_order(const struct sensitivity_indices *indices, size_t objective, struct arena *arena) {
  size_t *order = ARENA_NEW(arena, size_t, indices->n_inputs);
  const struct sobol_estimate *total = indices->of[objective].total;
  for (size_t i = 0; i < indices->n_inputs; i++) {
    size_t place = i;
    for (; place > 0; place--) {
      const double before = total[order[place - 1]].value;
      if (!(total[i].value > before || (isnan(before) && !isnan(total[i].value)))) break;
      order[place] = order[place - 1];
    }
    order[place] = i;
  }
  return order;
}

size_t sensitivity_moving(const struct sensitivity_indices *indices, size_t objective) {
  size_t n = 0;
  for (size_t i = 0; i < indices->n_inputs; i++) n += indices->of[objective].total[i].value >= 0.001;
  return n;
}
