/* Which table of jobs do our own networks make on these cores? (tenancy §5, §6, §13.)
 *
 * A run file's group `tenancy` names cores (a platform of the catalogue, accelerator files, designs that a search
 * found) and networks (a task, or models, forward or training). Their layers are the pool that groups of jobs are drawn
 * from; a job on a core is priced as if memory were unlimited, and needs the bytes that it moves over that time. Two
 * providers: our own cost model (`physical`), and MAESTRO's closed forms (`compat`), which the public tables were made
 * with. Left out: several tilings of one job to choose from; memory that jobs keep between layers. */
#ifndef DSE_TENANCY_TABLE_H
#define DSE_TENANCY_TABLE_H

#include "arch/energy.h"
#include "arch/maestro_rows.h"
#include "arch/platform.h"
#include "search/tenancy/tenancy.h"
#include "workloads/training.h"

enum tenancy_provider { TENANCY_PHYSICAL, TENANCY_COMPAT };
enum tenancy_operators { TENANCY_LAYERS, TENANCY_ALL_OPERATORS };
enum tenancy_draw { TENANCY_UNIFORM, TENANCY_WHOLE };
enum tenancy_sort { TENANCY_SORT_ALL, TENANCY_SORT_RELEASED };

struct tenancy_table_settings {
  uint64_t provider, bandwidth_model, lb_style, operators, draw, sort; /* the enums above, and maestro's */
  const char *platform, *task;
  struct text_list accelerators, models; /* instead of platform; of task */
  bool training, dependencies;
  uint64_t batch, group_size, n_groups, clock_mhz, seed;
  struct real_list bandwidth_bytes_per_cycle; /* none: those of the platform */
};
extern const struct field_table tenancy_table_fields; /* group "tenancy" of run files */

/* What the rest of the run file says, and where all of it stands. */
struct tenancy_world {
  const char *data_folder, *path; /* of the run file, for messages */
  const char *group;              /* of the settings; NULL: tenancy */
  const struct config *config;    /* while the table is opened; NULL: settings from elsewhere */
  const char *cores_key;          /* what says which cores there are; NULL: platform or accelerators */
  const struct cost_settings *cost;
  const struct technology *technology;
  const struct training_settings *training;
  struct tilings *tilings; /* between kinds of cores (machine.tilings); NULL: none */
  struct arena *arena, *scratch;
};
/* "file:line: tenancy.key", or of another group */
const char *tenancy_place(const struct tenancy_world *world, const char *key);

/* --- cores (tenancy_cores.c) ----------------------------------------------------------------------------------------
 */
/* What equal cores share. */
struct tenancy_core_kind {
  const char *name;               /* a style, or an accelerator's name */
  uint64_t n_pes, clock_mhz;      /* of the machine below */
  struct maestro_array array;     /* compat */
  struct accelerator accelerator; /* physical: derived, with prices and the cost model as this core sees them */
  struct cost_settings settings;
  struct machine machine; /* its memory without limit */
  struct area_breakdown area;
  struct energy_model energy;
};
struct tenancy_cores {
  const char *name; /* of the platform */
  size_t n_cores, n_kinds;
  const uint32_t *kind_of; /* [n_cores] */
  struct tenancy_core_kind *kinds;
  uint64_t element_bytes;
  struct real_list bandwidths_bytes_per_cycle; /* to make tables for; of the settings or the platform */
};
/* One core of each of these designs, derived and alike in element_bytes, with the bandwidth of the settings. */
void tenancy_cores_of(const struct tenancy_table_settings *settings, const struct tenancy_world *world, size_t n,
                      const struct accelerator *designs, const char *const *names, struct tenancy_cores *cores);
/* Can the cost provider price a job apart from the memory it waits for? */
bool tenancy_check_provider(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                            const char *key, struct error *error);
bool tenancy_cores_open(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                        struct tenancy_cores *cores, struct error *error);
/* An operator alone on a core, as a cell of the table. False if it cannot run there. */
struct tenancy_price {
  uint64_t latency_cycles; /* of table.clock_mhz; 0: it cannot run there */
  double bytes_per_cycle, energy_nj;
  uint64_t cluster_pes; /* compat */
};
void tenancy_price_physical(const struct tenancy_core_kind *kind, uint64_t clock_mhz, const struct op *op,
                            const struct op_follower *followers, struct tenancy_price *price);
void tenancy_price_compat(const struct tenancy_core_kind *kind, enum maestro_bandwidth bandwidth,
                          const struct maestro_layer *layer, struct tenancy_price *price);

/* --- networks (tenancy_pool.c) --------------------------------------------------------------------------------------
 */
struct tenancy_task {
  uint64_t number;
  const char *name, *models; /* or tasks */
};
enum { TENANCY_OWN_MODELS = 4 }; /* in place of a task's number: the run file's models */
extern const struct tenancy_task tenancy_tasks[];
extern const size_t n_tenancy_tasks;

struct tenancy_model {
  const char *name; /* as asked for, with its overrides */
  struct op_graph graph;
  size_t first_price; /* of its shapes, among the prices of a pool */
};
struct tenancy_layer {
  uint32_t model, op; /* place in the model's graph */
};
struct tenancy_pool {
  uint64_t number; /* of the task, or TENANCY_OWN_MODELS */
  const char *name;
  size_t n_models, n_layers;
  struct tenancy_model *models;
  const struct tenancy_layer *layers; /* model by model, in topological order */
  size_t n_left_out;                  /* operators that the provider has no form for */
};
bool tenancy_pool_open(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                       uint64_t element_bytes, struct tenancy_pool *pool, struct error *error);

/* --- tables ---------------------------------------------------------------------------------------------------------
 */
struct tenancy_table {
  const struct tenancy_table_settings *settings;
  struct tenancy_cores cores;
  struct tenancy_pool pool;
  const struct tenancy_price *const *prices; /* of each kind of core, those of the pool's shapes */
};
/* All that groups are drawn from; into world->arena. */
bool tenancy_table_open(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                        struct tenancy_table *table, struct error *error);
/* All that the pool's layers cost on one kind of core, in the arena. */
const struct tenancy_price *tenancy_price_pool(const struct tenancy_table_settings *settings,
                                               const struct tenancy_core_kind *kind, struct tenancy_pool *pool,
                                               struct arena *arena);
/* As tenancy_table_open, of cores and networks that are open already; they are copied. `kept`: for each kind of core
 * what tenancy_price_pool says of it, which lives as long as the table; NULL: done here. */
bool tenancy_table_of(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                      const struct tenancy_cores *cores, const struct tenancy_pool *pool,
                      const struct tenancy_price *const *kept, struct tenancy_table *table, struct error *error);
static inline size_t tenancy_table_n_instances(const struct tenancy_table *table) {
  return table->settings->n_groups * table->cores.bandwidths_bytes_per_cycle.n;
}
static inline const struct op *tenancy_table_op(const struct tenancy_table *table, uint32_t layer) {
  const struct tenancy_layer *const at = &table->pool.layers[layer];
  return &table->pool.models[at->model].graph.ops[at->op];
}
const struct tenancy_price *tenancy_table_price(const struct tenancy_table *table, uint32_t layer, size_t core);

/* The layers of a group's jobs [n] in the order of their arrival, whatever the cores. */
const uint32_t *tenancy_draw(const struct tenancy_table_settings *settings, const struct tenancy_pool *pool,
                             uint64_t group, size_t *n, struct arena *arena);

/* A problem, and of each of its jobs the layer that it is. */
struct tenancy_instance {
  struct tenancy_problem problem; /* finished */
  uint64_t group;
  const uint32_t *layer; /* [n_jobs], of table->pool */
};
/* Group index / n_bandwidths under bandwidth index % n_bandwidths, into `arena`. The table must live as long. */
bool tenancy_table_build(const struct tenancy_table *table, size_t index, struct arena *arena,
                         struct tenancy_instance *instance, struct error *error);
/* FOLDER/instance.json and FOLDER/jobs.csv, with where each row came from (tenancy_folder.c). */
bool tenancy_table_write(const struct tenancy_table *table, const struct tenancy_instance *instance, const char *folder,
                         struct arena *arena, struct error *error);

#endif
