/* Is a file of weights read back as it was written, and is each mistake in one told by its name? The fuzzer's corpus,
 * files that are right, and each byte of a header changed. */
#include "search/partition/policy_file.h"
#include "tests/two_arenas.h"
#include "tests/unit/results/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define LLVMFuzzerTestOneInput fuzz_policy
#include "tests/fuzz/fuzz_policy.c"
#undef LLVMFuzzerTestOneInput

static const struct policy_net_shape shapes[] = {{8, 1, POLICY_ORDINAL, 2, false, false},
                                                 {16, 3, POLICY_SOFTMAX, 36, true, true}};
static const struct policy_origin origin = {2385, 77, {0x0123456789abcdefu, 0xfedcba9876543210u}};

static unsigned char *file_of(const struct policy_net_shape *shape, struct policy_net *net, size_t *n) {
  policy_net_init(net, shape, &arena);
  policy_net_shake(net, 2385, 1);
  return policy_file_bytes(net, &origin, &arena, n);
}

static void test_round_trip(void **state) {
  (void)state;
  const struct folder folder = folder_make();
  char path[512];
  folder_file(&folder, "policy.weights", path);
  for (size_t s = 0; s < 2; s++) {
    struct policy_net net, again;
    struct policy_origin from;
    struct error error = {0};
    size_t n;
    file_of(&shapes[s], &net, &n);
    assert_true(policy_file_write(&net, &origin, path, &scratch, &error));
    assert_true(policy_file_read(path, &arena, &again, &from, &error));
    assert_memory_equal(&again.shape, &net.shape, sizeof net.shape);
    assert_true(again.n_weights == net.n_weights && policy_net_n_weights(&shapes[s]) == net.n_weights);
    assert_memory_equal(again.weights, net.weights, net.n_weights * sizeof *net.weights);
    assert_true(from.seed == 2385 && from.updates == 77 && digest_equal(from.corpus, origin.corpus));
  }
  folder_clear(&folder, 1);
}

/* The sizes that the specification counts: 1,088 + 49,408 + 4,160 + 130 for 64 × 4. */
static void test_sizes(void **state) {
  (void)state;
  const struct policy_net_shape shape = {64, 4, POLICY_ORDINAL, 2, false, false};
  assert_int_equal(policy_net_n_weights(&shape), 1088 + 49408 + 4160 + 130);
  struct policy_net_shape wrong[] = {shape, shape, shape, shape, shape};
  wrong[0].width = 12;
  wrong[1].width = POLICY_MAX_WIDTH + 8;
  wrong[2].layers = 0;
  wrong[3].outputs = 3;
  wrong[4].head = POLICY_SOFTMAX;
  wrong[4].outputs = PARTITION_MAX_CHIPS + 1;
  assert_true(policy_net_shape_fits(&shape));
  for (size_t i = 0; i < 5; i++) assert_false(policy_net_shape_fits(&wrong[i]));
}

enum { HEADER_FIRST = 8, NUMBER = 8, N_NUMBERS = 12 };

/* With the checksum put right. */
static void expect(const unsigned char *bytes, size_t n, bool sealed, const char *why) {
  struct policy_net net;
  struct policy_origin from;
  struct error error = {0};
  unsigned char *const copy = ARENA_NEW(&arena, unsigned char, n + 1);
  memcpy(copy, bytes, n);
  if (sealed) {
    const struct digest digest = digest_of(copy, n - 16);
    for (size_t i = 0; i < 8; i++) {
      copy[n - 16 + i] = (unsigned char)(digest.high >> 8 * i);
      copy[n - 8 + i] = (unsigned char)(digest.low >> 8 * i);
    }
  }
  assert_false(policy_file_parse("w", copy, n, &arena, &net, &from, &error));
  if (strstr(error.text, why) == NULL) fail_msg("\"%s\" was expected: %s", why, error.text);
}

static void test_refusals(void **state) {
  (void)state;
  struct policy_net net;
  size_t n;
  unsigned char *const right = file_of(&shapes[0], &net, &n);
  unsigned char *const wrong = ARENA_NEW(&arena, unsigned char, n + 100);
  expect(right, 0, false, "no policy");
  expect(right, 100, false, "no policy");
  expect(right, n - 1, false, "checksum");
  memcpy(wrong, right, n);
  wrong[n / 2] ^= 1;
  expect(wrong, n, false, "checksum");
  memcpy(wrong, right, n);
  wrong[0] = 'd';
  expect(wrong, n, true, "no policy");
  /* version, width, layers, head, outputs, attention, refines, seed, updates, digest, digest, weights */
  static const struct {
    size_t number, byte;
    unsigned char value;
    const char *why;
  } cases[] = {{0, 0, 2, "version"},   {1, 0, 12, "sizes"},      {1, 7, 1, "sizes"},       {2, 0, 0, "sizes"},
               {2, 4, 1, "sizes"},     {3, 0, 7, "sizes"},       {4, 0, 3, "sizes"},       {5, 0, 2, "sizes"},
               {6, 1, 1, "sizes"},     {11, 0, 0, "weights in"}, {11, 6, 9, "weights in"}, {1, 0, 16, "weights in"},
               {6, 0, 1, "weights in"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    memcpy(wrong, right, n);
    wrong[HEADER_FIRST + cases[i].number * NUMBER + cases[i].byte] = cases[i].value;
    expect(wrong, n, true, cases[i].why);
  }
  memcpy(wrong, right, n);
  wrong[HEADER_FIRST + N_NUMBERS * NUMBER + 2] = 0x80; /* an infinity */
  wrong[HEADER_FIRST + N_NUMBERS * NUMBER + 3] = 0x7f;
  wrong[HEADER_FIRST + N_NUMBERS * NUMBER] = wrong[HEADER_FIRST + N_NUMBERS * NUMBER + 1] = 0;
  expect(wrong, n, true, "finite");
  memcpy(wrong, right, n);
  expect(wrong, n + 40, true, "weights in");
}

/* What a fuzzer would begin with, and every single byte of a header changed. */
static void test_fuzzer(void **state) {
  (void)state;
  struct policy_net net;
  size_t n;
  const unsigned char *const right = file_of(&shapes[0], &net, &n);
  unsigned char *const wrong = ARENA_NEW(&arena, unsigned char, n);
  for (size_t at = 0; at < HEADER_FIRST + N_NUMBERS * NUMBER + 8; at++) {
    memcpy(wrong, right, n);
    wrong[at] ^= (unsigned char)(1 + at % 255);
    fuzz_policy(wrong, n);
  }
  for (size_t less = 0; less < n; less += 97) fuzz_policy(right, n - less);
  static const char *const corpus[] = {"ordinal", "softmax", "cut"};
  for (size_t i = 0; i < sizeof corpus / sizeof *corpus; i++) {
    const struct folder folder = {"tests/fuzz/corpus/policy"};
    unsigned char bytes[1 << 15];
    const size_t n_bytes = folder_read(&folder, corpus[i], bytes, sizeof bytes), before = fuzz_policy_seen.accepted;
    assert_in_range(n_bytes, 1, sizeof bytes - 1);
    fuzz_policy(bytes, n_bytes);
    assert_true((fuzz_policy_seen.accepted > before) == (i < 2));
  }
  /* Seeds, digests and finite weights may be anything; no size may. */
  assert_true(fuzz_policy_seen.accepted >= 40 && fuzz_policy_seen.refused >= 150);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_fuzzer, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
