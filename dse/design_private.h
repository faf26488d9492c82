/* What the files of the design space share among themselves: design_space.c lays out, design_score.c judges,
 * design_advice.c advises. */
#ifndef DSE_DESIGN_PRIVATE_H
#define DSE_DESIGN_PRIVATE_H

#include "dse/design_space.h"

/* A key of an accelerator, by the offset of its member. */
uint64_t *design_field(struct accelerator *accelerator, size_t offset);

/* The functions of struct space; the context is a struct design_space. */
void design_space_evaluate(void *context, const struct point *point, struct score *score);
void design_space_screen(void *context, const struct point *point, struct score *score);
void design_space_refine(void *context, const struct point *point, struct score *score);
void design_space_excesses(void *context, const struct point *point, const struct score *screened, double *excess);

/* bound_box of struct space: design_box.c. `design_box_init` once the axes are laid out. */
void design_box_init(struct design_space *designs, struct arena *arena);
void design_space_bound_box(void *context, struct point *low, struct point *high, uint64_t *excluded,
                            struct score *score);

/* The best that each objective can be at a design (or at a set of them, of which it is the least in area and power),
 * from the floor on time and energy. */
void design_fill_bounds(const struct design_space *designs, const struct accelerator *accelerator,
                        const struct stage_cost_of_design *design, uint64_t cycles, double energy_j, double *objective);

/* Fills the moves of a feasible score, best first, and whether cores limit the schedule at all. */
void design_advise(const struct design_space *designs, const struct point *point, const struct accelerator *accelerator,
                   const struct stage_cost_of_design *design, const struct stage_result *result, struct score *score);

#endif
