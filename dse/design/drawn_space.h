/* The space of a run's designs as it would be if limits were set aside, or if the model's constants were others.
 *
 * For `dse sensitivity`: the same axes and objectives, evaluated by the same functions, under other settings. Left out:
 * advice without an evaluation, which searches of such a space do without. */
#ifndef DSE_DRAWN_SPACE_H
#define DSE_DRAWN_SPACE_H

#include "dse/design/uncertainty.h"
#include "dse/run/run.h"

/* Whose limits a drawn space keeps to. */
enum drawn_limits {
  LIMITS_NONE,    /* every design runs */
  LIMITS_NOMINAL, /* designs are allowed as the model allows them; only what they reach is drawn */
  LIMITS_DRAWN,   /* area, power and memory are judged with the drawn constants, too */
};

/* What all drawn spaces of a run share. */
struct drawn_base {
  const struct run *run;
  struct run_settings lifted;     /* the run's, without limits */
  struct run_settings of_results; /* with those limits alone that only a schedule can break */
  struct run_settings before;     /* with the others alone */
  struct design_space box;        /* nominal constants, no limits */
  struct design_space allowed;    /* nominal constants, and the limits that are known before a schedule */
  struct accelerator reference;   /* of speed-ups and the throughput floor */
};
bool drawn_base_init(struct drawn_base *base, const struct run *run, struct error *error);

struct drawn_space {
  struct space space; /* its context is this struct: do not copy */
  const struct drawn_base *base;
  enum drawn_limits limits;
  const double *factor; /* of the constants */
  bool cache;           /* of costs: worth it where a draw evaluates many designs */
  struct arena *arena;
  struct drawn_node *nodes;  /* by value of the axis node_nm, filled when first met */
  size_t n_nodes, node_axis; /* SIZE_MAX: there is no such axis */
};
/* Lives in the arena, which must not be rewound before the release. */
void drawn_space_init(struct drawn_space *drawn, const struct drawn_base *base, enum drawn_limits limits,
                      const double *factor, bool cache, struct arena *arena);
void drawn_space_release(struct drawn_space *drawn);

#endif
