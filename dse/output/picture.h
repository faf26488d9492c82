/* report.html and the traces of a finished run: the front, the best design's breakdown and its schedule to look at. */
#ifndef DSE_PICTURE_H
#define DSE_PICTURE_H

#include "dse/run/run.h"

/* Rank 0. The schedule shown has passed its judge. */
bool picture_publish(struct run *run, struct error *error);
/* What our area and power model is worth, in one sentence; stands beside every area and power we print. */
extern const char *const model_band;

#endif
