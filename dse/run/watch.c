/* See watch.h. */
#include "dse/run/watch.h"

#include "base/clock.h"
#include "dse/run/signals.h"

void watch_begin(struct watch *watch, struct cluster *cluster, double limit_s, const char *of_time) {
  *watch = (struct watch){
      .cluster = cluster, .of_time = of_time, .began_s = clock_wall_s(), .began_processor_s = clock_processor_s()};
  if (limit_s > 0) watch->until_s = watch->began_s + limit_s;
}

static bool is_late(const struct watch *watch) { return watch->until_s > 0 && clock_wall_s() >= watch->until_s; }

bool watch_interrupted(void *context) {
  struct watch *const watch = context;
  if (watch->stopped != NULL || cluster_size(watch->cluster) > 1) return watch->stopped != NULL;
  if (signals_stop() != 0) watch->stopped = signals_agree(watch->cluster);
  if (watch->stopped == NULL && is_late(watch)) watch->stopped = watch->of_time;
  return watch->stopped != NULL;
}

bool watch_agree(struct watch *watch) {
  if (watch->stopped != NULL || cluster_size(watch->cluster) == 1) return watch_interrupted(watch);
  const char *const signal = signals_agree(watch->cluster);
  const bool late = cluster_any(watch->cluster, is_late(watch));
  watch->stopped = signal != NULL ? signal : late ? watch->of_time : NULL;
  return watch->stopped != NULL;
}

double watch_wall_s(const struct watch *watch) { return clock_wall_s() - watch->began_s; }

double watch_processor_s(const struct watch *watch) { return clock_processor_s() - watch->began_processor_s; }
