/* May any bytes stand in a results folder as its journal?
 *
 * A libFuzzer target (clang -fsanitize=fuzzer,address,undefined); tests/unit/results/test_fuzz_corpus.c replays its
 * corpus. The first byte chooses: even, the rest is the file as it is; odd, checksums are made to fit first, so that
 * the checks behind them are reached; bit 1 asks for salvage. Whatever is accepted must replay, each round as what it
 * is (a list of tasks or a fold), and give the same bytes when written anew; the repaired file must be accepted again
 * without a loss. Left out: what the words of a fold mean (fuzz_sweep.c), and reading errors (the unit tests provoke
 * them). */
#include "results/journal.h"
#include "results/journal_format.h"
#include "tests/unit/results/folder.h"
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_input);

enum { FUZZ_AXES = 3, FUZZ_MAX_BYTES = 1 << 16 };

/* For those who replay the corpus: does it still reach what lies behind the header? */
static struct { unsigned long refused, tasks, folds; /* files, rounds, rounds */ } fuzz_seen;

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

/* What the journal holds, written anew: there is one spelling for each content. */
struct spelling {
  unsigned char bytes[FUZZ_MAX_BYTES];
  size_t n;
};

static unsigned char *room_for(struct spelling *spelling, size_t bytes) {
  unsigned char *const at = spelling->bytes + spelling->n;
  if (bytes == 0 || bytes > sizeof spelling->bytes - spelling->n) abort(); /* it came out of a file of that size */
  spelling->n += bytes;
  return at;
}

/* A round is a fold or a list of tasks, never both; the other one is refused in words. */
static void replay_round(struct journal *journal, uint64_t round, struct spelling *spelling, struct arena *arena) {
  struct record *records;
  uint64_t *words;
  size_t n;
  struct error error = {0};
  if (journal_replay_fold(journal, round, arena, &words, &n, &error)) {
    if (words == NULL) abort();
    fuzz_seen.folds++;
    journal_encode_fold(round, words, n, room_for(spelling, journal_fold_bytes(n)));
  } else {
    if (error.status != STATUS_ENVIRONMENT || words != NULL) abort();
    if (!journal_replay(journal, round, arena, &records, &n, &error) || records == NULL) abort();
    fuzz_seen.tasks++;
    journal_encode_record(round, records, n, FUZZ_AXES,
                          room_for(spelling, journal_record_bytes(records, n, FUZZ_AXES)));
  }
}

static void check_spelling(const struct folder *folder, const struct spelling *spelling) {
  static unsigned char kept[FUZZ_MAX_BYTES];
  if (folder_read(folder, "journal", kept, sizeof kept) != spelling->n) abort();
  if (memcmp(kept, spelling->bytes, spelling->n) != 0) abort();
}

/* Opens and replays; the number of rounds, or −1 if the journal was refused. */
static long open_and_replay(const struct folder *folder, bool salvage, struct arena *arena) {
  const struct journal_header header = {.settings = {1, 2}, .seed = 3, .answer_version = 4};
  struct journal *journal;
  struct journal_state state;
  struct error error = {0};
  if (!journal_open(folder->path, &header, FUZZ_AXES, salvage, arena, &journal, &state, &error)) {
    if (!error_is_set(&error)) abort();
    fuzz_seen.refused++;
    return -1;
  }
  static struct spelling spelling;
  spelling.n = JOURNAL_HEADER_BYTES;
  journal_encode_header(&header, FUZZ_AXES, spelling.bytes);
  for (uint64_t round = 0; round < state.n_rounds; round++) replay_round(journal, round, &spelling, arena);
  struct record *records;
  uint64_t *words;
  size_t n;
  if (!journal_replay(journal, state.n_rounds, arena, &records, &n, &error) || records != NULL) abort();
  if (!journal_replay_fold(journal, state.n_rounds, arena, &words, &n, &error) || words != NULL) abort();
  if (!journal_close(journal, &error)) abort();
  check_spelling(folder, &spelling);
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
