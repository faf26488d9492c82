/* Do boards run what they say, at the rate they say, and is every broken catalogue refused? (Equality with published
 * seconds is tried in tests/golden/arch/test_boards.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/board.h"
#include "tests/two_arenas.h"
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_text(const char *text, const struct board **boards, size_t *n, struct error *error) {
  static const char header[] =
      "board,source,kinds,gops,clock_mhz,port_bits,dram_bytes,pin_share,active_w,tile_m,tile_n,"
      "tile_r,tile_c,confirmed\n";
  char path[] = "/tmp/dse-test-XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, header, strlen(header)), (ssize_t)strlen(header));
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  *error = (struct error){0};
  const bool read = boards_read(path, &arena, boards, n, error);
  unlink(path);
  return read;
}

static void test_rates(void **state) {
  (void)state;
  const struct board *boards;
  size_t n;
  struct error error;
  /* ports of 64 bit at 125 MHz: 10^9 B/s */
  if (!read_text("E,s,fc lstm vector,2,125,64,1000,0.5,3,,,,,\nF,s,conv,8,125,64,1000,1,3,4,2,5,3,gops\n", &boards, &n,
                 &error))
    fail_msg("%s", error.text);
  assert_int_equal(n, 2);
  const struct layer few = {.kind = LAYER_FC, .weights = 7000, .macs = 500, .input_elements = 10, .output_elements = 3};
  const struct layer many = {.kind = LAYER_FC, .weights = 7, .macs = 9000, .input_elements = 10, .output_elements = 3};
  const struct layer lstm = {.kind = LAYER_LSTM, .weights = 7000, .macs = 9000};
  const struct layer pool = {.kind = LAYER_POOL, .input_elements = 1600, .output_elements = 400};
  const struct layer conv = {
      .kind = LAYER_CONV, .out_channels = 5, .in_channels = 3, .out_rows = 6, .out_cols = 3, .kernel = 3};
  assert_true(fabs(board_seconds(&boards[0], &few, 2) - 14e-6) < 1e-15);  /* its weights */
  assert_true(fabs(board_seconds(&boards[0], &many, 2) - 9e-6) < 1e-15);  /* its products */
  assert_true(fabs(board_seconds(&boards[0], &lstm, 2) - 23e-6) < 1e-15); /* both */
  assert_true(fabs(board_seconds(&boards[0], &pool, 4) - 8e-6) < 1e-15);
  assert_true(isnan(board_seconds(&boards[0], &conv, 2)));
  assert_true(isnan(board_seconds(&boards[1], &pool, 2)));
  /* Tiles: 2 rows × 1 column × 2 channels out, 2 in; each 4·2·9·2 B of weights, 2·15·2 B in, 2·15·72 operations. */
  const double tile_s = 144e-9 + 60e-9 + 2160.0 / 8e9, store_s = 120e-9;
  assert_true(fabs(board_seconds(&boards[1], &conv, 2) - 4 * (2 * tile_s + store_s)) < 1e-15);
  assert_true(boards[1].pin_share >= 1);
}

static void test_errors(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } rows[] = {
      {"E,s,fc,0,125,64,1000,0.5,3,,,,,\n", ":2: gops: \"0\", a number above 0"},
      {"E,s,fc,2,125,64,1000,1.5,3,,,,,\n", ":2: pin_share: \"1.5\""},
      {"E,s,fc,2,125,64,0,0.5,3,,,,,\n", ":2: dram_bytes: \"0\", a number of bytes"},
      {"E,s,fc fcc,2,125,64,1000,0.5,3,,,,,\n", ":2: kinds: \"fc fcc\", conv, lstm, fc, vector"},
      {"E,s,conv,2,125,64,1000,0.5,3,4,,4,4,\n", ":2: tile_n: \"\", a whole number from 1"},
      {"E,s,fc,2,125,64,1000,0.5,3,,,,,\nE,s,fc,2,125,64,1000,0.5,3,,,,,\n",
       ":3: board: \"E\", a name that no other has"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct board *boards;
    size_t n;
    struct error error;
    if (read_text(rows[i].text, &boards, &n, &error) || strstr(error.text, rows[i].message) == NULL)
      fail_msg("row %zu: %s", i, error.text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_rates, setup, teardown),
      cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
