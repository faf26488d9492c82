/* See clock.h. */
#include "base/clock.h"

#include "base/error.h"
#include <time.h>

static double seconds_of(clockid_t clock) {
  struct timespec now;
  REQUIRE(clock_gettime(clock, &now) == 0);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double clock_wall_s(void) { return seconds_of(CLOCK_MONOTONIC); }

double clock_processor_s(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }
