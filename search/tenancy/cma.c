/* What does covariance matrix adaptation find? Samples of a normal distribution whose mean, step and covariance follow
 * the best half. (Hansen 2016, arXiv 1604.00772; tenancy §9.) Above `full_up_to` numbers only the diagonal is kept
 * (Ros and Hansen 2008).
 *
 * The state holds costs only: the best samples are drawn again from their streams. Eigenvectors are renewed every few
 * generations. Leaves out negative weights and restarts. */
#include "search/tenancy/continuous.h"

#include "base/num.h"
#include <gsl/gsl_cblas.h>
#include <gsl/gsl_eigen.h>
#include <math.h>
#include <string.h>

struct cma_settings {
  double sigma;
  uint64_t population, full_up_to, eigen_interval;
};

#define OFFSET(member) offsetof(struct cma_settings, member)
static const struct field cma_field_list[] = {
    {"sigma", FIELD_REAL, "", 1e-6, 1, "0.3", "first step: a core is 1 wide, and so are priorities", OFFSET(sigma),
     ROLE_ANSWER, NULL},
    {"population", FIELD_UINT, "", 0, 4096, "0", "samples of a generation; 0: 4 + 3·ln of the numbers",
     OFFSET(population), ROLE_ANSWER, NULL},
    {"full_up_to", FIELD_UINT, "", 0, 2000, "400", "numbers (two a job) up to which the covariance matrix is full",
     OFFSET(full_up_to), ROLE_ANSWER, NULL},
    {"eigen_interval", FIELD_UINT, "", 0, 1e6, "0",
     "generations between two decompositions of the matrix; 0: a tenth of the numbers", OFFSET(eigen_interval),
     ROLE_ANSWER, NULL},
};
static const struct field_table cma_fields = {"tenancy.cma", "covariance matrix adaptation", cma_field_list,
                                              sizeof cma_field_list / sizeof *cma_field_list};

static const double least_variance = 1e-14, most_sigma = 10;

/* The state: this, costs of the generation, mean, both paths, the square roots of the eigenvalues; with a full matrix
 * the matrix and its eigenvectors (in columns), else its diagonal. */
struct cma_state {
  uint64_t n_samples, generation;
  double sigma;
  uint64_t spare; /* costs lie at a multiple of 16 bytes */
};

struct cma {
  struct continuous *continuous;
  struct cma_state *state;
  bool full;
  size_t n, n_samples, n_parents;
  tenancy_cost *cost;                                              /* [n_samples] */
  double *mean, *path, *step_path, *root, *matrix, *vectors;       /* in the state */
  double *weight, *drawn, *step, *mean_drawn, *mean_step, *scaled; /* scratch */
  uint32_t *order;
  double parents_eff, c_step, d_step, c_path, c_one, c_mu, normal_length;
};

static size_t samples_of(const struct cma_settings *settings, size_t n) {
  if (settings->population != 0) return settings->population < 4 ? 4 : settings->population;
  return 4 + (size_t)(3 * num_log((double)n));
}

static size_t numbers_in_state(size_t n, bool full) { return 4 * n + (full ? 2 * n * n : n); }

/* Weights and learning rates, as in the tutorial (its table 1, without negative weights). */
static void set_rates(struct cma *cma) {
  const double n = (double)cma->n;
  double sum = 0, squares = 0;
  for (size_t i = 0; i < cma->n_parents; i++) {
    cma->weight[i] = num_log(((double)cma->n_samples + 1) / 2) - num_log((double)i + 1);
    sum += cma->weight[i];
  }
  for (size_t i = 0; i < cma->n_parents; i++) {
    cma->weight[i] /= sum;
    squares += cma->weight[i] * cma->weight[i];
  }
  const double eff = 1 / squares;
  cma->parents_eff = eff;
  cma->c_step = (eff + 2) / (n + eff + 5);
  cma->d_step = 1 + 2 * fmax(0, sqrt((eff - 1) / (n + 1)) - 1) + cma->c_step;
  cma->c_path = (4 + eff / n) / (n + 4 + 2 * eff / n);
  cma->c_one = 2 / ((n + 1.3) * (n + 1.3) + eff);
  cma->c_mu = fmin(1 - cma->c_one, 2 * (eff - 2 + 1 / eff) / ((n + 2) * (n + 2) + eff));
  if (!cma->full) { /* n variances are learned faster than n² covariances */
    const double faster = (n + 2) / 3;
    cma->c_one = fmin(0.5, cma->c_one * faster);
    cma->c_mu = fmin(1 - cma->c_one, cma->c_mu * faster);
  }
  cma->normal_length = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
}

static void open_cma(struct cma *cma, struct continuous *continuous, const struct cma_settings *settings,
                     struct cma_state *state) {
  const size_t n = continuous->n;
  struct arena *arena = continuous->request->arena;
  *cma = (struct cma){.continuous = continuous, .state = state, .n = n, .full = n <= settings->full_up_to};
  cma->n_samples = samples_of(settings, n);
  cma->n_parents = cma->n_samples / 2;
  cma->cost = (tenancy_cost *)(state + 1);
  cma->mean = (double *)(cma->cost + cma->n_samples);
  cma->path = cma->mean + n;
  cma->step_path = cma->path + n;
  cma->root = cma->step_path + n;
  cma->matrix = cma->root + n;
  cma->vectors = cma->full ? cma->matrix + n * n : NULL;
  cma->order = ARENA_NEW(arena, uint32_t, cma->n_samples);
  cma->weight = ARENA_NEW(arena, double, cma->n_parents);
  double **rooms[] = {&cma->drawn, &cma->step, &cma->mean_drawn, &cma->mean_step, &cma->scaled};
  for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++) *rooms[r] = ARENA_NEW(arena, double, n);
  set_rates(cma);
  if (state->n_samples > 0) return;
  state->sigma = settings->sigma;
  for (size_t i = 0; i < n; i++) {
    cma->mean[i] = continuous_range(continuous, i) / 2;
    cma->root[i] = 1;
    cma->matrix[cma->full ? i * n + i : i] = 1;
    if (cma->full) cma->vectors[i * n + i] = 1;
  }
}

/* drawn := standard normal, step := B·D·drawn, of the sample with this number. */
static void draw(struct cma *cma, uint64_t number) {
  struct rng rng = continuous_stream(cma->continuous, number);
  const int n = (int)cma->n;
  for (size_t i = 0; i < cma->n; i++) cma->drawn[i] = genome_normal(&rng);
  double *into = cma->full ? cma->scaled : cma->step;
  for (size_t i = 0; i < cma->n; i++) into[i] = cma->root[i] * cma->drawn[i];
  if (!cma->full) return;
  cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, 1, cma->vectors, n, cma->scaled, 1, 0, cma->step, 1);
}

/* C's eigenvectors and the roots of its eigenvalues; the workspace lies in the arena. */
static void decompose(struct cma *cma) {
  const size_t n = cma->n;
  struct arena *arena = cma->continuous->request->arena;
  const struct arena_mark mark = arena_get_mark(arena);
  gsl_eigen_symmv_workspace room = {n, ARENA_NEW(arena, double, n), ARENA_NEW(arena, double, n),
                                    ARENA_NEW(arena, double, n), ARENA_NEW(arena, double, n)};
  double *copy = ARENA_NEW(arena, double, n *n);
  memcpy(copy, cma->matrix, n * n * sizeof *copy);
  gsl_matrix_view matrix = gsl_matrix_view_array(copy, n, n), vectors = gsl_matrix_view_array(cma->vectors, n, n);
  gsl_vector_view values = gsl_vector_view_array(cma->root, n);
  gsl_eigen_symmv(&matrix.matrix, &values.vector, &vectors.matrix, &room);
  for (size_t i = 0; i < n; i++) cma->root[i] = sqrt(fmax(cma->root[i], least_variance));
  arena_rewind(arena, mark);
}

static void add_to_matrix(struct cma *cma, double weight, const double *step) {
  const int n = (int)cma->n;
  if (cma->full) {
    cblas_dsyr(CblasRowMajor, CblasLower, n, weight, step, 1, cma->matrix, n); /* all that symmv reads */
    return;
  }
  for (size_t i = 0; i < cma->n; i++) cma->matrix[i] += weight * step[i] * step[i];
}

/* Both paths, after the mean has moved by sigma × mean_step; true unless the step's path is too long. */
static bool follow_paths(struct cma *cma) {
  const int n = (int)cma->n;
  const double *white = cma->mean_drawn; /* C^(−1/2)·mean_step = B·(mean of what was drawn) */
  if (cma->full) {
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, 1, cma->vectors, n, cma->mean_drawn, 1, 0, cma->scaled, 1);
    white = cma->scaled;
  }
  const double keep_step = 1 - cma->c_step, keep = 1 - cma->c_path;
  const double gain_step = sqrt(cma->c_step * (2 - cma->c_step) * cma->parents_eff);
  double square = 0;
  for (size_t i = 0; i < cma->n; i++) {
    cma->step_path[i] = keep_step * cma->step_path[i] + gain_step * white[i];
    square += cma->step_path[i] * cma->step_path[i];
  }
  const double length = sqrt(square);
  const double settled = 1 - num_exp(2 * (double)(cma->state->generation + 1) * num_log(keep_step));
  const bool calm = length / sqrt(settled) < (1.4 + 2 / ((double)cma->n + 1)) * cma->normal_length;
  const double gain = calm ? sqrt(cma->c_path * (2 - cma->c_path) * cma->parents_eff) : 0;
  for (size_t i = 0; i < cma->n; i++) cma->path[i] = keep * cma->path[i] + gain * cma->mean_step[i];
  cma->state->sigma *= num_exp(cma->c_step / cma->d_step * (length / cma->normal_length - 1));
  if (cma->state->sigma > most_sigma) cma->state->sigma = most_sigma;
  return calm;
}

static void learn(struct cma *cma, uint64_t eigen_interval) {
  struct cma_state *state = cma->state;
  const size_t n = cma->n;
  const uint64_t first = state->n_samples - cma->n_samples;
  const double sigma = state->sigma;
  genome_rank(cma->cost, cma->n_samples, cma->order);
  memset(cma->mean_drawn, 0, n * sizeof *cma->mean_drawn);
  memset(cma->mean_step, 0, n * sizeof *cma->mean_step);
  double *steps = ARENA_NEW(cma->continuous->request->arena, double, cma->n_parents *n);
  for (size_t p = 0; p < cma->n_parents; p++) {
    draw(cma, first + cma->order[p]);
    cblas_daxpy((int)n, cma->weight[p], cma->drawn, 1, cma->mean_drawn, 1);
    cblas_daxpy((int)n, cma->weight[p], cma->step, 1, cma->mean_step, 1);
    memcpy(steps + p * n, cma->step, n * sizeof *steps);
  }
  cblas_daxpy((int)n, sigma, cma->mean_step, 1, cma->mean, 1);
  const bool calm = follow_paths(cma);
  const double lost = calm ? 0 : cma->c_one * cma->c_path * (2 - cma->c_path);
  cblas_dscal((int)(cma->full ? n * n : n), 1 - cma->c_one - cma->c_mu + lost, cma->matrix, 1);
  add_to_matrix(cma, cma->c_one, cma->path);
  for (size_t p = 0; p < cma->n_parents; p++) add_to_matrix(cma, cma->c_mu * cma->weight[p], steps + p * n);
  state->generation++;
  if (!cma->full) {
    for (size_t i = 0; i < n; i++) cma->root[i] = sqrt(fmax(cma->matrix[i], least_variance));
  } else if (state->generation % eigen_interval == 0) {
    decompose(cma);
  }
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct cma_settings *settings = request->settings;
  struct continuous continuous;
  struct cma_state *state = continuous_open(&continuous, BASELINE_CMA, request, meter);
  struct cma cma;
  open_cma(&cma, &continuous, settings, state);
  const uint64_t tenth = cma.n < 10 ? 1 : cma.n / 10;
  while (!tenancy_meter_full(meter)) {
    const struct arena_mark mark = arena_get_mark(request->arena);
    draw(&cma, state->n_samples);
    for (size_t i = 0; i < cma.n; i++) continuous.trial[i] = cma.mean[i] + state->sigma * cma.step[i];
    cma.cost[state->n_samples % cma.n_samples] = continuous_judge(&continuous, continuous.trial);
    if (++state->n_samples % cma.n_samples == 0) {
      learn(&cma, settings->eigen_interval != 0 ? settings->eigen_interval : tenth);
    }
    arena_rewind(request->arena, mark);
  }
  genome_keep_best(request, meter);
}

static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  const struct cma_settings *cma = settings;
  const size_t n = continuous_size(problem);
  return sizeof(struct cma_state) + samples_of(cma, n) * sizeof(tenancy_cost) +
         numbers_in_state(n, n <= cma->full_up_to) * sizeof(double);
}

const struct tenancy_algorithm tenancy_cma = {.name = "cma",
                                              .doc = "covariance matrix adaptation",
                                              .source = "Hansen 2016, arXiv 1604.00772",
                                              .table = &cma_fields,
                                              .settings_bytes = sizeof(struct cma_settings),
                                              .keeps = 1,
                                              .state_bytes = state_bytes,
                                              .run = run};
