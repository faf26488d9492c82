/* The peers' operator list on their bare arrays, for tests and the benchmark (tests/data/opcost). */
#ifndef TESTS_OPCOST_H
#define TESTS_OPCOST_H

#include "arch/cost.h"
#include "base/checked.h"
#include "base/csv.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

struct opcost_op {
  const char *name, *kind;
  struct op op;
};

struct opcost {
  struct csv hardware, ops_csv;
  struct opcost_op *ops;
  size_t n_ops;
  struct cost_settings settings;
  struct technology technology;
};

static inline uint64_t opcost_number(const struct csv *csv, size_t row, const char *column) {
  uint64_t value = 0;
  const size_t at = csv_column(csv, column);
  REQUIRE(at != SIZE_MAX);
  const char *cell = csv_cell(csv, row, at);
  REQUIRE(cell[0] == '\0' || text_to_u64(cell, &value));
  return value;
}

static inline const char *opcost_text(const struct csv *csv, size_t row, const char *column) {
  REQUIRE(csv_column(csv, column) != SIZE_MAX);
  return csv_cell(csv, row, csv_column(csv, column));
}

static inline struct op opcost_op_of(const struct csv *csv, size_t row) {
  const char *const kind = opcost_text(csv, row, "kind");
  const uint64_t k = opcost_number(csv, row, "k"), c = opcost_number(csv, row, "c");
  if (strcmp(kind, "gemm") == 0) {
    struct op op = op_new(OP_GEMM, 1);
    op.weighted = true;
    op.dim[DIM_REPS] = 1;
    op.dim[DIM_M] = opcost_number(csv, row, "m");
    op.dim[DIM_N] = opcost_number(csv, row, "n");
    op.dim[DIM_K] = k;
    op.in_bytes = op.dim[DIM_M] * k;
    op.weight_bytes = k * op.dim[DIM_N];
    op.out_bytes = op.dim[DIM_M] * op.dim[DIM_N];
    return op;
  }
  struct op op = op_new(strcmp(kind, "depthwise") == 0 ? OP_DEPTHWISE : OP_CONV, 1);
  op.dim[DIM_IMAGES] = opcost_number(csv, row, "batch");
  op.dim[DIM_IN_CHANNELS] = c;
  op.dim[DIM_IN_HEIGHT] = opcost_number(csv, row, "h");
  op.dim[DIM_IN_WIDTH] = opcost_number(csv, row, "w");
  op.dim[DIM_FILTER_HEIGHT] = opcost_number(csv, row, "r");
  op.dim[DIM_FILTER_WIDTH] = opcost_number(csv, row, "s");
  op.dim[DIM_STRIDE] = opcost_number(csv, row, "stride");
  op.dim[DIM_DILATION] = 1;
  op.dim[DIM_GROUPS] = max_u64(opcost_number(csv, row, "groups"), 1);
  op.dim[DIM_OUT_CHANNELS] = op.kind == OP_DEPTHWISE ? c : k;
  op.in_bytes = c * op.dim[DIM_IN_HEIGHT] * op.dim[DIM_IN_WIDTH];
  op.weight_bytes =
      op.dim[DIM_OUT_CHANNELS] * (c / op.dim[DIM_GROUPS]) * op.dim[DIM_FILTER_HEIGHT] * op.dim[DIM_FILTER_WIDTH];
  op.out_bytes = op.dim[DIM_OUT_CHANNELS] * op_conv_out_height(&op) * op_conv_out_width(&op);
  return op;
}

static inline bool opcost_read(struct arena *arena, struct opcost *opcost, struct error *error) {
  if (!csv_read("tests/data/opcost/hardware.csv", 1000, arena, &opcost->hardware, error)) return false;
  if (!csv_read("tests/data/opcost/ops.csv", 1000, arena, &opcost->ops_csv, error)) return false;
  opcost->n_ops = opcost->ops_csv.n_rows;
  opcost->ops = ARENA_NEW(arena, struct opcost_op, opcost->n_ops);
  for (size_t i = 0; i < opcost->n_ops; i++)
    opcost->ops[i] = (struct opcost_op){opcost_text(&opcost->ops_csv, i, "name"),
                                        opcost_text(&opcost->ops_csv, i, "kind"), opcost_op_of(&opcost->ops_csv, i)};
  opcost->settings = (struct cost_settings){0}; /* what is no key as well */
  config_defaults(&cost_fields, arena, &opcost->settings);
  config_defaults(&technology_fields, arena, &opcost->technology);
  return true;
}

/* A row of hardware.csv as a machine: one tensor core, no vector core, on-chip memory = the unified size. */
static inline struct machine opcost_machine(const struct opcost *opcost, size_t row) {
  struct accelerator accelerator = {.tc_count = 1,
                                    .tc_rows = opcost_number(&opcost->hardware, row, "rows"),
                                    .tc_cols = opcost_number(&opcost->hardware, row, "cols"),
                                    .glb_kib = opcost_number(&opcost->hardware, row, "unified_kB"),
                                    .clock_mhz = 1000,
                                    .node_nm = 7,
                                    .element_bytes = 1,
                                    .dies = 1};
  accelerator.hbm_bytes_per_cycle = (double)opcost_number(&opcost->hardware, row, "dram_bytes_per_cycle");
  accelerator.tc_l2_kib = max_u64(accelerator.tc_rows * accelerator.tc_cols / 64, 1); /* as accelerator_derive */
  struct machine machine;
  machine_init(&machine, &opcost->settings, &opcost->technology, &accelerator);
  return machine;
}

static inline const struct opcost_op *opcost_find(const struct opcost *opcost, const char *name) {
  for (size_t i = 0; i < opcost->n_ops; i++)
    if (strcmp(opcost->ops[i].name, name) == 0) return &opcost->ops[i];
  return NULL;
}

static inline size_t opcost_hardware(const struct opcost *opcost, const char *name) {
  for (size_t i = 0; i < opcost->hardware.n_rows; i++)
    if (strcmp(opcost_text(&opcost->hardware, i, "hw"), name) == 0) return i;
  return SIZE_MAX;
}

#endif
