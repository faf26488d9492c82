/* Do map, fold and the agreements give the same bytes on every rank and any number of ranks?
 *
 * Run alone, one rank judges itself. tests/mpi/map.sh runs it as `test_map --child SCENARIO` under mpirun and compares:
 * rank 0 prints one line a case with a digest of the bytes; every rank checks that it holds those of rank 0. Scenarios:
 * `same` (all cases), `error` (two ranks fail: all return the lowest one's status), `abort` and `bug` (the last rank
 * goes down inside a round: nobody may be left waiting). */
#include "base/digest.h"
#include "base/rng.h"
#include "cluster/cluster.h"
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
  const struct cluster_tasks tasks = {map_case->n_tasks, map_case->record_bytes, fill, &context};
  unsigned char *const memory = malloc(n_bytes + map_case->offset + 1);
  if (memory == NULL) cluster_abort(child->cluster, STATUS_ENVIRONMENT);
  unsigned char *const records = memory + map_case->offset;
  memset(records, 0x5A, n_bytes);
  check(child, cluster_map(child->cluster, &tasks, records, &child->error), map_case->name);
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
    const struct cluster_tasks tasks = {n, 9, fill, &context};
    check(child, cluster_map(child->cluster, &tasks, records, &child->error), "rounds");
    digest_add_bytes(&stream, records, n * 9);
  }
  const struct digest digest = digest_end(&stream);
  compare(child, "rounds", &digest, sizeof digest);
}

/* --- fold ------------------------------------------------------------------------------------------------------- */

struct fold_result {
  uint64_t n, n_blocks, sum, least, most, mixed;
};

static void fold(void *context, uint64_t first, uint64_t end, void *accumulator) {
  (void)context;
  struct fold_result *const result = accumulator;
  result->n_blocks++;
  for (uint64_t i = first; i < end; i++) {
    const uint64_t value = (i + seed) * UINT64_C(0x9E3779B97F4A7C15) >> 7;
    result->n++;
    result->sum += value;
    if (value < result->least) result->least = value;
    if (value > result->most) result->most = value;
    result->mixed ^= value * value;
  }
}

static void merge(void *context, void *into, const void *from) {
  (void)context;
  struct fold_result *const a = into;
  const struct fold_result *const b = from;
  a->n += b->n;
  a->n_blocks += b->n_blocks;
  a->sum += b->sum;
  if (b->least < a->least) a->least = b->least;
  if (b->most > a->most) a->most = b->most;
  a->mixed ^= b->mixed;
}

static void run_fold(struct child *child, const char *name, uint64_t n, uint64_t block) {
  const struct cluster_blocks blocks = {n, block, sizeof(struct fold_result), fold, merge, NULL};
  struct fold_result result = {.least = UINT64_MAX};
  check(child, cluster_fold(child->cluster, &blocks, &result, &child->error), name);
  check(child, result.n == n && result.n_blocks == n / block + (n % block != 0), "fold: each index once");
  compare(child, name, &result, sizeof result);
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

/* Every task was run on exactly one rank. */
static void run_timing(struct child *child, uint64_t n_expected) {
  const unsigned size = cluster_size(child->cluster);
  struct cluster_timing *const timing = calloc(size, sizeof *timing);
  if (timing == NULL) cluster_abort(child->cluster, STATUS_ENVIRONMENT);
  cluster_timing(child->cluster, timing);
  uint64_t n = 0;
  for (unsigned r = 0; r < size; r++) {
    n += timing[r].n_tasks;
    check(child, timing[r].n_tasks > 0 && timing[r].evaluating_s > 0 && timing[r].waiting_s >= 0, "each rank works");
  }
  check(child, n == n_expected, "each task once");
  free(timing);
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
  run_timing(child, n + 59 * 60 / 2 + 1004 + 1);
  run_broadcast(child);
  run_agreements(child);
}

static void scenario_error(struct child *child) {
  const unsigned rank = cluster_rank(child->cluster), size = cluster_size(child->cluster);
  if (rank == size - 1) error_add(&child->error, STATUS_ENVIRONMENT, "the last rank's disk is full");
  if (rank == size / 2) error_add(&child->error, STATUS_INPUT, "run.cfg:%d: the middle rank's mistake", 2385);
  unsigned char record[9];
  struct map_case context = {"error", 1, 9, 0, 0};
  const struct cluster_tasks tasks = {1, 9, fill, &context};
  check(child, !cluster_map(child->cluster, &tasks, record, &child->error), "an error stops the map");
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
  const struct cluster_tasks tasks = {1000000, 1, go_down, &fatal};
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
