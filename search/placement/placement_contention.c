#include "search/placement/placement_private.h"
bool placement_run_contention(const struct placement_problem *problem, const struct placement_answer *answer,
                              struct arena *scratch, struct placement_run *run) {
  (void)problem, (void)answer, (void)scratch, (void)run;
  return false;
}
