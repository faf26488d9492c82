/* Do map, fold and the agreements give the same bytes on every rank and any number of ranks?
 *
 * Run alone, one rank judges itself. tests/mpi/map.sh runs it as `test_map --child SCENARIO` under mpirun and compares:
 * rank 0 prints one line a case with a digest of the bytes; every rank checks that it holds those of rank 0. Scenarios:
 * `same` (all cases), `error` (two ranks fail: all return the lowest one's status), `abort` and `bug` (the last rank
 * goes down inside a round: nobody may be left waiting). */
#include "base/digest.h"
#include "base/rng.h"
#include "cluster/cluster.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

struct child {
  struct cluster *cluster;
  struct error error;
  bool failed;
};

/* Prints the case and checks that all ranks hold the same bytes. */
static void compare(struct child *child, const char *name, const void *bytes, size_t n) {
  const struct digest mine = digest_of(bytes, n);
  struct digest first = mine;
  cluster_broadcast(child->cluster, &first, sizeof first);
  const bool differs = cluster_any(child->cluster, !digest_equal(mine, first));
  if (differs) child->failed = true;
  char hex[DIGEST_HEX_BYTES];
  digest_print(first, hex);
  if (cluster_rank(child->cluster) == 0) printf("%s %s%s\n", name, hex, differs ? " DIFFERS BETWEEN RANKS" : "");
}

static void check(struct child *child, bool condition, const char *what) {
  if (condition) return;
  child->failed = true;
  fprintf(stderr, "rank %u: failed: %s\n", cluster_rank(child->cluster), what);
}

/* --- map -------------------------------------------------------------------------------------------------------- */

struct map_case {
  const char *name;
  size_t n_tasks, record_bytes;
  uint64_t longest; /* draws of the longest task; short ones take none */
  size_t offset;    /* of the records from an aligned address */
};

static const struct map_case map_cases[] = {
    {"uneven", 2385, 40, 60000, 0}, {"two", 2, 24, 100, 0},       {"four", 4, 16, 100, 0},
    {"none", 0, 8, 0, 0},           {"one", 1, 512, 100, 0},      {"odd", 1001, 7, 300, 1},
    {"many", 300007, 8, 0, 0},      {"pieces", 20011, 512, 0, 0}, {"largest", 17, CLUSTER_MAX_RECORD_BYTES, 9, 3},
};

/* The last byte stays as it came: zero. */
static void fill(void *context, size_t index, void *record) {
  const struct map_case *const map_case = context;
  struct rng rng = rng_stream(seed, RNG_TEST, map_case->record_bytes, index);
  if (map_case->longest > 0) {
    const bool is_long = rng_below(&rng, 16) == 0;
    for (uint64_t i = rng_below(&rng, is_long ? map_case->longest : 16); i > 0; i--) rng_next(&rng);
  }
  unsigned char *const bytes = record;
  for (size_t i = 0; i + 1 < map_case->record_bytes; i++) {
    if (i % 8 == 7) (void)rng_next(&rng);
    bytes[i] = (unsigned char)(rng_below(&rng, 251) + 3);
  }
}

static void run_map(struct child *child, const struct map_case *map_case) {
  const size_t n_bytes = map_case->n_tasks * map_case->record_bytes;
  struct map_case context = *map_case;
  const struct cluster_tasks tasks = {map_case->n_tasks, map_case->record_bytes, fill, NULL, &context};
  unsigned char *const memory = malloc(n_bytes + map_case->offset + 1);
  if (memory == NULL) cluster_abort(child->cluster, STATUS_ENVIRONMENT);
  unsigned char *const records = memory + map_case->offset;
  memset(records, 0x5A, n_bytes);
  check(child, cluster_map(child->cluster, &tasks, records, &child->error) == CLUSTER_DONE, map_case->name);
  compare(child, map_case->name, records, n_bytes);
  for (size_t i = 0; i < map_case->n_tasks; i += 1 + map_case->n_tasks / 97) {
    unsigned char expected[CLUSTER_MAX_RECORD_BYTES] = {0};
    fill(&context, i, expected);
    check(child, memcmp(expected, records + i * map_case->record_bytes, map_case->record_bytes) == 0, "record");
  }
  free(memory);
}

/* Many short rounds after one another: a message of one must not reach the next. */
static void run_rounds(struct child *child) {
  struct digest_stream stream;
  digest_begin(&stream);
  for (size_t n = 0; n < 60; n++) {
    unsigned char records[60 * 9];
    struct map_case context = {"rounds", n, 9, 5, 0};
    const struct cluster_tasks tasks = {n, 9, fill, NULL, &context};
    check(child, cluster_map(child->cluster, &tasks, records, &child->error) == CLUSTER_DONE, "rounds");
    digest_add_bytes(&stream, records, n * 9);
  }
  const struct digest digest = digest_end(&stream);
  compare(child, "rounds", &digest, sizeof digest);
}

/* --- fold ------------------------------------------------------------------------------------------------------- */

/* An accumulator of changing size: counters, and as many of the largest values as a list may hold, sorted. */
enum { FOLD_COUNTERS = 6, FOLD_LISTED = 37 };

struct folding {
  uint64_t n, n_blocks, sum, least, most, mixed;
  uint64_t n_listed, listed[FOLD_LISTED];
  uint64_t words[FOLD_COUNTERS + FOLD_LISTED];
};

static void clear_fold(void *context) {
  struct folding *const folding = context;
  *folding = (struct folding){.least = UINT64_MAX};
}

static void list_value(struct folding *folding, uint64_t value) {
  size_t place = folding->n_listed;
  while (place > 0 && folding->listed[place - 1] < value) place--;
  if (place == FOLD_LISTED) return;
  if (folding->n_listed < FOLD_LISTED) folding->n_listed++;
  memmove(&folding->listed[place + 1], &folding->listed[place],
          (folding->n_listed - 1 - place) * sizeof folding->listed[0]);
  folding->listed[place] = value;
}

static void fold(void *context, uint64_t first, uint64_t end) {
  struct folding *const folding = context;
  folding->n_blocks++;
  for (uint64_t i = first; i < end; i++) {
    const uint64_t value = (i + seed) * UINT64_C(0x9E3779B97F4A7C15) >> 7;
    folding->n++;
    folding->sum += value;
    if (value < folding->least) folding->least = value;
    if (value > folding->most) folding->most = value;
    folding->mixed ^= value * value;
    list_value(folding, value);
  }
}

static const uint64_t *pack_fold(void *context, size_t *n_words) {
  struct folding *const folding = context;
  const uint64_t counters[FOLD_COUNTERS] = {folding->n,     folding->n_blocks, folding->sum,
                                            folding->least, folding->most,     folding->mixed};
  memcpy(folding->words, counters, sizeof counters);
  memcpy(folding->words + FOLD_COUNTERS, folding->listed, folding->n_listed * sizeof folding->listed[0]);
  *n_words = FOLD_COUNTERS + folding->n_listed;
  return folding->words;
}

static void merge_fold(void *context, const uint64_t *words, size_t n_words) {
  struct folding *const folding = context;
  folding->n += words[0];
  folding->n_blocks += words[1];
  folding->sum += words[2];
  if (words[3] < folding->least) folding->least = words[3];
  if (words[4] > folding->most) folding->most = words[4];
  folding->mixed ^= words[5];
  for (size_t i = FOLD_COUNTERS; i < n_words; i++) list_value(folding, words[i]);
}

static void run_fold(struct child *child, const char *name, uint64_t n, uint64_t block) {
  struct folding folding = {.n = 77}; /* what was there before is cleared */
  const struct cluster_blocks blocks = {n, block, clear_fold, fold, pack_fold, merge_fold, NULL, &folding};
  check(child, cluster_fold(child->cluster, &blocks, &child->error) == CLUSTER_DONE, name);
  check(child, folding.n == n && folding.n_blocks == n / block + (n % block != 0), "fold: each index once");
  check(child, folding.n_listed == (n < FOLD_LISTED ? n : FOLD_LISTED), "fold: the list");
  size_t n_words;
  const uint64_t *const words = pack_fold(&folding, &n_words);
  compare(child, name, words, n_words * sizeof *words);
}

/* --- interruptions ---------------------------------------------------------------------------------------------- */

struct interruption {
  uint64_t run, stop_after; /* tasks of this rank; 0: it is never interrupted */
  bool said_so;
};

static void count_task(void *context, size_t index, void *record) {
  struct interruption *const interruption = context;
  interruption->run++;
  *(unsigned char *)record = (unsigned char)(index % 251 + 1);
}

static bool is_interrupted(void *context) {
  struct interruption *const interruption = context;
  const bool now = interruption->stop_after > 0 && interruption->run >= interruption->stop_after;
  interruption->said_so = interruption->said_so || now;
  return now;
}

static void clear_count(void *context) { (void)context; }
static void count_block(void *context, uint64_t first, uint64_t end) {
  (void)first, (void)end;
  ((struct interruption *)context)->run++;
}
static const uint64_t *pack_count(void *context, size_t *n_words) {
  *n_words = 1;
  return &((struct interruption *)context)->run;
}
static void merge_count(void *context, const uint64_t *words, size_t n_words) {
  ((struct interruption *)context)->run += words[n_words - 1];
}

/* All ranks end alike: dropped if and only if one of them was interrupted with work before it (the others may have done
 * all of it before). */
static void check_end(struct child *child, const struct interruption *mine, enum cluster_end end) {
  const bool any = cluster_any(child->cluster, mine->said_so);
  check(child, end == (any ? CLUSTER_DROPPED : CLUSTER_DONE), "dropped if and only if one was interrupted");
}

/* Each rank in turn is interrupted after its first task; the next map is as if nothing had been. */
static void run_interruptions(struct child *child) {
  enum { N = 200003 };
  unsigned char *const records = malloc(N);
  if (records == NULL) cluster_abort(child->cluster, STATUS_ENVIRONMENT);
  uint64_t n_dropped = 0;
  for (unsigned victim = 0; victim < cluster_size(child->cluster); victim++) {
    for (size_t n = 1; n <= N; n = n < 3000 ? n * 59 + 1 : n < N ? N : N + 1) {
      const uint64_t stop_after = cluster_rank(child->cluster) == victim;
      struct interruption of_map = {.stop_after = stop_after}, of_fold = {.stop_after = stop_after}, none = {0};
      struct cluster_tasks tasks = {n, 1, count_task, is_interrupted, &of_map};
      enum cluster_end end = cluster_map(child->cluster, &tasks, records, &child->error);
      check_end(child, &of_map, end);
      n_dropped += end == CLUSTER_DROPPED;
      if (victim == 0 && n == N) check(child, end == CLUSTER_DROPPED, "rank 0 has work before it");
      const struct cluster_blocks blocks = {n,          1,           clear_count,    count_block,
                                            pack_count, merge_count, is_interrupted, &of_fold};
      end = cluster_fold(child->cluster, &blocks, &child->error);
      check_end(child, &of_fold, end);
      tasks.context = &none;
      check(child, cluster_map(child->cluster, &tasks, records, &child->error) == CLUSTER_DONE, "the next map");
      bool good = true;
      for (size_t i = 0; i < n; i++) good = good && records[i] == (unsigned char)(i % 251 + 1);
      check(child, good, "the next map is whole");
    }
  }
  check(child, n_dropped > 0, "something was dropped");
  free(records);
  const uint64_t ended = 1;
  compare(child, "interruptions", &ended, sizeof ended);
}

/* --- scenarios -------------------------------------------------------------------------------------------------- */

static void run_broadcast(struct child *child) {
  const size_t n = 20000003; /* more than one piece */
  unsigned char *const bytes = malloc(n);
  if (bytes == NULL) cluster_abort(child->cluster, STATUS_ENVIRONMENT);
  memset(bytes, (int)cluster_rank(child->cluster), n);
  if (cluster_rank(child->cluster) == 0)
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)(i * i % 253);
  cluster_broadcast(child->cluster, bytes, n);
  compare(child, "broadcast", bytes, n);
  free(bytes);
}

static void run_agreements(struct child *child) {
  struct cluster *const cluster = child->cluster;
  check(child, !cluster_any(cluster, false), "any of none");
  for (unsigned r = 0; r < cluster_size(cluster); r++)
    check(child, cluster_any(cluster, cluster_rank(cluster) == r), "any of one");
  check(child, cluster_agree(cluster, &child->error), "agree on none");
}

/* Every task was run on exactly one rank, and has its place in the histogram. */
static void run_timing(struct child *child, uint64_t n_tasks, uint64_t n_blocks) {
  const unsigned size = cluster_size(child->cluster);
  struct cluster_timing *const timing = calloc(size, sizeof *timing);
  struct cluster_durations *const durations = calloc(1, sizeof *durations);
  if (timing == NULL || durations == NULL) cluster_abort(child->cluster, STATUS_ENVIRONMENT);
  cluster_timing(child->cluster, timing);
  cluster_durations(child->cluster, durations);
  uint64_t n = 0, n_timed[2] = {0};
  double evaluating_s = 0, timed_s = 0;
  for (unsigned r = 0; r < size; r++) {
    n += timing[r].n_tasks;
    evaluating_s += timing[r].evaluating_s;
    check(child, timing[r].n_tasks > 0 && timing[r].evaluating_s > 0 && timing[r].waiting_s >= 0, "each rank works");
    check(child, timing[r].peak_bytes > 100000 && timing[r].peak_bytes < UINT64_C(1) << 40, "each rank has memory");
  }
  for (size_t b = 0; b < CLUSTER_DURATION_BUCKETS; b++) {
    n_timed[0] += durations->tasks[b].n;
    n_timed[1] += durations->blocks[b].n;
    timed_s += durations->tasks[b].seconds + durations->blocks[b].seconds;
    const double low = exp2((double)b / 4) * 1e-9, mean = durations->tasks[b].seconds / (double)durations->tasks[b].n;
    if (durations->tasks[b].n > 0 && b > 0 && b < CLUSTER_DURATION_BUCKETS - 1)
      check(child, mean > 0.999 * low && mean < 1.001 * low * exp2(0.25), "a duration lies in its bucket");
  }
  check(child, n == n_tasks + n_blocks, "each task once");
  check(child, n_timed[0] == n_tasks && n_timed[1] == n_blocks, "each duration once");
  check(child, timed_s > 0 && timed_s <= evaluating_s * 1.0001, "durations are part of the time");
  free(timing);
  free(durations);
}

static void scenario_same(struct child *child) {
  uint64_t n = 0;
  for (size_t i = 0; i < sizeof map_cases / sizeof map_cases[0]; i++) {
    run_map(child, &map_cases[i]);
    n += map_cases[i].n_tasks;
  }
  run_rounds(child);
  run_fold(child, "fold", 1000003, 997);
  run_fold(child, "fold-one-block", 5, 10);
  run_fold(child, "fold-none", 0, 10);
  run_timing(child, n + 59 * 60 / 2, 1004 + 1);
  run_interruptions(child);
  run_broadcast(child);
  run_agreements(child);
}

static void scenario_error(struct child *child) {
  const unsigned rank = cluster_rank(child->cluster), size = cluster_size(child->cluster);
  if (rank == size - 1) error_add(&child->error, STATUS_ENVIRONMENT, "the last rank's disk is full");
  if (rank == size / 2) error_add(&child->error, STATUS_INPUT, "run.cfg:%d: the middle rank's mistake", 2385);
  unsigned char record[9];
  struct map_case context = {"error", 1, 9, 0, 0};
  const struct cluster_tasks tasks = {1, 9, fill, NULL, &context};
  check(child, cluster_map(child->cluster, &tasks, record, &child->error) == CLUSTER_FAILED, "an error stops the map");
  compare(child, "error", child->error.text, sizeof child->error.text);
  if (rank == 0) fputs(child->error.text, stdout);
}

struct fatal {
  struct cluster *cluster;
  bool is_bug;
};

static void go_down(void *context, size_t index, void *record) {
  const struct fatal *const fatal = context;
  (void)record;
  if (cluster_rank(fatal->cluster) + 1 < cluster_size(fatal->cluster) || index < 40) return;
  if (fatal->is_bug) BUG("wanted by the test");
  cluster_abort(fatal->cluster, STATUS_STOPPED);
}

static void scenario_fatal(struct child *child, bool is_bug) {
  struct fatal fatal = {child->cluster, is_bug};
  const struct cluster_tasks tasks = {1000000, 1, go_down, NULL, &fatal};
  unsigned char *const records = malloc(tasks.n_tasks);
  if (records == NULL) cluster_abort(child->cluster, STATUS_ENVIRONMENT);
  cluster_map(child->cluster, &tasks, records, &child->error);
  check(child, false, "a rank went down and nobody noticed");
  free(records);
}

static int run_child(int argc, char **argv, const char *scenario) {
  struct child *const child = calloc(1, sizeof *child);
  if (child == NULL) return STATUS_ENVIRONMENT;
  child->cluster = cluster_start(&argc, &argv, &child->error);
  if (child->cluster == NULL) return STATUS_ENVIRONMENT;
  if (strcmp(scenario, "same") == 0) scenario_same(child);
  if (strcmp(scenario, "error") == 0) scenario_error(child);
  if (strcmp(scenario, "abort") == 0) scenario_fatal(child, false);
  if (strcmp(scenario, "bug") == 0) scenario_fatal(child, true);
  const bool failed = cluster_any(child->cluster, child->failed);
  const int status = failed ? 99 : (int)child->error.status;
  cluster_finish(child->cluster);
  free(child);
  return status;
}

static char *no_arguments[] = {NULL};

static void one_rank_same(void **state) {
  (void)state;
  assert_int_equal(run_child(0, no_arguments, "same"), STATUS_OK);
}

static void one_rank_error(void **state) {
  (void)state;
  assert_int_equal(run_child(0, no_arguments, "error"), STATUS_ENVIRONMENT);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--child") == 0) return run_child(argc, argv, argv[2]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_rank_same),
      cmocka_unit_test(one_rank_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
