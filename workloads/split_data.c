/* How do devices share a batch?
 *
 * Each of d ranks computes its own samples on the same operators, so nothing is rewritten: what data parallelism and
 * its sharded state (ZeRO) cost is the system model's business (accelerator-search §9). Any graph may be copied; that d
 * divides the batch is judged where the batch is known. */
#include "workloads/split.h"

static uint64_t degree(const struct split_degrees *degrees) { return degrees->data; }

static bool applies(const struct op_graph *forward, const struct split_degrees *degrees, struct error *error) {
  (void)forward;
  (void)degrees;
  (void)error;
  return true;
}

const struct split_strategy split_data = {"data", "Samples of a batch; operators stay as they are.", degree, applies,
                                          NULL};
