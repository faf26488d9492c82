/* How long does an iteration take, from what each phase of each block takes? See system_private.h.
 *
 *   blocks → tasks of each device → pipeline → gradients that nothing hides → update → overhead
 *
 * The pipeline is simulated; the bound is its closed form for any times, in the number of different devices rather than
 * of tasks: a device cannot start before the first microbatch has come through those before it, then has its own work
 * to do, then the last gradient runs back. Both rise with every unit's time, so that floors of units give floors of
 * iterations. A device's gradients are reduced behind its last backward task as far as that hides them, but for those
 * of its last block. Left out: p2p messages compete with nothing; devices of a group run in step. */
#include "dse/system/system_private.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

/* Sums in another order than the simulation's round otherwise: bounds are loosened by far more. */
static const double BOUND_SLACK = 1e-9;

/* fmax, which the compiler cannot put in line. What is not a number gives way: no work times an endless block. */
static inline double larger(double a, double b) { return a > b || isnan(b) ? a : b; }

/* --- links ----------------------------------------------------------------------------------------------------------
 * Devices count tensor, context, experts, data, pipeline. All that hold the same parameters reduce their gradients:
 * over context and data; of experts those in the same place of their group. */

static double group_s(const struct network *network, enum op_kind kind, uint64_t bytes, uint64_t ranks,
                      uint64_t stride) {
  return network_collective_s(network, kind, bytes, (struct network_group){ranks, stride}, NULL);
}

/* Stages in a row; the slowest of their hops stands for all, since some chain has it anywhere. */
static struct network_group chain_of(const struct system_plan *plan) {
  const struct split_degrees *degrees = &plan->strategy.degrees;
  return (struct network_group){degrees->pipeline, degrees->tensor * degrees->context * degrees->data};
}

/* A message from stage to stage. Without sequence parallelism each tensor rank has all of it: each may send a part,
 * which the others get over the links that they share (scatter/gather, arXiv 2104.04473 §4.1), where that is faster. */
static double send_s(const struct system *system, const struct system_plan *plan, const struct network *network,
                     uint64_t bytes) {
  const struct split_degrees *degrees = &plan->strategy.degrees;
  const struct network_group chain = chain_of(plan);
  const double whole_s = bytes > 0 ? network_chain_s(network, bytes, chain) : 0;
  if (!system->model.law->scatter_sends || degrees->sequence || degrees->tensor < 2 || bytes == 0) return whole_s;
  return fmin(whole_s, network_chain_s(network, ceil_div(bytes, degrees->tensor), chain) +
                           group_s(network, OP_ALL_GATHER, bytes, degrees->tensor, 1));
}

/* Gradients reduced (all of the reduction without ZeRO), weights gathered. */
static void time_run(const struct system *system, const struct system_plan *plan, const struct network *network,
                     struct device_run *run, struct run_links *links) {
  const struct split_degrees *degrees = &plan->strategy.degrees;
  const struct training_settings *training = system->model.training;
  const uint64_t dense_ranks = degrees->context * degrees->data, expert_ranks = dense_ranks / degrees->expert;
  const uint64_t dense_stride = degrees->tensor, expert_stride = degrees->tensor * degrees->expert;
  const bool zero = plan->strategy.zero > 0;
  const enum op_kind kind = zero ? OP_REDUCE_SCATTER : OP_ALL_REDUCE;
  const uint64_t weight_bytes = system->model.workload.element_bytes;
  const uint64_t gradients[2] = {sat_mul(run->dense_parameters, training->gradient_bytes),
                                 sat_mul(run->expert_parameters, training->gradient_bytes)};
  links->reduce_s = group_s(network, kind, gradients[0], dense_ranks, dense_stride) +
                    group_s(network, kind, gradients[1], expert_ranks, expert_stride);
  links->gather_s = 0;
  if (zero) {
    links->gather_s =
        group_s(network, OP_ALL_GATHER, sat_mul(run->dense_parameters, weight_bytes), dense_ranks, dense_stride) +
        group_s(network, OP_ALL_GATHER, sat_mul(run->expert_parameters, weight_bytes), expert_ranks, expert_stride);
    if (plan->strategy.zero >= 3) /* only then are they spread */
      links->gather_s +=
          group_s(network, OP_ALL_GATHER, sat_mul(run->frozen_parameters, weight_bytes), dense_ranks, dense_stride);
  }
  uint64_t n_blocks = 0;
  for (size_t b = 0; b < plan->cut->chain.n_blocks; b++) n_blocks += run->blocks[b];
  run->last_bucket = n_blocks > 0 ? 1.0 / (double)n_blocks : 1; /* a share, of either */
}

static const struct run_links *links_of(const struct system_plan *plan, const struct device_run *run) {
  return &run->links[plan->links->now];
}

/* Seconds of data parallelism for the network that the design is in; cheap if its links have been met lately. */
static void time_links(const struct system *system, const struct system_plan *plan, const struct network *network) {
  struct plan_links *links = plan->links;
  for (size_t slot = 0; slot < min_u64(links->n_timed, LINK_SLOTS); slot++) {
    if (memcmp(&links->of[slot], network, sizeof *network) != 0) continue;
    links->now = slot;
    return;
  }
  links->now = links->n_timed++ % LINK_SLOTS;
  links->of[links->now] = *network;
  const struct split_degrees *degrees = &plan->strategy.degrees;
  for (size_t r = 0; r < plan->n_runs; r++) {
    struct device_run *run = &plan->runs[r];
    struct run_links *own = &run->links[links->now];
    time_run(system, plan, network, run, own);
    own->send_forward_s = send_s(system, plan, network, run->send_forward_bytes);
    own->send_backward_s = send_s(system, plan, network, run->send_backward_bytes);
  }
  links->tied_s[links->now] = 0;
  if (plan->tied_bytes > 0) {
    const uint64_t stride = degrees->tensor * degrees->context * degrees->data * (degrees->pipeline - 1);
    links->tied_s[links->now] = group_s(network, OP_ALL_REDUCE, plan->tied_bytes, 2, stride);
  }
}

static double tied_s(const struct system_plan *plan) { return plan->links->tied_s[plan->links->now]; }

/* --- what a device adds to its blocks ------------------------------------------------------------------------------*/

static double exposed_s(const struct system *system, double traffic_s, double cover_s) {
  const struct system_law *law = system->model.law;
  const double hidden_s = law->overlap_data ? law->overlap_share * cover_s : 0;
  return traffic_s > hidden_s ? traffic_s - hidden_s : 0;
}

/* What ZeRO-3 adds to each microbatch: weights gathered before both passes, gradients scattered behind the second. */
static void add_sharding(const struct system *system, const struct system_plan *plan, const struct device_run *run,
                         double share, struct phase_times *times, double *exposed) {
  *exposed = 0;
  if (plan->strategy.zero < 3) return;
  const double forward_s = exposed_s(system, share * links_of(plan, run)->gather_s, times->forward_s);
  const double backward_s =
      exposed_s(system, share * (links_of(plan, run)->gather_s + links_of(plan, run)->reduce_s), times->backward_s);
  times->forward_s += forward_s;
  times->backward_s += backward_s;
  times->data_s += backward_s;
  *exposed = forward_s + backward_s;
}

/* Behind the last microbatch: what reduction and gathering leave uncovered, and the update itself. */
static double tail_s(const struct system *system, const struct system_plan *plan, const struct device_run *run,
                     const struct phase_times *times, double *update_s) {
  *update_s = times->update_s * run->updated_share;
  if (plan->strategy.zero == 3) return 0;
  const double least_s = run->last_bucket * links_of(plan, run)->reduce_s;
  const double reduce_s = larger(exposed_s(system, links_of(plan, run)->reduce_s, times->backward_s), least_s);
  return reduce_s + larger(exposed_s(system, links_of(plan, run)->gather_s, times->forward_s),
                           run->last_bucket * links_of(plan, run)->gather_s);
}

/* What nothing hides. */
static double least_tail_s(const struct system_plan *plan, const struct device_run *run) {
  return plan->strategy.zero == 3 ? 0
                                  : run->last_bucket * (links_of(plan, run)->reduce_s + links_of(plan, run)->gather_s);
}

/* --- the bound ------------------------------------------------------------------------------------------------------
 */

double system_bound_s(const struct system *system, const struct system_plan *plan, const struct unit_cost *costs,
                      const struct network *network) {
  system_table(system, plan, costs);
  return system_tabled_bound_s(system, plan, network);
}

double system_tabled_bound_s(const struct system *system, const struct system_plan *plan,
                             const struct network *network) {
  time_links(system, plan, network);
  const double m = (double)plan->n_microbatches;
  /* The ramps cross devices in order only where chunks lie round robin. */
  const bool ramps = plan->schedule->place == NULL && !plan->schedule->uses_span;
  double prefix_s = 0, pipeline_s = 0, longest_s = 0, first_tail_s = 0;
  for (size_t r = 0; r < plan->n_runs; r++) {
    const struct device_run *run = &plan->runs[r];
    struct phase_times own, first;
    double unused, update_s;
    system_time_blocks(system, plan, run->blocks, &own);
    first = own;
    if (plan->problem.n_chunks > 1) system_time_blocks(system, plan, run->first_blocks, &first);
    add_sharding(system, plan, run, 1, &own, &unused);
    const double load_s = m * (own.forward_s + own.backward_s);
    const double end_s = tail_s(system, plan, run, &own, &update_s) + update_s;
    const double step_forward_s = first.forward_s + links_of(plan, run)->send_forward_s;
    const double step_back_s = plan->is_torn ? first.data_s : first.backward_s;
    const double step_s = step_forward_s + step_back_s + links_of(plan, run)->send_backward_s;
    /* Of several chunks a walk passes the first alone, and cannot be relied on to make up for what a longer backward
     * pass of the others hides. */
    if (r == 0) first_tail_s = plan->problem.n_chunks == 1 ? end_s : least_tail_s(plan, run);
    /* Of a run's devices the last waits longest. */
    const double before_s = ramps ? prefix_s + (run->n - 1) * step_s : 0;
    const double core_s = plan->is_torn ? m * (own.forward_s + own.data_s) : load_s;
    pipeline_s = larger(pipeline_s, larger(before_s + core_s, load_s));
    longest_s = larger(longest_s, load_s + end_s);
    prefix_s += run->n * step_s;
  }
  const double ends_s = plan->schedule->uses_span ? 0 : pipeline_s + first_tail_s;
  const double all_s = larger(larger(longest_s, ends_s), pipeline_s) + tied_s(plan);
  return all_s * (1 + system->model.law->iteration_overhead) * (1 - BOUND_SLACK);
}

double system_beat_s(const struct system *system, const struct system_plan *plan, const struct device_run *run,
                     const struct unit_cost *costs, const struct network *network) {
  struct phase_times times;
  double unused;
  time_links(system, plan, network);
  system_table(system, plan, costs);
  system_time_blocks(system, plan, run->blocks, &times);
  add_sharding(system, plan, run, 1, &times, &unused);
  return (double)plan->n_microbatches * (times.forward_s + times.backward_s);
}

double system_load_s(const struct system *system, const struct system_plan *plan, const struct device_run *run,
                     const struct unit_cost *costs, const struct network *network) {
  struct phase_times times;
  double unused, update_s;
  time_links(system, plan, network);
  system_table(system, plan, costs);
  system_time_blocks(system, plan, run->blocks, &times);
  add_sharding(system, plan, run, 1, &times, &unused);
  const double tail = tail_s(system, plan, run, &times, &update_s);
  return (double)plan->n_microbatches * (times.forward_s + times.backward_s) + tail + update_s;
}

/* --- by simulation --------------------------------------------------------------------------------------------------
 */

/* Upwards: no task is shorter than its operators, and what is left of an iteration is waiting. */
static uint64_t ps_of(double seconds) { return seconds < 9e6 ? (uint64_t)ceil(seconds * 1e12) : UINT64_MAX >> 8; }

static const struct unit_cost *costs_at(const struct stage_costs *stages, uint64_t device) {
  return stages->costs_of != NULL ? stages->costs_of[device] : stages->costs;
}
static const struct network *network_at(const struct stage_costs *stages, uint64_t device) {
  return stages->network_of != NULL ? stages->network_of[device] : stages->network;
}

static void fill_stages(const struct system *system, const struct system_plan *plan, const struct stage_costs *stages) {
  const size_t n_blocks = plan->cut->chain.n_blocks;
  const uint64_t p = plan->problem.n_devices;
  const struct unit_cost *tabled = NULL;
  for (uint64_t device = 0; device < p; device++) {
    const struct device_run *run = &plan->runs[plan->run_of[device]];
    const struct unit_cost *costs = costs_at(stages, device);
    const struct network *network = network_at(stages, device);
    struct phase_times all;
    if (costs != tabled) system_table(system, plan, costs);
    tabled = costs;
    system_time_blocks(system, plan, run->blocks, &all);
    if (plan->strategy.zero == 3) time_links(system, plan, network);
    for (uint64_t chunk = 0; chunk < plan->problem.n_chunks; chunk++) {
      const uint64_t part = pipeline_place(plan->schedule, &plan->problem, chunk, device);
      struct phase_times own;
      double unused;
      system_time_blocks(system, plan, plan->blocks + part * n_blocks, &own);
      const double work_s = all.forward_s + all.backward_s;
      add_sharding(system, plan, run, work_s > 0 ? (own.forward_s + own.backward_s) / work_s : 0, &own, &unused);
      struct pipeline_stage *stage = &plan->stages[chunk * p + device];
      *stage = (struct pipeline_stage){.forward_ps = ps_of(own.forward_s),
                                       .backward_ps = ps_of(own.backward_s),
                                       .backward_data_ps = ps_of(plan->is_torn ? own.data_s : own.backward_s),
                                       .backward_weight_ps = ps_of(own.weight_s)};
      /* Chunks side by side on one device hand over in place. */
      const bool alone = p == 1;
      if (!alone && part + 1 < plan->n_parts) {
        stage->send_forward_ps = ps_of(send_s(system, plan, network, plan->in_bytes[part + 1]));
      }
      if (!alone && part > 0) stage->send_backward_ps = ps_of(send_s(system, plan, network, plan->in_bytes[part]));
    }
  }
}

void system_time(struct system *system, const struct system_plan *plan, const struct stage_costs *stages,
                 struct system_result *result, struct pipeline_result *pipeline) {
  *result = (struct system_result){0};
  fill_stages(system, plan, stages);
  struct pipeline_result own = {0};
  struct pipeline_result *simulated = pipeline != NULL ? pipeline : &own;
  const struct arena_mark mark = arena_get_mark(&system->own);
  if (!pipeline_simulate(plan->schedule, &plan->problem, pipeline != NULL, &system->own, simulated)) {
    BUG("schedule %s waits for itself", plan->schedule->name);
  }
  const double m = (double)plan->n_microbatches;
  const struct unit_cost *tabled = NULL;
  double busiest_s = -1, end_s = 0, work_s = 0;
  for (uint64_t device = 0; device < plan->problem.n_devices; device++) {
    const struct device_run *run = &plan->runs[plan->run_of[device]];
    struct phase_times times;
    double sharding_s, update_s;
    time_links(system, plan, network_at(stages, device));
    if (costs_at(stages, device) != tabled) system_table(system, plan, costs_at(stages, device));
    tabled = costs_at(stages, device);
    system_time_blocks(system, plan, run->blocks, &times);
    const double plain_s = times.forward_s + times.backward_s;
    add_sharding(system, plan, run, 1, &times, &sharding_s);
    const double tail = tail_s(system, plan, run, &times, &update_s);
    const uint64_t last_ps = plan->schedule->uses_span ? simulated->span_ps : simulated->end_ps[device];
    end_s = larger(end_s, 1e-12 * (double)last_ps + tail + update_s);
    work_s += m * plain_s + update_s;
    if (m * plain_s + tail + update_s <= busiest_s) continue;
    busiest_s = m * plain_s + tail + update_s;
    result->slowest_stage = device;
    result->part_s[SYSTEM_COMPUTE] = m * (plain_s - times.link_s);
    result->part_s[SYSTEM_COLLECTIVES] = m * times.link_s;
    result->part_s[SYSTEM_DATA_EXPOSED] = m * sharding_s + tail + tied_s(plan);
    result->part_s[SYSTEM_UPDATE] = update_s;
  }
  if (pipeline == NULL) arena_rewind(&system->own, mark);
  end_s += tied_s(plan);
  result->part_s[SYSTEM_OVERHEAD] = end_s * system->model.law->iteration_overhead;
  result->iteration_s = end_s + result->part_s[SYSTEM_OVERHEAD];
  double parts_s = 0;
  for (unsigned part = 0; part < N_SYSTEM_PARTS; part++) {
    if (part != SYSTEM_BUBBLE) parts_s += result->part_s[part];
  }
  result->part_s[SYSTEM_BUBBLE] = larger(result->iteration_s - parts_s, 0);
  const double in_a_row = (double)plan->strategy.degrees.pipeline;
  const double side_by_side = (double)plan->n_devices / in_a_row;
  result->waiting_device_s = side_by_side * larger(in_a_row * result->iteration_s - work_s, 0);
  result->worst_stage = plan->runs[plan->fullest].first;
  result->memory = plan->runs[plan->fullest].memory;
  result->memory_bytes = plan->runs[plan->fullest].memory_bytes;
}

/* A device's tasks follow each other in an order that its times do not change, so that no task ends sooner because
 * another one takes longer. Left out, as they may shrink meanwhile: traffic that longer passes hide, and with it ZeRO-3
 * in several chunks, which share a device's traffic by their work. A span is at least what the first place's device
 * takes, since that one begins at once. */
double system_simulated_bound_s(struct system *system, const struct system_plan *plan, const struct unit_cost *costs,
                                const struct network *network) {
  const struct stage_costs stages = {.costs = costs, .network = network};
  struct pipeline_result simulated;
  if (plan->problem.n_devices == 1 || plan->schedule->place != NULL) return 0; /* the order of a V looks at times */
  if (plan->strategy.zero == 3 && plan->problem.n_chunks > 1) return 0;
  fill_stages(system, plan, &stages);
  const struct arena_mark mark = arena_get_mark(&system->own);
  if (!pipeline_simulate(plan->schedule, &plan->problem, false, &system->own, &simulated)) {
    BUG("schedule %s waits for itself", plan->schedule->name);
  }
  time_links(system, plan, network);
  double end_s = 0;
  for (size_t r = 0; r < plan->n_runs; r++) {
    const struct device_run *run = &plan->runs[r];
    struct phase_times times;
    uint64_t last_ps = simulated.end_ps[0];
    for (uint32_t s = run->first; !plan->schedule->uses_span && s < run->first + run->n; s++) {
      last_ps = s == run->first ? simulated.end_ps[s] : max_u64(last_ps, simulated.end_ps[s]);
    }
    system_time_blocks(system, plan, run->blocks, &times);
    const double behind_s = least_tail_s(plan, run) + times.update_s * run->updated_share;
    end_s = larger(end_s, 1e-12 * (double)last_ps + behind_s);
  }
  arena_rewind(&system->own, mark);
  return (end_s + tied_s(plan)) * (1 + system->model.law->iteration_overhead) * (1 - BOUND_SLACK);
}
