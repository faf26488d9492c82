/* dse map tenancy --arrivals TRACE.csv: jobs that arrive while others run. See search/tenancy/tenancy_online.h. */
#ifndef DSE_TENANCY_ARRIVALS_H
#define DSE_TENANCY_ARRIVALS_H

#include "dse/tenancy/tenancy_beyond.h"

/* Prints a row of latencies, and publishes --out (a row a job), --report and --trace. Every rank computes the same. */
enum status tenancy_print_arrivals(const struct invocation *invocation, const struct tenancy_problem *instance,
                                   const struct tenancy_keys *keys, uint64_t seed, const char *path,
                                   struct error *error);

#endif
