/* Bayesian optimization as it is done everywhere: a Gaussian process over the axes, expected improvement, batches by
 * constant liar. A baseline (accelerator-search §10).
 *
 * An axis is seen as its index over its last index, so that values that double are as far apart everywhere. Left out:
 * knowledge of limits (beyond not asking for what they exclude), of bounds and of what a design is. The preset `paper`
 * is the textbook: a whole round a batch, the best so far as the lie, the metric as it is; `tuned` [ours] fits more
 * often, to the metric's logarithm, and lies what the model says. */
#include "search/space/gaussian_process.h"
#include "search/space/surrogate.h"

#define OFFSET(member) offsetof(struct surrogate_keys, member)
static const struct field bayes_field_list[] = {
    {"preset", FIELD_CHOICE, "", 0, 0, "\"tuned\"",
     "keys left at 0 (or \"preset\") are: tuned on designs of accelerators; paper: as is usual", OFFSET(preset),
     ROLE_ANSWER, preset_names},
    {"initial", FIELD_UINT, "", 0, 1e6, "0", "random designs before the model is asked; 0: the preset's",
     OFFSET(initial), ROLE_ANSWER, NULL},
    {"batch", FIELD_UINT, "", 0, 1024, "0", "designs between two fits, at most search.round_size; 0: the preset's",
     OFFSET(batch), ROLE_ANSWER, NULL},
    {"window", FIELD_UINT, "", 0, 4096, "0",
     "designs that the model is fitted to, at least 8, its price grows with their square; 0: the preset's",
     OFFSET(window), ROLE_ANSWER, NULL},
    {"candidates", FIELD_UINT, "", 0, 65536, "0", "random designs to choose from; 0: the preset's", OFFSET(candidates),
     ROLE_ANSWER, NULL},
    {"neighbours", FIELD_UINT, "", 0, 65536, "0", "and changes of the best designs; 0: the preset's",
     OFFSET(neighbours), ROLE_ANSWER, NULL},
    {"lie", FIELD_CHOICE, "", 0, 0, "\"preset\"",
     "what a design that is on its way is taken to score: the best so far, the mean, the worst, or what the model says",
     OFFSET(lie), ROLE_ANSWER, surrogate_lie_names},
    {"output", FIELD_CHOICE, "", 0, 0, "\"preset\"", "whether the model learns the metric or its logarithm",
     OFFSET(output), ROLE_ANSWER, surrogate_output_names},
};
static const struct field_table bayes_fields = {"bayes", "Bayesian optimization", bayes_field_list,
                                                sizeof bayes_field_list / sizeof *bayes_field_list};

static const struct surrogate_settings presets[] = {
    [PRESET_TUNED] = {.initial = 16,
                      .batch = 8,
                      .window = 256,
                      .candidates = 192,
                      .neighbours = 96,
                      .elites = 4,
                      .lie = LIE_BELIEVE,
                      .logarithmic = true},
    [PRESET_PAPER] = {.initial = 64,
                      .batch = 64,
                      .window = 512,
                      .candidates = 192,
                      .neighbours = 32,
                      .elites = 2,
                      .lie = LIE_BEST,
                      .logarithmic = false},
};

static bool fit(void *state, const double *x, const double *y, size_t n, bool appended) {
  return gp_fit(state, x, y, n, appended);
}
static void query(void *state, const double *x, size_t n) { gp_query(state, x, n); }
static const double *mean(const void *state) { return gp_mean(state); }
static const double *variance(const void *state) { return gp_variance(state); }
static void condition(void *state, size_t chosen, double y) { gp_condition(state, chosen, y); }

static void *start(const struct search_request *request) {
  const struct surrogate_keys *own = request->settings;
  struct surrogate_settings settings;
  surrogate_choose(own, &presets[own->preset], &settings);
  const struct space *space = request->space;
  bool *category = ARENA_NEW(request->arena, bool, POINT_MAX_AXES);
  for (size_t a = 0; a < space->n_axes; a++) category[a] = space->axes[a].role == AXIS_CHOICE;
  const struct gp_shape shape = {.n_dims = space->n_axes,
                                 .category = category,
                                 .most_points = surrogate_most_points(&settings, request->round_size),
                                 .most_queries = surrogate_most_queries(&settings),
                                 .nugget = 1e-6};
  const struct surrogate_model model = {.n_inputs = space->n_axes,
                                        .state = gp_new(&shape, request->arena),
                                        .describe = surrogate_scaled_indices,
                                        .fit = fit,
                                        .query = query,
                                        .mean = mean,
                                        .variance = variance,
                                        .condition = condition};
  return surrogate_new(request, &settings, RNG_BAYES_SEARCH, &model);
}

const struct search_algorithm search_bayes = {
    .name = "bayes",
    .doc = "Gaussian process over the axes and expected improvement",
    .table = &bayes_fields,
    .settings_bytes = sizeof(struct surrogate_keys),
    .start = start,
    .ask = surrogate_ask,
    .tell = surrogate_tell,
    .learns = true,
};
