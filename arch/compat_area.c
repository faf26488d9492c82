/* What area do the public tools (WHAM, Phaze) give a design?
 *
 * Source: cost-model §4.2, the law and tables recovered there: 22 nm, whatever node the design names. Sizes outside the
 * tables are interpolated in log-log (along the last segment beyond their ends) and flagged. Left out, as in the public
 * tools: wiring, HBM PHYs, links, control, leakage, TDP. */
#include "arch/technology.h"
#include "base/num.h"

static const double mac_um2 = 760.041386, lane_um2 = 759.823853;

struct size_row {
  double size, um2;
};

static const struct size_row l2_table[] = {
    /* KiB */
    {1, 6133.98}, {2, 8248.43},  {4, 12610.5},  {8, 22139.9},  {16, 38583.0},   {32, 63338.4},
    {64, 115579}, {128, 204764}, {256, 446565}, {512, 897890}, {1024, 1634130},
};

static const struct size_row glb_table[] = {
    /* MiB; 160 and 256 from a second source */
    {2, 3338220},   {4, 6078640},     {8, 11952400},    {16, 23745200},   {32, 46750900},
    {64, 88605700}, {128, 175423000}, {160, 225221000}, {256, 349364000},
};

#define N_ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Area of one memory; 0 for none. */
static double table_um2(const struct size_row *table, size_t n_rows, double size, bool *interpolated) {
  if (!(size > 0)) return 0;
  size_t above = 0;
  while (above < n_rows && table[above].size < size) above++;
  if (above < n_rows && !(table[above].size > size)) return table[above].um2;
  *interpolated = true;
  if (above == 0) above = 1;
  if (above == n_rows) above = n_rows - 1;
  const struct size_row *const a = &table[above - 1], *const b = &table[above];
  const double slope = num_log(b->um2 / a->um2) / num_log(b->size / a->size);
  return a->um2 * num_exp(slope * num_log(size / a->size));
}

void compat_area(const struct accelerator *accelerator, struct area_breakdown *area, bool *interpolated) {
  bool off_table = false;
  const double n_tensor = (double)accelerator->tc_count, n_vector = (double)accelerator->vc_count;
  const double macs = n_tensor * ((double)accelerator->tc_rows * (double)accelerator->tc_cols);
  const double tensor_um2 = mac_um2 * macs;
  const double vector_um2 = lane_um2 * (n_vector * (double)accelerator->vc_width);
  double sram_um2 =
      table_um2(glb_table, N_ROWS(glb_table), (double)accelerator_glb_bytes(accelerator) / (1 << 20), &off_table);
  if (accelerator->tc_count > 0)
    sram_um2 +=
        n_tensor * table_um2(l2_table, N_ROWS(l2_table), (double)accelerator_tensor_l2_kib(accelerator), &off_table);
  if (accelerator->vc_count > 0)
    sram_um2 +=
        n_vector * table_um2(l2_table, N_ROWS(l2_table), (double)accelerator_vector_l2_kib(accelerator), &off_table);
  *area = (struct area_breakdown){0};
  area->tensor = tensor_um2 * 1e-6;
  area->vector = vector_um2 * 1e-6;
  area->sram = sram_um2 * 1e-6;
  area->total = (tensor_um2 + vector_um2 + sram_um2) * 1e-6;
  if (interpolated != NULL) *interpolated = off_table;
}
