/* Does any table break the CSV reader? What it accepts must be a full rectangle of short texts.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_csv.c
 * base/{csv,text,file,arena,error}.c. The corpus is replayed by tests/unit/base/test_fuzz_corpus.c. */
#include "base/csv.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct error error = {0};
  struct csv csv;
  const bool ok = csv_parse("fuzz.csv", (const char *)data, size, 1001, &arena, &csv, &error);
  if (ok == error_is_set(&error)) abort();
  if (ok) {
    size_t n_bytes = 0;
    if (csv.n_columns == 0 || csv.n_columns > 256 || csv.n_rows > 1001) abort();
    for (size_t row = 0; row < csv.n_rows; row++) {
      if (csv.line[row] < 2 || (row > 0 && csv.line[row] <= csv.line[row - 1])) abort();
      for (size_t column = 0; column < csv.n_columns; column++) n_bytes += strlen(csv_cell(&csv, row, column));
    }
    if (n_bytes > size) abort();
  }
  arena_release(&arena);
  return 0;
}
