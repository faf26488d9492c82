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
void design_space_excesses(void *context, const struct point *point, const struct score *screened, double *excess);

/* Fills the moves of a feasible score, best first, and whether cores limit the schedule at all. */
void design_advise(const struct design_space *designs, const struct point *point, const struct accelerator *accelerator,
                   const struct stage_cost_of_design *design, const struct stage_result *result, struct score *score);

#endif
