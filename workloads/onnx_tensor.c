/* What shapes, types and values do the tensors of an ONNX file have, as the file says?
 *
 * Values are kept where they may feed a shape: at most 1,024 of them. External data are never opened. Source:
 * onnx.proto and workloads §4. Left out: strings, complex numbers and everything below eight bits. */
#include "base/checked.h"
#include "workloads/onnx_reader.h"
#include <string.h>

enum { MAX_DIMENSION = 2147483647 };

static bool set_dims(struct onnx_reader *reader, struct onnx_value *value, const int64_t *dims, size_t n) {
  if (n > ONNX_MAX_RANK) return onnx_reject_value(reader, value->name, "has more than 8 dimensions, allowed are 8");
  struct onnx_shape shape = {.known = true, .rank = (uint8_t)n};
  uint64_t elements = 1;
  for (size_t i = 0; i < n; i++) {
    if (dims[i] < 0 || dims[i] > MAX_DIMENSION)
      return onnx_reject_value(reader, value->name, "has a dimension below 0 or above 2147483647");
    shape.dims[i] = dims[i];
    if (!checked_mul(elements, (uint64_t)dims[i], &elements) || elements > ONNX_MAX_ELEMENTS)
      return onnx_reject_value(reader, value->name, "has more than 2^48 elements, allowed is that number");
  }
  value->shape = value->declared = shape;
  value->elements = elements;
  return true;
}

static bool little(const ProtobufCBinaryData *raw, size_t i, size_t width, uint64_t *bits) {
  *bits = 0;
  if (raw->len / width <= i) return false;
  for (size_t b = 0; b < width; b++) *bits |= (uint64_t)raw->data[i * width + b] << (8 * b);
  return true;
}

static bool int_of(const Onnx__TensorProto *tensor, size_t i, int64_t *out) {
  uint64_t bits;
  const bool raw = tensor->has_raw_data;
  switch (tensor->data_type) {
  case ONNX_INT64:
    if (raw ? !little(&tensor->raw_data, i, 8, &bits) : i >= tensor->n_int64_data) return false;
    *out = raw ? (int64_t)bits : tensor->int64_data[i];
    return true;
  case ONNX_UINT64:
    if (raw ? !little(&tensor->raw_data, i, 8, &bits) : i >= tensor->n_uint64_data) return false;
    *out = (int64_t)(raw ? bits : tensor->uint64_data[i]);
    return true;
  case ONNX_UINT32:
    if (raw ? !little(&tensor->raw_data, i, 4, &bits) : i >= tensor->n_uint64_data) return false;
    *out = (int64_t)(raw ? bits : tensor->uint64_data[i]);
    return true;
  case ONNX_UINT16:
  case ONNX_INT16:
    if (raw ? !little(&tensor->raw_data, i, 2, &bits) : i >= tensor->n_int32_data) return false;
    *out = !raw ? tensor->int32_data[i] : tensor->data_type == ONNX_INT16 ? (int16_t)(uint16_t)bits : (int64_t)bits;
    return true;
  case ONNX_INT32:
    if (raw ? !little(&tensor->raw_data, i, 4, &bits) : i >= tensor->n_int32_data) return false;
    *out = raw ? (int32_t)(uint32_t)bits : tensor->int32_data[i];
    return true;
  case ONNX_BOOL:
  case ONNX_UINT8:
  case ONNX_INT8:
    if (raw ? !little(&tensor->raw_data, i, 1, &bits) : i >= tensor->n_int32_data) return false;
    *out = !raw ? tensor->int32_data[i] : tensor->data_type == ONNX_INT8 ? (int8_t)(uint8_t)bits : (int64_t)bits;
    return true;
  default:
    return false;
  }
}

static bool real_of(const Onnx__TensorProto *tensor, size_t i, double *out) {
  uint64_t bits;
  if (tensor->data_type == ONNX_FLOAT) {
    float value;
    if (tensor->has_raw_data) {
      if (!little(&tensor->raw_data, i, sizeof value, &bits)) return false;
      const uint32_t word = (uint32_t)bits;
      memcpy(&value, &word, sizeof value);
    } else {
      if (i >= tensor->n_float_data) return false;
      value = tensor->float_data[i];
    }
    *out = value;
    return true;
  }
  if (tensor->data_type != ONNX_DOUBLE) return false;
  if (tensor->has_raw_data) {
    if (!little(&tensor->raw_data, i, sizeof *out, &bits)) return false;
    memcpy(out, &bits, sizeof *out);
    return true;
  }
  if (i >= tensor->n_double_data) return false;
  *out = tensor->double_data[i];
  return true;
}

/* Small constants keep their values; those of external ones are not known. */
static void keep_values(struct onnx_reader *reader, struct onnx_value *value, const Onnx__TensorProto *tensor) {
  const bool external =
      tensor->n_external_data > 0 ||
      (tensor->has_data_location && tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL);
  if (external || value->elements > ONNX_MAX_FOLDED || reader->n_kept > ONNX_MAX_KEPT) return;
  const size_t n = value->elements;
  reader->n_kept += n;
  if (onnx_is_real(value->type)) {
    double *const reals = ARENA_NEW(reader->arena, double, n);
    for (size_t i = 0; i < n; i++)
      if (!real_of(tensor, i, &reals[i])) return;
    value->reals = reals;
  } else {
    int64_t *const ints = ARENA_NEW(reader->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
      if (!int_of(tensor, i, &ints[i])) return;
    value->ints = ints;
  }
}

bool onnx_read_tensor(struct onnx_reader *reader, uint32_t index, const Onnx__TensorProto *tensor) {
  struct onnx_value *const value = &reader->graph->values[index];
  value->type = tensor->data_type;
  value->source = SOURCE_CONSTANT;
  if (!set_dims(reader, value, tensor->dims, tensor->n_dims)) return false;
  keep_values(reader, value, tensor);
  return true;
}

bool onnx_read_declared(struct onnx_reader *reader, const Onnx__ValueInfoProto *info, uint32_t index) {
  struct onnx_value *const value = &reader->graph->values[index];
  if (info->type == NULL) return true;
  if (info->type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET) return true;
  if (info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
    return onnx_reject_value(reader, value->name,
                             "is no tensor (a sequence, map, optional or sparse one), allowed are tensors");
  const Onnx__TypeProto__Tensor *const type = info->type->tensor_type;
  if (!value->is_initializer) value->type = type->elem_type;
  if (type->shape == NULL) return true;
  if (type->shape->n_dim > ONNX_MAX_RANK)
    return onnx_reject_value(reader, value->name, "has more than 8 dimensions, allowed are 8");
  struct onnx_shape shape = {.known = true, .rank = (uint8_t)type->shape->n_dim};
  for (size_t i = 0; i < shape.rank; i++) {
    const Onnx__TensorShapeProto__Dimension *const dim = type->shape->dim[i];
    shape.dims[i] = -1;
    if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM) {
      if (!onnx_checked_name(reader, dim->dim_param, "dimension")) return false;
      shape.symbols[i] = dim->dim_param;
    } else if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE) {
      /* -1 stands for what is not known, as some exporters write it. */
      const bool open = dim->dim_value == -1;
      const bool good = open || (dim->dim_value >= 1 && dim->dim_value <= MAX_DIMENSION);
      if (value->is_input && !value->is_initializer && !good)
        return onnx_reject_value(reader, value->name, "has a dimension below 1 or above 2147483647");
      if (dim->dim_value >= 0 && dim->dim_value <= MAX_DIMENSION) shape.dims[i] = dim->dim_value;
    }
    /* An open dimension without a name gets one, to be set by; the first is the batch anyway. */
    const bool nameless = value->is_input && shape.dims[i] < 0 && shape.symbols[i] == NULL;
    if (nameless && i > 0) shape.symbols[i] = arena_printf(reader->arena, "%s.%zu", value->name, i);
  }
  if (!value->is_initializer) {
    value->declared = shape;
    return true;
  }
  for (size_t i = 0; i < shape.rank && shape.rank == value->shape.rank; i++)
    if (shape.dims[i] >= 0 && shape.dims[i] != value->shape.dims[i])
      return onnx_reject_value(reader, value->name, "is stated with another shape than it has as an initializer");
  return shape.rank == value->shape.rank ||
         onnx_reject_value(reader, value->name,
                           "is stated with another number of dimensions than it has as an initializer");
}
