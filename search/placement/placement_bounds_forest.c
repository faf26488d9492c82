/* Which placement is cheapest if every device's time has its price? (placement §7; Lagrangean subproblem of the load
 * bound.)
 *
 * Exact along a forest that joins each layer with one of its readers: what fusion saves, or a tensor that is not cut,
 * counts only where both stand on one device. Edges outside the forest are granted whatever they could save. Leaves out
 * orders: any neighbours may be next to each other. */
#include "search/placement/placement_bounds_forest.h"

#include <math.h>
#include <string.h>

enum { NO_CHOICE = -1 };

/* --- the forest -----------------------------------------------------------------------------------------------------
 */

static void join_readers(struct placement_forest *forest) {
  const struct placement_problem *p = forest->costs->problem;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    uint32_t best = PLACEMENT_NONE, degree = UINT32_MAX;
    for (uint32_t i = p->out_start[l]; i < p->out_start[l + 1]; i++) {
      const uint32_t to = p->successor[i];
      const uint32_t its = p->in_start[to + 1] - p->in_start[to];
      const bool carries = p->edges[p->out_edge[i]].bytes > 0 || forest->costs->coupling == PLACEMENT_CUTS;
      if (!carries || !placement_is_member(forest->load, to) || its >= degree) continue;
      best = to, degree = its;
    }
    forest->parent[l] =
        forest->costs->coupling == PLACEMENT_UNCOUPLED || l == forest->load->last ? PLACEMENT_NONE : best;
  }
}

static void measure_memory(struct placement_forest *forest) {
  const struct placement_costs *costs = forest->costs;
  const struct placement_problem *p = costs->problem;
  const bool pins = p->memory == PLACEMENT_PIN && p->timing == PLACEMENT_SERIAL, hard = p->memory == PLACEMENT_HARD;
  double all = 0;
  for (size_t l = 0; l < p->n_layers; l++) {
    forest->share[l] = pins ? (double)costs->granules[l] : hard ? (double)p->weight_bytes[l] : 0;
    if (placement_is_member(forest->load, l)) all += forest->share[l];
  }
  for (size_t d = 0; d < p->n_devices; d++) {
    const bool free = p->devices[d].host || !forest->load->memory || (!pins && !hard);
    const double room = free ? INFINITY : pins ? (double)costs->room[d] : (double)p->devices[d].dram_bytes;
    forest->room[d] = room < all ? room : INFINITY;
  }
}

void placement_forest_init(struct placement_forest *forest, const struct placement_costs *costs,
                           const struct placement_load *load, struct arena *scratch) {
  const size_t n = costs->problem->n_layers, n_devices = costs->problem->n_devices;
  *forest = (struct placement_forest){.costs = costs,
                                      .load = load,
                                      .parent = ARENA_NEW(scratch, uint32_t, n),
                                      .value = ARENA_NEW(scratch, double, n *n_devices),
                                      .choice = ARENA_NEW(scratch, int32_t, n * n_devices),
                                      .apart = ARENA_NEW(scratch, double, n),
                                      .apart_at = ARENA_NEW(scratch, uint32_t, n),
                                      .device = ARENA_NEW(scratch, uint32_t, n),
                                      .duration_s = ARENA_NEW(scratch, double, n),
                                      .writes = ARENA_NEW(scratch, bool, n),
                                      .load_s = ARENA_NEW(scratch, double, n_devices),
                                      .use = ARENA_NEW(scratch, double, n_devices),
                                      .share = ARENA_NEW(scratch, double, n),
                                      .room = ARENA_NEW(scratch, double, n_devices)};
  join_readers(forest);
  measure_memory(forest);
}

/* Does the weights' transfer cost less than to keep them? They may also have to travel, or none be asked for. */
static bool sends_weights(const struct placement_forest *forest, const struct placement_weights *w, size_t l,
                          size_t d) {
  const struct placement_costs *costs = forest->costs;
  const struct placement_problem *p = costs->problem;
  if (p->memory != PLACEMENT_PIN || p->timing != PLACEMENT_SERIAL || costs->granules[l] > costs->room[d]) return false;
  if (!(forest->room[d] < INFINITY)) return false;
  const double price = placement_price(forest, w, l, d);
  return (double)p->weight_bytes[l] * costs->link_s_per_byte[d] * price < forest->share[l] * w->memory[d];
}

static double memory_cost(const struct placement_forest *forest, const struct placement_weights *w, size_t l,
                          size_t d) {
  const struct placement_costs *costs = forest->costs;
  if (!(forest->room[d] < INFINITY) || (costs->problem->memory == PLACEMENT_PIN && costs->granules[l] > costs->room[d]))
    return 0;
  if (sends_weights(forest, w, l, d)) {
    return (double)costs->problem->weight_bytes[l] * costs->link_s_per_byte[d] * placement_price(forest, w, l, d);
  }
  return forest->share[l] * w->memory[d];
}

/* The edge whose tensor is best found on the device: the least change against all predecessors apart. */
static double choose_found(const struct placement_forest *forest, const struct placement_weights *w, uint32_t l,
                           uint32_t d) {
  const struct placement_costs *costs = forest->costs;
  const struct placement_problem *p = costs->problem;
  const double price = placement_price(forest, w, l, d), nothing = placement_rest_s(costs, &costs->none[l], d) * price;
  double best = 0;
  int32_t choice = NO_CHOICE;
  for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
    const uint32_t e = p->in_edge[i], from = p->predecessor[i];
    const bool member = placement_is_member(forest->load, from);
    if (p->edges[e].bytes == 0 || (!member && forest->last_on != NULL && forest->last_on[d] != from)) continue;
    double change = placement_rest_s(costs, &costs->with[e], d) * price - nothing;
    if (member && forest->parent[from] == l) {
      const bool writes = p->only_reader[from] != l;
      const double write = writes ? placement_write_s(costs, from, d) * placement_price(forest, w, from, d) : 0;
      change += forest->value[placement_at(p, from, d)] + write - forest->apart[from];
    }
    if (change < best) best = change, choice = (int32_t)i;
  }
  forest->choice[placement_at(p, l, d)] = choice;
  return nothing + best;
}

/* Tensors cut between devices: each joined predecessor stands here, or elsewhere and is read. */
static double sum_cuts(const struct placement_forest *forest, const struct placement_weights *w, uint32_t l,
                       uint32_t d) {
  const struct placement_problem *p = forest->costs->problem;
  double sum = 0;
  for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
    const uint32_t from = p->predecessor[i];
    if (!placement_is_member(forest->load, from) || forest->parent[from] != l) continue;
    const double read = placement_arrive_s(forest->costs, p->in_edge[i], d) * w->device[d];
    sum += fmin(forest->value[placement_at(p, from, d)], forest->apart[from] + read);
  }
  return sum;
}

static double write_at_root(const struct placement_forest *forest, uint32_t l, uint32_t d) {
  const struct placement_costs *costs = forest->costs;
  if (costs->coupling != PLACEMENT_FUSES || l == forest->load->last) return 0;
  return costs->problem->only_reader[l] == PLACEMENT_NONE ? placement_write_s(costs, l, d) : 0;
}

/* What the write of `l` costs if its reader stands elsewhere. */
static double write_apart(const struct placement_forest *forest, uint32_t l, uint32_t d) {
  if (forest->parent[l] == PLACEMENT_NONE) return write_at_root(forest, l, d);
  if (forest->costs->coupling == PLACEMENT_FUSES) return placement_write_s(forest->costs, l, d);
  const struct placement_problem *p = forest->costs->problem;
  for (uint32_t i = p->out_start[l]; i < p->out_start[l + 1]; i++) {
    if (p->successor[i] == forest->parent[l]) return placement_leave_s(forest->costs, p->out_edge[i], d);
  }
  return 0;
}

/* The least sum of all members' costs under the weights. */
double placement_forest_solve(struct placement_forest *forest, const struct placement_weights *w) {
  const struct placement_costs *costs = forest->costs;
  const struct placement_problem *p = costs->problem;
  double sum = 0;
  for (size_t k = 0; k < p->n_layers; k++) {
    const uint32_t l = p->topological[k];
    if (!placement_is_member(forest->load, l)) continue;
    double below = 0;
    if (costs->coupling == PLACEMENT_FUSES) {
      for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
        const uint32_t from = p->predecessor[i];
        if (placement_is_member(forest->load, from) && forest->parent[from] == l) below += forest->apart[from];
      }
    }
    forest->apart[l] = INFINITY;
    for (uint32_t d = 0; d < p->n_devices; d++) {
      const size_t at = placement_at(p, l, d);
      if (!placement_can_run(p, l, d)) {
        forest->value[at] = INFINITY;
        continue;
      }
      const double price = placement_price(forest, w, l, d);
      double value = below + placement_own_s(costs, l, d) * price;
      value += memory_cost(forest, w, l, d);
      if (costs->coupling == PLACEMENT_FUSES) value += choose_found(forest, w, l, d);
      if (costs->coupling == PLACEMENT_CUTS) value += sum_cuts(forest, w, l, d);
      forest->value[at] = value;
      /* Windows hold no transfers of tensors that are cut. */
      value += write_apart(forest, l, d) * (costs->coupling == PLACEMENT_CUTS ? w->device[d] + w->layer[l] : price);
      if (value < forest->apart[l]) forest->apart[l] = value, forest->apart_at[l] = d;
    }
    if (forest->parent[l] == PLACEMENT_NONE) sum += forest->apart[l];
  }
  return sum;
}

/* --- the placement behind a sum -------------------------------------------------------------------------------------
 */

static void place_inputs(struct placement_forest *forest, const struct placement_weights *w, uint32_t l) {
  const struct placement_costs *costs = forest->costs;
  const struct placement_problem *p = costs->problem;
  const uint32_t d = forest->device[l];
  const int32_t found = costs->coupling == PLACEMENT_FUSES ? forest->choice[placement_at(p, l, d)] : NO_CHOICE;
  if (costs->coupling == PLACEMENT_FUSES) {
    const struct placement_rest *rest = found >= 0 ? &costs->with[p->in_edge[found]] : &costs->none[l];
    forest->duration_s[l] += placement_rest_s(costs, rest, d);
  }
  for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
    const uint32_t from = p->predecessor[i];
    if (!placement_is_member(forest->load, from) || forest->parent[from] != l) continue;
    bool same = (int32_t)i == found;
    if (costs->coupling == PLACEMENT_CUTS) {
      const double read = placement_arrive_s(costs, p->in_edge[i], d);
      same = forest->value[placement_at(p, from, d)] <= forest->apart[from] + read * w->device[d];
      if (!same) forest->duration_s[l] += read;
    }
    forest->device[from] = same ? d : forest->apart_at[from];
    forest->writes[from] = !same || (costs->coupling == PLACEMENT_FUSES && p->only_reader[from] != l);
  }
}

void placement_forest_place(struct placement_forest *forest, const struct placement_weights *w) {
  const struct placement_costs *costs = forest->costs;
  const struct placement_problem *p = costs->problem;
  memset(forest->load_s, 0, p->n_devices * sizeof *forest->load_s);
  memset(forest->use, 0, p->n_devices * sizeof *forest->use);
  for (size_t k = p->n_layers; k-- > 0;) {
    const uint32_t l = p->topological[k];
    if (!placement_is_member(forest->load, l)) continue;
    if (forest->parent[l] == PLACEMENT_NONE) forest->device[l] = forest->apart_at[l], forest->writes[l] = true;
    const uint32_t d = forest->device[l];
    forest->duration_s[l] = placement_own_s(costs, l, d);
    if (forest->writes[l]) forest->duration_s[l] += write_apart(forest, l, d);
    if (sends_weights(forest, w, l, d)) {
      forest->duration_s[l] += (double)p->weight_bytes[l] * costs->link_s_per_byte[d];
    } else if (forest->room[d] < INFINITY && !(p->memory == PLACEMENT_PIN && costs->granules[l] > costs->room[d])) {
      forest->use[d] += forest->share[l];
    }
    place_inputs(forest, w, l);
    forest->load_s[d] += forest->duration_s[l];
  }
}

struct placement_forest *placement_forest_new(const struct placement_costs *costs, const struct placement_load *load,
                                              const uint32_t *last_on, struct arena *arena) {
  struct placement_forest *forest = ARENA_NEW(arena, struct placement_forest, 1);
  placement_forest_init(forest, costs, load, arena);
  forest->last_on = last_on;
  return forest;
}

double placement_forest_sum(struct placement_forest *forest, const struct placement_multipliers *multipliers) {
  const struct placement_weights w = {
      .device = multipliers->device, .layer = multipliers->layer, .memory = multipliers->memory};
  double sum = placement_forest_solve(forest, &w);
  for (size_t d = 0; d < forest->costs->problem->n_devices; d++) {
    if (forest->room[d] < INFINITY) sum -= w.memory[d] * forest->room[d];
  }
  return sum;
}
