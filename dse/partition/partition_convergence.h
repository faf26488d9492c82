/* How fast does a search get good? What was the best after how many samples and seconds, a row an improvement. */
#ifndef DSE_PARTITION_CONVERGENCE_H
#define DSE_PARTITION_CONVERGENCE_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

struct partition_convergence;
struct partition_convergence *partition_convergence_new(struct arena *arena);
/* A search begins; its clock is the time of one core. */
void partition_convergence_begin(struct partition_convergence *convergence, const char *algorithm);
/* For `sampled` of a request: context is a struct partition_convergence. */
void partition_convergence_sampled(void *context, uint64_t sample, double period_ms);
/* Its last row says when it was over, after how many samples. */
void partition_convergence_end(struct partition_convergence *convergence, uint64_t n_samples);
/* CSV: algorithm, sample (the first is 1), cpu_s, value_ms. */
bool partition_convergence_publish(const struct partition_convergence *convergence, const char *path,
                                   struct error *error);

#endif
