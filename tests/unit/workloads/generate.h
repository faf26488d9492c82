/* Models for tests of their generators. Like two_arenas.h: included once, behind stddef and the like. */
#ifndef TESTS_GENERATE_H
#define TESTS_GENERATE_H

#include "tests/two_arenas.h"
#include "workloads/workload.h"
#include <string.h>

enum { MAX_SETS = 4 };

static struct error error;

static bool load(const char *name, uint64_t batch, uint64_t element_bytes, const struct config_set *sets,
                 struct workload *workload) {
  size_t n = 0;
  while (sets != NULL && n < MAX_SETS && sets[n].path != NULL) n++;
  const struct workload_request request = {name, ".", batch, element_bytes, sets, n, false};
  error = (struct error){0};
  return workload_load(&request, &arena, &scratch, workload, &error);
}

#define SETS(...) ((const struct config_set[MAX_SETS + 1]){__VA_ARGS__})

/* One of each kind that has keys of its own. */
static const char *const kinds_of_model[] = {"llama3-8b",     "bert-base",   "vit_b_16",       "inception_v3",
                                             "gnmt4",         "dlrm-criteo", "mixtral-8x7b",   "ncf",
                                             "qwen3-30b-a3b", "dit-xl-2",    "flux.1-schnell", "deepseek-v2-lite"};
enum { N_KINDS = sizeof kinds_of_model / sizeof *kinds_of_model };

#endif
