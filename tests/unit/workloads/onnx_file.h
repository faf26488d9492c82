/* ONNX files written field by field, as onnx.proto numbers them, and what the importer makes of them. Included by the
 * unit tests of the importer, behind cmocka.h. */
#ifndef TESTS_UNIT_WORKLOADS_ONNX_FILE_H
#define TESTS_UNIT_WORKLOADS_ONNX_FILE_H

#include "workloads/onnx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 16 };

struct bytes {
  size_t n;
  uint8_t at[MOST];
};

static inline void put_varint(struct bytes *out, uint64_t value) {
  do {
    out->at[out->n++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>= 7;
  } while (value > 0);
}
static inline void put_int(struct bytes *out, unsigned field, int64_t value) {
  put_varint(out, field << 3);
  put_varint(out, (uint64_t)value);
}
static inline void put_bytes(struct bytes *out, unsigned field, const void *data, size_t n) {
  put_varint(out, field << 3 | 2);
  put_varint(out, n);
  memcpy(out->at + out->n, data, n);
  out->n += n;
}
static inline void put_text(struct bytes *out, unsigned field, const char *text) {
  put_bytes(out, field, text, strlen(text));
}

/* "name:2,3,s" as a ValueInfoProto, or an initializer of that type with the numbers 1, 2, … (int64) or none. */
static inline void put_value(struct bytes *graph, unsigned field, const char *name, int type, const char *dims) {
  static struct bytes shape, tensor, kind, info, dim;
  shape.n = tensor.n = kind.n = info.n = 0;
  for (const char *at = dims; *at != '\0';) {
    char word[32];
    const size_t n = strcspn(at, ",");
    snprintf(word, sizeof word, "%.*s", (int)n, at);
    dim.n = 0;
    char *end;
    const long long value = strtoll(word, &end, 10);
    if (*end == '\0')
      put_int(&dim, 1, value);
    else
      put_text(&dim, 2, word);
    put_bytes(&shape, 1, dim.at, dim.n);
    at += n + (at[n] == ',');
  }
  put_int(&tensor, 1, type);
  put_bytes(&tensor, 2, shape.at, shape.n);
  put_bytes(&kind, 1, tensor.at, tensor.n);
  put_text(&info, 1, name);
  put_bytes(&info, 2, kind.at, kind.n);
  put_bytes(graph, field, info.at, info.n);
}
static inline void put_initializer(struct bytes *graph, const char *name, int type, size_t n_dims, const int64_t *dims,
                                   size_t n_numbers, const int64_t *numbers) {
  static struct bytes tensor;
  tensor.n = 0;
  for (size_t i = 0; i < n_dims; i++) put_int(&tensor, 1, dims[i]);
  put_int(&tensor, 2, type);
  put_text(&tensor, 8, name);
  for (size_t i = 0; i < n_numbers; i++) put_int(&tensor, 7, numbers[i]);
  put_bytes(graph, 5, tensor.at, tensor.n);
}
/* "Add a b -> c" */
static inline void put_node(struct bytes *graph, const char *text, const struct bytes *attributes) {
  static struct bytes node;
  char copy[256], *rest = NULL;
  node.n = 0;
  snprintf(copy, sizeof copy, "%s", text);
  const char *const type = strtok_r(copy, " ", &rest);
  unsigned field = 1;
  for (const char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;) {
    if (strcmp(word, "->") == 0)
      field = 2;
    else
      put_text(&node, field, word);
  }
  put_text(&node, 3, "here");
  put_text(&node, 4, type);
  if (attributes != NULL) {
    memcpy(node.at + node.n, attributes->at, attributes->n);
    node.n += attributes->n;
  }
  put_bytes(graph, 1, node.at, node.n);
}
static inline void put_ints(struct bytes *attributes, const char *name, size_t n, const int64_t *ints) {
  struct bytes *const one = calloc(1, sizeof *one);
  assert_non_null(one);
  put_text(one, 1, name);
  if (n == 1) put_int(one, 3, ints[0]);
  for (size_t i = 0; i < n; i++) put_int(one, 8, ints[i]);
  put_bytes(attributes, 5, one->at, one->n);
  free(one);
}

/* An attribute that is a graph, a text, or another of the function's caller. */
static inline void put_attribute(struct bytes *attributes, const char *name, unsigned field, const void *data,
                                 size_t n) {
  struct bytes *const one = calloc(1, sizeof *one);
  assert_non_null(one);
  put_text(one, 1, name);
  put_bytes(one, field, data, n);
  put_bytes(attributes, 5, one->at, one->n);
  free(one);
}

struct trial {
  struct arena arena, scratch;
  struct workload workload;
  struct onnx_notes notes;
  struct error error;
  struct graph_totals totals;
};
static struct trial trial;
static uint64_t asked_batch = 1; /* of the next parse */

static inline void end(void) {
  arena_release(&trial.arena);
  arena_release(&trial.scratch);
}

static inline bool parse_bytes(const uint8_t *data, size_t n, bool strict, const struct config_set *set) {
  memset(&trial, 0, sizeof trial);
  arena_init(&trial.arena, 1 << 16);
  arena_init(&trial.scratch, 1 << 16);
  const struct workload_request request = {
      .name = "t", .batch = asked_batch, .element_bytes = 2, .sets = set, .n_sets = set != NULL, .strict = strict};
  const struct generation generation = {&request, NULL, &trial.arena, graph_builder_new(&trial.scratch),
                                        &trial.workload};
  const bool ok = onnx_parse("t.onnx", data, n, &generation, &trial.scratch, &trial.notes, &trial.error) &&
                  graph_builder_finish(generation.builder, &trial.arena, &trial.workload.graph, &trial.error);
  if (ok) graph_totals(&trial.workload.graph, &trial.totals);
  return ok;
}

/* The file at work: `functions` are fields of the model. */
static struct bytes graph, attributes, functions;

static inline bool parse(const struct bytes *of, int opset, bool strict, const struct config_set *set) {
  static struct bytes model, imported;
  model.n = imported.n = 0;
  put_int(&model, 1, 7);
  put_int(&imported, 2, opset);
  put_bytes(&model, 8, imported.at, imported.n);
  put_bytes(&model, 7, of->at, of->n);
  memcpy(model.at + model.n, functions.at, functions.n);
  model.n += functions.n;
  return parse_bytes(model.at, model.n, strict, set);
}

static inline void says(const char *what) {
  if (strstr(trial.error.text, what) == NULL) fail_msg("wanted \"%s\", got \"%s\"", what, trial.error.text);
  end();
}

static inline void start(void) {
  graph.n = attributes.n = functions.n = 0;
  asked_batch = 1;
}

#endif
