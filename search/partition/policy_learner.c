/* See policy_learner.h. */
#include "search/partition/policy_learner.h"

#include "base/num.h"
#include "search/partition/policy_features.h"
#include <math.h>
#include <string.h>

static const double beta_first = 0.9, beta_second = 0.999, adam_epsilon = 1e-8;
static const double most_norm = 1.0; /* of a step's gradient */
/* Of a twist: limits move within a share of a chip between these two; spreads become that many times as wide. */
static const double least_shift = 0.05, most_shift = 1, sharpest = 0.1, widest = 10;
static const double least_spread = 1e-8;

struct policy_case policy_case_of(const struct partition_graph *graph, uint64_t number, struct arena *arena,
                                  struct arena *scratch) {
  struct policy_case c = {.view = policy_view_of(graph, arena, scratch),
                          .solver = partition_solver_new(graph, INFINITY, arena),
                          .work = partition_work_new(graph, arena),
                          .number = number};
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t *const chip = ARENA_NEW(scratch, uint32_t, graph->n);
  partition_greedy(graph, chip, c.work);
  c.greedy_ms = partition_period(graph, chip, c.work, NULL);
  arena_rewind(scratch, mark);
  return c;
}

void policy_learner_init(struct policy_learner *learner, const struct policy_net_shape *shape, size_t n, size_t n_p,
                         struct arena *arena) {
  *learner = (struct policy_learner){.room_n = n, .room_p = n_p};
  policy_net_init(&learner->net, shape, arena);
  learner->gradient = ARENA_NEW(arena, real, learner->net.n_weights);
  learner->first = ARENA_NEW(arena, real, learner->net.n_weights);
  learner->second = ARENA_NEW(arena, real, learner->net.n_weights);
  learner->tape = policy_tape_new(shape, n, arena);
  learner->p = ARENA_NEW(arena, double, n_p);
  learner->d_p = ARENA_NEW(arena, double, n_p);
  learner->d_outputs = ARENA_NEW(arena, real, n * shape->outputs);
}

const double *policy_learner_chances(struct policy_learner *learner, const struct policy_case *c,
                                     const uint32_t *previous) {
  const size_t n = c->view.graph->n;
  REQUIRE(n <= learner->room_n && n * c->view.n_chips <= learner->room_p);
  learner->outputs = policy_net_forward(&learner->net, &c->view, previous, learner->tape);
  policy_head_forward(&learner->net.shape, n, c->view.n_chips, learner->outputs, learner->p);
  return learner->p;
}

/* --- steps ----------------------------------------------------------------------------------------------------------
 */

/* Takes d_p, the slope by the chances of the last forward pass, down to the weights. */
static void add_slope(struct policy_learner *learner, const struct policy_case *c) {
  policy_head_backward(&learner->net.shape, c->view.graph->n, c->view.n_chips, learner->outputs, learner->d_p,
                       learner->d_outputs);
  policy_net_backward(&learner->net, &c->view, learner->d_outputs, learner->tape, learner->gradient);
}

void policy_learner_step(struct policy_learner *learner) {
  const size_t n = learner->net.n_weights;
  double norm = 0;
  for (size_t i = 0; i < n; i++) norm += (double)learner->gradient[i] * (double)learner->gradient[i];
  norm = sqrt(norm);
  learner->n_steps++;
  const double k = (double)learner->n_steps;
  const real shrink = (real)(norm > most_norm ? most_norm / norm : 1);
  const real rate = (real)(learner->rate / (1 - num_pow(beta_first, k)));
  const real second_scale = (real)(1 / (1 - num_pow(beta_second, k)));
  for (size_t i = 0; i < n; i++) {
    const real g = learner->gradient[i] * shrink;
    learner->first[i] = (real)beta_first * learner->first[i] + (real)(1 - beta_first) * g;
    learner->second[i] = (real)beta_second * learner->second[i] + (real)(1 - beta_second) * g * g;
    const real size = (real)sqrt((double)(learner->second[i] * second_scale));
    learner->net.weights[i] -= rate * learner->first[i] / (size + (real)adam_epsilon);
    learner->gradient[i] = 0;
  }
}

double policy_learn_label(struct policy_learner *learner, const struct policy_case *c, const uint32_t *chip,
                          const uint32_t *previous) {
  const double *const p = policy_learner_chances(learner, c, previous);
  const double loss = policy_label_loss(c->view.graph->n, c->view.n_chips, p, chip, learner->d_p);
  add_slope(learner, c);
  return loss;
}

/* --- rollouts -------------------------------------------------------------------------------------------------------
 */

/* A result: the period, then for every pass what was drawn, the ends of what was left, and the placement made of it. */
enum { DRAWN, LOW, HIGH, PLACED, N_ROWS };
static uint16_t *row_of(const struct policy_batch *batch, void *result, size_t pass, size_t row) {
  return (uint16_t *)(void *)((unsigned char *)result + sizeof(double)) + (pass * N_ROWS + row) * batch->n;
}
static const uint16_t *batch_row(const struct policy_batch *batch, size_t rollout, size_t pass, size_t row) {
  return row_of(batch, batch->results + rollout * batch->result_bytes, pass, row);
}

struct policy_batch policy_batch_new(size_t n, const struct policy_practice *practice, struct arena *arena) {
  struct policy_batch batch = {.n = n, .n_rollouts = practice->rollouts, .n_passes = practice->passes};
  const size_t bytes = sizeof(double) + batch.n_passes * N_ROWS * n * sizeof(uint16_t);
  batch.result_bytes = (bytes + sizeof(double) - 1) / sizeof(double) * sizeof(double);
  batch.results = ARENA_NEW(arena, unsigned char, batch.n_rollouts *batch.result_bytes);
  return batch;
}

struct drawing {
  struct policy_learner *learner;
  const struct policy_case *c;
  const struct policy_practice *practice;
  const struct policy_batch *batch;
  uint64_t update;
  const double *p;     /* of the first pass, [n × C] */
  const real *outputs; /* that p comes from */
  double *twisted;     /* [n × C] */
  double *limits;      /* [C] */
  struct partition_sample sample;
  uint32_t *proposal;
};

/* A chip for each group by its own chances, nobody asked. */
static void propose(const double *p, size_t n, uint32_t n_chips, struct rng *rng, uint32_t *chip) {
  for (size_t v = 0; v < n; v++) {
    double at = rng_unit(rng);
    uint32_t c = 1;
    for (; c < n_chips && at >= p[v * n_chips + c - 1]; c++) at -= p[v * n_chips + c - 1];
    chip[v] = c;
  }
}

static bool draw_pass(struct drawing *drawing, const double *p, struct rng *rng, void *result, size_t pass) {
  const struct policy_case *const c = drawing->c;
  const enum partition_order order = (enum partition_order)drawing->practice->order;
  const size_t n = drawing->batch->n;
  struct partition_sample *const sample = &drawing->sample;
  uint16_t *const row = row_of(drawing->batch, result, pass, 0);
  const bool fix = drawing->practice->repair == POLICY_FIX;
  if (fix) propose(p, n, c->view.n_chips, rng, drawing->proposal);
  if (!(fix ? partition_solver_fix(c->solver, drawing->proposal, p, true, order, rng, sample)
            : partition_solver_draw(c->solver, p, order, rng, sample)))
    return false;
  for (size_t v = 0; v < n; v++) {
    row[DRAWN * n + v] = (uint16_t)(fix ? drawing->proposal[v] : sample->drawn[v]);
    row[LOW * n + v] = (uint16_t)(fix ? 1 : sample->low[v]);
    row[HIGH * n + v] = (uint16_t)(fix ? c->view.n_chips : sample->high[v]);
    row[PLACED * n + v] = (uint16_t)sample->chip[v];
  }
  return true;
}

/* Chances of a rollout's first pass. Some rollouts try limits of their own: whole slices move, where single groups
 * that stray only cost. They differ from what was believed, so that learning from them leans on the clip of PPO. */
static const double *first_chances(struct drawing *drawing, struct rng *rng) {
  const struct policy_case *const c = drawing->c;
  const uint32_t n_chips = c->view.n_chips;
  if (!(rng_unit(rng) < drawing->practice->explore)) return drawing->p;
  const struct policy_twist twist = {.shift = least_shift * num_exp(num_log(most_shift / least_shift) * rng_unit(rng)),
                                     .sharpness = sharpest * num_exp(num_log(widest / sharpest) * rng_unit(rng)),
                                     .limits = drawing->limits};
  for (uint32_t limit = 0; limit + 1 < n_chips; limit++) drawing->limits[limit] = 2 * rng_unit(rng) - 1;
  policy_head_twisted(&drawing->learner->net.shape, drawing->batch->n, n_chips, drawing->outputs, &twist,
                      drawing->twisted);
  return drawing->twisted;
}

static void draw_one(void *argument, size_t i, void *result) {
  struct drawing *const drawing = argument;
  const struct policy_case *const c = drawing->c;
  struct rng rng = rng_stream(drawing->practice->seed, RNG_PARTITION, c->number << 32 | drawing->update,
                              (uint64_t)PARTITION_STREAM_POLICY << 32 | i);
  double period_ms = INFINITY;
  bool drawn = true;
  memset(result, 0, drawing->batch->result_bytes);
  for (size_t pass = 0; drawn && pass < drawing->batch->n_passes; pass++) {
    const double *const p =
        pass == 0 ? first_chances(drawing, &rng) : policy_learner_chances(drawing->learner, c, drawing->sample.chip);
    drawn = draw_pass(drawing, p, &rng, result, pass);
  }
  if (drawn) period_ms = partition_value(c->view.graph, drawing->sample.chip, c->work);
  memcpy(result, &period_ms, sizeof period_ms);
}

void policy_draw(struct policy_learner *learner, const struct policy_case *c, const struct policy_practice *practice,
                 uint64_t update, struct policy_batch *batch) {
  const size_t n = c->view.graph->n, n_p = n * c->view.n_chips, n_outputs = n * learner->net.shape.outputs;
  struct arena *const scratch = practice->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  double *const p = ARENA_NEW(scratch, double, n_p);
  real *const outputs = ARENA_NEW(scratch, real, n_outputs);
  struct drawing drawing = {.learner = learner,
                            .c = c,
                            .practice = practice,
                            .batch = batch,
                            .update = update,
                            .p = p,
                            .outputs = outputs,
                            .twisted = ARENA_NEW(scratch, double, n_p),
                            .limits = ARENA_NEW(scratch, double, c->view.n_chips),
                            .sample = {.chip = ARENA_NEW(scratch, uint32_t, n),
                                       .order = ARENA_NEW(scratch, uint32_t, n),
                                       .low = ARENA_NEW(scratch, uint32_t, n),
                                       .high = ARENA_NEW(scratch, uint32_t, n),
                                       .drawn = ARENA_NEW(scratch, uint32_t, n)},
                            .proposal = ARENA_NEW(scratch, uint32_t, n)};
  memcpy(p, policy_learner_chances(learner, c, NULL), n_p * sizeof *p);
  memcpy(outputs, learner->outputs, n_outputs * sizeof *outputs);
  partition_pool_run(practice->pool, batch->n_rollouts, batch->result_bytes, draw_one, &drawing, batch->results);
  arena_rewind(scratch, mark);
}

double policy_batch_get(const struct policy_batch *batch, size_t rollout, uint32_t *chip) {
  const uint16_t *const placed = batch_row(batch, rollout, batch->n_passes - 1, PLACED);
  double period_ms;
  memcpy(&period_ms, batch->results + rollout * batch->result_bytes, sizeof period_ms);
  for (size_t v = 0; chip != NULL && v < batch->n; v++) chip[v] = placed[v];
  return period_ms;
}

/* --- PPO ------------------------------------------------------------------------------------------------------------
 */

struct practising {
  struct policy_learner *learner;
  const struct policy_case *c;
  const struct policy_practice *practice;
  const struct policy_batch *batch;
  struct policy_action *actions; /* [pass × rollouts + rollout] */
  struct policy_action *taken;   /* those of a minibatch, side by side */
  uint32_t *previous;            /* [n] */
};

/* What a pass of a rollout started from; NULL: nothing. */
static const uint32_t *previous_of(const struct practising *q, size_t rollout, size_t pass) {
  if (pass == 0) return NULL;
  const uint16_t *const placed = batch_row(q->batch, rollout, pass - 1, PLACED);
  for (size_t v = 0; v < q->batch->n; v++) q->previous[v] = placed[v];
  return q->previous;
}

/* False: all were equally good, there is nothing to learn. */
static bool set_advantages(struct practising *q) {
  const size_t n = q->batch->n_rollouts;
  double mean = 0, spread = 0;
  for (size_t r = 0; r < n; r++) {
    q->actions[r].advantage = q->c->greedy_ms / policy_batch_get(q->batch, r, NULL); /* 0 without a placement */
    mean += q->actions[r].advantage / (double)n;
  }
  for (size_t r = 0; r < n; r++) {
    const double off = q->actions[r].advantage - mean;
    spread += off * off / (double)n;
  }
  spread = sqrt(spread);
  for (size_t r = 0; r < n; r++) {
    const double advantage = (q->actions[r].advantage - mean) / (spread < least_spread ? 1 : spread);
    for (size_t pass = 0; pass < q->batch->n_passes; pass++) q->actions[pass * n + r].advantage = advantage;
  }
  return !(spread < least_spread);
}

static void set_actions(struct practising *q, struct arena *scratch) {
  const size_t n = q->batch->n, n_chips = q->c->view.n_chips;
  policy_learner_chances(q->learner, q->c, NULL);
  for (size_t pass = 0; pass < q->batch->n_passes; pass++) {
    for (size_t r = 0; r < q->batch->n_rollouts; r++) {
      struct policy_action *const action = &q->actions[pass * q->batch->n_rollouts + r];
      double *const old_log = ARENA_NEW(scratch, double, n);
      action->chip = batch_row(q->batch, r, pass, DRAWN);
      action->low = batch_row(q->batch, r, pass, LOW);
      action->high = batch_row(q->batch, r, pass, HIGH);
      action->old_log = old_log;
      if (action->chip[0] == 0) continue; /* never drawn */
      if (pass > 0) policy_learner_chances(q->learner, q->c, previous_of(q, r, pass));
      policy_action_log(n, (uint32_t)n_chips, q->learner->p, action, old_log);
    }
  }
}

/* One pass of the rollouts that `taken` lists; its slope joins the gradient. */
static void practise_pass(struct practising *q, const uint32_t *rollouts, size_t n_taken, size_t pass, double share) {
  const struct policy_goal goal = {.clip = q->practice->clip, .entropy = q->practice->entropy};
  const size_t n = q->batch->n;
  const uint32_t n_chips = q->c->view.n_chips;
  size_t n_there = 0;
  for (size_t i = 0; i < n_taken; i++) {
    const struct policy_action *const action = &q->actions[pass * q->batch->n_rollouts + rollouts[i]];
    if (action->chip[0] != 0) q->taken[n_there++] = *action;
  }
  if (n_there == 0) return;
  const double *const p = policy_learner_chances(q->learner, q->c, previous_of(q, rollouts[0], pass));
  policy_ppo_loss(n, n_chips, p, q->taken, n_there, &goal, q->learner->d_p);
  for (size_t i = 0; i < n * n_chips; i++) q->learner->d_p[i] *= share;
  add_slope(q->learner, q->c);
}

static void practise_epoch(struct practising *q, uint64_t update, uint64_t epoch) {
  const size_t n = q->batch->n_rollouts, n_parts = q->practice->minibatches < n ? q->practice->minibatches : n;
  uint32_t order[POLICY_MAX_ROLLOUTS];
  struct rng rng = rng_stream(q->practice->seed, RNG_PARTITION, q->c->number << 32 | update,
                              (uint64_t)PARTITION_STREAM_POLICY << 32 | (uint64_t)1 << 31 | epoch);
  for (uint32_t r = 0; r < n; r++) {
    const size_t at = (size_t)rng_below(&rng, r + 1);
    order[r] = order[at];
    order[at] = r;
  }
  for (size_t part = 0; part < n_parts; part++) {
    const size_t first = part * n / n_parts, n_taken = (part + 1) * n / n_parts - first, n_passes = q->batch->n_passes;
    practise_pass(q, order + first, n_taken, 0, 1 / (double)n_passes);
    for (size_t pass = 1; pass < n_passes; pass++) {
      for (size_t i = 0; i < n_taken; i++) {
        practise_pass(q, order + first + i, 1, pass, 1 / (double)(n_passes * n_taken));
      }
    }
    policy_learner_step(q->learner);
  }
}

void policy_practise(struct policy_learner *learner, const struct policy_case *c,
                     const struct policy_practice *practice, uint64_t update, const struct policy_batch *batch) {
  struct arena *const scratch = practice->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct practising q = {.learner = learner,
                         .c = c,
                         .practice = practice,
                         .batch = batch,
                         .actions = ARENA_NEW(scratch, struct policy_action, batch->n_rollouts * batch->n_passes),
                         .taken = ARENA_NEW(scratch, struct policy_action, batch->n_rollouts),
                         .previous = ARENA_NEW(scratch, uint32_t, batch->n)};
  if (set_advantages(&q)) {
    set_actions(&q, scratch);
    for (uint64_t epoch = 0; epoch < practice->epochs; epoch++) practise_epoch(&q, update, epoch);
  }
  arena_rewind(scratch, mark);
}
