/* Everything a run file can say, in one place: which struct each group fills. Defaults live in the tables alone. */
#ifndef DSE_SETTINGS_H
#define DSE_SETTINGS_H

#include "arch/money.h"
#include "arch/stage.h"
#include "base/config.h"
#include "dse/cosearch/cosearch_settings.h"
#include "dse/system/strategies.h"
#include "dse/tenancy/tenants.h"
#include "search/space/space.h"
#include "workloads/training.h"

enum run_axis {
#define AXIS(key, role, values) RUN_AXIS_##key,
#include "dse/design/axes.def"
#undef AXIS
  N_RUN_AXES
};

enum objective_index {
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) OBJECTIVE_##name,
#include "dse/design/objectives.def"
#undef OBJECTIVE
  N_OBJECTIVES
};

struct run_top {
  const char *workload;   /* model name, .cfg, .json or .onnx */
  uint64_t batch;         /* samples in one iteration of this device */
  struct text_list model; /* overrides of the model's keys, "sequence=128" */
};

/* One of several workloads that a design must serve: an element of the list `workloads`. */
struct run_workload {
  struct run_top top;
  double weight; /* its share of the objective, over the sum of all weights */
};
enum { RUN_MAX_WORKLOADS = 64 };

struct run_limits {
  double area_mm2, tdp_w, w_per_mm2;
  bool memory;             /* parameters, state, stash must fit HBM */
  double throughput_floor; /* fraction of the reference design's; 0: none */
  const char *reference;   /* catalogue entry */
  struct text_list constraints;
};

/* A value for each objective, by its key; 0: none. */
struct run_ranges {
  double of[N_OBJECTIVES];
};

struct run_search {
  const char *algorithm;
  struct uint_list front; /* objectives that span it */
  uint64_t metric, score, objective, top_k, seed, max_evaluations, round_size;
  double eps;
  bool prove, prove_front;
  uint64_t prove_evaluations, bound_points;
  double gap_target;
};

/* What the report shows beside the results; nothing of it changes them. */
struct run_report {
  uint64_t sensitivity_samples;
};

struct run_settings {
  struct run_top top; /* of a run file with one workload; unused if there is a list of them */
  struct run_workload *workloads;
  size_t n_workloads; /* of the list; 0: there is none */
  struct training_settings training;
  struct stage_settings schedule;
  struct network_settings network; /* cost.network points to it */
  struct cost_settings cost;
  struct technology technology;
  struct money_settings money;
  struct system_settings system;
  struct system_law law;
  struct tenants_settings tenants;
  struct cosearch_settings co_search;
  struct uint_rule axes[N_RUN_AXES];
  struct run_limits limits;
  struct run_ranges minimum, maximum;
  struct run_search search;
  struct run_report report;
  void *algorithms; /* n_search_algorithms pointers' worth of settings: settings_of_algorithm */
};

/* What a design scores: its schedule, or the bound alone that no schedule beats. */
enum run_score { SCORE_SCHEDULE, SCORE_BOUND };

/* How a design's throughputs on several workloads become one number; see workload_set.h. */
enum run_objective { OBJECTIVE_OF_GEOMEAN, OBJECTIVE_OF_MEAN, OBJECTIVE_OF_WORST };
extern const char *const run_objective_names[];

/* Objectives as search.metric and search.front spell them (ending with NULL), and as a sentence does. */
extern const char *const run_metric_names[];
extern const char *const run_objective_words[N_OBJECTIVES];
/* Does the run ask for the price of dies: as metric, on the front, or within a range? Only then is it computed. */
bool run_asks_die_cost(const struct run_settings *settings);
/* Is the money of a whole system limited? */
bool run_asks_system_price(const struct run_settings *settings);

/* An element of `workloads`, for `dse list keys`. */
extern const struct field_table run_workload_fields;

/* The sections of a run file (with settings->n_workloads elements of `workloads`), for config_apply, config_write and
 * config_digest; the array is in `arena`. */
struct run_sections {
  const struct config_section *sections;
  size_t n;
};
struct run_sections run_settings_sections(struct run_settings *settings, struct arena *arena);
/* The groups and tables alone, for `dse list keys` and the reference page. */
const struct field_table *run_space_fields(struct arena *arena);
/* Does the axis stand in tables and names? One that came later does where it is not fixed to what was before. */
bool run_axis_counts(const struct run_settings *settings, size_t axis);
const void *run_algorithm_settings(const struct run_settings *settings, const struct search_algorithm *algorithm);

/* A file that has been opened into settings that are all zero: how many workloads it lists, then every section. */
bool run_settings_apply(const struct config *config, struct arena *arena, struct run_settings *settings,
                        struct error *error);
/* A message at the place of a key, or at that of its group where the file does not set it. */
void run_settings_complain(const struct config *config, const char *path, const char *key, struct error *error,
                           const char *text);
/* What several keys must satisfy together; the path is for messages. */
void run_settings_check(const struct config *config, const char *path, const struct run_settings *settings,
                        struct arena *arena, struct error *error);
/* Is it a graph that is named where a run file is wanted? What a newcomer types first. */
bool run_settings_names_a_model(const char *path);
/* Reads, checks one key after the other, then what several keys must satisfy together. Rank 0 reads; the caller
 * shares. */
bool run_settings_load(const char *path, const struct config_set *sets, size_t n_sets, struct arena *arena,
                       struct run_settings *settings, struct error *error);
/* The same from text in memory; `name` stands for the file in messages. */
bool run_settings_load_text(const char *name, const char *text, const struct config_set *sets, size_t n_sets,
                            struct arena *arena, struct run_settings *settings, struct error *error);
/* Digest of all that can change answers, the training graphs included. */
struct digest run_settings_digest(struct run_settings *settings, const struct digest *graphs, size_t n_graphs,
                                  struct arena *arena);
/* run.cfg: the settings as resolved, to run again as they are. */
const char *run_settings_text(struct run_settings *settings, bool comments, struct arena *arena);

#endif
