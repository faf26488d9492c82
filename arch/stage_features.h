/* What would an expert look at before pricing a design for a stage? Numbers that follow from shapes of operators and
 * their floors alone: how well shapes fit the arrays and lanes, how long each class of cores, the links and the memory
 * must work at least, how much of that lies on one path, and what the design has and takes.
 *
 * After the domain features that Spotlight names (Sakhuja et al., HPCA 2023): array edge utilisation, reuse, bytes a
 * MAC. Sizes and rates are logarithms to base 2, shares lie in 0 … 1: all are finite. No mapping is searched; the price
 * is about that of stage_bound. */
#ifndef ARCH_STAGE_FEATURES_H
#define ARCH_STAGE_FEATURES_H

#include "arch/stage_bound.h"

enum stage_feature {
#define STAGE_FEATURE(id, name, unit) STAGE_FEATURE_##id,
#include "arch/stage_features.def"
#undef STAGE_FEATURE
  N_STAGE_FEATURES
};
struct stage_feature_name {
  const char *name, *unit;
};
extern const struct stage_feature_name stage_feature_names[N_STAGE_FEATURES];

/* features[N_STAGE_FEATURES] of a derived design and its stage_design. */
void stage_features(const struct stage *stage, const struct accelerator *accelerator,
                    const struct stage_cost_of_design *design, struct stage_scratch *scratch, double *features);

#endif
