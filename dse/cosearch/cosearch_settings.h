/* Keys of a search for training and tenants at once. See cosearch.h. */
#ifndef DSE_COSEARCH_SETTINGS_H
#define DSE_COSEARCH_SETTINGS_H

#include "base/config.h"

enum cosearch_metric { COSEARCH_NONE, COSEARCH_JOINT, COSEARCH_TRAINING, COSEARCH_TENANTS };
enum cosearch_way { COSEARCH_TOGETHER, COSEARCH_SEQUENTIAL };
extern const char *const cosearch_metric_names[], *const cosearch_way_names[];

struct cosearch_settings {
  uint64_t metric, way; /* the enums above */
  double weight, makespan_s, training_floor, money_usd;
  uint64_t kinds, designs, sets, platforms, finalists;
  bool front, mixed;
};
extern const struct field_table cosearch_fields;
static inline bool cosearch_is_asked_for(const struct cosearch_settings *settings) {
  return settings->metric != COSEARCH_NONE;
}

#endif
