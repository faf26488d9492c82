/* dse sensitivity: what moves the result, and does it change the winner? See sensitivity.h. */
#include "dse/study/sensitivity.h"

#include "base/text.h"
#include <inttypes.h>

/* The winning design, found and proven as `dse explore` does. */
static bool find_winner(struct sensitivity *sensitivity, struct error *error) {
  struct run *run = sensitivity->run;
  const struct run_search *settings = &run->settings.search;
  const struct search_algorithm *algorithm = search_algorithm_find(settings->algorithm);
  rounds_init(&run->rounds, run->invocation->cluster, &run->designs, NULL, run->invocation->arena);
  if (!rounds_search(&run->rounds, algorithm, run_algorithm_settings(&run->settings, algorithm),
                     settings->max_evaluations, error) ||
      !prove(&run->rounds, &run->proof, error)) {
    return false;
  }
  if (topk_count(run->rounds.topk) == 0) {
    return error_add(error, STATUS_INFEASIBLE, "nothing is feasible: there is no winning design; dse explore says why");
  }
  sensitivity->nominal = *topk_at(run->rounds.topk, 0);
  sensitivity->proven = run->proof.complete && run->proof.optimal;
  return true;
}

static bool read_count(const struct invocation *invocation, const char *option, uint64_t fallback, uint64_t least,
                       uint64_t most, uint64_t *count, struct error *error) {
  if (!invocation_u64(invocation, option, fallback, count, error)) return false;
  if (*count == 0 || (*count >= least && *count <= most)) return true;
  return error_add(error, STATUS_INPUT,
                   "--%s: %" PRIu64 ", allowed are %" PRIu64 " to %" PRIu64 ", and 0 to leave this part out", option,
                   *count, least, most);
}

static bool read_request(struct sensitivity *sensitivity, struct error *error) {
  const struct run *run = sensitivity->run;
  const struct invocation *invocation = run->invocation;
  struct sensitivity_request *request = &sensitivity->request;
  const char *scale = invocation_value(invocation, "scale");
  request->linear = invocation_value(invocation, "linear") != NULL;
  request->scale = 1;
  if (!read_count(invocation, "samples", 512, 8, SENSITIVITY_MAX_SAMPLES, &request->n_samples, error) ||
      !read_count(invocation, "draws", 64, 2, SENSITIVITY_MAX_DRAWS, &request->n_draws, error)) {
    return false;
  }
  if (scale != NULL && (!text_to_double(scale, &request->scale) || request->scale < 0 || request->scale > 4)) {
    return error_add(error, STATUS_INPUT, "--scale: \"%s\", allowed are numbers from 0 to 4", scale);
  }
  if (run->designs.space.n_axes == 0) {
    return error_add(error, STATUS_INPUT, "space: no key has several values, so that there is nothing to be moved by");
  }
  sensitivity->has_constants = run->stage.provider->has_tdp;
  return true;
}

bool sensitivity_analyse(struct sensitivity *sensitivity, struct error *error) {
  const struct sensitivity_request *request = &sensitivity->request;
  if (!read_request(sensitivity, error) || !find_winner(sensitivity, error) ||
      !drawn_base_init(&sensitivity->base, sensitivity->run, error)) {
    return false;
  }
  sensitivity->within = &sensitivity->base.allowed.space;
  for (unsigned p = 0; p < N_SENSITIVITY_PARTS; p++) sensitivity->indices[p].none = "not asked for";
  if (request->n_samples > 0 && !sensitivity_of_axes(sensitivity, error)) return false;
  if (!sensitivity->has_constants) {
    sensitivity->indices[PART_CONSTANTS].none = "the constants of this cost provider have no ranges";
    return true;
  }
  if (request->n_samples > 0 && !sensitivity_of_constants(sensitivity, error)) return false;
  for (unsigned w = 0; request->n_draws > 0 && w < N_SENSITIVITY_WINNERS; w++) {
    const enum drawn_limits limits = w == 0 ? LIMITS_NOMINAL : LIMITS_DRAWN;
    if (!sensitivity_of_winner(sensitivity, limits, &sensitivity->winners[w], error)) return false;
  }
  return true;
}

static bool publish(const struct sensitivity *sensitivity, struct error *error) {
  const struct invocation *invocation = sensitivity->run->invocation;
  const char *csv = invocation_value(invocation, "csv"), *html = invocation_value(invocation, "html");
  if (cluster_rank(invocation->cluster) == 0) {
    const bool written = (csv == NULL || sensitivity_csv(sensitivity, csv, error)) &&
                         (html == NULL || sensitivity_html(sensitivity, html, error));
    if (written && invocation->json) sensitivity_json(sensitivity);
    if (written && !invocation->json) sensitivity_say(sensitivity);
  }
  return cluster_agree(invocation->cluster, error);
}

static enum status run_sensitivity(struct invocation *invocation, struct error *error) {
  struct sensitivity *sensitivity = ARENA_NEW(invocation->arena, struct sensitivity, 1);
  struct run *run = ARENA_NEW(invocation->arena, struct run, 1);
  const char *seed = invocation_value(invocation, "seed");
  if (seed != NULL) invocation->sets[invocation->n_sets++] = (struct config_set){"search.seed", seed};
  run->invocation = invocation;
  run->one_device = "sensitivity";
  sensitivity->run = run;
  const bool good = run_prepare(run, invocation->words[0], error) && sensitivity_analyse(sensitivity, error) &&
                    publish(sensitivity, error);
  run_release(run);
  return good ? STATUS_OK : error->status;
}

static const struct command_option options[] = {
    {"samples", "N", "rows of the sample of each analysis, 8 to 65536 (default: 512); 0: no indices"},
    {"draws", "N", "draws of the constants in which the winner is looked for anew, 2 to 65536 (default: 64); 0: none"},
    {"scale", "X", "width of the constants' ranges, 0 to 4 (default: 1; 2: twice as wide)"},
    {"linear", NULL, "analyses the objectives themselves (default: their logarithms)"},
    {"csv", "FILE", "writes the table"},
    {"html", "FILE", "writes a page with the plot"},
    {"seed", "N", "seed of every random choice (default: search.seed of the run file)"},
};
static const char *const examples[] = {
    "dse sensitivity configs/quickstart.cfg --samples 64 --draws 2",
    "mpirun -n 2 dse sensitivity configs/quickstart.cfg --samples 128 --draws 4 --csv sensitivity.csv --html "
    "sensitivity.html",
    NULL};
const struct command command_sensitivity = {
    .name = "sensitivity",
    .words = "RUN.cfg",
    .summary = "which axes and which constants of the model move the result, and do these change the winner?",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "Sobol' indices with 95 % bootstrap intervals. First order: the share of the variance that an input explains\n"
        "by itself; total: with all its interactions. To the axes, over the box (limits set aside, every combination\n"
        "equally likely) and over the designs that limits allow, where inputs are tied and indices need not add up; "
        "to\n"
        "the constants of dse evaluate --uncertainty, at the winning design. Then the winner is looked for again with\n"
        "drawn constants: how often each design wins, and what keeping to the nominal winner costs. N samples take N\n"
        "(d + 2) evaluations for d inputs; a power of two fills the space best.",
    .examples = examples,
    .run = run_sensitivity,
};
