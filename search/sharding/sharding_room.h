/* Can the boards hold the layers at all, however they are sharded? */
#ifndef SEARCH_SHARDING_SHARDING_ROOM_H
#define SEARCH_SHARDING_SHARDING_ROOM_H

#include "search/sharding/sharding.h"

struct sharding_room {
  bool lacks;                      /* there is no sharding that fits; else there may be one or not */
  bool alone;                      /* the layer does not even fit on a set that runs nothing else */
  uint32_t layer;                  /* that takes most besides what lasts */
  uint64_t need_bytes, room_bytes; /* at least, and there: of all boards; alone: of the board that lacks least */
};
void sharding_room(const struct sharding_problem *problem, struct arena *scratch, struct sharding_room *room);

#endif
