/* dse train: weights of a learnt algorithm, made from drawn graphs and given ones, for `dse map`. */
#include "base/file.h"
#include "dse/commands/command.h"
#include "dse/map/map.h"
#include "dse/output/tables.h"
#include "dse/partition/partition_run.h"
#include "dse/run/signals.h"
#include "dse/run/watch.h"

#include "search/partition/partition_read.h"
#include "search/partition/policy_file.h"
#include "search/partition/policy_train.h"
#include <string.h>

static const uint64_t default_seed = 1;
static const char of_time[] = "--minutes";

struct training {
  struct invocation *invocation;
  struct policy_training settings;
  struct policy_lessons lessons;
  struct table *curve;
  uint64_t seed;
  struct watch watch;
};

static const struct table_column columns[] = {
    {"phase", "", "", "start, labels or ppo"},
    {"step", "", "", "of this phase"},
    {"loss", "", "min", "labels: mean of -log chance of a group's chip; ppo: mean period of samples over the label's"},
    {"mean_ratio", "", "min", "periods of samples over the label's, on graphs kept apart (geometric mean over graphs)"},
    {"best_ratio", "", "min", "the best of a rollout's samples, likewise"},
    {"kept", "", "", "yes: the best weights so far"},
};

static bool read_settings(struct training *training, struct error *error) {
  const struct invocation *const invocation = training->invocation;
  const struct config_section section = {"", &policy_training_fields, &training->settings, false};
  struct config *config;
  uint64_t minutes;
  if (strcmp(invocation->words[0], "policy") != 0)
    return error_add(error, STATUS_INPUT, "dse train: policy is what can be trained, not %s", invocation->words[0]);
  if (invocation_value(invocation, "out") == NULL)
    return error_add(error, STATUS_INPUT, "dse train: --out FILE is needed");
  if (!config_open_text("--set", "", 0, invocation->sets, invocation->n_sets, invocation->arena, &config, error))
    return false;
  const bool fine = config_apply(config, &section, 1, invocation->arena, error);
  config_close(config);
  if (!fine || !invocation_u64(invocation, "seed", default_seed, &training->seed, error) ||
      !invocation_u64(invocation, "minutes", 0, &minutes, error))
    return false;
  if (training->settings.width % POLICY_WIDTH_STEP != 0)
    return error_add(error, STATUS_INPUT, "--set width: it must be a multiple of %d", POLICY_WIDTH_STEP);
  watch_begin(&training->watch, invocation->cluster, 60 * (double)minutes, of_time);
  return true;
}

/* Each given instance at every number of chips that drawn graphs have. */
static bool read_given(struct training *training, struct error *error) {
  const struct invocation *const invocation = training->invocation;
  for (size_t i = 1; i < invocation->n_words; i++) {
    for (size_t c = 0; c < POLICY_N_CHIPS; c++) {
      const char *const set = arena_printf(invocation->arena, "chips=%u", policy_corpus_chips[c]);
      struct partition_problem problem;
      if (!partition_read(invocation->words[i], &set, 1, invocation->arena, &problem, error)) return false;
      if (!policy_lessons_add(&training->lessons, &problem, problem.name, false, invocation->arena, invocation->scratch,
                              error) &&
          error_is_set(error))
        return false;
    }
  }
  return true;
}

static bool gather(struct training *training, struct error *error) {
  const struct invocation *const invocation = training->invocation;
  struct policy_lessons *const lessons = &training->lessons;
  policy_lessons_init(lessons, training->settings.graphs + POLICY_N_CHIPS * invocation->n_words, invocation->arena);
  if (!policy_train_draw(&training->settings, training->seed, lessons, invocation->arena, invocation->scratch, error) ||
      !read_given(training, error))
    return false;
  if (lessons->n == lessons->n_validating)
    return error_add(error, STATUS_INPUT, "dse train: there is no graph to learn from; set graphs, or name instances");
  return true;
}

/* The drawn graphs as problems of dse map partition. */
static bool write_problems(const struct training *training, const char *folder, struct error *error) {
  const struct invocation *const invocation = training->invocation;
  if (!file_make_folder(folder, error)) return false;
  for (uint64_t number = 0; number < training->settings.graphs; number++) {
    struct partition_problem problem;
    policy_corpus_draw(training->seed, number, invocation->arena, &problem);
    const char *const name = arena_printf(
        invocation->arena, "%s_%llu", policy_family_names[policy_corpus_family(number)], (unsigned long long)number);
    problem.name = name;
    if (!partition_write(&problem, arena_printf(invocation->arena, "%s/%s.json", folder, name), invocation->arena,
                         error))
      return false;
  }
  return true;
}

/* Families, and on which side they are. */
static void tell_split(const struct training *training) {
  const struct policy_lessons *const lessons = &training->lessons;
  char hex[DIGEST_HEX_BYTES];
  digest_print(policy_lessons_digest(lessons), hex);
  remark(training->invocation, "%zu graphs, %zu of them kept apart; corpus %s\n", lessons->n, lessons->n_validating,
         hex);
  for (size_t i = 0; i < lessons->n; i++) {
    const char *const family = lessons->lessons[i].family;
    size_t n = 0;
    bool told = false;
    for (size_t k = 0; k < lessons->n; k++) {
      const bool same = strcmp(lessons->lessons[k].family, family) == 0;
      n += same;
      told = told || (same && k < i);
    }
    if (told) continue;
    remark(training->invocation, "  %s: %zu, %s\n", family, n,
           lessons->lessons[i].validates ? "kept apart" : "to learn from");
  }
}

static void checked(void *context, const struct policy_check *check) {
  const struct training *const training = context;
  struct table *const curve = training->curve;
  table_text(curve, check->phase);
  table_u64(curve, check->step);
  table_double(curve, check->loss);
  table_double(curve, check->mean_ratio);
  table_double(curve, check->best_ratio);
  table_text(curve, check->kept ? "yes" : "no");
  remark(training->invocation, "%7.0f s  %-6s %7llu  loss %.4f; kept apart: samples %.4f, best of a rollout %.4f%s\n",
         watch_wall_s(&training->watch), check->phase, (unsigned long long)check->step, check->loss, check->mean_ratio,
         check->best_ratio, check->kept ? " (kept)" : "");
}

static bool interrupted(void *context) { return watch_agree(&((struct training *)context)->watch); }

/* Weights to go on from. */
static bool read_start(const struct training *training, const char *path, struct policy_net *start,
                       struct policy_origin *before, struct error *error) {
  const struct policy_lessons *const lessons = &training->lessons;
  if (!policy_file_read(path, training->invocation->arena, start, before, error)) return false;
  for (size_t i = 0; i < lessons->n; i++) {
    if (start->shape.head == POLICY_SOFTMAX && lessons->lessons[i].problem.n_chips > start->shape.outputs)
      return error_add(error, STATUS_INPUT, "%s: its softmax head knows %u chips, a graph has %u", path,
                       start->shape.outputs, lessons->lessons[i].problem.n_chips);
  }
  if (training->settings.refine_passes > 1 && !start->shape.refines)
    return error_add(error, STATUS_INPUT, "--set refine_passes: the network of %s knows one pass", path);
  return true;
}

static void tell_file(const struct training *training, const struct policy_net *net, const struct policy_origin *origin,
                      const char *out) {
  char hex[DIGEST_HEX_BYTES];
  size_t n;
  const unsigned char *const bytes = policy_file_bytes(net, origin, training->invocation->scratch, &n);
  digest_print(digest_of(bytes, n), hex);
  remark(training->invocation, "%s: %zu weights after %llu steps, %zu bytes, digest %s\n", out, net->n_weights,
         (unsigned long long)origin->updates, n, hex);
}

static enum status run(struct invocation *invocation, struct error *error) {
  struct training *const training = ARENA_NEW(invocation->arena, struct training, 1);
  training->invocation = invocation;
  struct policy_net net, start;
  struct policy_origin before = {0};
  const char *const from = invocation_value(invocation, "from");
  if (!read_settings(training, error) || !gather(training, error) ||
      (from != NULL && !read_start(training, from, &start, &before, error)))
    return error->status;
  const char *const problems = invocation_value(invocation, "problems");
  const bool written =
      problems == NULL || cluster_rank(invocation->cluster) != 0 || write_problems(training, problems, error);
  if (!cluster_agree(invocation->cluster, error) || !written) return error->status;
  tell_split(training);
  signals_catch();
  struct arena sharing;
  arena_init(&sharing, 1 << 20);
  struct partition_ranks ranks = {invocation->cluster, &sharing, error};
  const struct partition_pool pool = {partition_run_on_ranks, &ranks};
  training->curve = table_new(invocation->arena, "training", columns, sizeof columns / sizeof *columns);
  const struct policy_trainer trainer = {.training = &training->settings,
                                         .lessons = &training->lessons,
                                         .start = from != NULL ? &start : NULL,
                                         .seed = training->seed,
                                         .pool = &pool,
                                         .checked = checked,
                                         .interrupted = interrupted,
                                         .context = training,
                                         .arena = invocation->arena,
                                         .scratch = invocation->scratch};
  struct policy_origin origin = {.seed = training->seed, .corpus = policy_lessons_digest(&training->lessons)};
  policy_train(&trainer, &net, &origin.updates);
  arena_release(&sharing);
  origin.updates += before.updates;
  const char *const out = invocation_value(invocation, "out");
  if (cluster_rank(invocation->cluster) == 0 && !policy_file_write(&net, &origin, out, invocation->scratch, error))
    return error->status;
  if (invocation->json) {
    tables_print_json(training->curve, 1, invocation->arena, error);
  } else {
    map_print_table(invocation, training->curve);
  }
  tell_file(training, &net, &origin, out);
  const char *const stopped = training->watch.stopped;
  if (stopped == NULL || strcmp(stopped, of_time) == 0) return STATUS_OK;
  error_add(error, STATUS_STOPPED, "stopped by %s: the best weights until then", stopped);
  return STATUS_STOPPED;
}

static const struct command_option options[] = {
    {"out", "FILE", "where the weights go"},
    {"from", "FILE", "weights to go on from, whose sizes hold; without it the network is new"},
    {"problems", "FOLDER", "the drawn graphs, too, as problems of dse map partition"},
    {"seed", "N", "of graphs, first weights and samples (default 1)"},
    {"minutes", "N", "most; the rates of learning follow the steps that are planned, so fewer steps are other weights"},
};
static const char *const examples[] = {
    "dse train policy --out policy.weights --set graphs=10 --set label_steps=50 --set updates=2 --set checks=1",
    "dse train policy tests/data/partition/instances/layer_bert24-clone-bw32.json --out policy.weights --set graphs=5 "
    "--set label_steps=20 --set updates=2 --set checks=1",
    NULL};
const struct command command_train = {
    .name = "train",
    .words = "policy [INSTANCE.json ...]",
    .summary = "weights of the policy that dse map partition --algorithm policy starts from",
    .min_words = 1,
    .max_words = COMMAND_MAX_WORDS,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "Draws graphs of five families, adds the given instances at 2, 4, 8, 16 and 36 chips, and trains a graph\n"
        "network: first towards good placements (labels), then by PPO on what it draws itself. One family is kept\n"
        "apart (held_out); the weights that do best on it are written. The learning curve goes to stdout. Keys, by\n"
        "--set KEY=VALUE, are at the end of dse list keys. The same seed and keys give the same bytes on any\n"
        "number of ranks. A signal ends it with the best weights until then.",
    .examples = examples,
    .run = run,
};
