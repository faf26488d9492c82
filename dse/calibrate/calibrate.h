/* The reports of `dse calibrate`: the model against something real. One file each. */
#ifndef DSE_CALIBRATE_H
#define DSE_CALIBRATE_H

#include "arch/cost.h"
#include "dse/commands/command.h"
#include "results/table.h"

bool calibrate_chips(struct invocation *invocation, struct error *error);
bool calibrate_e2e(struct invocation *invocation, struct error *error);
/* Of a table that is given as text. */
bool calibrate_e2e_of(struct invocation *invocation, const char *text, struct error *error);
bool calibrate_ops(struct invocation *invocation, struct error *error);
bool calibrate_estimates(struct invocation *invocation, struct error *error);
bool calibrate_placements(struct invocation *invocation, struct error *error);

/* Defaults, and what --set says of the groups cost and technology. */
bool calibrate_settings(const struct invocation *invocation, struct cost_settings *cost, struct technology *technology,
                        struct error *error);

/* One part of a report. With --json all parts are printed as one object of arrays, else the chosen one as CSV. */
struct calibrate_part {
  const char *name;
  const struct table *table;
};
void calibrate_print(const struct invocation *invocation, const struct calibrate_part *parts, size_t n_parts,
                     const char *chosen);
/* The part that --what names, or the first; NULL with a message. */
const char *calibrate_choice(const struct invocation *invocation, const char *const *names, size_t n_names,
                             struct error *error);
/* So many significant digits, so that reports do not show what is not known and compare equal everywhere. */
double calibrate_round(double value, int digits);
/* Percent with one decimal. */
double calibrate_pct(double value);

#endif
