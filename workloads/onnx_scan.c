/* Is it safe to hand these bytes to the protobuf parser?
 *
 * protobuf-c 1.4.1 has no limits of its own: messages nested some thousand deep overflow its stack, and empty messages
 * cost it seventy times their bytes (workloads §4). So the wire format is walked first, without recursion: every length
 * lies inside its parent, nesting and counts are bounded. Which fields hold messages is a table from onnx.proto. Left
 * out: what the fields mean. */
#include "workloads/onnx_graph.h"

enum { MAX_DEPTH = 64, MAX_NODES = 1000000, MAX_FIELDS = 8000000 };
enum { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_32 = 5 };

enum message {
  LEAF, /* a text, numbers, or a message without messages */
  MODEL,
  GRAPH,
  NODE,
  ATTRIBUTE,
  TENSOR,
  SPARSE,
  VALUE,
  TYPE,
  TENSOR_TYPE,
  SHAPE,
  ELEMENT_TYPE, /* sequence, optional */
  MAP,
  TRAINING,
  FUNCTION,
  ANNOTATION,
  RECORD /* only scalars and texts inside: walked too, so that its lengths are right */
};

static const struct nested {
  uint8_t parent, field, child;
} nested[] = {
    {MODEL, 7, GRAPH},       {MODEL, 8, RECORD},      {MODEL, 14, RECORD},    {MODEL, 20, TRAINING},
    {MODEL, 25, FUNCTION},   {GRAPH, 1, NODE},        {GRAPH, 5, TENSOR},     {GRAPH, 15, SPARSE},
    {GRAPH, 11, VALUE},      {GRAPH, 12, VALUE},      {GRAPH, 13, VALUE},     {GRAPH, 14, ANNOTATION},
    {NODE, 5, ATTRIBUTE},    {ATTRIBUTE, 5, TENSOR},  {ATTRIBUTE, 6, GRAPH},  {ATTRIBUTE, 22, SPARSE},
    {ATTRIBUTE, 14, TYPE},   {ATTRIBUTE, 10, TENSOR}, {ATTRIBUTE, 11, GRAPH}, {ATTRIBUTE, 23, SPARSE},
    {ATTRIBUTE, 15, TYPE},   {TENSOR, 3, RECORD},     {TENSOR, 13, RECORD},   {SPARSE, 1, TENSOR},
    {SPARSE, 2, TENSOR},     {VALUE, 2, TYPE},        {TYPE, 1, TENSOR_TYPE}, {TYPE, 8, TENSOR_TYPE},
    {TYPE, 4, ELEMENT_TYPE}, {TYPE, 9, ELEMENT_TYPE}, {TYPE, 5, MAP},         {TENSOR_TYPE, 2, SHAPE},
    {SHAPE, 1, RECORD},      {ELEMENT_TYPE, 1, TYPE}, {MAP, 2, TYPE},         {TRAINING, 1, GRAPH},
    {TRAINING, 2, GRAPH},    {TRAINING, 3, RECORD},   {TRAINING, 4, RECORD},  {FUNCTION, 7, NODE},
    {FUNCTION, 9, RECORD},   {ANNOTATION, 2, RECORD},
};

static enum message child_of(enum message parent, uint64_t field) {
  for (size_t i = 0; i < sizeof nested / sizeof *nested; i++)
    if (nested[i].parent == parent && nested[i].field == field) return nested[i].child;
  return LEAF;
}

struct walk {
  const uint8_t *bytes;
  size_t at;
};

/* False if it is cut off or longer than ten bytes. */
static bool read_varint(struct walk *walk, size_t end, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (walk->at >= end) return false;
    const uint8_t byte = walk->bytes[walk->at++];
    if (shift < 64) *value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

static bool reject(const char *file, size_t at, const char *what, struct error *error) {
  return error_add(error, STATUS_INPUT, "%s: byte %zu: %s; this is no complete ONNX file", file, at, what);
}

bool onnx_scan(const char *file, const uint8_t *bytes, size_t n, struct error *error) {
  struct {
    size_t end;
    enum message type;
  } stack[MAX_DEPTH];
  struct walk walk = {bytes, 0};
  size_t depth = 1, n_fields = 0, n_nodes = 0;
  stack[0].end = n;
  stack[0].type = MODEL;
  while (depth > 0) {
    const size_t end = stack[depth - 1].end, start = walk.at;
    if (start == end) {
      depth--;
      continue;
    }
    uint64_t key, length;
    if (!read_varint(&walk, end, &key) || key >> 3 == 0 || key >> 32 != 0)
      return reject(file, start, "the key of a field is cut off or none", error);
    if (++n_fields > MAX_FIELDS)
      return error_add(error, STATUS_INPUT, "%s: has more than %d fields, allowed is that number", file, MAX_FIELDS);
    switch (key & 7) {
    case WIRE_VARINT:
      if (!read_varint(&walk, end, &length)) return reject(file, start, "a number is cut off or too long", error);
      continue;
    case WIRE_64:
    case WIRE_32:
      length = (key & 7) == WIRE_64 ? 8 : 4;
      break;
    case WIRE_BYTES:
      if (!read_varint(&walk, end, &length)) return reject(file, start, "a length is cut off or too long", error);
      break;
    default:
      return reject(file, start, "a field is of no type that ONNX has", error);
    }
    if (length > end - walk.at) return reject(file, start, "a field is longer than what holds it", error);
    const enum message child = (key & 7) == WIRE_BYTES ? child_of(stack[depth - 1].type, key >> 3) : LEAF;
    if (child == LEAF) {
      walk.at += length;
      continue;
    }
    if (child == NODE && ++n_nodes > MAX_NODES)
      return error_add(error, STATUS_INPUT, "%s: has more than %d nodes, allowed is that number", file, MAX_NODES);
    if (depth == MAX_DEPTH)
      return error_add(error, STATUS_INPUT,
                       "%s: byte %zu: messages lie more than %d deep in each other, allowed is that", file, start,
                       MAX_DEPTH);
    stack[depth].end = walk.at + length;
    stack[depth++].type = child;
  }
  return true;
}
