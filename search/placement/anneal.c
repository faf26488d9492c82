/* How far does annealing get that moves one layer at a time? From HEFT's answer: a layer (or group) to another device
 * or another place, somewhere between its predecessors and successors there; colder and colder. (Kirkpatrick et al.,
 * Science 1983; placement §6.) Leaves out blocks of layers, which is what `best` is about. */
#include "search/placement/placement_draw.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

struct anneal_settings {
  double start, decades;
};

#define OFFSET(member) offsetof(struct anneal_settings, member)
static const struct field anneal_field_list[] = {
    {"start", FIELD_REAL, "", 0, 1e6, "0.04", "first temperature, as a share of the first value", OFFSET(start),
     ROLE_ANSWER, NULL},
    {"decades", FIELD_REAL, "", 0, 100, "4", "powers of ten by which the temperature falls", OFFSET(decades),
     ROLE_ANSWER, NULL},
};
static const struct field_table anneal_fields = {"placement.anneal", "annealing, a layer at a time", anneal_field_list,
                                                 sizeof anneal_field_list / sizeof *anneal_field_list};

struct anneal {
  struct placement_meter *meter;
  struct placement_build *build;
  struct placement_answer now, next;
  uint32_t *device, *next_device; /* [n_layers] */
  bool *is_near;                  /* [n_layers] scratch, all false between moves */
};

/* Between the last predecessor and the first successor that stand on `device`: before what, through all devices. */
static uint32_t draw_place(struct anneal *a, uint32_t layer, uint32_t device, struct rng *rng) {
  const struct placement_problem *problem = a->build->problem;
  const struct placement_answer *answer = &a->next;
  uint32_t low = answer->start[device], high = answer->start[device + 1];
  for (int mark = 1; mark >= 0; mark--) {
    for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
      a->is_near[problem->predecessor[i]] = mark;
    }
    for (uint32_t i = answer->start[device + 1]; mark == 1 && i-- > low;) {
      if (a->is_near[answer->layer[i]]) low = i + 1;
    }
  }
  for (int mark = 1; mark >= 0; mark--) {
    for (uint32_t i = problem->out_start[layer]; i < problem->out_start[layer + 1]; i++) {
      a->is_near[problem->successor[i]] = mark;
    }
    for (uint32_t i = low; mark == 1 && i < high; i++) {
      if (a->is_near[answer->layer[i]]) high = i;
    }
  }
  return low + (uint32_t)rng_below(rng, high - low + 1);
}

static void move_one(struct anneal *a, uint32_t layer, uint32_t to, struct rng *rng) {
  const uint32_t from = a->next_device[layer], before = draw_place(a, layer, to, rng);
  placement_move_layer(&a->next, placement_find_layer(&a->next, layer, from), from, before, to);
  a->next_device[layer] = to;
}

/* Makes `next` from `now`. */
static void draw_move(struct anneal *a, struct rng *rng) {
  const struct placement_problem *problem = a->build->problem;
  const uint32_t layer = (uint32_t)rng_below(rng, problem->n_layers);
  const uint32_t from = a->device[layer], to = placement_draw_device(a->build, layer, rng);
  const uint32_t group = problem->group != NULL ? problem->group[layer] : PLACEMENT_NONE;
  placement_answer_copy(problem, &a->now, &a->next);
  memcpy(a->next_device, a->device, problem->n_layers * sizeof *a->device);
  if (group == PLACEMENT_NONE || from == to) {
    move_one(a, layer, to, rng);
  } else {
    for (size_t i = 0; i < problem->n_layers; i++) {
      if (problem->group[problem->topological[i]] == group) move_one(a, problem->topological[i], to, rng);
    }
  }
  placement_build_pin_device(a->build, from, &a->next);
  if (to != from) placement_build_pin_device(a->build, to, &a->next);
}

static void anneal(struct anneal *a, const struct placement_request *request) {
  const struct anneal_settings *settings = request->settings;
  const struct placement_result *result = a->meter->result;
  const double first = result->value, n = (double)request->samples;
  double value = first;
  while (!placement_meter_full(a->meter)) {
    struct rng rng = placement_rng(request, PLACEMENT_STREAM_ANNEAL, result->samples, 0);
    const double heat = settings->start * first * num_pow(10, -settings->decades * (double)result->samples / n);
    draw_move(a, &rng);
    const double next = placement_meter_try(a->meter, &a->next);
    if (!(next < INFINITY) || (next > value && rng_unit(&rng) >= num_exp((value - next) / heat))) continue;
    value = next;
    const struct placement_answer old = a->now;
    uint32_t *const old_device = a->device;
    a->now = a->next, a->next = old;
    a->device = a->next_device, a->next_device = old_device;
  }
}

static void run(const struct placement_request *request, struct placement_result *result) {
  extern const struct placement_algorithm placement_heft;
  const struct placement_problem *problem = request->problem;
  struct placement_meter meter;
  struct placement_build build;
  placement_build_init(&build, request);
  placement_heft.run(request, result);
  meter = (struct placement_meter){request, result};
  if (!(result->value < INFINITY)) return;
  struct anneal a = {.meter = &meter,
                     .build = &build,
                     .now = placement_answer_new(problem, request->arena),
                     .next = placement_answer_new(problem, request->arena),
                     .device = ARENA_NEW(request->arena, uint32_t, problem->n_layers),
                     .next_device = ARENA_NEW(request->arena, uint32_t, problem->n_layers),
                     .is_near = ARENA_NEW(request->arena, bool, problem->n_layers)};
  placement_answer_copy(problem, &result->answer, &a.now);
  for (uint32_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = a.now.start[d]; i < a.now.start[d + 1]; i++) a.device[a.now.layer[i]] = d;
  }
  anneal(&a, request);
}

const struct placement_algorithm placement_anneal = {.name = "anneal",
                                                     .doc = "annealing that moves one layer at a time",
                                                     .source = "Kirkpatrick, Gelatt and Vecchi, Science 1983",
                                                     .table = &anneal_fields,
                                                     .settings_bytes = sizeof(struct anneal_settings),
                                                     .slow_start = true,
                                                     .run = run};
