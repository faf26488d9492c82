/* What does a policy learn? Jobs are given out one after another: a network sees the first waiting jobs, the loads and
 * the bandwidth in use, and chooses one of these jobs and its core; it is rewarded by how little the makespan grows.
 * (Advantage actor–critic, Mnih et al. 2016, arXiv 1602.01783; tenancy §9.) One mapping, from the first job to the
 * last, is one sample; the growth along it costs no further ones. Unlike the released one, the reward sees bandwidth.
 */
#include "search/tenancy/actor_critic.h"
#include "search/tenancy/genome.h"
#include "search/tenancy/tenancy_profile.h"

#include "base/num.h"
#include <string.h>

struct a2c_settings {
  uint64_t window, steps;
  double discount, rate, entropy, value_weight, longest_gradient;
};

#define OFFSET(member) offsetof(struct a2c_settings, member)
static const struct field a2c_field_list[] = {
    {"window", FIELD_UINT, "", 1, 64, "5", "waiting jobs that are seen", OFFSET(window), ROLE_ANSWER, NULL},
    {"steps", FIELD_UINT, "", 1, 1024, "5", "choices between two steps of learning", OFFSET(steps), ROLE_ANSWER, NULL},
    {"discount", FIELD_REAL, "", 0, 1, "0.99", "of rewards, a choice", OFFSET(discount), ROLE_ANSWER, NULL},
    {"rate", FIELD_REAL, "", 0, 1, "7e-4", "of learning", OFFSET(rate), ROLE_ANSWER, NULL},
    {"entropy", FIELD_REAL, "", 0, 1, "0.01", "weight of the chances' entropy", OFFSET(entropy), ROLE_ANSWER, NULL},
    {"value_weight", FIELD_REAL, "", 0, 1, "0.25", "weight of the critic's error", OFFSET(value_weight), ROLE_ANSWER,
     NULL},
    {"longest_gradient", FIELD_REAL, "", 1e-6, 1e6, "0.5", "length to which a gradient is cut",
     OFFSET(longest_gradient), ROLE_ANSWER, NULL},
};
static const struct field_table a2c_fields = {"tenancy.a2c", "advantage actor-critic", a2c_field_list,
                                              sizeof a2c_field_list / sizeof *a2c_field_list};

/* The state: this, then the network's numbers. */
struct a2c_state {
  uint64_t n_samples, spare;
};

struct a2c {
  const struct a2c_settings *settings;
  const struct tenancy_problem *problem;
  struct actor_critic net;
  struct tenancy_profile profile;
  struct tenancy_answer answer;
  uint32_t *waiting; /* the window and those behind it */
  size_t n_waiting;
  double scale; /* 1 / the bound, in costs */
  double *reward;
  struct actor_critic_trace *traces; /* [steps + 1] */
  double *seen;                      /* [n_jobs × n_cores × 2] latency and need as the network sees them */
};

/* Latencies and needs span orders of magnitude: their logarithms, the largest being 1. */
static void prepare_view(struct a2c *a2c, struct arena *arena) {
  const struct tenancy_problem *problem = a2c->problem;
  const size_t n = problem->n_jobs * problem->n_cores;
  double largest[2] = {1e-300, 1e-300};
  a2c->seen = ARENA_NEW(arena, double, 2 * n);
  for (size_t i = 0; i < n; i++) {
    a2c->seen[2 * i] = num_log(1 + (double)problem->latency_cycles[i]);
    a2c->seen[2 * i + 1] = num_log(1 + (double)problem->scaled[i]);
    for (size_t k = 0; k < 2; k++) {
      if (a2c->seen[2 * i + k] > largest[k]) largest[k] = a2c->seen[2 * i + k];
    }
  }
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < 2; k++) a2c->seen[2 * i + k] /= largest[k];
  }
}

/* What the network sees, and what it may do. */
static void look(const struct a2c *a2c, struct actor_critic_trace *trace) {
  const struct tenancy_problem *problem = a2c->problem;
  const size_t n_cores = problem->n_cores, window = a2c->settings->window;
  memset(trace->input, 0, a2c->net.n_inputs * sizeof *trace->input);
  memset(trace->allowed, 0, a2c->net.n_actions * sizeof *trace->allowed);
  for (size_t w = 0; w < window && w < a2c->n_waiting; w++) {
    const uint32_t job = a2c->waiting[w];
    memcpy(trace->input + 2 * w * n_cores, a2c->seen + 2 * tenancy_at(problem, job, 0),
           2 * n_cores * sizeof *trace->input);
    for (size_t c = 0; c < n_cores; c++) trace->allowed[w * n_cores + c] = tenancy_can_run(problem, job, c);
  }
  double *loads = trace->input + 2 * window * n_cores;
  uint64_t least = UINT64_MAX;
  const double whole = (double)problem->scaled_bandwidth * a2c->scale; /* 1 / the bound, in cycles */
  for (size_t c = 0; c < n_cores; c++) {
    const double load = (double)a2c->profile.load_cycles[c] * whole;
    loads[c] = load / (1 + load);
    if (a2c->profile.load_cycles[c] < least) least = a2c->profile.load_cycles[c];
  }
  const double used = (double)tenancy_profile_at(&a2c->profile, least) / (double)problem->scaled_bandwidth;
  loads[n_cores] = used / (1 + used);
}

static double act(struct a2c *a2c, struct actor_critic_trace *trace, struct rng *rng) {
  const size_t n_cores = a2c->problem->n_cores;
  double left = rng_unit(rng);
  for (size_t a = 0; a < a2c->net.n_actions; a++) {
    if (!trace->allowed[a]) continue;
    trace->action = a; /* rounding may leave a rest behind the last */
    if (left < trace->chance[a]) break;
    left -= trace->chance[a];
  }
  const size_t place = trace->action / n_cores, core = trace->action % n_cores;
  const uint32_t job = a2c->waiting[place];
  a2c->answer.core[job] = (uint32_t)core;
  a2c->answer.priority[job] = (double)(a2c->problem->n_jobs - a2c->n_waiting);
  /* Those before it in the window move back: the first stays within reach of the array. */
  for (size_t w = place; w > 0; w--) a2c->waiting[w] = a2c->waiting[w - 1];
  a2c->waiting++, a2c->n_waiting--;
  return -(double)tenancy_profile_append(&a2c->profile, job, (uint32_t)core) * a2c->scale;
}

/* Returns of the last n choices, discounted from `value` of the state behind them. */
static void learn(struct a2c *a2c, size_t n, double value) {
  const struct a2c_settings *settings = a2c->settings;
  for (size_t i = n; i-- > 0;) {
    value = a2c->reward[i] + settings->discount * value;
    const struct actor_critic_goal goal = {.advantage = value - a2c->traces[i].value,
                                           .target = value,
                                           .entropy = settings->entropy,
                                           .value_weight = settings->value_weight};
    actor_critic_backward(&a2c->net, &a2c->traces[i], &goal);
  }
  actor_critic_learn(&a2c->net, n, settings->rate, settings->longest_gradient);
}

/* From the first job to the last, learning on the way. */
static void map(struct a2c *a2c, uint32_t *jobs, struct rng *rng) {
  a2c->waiting = jobs;
  a2c->n_waiting = a2c->problem->n_jobs;
  for (size_t j = 0; j < a2c->n_waiting; j++) jobs[j] = (uint32_t)j;
  tenancy_profile_clear(&a2c->profile);
  size_t n = 0;
  while (a2c->n_waiting > 0) {
    struct actor_critic_trace *trace = &a2c->traces[n];
    look(a2c, trace);
    actor_critic_forward(&a2c->net, trace);
    a2c->reward[n++] = act(a2c, trace, rng);
    if (n < a2c->settings->steps && a2c->n_waiting > 0) continue;
    double value = 0;
    if (a2c->n_waiting > 0) {
      look(a2c, &a2c->traces[n]);
      actor_critic_forward(&a2c->net, &a2c->traces[n]);
      value = a2c->traces[n].value;
    }
    learn(a2c, n, value);
    n = 0;
  }
}

static size_t inputs_of(const struct a2c_settings *settings, const struct tenancy_problem *problem) {
  return (2 * settings->window + 1) * problem->n_cores + 1;
}
static size_t actions_of(const struct a2c_settings *settings, const struct tenancy_problem *problem) {
  return settings->window * problem->n_cores;
}

/* Rewards are in shares of the bound; without one, of the jobs' mean shortest latencies. */
static double scale_of(const struct tenancy_request *request) {
  const struct tenancy_problem *problem = request->problem;
  const double bandwidth = (double)problem->scaled_bandwidth;
  if (request->bounds != NULL && request->bounds->best_cycles > 0)
    return 1 / (request->bounds->best_cycles * bandwidth);
  double sum = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    uint64_t least = UINT64_MAX;
    for (size_t c = 0; c < problem->n_cores; c++) {
      const uint64_t latency = problem->latency_cycles[tenancy_at(problem, j, c)];
      if (latency != 0 && latency < least) least = latency;
    }
    sum += (double)least;
  }
  return (double)problem->n_cores / (sum * bandwidth);
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct a2c_settings *settings = request->settings;
  const struct tenancy_problem *problem = request->problem;
  struct arena *arena = request->arena;
  memcpy(request->state_out, request->state, request->n_state);
  struct a2c_state *state = request->state_out;
  struct a2c a2c = {.settings = settings,
                    .problem = problem,
                    .profile = tenancy_profile_new(problem, arena),
                    .answer = tenancy_answer_new(problem, arena),
                    .scale = scale_of(request),
                    .reward = ARENA_NEW(arena, double, settings->steps),
                    .traces = ARENA_NEW(arena, struct actor_critic_trace, settings->steps + 1)};
  actor_critic_open(&a2c.net, inputs_of(settings, problem), actions_of(settings, problem), (double *)(state + 1),
                    arena);
  for (size_t i = 0; i <= settings->steps; i++) a2c.traces[i] = actor_critic_trace_new(&a2c.net, arena);
  prepare_view(&a2c, arena);
  uint32_t *jobs = ARENA_NEW(arena, uint32_t, problem->n_jobs);
  while (!tenancy_meter_full(meter)) {
    struct rng rng = genome_stream(request, BASELINE_A2C, state->n_samples);
    if (state->n_samples++ == 0) actor_critic_draw(&a2c.net, &rng);
    map(&a2c, jobs, &rng);
    tenancy_meter_answer(meter, &a2c.answer);
  }
  genome_keep_best(request, meter);
}

static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  const size_t n = actor_critic_parameters(inputs_of(settings, problem), actions_of(settings, problem));
  return sizeof(struct a2c_state) + 2 * n * sizeof(double);
}

const struct tenancy_algorithm tenancy_a2c = {.name = "a2c",
                                              .doc = "policy gradient: advantage actor-critic",
                                              .source = "Mnih et al. 2016, arXiv 1602.01783",
                                              .table = &a2c_fields,
                                              .settings_bytes = sizeof(struct a2c_settings),
                                              .keeps = 1,
                                              .state_bytes = state_bytes,
                                              .run = run};
