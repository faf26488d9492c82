/* How long does an answer take, and does it fit? (sharding §3, whole model and memory; a reconstruction.)
 *
 * Each set runs its layers in topological order, one at a time; a layer starts when its set is free and each of its
 * inputs has come: the producer's end and the re-shard, over the set's ring on one set, over the slowest link between
 * two. Training (ours) runs back the same way: a layer's backward part starts when its set is free, its own forward
 * part and all its readers' backward parts have ended, and as many bytes have gone back as came.
 *
 * A board holds the weights of all layers of its set and, at the worst moment, a layer's input and output and the
 * outputs of earlier layers of the set that a later one of it still reads. Left out: what waits for another set, and
 * links that several transfers use at once. */
#include "search/sharding/sharding_private.h"
#include "search/sharding/sharding_reshard.h"
#include "search/sharding/sharding_training.h"
#include <math.h>
#include <string.h>

struct sharding_schedule sharding_schedule_new(const struct sharding_problem *problem, struct arena *arena) {
  const size_t n = problem->n_layers;
  return (struct sharding_schedule){.start_s = ARENA_NEW(arena, double, n),
                                    .end_s = ARENA_NEW(arena, double, n),
                                    .back_start_s = problem->training ? ARENA_NEW(arena, double, n) : NULL,
                                    .back_end_s = problem->training ? ARENA_NEW(arena, double, n) : NULL,
                                    .reshard_in_s = ARENA_NEW(arena, double, problem->n_edges)};
}

/* --- memory ---------------------------------------------------------------------------------------------------------
 */

/* Adds to live[place - first] what earlier outputs take while layers behind their first reader run. */
static void add_live(const struct sharding_problem *problem, const struct sharding_set *set, uint32_t place,
                     uint64_t output_bytes, uint64_t *live) {
  const uint32_t layer = problem->topological[place];
  uint32_t last = place;
  for (uint32_t i = problem->out_start[layer]; i < problem->out_start[layer + 1]; i++) {
    const uint32_t reader = problem->place[problem->edges[problem->out_edge[i]].to];
    if (reader <= set->last && reader > last) last = reader;
  }
  for (uint32_t t = place + 1; t < last; t++) live[t - set->first] = sat_add(live[t - set->first], output_bytes);
}

uint64_t sharding_set_bytes(const struct sharding_problem *problem, const struct sharding_set *set,
                            const struct sharding_strategy *strategies, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  uint64_t *live = ARENA_NEW(scratch, uint64_t, set->last - set->first + 1), lasting = 0, most = 0;
  const double bandwidth = sharding_ring_bandwidth(problem, set->boards, set->n_boards);
  for (uint32_t place = set->first; place <= set->last; place++) {
    const uint32_t layer = problem->topological[place];
    struct sharding_cost cost;
    sharding_cost(problem, layer, &problem->designs[set->design], set->n_boards, bandwidth, &strategies[layer], &cost);
    lasting = sat_add(lasting, sharding_lasting_bytes(problem, &cost));
    live[place - set->first] = sat_add(live[place - set->first], sat_add(cost.input_bytes, cost.output_bytes));
    if (!problem->training) add_live(problem, set, place, cost.output_bytes, live); /* training keeps inputs anyway */
  }
  for (uint32_t i = 0; i <= set->last - set->first; i++) most = max_u64(most, live[i]);
  arena_rewind(scratch, mark);
  return sat_add(lasting, most);
}

static void take_memory(const struct sharding_problem *problem, const struct sharding_answer *answer,
                        struct arena *scratch, struct sharding_schedule *schedule) {
  schedule->peak_bytes = schedule->excess_bytes = 0;
  for (size_t s = 0; s < answer->n_sets; s++) {
    const struct sharding_set *set = &answer->sets[s];
    const uint64_t bytes = sharding_set_bytes(problem, set, answer->strategies, scratch);
    schedule->peak_bytes = max_u64(schedule->peak_bytes, bytes);
    for (uint32_t i = 0; i < set->n_boards; i++) {
      const uint64_t room = problem->boards[set->boards[i]].dram_bytes;
      if (bytes > room) schedule->excess_bytes = max_u64(schedule->excess_bytes, bytes - room);
    }
  }
}

/* --- times ----------------------------------------------------------------------------------------------------------
 */

struct run {
  const struct sharding_problem *problem;
  const struct sharding_answer *answer;
  struct sharding_schedule *schedule;
  uint32_t *set_of; /* [n_layers] */
  double *ring;     /* [n_sets] bandwidth */
  double *free_s;   /* [n_sets] when a set is free */
  double *busy_s;   /* [n_sets] how long it is occupied */
  double *back_s;   /* [n_layers] how long the backward part takes */
};

static double edge_s(const struct run *run, uint32_t edge) {
  const struct sharding_problem *p = run->problem;
  const uint32_t from = p->edges[edge].from, to = p->edges[edge].to;
  const struct sharding_set *source = &run->answer->sets[run->set_of[from]];
  const struct sharding_set *set = &run->answer->sets[run->set_of[to]];
  const bool same = source == set;
  const uint64_t bytes = sharding_reshard_bytes(p, edge, same ? set->n_boards : 0, &run->answer->strategies[from],
                                                set->n_boards, &run->answer->strategies[to]);
  if (bytes == 0) return 0;
  const double bandwidth =
      same ? run->ring[run->set_of[to]]
           : sharding_between_bandwidth(p, source->boards, source->n_boards, set->boards, set->n_boards);
  return (double)bytes / bandwidth + (same ? p->message_s : 0);
}

static double host_s(const struct run *run, uint32_t layer, bool output) {
  if (!run->problem->host_io) return 0;
  const uint32_t p = run->answer->sets[run->set_of[layer]].n_boards;
  return (double)sharding_host_bytes(run->problem, layer, p, &run->answer->strategies[layer], output) /
         run->problem->host_bytes_per_s;
}

/* The all-reduce may leave out its second half where the only reader wants just what the first leaves. */
static double saved_s(const struct run *run, uint32_t layer, double all_reduce_s) {
  const struct sharding_problem *p = run->problem;
  if (!p->reduce_scatter || !(all_reduce_s > 0) || p->out_start[layer + 1] - p->out_start[layer] != 1) return 0;
  const uint32_t edge = p->out_edge[p->out_start[layer]], reader = p->edges[edge].to;
  if (run->set_of[reader] != run->set_of[layer]) return 0;
  const uint32_t n = run->answer->sets[run->set_of[layer]].n_boards;
  const struct sharding_strategy *strategies = run->answer->strategies;
  return sharding_scatters(p, edge, n, &strategies[layer], &strategies[reader]) ? all_reduce_s / 2 : 0;
}

static void run_layer(struct run *run, uint32_t layer) {
  const struct sharding_problem *p = run->problem;
  struct sharding_schedule *schedule = run->schedule;
  const uint32_t s = run->set_of[layer];
  const struct sharding_set *set = &run->answer->sets[s];
  double start = run->free_s[s], inside = start; /* inside: as if all that comes from elsewhere were there */
  if (p->in_start[layer] == p->in_start[layer + 1]) {
    const double load = host_s(run, layer, false);
    start = fmax(start, load);
    schedule->reshard_s += load;
  }
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    const uint32_t edge = p->in_edge[i];
    schedule->reshard_in_s[edge] = edge_s(run, edge);
    schedule->reshard_s += schedule->reshard_in_s[edge];
    const double there = schedule->end_s[p->edges[edge].from] + schedule->reshard_in_s[edge];
    start = fmax(start, there);
    if (run->set_of[p->edges[edge].from] == s) inside = fmax(inside, there);
  }
  run->busy_s[s] += inside - run->free_s[s];
  struct sharding_cost cost;
  sharding_cost(p, layer, &p->designs[set->design], set->n_boards, run->ring[s], &run->answer->strategies[layer],
                &cost);
  const double saved = saved_s(run, layer, cost.all_reduce_s), forward = cost.forward_s - saved;
  run->back_s[layer] = cost.total_s - cost.forward_s;
  schedule->start_s[layer] = start;
  schedule->end_s[layer] = run->free_s[s] = start + forward;
  run->busy_s[s] += forward + run->back_s[layer];
  schedule->compute_s += cost.phases * cost.phase_s;
  schedule->shift_s += sharding_phases_s(p, cost.phase_s, cost.shift_s, cost.phases) - cost.phases * cost.phase_s;
  schedule->all_reduce_s += cost.all_reduce_s - saved;
  schedule->backward_s += run->back_s[layer];
  schedule->latency_s = fmax(schedule->latency_s, schedule->end_s[layer]);
  if (p->out_start[layer] == p->out_start[layer + 1] && !p->training) {
    const double unload = host_s(run, layer, true);
    schedule->reshard_s += unload;
    schedule->latency_s = fmax(schedule->latency_s, schedule->end_s[layer] + unload);
  }
}

/* Sets are free when their last forward part has ended: run->free_s goes on from there. */
static void run_back(struct run *run) {
  const struct sharding_problem *p = run->problem;
  struct sharding_schedule *schedule = run->schedule;
  for (size_t place = p->n_layers; place-- > 0;) {
    const uint32_t layer = p->topological[place], s = run->set_of[layer];
    double start = fmax(run->free_s[s], schedule->end_s[layer]), inside = start;
    for (uint32_t i = p->out_start[layer]; i < p->out_start[layer + 1]; i++) {
      const uint32_t edge = p->out_edge[i];
      const double there = schedule->back_end_s[p->edges[edge].to] + schedule->reshard_in_s[edge];
      start = fmax(start, there);
      if (run->set_of[p->edges[edge].to] == s) inside = fmax(inside, there);
      schedule->backward_s += schedule->reshard_in_s[edge];
    }
    run->busy_s[s] += inside - run->free_s[s];
    schedule->back_start_s[layer] = start;
    schedule->back_end_s[layer] = run->free_s[s] = start + run->back_s[layer];
    schedule->latency_s = fmax(schedule->latency_s, schedule->back_end_s[layer]);
  }
}

static void take_times(const struct sharding_problem *problem, const struct sharding_answer *answer,
                       struct arena *scratch, struct sharding_schedule *schedule) {
  struct run run = {.problem = problem,
                    .answer = answer,
                    .schedule = schedule,
                    .set_of = ARENA_NEW(scratch, uint32_t, problem->n_layers),
                    .ring = ARENA_NEW(scratch, double, answer->n_sets),
                    .free_s = ARENA_NEW(scratch, double, answer->n_sets),
                    .busy_s = ARENA_NEW(scratch, double, answer->n_sets),
                    .back_s = ARENA_NEW(scratch, double, problem->n_layers)};
  for (uint32_t s = 0; s < answer->n_sets; s++) {
    const struct sharding_set *set = &answer->sets[s];
    run.ring[s] = sharding_ring_bandwidth(problem, set->boards, set->n_boards);
    for (uint32_t place = set->first; place <= set->last; place++) run.set_of[problem->topological[place]] = s;
  }
  schedule->latency_s = schedule->period_s = 0;
  schedule->compute_s = schedule->shift_s = schedule->all_reduce_s = 0;
  schedule->reshard_s = schedule->backward_s = 0;
  for (size_t place = 0; place < problem->n_layers; place++) run_layer(&run, problem->topological[place]);
  if (problem->training) run_back(&run);
  for (size_t s = 0; s < answer->n_sets; s++) schedule->period_s = fmax(schedule->period_s, run.busy_s[s]);
}

double sharding_evaluate(const struct sharding_problem *problem, const struct sharding_answer *answer,
                         struct arena *scratch, struct sharding_schedule *schedule) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct sharding_schedule own;
  if (schedule == NULL) {
    own = sharding_schedule_new(problem, scratch);
    schedule = &own;
  }
  take_times(problem, answer, scratch, schedule);
  take_memory(problem, answer, scratch, schedule);
  const double value = schedule->excess_bytes > 0 ? INFINITY : schedule->latency_s;
  arena_rewind(scratch, mark);
  return value;
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

static int compare_sets(const struct sharding_set *a, const struct sharding_set *b) {
  if (a->last != b->last) return a->last < b->last ? -1 : 1;
  if (a->design != b->design) return a->design < b->design ? -1 : 1;
  if (a->n_boards != b->n_boards) return a->n_boards < b->n_boards ? -1 : 1;
  for (uint32_t i = 0; i < a->n_boards; i++) {
    if (a->boards[i] != b->boards[i]) return a->boards[i] < b->boards[i] ? -1 : 1;
  }
  return 0;
}

int sharding_compare(const struct sharding_problem *problem, const struct sharding_answer *a,
                     const struct sharding_answer *b) {
  if (a->n_sets != b->n_sets) return a->n_sets < b->n_sets ? -1 : 1;
  for (size_t s = 0; s < a->n_sets; s++) {
    const int order = compare_sets(&a->sets[s], &b->sets[s]);
    if (order != 0) return order;
  }
  for (size_t l = 0; l < problem->n_layers; l++) {
    const struct sharding_strategy *first = &a->strategies[l], *second = &b->strategies[l];
    for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
      if (first->factor[d] != second->factor[d]) return first->factor[d] > second->factor[d] ? -1 : 1;
    }
    if (first->shared != second->shared) return first->shared < second->shared ? -1 : 1;
  }
  return 0;
}

void sharding_answer_copy(const struct sharding_problem *problem, const struct sharding_answer *from,
                          struct arena *arena, struct sharding_answer *to) {
  to->n_sets = from->n_sets;
  to->sets = ARENA_NEW(arena, struct sharding_set, from->n_sets);
  to->strategies = ARENA_NEW(arena, struct sharding_strategy, problem->n_layers);
  memcpy(to->strategies, from->strategies, problem->n_layers * sizeof *to->strategies);
  for (size_t s = 0; s < from->n_sets; s++) {
    uint32_t *boards = ARENA_NEW(arena, uint32_t, from->sets[s].n_boards);
    memcpy(boards, from->sets[s].boards, from->sets[s].n_boards * sizeof *boards);
    to->sets[s] = from->sets[s];
    to->sets[s].boards = boards;
  }
}
