/* Designs of a device and ways to spread a training job over many, as one space: the axes of both, for what moves a
 * system's metric (dse/design/importance.h).
 *
 * A point is one design and one strategy, where the search takes the best strategy of each design. Axes behind the
 * designs' own are what strategies differ in; data follows from devices and the other degrees. Points whose degrees are
 * no strategy of the run are impossible, as designs that the template forbids. Left out: systems of unlike designs,
 * bounds of boxes, advice. */
#ifndef DSE_JOINT_SPACE_H
#define DSE_JOINT_SPACE_H

#include "dse/design/design_space.h"

struct joint_space {
  struct space space; /* its context is this struct: do not copy */
  struct axis axes[POINT_MAX_AXES];
  struct design_space designs; /* with one strategy at a time */
  struct system_search search; /* its only strategy: that of the point at hand */
  const struct system_plan *plan;
  const struct system_plan *const *plans; /* all of them */
  const struct point_set *ways;           /* the plans as points of the axes behind the designs' own; same numbers */
  size_t n_design_axes, n_ways;
  bool *needed; /* [n_units] scratch */
};
/* `designs` are those of a system, with the limits that are to count; everything lives in the arena. More inputs than a
 * point holds: the strategies are one axis, of their numbers. False if even that is one too many. */
bool joint_space_init(struct joint_space *joint, const struct design_space *designs, struct arena *arena);

#endif
