/* A traced network as the public WHAM successors see it: its fused forward operators, each priced forward and backward
 * by their rules. Backward is the input gradient of a whole fused group: gradients of weights and the update are absent
 * from their time (accelerator-search §9, §11). */
#ifndef DSE_TRACED_MODEL_H
#define DSE_TRACED_MODEL_H

#include "arch/cost.h"
#include "workloads/json_graph.h"

enum { TRACED_ELEMENT_BYTES = 2 };
enum traced_pass { TRACED_FORWARD, TRACED_BACKWARD, N_TRACED_PASSES };

struct traced_model {
  const char *name; /* the file's, without folder and ending */
  struct trace_facts facts;
  struct op_graph graph;       /* forward, fused */
  const uint64_t *parameters;  /* [facts.n_layers + 2]: outside the layers, of each, of what the network has once */
  size_t n_ids;                /* = graph.n_ops */
  const struct traced_id *ids; /* sorted */
};
struct traced_id {
  uint64_t id;
  size_t op;
};

/* `once`: a trace of one layer without the final norm, head and loss, which public traces hold in it; their operators
 * are then of layer facts.n_layers. */
bool traced_model_load(const char *path, bool once, struct arena *arena, struct arena *scratch,
                       struct traced_model *model, struct error *error);
/* Place in `graph` of the op that the trace calls `id` (of its head, where it is fused); SIZE_MAX: there is none. */
size_t traced_model_op(const struct traced_model *model, uint64_t id);
/* Cycles of an op of the fused graph on `n_cores` of each class it needs. Links: 2(n−1)/n·bytes/rate in the pass that
 * has the traffic, `rate` in bytes a cycle. */
uint64_t traced_op_cycles(const struct machine *machine, const struct op_graph *graph, size_t op, enum traced_pass pass,
                          uint64_t n_cores);
uint64_t traced_link_cycles(const struct op *op, enum traced_pass pass, double rate);
/* The same law in seconds for any number of ranks: what the public AR rows are compared with. */
double traced_link_s(uint64_t bytes, uint64_t ranks, double bytes_per_s);

/* 4·1024³ B/s, the links of the public code (accelerator-search §2). */
extern const double traced_link_bytes_per_s;

#endif
