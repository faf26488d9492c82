/* Bayesian optimization with what an expert knows: a Bayesian linear model of domain features and expected improvement,
 * after the idea of Spotlight's daBO (Sakhuja, Shi, Lin, "Leveraging Domain Information for the Efficient Automated
 * Design of Deep Learning Accelerators", HPCA 2023). A baseline (accelerator-search §10).
 *
 * After the abstract, not a re-implementation: the features are ours (`describe` of the space: array utilisation,
 * reuse, bytes a MAC, loads of cores), so are the choice of candidates and batches by constant liar, and no software
 * mapping is searched beside the design, for our cost model finds the best one. Where a space has no features, scaled
 * indices and their squares stand for them. Left out: limits (beyond not asking for what they exclude) and bounds. The
 * preset `paper` learns the metric as it is, of plain features, a design at a time; `tuned` [ours] its logarithm, of
 * squares, too, and looks around the best designs. */
#include "search/space/linear_model.h"
#include "search/space/surrogate.h"

struct spotlight_settings {
  struct surrogate_keys keys;
  uint64_t squares;
};

#define OFFSET(member) offsetof(struct spotlight_settings, member)
static const struct field spotlight_field_list[] = {
    {"preset", FIELD_CHOICE, "", 0, 0, "\"tuned\"",
     "keys left at 0 (or \"preset\") are: tuned on designs of accelerators; paper: after Spotlight",
     OFFSET(keys.preset), ROLE_ANSWER, preset_names},
    {"initial", FIELD_UINT, "", 0, 1e6, "0", "random designs before the model is asked; 0: the preset's",
     OFFSET(keys.initial), ROLE_ANSWER, NULL},
    {"batch", FIELD_UINT, "", 0, 1024, "0", "designs between two fits, at most search.round_size; 0: the preset's",
     OFFSET(keys.batch), ROLE_ANSWER, NULL},
    {"window", FIELD_UINT, "", 0, 4096, "0", "designs that the model is fitted to, at least 8; 0: the preset's",
     OFFSET(keys.window), ROLE_ANSWER, NULL},
    {"candidates", FIELD_UINT, "", 0, 65536, "0", "random designs to choose from; 0: the preset's",
     OFFSET(keys.candidates), ROLE_ANSWER, NULL},
    {"neighbours", FIELD_UINT, "", 0, 65536, "0", "and changes of the best designs; 0: the preset's",
     OFFSET(keys.neighbours), ROLE_ANSWER, NULL},
    {"lie", FIELD_CHOICE, "", 0, 0, "\"preset\"",
     "what a design that is on its way is taken to score: the best so far, the mean, the worst, or what the model says",
     OFFSET(keys.lie), ROLE_ANSWER, surrogate_lie_names},
    {"output", FIELD_CHOICE, "", 0, 0, "\"preset\"", "whether the model learns the metric or its logarithm",
     OFFSET(keys.output), ROLE_ANSWER, surrogate_output_names},
    {"squares", FIELD_CHOICE, "", 0, 0, "\"preset\"", "whether squares of the features are features, too",
     OFFSET(squares), ROLE_ANSWER, switch_names},
};
static const struct field_table spotlight_fields = {
    "spotlight_like", "Bayesian linear model of domain features, after Spotlight", spotlight_field_list,
    sizeof spotlight_field_list / sizeof *spotlight_field_list};

struct preset {
  struct surrogate_settings surrogate;
  bool squares;
};
static const struct preset presets[] = {
    [PRESET_TUNED] = {{.initial = 16,
                       .batch = 8,
                       .window = 256,
                       .candidates = 128,
                       .neighbours = 96,
                       .elites = 4,
                       .lie = LIE_BELIEVE,
                       .logarithmic = true},
                      true},
    [PRESET_PAPER] = {{.initial = 16,
                       .batch = 1,
                       .window = 4096,
                       .candidates = 128,
                       .neighbours = 0,
                       .elites = 0,
                       .lie = LIE_BEST,
                       .logarithmic = false},
                      false},
};

static size_t n_plain_inputs(const struct space *space) {
  return space->describe != NULL ? space->n_features : space->n_axes;
}

static void describe(const struct space *space, const struct point *point, double *x) {
  if (space->describe != NULL) {
    space->describe(space->context, point, x);
  } else {
    surrogate_scaled_indices(space, point, x);
  }
}

static void describe_squared(const struct space *space, const struct point *point, double *x) {
  const size_t n = n_plain_inputs(space);
  describe(space, point, x);
  for (size_t i = 0; i < n; i++) x[n + i] = x[i] * x[i];
}

static bool fit(void *state, const double *x, const double *y, size_t n, bool appended) {
  (void)appended;
  return linear_fit(state, x, y, n);
}
static void query(void *state, const double *x, size_t n) { linear_query(state, x, n); }
static const double *mean(const void *state) { return linear_mean(state); }
static const double *variance(const void *state) { return linear_variance(state); }
static void condition(void *state, size_t chosen, double y) { linear_condition(state, chosen, y); }

static void *start(const struct search_request *request) {
  const struct spotlight_settings *own = request->settings;
  const struct preset *all = &presets[own->keys.preset];
  struct surrogate_settings settings;
  surrogate_choose(&own->keys, &all->surrogate, &settings);
  /* Without features squares are what makes an optimum inside the space possible at all. */
  const bool squares = switch_or_preset(own->squares, all->squares || request->space->describe == NULL);
  const size_t n_inputs = n_plain_inputs(request->space) * (squares ? 2 : 1);
  const struct surrogate_model model = {.n_inputs = n_inputs,
                                        .state =
                                            linear_new(n_inputs, surrogate_most_queries(&settings), request->arena),
                                        .describe = squares ? describe_squared : describe,
                                        .fit = fit,
                                        .query = query,
                                        .mean = mean,
                                        .variance = variance,
                                        .condition = condition};
  return surrogate_new(request, &settings, RNG_SPOTLIGHT_LIKE_SEARCH, &model);
}

const struct search_algorithm search_spotlight_like = {
    .name = "spotlight_like",
    .doc = "Bayesian linear model of domain features and expected improvement, after Spotlight's abstract",
    .table = &spotlight_fields,
    .settings_bytes = sizeof(struct spotlight_settings),
    .start = start,
    .ask = surrogate_ask,
    .tell = surrogate_tell,
    .learns = true,
};
