/* Platforms that are part of a training system of several designs. See cosearch.h.
 *
 * The choice of designs by stage (dse/system/global.h) makes systems: on fronts of load against power, of the largest
 * load against the sum of all, and, for who listens, of load against what devices are worth to the tenants (one over
 * what all jobs take on one alone, by latency or by the bytes of its own memory). Of every system that was simulated
 * the tenants have a node. Systems whose nodes have the same devices differ in training alone, so the fastest counts.
 * Each node is offered to the joint search: bounded, and mapped only if its bound beats the best found. What one kind
 * reaches is found before, so no answer is worse than it.
 *
 * A node is a q-th of the system, all nodes alike, q the least that keeps the platform's limits; of systems of one
 * design (whose layers were moved along) as many devices as fit, as of all of them. Left out: nodes that differ from
 * each other; systems of more designs than co_search.kinds; designs beyond the room for jobs' prices. */
#include "dse/cosearch/cosearch_private.h"

#include "base/checked.h"
#include "search/tenancy/tenancy.h"
#include <math.h>
#include <string.h>

struct mixing {
  struct run *run;
  size_t n_candidates;     /* of the choice */
  uint32_t *design_of;     /* [n_candidates] number among the co-search's designs; UINT32_MAX: it has none */
  struct point_set *nodes; /* by their devices, numbered as the systems are */
  size_t systems_held;
};

/* --- what devices are worth -----------------------------------------------------------------------------------------
 */

/* Jobs a cycle, all of them one after the other on this device alone. */
static double worth_of(const struct joint_problem *problem, uint32_t design) {
  const double by_latency = joint_multiplier(problem, design);
  const double *const bytes = problem->bytes + design * problem->n_jobs;
  double sum = 0;
  if (problem->own_bandwidth > 0) return by_latency;
  for (size_t j = 0; j < problem->n_jobs; j++) sum += isfinite(bytes[j]) ? problem->alike[j] * bytes[j] : 0;
  return sum > 0 ? fmin(by_latency, problem->bandwidth[design] / sum) : by_latency;
}

static bool value(void *context, const struct point *candidates, size_t n, double *worth, struct error *error) {
  struct mixing *const mixing = context;
  struct cosearch *const own = mixing->run->cosearch;
  mixing->n_candidates = n;
  mixing->design_of = ARENA_NEW(mixing->run->invocation->arena, uint32_t, n);
  cosearch_join(mixing->run, candidates, n, TENANCY_MAX_ROWS / max_u64(own->n_layers, 1), mixing->design_of);
  cosearch_fill_costs(mixing->run);
  if (!cosearch_price_jobs(mixing->run, error)) return false;
  for (size_t c = 0; c < n; c++) {
    uint32_t *const design = &mixing->design_of[c];
    if (*design != UINT32_MAX && joint_most(&own->problem, *design) == 0) *design = UINT32_MAX; /* not even one fits */
    worth[c] = *design != UINT32_MAX ? worth_of(&own->problem, *design) : 0;
  }
  return true;
}

/* --- nodes ----------------------------------------------------------------------------------------------------------
 */

static uint64_t common_divisor(uint64_t a, uint64_t b) {
  while (b > 0) {
    const uint64_t rest = a % b;
    a = b, b = rest;
  }
  return a;
}

/* From the devices of the system to those of a node; false: none keeps the limits. */
static bool cut_node(const struct cosearch *own, struct joint_platform *node) {
  const struct joint_platform whole = *node;
  uint64_t common = 0;
  if (whole.n_kinds == 1) {
    node->count[0] = joint_most(&own->problem, node->design[0]);
    return node->count[0] > 0;
  }
  for (uint32_t k = 0; k < whole.n_kinds; k++) common = common_divisor(common, whole.count[k]);
  for (uint64_t n_nodes = 1; n_nodes <= common; n_nodes++) {
    if (common % n_nodes > 0) continue;
    for (uint32_t k = 0; k < whole.n_kinds; k++) node->count[k] = (uint32_t)(whole.count[k] / n_nodes);
    if (joint_fits(&own->problem, node)) return true;
  }
  return false;
}

/* The devices of the system by design, designs ascending; false: some have no price, or they are too many kinds. */
static bool count_devices(const struct mixing *mixing, const struct system_plan *plan, const uint32_t *candidate,
                          struct joint_platform *node) {
  const uint64_t p = plan->problem.n_devices;
  const uint32_t side_by_side = (uint32_t)(plan->n_devices / p);
  *node = (struct joint_platform){0};
  for (uint64_t s = 0; s < p; s++) {
    if (candidate[s] >= mixing->n_candidates || mixing->design_of[candidate[s]] == UINT32_MAX) return false;
    const uint32_t design = mixing->design_of[candidate[s]];
    uint32_t k = 0;
    while (k < node->n_kinds && node->design[k] < design) k++;
    if (k == node->n_kinds || node->design[k] != design) {
      if (node->n_kinds == mixing->run->cosearch->settings->kinds) return false;
      for (uint32_t i = node->n_kinds++; i > k; i--) {
        node->design[i] = node->design[i - 1];
        node->count[i] = node->count[i - 1];
      }
      node->design[k] = design;
      node->count[k] = 0;
    }
    node->count[k] += side_by_side;
  }
  return true;
}

/* Devices by design in sixteen bits each: a set knows points alone. */
static struct point key_of(const struct joint_platform *node) {
  struct point key = {{0}};
  for (uint32_t k = 0; k < node->n_kinds; k++) {
    key.index[3 * k] = (uint16_t)(node->design[k] >> 16);
    key.index[3 * k + 1] = (uint16_t)node->design[k];
    key.index[3 * k + 2] = (uint16_t)node->count[k];
  }
  return key;
}

static struct cosearch_system *new_system(struct mixing *mixing) {
  struct cosearch *const own = mixing->run->cosearch;
  if (own->n_systems == mixing->systems_held) {
    const size_t held = 2 * mixing->systems_held + 256;
    struct cosearch_system *const systems = ARENA_NEW(mixing->run->invocation->arena, struct cosearch_system, held);
    if (own->n_systems > 0) memcpy(systems, own->systems, own->n_systems * sizeof *systems);
    own->systems = systems, mixing->systems_held = held;
  }
  return &own->systems[own->n_systems++];
}

static void hear(void *context, const struct global_system *system, const uint32_t *candidate) {
  struct mixing *const mixing = context;
  struct cosearch *const own = mixing->run->cosearch;
  const uint64_t p = system->plan->problem.n_devices;
  struct joint_platform node;
  own->n_systems_made++;
  if (!count_devices(mixing, system->plan, candidate, &node)) return;
  /* Systems of one design have been searched, but for those whose layers were moved along. */
  if ((node.n_kinds == 1 && system->plan->moved_from == NULL) || !cut_node(own, &node)) return;
  const struct point key = key_of(&node);
  const size_t number = point_set_number(mixing->nodes, &key);
  struct cosearch_system *const place = number != SIZE_MAX ? &own->systems[number] : new_system(mixing);
  if (number == SIZE_MAX) {
    REQUIRE(point_set_add(mixing->nodes, &key));
    *place = (struct cosearch_system){0};
  } else if (system->throughput <= place->node.training) {
    return;
  }
  /* Stages are as many as before, or more room is needed. */
  const bool fits = place->system.plan != NULL && place->system.plan->problem.n_devices >= p;
  const struct accelerator **const designs =
      fits ? place->system.designs : ARENA_NEW(mixing->run->invocation->arena, const struct accelerator *, p);
  for (uint64_t s = 0; s < p; s++) designs[s] = &own->designs[mixing->design_of[candidate[s]]].accelerator;
  node.training = system->throughput;
  node.system = number != SIZE_MAX ? number : own->n_systems - 1;
  *place = (struct cosearch_system){.node = node, .system = *system};
  place->system.designs = designs;
}

bool cosearch_train_first(struct run *run, struct error *error) {
  enum { MOST_FIRST = 8 };
  const struct cosearch *const own = run->cosearch;
  struct point points[MOST_FIRST];
  double bound[MOST_FIRST];
  size_t n = 0;
  if (topk_count(run->rounds.topk) > 0) return true;
  for (size_t d = 0; d < own->n_designs; d++) {
    const double training = own->problem.trained[d] ? 0 : own->problem.training[d];
    size_t at = n;
    while (at > 0 && bound[at - 1] < training) at--;
    if (!(training > 0) || at == MOST_FIRST) continue;
    if (n < MOST_FIRST) n++;
    for (size_t i = n - 1; i > at; i--) bound[i] = bound[i - 1], points[i] = points[i - 1];
    bound[at] = training, points[at] = own->designs[d].point;
  }
  return n == 0 || rounds_evaluate(&run->rounds, "co-search", points, n, error);
}

/* --- the flow -------------------------------------------------------------------------------------------------------
 */

const struct global_listener *cosearch_wants_systems(struct run *run) {
  struct arena *const arena = run->invocation->arena;
  struct cosearch *const own = run->cosearch;
  const struct joint_problem *const problem = &own->problem;
  if (!cosearch_mixes(run)) return NULL;
  struct mixing *const mixing = ARENA_NEW(arena, struct mixing, 1);
  struct global_listener *const listener = ARENA_NEW(arena, struct global_listener, 1);
  *mixing = (struct mixing){.run = run, .nodes = point_set_new(arena)};
  *listener = (struct global_listener){.context = mixing,
                                       .most_devices = problem->most_cores,
                                       .most_area_mm2 = (double)INFINITY,
                                       .most_power_w = (double)INFINITY,
                                       .most_money_usd = (double)INFINITY,
                                       .most_designs = own->settings->kinds,
                                       .value = value,
                                       .hear = hear};
  if (problem->cost[JOINT_AREA] != NULL) listener->most_area_mm2 = problem->most[JOINT_AREA];
  if (problem->cost[JOINT_POWER] != NULL) listener->most_power_w = problem->most[JOINT_POWER];
  if (problem->cost[JOINT_MONEY] != NULL) listener->most_money_usd = problem->most[JOINT_MONEY];
  return listener;
}

bool cosearch_mix(struct run *run, struct error *error) {
  struct cosearch *const own = run->cosearch;
  if (!cosearch_mixes(run)) return true;
  if (own->n_systems > 0) {
    if (own->search == NULL) cosearch_start_search(run, true);
    for (size_t i = 0; i < own->n_systems; i++) joint_offer(own->search, &own->systems[i].node);
    if (!cosearch_go_on(run, error)) return run->rounds.stopped;
  }
  return run->rounds.stopped || own->best == NULL || cosearch_map_winner(run, error);
}
