/* Measured training runs and what the system model says of them: the parts of `dse calibrate e2e`.
 *
 *   e2e_table.c     a table of runs: every cell checked, blanks unknown
 *   e2e_hardware.c  name of a machine → part of the catalogue and network
 *   e2e_software.c  name of a software → what it does with kernels, messages and gradients
 *   e2e_model.c     shape or name of a model → workload, precision
 *   e2e_shipped.c   name of a model → model file
 *   e2e_strategy.c  degrees of a run; what was not published, tried
 *   e2e_measure.c   what was printed, in seconds an iteration
 *   e2e_case.c      a run predicted, with any constants
 *   e2e_fit.c       constants fitted
 *   e2e_report.c    tables
 *   e2e_fragment.c  the constants for run files
 * (workloads §10, §12.) */
#ifndef DSE_E2E_H
#define DSE_E2E_H

#include "dse/calibrate/calibrate.h"
#include "dse/system/system.h"

/* --- a table of runs --------------------------------------------------------------------------------------------- */

/* Numbers are 0, texts "" and reals NaN where nothing is known. */
struct e2e_row {
  const char *id, *group, *hardware, *model, *precision, *recompute, *sharding, *metric, *unit, *quality, *note,
      *source;
  uint64_t n_devices, layers, hidden, heads, kv_heads, head_size, ffn, vocab, sequence, experts, top_k;
  uint64_t tensor, pipeline, chunks, data, context, expert, microbatch, batch;
  int gated; /* −1: unknown */
  double parameters_e9, peak_tflops, measured, memory_gb;
  size_t group_index;
};
struct e2e_table {
  const char *path;
  size_t n, n_groups;
  struct e2e_row *rows;
  const char *const *groups; /* in order of first row */
  const char *missing;       /* columns that are not there, with ", "; "" if none */
};
/* Messages: `file:line: column: …`. */
bool e2e_table_read(const char *path, struct arena *arena, struct e2e_table *table, struct error *error);
/* Of a text that is called `name`. */
bool e2e_table_parse(const char *name, const char *text, struct arena *arena, struct e2e_table *table,
                     struct error *error);

/* Does a text hold all words of one of the alternatives ("tpu v4|tpuv4")? Words are runs of letters and digits, in any
 * case. */
bool e2e_says(const char *text, const char *alternatives);

/* --- constants --------------------------------------------------------------------------------------------------- */

enum e2e_constant {
#define E2E_CONSTANT(id, ...) E2E_##id,
#include "dse/e2e/e2e_constants.def"
#undef E2E_CONSTANT
  N_E2E_CONSTANTS
};
struct e2e_constant_info {
  const char *key, *unit, *doc;
  double prior, low, high, shipped;
  bool fitted; /* unless --fit names others */
};
extern const struct e2e_constant_info e2e_constants[N_E2E_CONSTANTS];
struct e2e_constants {
  double of[N_E2E_CONSTANTS];
};

/* --- one run as the model sees it -------------------------------------------------------------------------------- */

struct e2e_hardware {
  const char *says, *part;                       /* e2e_says; of the catalogue */
  uint64_t cores;                                /* devices of the software in one chip, where degrees count them */
  double eight_bit_rate;                         /* of the arrays beside 16 bits */
  double ceiling;                                /* of the arrays' peak that the best product reaches, measured */
  bool fused;                                    /* attention in one kernel exists */
  double tdp_w;                                  /* 0: unknown */
  uint64_t inner_size;                           /* devices of the innermost level; 0: all (a torus) */
  double inner_gbytes_per_s, outer_gbytes_per_s; /* one way; 0: nothing outside the node is known */
  const char *inner_topology;
  const char *source;
};
const struct e2e_hardware *e2e_hardware_of(const char *name);
/* A machine whose name has a power limit ("500W") below its part's runs at a lower clock: what it saves is
 * saved by arrays and lanes alone. */
void e2e_hardware_limit(const struct e2e_hardware *hardware, const struct technology *technology, const char *name,
                        struct accelerator *part);
/* The part with even cores, `share` of it (1, or hardware->cores). */
bool e2e_hardware_part(const struct e2e_hardware *hardware, const char *data_folder, uint64_t share,
                       struct arena *arena, struct accelerator *part, struct error *error);
/* Multiprocessors that run tiles of products in waves; 0: the part is no GPU. */
uint64_t e2e_hardware_waves(const struct e2e_hardware *hardware, const char *data_folder, struct arena *arena);
bool e2e_hardware_network(const struct e2e_hardware *hardware, uint64_t share, uint64_t n_devices, struct arena *arena,
                          struct network_settings *network, struct error *error);

/* What software does that no size of a run says. Of rows that name none: what most of today's does. */
struct e2e_software {
  const char *says;          /* e2e_says, of model or source */
  uint64_t before;           /* arXiv numbers (yymm) below this; 0: all */
  bool fused_attention;      /* one kernel, and no dropout */
  bool scatters;             /* messages between stages, over tensor ranks */
  bool overlaps[2];          /* sums of gradients behind the backward pass: of pipelines, of others */
  bool asynchronous_tensor;  /* collectives of tensor groups behind parts of their products */
  bool recomputes_operators; /* where recomputation is selective */
  bool casts;                /* activations to 8 bits in kernels of their own */
  bool fuses_norms;          /* of GPUs: norms and sums behind convolutions; compilers of other machines do */
  double hidden_exchange;    /* of all-to-alls, what hides behind the operators of another microbatch */
  double exchange_share;     /* of their bytes, what passes links; 0: all */
  const char *schedule;      /* of pipelines whose row names none; NULL: 1F1B */
  uint64_t bin_tokens;       /* sentences of like length are read together, in bins this wide; 0: all padded */
  const char *fact;
};
const struct e2e_software *e2e_software_of(const struct e2e_row *row);

enum e2e_precision { E2E_8_BIT, E2E_16_BIT, E2E_TF32, E2E_32_BIT, E2E_NO_PRECISION };

/* Fields that were assumed, as bits. */
enum e2e_assumption {
  E2E_ASSUMED_SHAPE = 1 << 0,
  E2E_ASSUMED_VOCAB = 1 << 1,
  E2E_ASSUMED_SEQUENCE = 1 << 2,
  E2E_ASSUMED_PRECISION = 1 << 3,
  E2E_ASSUMED_DEGREES = 1 << 4,
  E2E_ASSUMED_MICROBATCH = 1 << 5,
  E2E_ASSUMED_BATCH = 1 << 6,
  E2E_ASSUMED_RECOMPUTE = 1 << 7,
  E2E_ASSUMED_SHARDING = 1 << 8, /* only where memory asks for it */
  E2E_ASSUMED_CHUNKS = 1 << 9,
  E2E_ASSUMED_WINDOW = 1 << 10,   /* full attention stands for it */
  E2E_ASSUMED_ADAPTERS = 1 << 11, /* their rank and place */
  N_E2E_ASSUMPTIONS = 12
};
extern const char *const e2e_assumption_names[N_E2E_ASSUMPTIONS];

/* What a run trains. */
struct e2e_work {
  const char *name; /* of the model file */
  struct config_set *sets;
  size_t n_sets;
  const struct e2e_software *software;
  bool transformer; /* may be split over devices */
  bool drops;       /* a key says whether it drops out */
  bool adapters;    /* most weights are not trained */
  uint64_t layers, optimizer, element_bytes;
  enum e2e_precision precision;
  bool fused_attention, causal;
  double forward_flop, head_flop; /* of one sample */
  double tokens;                  /* of one sample; 1: samples are counted themselves */
  unsigned assumed;
};
/* NULL, or why the run cannot be expressed. */
const char *e2e_work_of(const struct e2e_row *row, const struct e2e_hardware *hardware, const char *data_folder,
                        struct arena *arena, struct arena *scratch, struct e2e_work *work);
/* The shipped model of that name; NULL: there is none. */
const char *e2e_shipped_model(const char *text, const char *data_folder, struct arena *arena);
/* A part of e2e_work_of: of a shipped model. */
const char *e2e_shipped_work(const struct e2e_row *row, const char *model, const char *data_folder, struct arena *arena,
                             struct arena *scratch, struct e2e_work *work);
/* Forward FLOP of a sequence, matrix products only, and what of them is the head (workloads §2.1, §10). */
double e2e_forward_flop(const struct e2e_row *shape, double *head_flop);

/* NULL, or why it cannot be said; `batch` and `n_devices` of the run, `peak_tflops` of one device. */
const char *e2e_measured_s(const struct e2e_row *row, const struct e2e_work *work, uint64_t batch, double peak_tflops,
                           double *seconds);
/* F72 or F96 of an iteration as the row's metric and recomputation say. */
double e2e_iteration_flop(const struct e2e_row *row, const struct e2e_work *work, uint64_t batch, bool executed);

/* --- strategies -------------------------------------------------------------------------------------------------- */

/* What was published of the strategy of a run, and what is tried for the rest. */
struct e2e_degrees {
  uint64_t n_devices; /* of the software */
  bool sequence;
  uint64_t schedule;
  int recompute, zero; /* −1: not published */
  uint64_t tensor[16], pipeline[16], chunks[8];
  size_t n_tensor, n_pipeline, n_chunks;
  unsigned assumed;
};
/* NULL, or why the run has no strategy of ours. `share`: which part of a chip is a device. */
const char *e2e_degrees_of(const struct e2e_row *row, const struct e2e_work *work, const struct e2e_hardware *hardware,
                           struct e2e_degrees *degrees, uint64_t *share);
/* Microbatches to try for a data degree (powers of two, and all at once), in order; and the batch of each. */
struct e2e_batches {
  uint64_t microbatch[32], batch[32];
  size_t n;
  unsigned assumed;
};
void e2e_batches_of(const struct e2e_row *row, uint64_t data, uint64_t pipeline, struct e2e_batches *batches);

/* --- a prediction ------------------------------------------------------------------------------------------------ */

/* Settings that all runs share; --set moves them. */
struct e2e_base {
  struct cost_settings cost;
  struct technology technology;
  struct stage_settings schedule;
  struct system_law law;
  struct training_settings training;
  double link_efficiency;
};

enum { E2E_MAX_POINTS = 288, E2E_WHY_BYTES = 240 };
/* Plain bytes, as ranks send it. */
struct e2e_outcome {
  char why_not[E2E_WHY_BYTES]; /* "": modelled */
  struct strategy strategy;
  struct system_result result; /* with the first point's constants */
  double measured_s;
  double work_flop; /* F72 of the iteration */
  uint64_t n_devices;
  unsigned assumed;
  bool nothing_fits; /* the strategy needs more memory than there is */
  bool apart;        /* something stands for what is not modelled: predicted, but no constant is fitted to it */
  double predicted_s[E2E_MAX_POINTS];
};

/* A row under the constants of each point, each with the strategy that is best then; the outcome shows the first one's.
 * Where another point's batch is another, its seconds are scaled as the measured ones are. Pure. */
struct e2e_question {
  const struct e2e_row *row;
  const struct e2e_base *base;
  const char *data_folder;
  const struct e2e_constants *points;
  size_t n_points;
  const bool *tries; /* [n_points] all strategies are tried there, elsewhere those that were best there; NULL: all */
};
void e2e_predict(const struct e2e_question *question, struct e2e_outcome *outcome);

/* --- fitting ----------------------------------------------------------------------------------------------------- */

struct e2e_grid {
  size_t n_fitted, n_points;
  enum e2e_constant fitted[N_E2E_CONSTANTS];
  struct e2e_constants base;
  struct e2e_constants points[E2E_MAX_POINTS]; /* the first: the priors; then the grid, the last constant fastest */
  bool corner[E2E_MAX_POINTS];                 /* the first, and those with every constant at a bound */
};
enum { E2E_MAX_FITTED = 4 };
void e2e_grid_make(const struct e2e_constants *base, const enum e2e_constant *fitted, size_t n_fitted,
                   struct e2e_grid *grid);
/* Seconds at constants between the grid's points. */
double e2e_grid_s(const struct e2e_grid *grid, const double *predicted_s, const struct e2e_constants *constants);
/* Least Σ over groups of the mean ln² ratio + 0.02·Σ((θ − prior)/range)²; rows of `left_out` (SIZE_MAX: none) and rows
 * without weight do not count. Returns the objective. */
struct e2e_fit_row {
  const double *predicted_s; /* of the grid */
  double measured_s;
  size_t group;
};
double e2e_fit(const struct e2e_grid *grid, const struct e2e_fit_row *rows, size_t n_rows, size_t n_groups,
               size_t left_out, struct e2e_constants *constants);

/* --- the report -------------------------------------------------------------------------------------------------- */

struct e2e_report {
  const struct invocation *invocation;
  const struct e2e_table *table;
  const struct e2e_outcome *outcomes; /* predicted_s: with the constants, before the fit, without the row's group */
  struct e2e_constants constants, before;
  bool fitted;
  bool is_fitted[N_E2E_CONSTANTS];
};
enum { E2E_POINT_USED, E2E_POINT_BEFORE, E2E_POINT_LEFT_OUT, N_E2E_REPORT_POINTS };
/* Is it predicted, and more than a bound and an approximation? */
bool e2e_is_fitted_to(const struct e2e_row *row, const struct e2e_outcome *outcome);
bool e2e_row_is_bound(const struct e2e_row *row); /* a lower bound on speed: evaluation is in its time */
void e2e_report_print(const struct e2e_report *report, const char *chosen);
extern const char *const e2e_part_names[];
extern const size_t n_e2e_part_names;
/* Spearman's rank correlation, ties with their mean rank; NaN below two different values. */
double e2e_rank_correlation(const double *x, const double *y, size_t n, struct arena *scratch);
double e2e_median(double *values, size_t n); /* sorts them */
/* The constants as a fragment of a run file. */
const char *e2e_fragment(const struct e2e_report *report, struct arena *arena);

#endif
