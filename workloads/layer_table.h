/* Which layers does a network of several modalities have, and what flows between them?
 *
 * Networks with several streams of inputs that meet (camera, microphone, depth, …) are kept as tables: a row a layer
 * with its shape (workloads/layers/NAME_layers.csv), a row an edge (NAME_edges.csv); the README there says where they
 * come from. Weights and multiply-accumulates are computed from the shapes and must equal the table's. One inference,
 * batch 1. Forward alone: training wants an operator graph (op_graph.h). (placement §3.1, §9) */
#ifndef WORKLOADS_LAYER_TABLE_H
#define WORKLOADS_LAYER_TABLE_H

#include "base/arena.h"
#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

enum layer_kind { LAYER_CONV, LAYER_FC, LAYER_LSTM, LAYER_POOL, LAYER_ADD, LAYER_CONCAT, N_LAYER_KINDS };
extern const char *const layer_kind_names[N_LAYER_KINDS];

/* A convolution or pooling maps in_channels × in_rows × in_cols to out_…; of a fully connected layer rows and columns
 * are 1; an LSTM has in_rows steps of in_cols features and as many outputs of out_cols. */
struct layer {
  const char *name, *modality; /* the streams that reach it, "1+3" */
  enum layer_kind kind;
  uint64_t kernel, stride, pad; /* 0: has none */
  uint64_t in_channels, in_rows, in_cols, out_channels, out_rows, out_cols;
  uint64_t weights, macs;
  uint64_t
      weights_channels_only; /* if a fully connected layer sees one number a channel (as M5 counts, placement §9) */
  uint64_t input_elements;   /* of all edges into it; of a source: its own shape */
  uint64_t output_elements;  /* of its own shape */
};
struct layer_edge {
  uint32_t from, to;
  uint64_t elements;
};
struct layer_table {
  const char *name;
  size_t n_layers, n_edges;
  const struct layer *layers;     /* in topological order */
  const struct layer_edge *edges; /* the file's order */
};

/* Reads both files; every mistake is added with its place. */
bool layer_table_read(const char *name, const char *layers_path, const char *edges_path, struct arena *arena,
                      struct layer_table *table, struct error *error);
/* A shipped one by name, of DATA_FOLDER/workloads/layers; or a path that ends in _layers.csv. */
bool layer_table_find(const char *data_folder, const char *name, struct arena *arena, struct layer_table *table,
                      struct error *error);
/* Names of the shipped ones, sorted. */
bool layer_table_list(const char *data_folder, struct arena *arena, const char *const **names, size_t *n,
                      struct error *error);

/* Totals of a table, by which one knows that it is the right network. */
struct layer_totals {
  size_t n_of[N_LAYER_KINDS];
  size_t n_sources, n_sinks;
  uint64_t weights, macs; /* saturating */
  size_t depth, width;    /* layers on the longest path; most layers at one distance from the sources */
};
void layer_table_totals(const struct layer_table *table, struct arena *scratch, struct layer_totals *totals);

#endif
