/* Pieces of a chain to devices, each of which takes some that follow each other. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_PIECES_H
#define SEARCH_PLACEMENT_PLACEMENT_PIECES_H

#include "search/placement/placement_build.h"

/* Places all layers, with a largest computation of a device as small as goes by halving. False: no such split of the
 * chain in its order was found. Uses the build's state. */
bool placement_deal_pieces(struct placement_build *build);

#endif
