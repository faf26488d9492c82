/* Does any file of weights break its reader? What it accepts has the sizes it says, finite weights, and is written back
 * byte for byte; what it refuses, it says why. Checksums are put right first, so that what lies behind them is met.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_policy.c and
 * the libraries search, results, base built with the same sanitizers. The corpus is replayed by
 * tests/unit/search/test_partition_policy_file.c. */
#include "search/partition/policy_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files that were read, and those that were refused, so far. */
static struct { size_t accepted, refused; } fuzz_policy_seen;

static void fuzz_policy_read(const unsigned char *bytes, size_t n, struct arena *memory) {
  struct error error = {0};
  struct policy_net net;
  struct policy_origin origin;
  const bool fine = policy_file_parse("p.weights", bytes, n, memory, &net, &origin, &error);
  if (fine == error_is_set(&error)) abort();
  *(fine ? &fuzz_policy_seen.accepted : &fuzz_policy_seen.refused) += 1;
  if (!fine) return;
  for (size_t i = 0; i < net.n_weights; i++) {
    if (!isfinite(net.weights[i])) abort();
  }
  size_t n_again;
  const unsigned char *const again = policy_file_bytes(&net, &origin, memory, &n_again);
  if (n_again != n || memcmp(again, bytes, n) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { DIGEST_BYTES = 16 };
  struct arena memory;
  arena_init(&memory, 1 << 16);
  unsigned char *const bytes = ARENA_NEW(&memory, unsigned char, size + 1);
  memcpy(bytes, data, size);
  fuzz_policy_read(bytes, size, &memory);
  if (size > DIGEST_BYTES) {
    const struct digest digest = digest_of(bytes, size - DIGEST_BYTES);
    for (size_t i = 0; i < 8; i++) {
      bytes[size - DIGEST_BYTES + i] = (unsigned char)(digest.high >> 8 * i);
      bytes[size - 8 + i] = (unsigned char)(digest.low >> 8 * i);
    }
    fuzz_policy_read(bytes, size, &memory);
  }
  arena_release(&memory);
  return 0;
}
