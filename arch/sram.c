/* The table of cost-model §5 and what lies between its entries. See sram.h. */
#include "arch/sram.h"

#include "base/error.h"
#include "base/num.h"
#include <math.h>

enum { N_WIDTHS = 4, N_SIZES = 14 };

static const double sizes_kib[N_SIZES] = {8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
static const double widths_bytes[N_WIDTHS] = {32, 64, 128, 256};

/* mm²; pJ a read of 32, 64, 128, 256 bytes; pJ a write of 64 bytes; ns; mW. */
static const struct sram_row {
  double mm2, read_pj[N_WIDTHS], write_pj, ns, leakage_mw;
} table[N_SIZES] = {
    {.0118, {2.6, 6.7, 22.6, 83.2}, 9.9, .13, .63},    {.0171, {4.9, 7.5, 23.0, 84.0}, 14.1, .16, 1.03},
    {.0277, {6.6, 9.3, 24.7, 85.7}, 22.6, .22, 1.17},  {.0532, {12.9, 18.0, 28.2, 89.1}, 27.9, .29, 2.34},
    {.146, {17.1, 27.1, 35.0, 95.1}, 37.1, .41, 4.68}, {.257, {25.4, 40.6, 70.0, 109}, 60.7, .60, 5.96},
    {.538, {38.6, 62.6, 104, 193}, 65.8, .81, 11.9},   {.946, {54.6, 96.4, 174, 273}, 103, 1.11, 60.8},
    {1.855, {78.8, 147, 292, 517}, 153, 1.51, 70.3},   {3.335, {112, 198, 400, 1017}, 238, 1.95, 126},
    {6.147, {159, 294, 561, 1203}, 307, 2.59, 545},    {13.34, {220, 448, 935, 1936}, 461, 3.51, 815},
    {25.47, {307, 619, 1289, 2654}, 632, 4.72, 1250},  {50.29, {441, 862, 1772, 3682}, 875, 6.41, 1994},
};
/* CACTI's six-transistor cell is 146 F²; with it the table's 64 MiB are cells to three quarters. */
static const double cell_22nm_um2 = 146 * 0.022 * 0.022;
/* cost-model §5: from 22 nm to 7 nm. */
static const double energy_7nm_of_22nm = 0.16;

struct sram_scaling sram_scaling_of(double cell_um2, double energy, double wire_pj_per_bit_mm) {
  return (struct sram_scaling){cell_um2 / cell_22nm_um2, energy_7nm_of_22nm * energy, wire_pj_per_bit_mm};
}

struct sram_scaling sram_scaling_22nm(double wire_pj_per_bit_mm) {
  return (struct sram_scaling){1, 1, wire_pj_per_bit_mm};
}

/* Where x lies on an ascending axis, in logarithms: entry `low` and the share of the way to the next, which is beyond
 * 0 … 1 outside the axis. */
struct place {
  unsigned low;
  double share;
};

static struct place find(const double *axis, unsigned n, double x) {
  unsigned low = 0;
  while (low + 2 < n && axis[low + 1] <= x) low++;
  return (struct place){
      low, x > axis[low] || x < axis[low] ? num_log(x / axis[low]) / num_log(axis[low + 1] / axis[low]) : 0};
}

/* The entry itself at an entry. */
static double between(double low, double high, double share) {
  if (!(share > 0) && !(share < 0)) return low;
  if (!(share > 1) && !(share < 1)) return high;
  return low * num_exp(share * num_log(high / low));
}

#define COLUMN(member) between(table[size.low].member, table[size.low + 1].member, size.share)

/* One array, or one bank of several, at 22 nm. */
static void one_bank(double kib, double access_bytes, struct sram *bank) {
  const struct place size = find(sizes_kib, N_SIZES, kib);
  /* Energies do not fall below those of the smallest array and the narrowest access that were measured. */
  const struct place of_energy = kib < sizes_kib[0] ? (struct place){0, 0} : find(sizes_kib, N_SIZES, kib);
  const double read_bytes = access_bytes < widths_bytes[0] ? widths_bytes[0] : access_bytes;
  const struct place width = find(widths_bytes, N_WIDTHS, read_bytes);
  const struct sram_row *below = &table[of_energy.low], *above = below + 1;
  const double narrow = between(below->read_pj[width.low], above->read_pj[width.low], of_energy.share);
  const double wide = between(below->read_pj[width.low + 1], above->read_pj[width.low + 1], of_energy.share);
  const double at_64 = between(below->read_pj[1], above->read_pj[1], of_energy.share);
  bank->mm2 = COLUMN(mm2);
  bank->ns = COLUMN(ns);
  bank->leakage_w = 1e-3 * COLUMN(leakage_mw);
  bank->read_pj = between(narrow, wide, width.share);
  /* Writes were measured at 64 bytes alone: other widths cost in proportion to reads. */
  bank->write_pj = between(below->write_pj, above->write_pj, of_energy.share) * (bank->read_pj / at_64);
}

void sram_cost(const struct sram_scaling *scaling, double bytes, double access_bytes, struct sram *sram) {
  REQUIRE(bytes > 0 && access_bytes >= 1);
  const double kib = bytes / 1024, narrowest = widths_bytes[0], widest = widths_bytes[N_WIDTHS - 1];
  one_bank(kib, narrowest, sram);
  /* The cells are the same however they are split: area, time and leakage are those of one array. */
  sram->mm2 *= scaling->area;
  const double wires_pj = 8 * access_bytes * 0.5 * sqrt(sram->mm2) * scaling->wire_pj_per_bit_mm;
  sram->banks = 0;
  for (uint32_t banks = 1; banks == 1 || access_bytes / banks >= narrowest; banks *= 2) {
    if (access_bytes / banks > widest) continue; /* not measured, and such accesses are split */
    struct sram bank;
    one_bank(kib / banks, access_bytes / banks, &bank);
    const double joined_pj = banks > 1 ? wires_pj : 0;
    const double read_pj = banks * bank.read_pj * scaling->energy + joined_pj;
    if (sram->banks > 0 && !(read_pj < sram->read_pj)) continue;
    sram->read_pj = read_pj;
    sram->write_pj = banks * bank.write_pj * scaling->energy + joined_pj;
    sram->banks = banks;
  }
}
