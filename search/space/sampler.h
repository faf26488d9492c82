/* Which points may a search still ask? What model-based and population-based searches share.
 *
 * A point is *open* if limits allow it and nobody has asked for it yet. What the screen said is remembered, so that a
 * point that comes up again costs a look-up. The screen's bounds are not used: these searches are the yardstick for one
 * that does use them. */
#ifndef SEARCH_SPACE_SAMPLER_H
#define SEARCH_SPACE_SAMPLER_H

#include "base/rng.h"
#include "search/space/space.h"

struct sampler;
/* In the request's arena. */
struct sampler *sampler_new(const struct search_request *request);
/* Forgets what has been offered. */
void sampler_begin(struct sampler *sampler);
/* Is the point open, and the first time that it is offered since sampler_begin? */
bool sampler_offer(struct sampler *sampler, const struct point *point);
/* Offers uniform draws until one is taken. False: so many draws were in vain, one after the other, that (nearly) no
 * point is open, or the run is to stop. */
bool sampler_draw(struct sampler *sampler, struct rng *rng, struct point *point);
/* A point that has been offered is asked now, and never open again. */
void sampler_ask(struct sampler *sampler, const struct point *point);
/* Would limits exclude the point? */
bool sampler_allows(struct sampler *sampler, const struct point *point);
/* How often the screen has been looked at so far. */
uint64_t sampler_screened(const struct sampler *sampler);

/* Moves one axis by −most … most steps other than 0, kept inside; axes of categories jump anywhere. */
void sampler_step(const struct space *space, struct rng *rng, uint64_t most, size_t axis, struct point *point);

#endif
