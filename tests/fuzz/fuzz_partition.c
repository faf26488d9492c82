/* Does any partition problem, or any answer to it, break its readers or what follows them? What they accept is
 * contracted, evaluated and judged; what they refuse, they say why.
 *
 * An input is the JSON, the nodes, the edges and perhaps answers, with a line of two per cent signs between.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_partition.c
 * and the libraries search, results, base built with the same sanitizers. The corpus is replayed by
 * tests/unit/search/test_fuzz_corpus.c. */
#include "search/partition/partition_read.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_PARTITION_PARTS = 4 };

/* Problems and answers that were read, and those that were refused, so far. */
static struct { size_t accepted, refused, answers, refused_answers; } fuzz_partition_seen;

/* The evaluator and the judge agree on whether it is valid, and on its period. */
static void fuzz_partition_use(const struct partition_problem *problem, const struct partition_claim *claim,
                               struct arena *arena) {
  struct partition_graph graph;
  struct error error = {0};
  const char *reason;
  double judged;
  const bool contracted = partition_contract(problem, arena, &graph, &error);
  if (contracted == error_is_set(&error)) abort();
  if (!contracted) return; /* sums that do not fit */
  const bool valid = partition_check(problem, claim, arena, &judged, &reason);
  if (valid == isnan(judged) || (!valid && reason[0] == 0)) abort();
  if (claim->n_said != problem->n_nodes) return;
  uint32_t *chip = ARENA_NEW(arena, uint32_t, graph.n);
  for (size_t v = 0; v < problem->n_nodes; v++) chip[graph.group_of[v]] = claim->chip[v];
  for (size_t v = 0; v < problem->n_nodes; v++) {
    if (chip[graph.group_of[v]] != claim->chip[v]) return; /* a group that is not of one mind */
  }
  const double value = partition_value(&graph, chip, partition_work_new(&graph, arena));
  if (isfinite(value) != valid && !(valid && isinf(judged))) abort();
  if (isfinite(value) && !(fabs(value - judged) <= 1e-9 * judged)) abort();
}

static void fuzz_partition_read(char *const part[], const size_t n[], size_t n_parts, struct arena *arena) {
  struct partition_text texts[3];
  struct partition_problem problem;
  struct partition_row *rows;
  struct error error = {0};
  size_t n_rows;
  for (size_t i = 0; i < 3; i++) texts[i] = (struct partition_text){i < n_parts ? part[i] : "", i < n_parts ? n[i] : 0};
  const bool fine = partition_parse("p.json", &texts[0], &texts[1], &texts[2], arena, &problem, &error);
  if (fine == error_is_set(&error)) abort();
  *(fine ? &fuzz_partition_seen.accepted : &fuzz_partition_seen.refused) += 1;
  if (!fine) return;
  uint32_t *chip = ARENA_NEW(arena, uint32_t, problem.n_nodes);
  for (size_t v = 0; v < problem.n_nodes; v++) chip[v] = 1;
  fuzz_partition_use(&problem, &(struct partition_claim){chip, problem.n_nodes, NAN}, arena);
  if (n_parts < FUZZ_PARTITION_PARTS) return;
  const bool read = partition_parse_answers(&problem, "a.csv", part[3], n[3], arena, &rows, &n_rows, &error);
  if (read == error_is_set(&error)) abort();
  *(read ? &fuzz_partition_seen.answers : &fuzz_partition_seen.refused_answers) += 1;
  for (size_t i = 0; read && i < n_rows; i++) fuzz_partition_use(&rows[i].problem, &rows[i].claim, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char line[] = "\n%%\n";
  struct arena arena;
  arena_init(&arena, 1 << 16);
  char *part[FUZZ_PARTITION_PARTS];
  size_t n[FUZZ_PARTITION_PARTS], n_parts = 0;
  for (size_t first = 0; n_parts < FUZZ_PARTITION_PARTS && first <= size;) {
    const uint8_t *const at = size > first ? data + first : NULL;
    const uint8_t *const end = at != NULL ? memmem(at, size - first, line, strlen(line)) : NULL;
    n[n_parts] = end != NULL ? (size_t)(end - at) : size - first;
    part[n_parts] = arena_alloc(&arena, n[n_parts] + 1, 1);
    if (n[n_parts] > 0) memcpy(part[n_parts], at, n[n_parts]);
    first += n[n_parts++] + strlen(line);
  }
  fuzz_partition_read(part, n, n_parts, &arena);
  arena_release(&arena);
  return 0;
}
