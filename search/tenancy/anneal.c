/* How far does plain annealing get? One schedule, from the earliest finish of every job. (tenancy §10, 3.)
 *
 * The yardstick for `best`, which differs by its seeds and by how many it follows. */
#include "base/checked.h"
#include "base/num.h"
#include "search/tenancy/tenancy_anneal.h"
#include "search/tenancy/tenancy_seeds.h"
#include <math.h>

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

struct anneal_state {
  double hot; /* first temperature, in units of tenancy_cost; 0: no round yet */
};

static void run(struct tenancy_request *request, struct tenancy_meter *meter) {
  const struct tenancy_problem *problem = request->problem;
  const struct anneal_settings *settings = request->settings;
  struct anneal_state *state = request->state_out;
  *state = *(const struct anneal_state *)request->state;
  const double bound = request->bounds->best_cycles * (double)problem->scaled_bandwidth;
  struct tenancy_annealing *annealing = ARENA_NEW(request->arena, struct tenancy_annealing, 1);
  tenancy_annealing_init(annealing, problem, tenancy_move_weights, meter, request->arena);
  annealing->rng = rng_stream(request->seed, RNG_TENANCY_BEST, request->round, request->island);
  annealing->target = (tenancy_cost)bound;
  struct tenancy_queues queues = tenancy_queues_new(problem, request->arena);
  if (request->n_population > 0) {
    tenancy_queue_up(problem, &request->population[0], &queues);
  } else {
    tenancy_seed_earliest_finish(problem, NULL, request->arena, &queues);
    tenancy_meter_queues(meter, &queues);
  }
  tenancy_timeline_set(&annealing->timeline, &queues);
  if (!(state->hot > 0)) state->hot = settings->hot * fmax((double)annealing->timeline.cost - bound, 1e-5 * bound);
  const double cold = fmin(state->hot / 100, settings->cold * bound);
  const double total = (double)max_u64(1, request->total_samples), before = (double)(meter->before + meter->n_samples);
  const double from = fmin(1, before / total), to = fmin(1, (double)(meter->before + meter->limit) / total);
  tenancy_annealing_run(annealing, meter->limit, state->hot * num_pow(cold / state->hot, from),
                        state->hot * num_pow(cold / state->hot, to));
  tenancy_timeline_get(&annealing->timeline, &queues);
  tenancy_write_down(problem, &queues, &request->kept[0]);
  request->n_kept = 1;
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
                                                 .keeps = 1,
                                                 .state_bytes = state_bytes,
                                                 .run = run};
