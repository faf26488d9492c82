/* Below which time does no order of tasks bring a pipeline?
 *
 * Source: accelerator-search §9 for one chunk a device; with more chunks, torn backward passes and spans it is ours.
 * A device's work waits for its first microbatch to come down from place 0, takes m times its tasks, and its last
 * gradient has to go back up to place 0. A single microbatch walks the whole way, and at each place the others follow
 * it one by one. Left out: that a device may have nothing to do while it waits for the first gradient, although forward
 * tasks do not suffice to fill that time. */
#include "arch/pipeline_private.h"

/* A chain of layers with the work of its places, and how far a walk along it has come. */
struct walk {
  const struct pipeline_schedule *schedule; /* NULL: any without tearing, chunks round robin */
  const struct pipeline_problem *problem;
  bool tears;
  uint64_t whole_ps;            /* of one microbatch: forward and backward, all places */
  uint64_t down_ps, up_ps;      /* of it: before the forward task of the present place, behind its backward task */
  uint64_t first_weight_ps;     /* of place 0, behind everything else; 0 if not torn */
  uint64_t forward_ps, data_ps; /* of the present place, as weight_ps */
  uint64_t weight_ps;
};

static uint64_t place_of(const struct walk *walk, uint64_t chunk, uint64_t device) {
  if (walk->schedule != NULL) return pipeline_place(walk->schedule, walk->problem, chunk, device);
  return chunk * walk->problem->n_devices + device;
}

/* Which stage is at this place? */
static uint64_t stage_at(const struct walk *walk, uint64_t place) {
  const uint64_t p = walk->problem->n_devices, n_places = p * walk->problem->n_chunks;
  if (walk->schedule == NULL || walk->schedule->place == NULL) return place;
  for (uint64_t i = 0; i < n_places; i++)
    if (place_of(walk, i / p, i % p) == place) return i;
  REQUIRE(false);
  return 0;
}

static uint64_t backward_ps(const struct walk *walk, const struct pipeline_stage *stage) {
  return walk->tears ? stage->backward_data_ps : stage->backward_ps;
}

static struct walk begin_walk(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem) {
  struct walk walk = {.schedule = schedule, .problem = problem, .tears = schedule != NULL && schedule->tears};
  const uint64_t n_places = problem->n_devices * problem->n_chunks;
  for (uint64_t i = 0; i < n_places; i++) {
    const struct pipeline_stage *const stage = &problem->stages[i];
    const uint64_t place = place_of(&walk, i / problem->n_devices, i % problem->n_devices);
    const uint64_t sent_ps = sat_add(place + 1 < n_places ? stage->send_forward_ps : 0, //
                                     place > 0 ? stage->send_backward_ps : 0);
    walk.whole_ps = sat_add(walk.whole_ps, sat_add(stage->forward_ps, backward_ps(&walk, stage)));
    walk.whole_ps = sat_add(walk.whole_ps, sent_ps);
    if (place == 0 && walk.tears) walk.first_weight_ps = stage->backward_weight_ps;
  }
  return walk;
}

/* All tasks of one microbatch on a device; 0 if an earlier place is there too, where they are counted. */
static uint64_t device_ps(const struct walk *walk, uint64_t device, uint64_t place, bool with_weight) {
  uint64_t sum_ps = 0;
  for (uint64_t c = 0; c < walk->problem->n_chunks; c++) {
    const struct pipeline_stage *const stage = &walk->problem->stages[c * walk->problem->n_devices + device];
    if (place_of(walk, c, device) < place) return 0;
    sum_ps = sat_add(sum_ps, sat_add(stage->forward_ps, backward_ps(walk, stage)));
    if (with_weight && walk->tears) sum_ps = sat_add(sum_ps, stage->backward_weight_ps);
  }
  return sum_ps;
}

/* First start to last end of all devices: what place `place` of the walk says. */
static uint64_t makespan_at(const struct walk *walk, uint64_t device, uint64_t place) {
  const uint64_t m = walk->problem->n_microbatches;
  const uint64_t follow_ps = sat_mul(m - 1, max_u64(walk->forward_ps, walk->data_ps));
  const uint64_t way_ps = sat_add(sat_add(walk->whole_ps, follow_ps), walk->first_weight_ps);
  uint64_t work_ps = sat_add(sat_mul(m, device_ps(walk, device, place, false)), walk->up_ps);
  work_ps = sat_add(work_ps, walk->first_weight_ps);
  work_ps = max_u64(work_ps, sat_mul(m, device_ps(walk, device, place, true)));
  return max_u64(way_ps, sat_add(walk->down_ps, work_ps));
}

/* First start to last end of the device at this place. */
static uint64_t span_at(const struct walk *walk, uint64_t device, uint64_t place) {
  const uint64_t m = walk->problem->n_microbatches;
  const uint64_t below_ps = walk->whole_ps - sat_add(walk->down_ps, walk->up_ps);
  const uint64_t follow_ps = sat_mul(m - 1, max_u64(walk->forward_ps, walk->data_ps));
  return max_u64(sat_mul(m, device_ps(walk, device, place, true)),
                 sat_add(sat_add(below_ps, follow_ps), walk->weight_ps));
}

static uint64_t bound_of(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem) {
  struct walk walk = begin_walk(schedule, problem);
  const uint64_t p = problem->n_devices;
  uint64_t bound_ps = 0;
  for (uint64_t place = 0; place < p * problem->n_chunks; place++) {
    const uint64_t i = stage_at(&walk, place);
    const struct pipeline_stage *const stage = &problem->stages[i];
    walk.forward_ps = stage->forward_ps;
    walk.data_ps = backward_ps(&walk, stage);
    walk.weight_ps = walk.tears ? stage->backward_weight_ps : 0;
    if (place > 0) walk.up_ps = sat_add(walk.up_ps, stage->send_backward_ps);
    const bool counts_span = schedule != NULL && schedule->uses_span;
    bound_ps = max_u64(bound_ps, (counts_span ? span_at : makespan_at)(&walk, i % p, place));
    walk.down_ps = sat_add(walk.down_ps, sat_add(stage->forward_ps, stage->send_forward_ps));
    walk.up_ps = sat_add(walk.up_ps, walk.data_ps);
  }
  return bound_ps;
}

uint64_t pipeline_bound_ps(const struct pipeline_problem *problem) { return bound_of(NULL, problem); }

uint64_t pipeline_bound_of_ps(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem) {
  return bound_of(schedule, problem);
}
