/* How fast are exact searches? Questions about public graphs (tests/data/partition) that end, one that does not within
 * its decisions, and parts of an answer placed anew, as neighbourhoods ask for. Run from the repository's root. */
#include "base/clock.h"
#include "search/partition/partition_exact.h"
#include "search/partition/partition_read.h"
#include "search/partition/partition_slicing.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY_IDEALS = 3000000, DECISIONS = 10000000, NEAR_IDEALS = 20000, NEAR_DECISIONS = 300000 };

struct bench {
  struct arena arena, scratch;
  struct partition_problem problem;
  struct partition_graph graph;
  uint32_t *chip;
  double value;
};

static void start(struct bench *bench, const char *name, const char *const *sets, size_t n_sets) {
  struct error error = {0};
  char path[256];
  *bench = (struct bench){.value = 0};
  arena_init(&bench->arena, 1 << 20);
  arena_init(&bench->scratch, 1 << 20);
  snprintf(path, sizeof path, "tests/data/partition/instances/%s.json", name);
  if (!partition_read(path, sets, n_sets, &bench->arena, &bench->problem, &error) ||
      !partition_contract(&bench->problem, &bench->arena, &bench->graph, &error)) {
    fputs(error.text, stderr);
    exit(1);
  }
  bench->chip = ARENA_NEW(&bench->arena, uint32_t, bench->graph.n);
  bench->value = partition_quick(&bench->graph, &bench->scratch, bench->chip);
}

static void stop(struct bench *bench) {
  arena_release(&bench->arena);
  arena_release(&bench->scratch);
}

static void prove(const char *name, const char *chips, const char *rule) {
  const char *const sets[] = {chips, rule};
  struct bench bench;
  start(&bench, name, sets, 2);
  const struct partition_limits limits = {MANY_IDEALS, DECISIONS, false};
  struct partition_request request = {.graph = &bench.graph, .arena = &bench.arena, .scratch = &bench.scratch};
  double bound = 0;
  const double start_s = clock_processor_s();
  const bool proven = partition_exact(&bench.graph, &limits, &request, bench.chip, &bench.value, &bound);
  const double seconds = clock_processor_s() - start_s;
  printf("partition  exact %-30s %-9s %-14s %5zu groups  %s %.9g ms, bound %.9g, %.3f s", name, chips, rule,
         bench.graph.n, proven ? "proven" : "open", bench.value, bound, seconds);
  if (!proven) printf(", at least %.1f million decisions a second", 1e-6 * DECISIONS / 2 / seconds);
  printf(", %zu MiB\n", arena_held_bytes(&bench.scratch) >> 20);
  stop(&bench);
}

/* Two chips after two, until all are placed as well as they can be by themselves. */
static void place_parts(const char *name, const char *chips) {
  const char *const sets[] = {chips};
  struct bench bench;
  start(&bench, name, sets, 1);
  const struct partition_limits limits = {NEAR_IDEALS, NEAR_DECISIONS, false};
  const double first_value = bench.value, start_s = clock_processor_s();
  size_t n = 0;
  for (bool better = true; better;) {
    better = false;
    for (uint32_t c = 1; c < bench.problem.n_chips; c++, n++) {
      better =
          partition_exact_between(&bench.graph, c, c + 1, &limits, &bench.scratch, bench.chip, &bench.value) || better;
    }
  }
  const double seconds = clock_processor_s() - start_s;
  printf("partition  parts %-30s %-9s %5zu groups  %zu parts, %.0f us each, %.9g to %.9g ms\n", name, chips,
         bench.graph.n, n, 1e6 * seconds / (double)n, first_value, bench.value);
  stop(&bench);
}

int main(void) {
  prove("op_bert_l-12-clone-bw32", "chips=8", "triangle=none");
  prove("op_bert_l-12-clone-untie-bw32", "chips=16", "triangle=path");
  prove("op_bert_l-12-bw2", "chips=6", "cost=p2p");
  prove("pd_resnet101-bw32", "chips=16", "triangle=none");
  prove("pd_nasnetamobile-bw32", "chips=2", "triangle=none");
  prove("pd_nasnetamobile-bw32", "chips=16", "triangle=none");
  place_parts("op_bert_l-12-clone-bw32", "chips=16");
  place_parts("pd_resnet101-bw32", "chips=16");
  return 0;
}
