/* From a name to a forward operator graph.
 *
 *   model file (.cfg) | graph (.json, .onnx) → forward graph, with what its source says of it
 *
 * `workload_load("llama3-8b", …)` finds workloads/models/llama3-8b.cfg; a path that ends in .cfg, .json or .onnx
 * is read directly. A model file names a `kind`; kinds are one list, generators.def, one file each. */
#ifndef WORKLOADS_WORKLOAD_H
#define WORKLOADS_WORKLOAD_H

#include "base/config.h"
#include "workloads/op_graph.h"

struct onnx_notes;

struct workload_request {
  const char *name;              /* model name or path */
  const char *data_folder;       /* where workloads/models lies */
  uint64_t batch;                /* samples in one pass: sequences, images, sentence pairs, records; ≥ 1 */
  uint64_t element_bytes;        /* of activations and weights in compute: 1, 2 or 4 */
  const struct config_set *sets; /* overrides of model keys: --set sequence=2048 */
  size_t n_sets;
  bool strict; /* of an .onnx file: an operator that no rule is for is an error */
};

/* What the model file says its counts must be, for its own values (not for overridden ones). */
struct workload_check {
  bool present;
  uint64_t parameters, frozen_parameters, forward_flop;
  const char *source;
};

struct workload {
  const char *name, *kind, *sample; /* "sequence", "image", "sentence pair", "record", "trace", "pass" */
  uint64_t batch;
  struct op_graph graph; /* forward */
  struct workload_check check;
  bool overridden;               /* some set changed a model key, so `check` does not apply */
  const struct onnx_notes *onnx; /* what an .onnx file said (onnx.h), NULL: it was none */
  uint64_t router_flop;          /* of experts' routers per sample, which the reference counts apart */
};

/* Reads and generates. Everything lives in `arena`; `scratch` is rewound. */
bool workload_load(const struct workload_request *request, struct arena *arena, struct arena *scratch,
                   struct workload *workload, struct error *error);

/* Is there such a model or file at all? Otherwise the words of workload_load, for who tells of other mistakes besides.
 */
bool workload_exists(const struct workload_request *request, struct arena *scratch, struct error *error);

/* What a generator works on. */
struct generation {
  const struct workload_request *request;
  const struct config *config; /* the model file */
  struct arena *arena;         /* the workload's, for settings */
  struct graph_builder *builder;
  struct workload *workload; /* name, kind, batch are set; the generator sets router_flop where it has one */
};

/* A kind of model file: one record a file, listed in generators.def. */
struct workload_generator {
  const char *kind, *doc, *sample;
  const struct field_table *table; /* top-level keys of its model files; `kind` (a text) among them */
  /* Applies its table (and the common group "check", and lists of groups such as "blocks") to the model file, then
   * builds the forward graph. */
  bool (*generate)(struct generation *generation, struct error *error);
};
#define GENERATOR(kind) extern const struct workload_generator kind##_generator;
#include "workloads/generators.def"
#undef GENERATOR
extern const struct workload_generator *const workload_generators[];
extern const size_t n_workload_generators;

/* Fills `settings` from the top level and workload->check from the group "check" in one config_apply; `more` are the
 * generator's further sections. */
bool generation_settings(struct generation *generation, const struct field_table *table, void *settings,
                         const struct config_section *more, size_t n_more, struct error *error);

/* Names of the shipped model files, sorted; for `dse list workloads`. */
bool workload_list(const char *data_folder, struct arena *arena, const char *const **names, size_t *n,
                   struct error *error);

/* Writes a forward graph in the JSON form that workload_load reads back to the same digest. */
bool workload_export_json(const struct op_graph *graph, const char *name, const char *path, struct error *error);

#endif
