/* Does any table of operators break its reader, or what prices them? Every row is an operator or an error, and every
 * operator has a price on a small design that no floor lies above.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_op_table.c
 * dse/calibrate/op_table.c and the libraries arch, workloads, base built with the same sanitizers. The corpus is
 * replayed by tests/unit/dse/test_fuzz_corpus.c. */
#include "arch/cost.h"
#include "base/csv.h"
#include "dse/calibrate/op_table.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_MOST_ROWS = 31 };

/* Rows that were priced, and rows that were refused, so far. */
static struct { size_t accepted, refused; } fuzz_seen;

static void price_op(const struct op *op, struct arena *arena) {
  struct cost_settings settings = {0}; /* what is no key as well */
  struct technology technology;
  struct machine machine;
  config_defaults(&cost_fields, arena, &settings);
  config_defaults(&technology_fields, arena, &technology);
  const struct accelerator accelerator = {.tc_count = 3,
                                          .tc_rows = 24,
                                          .tc_cols = 16,
                                          .tc_l2_kib = 6,
                                          .vc_count = 2,
                                          .vc_width = 96,
                                          .vc_l2_kib = 2,
                                          .glb_kib = 385,
                                          .clock_mhz = 700,
                                          .link_gbytes_per_s = 35,
                                          .hbm_bytes_per_cycle = 100};
  machine_init(&machine, &settings, &technology, &accelerator);
  for (uint64_t cores = 1; cores <= 3; cores++) {
    struct op_cost cost;
    struct op_floor floor;
    physical_provider.op_cost(&machine, op, NULL, cores, &cost);
    physical_provider.op_floor(&machine, op, NULL, &floor);
    if (cost.cycles < cost.bound_cycles) abort();
    if (cost.cycles != UINT64_MAX && cost.cycles < floor.memory_cycles) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct error error = {0};
  struct csv csv;
  if (csv_parse("fuzz.csv", (const char *)data, size, FUZZ_MOST_ROWS, &arena, &csv, &error)) {
    for (size_t row = 0; row < csv.n_rows; row++) {
      struct op op;
      struct error wrong = {0};
      const bool ok = op_table_row(&csv, row, &op, &wrong);
      if (ok == error_is_set(&wrong)) abort();
      if (ok) {
        price_op(&op, &arena);
        fuzz_seen.accepted++;
      } else {
        fuzz_seen.refused++;
      }
    }
  }
  arena_release(&arena);
  return 0;
}
