/* See policy_train.h. */
#include "search/partition/policy_train.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

enum { MOST_LOOKED_AT = 60 };         /* graphs, of a kind */
static const double last_rate = 0.05; /* of the first, at the end of a phase */

static const char *const heads[] = {"ordinal", "softmax", NULL};
static const char *const families[] = {"chain", "residual", "branches", "long-skips", "attention", "none", NULL};

#define OFFSET(member) offsetof(struct policy_training, member)
static const struct field training_field_list[] = {
    {"graphs", FIELD_UINT, "", 0, 100000, "600", "drawn graphs, of five families in turn", OFFSET(graphs), ROLE_ANSWER,
     NULL},
    {"held_out", FIELD_CHOICE, "", 0, 0, "\"long-skips\"", "the family that is kept apart", OFFSET(held_out),
     ROLE_ANSWER, families},
    {"width", FIELD_UINT, "", POLICY_WIDTH_STEP, POLICY_MAX_WIDTH, "64", "of layers, a multiple of 8", OFFSET(width),
     ROLE_ANSWER, NULL},
    {"layers", FIELD_UINT, "", 1, POLICY_MAX_LAYERS, "4", "of GraphSAGE", OFFSET(layers), ROLE_ANSWER, NULL},
    {"head", FIELD_CHOICE, "", 0, 0, "\"ordinal\"", "two outputs for any number of chips, or one a chip", OFFSET(head),
     ROLE_ANSWER, heads},
    {"attention", FIELD_BOOL, "", 0, 0, "false", "a layer of it along the topological order", OFFSET(attention),
     ROLE_ANSWER, NULL},
    {"refine_passes", FIELD_UINT, "", 1, POLICY_MAX_PASSES, "1", "passes for a placement, each given the one before",
     OFFSET(refine_passes), ROLE_ANSWER, NULL},
    {"label_steps", FIELD_UINT, "", 0, 1e9, "20000", "steps towards labels", OFFSET(label_steps), ROLE_ANSWER, NULL},
    {"label_graphs", FIELD_UINT, "", 1, 1000, "4", "graphs a step", OFFSET(label_graphs), ROLE_ANSWER, NULL},
    {"label_rate", FIELD_REAL, "", 0, 1, "1e-3", "of Adam, at first", OFFSET(label_rate), ROLE_ANSWER, NULL},
    {"updates", FIELD_UINT, "", 0, 1e9, "2000", "of PPO, a graph each", OFFSET(updates), ROLE_ANSWER, NULL},
    {"rate", FIELD_REAL, "", 0, 1, "3e-4", "of Adam under PPO, at first", OFFSET(rate), ROLE_ANSWER, NULL},
    {"checks", FIELD_UINT, "", 1, 100000, "20", "looks at what is kept apart, in each phase", OFFSET(checks),
     ROLE_ANSWER, NULL},
    {"rollouts", FIELD_UINT, "", 1, POLICY_MAX_ROLLOUTS, "20", "placements an update", OFFSET(rollouts), ROLE_ANSWER,
     NULL},
    {"epochs", FIELD_UINT, "", 1, 1000, "10", "times that an update goes through them", OFFSET(epochs), ROLE_ANSWER,
     NULL},
    {"minibatches", FIELD_UINT, "", 1, POLICY_MAX_ROLLOUTS, "4", "steps an epoch", OFFSET(minibatches), ROLE_ANSWER,
     NULL},
    {"clip", FIELD_REAL, "", 0, 1, "0.2", "of a group's ratio of chances, new to old", OFFSET(clip), ROLE_ANSWER, NULL},
    {"first_entropy", FIELD_REAL, "", 0, 1, "0.01", "weight of the chances' entropy, at first", OFFSET(first_entropy),
     ROLE_ANSWER, NULL},
    {"last_entropy", FIELD_REAL, "", 0, 1, "0.001", "the same at the end", OFFSET(last_entropy), ROLE_ANSWER, NULL},
};
const struct field_table policy_training_fields = {"train.policy", "training of the policy of partition",
                                                   training_field_list,
                                                   sizeof training_field_list / sizeof *training_field_list};

bool policy_train_draw(const struct policy_training *training, uint64_t seed, struct policy_lessons *lessons,
                       struct arena *arena, struct arena *scratch, struct error *error) {
  for (uint64_t number = 0; number < training->graphs; number++) {
    struct partition_problem problem;
    const enum policy_family family = policy_corpus_family(number);
    policy_corpus_draw(seed, number, arena, &problem);
    if (!policy_lessons_add(lessons, &problem, policy_family_names[family], family == training->held_out, arena,
                            scratch, error) &&
        error_is_set(error))
      return false;
  }
  return true;
}

/* --- looks ----------------------------------------------------------------------------------------------------------
 */

static struct policy_practice practice_of(const struct policy_trainer *trainer) {
  const struct policy_training *const training = trainer->training;
  return (struct policy_practice){.seed = trainer->seed,
                                  .rollouts = training->rollouts,
                                  .epochs = training->epochs,
                                  .minibatches = training->minibatches,
                                  .passes = training->refine_passes,
                                  .order = PARTITION_ORDER_RANDOM,
                                  .repair = POLICY_SAMPLE,
                                  .clip = training->clip,
                                  .pool = trainer->pool,
                                  .scratch = trainer->scratch};
}

/* Samples of a graph, their periods over the label's: mean and least. Without a placement: as bad as all on one chip.
 */
static void ratios_of(const struct policy_lesson *lesson, const struct policy_batch *batch, double *mean,
                      double *best) {
  const double worst = fmax(1, lesson->graph.total_ms / lesson->label_ms);
  *mean = 0;
  *best = INFINITY;
  for (size_t r = 0; r < batch->n_rollouts; r++) {
    const double ratio = fmin(worst, policy_batch_get(batch, r, NULL) / lesson->label_ms);
    *mean += ratio / (double)batch->n_rollouts;
    *best = fmin(*best, ratio);
  }
}

void policy_train_look(const struct policy_trainer *trainer, struct policy_learner *learner, bool validating,
                       struct policy_check *check) {
  const struct arena_mark mark = arena_get_mark(trainer->scratch);
  const struct policy_practice practice = practice_of(trainer);
  double sum_mean = 0, sum_best = 0;
  size_t n = 0;
  for (size_t i = 0; i < trainer->lessons->n && n < MOST_LOOKED_AT; i++) {
    const struct policy_lesson *const lesson = &trainer->lessons->lessons[i];
    if (lesson->validates != validating) continue;
    const struct arena_mark inner = arena_get_mark(trainer->scratch);
    struct policy_batch batch = policy_batch_new(lesson->graph.n, &practice, trainer->scratch);
    double mean, best;
    policy_draw(learner, &lesson->c, &practice, (uint64_t)1 << 31, &batch);
    ratios_of(lesson, &batch, &mean, &best);
    sum_mean += num_log(mean);
    sum_best += num_log(best);
    n++;
    arena_rewind(trainer->scratch, inner);
  }
  check->mean_ratio = n > 0 ? num_exp(sum_mean / (double)n) : 1;
  check->best_ratio = n > 0 ? num_exp(sum_best / (double)n) : 1;
  arena_rewind(trainer->scratch, mark);
}

struct teaching {
  const struct policy_trainer *trainer;
  struct policy_learner learner;
  struct policy_net *best;
  double best_ratio, sum;
  uint64_t n_summed, n_steps, *best_steps;
};

static void look(struct teaching *t, const char *phase, uint64_t step) {
  struct policy_check check = {.phase = phase, .step = step};
  check.loss = t->n_summed > 0 ? t->sum / (double)t->n_summed : 0;
  t->sum = 0;
  t->n_summed = 0;
  policy_train_look(t->trainer, &t->learner, t->trainer->lessons->n_validating > 0, &check);
  check.kept = check.best_ratio < t->best_ratio;
  if (check.kept) {
    t->best_ratio = check.best_ratio;
    *t->best_steps = t->n_steps;
    memcpy(t->best->weights, t->learner.net.weights, t->best->n_weights * sizeof *t->best->weights);
  }
  if (t->trainer->checked != NULL) t->trainer->checked(t->trainer->context, &check);
}

static bool interrupted(const struct teaching *t) {
  return t->trainer->interrupted != NULL && t->trainer->interrupted(t->trainer->context);
}

/* A graph to learn from. */
static struct policy_lesson *draw_lesson(const struct teaching *t, uint64_t step, uint64_t phase, uint64_t k) {
  struct policy_lessons *const lessons = t->trainer->lessons;
  struct rng rng =
      rng_stream(t->trainer->seed, RNG_PARTITION, step, (uint64_t)PARTITION_STREAM_WEIGHTS << 32 | phase << 24 | k);
  for (;;) {
    struct policy_lesson *const lesson = &lessons->lessons[rng_below(&rng, lessons->n)];
    if (!lesson->validates) return lesson;
  }
}

/* --- phases ---------------------------------------------------------------------------------------------------------
 */

/* Down from `first` to a twentieth of it. */
static double rate_at(double first, uint64_t step, uint64_t n_steps) {
  return first * (1 - (1 - last_rate) * (double)step / (double)n_steps);
}
static bool is_check(uint64_t step, uint64_t n_steps, uint64_t n_checks) {
  return step * n_checks / n_steps != (step - 1) * n_checks / n_steps;
}

static bool teach_labels(struct teaching *t) {
  const struct policy_training *const training = t->trainer->training;
  uint32_t *const greedy = ARENA_NEW(t->trainer->scratch, uint32_t, t->trainer->lessons->most_groups);
  for (uint64_t step = 1; step <= training->label_steps; step++) {
    if (interrupted(t)) return false;
    t->learner.rate = rate_at(training->label_rate, step, training->label_steps);
    for (uint64_t k = 0; k < training->label_graphs; k++) {
      struct policy_lesson *const lesson = draw_lesson(t, step, 1, k);
      const uint32_t *previous = NULL;
      if (training->refine_passes > 1 && k % 2 == 1) {
        partition_greedy(&lesson->graph, greedy, lesson->c.work);
        previous = greedy;
      }
      t->sum += policy_learn_label(&t->learner, &lesson->c, lesson->label, previous);
      t->n_summed++;
    }
    policy_learner_step(&t->learner);
    t->n_steps++;
    if (is_check(step, training->label_steps, training->checks)) look(t, "labels", step);
  }
  return true;
}

static bool teach_by_trying(struct teaching *t) {
  const struct policy_training *const training = t->trainer->training;
  struct policy_practice practice = practice_of(t->trainer);
  for (uint64_t update = 1; update <= training->updates; update++) {
    if (interrupted(t)) return false;
    const struct arena_mark mark = arena_get_mark(t->trainer->scratch);
    const double done = (double)update / (double)training->updates;
    struct policy_lesson *const lesson = draw_lesson(t, update, 2, 0);
    struct policy_batch batch = policy_batch_new(lesson->graph.n, &practice, t->trainer->scratch);
    double mean, best;
    t->learner.rate = rate_at(training->rate, update, training->updates);
    practice.entropy = training->first_entropy + done * (training->last_entropy - training->first_entropy);
    policy_draw(&t->learner, &lesson->c, &practice, update, &batch);
    ratios_of(lesson, &batch, &mean, &best);
    t->sum += mean;
    t->n_summed++;
    policy_practise(&t->learner, &lesson->c, &practice, update, &batch);
    arena_rewind(t->trainer->scratch, mark);
    t->n_steps++;
    if (is_check(update, training->updates, training->checks)) look(t, "ppo", update);
  }
  return true;
}

static struct policy_net_shape shape_of(const struct policy_trainer *trainer) {
  const struct policy_training *const training = trainer->training;
  const struct policy_lessons *const lessons = trainer->lessons;
  uint32_t most_chips = 1;
  if (trainer->start != NULL) return trainer->start->shape;
  for (size_t i = 0; i < lessons->n; i++) {
    if (lessons->lessons[i].problem.n_chips > most_chips) most_chips = lessons->lessons[i].problem.n_chips;
  }
  return (struct policy_net_shape){.width = (uint32_t)training->width,
                                   .layers = (uint32_t)training->layers,
                                   .head = (enum policy_head)training->head,
                                   .outputs = training->head == POLICY_ORDINAL ? 2 : most_chips,
                                   .attention = training->attention,
                                   .refines = training->refine_passes > 1};
}

void policy_train(const struct policy_trainer *trainer, struct policy_net *net, uint64_t *n_steps) {
  const struct policy_lessons *const lessons = trainer->lessons;
  const struct policy_net_shape shape = shape_of(trainer);
  REQUIRE(lessons->n > lessons->n_validating);
  policy_net_init(net, &shape, trainer->arena);
  const struct arena_mark mark = arena_get_mark(trainer->scratch);
  struct teaching t = {.trainer = trainer, .best = net, .best_ratio = INFINITY, .best_steps = n_steps};
  policy_learner_init(&t.learner, &shape, lessons->most_groups, lessons->most_chances, trainer->scratch);
  if (trainer->start != NULL) {
    memcpy(t.learner.net.weights, trainer->start->weights, net->n_weights * sizeof *net->weights);
  } else {
    policy_net_shake(&t.learner.net, trainer->seed, 0);
  }
  look(&t, "start", 0);
  if (teach_labels(&t)) teach_by_trying(&t);
  arena_rewind(trainer->scratch, mark);
}
