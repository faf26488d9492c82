/* A measured run that says nothing but its model, for tests. */
#ifndef TESTS_E2E_ROW_H
#define TESTS_E2E_ROW_H

#include "dse/e2e/e2e.h"
#include <math.h>

static inline struct e2e_row row_of(const char *model) {
  return (struct e2e_row){.id = "x",
                          .group = "somewhere",
                          .hardware = "A100",
                          .model = model,
                          .precision = "bf16",
                          .recompute = "",
                          .sharding = "",
                          .metric = "",
                          .unit = "s",
                          .quality = "",
                          .note = "",
                          .source = "",
                          .n_devices = 8,
                          .gated = -1,
                          .parameters_e9 = NAN,
                          .peak_tflops = NAN,
                          .measured = 2,
                          .memory_gb = NAN};
}

#endif
