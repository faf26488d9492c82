/* A small journal with rounds of every kind, for the tests of its reader and writer. */
#ifndef TESTS_JOURNAL_CASES_H
#define TESTS_JOURNAL_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "results/journal.h"
#include "results/journal_format.h"
#include "tests/unit/results/folder.h"
#include <math.h>

enum { N_AXES = 5, N_ROUNDS = 5, LAST_TASKS = 3, LAST_FOLD = 4, MAX_FILE_BYTES = 1 << 16 };

static const struct journal_header header = {
    .settings = {0x8D1F2385A5B7C391u, 0x71u}, .seed = 2385, .answer_version = 37};

struct setup {
  struct folder folder;
  struct arena arena;
};

static inline int set_up(void **state) {
  static struct setup setup;
  setup.folder = folder_make();
  arena_init(&setup.arena, 1 << 16);
  *state = &setup;
  return 0;
}

static inline int tear_down(void **state) {
  struct setup *const setup = *state;
  folder_clear(&setup->folder, 1);
  arena_release(&setup->arena);
  return 0;
}

/* --- a small run --- */

/* Records that use every field, with odd values: denormal, −0, largest, negative steps, infeasible ones. */
static inline struct record make_record(uint64_t round, size_t task) {
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

static inline size_t make_round(uint64_t round, struct record records[16]) {
  const size_t n = round == 2 ? 0 : 2 * round + 1; /* an empty round is a round */
  for (size_t i = 0; i < n; i++) records[i] = make_record(round, i);
  return n;
}

/* Rounds 1 and 4 are folds: words of every kind, none special to the journal. */
static inline bool is_fold(uint64_t round) { return round % 3 == 1; }

static inline size_t make_fold(uint64_t round, uint64_t words[16]) {
  const size_t n = 2 * round + 5;
  for (size_t i = 0; i < n; i++) words[i] = (round + i) * UINT64_C(0x9E3779B97F4A7C15);
  words[0] = 0;
  words[1] = UINT64_MAX;
  memcpy(&words[2], journal_record_mark, sizeof journal_record_mark); /* is no record for all that */
  return n;
}

static inline bool open_plain(struct setup *setup, bool salvage, struct journal **journal, struct journal_state *state,
                              struct error *error) {
  return journal_open(setup->folder.path, &header, N_AXES, salvage, &setup->arena, journal, state, error);
}

static inline void append_rounds(struct journal *journal, uint64_t from, uint64_t to) {
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
static inline bool replay_as_made(struct setup *setup, struct journal *journal, uint64_t round) {
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
static inline void run_to_end(struct setup *setup, bool salvage, struct journal_state *state) {
  struct journal *journal;
  struct error error = {0};
  if (!open_plain(setup, salvage, &journal, state, &error)) fail_msg("%s", error.text);
  for (uint64_t round = 0; round < N_ROUNDS; round++) {
    assert_int_equal(replay_as_made(setup, journal, round), round < state->n_rounds);
  }
  append_rounds(journal, state->n_rounds, N_ROUNDS);
  assert_true(journal_close(journal, &error));
}

static inline size_t undisturbed(struct setup *setup, unsigned char bytes[MAX_FILE_BYTES]) {
  struct journal_state state;
  run_to_end(setup, false, &state);
  assert_false(state.existed);
  const size_t n = folder_read(&setup->folder, "journal", bytes, MAX_FILE_BYTES);
  folder_clear(&setup->folder, 0);
  return n;
}

/* Where each record begins; [N_ROUNDS] is the end. */
static inline void record_offsets(const unsigned char *bytes, size_t n, size_t offsets[N_ROUNDS + 1]) {
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

static inline void assert_file(const struct setup *setup, const char *name, const unsigned char *bytes, size_t n) {
  unsigned char now[MAX_FILE_BYTES];
  assert_int_equal(folder_read(&setup->folder, name, now, sizeof now), n);
  assert_memory_equal(now, bytes, n);
}

static inline void assert_refused(struct setup *setup, enum status status, const char *message) {
  struct journal *journal;
  struct journal_state state;
  struct error error = {0};
  assert_false(open_plain(setup, false, &journal, &state, &error));
  assert_int_equal(error.status, status);
  if (strstr(error.text, message) == NULL) fail_msg("'%s' is not in: %s", message, error.text);
}

#endif
