/* How far does plain annealing get? One schedule, from the earliest finish of every job. (tenancy §10, 3.)
 *
 * The yardstick for `best`, which differs by its seeds and by how many it follows. */
#include "search/tenancy/anneal_full.h"
#include "search/tenancy/tenancy_anneal.h"
#include "search/tenancy/tenancy_seeds.h"
#include <math.h>
#include <string.h>

struct anneal_settings {
  double hot, cold;
};

#define OFFSET(member) offsetof(struct anneal_settings, member)
static const struct field anneal_field_list[] = {
    {"hot", FIELD_REAL, "", 1e-9, 1e3, "0.1", "first temperature, as a share of the start's gap to the bound",
     OFFSET(hot), ROLE_ANSWER, NULL},
    {"cold", FIELD_REAL, "", 1e-12, 1, "1e-6", "last temperature, as a share of the bound", OFFSET(cold), ROLE_ANSWER,
     NULL},
};
static const struct field_table anneal_fields = {"tenancy.anneal", "one schedule annealed", anneal_field_list,
                                                 sizeof anneal_field_list / sizeof *anneal_field_list};

/* What travels beside the answers: the best one, then the one that is annealed if it is another. The stream goes on
 * where the last round left it, so that rounds do not matter. */
struct anneal_state {
  double hot; /* first temperature, in units of tenancy_cost; 0: no round yet */
  uint64_t n_kept;
  struct rng rng;
};

/* The schedule to go on from, or the first one. */
static void resume(const struct tenancy_request *request, struct tenancy_meter *meter, struct anneal_state *state,
                   struct tenancy_queues *queues) {
  if (request->n_population > 0) {
    const size_t current = state->n_kept == 2 ? 1 : 0; /* what lies behind them are migrants */
    tenancy_queue_up(request->problem, &request->population[current], queues);
  } else {
    tenancy_seed_earliest_finish(request->problem, NULL, request->arena, queues);
    tenancy_meter_queues(meter, queues);
  }
  if (state->hot > 0) return;
  const struct anneal_settings *settings = request->settings;
  const double bound = request->bounds->best_cycles * (double)request->problem->scaled_bandwidth;
  const double cost = (double)tenancy_evaluate(request->problem, queues);
  state->hot = settings->hot * fmax(cost - bound, 1e-5 * bound);
  state->rng = rng_stream(request->seed, RNG_TENANCY_BEST, UINT64_C(1) << 33, request->island);
}

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct tenancy_problem *problem = request->problem;
  if (problem->goal != NULL) { /* moves know makespans of independent jobs alone */
    anneal_full_round(request, meter);
    return;
  }
  const struct anneal_settings *settings = request->settings;
  const double bound = request->bounds->best_cycles * (double)problem->scaled_bandwidth;
  struct anneal_state state;
  memcpy(&state, request->state, sizeof state);
  struct tenancy_queues queues = tenancy_queues_new(problem, request->arena);
  resume(request, meter, &state, &queues);
  struct tenancy_annealing *annealing = ARENA_NEW(request->arena, struct tenancy_annealing, 1);
  tenancy_annealing_init(annealing, problem, tenancy_move_weights, meter, request->arena);
  annealing->rng = state.rng;
  annealing->target = (tenancy_cost)bound;
  tenancy_timeline_set(&annealing->timeline, &queues);
  const struct tenancy_cooling cooling = {
      .hot = state.hot, .cold = fmin(state.hot / 100, settings->cold * bound), .total = request->total_samples};
  tenancy_annealing_run(annealing, meter->limit, &cooling);
  state.rng = annealing->rng;
  tenancy_timeline_get(&annealing->timeline, &queues);
  state.n_kept = request->n_kept = annealing->timeline.cost > meter->best_cost ? 2 : 1;
  if (state.n_kept == 2) tenancy_write_down(problem, &meter->best, &request->kept[0]);
  tenancy_write_down(problem, &queues, &request->kept[state.n_kept - 1]);
  memcpy(request->state_out, &state, sizeof state);
}

static size_t state_bytes(const void *settings, const struct tenancy_problem *problem) {
  (void)settings, (void)problem;
  return sizeof(struct anneal_state);
}

const struct tenancy_algorithm tenancy_anneal = {.name = "anneal",
                                                 .doc = "one schedule annealed, from the earliest finish",
                                                 .source = "Kirkpatrick, Gelatt, Vecchi 1983",
                                                 .table = &anneal_fields,
                                                 .settings_bytes = sizeof(struct anneal_settings),
                                                 .keeps = 2,
                                                 .state_bytes = state_bytes,
                                                 .run = run};
