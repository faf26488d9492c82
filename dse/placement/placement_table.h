/* Which problem of placement does a network make on these devices? (placement §2, §3.1, §9)
 *
 * A run file's group `placement` names networks (tables of layers), devices (boards of the literature, accelerators of
 * the catalogue or of files) and speeds of their links to the host. A board takes what its formula says; an accelerator
 * what our cost model says, operand by operand from its own HBM, with the energy of the run. One problem a network and
 * a link, which `dse map placement` reads. Left out: devices that differ in their links; a mesh. Files say both. */
#ifndef DSE_PLACEMENT_TABLE_H
#define DSE_PLACEMENT_TABLE_H

#include "arch/board.h"
#include "dse/tenancy/tenancy_table.h"
#include "search/placement/placement.h"

/* What a layer reads when nothing is local. */
enum placement_inputs {
  PLACEMENT_INPUTS_EDGES,  /* all that its edges carry */
  PLACEMENT_INPUTS_WINDOW, /* of a convolution what its windows touch */
  PLACEMENT_INPUTS_COMPAT  /* of a convolution N · 2R · 2C, as the public program */
};

struct placement_table_settings {
  struct text_list models, boards, accelerators;
  struct real_list link_gbytes_per_s;
  uint64_t element_bytes; /* 0: the accelerators', else 2 */
  uint64_t inputs, fc_input;
  uint64_t transfers, timing, objective, memory; /* the enums of placement.h */
  uint64_t granule_bytes, prefetch_layers;
  double link_latency_us, host_out_gbytes_per_s, host_in_gbytes_per_s, host_transfer_pj_per_byte; /* 0: unlimited */
  double pin_share;                                                                               /* 0: the boards' */
  bool half_duplex;
};
extern const struct field_table placement_table_fields; /* group "placement" of run files */

/* --- devices (placement_devices.c) ----------------------------------------------------------------------------------
 */
struct placement_part { /* what equal devices share */
  const char *name;
  const struct board *board;            /* or else */
  const struct tenancy_core_kind *kind; /* an accelerator, its memory as fast as it is */
};
struct placement_devices {
  size_t n;
  const struct placement_part *parts; /* [n]; those of one name are alike */
  const char **names;                 /* [n] all different */
  uint64_t element_bytes;
  bool priced; /* energies are known: some device is an accelerator */
};
bool placement_devices_open(const struct placement_table_settings *settings, const struct tenancy_world *world,
                            struct placement_devices *devices, struct error *error);
/* What one layer takes on a part, all operands in its own memory. */
struct placement_price {
  double seconds, energy_j, dram_bytes; /* NAN seconds: it cannot run there */
};
void placement_price(const struct placement_part *part, const struct layer *layer, uint64_t element_bytes,
                     struct placement_price *price);

/* --- problems -------------------------------------------------------------------------------------------------------
 */
struct placement_table {
  const struct placement_table_settings *settings;
  struct placement_devices devices;
  size_t n_models;
  const struct layer_table *models;
};
bool placement_table_open(const struct placement_table_settings *settings, const struct tenancy_world *world,
                          struct placement_table *table, struct error *error);
static inline size_t placement_table_n_problems(const struct placement_table *table) {
  return table->n_models * table->settings->link_gbytes_per_s.n;
}
/* Network index / n_links over link index % n_links, finished, into `arena`. The table must live as long. */
bool placement_table_build(const struct placement_table *table, size_t index, struct arena *arena,
                           struct placement_problem *problem, struct error *error);

#endif
