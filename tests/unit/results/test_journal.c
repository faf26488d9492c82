/* Is every finished round in the journal, and nothing that was not written? (reliability §3: P1, P8) Damage is the
 * business of test_journal_damage.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/results/journal_cases.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

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
  /* Round 0, kind 1, one task: payload 8 + 10 + 10 + 9 words (its excess is 0) + one move (worth, axis, step) of 12. */
  const unsigned char *round = bytes + JOURNAL_HEADER_BYTES;
  assert_int_equal(round[4], 8 + 10 + 10 + 9 * 8 + 12);
  assert_memory_equal(round + JOURNAL_FRAME_BYTES, "\1\0\0\0\1\0\0\0", 8);
  /* Round 1, kind 2, seven words. */
  round += (JOURNAL_FRAME_BYTES + round[4] + 7) / 8 * 8;
  assert_int_equal(round[4], 8 + 7 * 8);
  assert_memory_equal(round + JOURNAL_FRAME_BYTES,
                      "\2\0\0\0\7\0\0\0"
                      "\0\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                      24);
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
