/* What the files of the design space share among themselves: design_space.c lays out, design_score.c judges
 * with design_limits.c, design_box.c bounds boxes, design_advice.c advises. */
#ifndef DSE_DESIGN_PRIVATE_H
#define DSE_DESIGN_PRIVATE_H

#include "dse/design/design_space.h"

/* A key of an accelerator, by the offset of its member. */
uint64_t *design_field(struct accelerator *accelerator, size_t offset);

/* The functions of struct space; the context is a struct design_space. */
void design_space_evaluate(void *context, const struct point *point, struct score *score);
void design_space_screen(void *context, const struct point *point, struct score *score);
void design_space_refine(void *context, const struct point *point, struct score *score);
double design_space_guess(void *context, const struct point *point, bool closely, struct score *score);
void design_space_excesses(void *context, const struct point *point, const struct score *screened, double *excess);

/* bound_box of struct space: design_box.c. `design_box_init` once the axes are laid out. */
void design_box_init(struct design_space *designs, struct arena *arena);
void design_space_bound_box(void *context, struct point *low, struct point *high, uint64_t *excluded,
                            struct score *score);

/* suggest of struct space: design_advice.c. */
void design_forward_init(struct design_space *designs, struct arena *arena);
void design_forward_release(struct design_space *designs);
void design_space_suggest(void *context, const struct point *point, struct score *score);
/* describe of struct space: design_features.c. */
void design_features_init(struct design_space *designs, struct arena *arena);

/* The best that each objective can be at a design (or at a set of them, of which it is the least in area and power),
 * from the floors on time and energy, designs->floors. Returns what stops it. */
enum stage_binding design_fill_bounds(const struct design_space *designs, const struct accelerator *accelerator,
                                      const struct stage_cost_of_design *design, double die_cost_usd,
                                      double *objective);

/* What all dies of a design cost; not finite: none can be made. The same at least for every design of the same node and
 * as many dies that is no smaller. 0 where nobody asks. */
double design_die_cost(const struct design_space *designs, const struct accelerator *accelerator,
                       const struct stage_cost_of_design *design);
double design_least_die_cost(const struct design_space *designs, const struct accelerator *accelerator,
                             const struct stage_cost_of_design *design);
/* The second whether anybody asks or not. */
double design_least_dies_usd(const struct design_space *designs, const struct accelerator *accelerator,
                             const struct stage_cost_of_design *design);
/* By how much an objective (or the best that it can be) leaves its range, 0: it does not. */
double design_range_excess(const struct design_space *designs, size_t objective, double value, bool is_bound);
/* Ranges and the throughput floor, by objectives or by bounds; and by how much one of them is missed. */
enum reason design_judge(const struct design_space *designs, const double *objective, bool are_bounds);
double design_judged_excess(const struct design_space *designs, const double *objective, enum reason reason);
/* The same by bounds; and where no strategy of a whole system is allowed, the limit that forbids them. */
enum reason design_judge_bounds(const struct design_space *designs, const double *objective, double *excess);
/* The names of the ranges' reasons. */
void design_name_ranges(const struct design_space *designs, struct reason_name *reasons, struct arena *arena);

/* Each workload's part in the first objective, where it takes so long (workload_set.h). */
void design_shares(const struct design_space *designs, const double *seconds, double *share);
/* Fills the moves of a feasible score, best first, and whether cores limit the schedule at all; from designs->results.
 */
void design_advise(const struct design_space *designs, const struct point *point, const struct accelerator *accelerator,
                   const struct stage_cost_of_design *design, struct score *score);

#endif
