/* The product of matrices for registers of POLICY_KERNEL_BYTES: six rows by two registers at once. Included once a
 * width by policy_matrix.c, which names POLICY_KERNEL (the function) and POLICY_KERNEL_TARGET (its attribute). Terms
 * are added one after another to what c holds, so that all widths give the same sums. */
{
  typedef real lanes __attribute__((vector_size(POLICY_KERNEL_BYTES), aligned(sizeof(real)), may_alias));
  enum { ROWS = 6, LANES = POLICY_KERNEL_BYTES / sizeof(real), COLUMNS = 2 * LANES };
  const size_t a_row = p->a_row, a_column = p->a_column, b_row = p->b_row, terms = p->terms;
  size_t j = 0;
  for (; j + COLUMNS <= p->columns; j += COLUMNS) {
    const real *const b = p->b + j;
    size_t i = 0;
    for (; i + ROWS <= p->rows; i += ROWS) {
      const real *const a = p->a + i * a_row;
      real *const c = p->c + i * p->c_row + j;
      lanes sum[ROWS][2];
#pragma GCC unroll 6
      for (size_t r = 0; r < ROWS; r++) {
        sum[r][0] = *(const lanes *)(c + r * p->c_row);
        sum[r][1] = *(const lanes *)(c + r * p->c_row + LANES);
      }
      for (size_t t = 0; t < terms; t++) {
        const lanes b0 = *(const lanes *)(b + t * b_row), b1 = *(const lanes *)(b + t * b_row + LANES);
#pragma GCC unroll 6
        for (size_t r = 0; r < ROWS; r++) {
          const real x = a[r * a_row + t * a_column];
          sum[r][0] += x * b0;
          sum[r][1] += x * b1;
        }
      }
#pragma GCC unroll 6
      for (size_t r = 0; r < ROWS; r++) {
        *(lanes *)(c + r * p->c_row) = sum[r][0];
        *(lanes *)(c + r * p->c_row + LANES) = sum[r][1];
      }
    }
    for (; i < p->rows; i++) {
      const real *const a = p->a + i * a_row;
      real *const c = p->c + i * p->c_row + j;
      lanes sum0 = *(const lanes *)c, sum1 = *(const lanes *)(c + LANES);
      for (size_t t = 0; t < terms; t++) {
        const real x = a[t * a_column];
        sum0 += x * *(const lanes *)(b + t * b_row);
        sum1 += x * *(const lanes *)(b + t * b_row + LANES);
      }
      *(lanes *)c = sum0;
      *(lanes *)(c + LANES) = sum1;
    }
  }
  for (size_t i = 0; i < p->rows; i++) {
    for (size_t left = j; left < p->columns; left++) {
      real sum = p->c[i * p->c_row + left];
      for (size_t t = 0; t < terms; t++) sum += p->a[i * a_row + t * a_column] * p->b[t * b_row + left];
      p->c[i * p->c_row + left] = sum;
    }
  }
}
