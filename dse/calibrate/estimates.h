/* A table of published costs of operators, in the form in which NEST ships them: a row an operator and a number of
 * cores, with the cycles of both passes. Columns: setup, graph, layer, op_id, op, unit, cores, fwd_BxNxMxC,
 * bwd_BxNxMxC, fused_ops, out_shape, tensor_parallel, fwd_cycles, bwd_cycles. (accelerator-search §3, cost-model §4.)
 */
#ifndef DSE_ESTIMATES_H
#define DSE_ESTIMATES_H

#include "base/csv.h"
#include "dse/calibrate/traced_model.h"

enum { ESTIMATES_MAX_ROWS = 20000 };
enum estimate_unit { UNIT_TENSOR, UNIT_VECTOR, UNIT_LINK, N_ESTIMATE_UNITS };
extern const char *const estimate_unit_names[N_ESTIMATE_UNITS]; /* "TC", "VC", "AR" */
enum { SHAPE_BATCH, SHAPE_ROWS, SHAPE_COLUMNS, SHAPE_DEPTH, N_SHAPE_DIMS };

struct estimate {
  const char *setup, *graph;
  const char *op; /* of the head, without "fused ~~ " */
  const char *followers;
  int64_t layer; /* -1: outside */
  bool fused;
  enum estimate_unit unit;
  uint64_t id, cores, tensor_parallel;
  uint64_t shape[N_TRACED_PASSES][N_SHAPE_DIMS]; /* UNIT_TENSOR: what their mapper was asked */
  uint64_t out_rows, out_columns, out_elements;  /* of the head */
  double cycles[N_TRACED_PASSES];                /* UNIT_LINK: the raw latency */
};
struct estimates {
  const char *path;
  size_t n;
  const struct estimate *rows;
};
/* Every mistake at its line and column. */
bool estimates_read(const char *path, struct arena *arena, struct estimates *estimates, struct error *error);

/* Whether a name of theirs stands for a kind of ours. */
bool estimate_is_kind(const char *name, unsigned kind);
/* Whether the row's list of followers is that of our op: names and sizes of what each writes. */
bool estimate_same_followers(const struct estimate *row, const struct op_graph *graph, size_t op);
/* The product that their mapper is asked for an op of ours, by their rules with their defects (accelerator-search §11,
 * items 3 and 4): a Linear without its batch, a Bmm whose depth is its columns. */
void estimate_expected_shape(const struct estimate *row, const struct op *op, enum traced_pass pass,
                             uint64_t shape[N_SHAPE_DIMS]);
/* Published cycles of an op; a negative number if there is no such row. */
double estimates_find(const struct estimates *estimates, const char *graph, uint64_t id, uint64_t cores,
                      enum traced_pass pass);

#endif
