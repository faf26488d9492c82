/* In which order do devices run their layers, while a search moves blocks of them about?
 *
 * Lists a device, and one linear order of all layers that respects edges and lists: times then follow in one sweep, and
 * a change concerns only what lies behind it. A move that would need a circle is found while the linear order is mended
 * (as by Pearce and Kelly 2006, "A dynamic topological sort algorithm for directed acyclic graphs": only the stretch
 * between the two ends is reordered). All that is done since a mark can be undone. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_ORDERS_H
#define SEARCH_PLACEMENT_PLACEMENT_ORDERS_H

#include "search/placement/placement.h"

struct placement_orders {
  const struct placement_problem *problem;
  uint32_t *device, *before, *after; /* [n_layers] neighbours on the device, or PLACEMENT_NONE */
  uint32_t *first, *last;            /* [n_devices] or PLACEMENT_NONE */
  uint32_t *rank, *at;               /* [n_layers] place in the linear order, and who is there */
  bool *marked;                      /* [n_layers] all false between calls */
  uint32_t *moved, *log;             /* room for a stretch; what can be undone */
  size_t n_log, room;
};
void placement_orders_init(struct placement_orders *orders, const struct placement_problem *problem,
                           struct arena *arena);
/* False: the answer has a circle. Forgets what could be undone. */
bool placement_orders_load(struct placement_orders *orders, const struct placement_answer *answer);
void placement_orders_save(const struct placement_orders *orders, struct placement_answer *answer);
/* Puts the layers from `from` to `to` of one device behind `behind` (PLACEMENT_NONE: at the front), no part of them,
 * on `device`. False: a circle, or no room to log; to be undone. */
bool placement_orders_move(struct placement_orders *orders, uint32_t from, uint32_t to, uint32_t device,
                           uint32_t behind);
/* The last layer of the device before `layer` in the linear order, other than itself. */
uint32_t placement_orders_find(const struct placement_orders *orders, uint32_t layer, uint32_t device);
void placement_orders_undo(struct placement_orders *orders);
static inline void placement_orders_mark(struct placement_orders *orders) { orders->n_log = 0; }

#endif
