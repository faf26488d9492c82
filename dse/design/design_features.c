/* What would an expert look at in a design? The `describe` hook of design spaces; the numbers are arch's. */
#include "dse/design/design_private.h"

#include "arch/stage_features.h"
#include <string.h>

static void describe(void *context, const struct point *point, double *features) {
  const struct design_space *designs = context;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  memset(features, 0, N_STAGE_FEATURES * sizeof *features);
  if (!design_at(designs, point, &accelerator)) return;
  stage_design(designs->stage, &accelerator, &design);
  stage_features(designs->stage, &accelerator, &design, designs->scratch, features);
}

void design_features_init(struct design_space *designs, struct arena *arena) {
  _Static_assert((int)N_STAGE_FEATURES <= (int)SPACE_MAX_FEATURES, "a space has no room for so many features");
  struct reason_name *features = ARENA_NEW(arena, struct reason_name, N_STAGE_FEATURES);
  for (size_t f = 0; f < N_STAGE_FEATURES; f++) {
    features[f] = (struct reason_name){stage_feature_names[f].name, stage_feature_names[f].unit};
  }
  designs->space.describe = describe;
  designs->space.n_features = N_STAGE_FEATURES;
  designs->space.features = features;
}
