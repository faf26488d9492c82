/* What does an access to an on-chip memory cost, and how large, fast and leaky is it? (cost-model §5, table "SRAM")
 *
 * Source: CACTI 7 at 22 nm, 360 K, one read/write port, measured by us: area, energy and time of high-performance
 * cells, leakage of low-standby cells with fast periphery. Other nodes: area by the ratio of the cells, energy × 0.16
 * of the node's dynamic energy (7 nm = 1). Left out: several ports, the time and leakage of other nodes (they are those
 * of 22 nm), error correction. */
#ifndef ARCH_SRAM_H
#define ARCH_SRAM_H

#include <stdint.h>

/* How a technology node stands to the table's. */
struct sram_scaling {
  double area;               /* of the cell at 22 nm */
  double energy;             /* of an access at 22 nm */
  double wire_pj_per_bit_mm; /* between banks; wires hardly shrink, so this is not scaled */
};
/* From a node's cell and its dynamic energy (7 nm = 1). */
struct sram_scaling sram_scaling_of(double cell_um2, double energy, double wire_pj_per_bit_mm);
/* The table's own node. */
struct sram_scaling sram_scaling_22nm(double wire_pj_per_bit_mm);

struct sram {
  double mm2, ns, leakage_w; /* of the whole memory; ns and leakage at 22 nm */
  double read_pj, write_pj;  /* of one access of access_bytes */
  uint32_t banks;            /* that answer an access together */
};

/* A memory of `bytes` (> 0) read and written `access_bytes` (≥ 1) at a time. The access is shared out over the number
 * of banks that reads it for the least energy: each bank as large a part of the memory as of the access, joined by
 * wires as long as half the side of the whole. Between the table's rows and columns: straight lines in log-log; beyond
 * them the last one goes on, but an access costs no less than one of the smallest array. Never falls with bytes. */
void sram_cost(const struct sram_scaling *scaling, double bytes, double access_bytes, struct sram *sram);

#endif
