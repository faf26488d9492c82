/* Rates and hops by hand: what degree and bisection leave of a device's bandwidth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/topology.h"
#include <string.h>

static struct topology_view view_of(const char *name, uint64_t size, uint64_t extent, uint64_t stride) {
  const struct topology_place place = {extent, stride, size, 4};
  struct topology_view view = {0};
  for (size_t t = 0; t < n_topologies; t++)
    if (strcmp(topology_names[t], name) == 0) topologies[t]->view(&place, &view);
  assert_true(view.ring > 0);
  return view;
}

static void check(const char *name, uint64_t size, uint64_t extent, uint64_t stride, double ring, double all_to_all,
                  double pairs, double neighbour) {
  const struct topology_view view = view_of(name, size, extent, stride);
  assert_float_equal(view.ring, ring, 1e-12);
  assert_float_equal(view.all_to_all, all_to_all, 1e-12);
  assert_float_equal(view.pairs, pairs, 1e-12);
  assert_float_equal(view.neighbour, neighbour, 1e-12);
}

static void test_rates(void **state) {
  (void)state;
  check("switch", 0, 77, 1, 1, 1, 1, 1);
  check("fat_tree", 0, 77, 1, 1, 0.25, 0.25, 0.25);
  check("fat_tree", 0, 77, 3, 0.25, 0.25, 0.25, 0.25);
  /* messages between all pairs of 8 on a ring go 16/7 hops on average over two links each */
  check("ring", 8, 8, 1, 1, 7. / 16, 2. / 8, 0.5);
  check("ring", 7, 7, 1, 1, 6. * 7 / (3 * 4 * 7), 2. / 7, 0.5);
  check("ring", 8, 4, 1, 0.5, 0.5 * 3 * 4 / (2 * 2 * 4.), 0.5 * 2 / 4, 0.5);  /* open: one link carries it */
  check("ring", 8, 4, 2, 0.5, 0.5 * 3 * 4 / (2 * 2 * 4.), 0.5 * 2 / 4, 0.25); /* two groups interleave, both closed */
  check("full_mesh", 8, 8, 1, 6. / 7, 1, 1. / 7, 1. / 7);                     /* three cycles of seven links */
  check("full_mesh", 8, 3, 1, 2. / 7, 2. / 7, 1. / 7, 1. / 7);
  check("hypercube", 16, 16, 1, 1, 0.25 * 2 * 15 / 16, 0.25, 0.25);
  check("hypercube", 16, 4, 1, 0.5, 0.25 * 2 * 3 / 4, 0.25, 0.25);
}

static void test_blocks_of_a_torus(void **state) {
  (void)state;
  /* 16 x 16 x 16: a whole side has 2 links of 6, a part of one 1, groups that interleave divide them */
  assert_float_equal(view_of("torus3d", 4096, 16, 1).ring, 2. / 6, 1e-12);
  assert_float_equal(view_of("torus3d", 4096, 16, 16).ring, 2. / 6, 1e-12);
  assert_float_equal(view_of("torus3d", 4096, 4, 1).ring, 1. / 6, 1e-12);
  assert_float_equal(view_of("torus3d", 4096, 4, 4).ring, 2. / 6 / 4, 1e-12);
  assert_float_equal(view_of("torus3d", 4096, 64, 1).ring, 2. / 6 + 1. / 6, 1e-12);
  assert_float_equal(view_of("torus3d", 4096, 4096, 1).ring, 1, 1e-12);
  assert_float_equal(view_of("mesh2d", 256, 256, 1).ring, 0.5, 1e-12);
  const struct topology_view block = view_of("torus3d", 8960, 320, 1); /* 16 x 20 x 28 */
  assert_int_equal(block.n_sides, 2);
  assert_int_equal(block.sides[0], 16);
  assert_int_equal(block.sides[1], 20);
  assert_int_equal(block.far_hops, 8 + 10);
  assert_int_equal(view_of("torus2d", 256, 256, 1).far_hops, 8 + 8);
  assert_int_equal(view_of("mesh2d", 256, 256, 1).far_hops, 15 + 15);
  assert_int_equal(view_of("torus3d", 4096, 4, 4).ring_hops, 4);
}

static void test_neighbours(void **state) {
  (void)state;
  /* a shift by 15 of 16 is one back; by 8 all go eight links; by 16 the next row */
  const struct {
    uint64_t stride;
    double rate;
    uint64_t hops;
  } rows[] = {{1, 1. / 6, 1}, {15, 1. / 6, 1}, {8, 1. / 6 / 8, 8}, {16, 1. / 6, 1}, {19, 1. / 6 / 3, 4}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct topology_view view = view_of("torus3d", 4096, 2, rows[i].stride);
    assert_float_equal(view.neighbour, rows[i].rate, 1e-12);
    assert_int_equal(view.neighbour_hops, rows[i].hops);
  }
  assert_int_equal(view_of("mesh2d", 256, 2, 15).neighbour_hops, 15);
}

static void test_members_within(void **state) {
  (void)state;
  const uint64_t rows[][4] = {{8, 1, 8, 8},  {4, 1, 8, 4}, {16, 1, 8, 8}, {12, 1, 8, 4}, {7, 1, 8, 1},
                              {6, 1, 8, 2},  {4, 2, 8, 4}, {4, 4, 8, 2},  {4, 8, 8, 1},  {4, 8, 32, 4},
                              {3, 8, 32, 1}, {3, 5, 8, 1}, {2, 3, 12, 2}, {8, 3, 8, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    assert_int_equal(topology_members_within(rows[i][0], rows[i][1], rows[i][2]), rows[i][3]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rates),
      cmocka_unit_test(test_blocks_of_a_torus),
      cmocka_unit_test(test_neighbours),
      cmocka_unit_test(test_members_within),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
