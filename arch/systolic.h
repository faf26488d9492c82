/* SCALE-Sim's closed forms on one array: see systolic.c. Private to arch/ and its tests. */
#ifndef ARCH_SYSTOLIC_H
#define ARCH_SYSTOLIC_H

#include "arch/cost.h"

struct systolic_array {
  uint64_t rows, cols;
  uint64_t dataflow; /* one of enum dataflow, not DATAFLOW_ALL */
};

/* Words cross between the array and its one memory: operands of C = A·B in, (partial) sums of C out. */
struct systolic_counts {
  uint64_t cycles, folds;
  uint64_t a_words, b_words, c_words;
};

/* A tensor op on one array, stall-free; `deconv` is the setting of that name. All counts saturate; all are 0 if there
 * is nothing to compute. */
void systolic_count(const struct op *op, const struct systolic_array *array, uint64_t deconv,
                    struct systolic_counts *counts);

#endif
