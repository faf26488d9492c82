/* Is a journal that was cut, changed or made up read only as far as it is to be believed? (reliability §3: P8) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/results/journal_cases.h"

static void test_cut_at_every_byte(void **state) {
  struct setup *const setup = *state;
  unsigned char bytes[MAX_FILE_BYTES];
  const size_t n = undisturbed(setup, bytes);
  size_t offsets[N_ROUNDS + 1];
  record_offsets(bytes, n, offsets);
  for (size_t cut = 0; cut < n; cut++) {
    const struct arena_mark mark = arena_get_mark(&setup->arena);
    folder_write(&setup->folder, "journal", bytes, cut);
    size_t whole = 0;
    while (offsets[whole + 1] <= cut) whole++;
    struct journal_state found;
    run_to_end(setup, false, &found);
    assert_true(found.existed);
    assert_int_equal(found.n_rounds, cut < JOURNAL_HEADER_BYTES ? 0 : whole);
    assert_int_equal(found.torn_offset, cut < JOURNAL_HEADER_BYTES ? 0 : offsets[whole]);
    assert_int_equal(found.torn_bytes, cut - found.torn_offset);
    assert_file(setup, "journal", bytes, n);
    arena_rewind(&setup->arena, mark);
  }
}

/* Of a journal that ends with round `last`. */
static void flip_every_byte(struct setup *setup, unsigned char *bytes, const size_t *offsets, size_t last) {
  const size_t n = offsets[last + 1];
  size_t n_refused = 0, n_repaired = 0;
  for (size_t at = 0; at < n; at++) {
    const struct arena_mark mark = arena_get_mark(&setup->arena);
    const unsigned char flip = (unsigned char)(1u << (at * 5 + 3) % 8);
    bytes[at] ^= flip;
    folder_write(&setup->folder, "journal", bytes, n);
    struct journal *journal;
    struct journal_state found;
    struct error error = {0};
    if (open_plain(setup, false, &journal, &found, &error)) {
      assert_true(at >= offsets[last]); /* only the last record may be taken for a torn tail */
      assert_int_equal(found.n_rounds, last);
      assert_int_equal(found.torn_offset, offsets[last]);
      assert_true(journal_close(journal, &error));
      n_repaired++;
    } else {
      assert_true(at < offsets[last]);
      assert_file(setup, "journal", bytes, n); /* a refused journal is not touched */
      n_refused++;
    }
    bytes[at] ^= flip;
    arena_rewind(&setup->arena, mark);
  }
  assert_int_equal(n_refused, offsets[last]);
  assert_int_equal(n_repaired, n - offsets[last]);
}

static void test_flip_at_every_byte(void **state) {
  struct setup *const setup = *state;
  unsigned char bytes[MAX_FILE_BYTES];
  size_t offsets[N_ROUNDS + 1];
  record_offsets(bytes, undisturbed(setup, bytes), offsets);
  flip_every_byte(setup, bytes, offsets, LAST_TASKS);
  flip_every_byte(setup, bytes, offsets, LAST_FOLD);
}

/* A byte of round `number`, which is not the last, is another: refused, then salvaged, twice. */
static void salvage_round(struct setup *setup, unsigned char *bytes, const size_t *offsets, size_t number) {
  const size_t n = offsets[N_ROUNDS], at = offsets[number] + 45;
  char message[128];
  snprintf(message, sizeof message, "bad record at offset %zu (round %zu), yet a good one follows at offset %zu",
           offsets[number], number, offsets[number + 1]);
  for (int repeat = 0; repeat < 2; repeat++) {
    struct journal_state found;
    bytes[at] ^= 0x20;
    folder_write(&setup->folder, "journal", bytes, n);
    assert_refused(setup, STATUS_ENVIRONMENT, message);
    run_to_end(setup, true, &found);
    assert_true(found.salvaged);
    assert_int_equal(found.n_rounds, number);
    assert_int_equal(found.torn_bytes, n - offsets[number]);
    assert_file(setup, repeat == 0 ? "journal.damaged" : "journal.damaged-2", bytes + offsets[number],
                n - offsets[number]);
    bytes[at] ^= 0x20;
    assert_file(setup, "journal", bytes, n);
  }
  folder_clear(&setup->folder, 0);
}

static void test_salvage(void **state) {
  struct setup *const setup = *state;
  unsigned char bytes[MAX_FILE_BYTES];
  const size_t n = undisturbed(setup, bytes);
  size_t offsets[N_ROUNDS + 1];
  record_offsets(bytes, n, offsets);
  salvage_round(setup, bytes, offsets, 1); /* a fold */
  salvage_round(setup, bytes, offsets, LAST_TASKS);
  bytes[2] ^= 1; /* a header that says nothing any more: the file is kept whole */
  folder_write(&setup->folder, "journal", bytes, n);
  assert_refused(setup, STATUS_ENVIRONMENT, "this is not a journal");
  struct journal_state found;
  run_to_end(setup, true, &found);
  assert_int_equal(found.n_rounds, 0);
  assert_file(setup, "journal.damaged", bytes, n);
  run_to_end(setup, true, &found); /* nothing to salvage: nothing kept */
  assert_false(found.salvaged);
}

/* A fold's words may look like a record: behind a torn tail such a one is taken for what was written after it. Better
 * refused than cut; the salvage goes on. */
static void test_record_within_a_torn_fold(void **state) {
  struct setup *const setup = *state;
  unsigned char inner[64], bytes[MAX_FILE_BYTES];
  uint64_t words[16] = {0};
  journal_encode_fold(1, (const uint64_t[]){2385, 17}, 2, inner);
  memcpy(words + 1, inner, journal_fold_bytes(2));
  struct journal *journal;
  struct journal_state found;
  struct error error = {0};
  assert_true(open_plain(setup, false, &journal, &found, &error));
  append_rounds(journal, 0, 1);
  assert_true(journal_append_fold(journal, 1, words, 16, &error));
  assert_true(journal_close(journal, &error));
  assert_true(open_plain(setup, false, &journal, &found, &error)); /* whole, it is a fold like any other */
  assert_int_equal(found.n_rounds, 2);
  assert_true(journal_close(journal, &error));
  const size_t n = folder_read(&setup->folder, "journal", bytes, sizeof bytes), at = n - journal_fold_bytes(16);
  folder_write(&setup->folder, "journal", bytes, n - 9);
  char message[128];
  snprintf(message, sizeof message, "bad record at offset %zu (round 1), yet a good one follows at offset %zu", at,
           at + JOURNAL_FRAME_BYTES + 16);
  assert_refused(setup, STATUS_ENVIRONMENT, message);
  run_to_end(setup, true, &found);
  assert_int_equal(found.n_rounds, 1);
}

/* --- every message --- */

static void test_other_run_is_refused(void **state) {
  struct setup *const setup = *state;
  struct journal_state found;
  run_to_end(setup, false, &found);
  struct journal_header other = header;
  other.settings.low++;
  other.seed++;
  other.answer_version++;
  struct journal *journal;
  struct error error = {0};
  assert_false(journal_open(setup->folder.path, &other, N_AXES, true, &setup->arena, &journal, &found, &error));
  assert_int_equal(error.status, STATUS_INPUT);
  assert_int_equal(error.n_messages, 3);
  assert_non_null(strstr(error.text, "other settings (digest 8d1f2385a5b7c3910000000000000071, now "
                                     "8d1f2385a5b7c3910000000000000072)"));
  assert_non_null(strstr(error.text, "seed 2385, now 2386"));
  assert_non_null(strstr(error.text, "answer version 37, this program computes version 38"));
  error = (struct error){0};
  assert_false(journal_open(setup->folder.path, &header, 7, true, &setup->arena, &journal, &found, &error));
  assert_non_null(strstr(error.text, "a space with 5 axes, now 7"));
}

static void repair_crc(unsigned char *bytes, size_t header_bytes) {
  /* Bit by bit, as in the definition (polynomial 0xEDB88320): independent of zlib, which the journal uses. */
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < header_bytes - 4; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
  }
  crc = ~crc;
  for (int i = 0; i < 4; i++) bytes[header_bytes - 4 + (size_t)i] = (unsigned char)(crc >> 8 * i);
}

static void test_bad_headers(void **state) {
  struct setup *const setup = *state;
  unsigned char bytes[MAX_FILE_BYTES];
  const size_t n = undisturbed(setup, bytes);
  const struct {
    size_t at, cut;
    unsigned char value;
    bool sealed; /* with a checksum that fits */
    enum status status;
    const char *message;
  } cases[] = {
      {0, n, 'd', true, STATUS_ENVIRONMENT, "this is not a journal: its first bytes are others"},
      {20, 27, 99, false, STATUS_ENVIRONMENT, "the journal's header is cut off at offset 27 of 64"},
      {33, n, 99, false, STATUS_ENVIRONMENT, "the journal's header is damaged (offsets 0 to 64)"},
      {8, n, 9, true, STATUS_INPUT, "the journal has format version 9, this program reads version 3"},
      {8, n, 0, true, STATUS_INPUT, "the journal has format version 0"},
      {44, n, 17, true, STATUS_ENVIRONMENT, "the journal's header holds values out of range"},
      {53, n, 1, true, STATUS_ENVIRONMENT, "the journal's header holds values out of range"},
      {12, n, 72, true, STATUS_ENVIRONMENT, "the journal's header holds values out of range"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    unsigned char changed[MAX_FILE_BYTES];
    memcpy(changed, bytes, n);
    changed[cases[i].at] = cases[i].value;
    if (cases[i].sealed) repair_crc(changed, JOURNAL_HEADER_BYTES);
    folder_write(&setup->folder, "journal", changed, cases[i].cut);
    assert_refused(setup, cases[i].status, cases[i].message);
  }
  bytes[8] = 4; /* a later version with a longer header, whose checksum is out of sight */
  bytes[12] = 96;
  folder_write(&setup->folder, "journal", bytes, n);
  assert_refused(setup, STATUS_INPUT, "the journal has format version 4");
}

/* Payload bytes, round, then the payload are summed; the sum stands between them. */
static void seal_record(unsigned char *record) {
  struct journal_frame frame;
  assert_true(journal_decode_frame(record, &frame));
  unsigned char summed[MAX_FILE_BYTES];
  memcpy(summed, record + 4, 12);
  memcpy(summed + 12, record + JOURNAL_FRAME_BYTES, frame.payload_bytes);
  repair_crc(summed, 12 + frame.payload_bytes + 4);
  memcpy(record + 16, summed + 12 + frame.payload_bytes, 4);
}

struct change {
  size_t at; /* in the record */
  unsigned char value, next;
};

/* A last record whose checksum fits and whose contents do not. */
static void check_changes(struct setup *setup, size_t last, const struct change *changes, size_t n_changes) {
  unsigned char bytes[MAX_FILE_BYTES], changed[MAX_FILE_BYTES];
  const size_t n = undisturbed(setup, bytes);
  size_t offsets[N_ROUNDS + 1];
  char message[64];
  record_offsets(bytes, n, offsets);
  snprintf(message, sizeof message, "(round %zu) holds values out of range", last);
  for (size_t i = 0; i < n_changes; i++) {
    unsigned char *const record = changed + offsets[last];
    memcpy(changed, bytes, n);
    record[changes[i].at] = changes[i].value;
    if (changes[i].next != 0) record[changes[i].at + 1] = changes[i].next;
    assert_memory_not_equal(changed, bytes, n);
    seal_record(record);
    folder_write(&setup->folder, "journal", changed, offsets[last + 1]);
    assert_refused(setup, STATUS_ENVIRONMENT, message);
    struct journal_state found;
    run_to_end(setup, true, &found);
    assert_int_equal(found.n_rounds, last);
    assert_file(setup, "journal", bytes, n);
  }
  folder_clear(&setup->folder, 0);
}

static void test_contents_are_checked(void **state) {
  struct setup *const setup = *state;
  enum { ROUND = 8, KIND = JOURNAL_FRAME_BYTES, NUMBER = KIND + 4, TASK = KIND + 8 };
  static const struct change tasks[] = {
      {ROUND, 7, 0},              /* round 7 after round 2 */
      {KIND, 0, 0},               /* no kind */
      {KIND, 2, 0},               /* a fold of seven words, in more bytes */
      {KIND, 3, 0},               /* an unknown kind */
      {KIND + 3, 1, 0},           /* a kind of more than one byte */
      {NUMBER, 6, 0},             /* six tasks, seven present */
      {NUMBER, 8, 0},             /* eight tasks */
      {NUMBER + 3, 0x7F, 0},      /* two thousand million tasks */
      {TASK + 14, 5, 0},          /* five moves */
      {TASK + 19, 0x45, 0},       /* mask bit 14 */
      {TASK + 18, 0x80, 0},       /* fewer words than there are bytes */
      {TASK + 20 + 7, 0xBF, 0},   /* an objective below zero */
      {TASK + 20 + 6, 0xF0, 0x7F} /* an infinite one */
  };
  static const struct change folds[] = {
      {ROUND, 3, 0},         /* round 3 once more */
      {ROUND + 7, 1, 0},     /* round 2^56 + 4 */
      {KIND, 1, 0},          /* thirteen tasks */
      {KIND, 0, 0},          /* no kind */
      {KIND, 3, 0},          /* an unknown kind */
      {KIND + 1, 1, 0},      /* a kind of more than one byte */
      {NUMBER, 12, 0},       /* twelve words, thirteen present */
      {NUMBER, 14, 0},       /* fourteen words */
      {NUMBER + 3, 0x20, 0}, /* 2^29 + 13 words: as many bytes as thirteen, in 32 bits */
      {NUMBER + 3, 0xFF, 0}, /* four thousand million */
  };
  check_changes(setup, LAST_TASKS, tasks, sizeof tasks / sizeof *tasks);
  check_changes(setup, LAST_FOLD, folds, sizeof folds / sizeof *folds);
}

/* A payload that ends within a word, and one too short for kind and number. */
static void test_fold_of_half_a_word(void **state) {
  struct setup *const setup = *state;
  unsigned char bytes[MAX_FILE_BYTES], changed[MAX_FILE_BYTES];
  const size_t n = undisturbed(setup, bytes);
  size_t offsets[N_ROUNDS + 1];
  record_offsets(bytes, n, offsets);
  memcpy(changed, bytes, n);
  unsigned char *const record = changed + offsets[LAST_FOLD];
  record[4] = (unsigned char)(record[4] - 4);
  record[JOURNAL_FRAME_BYTES + 4]--;                      /* twelve whole words */
  memset(record + JOURNAL_FRAME_BYTES + record[4], 0, 4); /* the half belongs to the zeros behind */
  seal_record(record);
  folder_write(&setup->folder, "journal", changed, n);
  assert_refused(setup, STATUS_ENVIRONMENT, "(round 4) holds values out of range");
  record[4] = 4; /* no record at all: a torn tail */
  folder_write(&setup->folder, "journal", changed, offsets[LAST_FOLD] + 24);
  struct journal_state found;
  run_to_end(setup, false, &found);
  assert_int_equal(found.n_rounds, LAST_FOLD);
  assert_int_equal(found.torn_bytes, 24);
  assert_file(setup, "journal", bytes, n);
}

static void test_full_of_marks(void **state) {
  struct setup *const setup = *state;
  enum { N = 1 << 20 };
  unsigned char *const bytes = malloc(N);
  journal_encode_header(&header, N_AXES, bytes);
  for (size_t at = JOURNAL_HEADER_BYTES; at + 8 <= N; at += 8) {
    memcpy(bytes + at, journal_record_mark, 4);
    const uint32_t claim = (uint32_t)(N - at) / 2; /* each costs a checksum over half of what is left */
    for (int i = 0; i < 4; i++) bytes[at + 4 + (size_t)i] = (unsigned char)(claim >> 8 * i);
  }
  folder_write(&setup->folder, "journal", bytes, N);
  free(bytes);
  /* 131,064 marks would be 34 GB of checksums; the search gives up after 8 times the file + 64 MiB. */
  assert_refused(setup, STATUS_ENVIRONMENT, "the journal is damaged");
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_cut_at_every_byte),         TEST(test_flip_at_every_byte),   TEST(test_salvage),
      TEST(test_record_within_a_torn_fold), TEST(test_other_run_is_refused), TEST(test_bad_headers),
      TEST(test_contents_are_checked),      TEST(test_fold_of_half_a_word),  TEST(test_full_of_marks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
