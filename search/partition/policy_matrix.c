/* See policy_matrix.h. Widths are chosen when called, by what the processor has; left out: packing, blocks for caches
 * (a layer's weights fit them) and threads. */
#include "search/partition/policy_matrix.h"

#include <gsl/gsl_cblas.h>
#include <stdint.h>
#include <string.h>

#define POLICY_KERNEL_BYTES 16
static void multiply_16(const struct policy_product *p)
#include "search/partition/policy_kernel.def"
#undef POLICY_KERNEL_BYTES

#if defined(__x86_64__)
#define POLICY_KERNEL_BYTES 32
    __attribute__((target("avx2"))) static void multiply_32(const struct policy_product *p)
#include "search/partition/policy_kernel.def"
#undef POLICY_KERNEL_BYTES
#define POLICY_KERNEL_BYTES 64
        __attribute__((target("avx512f"))) static void multiply_64(const struct policy_product *p)
#include "search/partition/policy_kernel.def"
#undef POLICY_KERNEL_BYTES
#endif

    /* Terms at once, so that what a column of blocks reads of b stays near. */
    enum {
      TERMS_AT_ONCE = 256
    };

static void multiply_part(const struct policy_product *part) {
#if defined(__x86_64__)
  if (part->columns >= 32 && __builtin_cpu_supports("avx512f")) {
    multiply_64(part);
    return;
  }
  if (__builtin_cpu_supports("avx2")) {
    multiply_32(part);
    return;
  }
#endif
  multiply_16(part);
}

void policy_multiply(const struct policy_product *product) {
  struct policy_product part = *product;
  if (!product->add) {
    for (size_t i = 0; i < product->rows; i++)
      memset(product->c + i * product->c_row, 0, product->columns * sizeof(real));
  }
  for (size_t first = 0; first < product->terms; first += TERMS_AT_ONCE) {
    const size_t left = product->terms - first;
    part.terms = left < TERMS_AT_ONCE ? left : TERMS_AT_ONCE;
    part.a = product->a + first * product->a_column;
    part.b = product->b + first * product->b_row;
    multiply_part(&part);
  }
}

/* CBLAS by the precision of its operands. */
#define GEMM(one) _Generic((one), float : cblas_sgemm, double : cblas_dgemm)

void policy_multiply_gsl(const struct policy_product *product) {
  const bool transposed = product->a_column != 1;
  const real one = 1;
  GEMM(one)
  (CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, (int)product->rows, (int)product->columns,
   (int)product->terms, one, product->a, (int)(transposed ? product->a_column : product->a_row), product->b,
   (int)product->b_row, product->add ? one : 0, product->c, (int)product->c_row);
}

void policy_transpose(const real *from, size_t rows, size_t columns, real *to) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) to[j * rows + i] = from[i * columns + j];
  }
}

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

typedef real lanes __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));
enum { LANES = 16 / sizeof(real) };

void policy_row_add(real *to, const real *from, real factor, size_t n) {
  size_t j = 0;
  for (; j + LANES <= n; j += LANES) *(lanes *)(to + j) += factor * *(const lanes *)(from + j);
  for (; j < n; j++) to[j] += factor * from[j];
}

static real lanes_sum(lanes sum) {
  real all = 0;
  for (size_t l = 0; l < LANES; l++) all += sum[l];
  return all;
}

real policy_row_sum(const real *row, size_t n) {
  lanes sum = {0};
  size_t j = 0;
  for (; j + LANES <= n; j += LANES) sum += *(const lanes *)(row + j);
  real all = lanes_sum(sum);
  for (; j < n; j++) all += row[j];
  return all;
}

real policy_row_dot(const real *a, const real *b, size_t n) {
  lanes sum = {0};
  size_t j = 0;
  for (; j + LANES <= n; j += LANES) sum += *(const lanes *)(a + j) * *(const lanes *)(b + j);
  real all = lanes_sum(sum);
  for (; j < n; j++) all += a[j] * b[j];
  return all;
}
