/* How long does a training iteration take on a whole system of chips, under one strategy of spreading it?
 *
 * strategy → one device's forward graph for each microbatch size and split → chain of blocks → stages of the pipeline →
 * simulation of the pipeline, with exposed traffic of data parallelism and the update. Used by the global search, by
 * `dse calibrate e2e` and by every report alike. (accelerator-search §9, workloads §8–12.) */
#ifndef DSE_SYSTEM_H
#define DSE_SYSTEM_H

#include "arch/network.h"
#include "arch/pipeline.h"
#include "arch/stage.h"
#include "workloads/block.h"
#include "workloads/split.h"
#include "workloads/workload.h"

/* Layers to stages: as even a number of layers each as there can be (the first ones have more), or so that the stage
 * with the most work has the least, within the memory of the largest design. */
enum system_partition { PARTITION_BALANCED, PARTITION_EQUAL };
extern const char *const system_partition_names[]; /* ends with NULL */

struct strategy {
  struct split_degrees degrees;
  uint64_t microbatch;   /* samples */
  uint64_t n_chunks;     /* of layers on one device (interleaved) */
  uint64_t schedule;     /* index into pipeline_schedules */
  uint64_t recompute;    /* enum recompute */
  uint64_t zero;         /* 0 … 3 */
  uint64_t partition;    /* enum system_partition */
  uint64_t global_batch; /* samples in one iteration */
};
/* "t8 p4 d32 b1 1f1b full zero1": for tables and messages. */
const char *strategy_text(const struct strategy *strategy, struct arena *arena);

/* Everything a prediction needs but designs and strategies; const while systems of it exist. */
struct system_model {
  struct workload_request workload; /* its batch is set by the strategy */
  const struct training_settings *training;
  const struct stage_settings *schedule;
  struct cost_settings *cost; /* of providers that read a file: read for each graph */
  const struct technology *technology;
  const struct network_settings *network;
  const struct system_law *law;
};

/* Group "system.law" of run files, and what `dse calibrate e2e` fits. */
struct system_law {
  bool overlap_data;         /* reduction of gradients behind the last microbatch's backward pass */
  double overlap_share;      /* of the time that could hide it, what does: 1 */
  double iteration_overhead; /* share of an iteration: 0 */
  double op_overhead_us;     /* fixed, per operator: 0 */
  double accumulation_share; /* of an update, what adding up the gradients of a microbatch takes: 0 */
  double overlap_tensor;     /* of collectives inside blocks, what can hide behind the blocks' operators: 0 */
  bool scatter_sends;        /* messages between stages are cut up among tensor ranks that all have them whole: false */
};
extern const struct field_table system_law_fields;

struct system; /* prepared blocks and stages of all strategies that were prepared; memoised by what they share */
struct system *system_new(const struct system_model *model, struct arena *arena, struct arena *scratch);
void system_release(struct system *system);
/* After a change of the settings that the model points to (none that graphs depend on): forgets what was priced. */
void system_refresh(struct system *system);

/* Generates, splits, cuts and expands what `strategy` needs and has not been there yet. STATUS_INPUT: why the strategy
 * is illegal for this model (then nothing is kept). Allocates; not inside an evaluation. */
struct system_plan; /* of one strategy */
bool system_prepare(struct system *system, const struct strategy *strategy, const struct system_plan **plan,
                    struct error *error);

enum system_binding {
  SYSTEM_COMPUTE, /* with what of each operator's time is memory inside */
  SYSTEM_COLLECTIVES,
  SYSTEM_BUBBLE,
  SYSTEM_DATA_EXPOSED,
  SYSTEM_UPDATE,
  SYSTEM_OVERHEAD,
  N_SYSTEM_PARTS
};
extern const char *const system_part_names[N_SYSTEM_PARTS];

struct system_memory { /* of one device of the fullest stage */
  uint64_t weights_bytes, gradients_bytes, optimizer_bytes, kept_bytes, working_bytes, buffers_bytes;
};

struct system_result {
  double iteration_s;
  double part_s[N_SYSTEM_PARTS]; /* of the slowest device; they add up to iteration_s */
  double energy_j;               /* of an iteration, all devices */
  double waiting_device_s;       /* device-seconds of an iteration in which nothing computes */
  bool fits;
  size_t worst_stage;               /* fullest in memory */
  uint64_t memory_bytes, hbm_bytes; /* of its device: needed, there is */
  struct system_memory memory;
  size_t slowest_stage;
};
/* What memory a device of the fullest stage needs, whatever the design. */
uint64_t system_plan_memory_bytes(const struct system_plan *plan);

/* One design on every stage. Deterministic; no allocation outside the system's own scratch. */
void system_evaluate(struct system *system, const struct system_plan *plan, const struct accelerator *accelerator,
                     struct system_result *result);

#endif
