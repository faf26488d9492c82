/* Real chips, as a CSV table states them: what is on their dies, how large those are, what the package may draw. Where
 * the columns come from and what they mean: results/published/chips/README.md. */
#ifndef DSE_CHIP_TABLE_H
#define DSE_CHIP_TABLE_H

#include "arch/chip_law.h"
#include "base/arena.h"
#include "base/csv.h"

enum chip_quantity { CHIP_AREA, CHIP_TDP, N_CHIP_QUANTITIES };

struct chip_row {
  const char *name, *vendor;
  uint64_t year, node_nm;
  double dies;                        /* compute dies in the package */
  double real[N_CHIP_QUANTITIES];     /* mm² of one die; W of the package */
  bool at_most;                       /* the die is smaller than stated (stated with a '<') */
  struct chip chip;                   /* what all dies have, lanes 0 where they are unknown; no lane cycles */
  double clock_hz, stack_bytes_per_s; /* the latter: most that one stack of its memory gives; 0: not known */
  double simt_cores;                  /* 0: no GPU */
  enum mac_format format;
  bool lanes_known;
  bool in_class;                          /* stacks of HBM beside it */
  bool in_fit[N_CHIP_QUANTITIES];         /* in the class and among those that constants are fitted to */
  const char *skipped[N_CHIP_QUANTITIES]; /* why nothing can be said; NULL: something can */
  size_t die; /* rows of the same die have the same number: they are left out of a fit together */
};

struct chip_table {
  const char *path;
  struct chip_row *rows;
  size_t n;
};

/* UNKNOWN is allowed in every cell but the name and gives a row a reason to be skipped; anything else that cannot be is
 * an error at its line and column. Nothing that was found wrong is left out of the messages. */
bool chip_table_read(const char *path, struct arena *arena, struct chip_table *table, struct error *error);

#endif
