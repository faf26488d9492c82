/* How is a policy trained before it meets the graph that it is for? Towards labels first, then by PPO, graph after
 * graph; what does best on the graphs that were kept apart is kept. (partition §8, "Protocol".) */
#ifndef SEARCH_PARTITION_POLICY_TRAIN_H
#define SEARCH_PARTITION_POLICY_TRAIN_H

#include "base/config.h"
#include "search/partition/policy_lessons.h"

struct policy_training {
  uint64_t graphs, held_out; /* drawn graphs; the family that is kept apart */
  uint64_t width, layers, head, refine_passes;
  bool attention;
  uint64_t label_steps, label_graphs, updates, checks; /* steps of each phase; looks at the graphs kept apart */
  uint64_t rollouts, epochs, minibatches;
  double label_rate, rate, clip, first_entropy, last_entropy;
};
extern const struct field_table policy_training_fields;

/* One look at the graphs kept apart. Ratios are geometric means over them, of periods to those of their labels. */
struct policy_check {
  const char *phase; /* "labels", "ppo" */
  uint64_t step;
  double loss;       /* labels: mean since the last look; PPO: mean period of the samples over the label's */
  double mean_ratio; /* of the samples of one rollout */
  double best_ratio; /* of the best of a rollout */
  bool kept;         /* the best so far */
};
struct policy_trainer {
  const struct policy_training *training;
  struct policy_lessons *lessons;
  const struct policy_net *start; /* weights and sizes to go on from; NULL: new ones by the settings */
  uint64_t seed;
  const struct partition_pool *pool;
  void (*checked)(void *context, const struct policy_check *check);
  bool (*interrupted)(void *context); /* between steps; the same on all ranks. NULL: never */
  void *context;
  struct arena *arena, *scratch;
};
/* Drawn graphs into the lessons, which must have room. */
bool policy_train_draw(const struct policy_training *training, uint64_t seed, struct policy_lessons *lessons,
                       struct arena *arena, struct arena *scratch, struct error *error);
/* The best net, in the arena; the steps it had. */
void policy_train(const struct policy_trainer *trainer, struct policy_net *net, uint64_t *n_steps);
/* Geometric means as in a check, of any network on the lessons that validate (or on those that do not). */
void policy_train_look(const struct policy_trainer *trainer, struct policy_learner *learner, bool validating,
                       struct policy_check *check);

#endif
