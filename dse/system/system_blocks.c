/* How long do a plan's blocks take, and what energy? See system_private.h.
 *
 * What a block takes depends on its cut, on what is computed again and on whether backward passes are torn, but not on
 * how many devices the plan has, in which order they work or how much each holds. So a design's blocks are timed once
 * in a table that all plans of a cut share, and a device's seconds are a few products of its counts. */
#include "dse/system/system_private.h"

#include <math.h>

/* Collectives that are cut up with the products around them (asynchronous tensor parallelism) hide behind these, but
 * for a share. Rises with either time. */
static double cost_s(const struct system *system, const struct cut *cut, const struct unit_cost *costs, size_t block,
                     unsigned phase, double *link_s) {
  const uint32_t unit = cut->unit[block * N_BLOCK_PHASES + phase];
  if (unit == NO_UNIT) return 0;
  const double share = system->model.law->overlap_tensor;
  double hidden_s = 0;
  if (share > 0) {
    const double own_link_s = fmin(costs[unit].link_s, costs[unit].seconds);
    hidden_s = fmin(share * own_link_s, costs[unit].seconds - own_link_s);
  }
  *link_s += costs[unit].link_s - hidden_s;
  return costs[unit].seconds - hidden_s;
}

/* Full recomputation, but of what comes last. */
static bool runs_again(const struct block_table *table, size_t block) {
  return table->recompute == RECOMPUTE_FULL && table->cut->chain.blocks[block].recomputes;
}

static void time_block(const struct system *system, const struct block_table *table, const struct unit_cost *costs,
                       size_t block, struct phase_times *times) {
  const struct cut *cut = table->cut;
  double link_s = 0, unused = 0, again_s = 0;
  const double forward_s = cost_s(system, cut, costs, block, BLOCK_FORWARD, &link_s);
  if (runs_again(table, block)) again_s = cost_s(system, cut, costs, block, BLOCK_FORWARD, &link_s);
  if (table->recompute == RECOMPUTE_SELECTIVE) again_s = cost_s(system, cut, costs, block, BLOCK_SELECTIVE, &link_s);
  *times = (struct phase_times){.forward_s = forward_s};
  if (table->is_torn) {
    times->data_s = again_s + cost_s(system, cut, costs, block, BLOCK_BACKWARD_DATA, &link_s);
    times->weight_s = cost_s(system, cut, costs, block, BLOCK_BACKWARD_WEIGHT, &link_s);
    times->backward_s = times->data_s + times->weight_s;
  } else {
    times->backward_s = again_s + cost_s(system, cut, costs, block, BLOCK_BACKWARD, &link_s);
  }
  times->link_s = link_s;
  times->update_s = cost_s(system, cut, costs, block, BLOCK_UPDATE, &unused);
}

static void fill(const struct system *system, struct block_table *table, const struct unit_cost *costs) {
  for (size_t b = 0; b < table->cut->chain.n_blocks; b++) time_block(system, table, costs, b, &table->times[b]);
}

void system_table(const struct system *system, const struct system_plan *plan, const struct unit_cost *costs) {
  fill(system, plan->table, costs);
}

void system_table_all(const struct system *system, const struct unit_cost *costs) {
  for (const struct cut *cut = system->cuts; cut != NULL; cut = cut->next) {
    for (struct block_table *table = cut->tables; table != NULL; table = table->next) fill(system, table, costs);
  }
}

/* Which units an iteration runs, a microbatch or an update each, in order of the phases. */
static void list_terms(const struct block_table *table, size_t block, struct block_terms *terms) {
  const bool torn = table->is_torn;
  for (unsigned phase = 0; phase < N_BLOCK_PHASES; phase++) {
    const uint32_t unit = table->cut->unit[block * N_BLOCK_PHASES + phase];
    const bool half = phase == BLOCK_BACKWARD_DATA || phase == BLOCK_BACKWARD_WEIGHT;
    if (unit == NO_UNIT || (half && !torn) || (phase == BLOCK_BACKWARD && torn)) continue;
    if (phase == BLOCK_SELECTIVE && table->recompute != RECOMPUTE_SELECTIVE) continue;
    enum term_times times = TERM_MICROBATCHES;
    if (phase == BLOCK_UPDATE) times = TERM_UPDATED;
    if (phase == BLOCK_FORWARD && runs_again(table, block)) times = TERM_TWICE;
    terms->unit[terms->n] = unit;
    terms->times[terms->n++] = (uint8_t)times;
  }
}

struct block_table *system_table_of(struct system *system, struct cut *cut, enum recompute recompute, bool is_torn) {
  struct block_table **end = &cut->tables;
  for (; *end != NULL; end = &(*end)->next) {
    if ((*end)->recompute == recompute && (*end)->is_torn == is_torn) return *end;
  }
  const size_t n_blocks = cut->chain.n_blocks;
  struct block_table *table = *end = ARENA_NEW(system->arena, struct block_table, 1);
  table->cut = cut;
  table->recompute = recompute;
  table->is_torn = is_torn;
  table->times = ARENA_NEW(system->arena, struct phase_times, n_blocks);
  table->terms = ARENA_NEW(system->arena, struct block_terms, n_blocks);
  for (size_t b = 0; b < n_blocks; b++) list_terms(table, b, &table->terms[b]);
  return table;
}

void system_time_blocks(const struct system *system, const struct system_plan *plan, const uint32_t *blocks,
                        struct phase_times *times) {
  const struct phase_times *of = plan->table->times;
  /* Adding up gradients; where they are sharded that comes with their reduction. */
  const bool accumulates = plan->n_microbatches > 1 && plan->strategy.zero < 3;
  *times = (struct phase_times){0};
  for (size_t b = 0; b < plan->cut->chain.n_blocks; b++) {
    const uint32_t n = blocks[b];
    if (n == 0) continue; /* most devices of a pipeline hold neither ends nor every kind of layer */
    times->forward_s += n * of[b].forward_s;
    times->backward_s += n * of[b].backward_s;
    times->link_s += n * of[b].link_s;
    times->update_s += n * of[b].update_s;
    const double added_s = accumulates ? n * system->model.law->accumulation_share * of[b].update_s : 0;
    times->backward_s += added_s;
    if (!plan->is_torn) continue;
    times->data_s += n * of[b].data_s;
    times->weight_s += n * of[b].weight_s;
    times->weight_s += added_s;
  }
}

/* --- energy ---------------------------------------------------------------------------------------------------------
 */

double system_run_energy_j(const struct system_plan *plan, const struct device_run *run,
                           const struct unit_cost *costs) {
  const double m = (double)plan->n_microbatches;
  const double times[N_TERM_TIMES] = {
      [TERM_MICROBATCHES] = m, [TERM_TWICE] = 2 * m, [TERM_UPDATED] = run->updated_share};
  double energy_j = 0;
  for (size_t b = 0; b < plan->cut->chain.n_blocks; b++) {
    if (run->blocks[b] == 0) continue;
    const struct block_terms *terms = &plan->table->terms[b];
    double block_j = 0;
    for (uint32_t t = 0; t < terms->n; t++) block_j += times[terms->times[t]] * costs[terms->unit[t]].energy_j;
    energy_j += run->blocks[b] * block_j;
  }
  return energy_j;
}

double system_energy_j(const struct system *system, const struct system_plan *plan, const struct unit_cost *costs) {
  (void)system;
  double energy_j = 0;
  for (size_t r = 0; r < plan->n_runs; r++) {
    energy_j += plan->runs[r].n * system_run_energy_j(plan, &plan->runs[r], costs);
  }
  return energy_j * ((double)plan->n_devices / (double)plan->strategy.degrees.pipeline);
}
