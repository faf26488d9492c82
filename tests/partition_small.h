/* Small partition problems from plain numbers, for tests: the worked example of the statement (partition §2) and what
 * differs from it by a few fields. */
#ifndef TESTS_PARTITION_SMALL_H
#define TESTS_PARTITION_SMALL_H

#include "search/partition/partition.h"

static const double example_ms[] = {2, 3, 1, 4, 2, 3};
static const uint64_t example_weights[] = {10, 20, 10, 40, 20, 10};
static const uint64_t example_bits[] = {800, 1600, 800, 800, 0, 0};
static const uint32_t example_groups[] = {0, 1, 2, 3, 4, 5};
static const bool example_cloneable[6] = {false};
static const char *const example_names[] = {"n0", "n1", "n2", "n3", "n4", "n5"};
static const struct partition_edge example_edges[] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {3, 4}, {0, 4}, {3, 5}};

/* Six nodes, 100 bytes take 1 ms. */
static inline struct partition_problem partition_example(void) {
  return (struct partition_problem){.name = "example",
                                    .n_chips = 3,
                                    .link_bytes_per_s = 100000,
                                    .n_nodes = 6,
                                    .n_edges = 7,
                                    .node_names = example_names,
                                    .compute_ms = example_ms,
                                    .weight_bytes = example_weights,
                                    .out_bits = example_bits,
                                    .colocate = example_groups,
                                    .cloneable = example_cloneable,
                                    .edges = example_edges};
}

/* The next assignment of n groups to chips 1 … C, the last group fastest; false behind the last one. */
static inline bool partition_next_assignment(uint32_t *chip, size_t n, uint32_t n_chips) {
  for (size_t i = n; i-- > 0;) {
    if (++chip[i] <= n_chips) return true;
    chip[i] = 1;
  }
  return false;
}

#endif
