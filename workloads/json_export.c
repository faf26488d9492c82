/* How is a forward graph written as a file that reads back to the same digest?
 *
 * Nodes and edges in the form of the public traces, for others to read, with shapes as far as an op knows them; and in
 * each node the op as it is, for us. Ids are places in the graph, which is in topological order, so reading finds the
 * same order. Source: workloads §5. Left out: training graphs, fused ops. */
#include "base/checked.h"
#include "base/text.h"
#include "workloads/json_graph.h"
#include "workloads/json_record.h"
#include <stdlib.h>
#include <string.h>

/* The numbers of a record and where they lie in struct op. */
static const struct record_field {
  const char *key;
  size_t offset;
} record_fields[] = {
    {"parameters", offsetof(struct op, n_parameters)},   {"in_bytes", offsetof(struct op, in_bytes)},
    {"weight_bytes", offsetof(struct op, weight_bytes)}, {"out_bytes", offsetof(struct op, out_bytes)},
    {"kept_bytes", offsetof(struct op, kept_bytes)},
};
enum { N_RECORD_FIELDS = sizeof record_fields / sizeof *record_fields, NAME_BYTES = 512 };

/* Takes over `value`; a failure of memory leaves a gap that the caller notices. */
static bool put(json_t *object, const char *key, json_t *value) { return json_object_set_new(object, key, value) == 0; }

static json_t *number(uint64_t value) { return value > INT64_MAX ? NULL : json_integer((json_int_t)value); }

json_t *json_record_new(const struct op *op) {
  json_t *const record = json_object(), *const dim = json_array();
  bool good = put(record, "kind", json_string(op_kinds[op->kind].name)) &&
              put(record, "element_bytes", number(op->element_bytes)) &&
              put(record, "weighted", json_boolean(op->weighted));
  if (op->weight_group != OP_ABSENT) good = good && put(record, "weight_group", number(op->weight_group));
  if (op->n_frozen > 0) good = good && put(record, "frozen_parameters", number(op->n_frozen));
  for (size_t i = 0; i < OP_DIMS; i++) good = json_array_append_new(dim, number(op->dim[i])) == 0 && good;
  good = put(record, "dim", dim) && good;
  for (size_t i = 0; i < N_RECORD_FIELDS; i++) {
    uint64_t value;
    memcpy(&value, (const char *)op + record_fields[i].offset, sizeof value);
    good = put(record, record_fields[i].key, number(value)) && good;
  }
  if (good) return record;
  json_decref(record);
  return NULL;
}

static bool read_number(const json_t *from, uint64_t maximum, uint64_t *value) {
  if (!json_is_integer(from) || json_integer_value(from) < 0) return false;
  *value = (uint64_t)json_integer_value(from);
  return *value <= maximum;
}

static bool read_kind(const json_t *from, enum op_kind *kind) {
  const char *const name = json_string_value(from);
  for (size_t i = 0; name != NULL && i < N_OP_KINDS; i++)
    if (strcmp(op_kinds[i].name, name) == 0) {
      *kind = (enum op_kind)i;
      return true;
    }
  return false;
}

/* Bounds that later divisions and shifts rely on. */
static bool is_sane(const struct op *op) {
  if (op->element_bytes == 0) return false;
  if (op_kinds[op->kind].family != FAMILY_CONV) return true;
  return op->dim[DIM_STRIDE] > 0 && op->dim[DIM_GROUPS] > 0 && op->dim[DIM_FILTER_HEIGHT] > 0 &&
         op->dim[DIM_FILTER_WIDTH] > 0 && op->dim[DIM_IN_CHANNELS] % op->dim[DIM_GROUPS] == 0;
}

bool json_record_read(const json_t *record, struct op *op) {
  enum op_kind kind;
  uint64_t element_bytes, group = OP_ABSENT;
  const json_t *const dim = json_object_get(record, "dim"), *const weighted = json_object_get(record, "weighted");
  const json_t *const weight_group = json_object_get(record, "weight_group");
  const json_t *const frozen = json_object_get(record, "frozen_parameters");
  if (!read_kind(json_object_get(record, "kind"), &kind)) return false;
  if (!read_number(json_object_get(record, "element_bytes"), UINT8_MAX, &element_bytes)) return false;
  if (weight_group != NULL && !read_number(weight_group, OP_ABSENT - 1, &group)) return false;
  if (!json_is_boolean(weighted) || json_array_size(dim) != OP_DIMS) return false;
  *op = op_new(kind, element_bytes);
  op->weighted = json_is_true(weighted);
  op->weight_group = (uint32_t)group;
  for (size_t i = 0; i < OP_DIMS; i++)
    if (!read_number(json_array_get(dim, i), INT64_MAX, &op->dim[i])) return false;
  for (size_t i = 0; i < N_RECORD_FIELDS; i++) {
    uint64_t value;
    if (!read_number(json_object_get(record, record_fields[i].key), INT64_MAX, &value)) return false;
    memcpy((char *)op + record_fields[i].offset, &value, sizeof value);
  }
  if (frozen != NULL && !read_number(frozen, INT64_MAX, &op->n_frozen)) return false;
  return is_sane(op);
}

/* The shape of what an op writes, as far as it knows: NULL-terminated by 0, at most four dimensions. */
static json_t *out_shape(const struct op *op) {
  uint64_t dims[4] = {0};
  const enum op_family family = op_kinds[op->kind].family;
  if (family == FAMILY_GEMM) {
    dims[0] = op->dim[DIM_REPS];
    dims[1] = op->dim[DIM_M];
    dims[2] = op->dim[DIM_N];
  } else if (family == FAMILY_CONV) {
    dims[0] = op->dim[DIM_IMAGES];
    dims[1] = op->dim[DIM_OUT_CHANNELS];
    dims[2] = op_conv_out_height(op);
    dims[3] = op_conv_out_width(op);
  } else {
    dims[0] = op->element_bytes == 0 ? 0 : op->out_bytes / op->element_bytes;
  }
  json_t *const shape = json_array();
  for (size_t i = 0; i < 4 && dims[i] > 0 && dims[i] <= INT32_MAX; i++) json_array_append_new(shape, number(dims[i]));
  return shape;
}

static json_t *list_of(json_t *shape) {
  json_t *const list = json_array();
  if (json_array_size(shape) > 0)
    json_array_append_new(list, shape);
  else
    json_decref(shape);
  return list;
}

/* As somebody else would see it: the weights as one row. */
static json_t *weight_shapes(const struct op *op) {
  json_t *const shape = json_array();
  if (op->n_parameters > 0 && op->n_parameters <= INT32_MAX) json_array_append_new(shape, number(op->n_parameters));
  return list_of(shape);
}

static json_t *node_new(const struct op_graph *graph, size_t i) {
  const struct op *const op = &graph->ops[i];
  char name[NAME_BYTES];
  text_escape(op_name(graph, i), name, sizeof name);
  json_t *const node = json_object(), *const inp = json_array();
  for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
    json_array_append_new(inp, out_shape(&graph->ops[graph->preds[e]]));
  bool good = put(node, "id", number(i));
  good = put(node, "layer", json_integer(op->layer == OP_ABSENT ? -1 : (json_int_t)op->layer)) && good;
  good = put(node, "op", json_string(op_kinds[op->kind].name)) && good;
  good = put(node, "kind", json_string("call_function")) && good;
  good = put(node, "name", json_string(name)) && good;
  good = put(node, "inp", inp) && good;
  good = put(node, "out", list_of(out_shape(op))) && good;
  good = put(node, "weight", weight_shapes(op)) && good;
  good = put(node, "bias", json_array()) && good;
  good = put(node, "tensor_parallel", json_false()) && good;
  good = put(node, "dse", json_record_new(op)) && good;
  if (good) return node;
  json_decref(node);
  return NULL;
}

/* Nodes and edges into `root`; the place of the op that cannot be written, or n_ops. */
static size_t fill(const struct op_graph *graph, json_t *nodes, json_t *edges) {
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    const bool plain = op->phase == PHASE_FORWARD && op->n_followers == 0 && op->mirror == OP_ABSENT;
    if (!plain || json_array_append_new(nodes, node_new(graph, i)) != 0) return i;
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      if (json_array_append_new(edges, json_pack("[I, I]", (json_int_t)graph->preds[e], (json_int_t)i)) != 0) return i;
  }
  return graph->n_ops;
}

bool json_graph_write(const struct op_graph *graph, const char *name, struct arena *arena, const char **text, size_t *n,
                      struct error *error) {
  char escaped[NAME_BYTES];
  text_escape(name, escaped, sizeof escaped);
  json_t *const root = json_object(), *const nodes = json_array(), *const edges = json_array();
  bool written = put(root, "source", json_string("dse")) && put(root, "model", json_string(escaped)) &&
                 put(root, "tmp_width", json_integer(1));
  const size_t stopped = fill(graph, nodes, edges);
  written = put(root, "nodes", nodes) && written;
  written = put(root, "edges", edges) && written;
  if (stopped < graph->n_ops) {
    text_escape(op_name(graph, stopped), escaped, sizeof escaped);
    error_add(error, STATUS_INPUT,
              "export: operator '%s' cannot be written, allowed are forward operators, not fused, with numbers below "
              "2^63",
              escaped);
    written = false;
  }
  char *const dump = written ? json_dumps(root, JSON_COMPACT) : NULL;
  json_decref(root);
  if (written && dump == NULL) error_add(error, STATUS_ENVIRONMENT, "export: no memory for the text");
  if (dump == NULL) return false;
  *n = strlen(dump);
  char *const copy = ARENA_NEW(arena, char, *n + 1);
  memcpy(copy, dump, *n + 1);
  *text = copy;
  free(dump);
  return true;
}
