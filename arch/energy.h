/* Where does the energy of work on a design go, level by level? (cost-model §6, "Runtime energy")
 *
 * Two details. `all_in`: the law of physical_energy_j, in which a MAC's energy holds its operands' way through
 * registers, L2, global buffer (GLB) and wires, so that those levels show none. `split`: a MAC costs its arithmetic
 * alone, and the bytes pay for the memories (arch/sram.h) and wires that they pass, at prices which one factor makes
 * agree with `all_in` on a reference operator of a reference design (energy_reference_traffic). MACs that idle, lanes,
 * HBM, links, leakage and the rest are the same in both. Both are linear in the counts with prices that are never
 * negative, so that floors on counts are floors on energy.
 *
 * Left out: voltage and frequency, how many bits toggle, instruction fetch; the area and TDP laws do not know `split`.
 */
#ifndef ARCH_ENERGY_H
#define ARCH_ENERGY_H

#include "arch/technology.h"

enum energy_detail { ENERGY_ALL_IN, ENERGY_SPLIT };
extern const char *const energy_detail_names[]; /* NULL-terminated, for a table of keys */

/* What is counted of an operator or of an iteration. A byte counts once at each level that it passes. */
struct energy_traffic {
  uint64_t macs, idle_mac_cycles; /* MAC slots of busy arrays with and without work */
  uint64_t lane_cycles;           /* lanes × cycles */
  uint64_t array_bytes;           /* between the arrays and their L2 */
  uint64_t l2_bytes;              /* into and out of the L2 of all cores, from and to the GLB */
  uint64_t glb_bytes;             /* out of and into the GLB on the cores' side: a broadcast counts once */
  uint64_t hbm_bytes, link_bytes; /* the latter sent and received */
  double seconds;                 /* for what flows all the time */
};

enum energy_level {
  ENERGY_MACS,
  ENERGY_IDLE,
  ENERGY_REGISTERS, /* inside arrays */
  ENERGY_L2,
  ENERGY_GLB,
  ENERGY_WIRES, /* between the levels */
  ENERGY_HBM,
  ENERGY_LINKS,
  ENERGY_LANES,
  ENERGY_LEAKAGE,
  ENERGY_MISC,
  ENERGY_SUPPLY, /* lost in voltage regulators */
  N_ENERGY_LEVELS
};
extern const char *const energy_level_names[N_ENERGY_LEVELS];

struct energy_breakdown {
  double level_j[N_ENERGY_LEVELS];
  double total_j; /* their sum; all_in: physical_energy_j */
};

/* Constants of one run: made once, for any number of designs. */
struct energy_model {
  const struct technology *technology;
  enum energy_detail detail;
  struct energy_traffic reference; /* split: what the reference operator moves */
  double split_factor;             /* of registers, L2, GLB and wires; 0 if a MAC's energy leaves nothing for them */
};
void energy_model_init(struct energy_model *model, const struct technology *technology, enum energy_detail detail);
/* The same model under other constants, without memory or mapping. */
void energy_model_calibrate(struct energy_model *model, const struct technology *technology);

/* Joules a unit, before the regulators. */
struct energy_prices {
  double mac, idle_mac_cycle, lane_cycle, register_mac; /* the last: a MAC's traffic with its registers */
  double l2_byte, l2_array_byte;                        /* filled from the GLB; on the array's side */
  double glb_byte;
  double wire_array_byte, wire_core_byte, wire_hbm_byte; /* L2 to array, GLB to core, HBM to GLB */
  double hbm_byte, link_byte;
  double leakage_w, misc_w, supply_efficiency;
};
/* Of a derived design with that area. */
void energy_prices_init(struct energy_prices *prices, const struct energy_model *model,
                        const struct accelerator *accelerator, const struct area_breakdown *area);
void energy_split(const struct energy_prices *prices, const struct energy_traffic *traffic,
                  struct energy_breakdown *energy);
/* The total alone. */
double energy_total_j(const struct energy_prices *prices, const struct energy_traffic *traffic);

/* The same at once; in all_in the law itself, to the last bit, which is much cheaper than prices by level. */
double energy_model_j(const struct energy_model *model, const struct accelerator *accelerator,
                      const struct area_breakdown *area, const struct energy_traffic *traffic);

/* TPUv4, and what 4096³ of it moves as the physical provider maps it by default (see energy.c). */
void energy_reference_design(struct accelerator *accelerator);
void energy_reference_traffic(struct energy_traffic *traffic);

#endif
