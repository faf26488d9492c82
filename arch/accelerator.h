/* What is a design? The template: HBM → shared global buffer (GLB) → tensor cores (a rows × b columns of MACs, each
 * core with its own L2) and vector cores (lanes, each core with its own L2); links join chips. (accelerator-search §2.)
 *
 * Every key is an axis of the search, a key of `--design`, and a key of an accelerator file. */
#ifndef ARCH_ACCELERATOR_H
#define ARCH_ACCELERATOR_H

#include "base/config.h"

/* How lanes stand to arrays: cores of their own, wired to one buffer; or a GPU's, whose lanes share issue and operands
 * with the arrays (they rest while the arrays work at full speed) and whose L2 is cut into slices of its crossbar. Area
 * and power know the difference; time does not. */
enum core_kind { CORES_SEPARATE, CORES_SIMT, N_CORE_KINDS };
enum hbm_generation { HBM_2, HBM_2E, HBM_3, HBM_3E, N_HBM_GENERATIONS };

/* All axes are uint64_t, so that an axis can be bound to a field by its offset. */
struct accelerator {
  uint64_t tc_count, tc_rows, tc_cols;
  uint64_t tc_l2_kib; /* per core; 0: derived, max(1, rows·cols/64) */
  uint64_t vc_count, vc_width;
  uint64_t vc_l2_kib; /* per core; 0: derived, max(1, width/64) */
  uint64_t glb_mib;
  uint64_t glb_kib; /* 0: glb_mib counts; for small arrays */
  uint64_t hbm_stacks, hbm_generation, hbm_gib_per_stack;
  uint64_t link_gbytes_per_s; /* one direction, all links together */
  uint64_t clock_mhz, node_nm;
  uint64_t element_bytes; /* of a tensor core's operands: 1 (int8), 2 (bf16, fp16) or 4 (fp32) */
  uint64_t dies;
  uint64_t core_kind;
  uint64_t chiplets;          /* devices in one package, each with its own memory and links */
  uint64_t d2d_gbytes_per_s;  /* between them, one direction, all links of one together; 0 without others */
  double hbm_bytes_per_cycle; /* 0: from stacks and generation; stands for them in accelerator files of bare arrays */
};

extern const struct field_table accelerator_fields;

/* Fills derived sizes (L2), so that 0 no longer stands for "derived": a search that moves rows, columns or lanes starts
 * from a copy that was not derived. False with one message for each impossible combination (no core at all, unknown
 * node, elements without a unit, no memory rate). */
bool accelerator_derive(struct accelerator *accelerator, struct error *error);
/* Reads a libconfig file with one group `accelerator` (and optional texts `doc` and `source`); keys that the file
 * leaves out keep the value that *accelerator has on entry: config_defaults or a catalogue entry. Of `sets` only those
 * of that group are used. Not derived. */
bool accelerator_read(const char *path, const struct config_set *sets, size_t n_sets, struct arena *arena,
                      struct accelerator *accelerator, struct error *error);
/* A named part, DATA_FOLDER/arch/catalogue/NAME.cfg (group `accelerator`, texts `doc` and `source`). Fills every field;
 * not derived. An unknown name is STATUS_INPUT with the nearest one that exists. */
bool accelerator_from_catalogue(const char *data_folder, const char *name, struct arena *arena,
                                struct accelerator *accelerator, struct error *error);
/* The names in the catalogue, sorted. STATUS_ENVIRONMENT if there is no such folder. */
bool accelerator_catalogue_names(const char *data_folder, struct arena *arena, struct text_list *names,
                                 struct error *error);
/* What a part is and where its numbers come from. */
bool accelerator_catalogue_texts(const char *data_folder, const char *name, struct arena *arena, const char **doc,
                                 const char **source, struct error *error);

/* The part as a schedule of one operator after the other can use it whole: cores in a power of two, to which operators
 * spread, and as many vector cores as arrays, for those that need both. Multiply-accumulates and lane cycles a second,
 * memories, and rates stay (within a rounding of lanes); columns, lanes, L2s of a core, and the clock make up for the
 * count. Both are derived; a part without arrays or without lanes is left as it is. */
void accelerator_even_cores(const struct accelerator *part, struct accelerator *even);

/* Per core; the derived size where the field is 0. */
uint64_t accelerator_tensor_l2_kib(const struct accelerator *accelerator);
uint64_t accelerator_vector_l2_kib(const struct accelerator *accelerator);
/* Bytes a second of all stacks (of hbm_bytes_per_cycle where that stands for them); bytes that fit in them. */
double accelerator_hbm_bytes_per_s(const struct accelerator *accelerator);
uint64_t accelerator_hbm_bytes(const struct accelerator *accelerator);
double accelerator_hbm_bytes_per_cycle(const struct accelerator *accelerator);
uint64_t accelerator_glb_bytes(const struct accelerator *accelerator);

#endif
