/* What can no mapping and schedule of a design beat, and what none of a whole set of designs?
 *
 * Floors of operators alone, about a hundredth of the price of an evaluation: the longest path with each op's least
 * duration, per class of cores the work that it must do, bytes over the HBM, and the energy that follows. The designs
 * of a set may differ in numbers of cores and memories, of which more is never slower, and in the shapes of their
 * cores, for which no such rule holds: each combination of shapes is floored by itself. (accelerator-search §8.) */
#ifndef ARCH_STAGE_BOUND_H
#define ARCH_STAGE_BOUND_H

#include "arch/stage.h"

struct stage_floor {
  uint64_t cycles;            /* of one iteration */
  uint64_t likely_cycles;     /* a guess, no floor: what a schedule is likely to take; 0: not guessed (of sets) */
  enum stage_binding binding; /* which floor that is */
  double energy_j;            /* of one iteration */
};
/* One design, with a guess. */
void stage_bound(const struct stage *stage, const struct accelerator *accelerator,
                 const struct stage_cost_of_design *design, struct stage_scratch *scratch, struct stage_floor *floor);

/* One design, closer, for about a tenth of the price of an evaluation: bytes and work as its own mappings have them, on
 * one core an operator. Where operators do not spread, all that is left out is the schedule. */
void stage_refine(const struct stage *stage, const struct accelerator *accelerator,
                  const struct stage_cost_of_design *design, struct stage_scratch *scratch, struct stage_floor *floor);

/* One design, closest: all prices, but no schedule of them, which is seldom a percent longer. */
struct stage_closest {
  uint64_t cycles;      /* of one iteration */
  uint64_t link_cycles; /* in which the links are busy: those of every schedule */
};
void stage_bound_closest(const struct stage *stage, const struct accelerator *accelerator,
                         struct stage_scratch *scratch, struct stage_closest *closest);

/* Sums over a stage's operators for one combination of core shapes. */
struct stage_sums {
  uint64_t load_cycles[N_CORE_CLASSES]; /* core-cycles that each class must spend */
  uint64_t lane_cycles, hbm_bytes;
  uint64_t slots; /* MAC slots of busy arrays */
};

/* A set of designs that share clock, node and kind of memory: clear; for each combination of core shapes, `best` being
 * the design with the most cores, memories and links that has it, sum (which lowers the least durations of all so far);
 * then one path for all of them, and a floor for each combination. `least` is the design with the fewest. */
void stage_floors_clear(const struct stage *stage, struct stage_scratch *scratch);
void stage_floors_sum(const struct stage *stage, const struct accelerator *best, struct stage_scratch *scratch,
                      struct stage_sums *sums);
uint64_t stage_floors_path(const struct stage *stage, struct stage_scratch *scratch);
struct stage_corners {
  const struct accelerator *best, *least;
  const struct area_breakdown *least_area;
};
void stage_floors_end(const struct stage *stage, const struct stage_corners *corners, const struct stage_sums *sums,
                      uint64_t path_cycles, struct stage_floor *floor);

#endif
