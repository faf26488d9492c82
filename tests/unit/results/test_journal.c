/* Is every finished round in the journal, and nothing that was not written? (reliability §3: P1, P8) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "results/journal.h"
#include "results/journal_format.h"
#include "tests/unit/results/folder.h"
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

enum { N_AXES = 5, N_ROUNDS = 5, LAST_TASKS = 3, LAST_FOLD = 4, MAX_FILE_BYTES = 1 << 16 };

static const struct journal_header header = {
    .settings = {0x8D1F2385A5B7C391u, 0x71u}, .seed = 2385, .answer_version = 37};

struct setup {
  struct folder folder;
  struct arena arena;
};

static int set_up(void **state) {
  static struct setup setup;
  setup.folder = folder_make();
  arena_init(&setup.arena, 1 << 16);
  *state = &setup;
  return 0;
}

static int tear_down(void **state) {
  struct setup *const setup = *state;
  folder_clear(&setup->folder, 1);
  arena_release(&setup->arena);
  return 0;
}

/* --- a small run --- */

/* Records that use every field, with odd values: denormal, −0, largest, negative steps, infeasible ones. */
static struct record make_record(uint64_t round, size_t task) {
  struct record record = {0};
  const double tag = (double)(round * 131 + task * 7 + 3);
  for (size_t i = 0; i < N_AXES; i++) record.point.index[i] = (uint16_t)(round * 1009 + task * 31 + i * 17);
  record.point.index[N_AXES - 1] = UINT16_MAX;
  struct score *const score = &record.score;
  score->saturated = (uint16_t)(task % 2);
  score->binding = (uint16_t)(round + 11);
  if (task % 3 == 2) {
    score->reason = (uint16_t)(5 + task);
    score->excess = tag / 13;
    return record;
  }
  for (size_t i = 0; i < SCORE_MAX_OBJECTIVES; i++) score->objective[i] = tag / (double)(i + 3);
  score->objective[4] = 4.9406564584124654e-324;
  score->objective[5] = task == 1 ? -0.0 : 1.7976931348623157e308;
  score->bound = task == 0 ? INFINITY : tag / 997;
  score->n_moves = (uint16_t)(task % (SCORE_MAX_MOVES + 1));
  for (size_t i = 0; i < SCORE_MAX_MOVES; i++) /* one more than n_moves: what lies behind is kept too */
    if (i <= score->n_moves)
      score->moves[i] =
          (struct move){.worth = -tag / 11, .axis = (uint16_t)(i % N_AXES), .step = (int16_t)(-3 - (int)i)};
  return record;
}

static size_t make_round(uint64_t round, struct record records[16]) {
  const size_t n = round == 2 ? 0 : 2 * round + 1; /* an empty round is a round */
  for (size_t i = 0; i < n; i++) records[i] = make_record(round, i);
  return n;
}

/* Rounds 1 and 4 are folds: words of every kind, none special to the journal. */
static bool is_fold(uint64_t round) { return round % 3 == 1; }

static size_t make_fold(uint64_t round, uint64_t words[16]) {
  const size_t n = 2 * round + 5;
  for (size_t i = 0; i < n; i++) words[i] = (round + i) * UINT64_C(0x9E3779B97F4A7C15);
  words[0] = 0;
  words[1] = UINT64_MAX;
  memcpy(&words[2], journal_record_mark, sizeof journal_record_mark); /* is no record for all that */
  return n;
}

static bool open_plain(struct setup *setup, bool salvage, struct journal **journal, struct journal_state *state,
                       struct error *error) {
  return journal_open(setup->folder.path, &header, N_AXES, salvage, &setup->arena, journal, state, error);
}

static void append_rounds(struct journal *journal, uint64_t from, uint64_t to) {
  struct error error = {0};
  for (uint64_t round = from; round < to; round++) {
    struct record records[16];
    uint64_t words[16];
    if (is_fold(round)) {
      assert_true(journal_append_fold(journal, round, words, make_fold(round, words), &error));
    } else {
      assert_true(journal_append(journal, round, records, make_round(round, records), &error));
    }
    assert_int_equal(journal_rounds(journal), round + 1);
  }
}

/* Replays a round as what it is, and checks it; false if the journal does not hold it. */
static bool replay_as_made(struct setup *setup, struct journal *journal, uint64_t round) {
  struct record expected[16], *records;
  uint64_t expected_words[16], *words;
  size_t n;
  struct error error = {0};
  if (is_fold(round)) {
    assert_true(journal_replay_fold(journal, round, &setup->arena, &words, &n, &error));
    if (words == NULL) return false;
    assert_int_equal(n, make_fold(round, expected_words));
    assert_memory_equal(words, expected_words, n * sizeof *words);
    return true;
  }
  assert_true(journal_replay(journal, round, &setup->arena, &records, &n, &error));
  if (records == NULL) return false;
  assert_int_equal(n, make_round(round, expected));
  assert_memory_equal(records, expected, n * sizeof *records);
  return true;
}

/* Runs from scratch or from what is there to the end; the journal's bytes must then be those of an undisturbed run. */
static void run_to_end(struct setup *setup, bool salvage, struct journal_state *state) {
  struct journal *journal;
  struct error error = {0};
  if (!open_plain(setup, salvage, &journal, state, &error)) fail_msg("%s", error.text);
  for (uint64_t round = 0; round < N_ROUNDS; round++) {
    assert_int_equal(replay_as_made(setup, journal, round), round < state->n_rounds);
  }
  append_rounds(journal, state->n_rounds, N_ROUNDS);
  assert_true(journal_close(journal, &error));
}

static size_t undisturbed(struct setup *setup, unsigned char bytes[MAX_FILE_BYTES]) {
  struct journal_state state;
  run_to_end(setup, false, &state);
  assert_false(state.existed);
  const size_t n = folder_read(&setup->folder, "journal", bytes, MAX_FILE_BYTES);
  folder_clear(&setup->folder, 0);
  return n;
}

/* Where each record begins; [N_ROUNDS] is the end. */
static void record_offsets(const unsigned char *bytes, size_t n, size_t offsets[N_ROUNDS + 1]) {
  size_t at = JOURNAL_HEADER_BYTES;
  for (size_t i = 0; i < N_ROUNDS; i++) {
    struct journal_frame frame;
    assert_true(journal_decode_frame(bytes + at, &frame));
    assert_int_equal(frame.round, i);
    offsets[i] = at;
    at += journal_framed_bytes(&frame);
  }
  assert_int_equal(at, n);
  offsets[N_ROUNDS] = at;
}

static void assert_file(const struct setup *setup, const char *name, const unsigned char *bytes, size_t n) {
  unsigned char now[MAX_FILE_BYTES];
  assert_int_equal(folder_read(&setup->folder, name, now, sizeof now), n);
  assert_memory_equal(now, bytes, n);
}

static void assert_refused(struct setup *setup, enum status status, const char *message) {
  struct journal *journal;
  struct journal_state state;
  struct error error = {0};
  assert_false(open_plain(setup, false, &journal, &state, &error));
  assert_int_equal(error.status, status);
  if (strstr(error.text, message) == NULL) fail_msg("'%s' is not in: %s", message, error.text);
}

/* --- what must hold --- */

static void test_round_trip(void **state) {
  struct setup *const setup = *state;
  unsigned char bytes[MAX_FILE_BYTES];
  const size_t n = undisturbed(setup, bytes);
  struct journal_state found;
  run_to_end(setup, false, &found);
  run_to_end(setup, false, &found);
  assert_true(found.existed);
  assert_int_equal(found.n_rounds, N_ROUNDS);
  assert_int_equal(found.torn_bytes, 0);
  assert_file(setup, "journal", bytes, n);
}

static void test_replay_in_any_order(void **state) {
  struct setup *const setup = *state;
  struct journal_state found;
  struct journal *journal;
  struct error error = {0};
  run_to_end(setup, false, &found);
  assert_true(open_plain(setup, false, &journal, &found, &error));
  append_rounds(journal, N_ROUNDS, 6);
  const uint64_t order[] = {3, 3, 0, 5, 1, 4, 2, 6};
  for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
    assert_int_equal(replay_as_made(setup, journal, order[i]), order[i] < 6);
  }
  /* What is asked for as the other kind was written by another program; asking leaves the journal as it was. */
  struct record *records;
  uint64_t *words;
  size_t n;
  assert_false(journal_replay(journal, 4, &setup->arena, &records, &n, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
  assert_non_null(strstr(error.text, "(round 4) is no list of designs, as this program expects there"));
  assert_null(records);
  assert_false(journal_replay_fold(journal, 3, &setup->arena, &words, &n, &error));
  assert_non_null(strstr(error.text, "(round 3) is no fold, as this program expects there"));
  assert_null(words);
  assert_true(replay_as_made(setup, journal, 3));
  assert_true(replay_as_made(setup, journal, 4));
  error = (struct error){0};
  assert_true(journal_close(journal, &error));
}

static void test_bytes_are_as_documented(void **state) {
  struct setup *const setup = *state;
  unsigned char bytes[MAX_FILE_BYTES];
  undisturbed(setup, bytes);
  /* Little-endian on any machine: settings digest, seed, answer version, axes. */
  assert_memory_equal(bytes + 16,
                      "\x91\xC3\xB7\xA5\x85\x23\x1F\x8D\x71\0\0\0\0\0\0\0\x51\x09\0\0\0\0\0\0\x25\0\0\0\x05", 29);
  /* Round 0, kind 1, one task: payload 8 + 10 + 10 + 7 words (its excess is 0) + one move (worth, axis, step) of 12. */
  const unsigned char *round = bytes + JOURNAL_HEADER_BYTES;
  assert_int_equal(round[4], 8 + 10 + 10 + 7 * 8 + 12);
  assert_memory_equal(round + JOURNAL_FRAME_BYTES, "\1\0\0\0\1\0\0\0", 8);
  /* Round 1, kind 2, seven words. */
  round += (JOURNAL_FRAME_BYTES + round[4] + 7) / 8 * 8;
  assert_int_equal(round[4], 8 + 7 * 8);
  assert_memory_equal(round + JOURNAL_FRAME_BYTES,
                      "\2\0\0\0\7\0\0\0"
                      "\0\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                      24);
}

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
      {8, n, 9, true, STATUS_INPUT, "the journal has format version 9, this program reads version 2"},
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
  bytes[8] = 3; /* a later version with a longer header, whose checksum is out of sight */
  bytes[12] = 96;
  folder_write(&setup->folder, "journal", bytes, n);
  assert_refused(setup, STATUS_INPUT, "the journal has format version 3");
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
      {TASK + 19, 0x1F, 0},       /* mask bit 12 */
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

static void test_only_regular_files(void **state) {
  struct setup *const setup = *state;
  char path[512], elsewhere[512];
  folder_file(&setup->folder, "journal", path);
  folder_file(&setup->folder, "elsewhere", elsewhere);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_refused(setup, STATUS_INPUT, "not a regular file");
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_refused(setup, STATUS_INPUT, "not a regular file");
  rmdir(path);
  folder_write(&setup->folder, "elsewhere", "", 0);
  assert_int_equal(symlink(elsewhere, path), 0);
  assert_refused(setup, STATUS_ENVIRONMENT, "it is a symbolic link");
}

static void test_missing_folder(void **state) {
  struct setup *const setup = *state;
  struct journal *journal;
  struct journal_state found;
  struct error error = {0};
  char path[512];
  folder_file(&setup->folder, "missing", path);
  assert_false(journal_open(path, &header, N_AXES, false, &setup->arena, &journal, &found, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
  assert_non_null(strstr(error.text, "missing/journal.tmp: cannot make the journal: No such file or directory"));
}

static void test_peek(void **state) {
  struct setup *const setup = *state;
  struct journal_header found;
  struct error error = {0};
  assert_false(journal_peek(setup->folder.path, &found, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
  assert_non_null(strstr(error.text, "there is no journal: nothing has been run here"));
  struct journal_state run;
  run_to_end(setup, false, &run);
  error = (struct error){0};
  assert_true(journal_peek(setup->folder.path, &found, &error));
  assert_true(digest_equal(found.settings, header.settings));
  assert_int_equal(found.seed, 2385);
  assert_int_equal(found.answer_version, 37);
  folder_write(&setup->folder, "journal",
               "\x89"
               "ds",
               3);
  assert_false(journal_peek(setup->folder.path, &found, &error));
  assert_non_null(strstr(error.text, "cut off at offset 3 of 64"));
}

/* A limit on file size cuts a write short as a full disk does, after some of its bytes. */
static bool append_within(struct journal *journal, uint64_t round, rlim_t most_bytes, struct error *error) {
  struct rlimit before;
  struct record records[16];
  uint64_t words[16];
  getrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){most_bytes, before.rlim_max});
  const bool appended = is_fold(round) ? journal_append_fold(journal, 2, words, make_fold(round, words), error)
                                       : journal_append(journal, 2, records, make_round(round, records), error);
  setrlimit(RLIMIT_FSIZE, &before);
  return appended;
}

static void test_no_room(void **state) {
  struct setup *const setup = *state;
  for (uint64_t round = LAST_TASKS; round <= LAST_FOLD; round++) { /* in the place of round 2 */
    struct journal *journal;
    struct journal_state found;
    struct error error = {0};
    struct record records[16];
    assert_true(open_plain(setup, false, &journal, &found, &error));
    append_rounds(journal, 0, 2);
    assert_false(append_within(journal, round, 311, &error));
    assert_int_equal(error.status, STATUS_ENVIRONMENT);
    assert_non_null(strstr(error.text, "cannot append"));
    assert_non_null(strstr(error.text, "the 2 rounds before are kept: make room, then go on with `dse resume "));
    assert_false(journal_append(journal, 2, records, make_round(3, records), &error));
    assert_non_null(strstr(error.text, "not used any more after the failure before"));
    assert_false(journal_append_fold(journal, 2, NULL, 0, &error));
    assert_false(journal_sync(journal, &error));
    assert_int_equal(error.n_messages, 4);
    assert_true(journal_close(journal, &error));
    run_to_end(setup, false, &found);
    assert_int_equal(found.n_rounds, 2);
    assert_true(found.torn_bytes > 0);
    folder_clear(&setup->folder, 0);
  }
}

static void test_too_large_a_round(void **state) {
  struct setup *const setup = *state;
  enum { N = 700000 };
  struct record *const records = malloc(N * sizeof *records);
  for (size_t i = 0; i < N; i++) records[i] = make_record(1, 4);
  struct journal *journal;
  struct journal_state found;
  struct error error = {0};
  assert_true(open_plain(setup, false, &journal, &found, &error));
  assert_false(journal_append(journal, 0, records, N, &error));
  assert_int_equal(error.status, STATUS_INPUT);
  assert_non_null(strstr(error.text, "round 0 of 700000 tasks takes more than 67108864 bytes: choose smaller rounds"));
  free(records);
  uint64_t *const words = calloc(1 << 23, sizeof *words);
  assert_non_null(words);
  assert_false(journal_append_fold(journal, 0, words, 1 << 23, &error));
  assert_non_null(
      strstr(error.text, "round 0, a fold to 8388608 words, takes more than 67108864 bytes: choose smaller rounds"));
  free(words);
  const size_t most = (JOURNAL_MAX_PAYLOAD_BYTES - 8) / 8; /* what just fits */
  assert_int_equal(journal_fold_bytes(most), JOURNAL_MAX_PAYLOAD_BYTES + 24);
  assert_int_equal(journal_fold_bytes(most + 1), 0);
  assert_int_equal(journal_fold_bytes(SIZE_MAX / 8 + 2), 0);
  append_rounds(journal, 0, 1); /* nothing was written, so the round may come in another way */
  error = (struct error){0};
  assert_true(journal_close(journal, &error));
}

/* A forgotten writer of an earlier launch appends to a file that has no name any more. */
static void test_forgotten_writer(void **state) {
  struct setup *const setup = *state;
  struct journal *old, *new;
  struct journal_state found;
  struct error error = {0};
  unsigned char bytes[MAX_FILE_BYTES];
  const size_t n = undisturbed(setup, bytes);
  assert_true(open_plain(setup, false, &old, &found, &error));
  append_rounds(old, 0, 2);
  folder_write(&setup->folder, "journal.tmp", "left by a dead launch", 21);
  assert_true(open_plain(setup, false, &new, &found, &error));
  assert_int_equal(found.n_rounds, 2);
  append_rounds(old, 2, N_ROUNDS);
  append_rounds(new, 2, N_ROUNDS);
  assert_true(journal_close(new, &error));
  assert_file(setup, "journal", bytes, n);
  assert_false(journal_close(old, &error));
  assert_non_null(strstr(error.text, "the file was removed or replaced during the run"));
}

static void test_damage_after_opening(void **state) {
  struct setup *const setup = *state;
  struct journal *journal;
  struct journal_state found;
  struct error error = {0};
  struct record *records;
  size_t n;
  char path[512];
  unsigned char bytes[MAX_FILE_BYTES];
  size_t offsets[N_ROUNDS + 1];
  record_offsets(bytes, undisturbed(setup, bytes), offsets);
  run_to_end(setup, false, &found);
  assert_true(open_plain(setup, false, &journal, &found, &error));
  folder_file(&setup->folder, "journal", path);
  const int fd = open(path, O_WRONLY);
  assert_int_equal(pwrite(fd, "\x77", 1, JOURNAL_HEADER_BYTES + 31), 1);
  assert_false(journal_replay(journal, 0, &setup->arena, &records, &n, &error));
  assert_non_null(strstr(error.text, "the record at offset 64 (round 0) was good and is not any more"));
  assert_int_equal(pwrite(fd, "\x77", 1, (off_t)offsets[1] + 31), 1);
  uint64_t *words;
  assert_false(journal_replay_fold(journal, 1, &setup->arena, &words, &n, &error));
  char message[128];
  snprintf(message, sizeof message, "the record at offset %zu (round 1) was good and is not any more", offsets[1]);
  assert_non_null(strstr(error.text, message));
  assert_true(replay_as_made(setup, journal, LAST_TASKS)); /* others still are */
  assert_true(replay_as_made(setup, journal, LAST_FOLD));
  assert_int_equal(ftruncate(fd, JOURNAL_HEADER_BYTES + 8), 0);
  close(fd);
  assert_false(journal_replay(journal, 0, &setup->arena, &records, &n, &error));
  assert_non_null(strstr(error.text, "the file became shorter meanwhile"));
  assert_true(journal_close(journal, &error));
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_round_trip),
      TEST(test_replay_in_any_order),
      TEST(test_bytes_are_as_documented),
      TEST(test_cut_at_every_byte),
      TEST(test_flip_at_every_byte),
      TEST(test_salvage),
      TEST(test_record_within_a_torn_fold),
      TEST(test_other_run_is_refused),
      TEST(test_bad_headers),
      TEST(test_contents_are_checked),
      TEST(test_fold_of_half_a_word),
      TEST(test_full_of_marks),
      TEST(test_only_regular_files),
      TEST(test_missing_folder),
      TEST(test_peek),
      TEST(test_no_room),
      TEST(test_too_large_a_round),
      TEST(test_forgotten_writer),
      TEST(test_damage_after_opening),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
