/* Which layers lie on which device, and what must each hold? See system_private.h.
 *
 * Neither depends on the design: layers are shared out by their multiply-accumulates (or evenly by number, as Megatron
 * does), and what a device keeps follows from the order of its own tasks alone. Memory: accelerator-search §9. */
#include "dse/system/system_private.h"

#include "base/checked.h"
#include "search/stages/stages.h"
#include "workloads/memory.h"
#include <string.h>

enum { STEADY_MICROBATCHES = 4 }; /* times the pipeline: nothing is kept later that was not kept by then */

/* --- layers to parts
 * --------------------------------------------------------------------------------------------------
 */

/* The block that most places have, and where the first and the last of them are. */
static void find_layers(const struct block_chain *chain, size_t *first, size_t *n) {
  size_t most = 0, most_block = 0;
  for (size_t b = 0; b < chain->n_blocks; b++) {
    size_t count = 0;
    for (size_t i = 0; i < chain->n_places; i++) count += chain->block_at[i] == b;
    if (count > most) most = count, most_block = b;
  }
  size_t last = 0;
  *first = chain->n_places;
  for (size_t i = 0; i < chain->n_places; i++) {
    if (chain->block_at[i] != most_block) continue;
    if (*first == chain->n_places) *first = i;
    last = i;
  }
  *n = last + 1 - *first;
}

/* Evenly by number; what is left over goes to parts behind the first, so that the ends, which hold embedding and head,
 * have fewer. What lies before the layers goes to the first part, what lies behind to the last. */
static bool share_equally(const struct block_chain *chain, size_t n_parts, uint32_t *part_of) {
  size_t first, n_layers;
  find_layers(chain, &first, &n_layers);
  if (n_layers < n_parts) return false;
  const size_t each = n_layers / n_parts, rest = n_layers % n_parts;
  size_t place = 0;
  for (size_t part = 0; part < n_parts; part++) {
    const size_t own = each + (n_parts > 1 ? part >= 1 && part <= rest : 0);
    const size_t end = part + 1 == n_parts ? chain->n_places : (part == 0 ? first : place) + own;
    while (place < end) part_of[place++] = (uint32_t)part;
  }
  return true;
}

static bool share_by_work(struct system *system, const struct cut *cut, size_t n_parts, uint32_t *part_of,
                          struct error *error) {
  const struct block_chain *chain = &cut->chain;
  double *load = ARENA_NEW(system->scratch, double, chain->n_places);
  for (size_t i = 0; i < chain->n_places; i++) load[i] = cut->macs[chain->block_at[i]];
  const struct stages_problem problem = {.n_layers = chain->n_places, .n_stages = n_parts, .load = load};
  struct stages_answer answer;
  if (!stages_solve(&problem, 1, system->scratch, &system->own, &answer, error)) return false;
  if (answer.n == 0) return false;
  memcpy(part_of, answer.partitions[0].stage_of, chain->n_places * sizeof *part_of);
  return true;
}

static bool share_out(struct system *system, struct system_plan *plan, uint32_t *part_of, struct error *error) {
  const struct block_chain *chain = &plan->cut->chain;
  if (plan->n_parts > chain->n_places) {
    return error_add(error, STATUS_INPUT, "pipeline: %zu parts are more than the model's %zu pieces", plan->n_parts,
                     chain->n_places);
  }
  const bool shared = plan->strategy.partition == PARTITION_EQUAL
                          ? share_equally(chain, plan->n_parts, part_of)
                          : share_by_work(system, plan->cut, plan->n_parts, part_of, error);
  if (!shared) {
    if (error_is_set(error)) return false;
    return error_add(error, STATUS_INPUT, "pipeline: %zu parts are more than the model's layers", plan->n_parts);
  }
  return true;
}

static void place_parts(struct system *system, struct system_plan *plan, const uint32_t *part_of) {
  const struct block_chain *chain = &plan->cut->chain;
  const size_t n_blocks = chain->n_blocks;
  plan->blocks = ARENA_NEW(system->arena, uint32_t, plan->n_parts * n_blocks);
  for (size_t i = 0; i < chain->n_places; i++) plan->blocks[part_of[i] * n_blocks + chain->block_at[i]]++;
  /* What crosses the boundary in front of each part, for the delays. */
  plan->stages = ARENA_NEW(system->arena, struct pipeline_stage, plan->n_parts);
  plan->in_bytes = ARENA_NEW(system->arena, uint64_t, plan->n_parts);
  plan->first_place = ARENA_NEW(system->arena, uint32_t, plan->n_parts);
  for (size_t i = chain->n_places; i-- > 0;) {
    if (i > 0 && part_of[i] == part_of[i - 1]) continue;
    plan->first_place[part_of[i]] = (uint32_t)i;
    plan->in_bytes[part_of[i]] = chain->blocks[chain->block_at[i]].in_bytes;
  }
}

/* --- memory
 * ------------------------------------------------------------------------------------------------------------
 */

/* Of consecutive layers that begin at a place of the chain, a microbatch. */
static uint64_t kept_of(const struct system_plan *plan, size_t first, const uint32_t *blocks) {
  const struct block_chain *chain = &plan->cut->chain;
  uint64_t bytes = 0;
  /* What the part before keeps of the tensor between them is not here. */
  if (first > 0 && plan->strategy.recompute != RECOMPUTE_FULL) {
    bytes = chain->blocks[chain->block_at[first]].shared_bytes;
  }
  for (size_t b = 0; b < chain->n_blocks; b++) {
    bytes = sat_add(bytes, sat_mul(blocks[b], chain->blocks[b].kept_bytes[plan->strategy.recompute]));
  }
  return bytes;
}

/* Most bytes kept on each device (`counts`: microbatches): by events, with times as good as any, since the order of a
 * device's own tasks decides; of many microbatches the first ones. */
static bool keep(struct system *system, const struct system_plan *plan, bool counts, uint64_t *kept_bytes,
                 struct error *error) {
  struct pipeline_problem problem = plan->problem;
  struct pipeline_result result;
  const size_t n_blocks = plan->cut->chain.n_blocks;
  if (!pipeline_applies(plan->schedule, &plan->problem, error)) return false;
  /* Orders are asked for whole microbatches of the pipeline, as interleaving wants them. */
  const uint64_t steady = STEADY_MICROBATCHES * problem.n_devices;
  if (problem.n_microbatches > steady) problem.n_microbatches = steady + problem.n_microbatches % problem.n_devices;
  for (size_t i = 0; i < plan->n_parts; i++) {
    const size_t part = pipeline_place(plan->schedule, &problem, i / problem.n_devices, i % problem.n_devices);
    double macs = 0;
    for (size_t b = 0; b < n_blocks; b++) macs += plan->blocks[part * n_blocks + b] * plan->cut->macs[b];
    const uint64_t third = (uint64_t)(macs / 3e6) + 1;
    plan->stages[i] = (struct pipeline_stage){
        .forward_ps = third,
        .backward_ps = 2 * third,
        .backward_data_ps = third,
        .backward_weight_ps = third,
        .kept_bytes = counts ? 1 : kept_of(plan, plan->first_place[part], plan->blocks + part * n_blocks)};
  }
  const struct arena_mark mark = arena_get_mark(&system->own);
  if (!pipeline_simulate(plan->schedule, &problem, false, &system->own, &result)) {
    BUG("schedule %s waits for itself", plan->schedule->name);
  }
  memcpy(kept_bytes, result.peak_bytes, problem.n_devices * sizeof *kept_bytes);
  arena_rewind(&system->own, mark);
  return true;
}

static void fill_memory(const struct system *system, const struct system_plan *plan, struct device_run *run,
                        uint64_t kept_bytes) {
  const struct training_settings *training = system->model.training;
  const struct block_chain *chain = &plan->cut->chain;
  const struct split_degrees *degrees = &plan->strategy.degrees;
  const uint64_t ranks = degrees->data * degrees->context;
  uint64_t working = 0, largest = 0, largest_held = 0;
  for (size_t b = 0; b < chain->n_blocks; b++) {
    if (run->blocks[b] == 0) continue;
    const struct block *block = &chain->blocks[b];
    working = max_u64(working, block->working_bytes[plan->strategy.recompute]);
    largest = max_u64(largest, block->parameters);
    largest_held = max_u64(largest_held, sat_add(block->parameters, block->frozen_parameters));
  }
  const struct memory_share share = {.parameters = sat_add(run->dense_parameters, run->expert_parameters),
                                     .expert_parameters = run->expert_parameters,
                                     .frozen_parameters = run->frozen_parameters,
                                     .largest_parameters = largest,
                                     .largest_held = largest_held,
                                     .data = ranks,
                                     .expert_data = ranks / degrees->expert,
                                     .zero = plan->strategy.zero};
  struct memory_state state;
  memory_of_state(training, system->model.workload.element_bytes, &share, &state);
  run->memory = (struct system_memory){.weights_bytes = state.weights_bytes,
                                       .gradients_bytes = state.gradients_bytes,
                                       .optimizer_bytes = state.optimizer_bytes,
                                       .kept_bytes = kept_bytes,
                                       .working_bytes = working,
                                       .buffers_bytes = state.buffers_bytes};
  const struct system_memory *memory = &run->memory;
  run->memory_bytes = sat_add(sat_add(memory->weights_bytes, memory->gradients_bytes), memory->optimizer_bytes);
  run->memory_bytes = sat_add(run->memory_bytes, sat_add(memory->kept_bytes, memory->working_bytes));
  run->memory_bytes = sat_add(run->memory_bytes, memory->buffers_bytes);
}

/* --- devices
 * -----------------------------------------------------------------------------------------------------------
 */

static double updated_share(const struct system_plan *plan, const struct device_run *run) {
  const struct split_degrees *degrees = &plan->strategy.degrees;
  const double ranks = (double)(degrees->data * degrees->context), expert_ranks = ranks / (double)degrees->expert;
  const double dense = (double)run->dense_parameters, expert = (double)run->expert_parameters;
  if (plan->strategy.zero == 0 || !(dense + expert > 0)) return 1;
  return (dense / ranks + expert / expert_ranks) / (dense + expert);
}

struct layout { /* of one device */
  uint32_t *blocks, *first_blocks;
  uint64_t dense, expert, frozen, kept_bytes, send_forward, send_backward;
};

/* A tied table has a copy where its owner is not; a V has both ends on one device. */
static bool has_first_block(const struct system_plan *plan, uint64_t device) {
  for (uint64_t chunk = 0; chunk < plan->problem.n_chunks; chunk++) {
    if (pipeline_place(plan->schedule, &plan->problem, chunk, device) == 0) return true;
  }
  return false;
}

static bool ends_meet(const struct system_plan *plan) {
  for (uint64_t chunk = 0; chunk < plan->problem.n_chunks; chunk++) {
    if (pipeline_place(plan->schedule, &plan->problem, chunk, 0) + 1 == plan->n_parts) return true;
  }
  return false;
}

static void add_part(const struct system_plan *plan, const uint32_t *blocks, bool has_first, struct layout *layout) {
  const struct block_chain *chain = &plan->cut->chain;
  for (size_t b = 0; b < chain->n_blocks; b++) {
    const struct block *block = &chain->blocks[b];
    layout->blocks[b] += blocks[b];
    layout->expert = sat_add(layout->expert, sat_mul(blocks[b], block->expert_parameters));
    layout->dense = sat_add(layout->dense, sat_mul(blocks[b], block->parameters - block->expert_parameters));
    layout->frozen = sat_add(layout->frozen, sat_mul(blocks[b], block->frozen_parameters));
    if (blocks[b] > 0 && !has_first) layout->dense = sat_add(layout->dense, block->borrowed_parameters);
  }
}

static void lay_out_device(const struct system *system, const struct system_plan *plan, uint64_t device,
                           struct layout *layout) {
  const size_t n_blocks = plan->cut->chain.n_blocks;
  layout->blocks = ARENA_NEW(system->scratch, uint32_t, n_blocks);
  layout->first_blocks = ARENA_NEW(system->scratch, uint32_t, n_blocks);
  for (uint64_t chunk = 0; chunk < plan->problem.n_chunks; chunk++) {
    const uint64_t part = pipeline_place(plan->schedule, &plan->problem, chunk, device);
    const uint32_t *blocks = plan->blocks + part * n_blocks;
    add_part(plan, blocks, has_first_block(plan, device), layout);
    if (chunk == 0) memcpy(layout->first_blocks, blocks, n_blocks * sizeof *blocks);
    if (chunk == 0) {
      layout->send_backward = part > 0 ? plan->in_bytes[part] : 0;
      layout->send_forward = part + 1 < plan->n_parts ? plan->in_bytes[part + 1] : 0;
    }
  }
}

static bool same_layout(const struct layout *a, const struct layout *b, size_t n_blocks) {
  return memcmp(a->blocks, b->blocks, n_blocks * sizeof *a->blocks) == 0 &&
         memcmp(a->first_blocks, b->first_blocks, n_blocks * sizeof *a->blocks) == 0 && a->dense == b->dense &&
         a->send_forward == b->send_forward && a->send_backward == b->send_backward;
}

static void start_run(const struct system *system, const struct system_plan *plan, const struct layout *layout,
                      struct device_run *run) {
  const size_t n_blocks = plan->cut->chain.n_blocks;
  run->blocks = ARENA_NEW(system->arena, uint32_t, n_blocks);
  run->first_blocks = ARENA_NEW(system->arena, uint32_t, n_blocks);
  memcpy(run->blocks, layout->blocks, n_blocks * sizeof *layout->blocks);
  memcpy(run->first_blocks, layout->first_blocks, n_blocks * sizeof *layout->blocks);
  run->dense_parameters = layout->dense;
  run->expert_parameters = layout->expert;
  run->frozen_parameters = layout->frozen;
  run->updated_share = updated_share(plan, run);
  run->send_forward_bytes = layout->send_forward;
  run->send_backward_bytes = layout->send_backward;
}

bool system_lay_out(struct system *system, struct system_plan *plan, const uint32_t *stage_of, struct error *error) {
  const uint64_t p = plan->strategy.degrees.pipeline;
  const size_t n_blocks = plan->cut->chain.n_blocks;
  const struct arena_mark mark = arena_get_mark(system->scratch);
  plan->problem = (struct pipeline_problem){
      .n_devices = p, .n_chunks = plan->strategy.n_chunks, .n_microbatches = plan->n_microbatches};
  plan->n_parts = p * plan->strategy.n_chunks;
  uint32_t *part_of = ARENA_NEW(system->scratch, uint32_t, plan->cut->chain.n_places);
  if (stage_of == NULL && !share_out(system, plan, part_of, error)) return arena_rewind(system->scratch, mark), false;
  place_parts(system, plan, stage_of != NULL ? stage_of : part_of);
  plan->problem.stages = plan->stages;
  uint64_t *kept_bytes = ARENA_NEW(system->scratch, uint64_t, p);
  if (!keep(system, plan, false, kept_bytes, error)) return arena_rewind(system->scratch, mark), false;
  plan->runs = ARENA_NEW(system->arena, struct device_run, p);
  plan->run_of = ARENA_NEW(system->arena, uint32_t, p);
  struct layout before = {0};
  for (uint64_t s = 0; s < p; s++) {
    struct layout own = {0};
    lay_out_device(system, plan, s, &own);
    if (plan->n_runs == 0 || !same_layout(&before, &own, n_blocks)) {
      struct device_run *run = &plan->runs[plan->n_runs++];
      run->first = (uint32_t)s;
      start_run(system, plan, &own, run);
    }
    struct device_run *run = &plan->runs[plan->n_runs - 1];
    run->n++;
    plan->run_of[s] = (uint32_t)(plan->n_runs - 1);
    struct device_run fullest = *run;
    fill_memory(system, plan, &fullest, kept_bytes[s]);
    if (run->n == 1 || fullest.memory_bytes > run->memory_bytes) *run = fullest; /* the first keeps the most */
    before = own;
  }
  for (size_t r = 1; r < plan->n_runs; r++) {
    if (plan->runs[r].memory_bytes > plan->runs[plan->fullest].memory_bytes) plan->fullest = r;
  }
  const struct block *last = &plan->cut->chain.blocks[plan->cut->chain.block_at[plan->cut->chain.n_places - 1]];
  if (!ends_meet(plan)) plan->tied_bytes = sat_mul(last->borrowed_parameters, system->model.training->gradient_bytes);
  plan->links = ARENA_NEW(system->arena, struct plan_links, 1);
  arena_rewind(system->scratch, mark);
  return true;
}

/* --- pieces ---------------------------------------------------------------------------------------------------------
 */

/* The number of a piece that is laid out so; its bytes kept may differ by what the layer before keeps. */
static uint32_t number_of(const struct system *system, struct system_pieces *pieces, const struct layout *layout) {
  const size_t n_blocks = pieces->plan.cut->chain.n_blocks;
  for (size_t piece = pieces->plan.n_runs; piece-- > 0;) {
    const struct device_run *run = &pieces->plan.runs[piece];
    if (memcmp(run->blocks, layout->blocks, n_blocks * sizeof *run->blocks) == 0 &&
        run->dense_parameters == layout->dense && run->send_forward_bytes == layout->send_forward &&
        run->send_backward_bytes == layout->send_backward && pieces->kept_bytes[piece] == layout->kept_bytes) {
      return (uint32_t)piece;
    }
  }
  struct device_run *run = &pieces->plan.runs[pieces->plan.n_runs];
  run->n = 1;
  start_run(system, &pieces->plan, layout, run);
  pieces->kept_bytes[pieces->plan.n_runs] = layout->kept_bytes;
  return (uint32_t)pieces->plan.n_runs++;
}

/* All pieces that begin at a place, ever longer ones. */
static void list_from(const struct system *system, struct system_pieces *pieces, size_t first) {
  const struct block_chain *chain = &pieces->plan.cut->chain;
  uint32_t *blocks = ARENA_NEW(system->scratch, uint32_t, chain->n_blocks);
  for (size_t last = first; last < chain->n_places; last++) {
    const struct arena_mark mark = arena_get_mark(system->scratch);
    struct layout own = {.blocks = ARENA_NEW(system->scratch, uint32_t, chain->n_blocks)};
    blocks[chain->block_at[last]]++;
    add_part(&pieces->plan, blocks, first == 0, &own);
    own.first_blocks = own.blocks;
    own.kept_bytes = kept_of(&pieces->plan, first, blocks);
    own.send_backward = first > 0 ? chain->blocks[chain->block_at[first]].in_bytes : 0;
    own.send_forward = last + 1 < chain->n_places ? chain->blocks[chain->block_at[last + 1]].in_bytes : 0;
    pieces->piece_of[first * chain->n_places + last] = number_of(system, pieces, &own);
    arena_rewind(system->scratch, mark);
  }
}

bool system_list_pieces(struct system *system, const struct system_plan *plan, struct system_pieces *pieces,
                        struct error *error) {
  const size_t n = plan->cut->chain.n_places;
  const uint64_t p = plan->problem.n_devices;
  REQUIRE(plan->n_parts == p);
  const struct arena_mark mark = arena_get_mark(system->scratch);
  *pieces = (struct system_pieces){.plan = *plan};
  pieces->plan.n_runs = 0;
  pieces->plan.runs = ARENA_NEW(system->arena, struct device_run, n * (n + 1) / 2);
  pieces->plan.links = ARENA_NEW(system->arena, struct plan_links, 1);
  pieces->piece_of = ARENA_NEW(system->arena, uint32_t, n * n);
  pieces->kept_bytes = ARENA_NEW(system->arena, uint64_t, n * (n + 1) / 2);
  for (size_t first = 0; first < n; first++) list_from(system, pieces, first);
  uint64_t *n_kept = ARENA_NEW(system->scratch, uint64_t, p);
  const bool good = keep(system, plan, true, n_kept, error);
  pieces->bytes = ARENA_NEW(system->arena, uint64_t, p * pieces->plan.n_runs);
  for (uint64_t s = 0; s < p && good; s++) {
    for (size_t piece = 0; piece < pieces->plan.n_runs; piece++) {
      struct device_run own = pieces->plan.runs[piece];
      fill_memory(system, plan, &own, sat_mul(n_kept[s], pieces->kept_bytes[piece]));
      pieces->bytes[s * pieces->plan.n_runs + piece] = own.memory_bytes;
    }
  }
  arena_rewind(system->scratch, mark);
  return good;
}
