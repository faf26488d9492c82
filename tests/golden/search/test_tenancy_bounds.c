/* Are the bounds as good as those that research found, and below every answer that it knows?
 *
 * Source: instance.json of the eleven development instances (tenancy §15): bounds by research
 * programs (GLPK, and column generation in Python) and the best makespans known when they were written. B1 and B2 must
 * be equal, the best bound no worse than 0.01 % below. Those instances that lie in tests/data/tenancy are tried, and
 * all in the folder that the environment variable DSE_TENANCY_DATA names. */
#include "search/tenancy/tenancy_bounds.h"
#include "search/tenancy/tenancy_read.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct published {
  const char *name;
  double single_job, lp, best, known;
} published[] = {
    {"s1_recom_i0_bw1", 16385.0, 226285.6584821428, 231397.708, 231401.73660714284},
    {"s2_lang_i7_bw1", 327681.0, 1631137.0491421628, 1631827.45, 1632213.007418993},
    {"s2_mix500_i0_bw4", 3484801.0, 10135470.50552637, 10138968.3, 10138984.266760215},
    {"s2_vision_i5_bw4", 865281.0, 2371871.279486005, 2373371.54, 2373590.335243212},
    {"s3_mix_i6_bw8", 87481.0, 157381.543706916, 159357.96, 159608.7381534643},
    {"s4_mix_i6_bw1", 87481.0, 907973.7774206679, 911431.553, 914689.0121346969},
    {"s4_vision_i5_bw256", 389377.0, 493987.0000000004, 494122.571, 494173.00000000006},
    {"s5_mix_i6_bw16", 87481.0, 162133.73136190214, 163941.554, 164048.36629912353},
    {"s6_recom1000_bw16", 4097.0, 261204.96216886645, 261915.791, 268010.51794662466},
    {"s6_recom_i3_bw16", 4097.0, 27897.91088391906, 28034.19, 28609.70269393921},
    {"tr_s2_vision_i5_bw32", 865281.0, 2750426.557266175, 2818211.83, 2835392.5111048217},
};
enum { N_PUBLISHED = sizeof published / sizeof *published };

static void assert_near(const char *name, const char *what, double ours, double theirs, double tolerance) {
  if (!(fabs(ours / theirs - 1) <= tolerance))
    fail_msg("%s: %s is %.12g, published is %.12g", name, what, ours, theirs);
}

static bool check(const char *folder, const struct published *row) {
  struct arena arena;
  arena_init(&arena, 1 << 20);
  const char *path = arena_printf(&arena, "%s/%s", folder, row->name);
  const bool there = access(path, F_OK) == 0;
  if (there) {
    struct error error = {0};
    struct tenancy_problem problem;
    struct tenancy_bounds bounds;
    if (!tenancy_read(path, &arena, &problem, &error) ||
        !tenancy_bounds(&problem, &tenancy_bounds_proof, NULL, &arena, &bounds, &error))
      fail_msg("%s", error.text);
    assert_near(row->name, "B1", bounds.cycles[TENANCY_B1_SINGLE_JOB], row->single_job, 1e-12);
    assert_near(row->name, "B2", bounds.cycles[TENANCY_B2_LP], row->lp, 1e-9);
    if (!(bounds.best_cycles >= row->best * (1 - 1e-4)))
      fail_msg("%s: the bound is %.12g, published is %.12g", row->name, bounds.best_cycles, row->best);
    if (!(bounds.best_cycles <= row->known * (1 + 1e-9)))
      fail_msg("%s: the bound is %.12g, an answer has %.12g", row->name, bounds.best_cycles, row->known);
    print_message("%s: B3 %.3f, B4 %.3f, B5 %.3f, the best known %.3f is %.4f %% above\n", row->name,
                  bounds.cycles[TENANCY_B3_GROUPED_MIP], bounds.cycles[TENANCY_B4_CONFIGURATION_LP],
                  bounds.cycles[TENANCY_B5_BRANCHED], row->known, 100 * tenancy_gap(row->known, bounds.best_cycles));
  }
  arena_release(&arena);
  return there;
}

static void bounds_are_no_worse_than_published(void **state) {
  (void)state;
  size_t n = 0;
  for (size_t i = 0; i < N_PUBLISHED; i++) n += check("tests/data/tenancy", &published[i]);
  assert_true(n >= 3);
  const char *more = getenv("DSE_TENANCY_DATA");
  for (size_t i = 0; more != NULL && i < N_PUBLISHED; i++) check(more, &published[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_are_no_worse_than_published)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
