/* What does a network find that has seen other graphs? Whole placements drawn from a graph network's chances and made
 * valid by the solver; PPO moves the chances towards the better ones. (A Transferable Approach for Partitioning Machine
 * Learning Models on Multi-Chip-Modules, MLSys 2022; partition §8: what the paper keeps to itself is ours.)
 *
 * From scratch, from trained weights that go on learning, from trained weights as they are; or their order alone, cut
 * exactly, which tells what they know that orders by rule do not. Left out: a
 * value network, and learning beyond most_updates, after which samples are drawn from what was learnt. */
#include "search/partition/partition_slicing.h"
#include "search/partition/policy_file.h"
#include "search/partition/policy_learner.h"

#include <math.h>
#include <string.h>

enum mode { SCRATCH, FINETUNE, ZEROSHOT, SLICE };
static const char *const modes[] = {"scratch", "finetune", "zeroshot", "slice", NULL};
static const char *const heads[] = {"ordinal", "softmax", NULL};
static const char *const repairs[] = {"sample", "fix", NULL};
static const char *const orders[] = {"random", "topological", NULL};
static const char *const matrices[] = {"own", "gsl", NULL};

struct policy_settings {
  uint64_t mode, head, repair, order, matrix;
  const char *weights;
  uint64_t width, layers, rollouts, epochs, minibatches, refine_passes, most_updates;
  bool attention;
  double clip, rate, first_entropy, last_entropy, explore;
};

#define OFFSET(member) offsetof(struct policy_settings, member)
static const struct field policy_field_list[] = {
    {"mode", FIELD_CHOICE, "", 0, 0, "\"finetune\"",
     "learn from scratch, learn on from trained weights, only draw from them, or cut the one order they give exactly",
     OFFSET(mode), ROLE_ANSWER, modes},
    {"weights", FIELD_TEXT, "", 0, 0, "\"\"", "file of dse train policy; empty: the one that is shipped",
     OFFSET(weights), ROLE_ANSWER, NULL},
    {"rollouts", FIELD_UINT, "", 1, POLICY_MAX_ROLLOUTS, "20", "placements between two updates", OFFSET(rollouts),
     ROLE_ANSWER, NULL},
    {"epochs", FIELD_UINT, "", 1, 1000, "10", "times that an update goes through its placements", OFFSET(epochs),
     ROLE_ANSWER, NULL},
    {"minibatches", FIELD_UINT, "", 1, POLICY_MAX_ROLLOUTS, "4", "steps an epoch", OFFSET(minibatches), ROLE_ANSWER,
     NULL},
    {"most_updates", FIELD_UINT, "", 0, 1e9, "100", "after which weights stay and samples are only drawn",
     OFFSET(most_updates), ROLE_ANSWER, NULL},
    {"clip", FIELD_REAL, "", 0, 1, "0.2", "of a group's ratio of chances, new to old", OFFSET(clip), ROLE_ANSWER, NULL},
    {"rate", FIELD_REAL, "", 0, 1, "0", "Adam's; 0: 3e-4 from scratch, 1e-4 from trained weights", OFFSET(rate),
     ROLE_ANSWER, NULL},
    {"first_entropy", FIELD_REAL, "", 0, 1, "0.01", "weight of the chances' entropy, at the first sample",
     OFFSET(first_entropy), ROLE_ANSWER, NULL},
    {"last_entropy", FIELD_REAL, "", 0, 1, "0.001", "the same at the last", OFFSET(last_entropy), ROLE_ANSWER, NULL},
    {"explore", FIELD_REAL, "", 0, 1, "0.5",
     "share of placements that are drawn with the limits between chips moved and chances sharpened", OFFSET(explore),
     ROLE_ANSWER, NULL},
    {"refine_passes", FIELD_UINT, "", 1, POLICY_MAX_PASSES, "1",
     "passes of the network for a placement, each given the one before", OFFSET(refine_passes), ROLE_ANSWER, NULL},
    {"repair", FIELD_CHOICE, "", 0, 0, "\"sample\"",
     "draw group after group from what is valid, or all at once and then repair", OFFSET(repair), ROLE_ANSWER, repairs},
    {"order", FIELD_CHOICE, "", 0, 0, "\"random\"", "in which groups are drawn or repaired", OFFSET(order), ROLE_ANSWER,
     orders},
    {"head", FIELD_CHOICE, "", 0, 0, "\"ordinal\"", "of a network from scratch", OFFSET(head), ROLE_ANSWER, heads},
    {"width", FIELD_UINT, "", POLICY_WIDTH_STEP, POLICY_MAX_WIDTH, "64", "of its layers, a multiple of 8",
     OFFSET(width), ROLE_ANSWER, NULL},
    {"layers", FIELD_UINT, "", 1, POLICY_MAX_LAYERS, "4", "of GraphSAGE in it", OFFSET(layers), ROLE_ANSWER, NULL},
    {"attention", FIELD_BOOL, "", 0, 0, "false", "a layer of it along the topological order", OFFSET(attention),
     ROLE_ANSWER, NULL},
    {"matrix", FIELD_CHOICE, "", 0, 0, "\"own\"",
     "products of matrices: own, the same bits everywhere, or those of GSL's CBLAS", OFFSET(matrix), ROLE_ANSWER,
     matrices},
};
static const struct field_table policy_fields = {"partition.policy", "the learnt policy", policy_field_list,
                                                 sizeof policy_field_list / sizeof *policy_field_list};

/* Of trained weights; of a new network. */
static const double tuning_rate = 1e-4, learning_rate = 3e-4;
/* Chances and what forward passes keep, in numbers: some hundred MB. */
static const double most_chances = 1 << 25, most_groups = 200000;

static bool applies(const struct partition_graph *graph) {
  return (double)graph->n <= most_groups && (double)graph->n * graph->problem->n_chips <= most_chances;
}

/* The network's sizes and first weights. */
static bool open_net(const struct partition_request *request, struct policy_net *net, struct error *error) {
  const struct policy_settings *const settings = request->settings;
  const uint32_t n_chips = request->graph->problem->n_chips;
  struct policy_origin origin;
  if (settings->mode == SCRATCH) {
    const struct policy_net_shape shape = {.width = (uint32_t)settings->width,
                                           .layers = (uint32_t)settings->layers,
                                           .head = (enum policy_head)settings->head,
                                           .outputs = settings->head == POLICY_ORDINAL ? 2 : n_chips,
                                           .attention = settings->attention,
                                           .refines = settings->refine_passes > 1};
    if (!policy_net_shape_fits(&shape))
      return error_add(error, STATUS_INPUT, "policy.width: %llu is not a multiple of %d",
                       (unsigned long long)settings->width, POLICY_WIDTH_STEP);
    policy_net_init(net, &shape, request->scratch);
    policy_net_shake(net, request->seed, 0);
    return true;
  }
  const char *const folder = request->data_folder != NULL ? request->data_folder : ".";
  const char *const path = settings->weights[0] != '\0'
                               ? settings->weights
                               : arena_printf(request->scratch, "%s/" POLICY_SHIPPED_WEIGHTS, folder);
  if (!policy_file_read(path, request->scratch, net, &origin, error)) return false;
  if (net->shape.head == POLICY_SOFTMAX && net->shape.outputs < n_chips)
    return error_add(error, STATUS_INPUT, "%s: its softmax head knows %u chips, the problem has %u", path,
                     net->shape.outputs, n_chips);
  if (settings->refine_passes > 1 && !net->shape.refines)
    return error_add(error, STATUS_INPUT, "policy.refine_passes: the network of %s knows one pass", path);
  return true;
}

/* Counts a batch's samples and keeps the best, first of equals. */
static void take(const struct partition_request *request, const struct policy_batch *batch, uint32_t *chip,
                 struct partition_result *result) {
  for (size_t r = 0; r < batch->n_rollouts; r++) {
    const double period_ms = policy_batch_get(batch, r, chip);
    if (request->sampled != NULL) request->sampled(request->sampled_context, result->samples, period_ms);
    result->samples++;
    if (!(period_ms < result->value)) continue;
    result->found = true;
    result->value = period_ms;
    memcpy(result->chip, chip, batch->n * sizeof *chip);
  }
}

static void search(const struct partition_request *request, struct policy_learner *learner, struct policy_case *c,
                   struct policy_practice *practice, struct partition_result *result) {
  const struct policy_settings *const settings = request->settings;
  struct partition_meter meter = {request, result, c->work};
  struct policy_batch batch = policy_batch_new(request->graph->n, practice, request->scratch);
  uint32_t *const chip = ARENA_NEW(request->scratch, uint32_t, request->graph->n);
  const uint64_t n_updates = settings->mode == ZEROSHOT ? 0 : settings->most_updates;
  for (uint64_t update = 0; !partition_meter_full(&meter); update++) {
    const uint64_t left = request->samples - result->samples;
    const double done = (double)result->samples / (double)request->samples;
    batch.n_rollouts = left < practice->rollouts ? (size_t)left : (size_t)practice->rollouts;
    practice->entropy = settings->first_entropy + done * (settings->last_entropy - settings->first_entropy);
    policy_draw(learner, c, practice, update, &batch);
    take(request, &batch, chip, result);
    if (update < n_updates && !partition_meter_full(&meter)) policy_practise(learner, c, practice, update, &batch);
  }
}

/* What the weights know of order alone: groups by where they should stand along the chain, cut exactly. */
static void slice(const struct partition_request *request, struct policy_learner *learner, const struct policy_case *c,
                  struct partition_result *result) {
  const struct partition_graph *const graph = request->graph;
  struct partition_meter meter = {request, result, c->work};
  double *const key = ARENA_NEW(request->scratch, double, graph->n);
  uint32_t *const order = ARENA_NEW(request->scratch, uint32_t, graph->n);
  uint32_t *const chip = ARENA_NEW(request->scratch, uint32_t, graph->n);
  const uint32_t n_chips = graph->problem->n_chips;
  const double *const p = policy_learner_chances(learner, c, NULL);
  for (size_t v = 0; v < graph->n; v++) {
    key[v] = policy_head_middle(&learner->net.shape, n_chips, learner->outputs + v * learner->net.shape.outputs,
                                p + v * n_chips);
  }
  partition_order_by_key(graph, key, order, request->scratch);
  if (partition_meter_full(&meter)) return;
  if (partition_slice(partition_slicer_new(graph, request->scratch), order, INFINITY, chip) < INFINITY)
    partition_meter_try(&meter, chip);
}

static bool run(const struct partition_request *request, struct partition_result *result, struct error *error) {
  const struct policy_settings *const settings = request->settings;
  const struct partition_graph *const graph = request->graph;
  const struct arena_mark mark = arena_get_mark(request->scratch);
  struct policy_net net;
  *result = (struct partition_result){.chip = ARENA_NEW(request->arena, uint32_t, graph->n), .value = INFINITY};
  const bool opened = open_net(request, &net, error);
  if (opened) {
    struct policy_learner learner;
    policy_learner_init(&learner, &net.shape, graph->n, graph->n * graph->problem->n_chips, request->scratch);
    memcpy(learner.net.weights, net.weights, net.n_weights * sizeof *net.weights);
    learner.net.gsl = settings->matrix == 1;
    learner.rate = settings->rate > 0 ? settings->rate : settings->mode == SCRATCH ? learning_rate : tuning_rate;
    struct arena kept; /* of the solver, whose trail grows while scratch memory comes and goes */
    arena_init(&kept, 1 << 16);
    struct policy_case c = policy_case_of(graph, 0, &kept, request->scratch);
    struct policy_practice practice = {.seed = request->seed,
                                       .rollouts = settings->rollouts,
                                       .epochs = settings->epochs,
                                       .minibatches = settings->minibatches,
                                       .passes = settings->refine_passes,
                                       .order = settings->order,
                                       .repair = settings->repair,
                                       .clip = settings->clip,
                                       .explore = settings->explore,
                                       .pool = request->pool,
                                       .scratch = request->scratch};
    if (settings->mode == SLICE) {
      slice(request, &learner, &c, result);
    } else {
      search(request, &learner, &c, &practice, result);
    }
    arena_release(&kept);
  }
  arena_rewind(request->scratch, mark);
  return opened;
}

const struct partition_algorithm partition_by_policy = {
    .name = "policy",
    .doc = "placements drawn from a graph network that learns by PPO, from scratch or from trained weights",
    .source = "A Transferable Approach for Partitioning Machine Learning Models on Multi-Chip-Modules, MLSys 2022; "
              "details ours",
    .table = &policy_fields,
    .settings_bytes = sizeof(struct policy_settings),
    .applies = applies,
    .run = run};
