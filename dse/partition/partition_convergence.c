/* See partition_convergence.h. */
#include "dse/partition/partition_convergence.h"

#include "base/clock.h"
#include "base/file.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct step {
  const char *algorithm;
  uint64_t sample;
  double cpu_s, value_ms;
};
struct partition_convergence {
  struct arena *arena;
  const char *algorithm;
  double began_s, best_ms;
  uint64_t n_before, n_samples; /* of searches that are repeated with more; of all */
  struct step *steps;
  size_t n_steps, room;
};

struct partition_convergence *partition_convergence_new(struct arena *arena) {
  struct partition_convergence *const convergence = ARENA_NEW(arena, struct partition_convergence, 1);
  *convergence = (struct partition_convergence){.arena = arena, .steps = ARENA_NEW(arena, struct step, 64), .room = 64};
  return convergence;
}

void partition_convergence_begin(struct partition_convergence *convergence, const char *algorithm) {
  convergence->algorithm = algorithm;
  convergence->n_before = convergence->n_samples = 0;
  convergence->best_ms = INFINITY;
  convergence->began_s = clock_processor_s();
}

static void add(struct partition_convergence *convergence) {
  if (convergence->n_steps == convergence->room) {
    struct step *const longer = ARENA_NEW(convergence->arena, struct step, 2 * convergence->room);
    memcpy(longer, convergence->steps, convergence->n_steps * sizeof *longer);
    convergence->steps = longer, convergence->room *= 2;
  }
  convergence->steps[convergence->n_steps++] = (struct step){
      convergence->algorithm, convergence->n_samples, clock_processor_s() - convergence->began_s, convergence->best_ms};
}

void partition_convergence_sampled(void *context, uint64_t sample, double period_ms) {
  struct partition_convergence *const convergence = context;
  if (convergence->n_before + sample < convergence->n_samples) convergence->n_before = convergence->n_samples;
  convergence->n_samples = convergence->n_before + sample + 1;
  if (!(period_ms < convergence->best_ms)) return;
  convergence->best_ms = period_ms;
  add(convergence);
}

void partition_convergence_end(struct partition_convergence *convergence, uint64_t n_samples) {
  convergence->n_samples = n_samples;
  add(convergence);
}

bool partition_convergence_publish(const struct partition_convergence *convergence, const char *path,
                                   struct error *error) {
  const struct arena_mark mark = arena_get_mark(convergence->arena);
  enum { MOST_ROW = 160 };
  char *const text = ARENA_NEW(convergence->arena, char, (convergence->n_steps + 1) * MOST_ROW);
  size_t n = (size_t)snprintf(text, MOST_ROW, "algorithm,sample,cpu_s,value_ms\n");
  for (size_t i = 0; i < convergence->n_steps; i++) {
    const struct step *const step = &convergence->steps[i];
    n += (size_t)snprintf(text + n, MOST_ROW, "%.60s,%llu,%.6f,", step->algorithm, (unsigned long long)step->sample,
                          step->cpu_s);
    n += (size_t)snprintf(text + n, MOST_ROW / 2, isfinite(step->value_ms) ? "%.17g\n" : "\n", step->value_ms);
  }
  const bool fine = file_publish(path, text, n, error);
  arena_rewind(convergence->arena, mark);
  return fine;
}
