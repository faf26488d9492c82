/* May any bytes stand in a results folder as its journal?
 *
 * A libFuzzer target (clang -fsanitize=fuzzer,address,undefined); tests/unit/results/test_fuzz_corpus.c replays its
 * corpus. The first byte chooses: even, the rest is the file as it is; odd, checksums are made to fit first, so that
 * the checks behind them are reached; bit 1 asks for salvage. Whatever is accepted must replay, and the repaired file
 * must be accepted again without a loss. Left out: reading errors (the unit tests provoke them). */
#include "results/journal.h"
#include "results/journal_format.h"
#include "tests/unit/results/folder.h"
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_input);

enum { FUZZ_AXES = 3, FUZZ_MAX_BYTES = 1 << 16 };

static void put_le32(unsigned char *at, uint64_t value) {
  for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> 8 * i);
}

static void fit_checksums(unsigned char *bytes, size_t n) {
  if (n < JOURNAL_HEADER_BYTES) return;
  put_le32(bytes + JOURNAL_HEADER_BYTES - 4, crc32(0, bytes, JOURNAL_HEADER_BYTES - 4));
  for (size_t at = JOURNAL_HEADER_BYTES; at + JOURNAL_FRAME_BYTES <= n;) {
    struct journal_frame frame;
    if (!journal_decode_frame(bytes + at, &frame) || frame.payload_bytes > n - at - JOURNAL_FRAME_BYTES) return;
    const uLong crc = crc32(0, bytes + at + 4, 12);
    put_le32(bytes + at + 16, crc32(crc, bytes + at + JOURNAL_FRAME_BYTES, (uInt)frame.payload_bytes));
    at += journal_framed_bytes(&frame);
  }
}

/* Opens and replays; the number of rounds, or −1 if the journal was refused. */
static long open_and_replay(const struct folder *folder, bool salvage, struct arena *arena) {
  const struct journal_header header = {.settings = {1, 2}, .seed = 3, .answer_version = 4};
  struct journal *journal;
  struct journal_state state;
  struct error error = {0};
  if (!journal_open(folder->path, &header, FUZZ_AXES, salvage, arena, &journal, &state, &error)) {
    if (!error_is_set(&error)) abort();
    return -1;
  }
  for (uint64_t round = 0; round <= state.n_rounds; round++) {
    struct record *records;
    size_t n;
    if (!journal_replay(journal, round, arena, &records, &n, &error)) abort();
    if ((records != NULL) != (round < state.n_rounds)) abort();
  }
  if (!journal_close(journal, &error)) abort();
  return (long)state.n_rounds;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_input) {
  static unsigned char bytes[FUZZ_MAX_BYTES];
  if (n_input == 0 || n_input > sizeof bytes) return 0;
  memcpy(bytes, input + 1, n_input - 1);
  if (input[0] & 1) fit_checksums(bytes, n_input - 1);
  const bool salvage = input[0] & 2;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  const struct folder folder = folder_make();
  folder_write(&folder, "journal", bytes, n_input - 1);
  const long n_rounds = open_and_replay(&folder, salvage, &arena);
  if (n_rounds >= 0 && open_and_replay(&folder, false, &arena) != n_rounds) abort();
  folder_clear(&folder, 1);
  arena_release(&arena);
  return 0;
}
