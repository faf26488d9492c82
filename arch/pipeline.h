/* How long does a pipeline of stages take for its microbatches, and what must each device keep meanwhile?
 *
 * A schedule is a total order of tasks on every device; one simulation of events runs any order, with unequal stages
 * and delays between them. Times are whole picoseconds, so that closed forms can be compared exactly.
 * (accelerator-search §9, workloads §9; arXiv 2104.04473, 2401.10241.) */
#ifndef ARCH_PIPELINE_H
#define ARCH_PIPELINE_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One chunk of layers on one device, for one microbatch. */
struct pipeline_stage {
  uint64_t forward_ps;
  uint64_t backward_ps; /* both gradients; schedules that tear them apart use the two below instead */
  uint64_t backward_data_ps, backward_weight_ps;
  uint64_t send_forward_ps;  /* until the next chunk has the activation; 0 for the last, and where the next chunk is on
                                the same device (p = 1, the turn of a V): the caller knows, nothing is guessed here */
  uint64_t send_backward_ps; /* until the chunk before has the gradient; 0 for the first, and as above */
  uint64_t kept_bytes;       /* from the start of its forward task to the end of its backward (or weight) task */
};

struct pipeline_problem {
  uint64_t n_devices, n_chunks, n_microbatches; /* p, v, m */
  const struct pipeline_stage *stages;          /* [n_chunks * n_devices]: chunk c of device s at c·p + s, which is its
                                                   place in the chain of layers too (round robin); of a V-shaped
                                                   schedule the place is the schedule's to say (`place`) */
};

enum pipeline_phase { PIPELINE_FORWARD, PIPELINE_BACKWARD, PIPELINE_WEIGHT, N_PIPELINE_PHASES };
extern const char *const pipeline_phase_names[N_PIPELINE_PHASES];

struct pipeline_task { /* for traces */
  uint64_t start_ps, end_ps;
  uint32_t device, chunk, microbatch;
  uint8_t phase; /* enum pipeline_phase; BACKWARD is both gradients unless the schedule tears them apart */
};

struct pipeline_result {
  uint64_t makespan_ps;        /* first start to last end */
  uint64_t span_ps;            /* longest first start to last end of one device: the period of zero-bubble schedules */
  uint64_t busy_ps;            /* of the busiest device */
  uint64_t *end_ps;            /* [p] last end on each device; in the caller's scratch, as the next two */
  uint64_t *peak_kept;         /* [p] most microbatch-chunks kept at once */
  uint64_t *peak_bytes;        /* [p] */
  struct pipeline_task *tasks; /* NULL unless asked for; in order of start */
  size_t n_tasks;
};

struct pipeline_schedule {
  const char *name, *doc;
  bool has_chunks; /* v > 1 allowed */
  bool tears;      /* backward in two tasks */
  bool uses_span;  /* its time is the span (no optimizer barrier), not the makespan */
  /* NULL: any; else a message ("interleaved: 10 microbatches are no multiple of 4 devices"). */
  bool (*applies)(const struct pipeline_problem *problem, struct error *error);
  /* Place in the chain of chunk c of device s; NULL: c·p + s. */
  uint64_t (*place)(const struct pipeline_problem *problem, uint64_t chunk, uint64_t device);
  /* The order of one device: fills `order` (3·v·m entries at most), returns how many. Times of the problem may be
   * looked at (ZB-V); allocates nothing. */
  size_t (*order)(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order);
  /* Closed form for equal stages without delays; 0: there is none. */
  uint64_t (*closed_ps)(const struct pipeline_problem *problem);
  uint64_t (*closed_kept)(const struct pipeline_problem *problem, uint64_t device); /* chunk-microbatches; 0: none */
  /* Of schedules that repeat; NULL: it does not. q = period, h = reach, both of a problem's devices and chunks alone.
   * On every device the task before (phase, chunk, microbatch i) in the order of m microbatches is one of a microbatch
   * at most h away; for i < m − h it is the same for every larger m; for i ≥ h that of m + q microbatches puts
   * everything q microbatches later before the task q microbatches later. Then a long pipeline is a short one and so
   * many rounds, which need not be simulated. */
  uint64_t (*period)(const struct pipeline_problem *problem);
  uint64_t (*reach)(const struct pipeline_problem *problem);
};
#define PIPELINE(name) extern const struct pipeline_schedule pipeline_##name;
#include "arch/pipelines.def"
#undef PIPELINE
extern const struct pipeline_schedule *const pipeline_schedules[];
extern const char *const pipeline_schedule_names[]; /* ends with NULL */
extern const size_t n_pipeline_schedules;

/* p, v and m that can be simulated, chunks where the schedule knows them, and its own `applies`. False: why not. */
bool pipeline_applies(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                      struct error *error);
/* Place in the chain of layers, 0 … v·p − 1. */
uint64_t pipeline_place(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                        uint64_t chunk, uint64_t device);
/* Of a problem that the schedule applies to. O(p·v·m), less where the schedule repeats and no tasks are asked for: the
 * answer is the same to the picosecond. Times stick at UINT64_MAX. Arrays stay in `scratch`,
 * nothing else does. False: the orders wait for each other in a circle (a bug of a schedule). The time that counts is
 * span_ps where the schedule says so, else makespan_ps. */
bool pipeline_simulate(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                       bool with_tasks, struct arena *scratch, struct pipeline_result *result);
static inline uint64_t pipeline_time_ps(const struct pipeline_schedule *schedule,
                                        const struct pipeline_result *result) {
  return schedule->uses_span ? result->span_ps : result->makespan_ps;
}
/* No schedule without tearing is faster: filling, the device's own work, draining. Chunks round robin. */
uint64_t pipeline_bound_ps(const struct pipeline_problem *problem);
/* No order of this schedule's kind (where its chunks are, torn or not, span or makespan) is faster. */
uint64_t pipeline_bound_of_ps(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem);

#endif
