/* A run from a text in memory, ready to evaluate designs: shared by the tests of the roof's flows. Nothing is written
 * and nothing is journaled; the catalogue and the models are those of the repository, from whose root tests run. */
#ifndef TESTS_RUN_CASES_H
#define TESTS_RUN_CASES_H

#include "base/rng.h"
#include "dse/run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stops the program with the messages: the tests of settings and workloads provoke errors, these do not expect any. */
static inline void case_check(const struct error *error) {
  if (!error_is_set(error)) return;
  fputs(error->text, stderr);
  abort();
}

static inline struct cluster *case_cluster(void) {
  static struct error error;
  int argc = 0;
  char **argv = NULL;
  struct cluster *cluster = cluster_start(&argc, &argv, &error);
  case_check(&error);
  return cluster;
}

/* Group fixtures of cmocka: one cluster a program. */
static inline int case_start(void **state) {
  *state = case_cluster();
  return 0;
}

static inline int case_finish(void **state) {
  cluster_finish(*state);
  return 0;
}

/* Everything in `arena`; release with run_release. So far settings alone; their mistakes are in `error`. */
static inline struct run *case_settings(const char *text, struct cluster *cluster, struct arena *arena,
                                        struct arena *scratch, struct error *error) {
  struct run *run = ARENA_NEW(arena, struct run, 1);
  run->invocation = ARENA_NEW(arena, struct invocation, 1);
  run->invocation->cluster = cluster;
  run->invocation->arena = arena;
  run->invocation->scratch = scratch;
  run->invocation->data_folder = ".";
  struct config *config = NULL;
  config_open_text("case", text, strlen(text), NULL, 0, arena, &config, error);
  case_check(error);
  run_settings_apply(config, arena, &run->settings, error);
  config_close(config);
  return run;
}

/* The same with its problem; whatever is wrong stops the program. */
static inline struct run *case_run(const char *text, struct cluster *cluster, struct arena *arena,
                                   struct arena *scratch) {
  struct error *error = ARENA_NEW(arena, struct error, 1);
  struct run *run = case_settings(text, cluster, arena, scratch, error);
  case_check(error);
  if (run_load_workload(run, error) && run_expand_training(run, error)) run_make_problem(run, error);
  case_check(error);
  return run;
}

/* Could a run file ask for this metric here? Prices are computed only where the run asks for them. */
static inline bool case_has_metric(const struct run *run, size_t metric) {
  const bool needs_tdp = metric == OBJECTIVE_TDP || metric == OBJECTIVE_THROUGHPUT_PER_TDP;
  if (metric == OBJECTIVE_DIE_COST) return run->designs.asks_die_cost;
  return !needs_tdp || run->stage.provider->has_tdp;
}

/* What the run is judged by, without building it again. */
static inline void case_set_metric(struct run *run, size_t metric) {
  run->settings.search.metric = metric;
  run->designs.space.metric = metric;
}

static inline struct point case_random_point(const struct space *space, struct rng *rng) {
  struct point point = {{0}};
  for (size_t a = 0; a < space->n_axes; a++) point.index[a] = (uint16_t)rng_below(rng, space->axes[a].n);
  return point;
}

/* All points in order, scored. */
static inline struct record *case_evaluate_all(const struct space *space, struct arena *arena) {
  const uint64_t n = space_size(space);
  struct record *records = ARENA_NEW(arena, struct record, n);
  for (uint64_t i = 0; i < n; i++) {
    records[i].point = space_point(space, i);
    space->evaluate(space->context, &records[i].point, &records[i].score);
  }
  return records;
}

#endif
