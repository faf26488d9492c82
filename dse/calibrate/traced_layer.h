/* How long does one layer of a traced network take on a design, by itself? Operators in both passes, one after the
 * other as their predecessors in the layer allow; edges from other layers are ignored, as the public successors do. */
#ifndef DSE_TRACED_LAYER_H
#define DSE_TRACED_LAYER_H

#include "arch/accelerator.h"
#include "dse/calibrate/estimates.h"

struct traced_prices {
  const struct machine *machine;
  const struct accelerator *accelerator;
  const struct estimates *published; /* NULL: ours; what it does not have is ours as well */
};
struct traced_time {
  uint64_t list_cycles; /* of a schedule on the cores there are */
  uint64_t path_cycles; /* critical path: no schedule is shorter */
};
/* `layer`: OP_ABSENT outside the layers. An operator takes one core of each class that it needs, or all (of a pair of
 * classes as many as the smaller one has). STATUS_INPUT: a graph that is too large. */
bool traced_layer_time(const struct traced_model *model, const struct traced_prices *prices, uint32_t layer,
                       enum traced_pass pass, struct arena *scratch, struct traced_time *time, struct error *error);

#endif
