/* Does any table break the readers of layers and of designs? What they accept is solved and judged, and comes back when
 * it is written and read again; what they refuse, they say why.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_map.c and the
 * libraries search, results, base built with the same sanitizers. The corpus is replayed by
 * tests/unit/search/test_fuzz_corpus.c. */
#include "search/stages/stages_table.h"
#include "search/systems/systems_table.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_MAP_ROWS = 201, FUZZ_MAP_SOLVED = 40, FUZZ_MAP_NODES = 300 };

/* Tables that were read, and those that were refused, so far. */
static struct { size_t accepted, refused; } fuzz_maps_seen;

struct fuzz_map {
  struct arena arena, scratch;
  struct csv csv;
  struct error error;
};

static bool fuzz_map_parse(struct fuzz_map *map, const char *text, size_t n) {
  return csv_parse("fuzz.csv", text, n, FUZZ_MAP_ROWS, &map->arena, &map->csv, &map->error);
}

static void fuzz_map_count(const struct fuzz_map *map, bool accepted) {
  if (accepted == error_is_set(&map->error)) abort();
  if (accepted) fuzz_maps_seen.accepted++;
  if (!accepted) fuzz_maps_seen.refused++;
}

static void solve_stages(struct fuzz_map *map, struct stages_problem *problem) {
  struct stages_answer answer;
  if (problem->n_layers > FUZZ_MAP_SOLVED) return;
  problem->max_downsets = 1000;
  if (!stages_solve(problem, 3, &map->arena, &map->scratch, &answer, &map->error)) return;
  for (size_t i = 0; i < answer.n; i++) {
    if (!stages_check(problem, &answer.partitions[i], &map->error)) abort();
  }
  if (answer.n == 0 && (answer.excess_bytes == 0 || answer.tight_stage >= problem->n_stages)) abort();
}

static void fuzz_stages(struct fuzz_map *map, const char *text, size_t n, size_t n_stages) {
  struct stages_table table, again;
  size_t n_written;
  if (!fuzz_map_parse(map, text, n)) return;
  const bool accepted = stages_table_read(&map->csv, n_stages, &map->arena, &table, &map->error);
  fuzz_map_count(map, accepted);
  if (!accepted) return;
  const struct stages_problem *problem = &table.problem;
  if (problem->n_stages <= FUZZ_MAP_SOLVED) { /* names that a spreadsheet would compute come back with an apostrophe */
    const char *written = table_bytes(stages_table_write(&table, &map->arena), &n_written);
    if (!fuzz_map_parse(map, written, n_written)) abort();
    if (problem->pred_start == NULL) {
      if (!stages_table_read(&map->csv, 0, &map->arena, &again, &map->error)) abort();
      if (again.problem.n_layers != problem->n_layers || again.problem.memory_bytes != problem->memory_bytes) abort();
    }
  }
  solve_stages(map, &table.problem);
}

static void fuzz_systems(struct fuzz_map *map, const char *text, size_t n) {
  struct systems_table table;
  struct systems_front front;
  bool proven;
  if (!fuzz_map_parse(map, text, n)) return;
  const bool accepted = systems_table_read(&map->csv, &map->arena, &table, &map->error);
  fuzz_map_count(map, accepted);
  if (!accepted) return;
  table.problem.max_designs = n % 3;
  if (!systems_solve(&table.problem, FUZZ_MAP_NODES, &map->arena, &map->scratch, &front, &proven, &map->error)) return;
  for (size_t i = 0; i < front.n; i++) {
    if (!systems_check(&table.problem, &front.choices[i], &map->error)) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (size_t way = 0; way < 3; way++) {
    struct fuzz_map *map = calloc(1, sizeof *map);
    if (map == NULL) return 0;
    arena_init(&map->arena, 1 << 16);
    arena_init(&map->scratch, 1 << 16);
    if (way < 2) fuzz_stages(map, (const char *)data, size, 2 * way);
    if (way == 2) fuzz_systems(map, (const char *)data, size);
    arena_release(&map->arena);
    arena_release(&map->scratch);
    free(map);
  }
  return 0;
}
