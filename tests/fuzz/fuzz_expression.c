/* Does any text break the reader of expressions? What it accepts must have a value that its range holds.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_expression.c
 * base/{expression,expression_range,text,quantity,arena,error}.c -lm. The corpus is replayed by
 * tests/unit/base/test_fuzz_corpus.c. */
#include "base/expression.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[] = {"tc_rows", "tc_cols", "vc_count", "area_mm2", "x"};
  static const double values[] = {2, 37, 0, 83.648, -1e300};
  static const struct interval box[] = {
      {2, 256, false}, {-4, 37, false}, {0, 8, false}, {0, (double)INFINITY, false}, {-1e300, 1e300, true}};
  struct arena arena;
  arena_init(&arena, 1 << 14);
  char *text = arena_alloc(&arena, size + 1, 1), problem[EXPRESSION_PROBLEM_BYTES];
  if (size > 0) memcpy(text, data, size);
  const struct expression *expression = expression_parse(text, names, 5, &arena, problem);
  if (expression == NULL && (problem[0] == 0 || strlen(problem) >= EXPRESSION_PROBLEM_BYTES)) abort();
  if (expression != NULL) {
    const double value = expression_value(expression, values);
    const struct interval range = expression_range(expression, box);
    if (isinf(value) || isnan(range.low) || isnan(range.high)) abort();
    if (isnan(value) ? !range.can_fail : value < range.low || value > range.high) abort();
  }
  arena_release(&arena);
  return 0;
}
