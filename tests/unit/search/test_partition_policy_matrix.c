/* Are the policy's products of matrices those of GSL's CBLAS, and each sum the one in the order of its terms, whatever
 * the size? Sizes around every block's edge; rows apart by more than they hold; transposed left sides; sums that go on.
 */
#include "base/rng.h"
#include "search/partition/policy_matrix.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static real *draw(size_t n, struct rng *rng) {
  real *const numbers = ARENA_NEW(&arena, real, n);
  for (size_t i = 0; i < n; i++) numbers[i] = (real)(2 * rng_unit(rng) - 1);
  return numbers;
}

/* One term after another: what is promised. */
static real in_order(const struct policy_product *p, size_t i, size_t j, real sum) {
  for (size_t t = 0; t < p->terms; t++) {
    const volatile real product = p->a[i * p->a_row + t * p->a_column] * p->b[t * p->b_row + j];
    sum += product;
  }
  return sum;
}

static void check_product(size_t rows, size_t columns, size_t terms, bool transposed, bool add, struct rng *rng) {
  const size_t b_row = columns + 3, c_row = columns + 5;
  struct policy_product p = {.rows = rows,
                             .columns = columns,
                             .terms = terms,
                             .a = draw((rows + 2) * (terms + 2), rng),
                             .a_row = transposed ? 1 : terms + 2,
                             .a_column = transposed ? rows + 2 : 1,
                             .b = draw(terms * b_row + 1, rng),
                             .b_row = b_row,
                             .c = draw(rows * c_row, rng),
                             .c_row = c_row,
                             .add = add};
  real *const before = ARENA_NEW(&arena, real, rows * c_row), *const c = p.c;
  memcpy(before, c, rows * c_row * sizeof(real));
  policy_multiply(&p);
  p.c = ARENA_NEW(&arena, real, rows * c_row);
  memcpy(p.c, before, rows * c_row * sizeof(real));
  policy_multiply_gsl(&p);
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < c_row; j++) {
      const real mine = c[i * c_row + j], theirs = p.c[i * c_row + j];
      if (j >= columns) {
        assert_true(mine == before[i * c_row + j]);
        continue;
      }
      const real exact = in_order(&p, i, j, add ? before[i * c_row + j] : 0);
      if (mine != exact)
        fail_msg("%zux%zux%zu at %zu, %zu: %.9g, in order %.9g", rows, columns, terms, i, j, (double)mine,
                 (double)exact);
      assert_true(fabs((double)mine - (double)theirs) <= 4e-7 * (1 + (double)terms));
    }
  }
}

static void test_products(void **state) {
  (void)state;
  static const size_t rows[] = {1, 5, 6, 7, 13, 24}, columns[] = {1, 2, 7, 8, 16, 17, 32, 33, 64, 100};
  static const size_t terms[] = {0, 1, 9, 64, 256, 300};
  struct rng rng = rng_stream(2385, RNG_TEST, 83, 0);
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
      for (size_t t = 0; t < sizeof terms / sizeof *terms; t++) {
        const struct arena_mark mark = arena_get_mark(&arena);
        check_product(rows[r], columns[c], terms[t], (r + c + t) % 2 == 0, (r + c) % 3 == 0, &rng);
        check_product(rows[r], columns[c], terms[t], (r + c + t) % 2 == 1, (r + t) % 3 == 0, &rng);
        arena_rewind(&arena, mark);
      }
    }
  }
}

static void test_rows(void **state) {
  (void)state;
  struct rng rng = rng_stream(2385, RNG_TEST, 83, 1);
  for (size_t n = 0; n < 40; n++) {
    real *const a = draw(n + 1, &rng), *const b = draw(n + 1, &rng), *const turned = draw(3 * n + 1, &rng);
    double sum = 0, dot = 0;
    for (size_t i = 0; i < n; i++) {
      sum += (double)a[i];
      dot += (double)a[i] * (double)b[i];
    }
    assert_true(fabs((double)policy_row_sum(a, n) - sum) <= 1e-5);
    assert_true(fabs((double)policy_row_dot(a, b, n) - dot) <= 1e-5);
    const real last = b[n];
    const real expected = n > 0 ? b[n - 1] + 2 * a[n - 1] : 0;
    policy_row_add(b, a, 2, n);
    assert_true(b[n] == last && (n == 0 || b[n - 1] == expected));
    real *const back = draw(3 * n + 1, &rng), *const again = draw(3 * n + 1, &rng);
    policy_transpose(turned, 3, n, back);
    policy_transpose(back, n, 3, again);
    assert_memory_equal(turned, again, 3 * n * sizeof(real));
    if (n > 2) assert_true(back[2 * 3 + 1] == turned[n + 2]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_products, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_rows, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
