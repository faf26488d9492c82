/* How do devices share the layers of a model?
 *
 * Each of p ranks takes some of the layers in a row: the graph is cut (block.h), not rewritten. Where the number of
 * layers is known, every stage needs one; an embedding and a head may be stages of their own. Which layers go where is
 * the system model's business. */
#include "workloads/split.h"

enum { ENDS = 2 /* embedding and head */ };

static uint64_t degree(const struct split_degrees *degrees) { return degrees->pipeline; }

static bool applies(const struct op_graph *forward, const struct split_degrees *degrees, struct error *error) {
  const uint64_t layers = forward->facts.layers;
  if (layers == 0 || degrees->pipeline <= layers + ENDS) return true;
  return error_add(error, STATUS_INPUT,
                   "pipeline: %llu stages are more than the %llu layers, embedding and head, allowed is at most %llu",
                   (unsigned long long)degrees->pipeline, (unsigned long long)layers,
                   (unsigned long long)(layers + ENDS));
}

const struct split_strategy split_pipeline = {
    "pipeline", "Layers in a row; operators stay as they are, the graph is cut between layers.", degree, applies, NULL};
