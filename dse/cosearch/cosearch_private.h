/* What the files of a co-search share: cosearch.c prepares, cosearch_rounds.c searches. */
#ifndef DSE_COSEARCH_PRIVATE_H
#define DSE_COSEARCH_PRIVATE_H

#include "dse/cosearch/cosearch.h"

/* False: the template forbids it. */
bool cosearch_take_design(const struct run *run, const struct point *point, struct cosearch_design *design);
/* Designs behind those that are there, each once, without platforms of their own: number[n], UINT32_MAX where the
 * template forbids one or there are `room` of them. */
void cosearch_join(struct run *run, const struct point *points, size_t n, size_t room, uint32_t *number);
/* Of designs that are priced: the better of both mappings, and its bound; INFINITY: a job runs on none. By one rank. */
void cosearch_judge(struct run *run, const struct joint_platform *platform, double *makespan_cycles,
                    double *least_cycles);
/* What devices cost, and jobs on those that were added. */
void cosearch_fill_costs(struct run *run);
bool cosearch_price_jobs(struct run *run, struct error *error);
/* Where no design was trained, since no platform of one kind can be what is asked for: the most promising ones, whose
 * strategies the choice of designs by stage begins with. */
bool cosearch_train_first(struct run *run, struct error *error);
/* All of cosearch_search but the winner's mapping. */
bool cosearch_find(struct run *run, struct error *error);
/* As many devices of it as a platform may have. */
uint32_t cosearch_most(const struct cosearch *cosearch, const struct cosearch_design *design);
/* Only orders designs where there are too many: training on so many, times their arrays' peak. */
double cosearch_promise(const struct run *run, const struct cosearch_design *design, uint32_t most, double training);
/* Empties the set, with room for n designs; then one after the other, each point once. */
void cosearch_make_room(struct run *run, size_t n);
void cosearch_add(struct run *run, const struct cosearch_design *design, double training, bool trained);

/* Of a space that is too large to be looked through: the set's beginning, and its growth; false: it does not grow.
 * (cosearch_grow.c) */
void cosearch_take_heard(struct run *run);
bool cosearch_grow(struct run *run);

/* The search itself, of a problem that is stated; what came of it is in run->cosearch. False: failed, or
 * run->rounds.stopped. Collective. (cosearch_rounds.c) */
bool cosearch_rounds(struct run *run, struct error *error);
/* Its parts: a search of the problem as stated, of what is listed or offered alone; answers until it is done. */
void cosearch_start_search(struct run *run, bool offers_alone);
bool cosearch_go_on(struct run *run, struct error *error);
/* The winner's mapping, of both its searches the better, into run->tenants. */
bool cosearch_map_winner(struct run *run, struct error *error);

#endif
