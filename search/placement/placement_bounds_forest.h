/* The cheapest placement along a forest, at given prices of time: the inside of the load bound. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_BOUNDS_FOREST_H
#define SEARCH_PLACEMENT_PLACEMENT_BOUNDS_FOREST_H

#include "search/placement/placement_bounds_private.h"

struct placement_forest {
  const struct placement_costs *costs;
  const struct placement_load *load;
  const uint32_t *last_on; /* [n_devices] of layers that are no members; NULL: whatever suits */
  uint32_t *parent;        /* [n_layers] the reader joined with, PLACEMENT_NONE: a root */
  double *value;           /* [n_layers * n_devices] of the tree below */
  int32_t *choice;         /* [n_layers * n_devices] the row of in_edge found on the device */
  double *apart;           /* [n_layers] the tree's least value if its reader stands elsewhere */
  uint32_t *apart_at;      /* [n_layers] there */
  uint32_t *device;        /* [n_layers] of the cheapest placement */
  double *duration_s;      /* [n_layers] in it */
  bool *writes;            /* [n_layers] in it */
  double *load_s;          /* [n_devices] in it */
  double *use;             /* [n_devices] memory used in it */
  double *share;           /* [n_layers] of memory: granules or bytes */
  double *room;            /* [n_devices] INFINITY: enough */
};
/* Weights of one mean: of devices, of layers (by paths), of paths, prices of memory; of windows, and of a layer on a
 * device by these (both NULL: no windows). */
struct placement_weights {
  double *device, *layer, *path, *memory, *window, *at;
};

void placement_forest_init(struct placement_forest *forest, const struct placement_costs *costs,
                           const struct placement_load *load, struct arena *arena);
/* The least sum of all members' costs under the weights; then the placement behind it: device, duration_s, load_s, use.
 */
double placement_forest_solve(struct placement_forest *forest, const struct placement_weights *weights);
void placement_forest_place(struct placement_forest *forest, const struct placement_weights *weights);
/* What a second of the layer's time on the device costs. */
static inline double placement_price(const struct placement_forest *forest, const struct placement_weights *weights,
                                     size_t layer, size_t device) {
  const double price = weights->device[device] + weights->layer[layer];
  return weights->at == NULL ? price : price + weights->at[placement_at(forest->costs->problem, layer, device)];
}
static inline bool placement_is_member(const struct placement_load *load, size_t layer) {
  return load->member == NULL || load->member[layer];
}

#endif
