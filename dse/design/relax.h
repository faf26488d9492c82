/* Which limit, moved by how little, lets a design in?
 *
 * Every design of the space is held against every limit known without a schedule, each limit by itself; designs that
 * break one alone are candidates for moving that one, the nearest first, and are scheduled where other limits ask for
 * it. For limits on what only a schedule tells, designs are scheduled best bound first until no bound promises more. So
 * a limit moved by what is said lets a design in, and moved by a hundredth less it does not: nothing nearer is left. */
#ifndef DSE_RELAX_H
#define DSE_RELAX_H

#include "dse/run/run.h"

enum { RELAX_KEY_BYTES = 96 };

struct relaxation {
  bool exists;
  char key[RELAX_KEY_BYTES]; /* as --set takes it */
  const char *set;           /* key=value of a limit that is no number; NULL: it is one */
  double from, to;           /* of the limit; `to` to some digits, never less than needed */
  double share;              /* |to − from| / from; jointly, the factor − 1; infinite if it has no measure */
  struct point point;        /* which then fits */
};

struct relaxed {
  uint64_t points, looked; /* looked < points: of a space too large, designs at equal distances */
  uint64_t allowed;        /* by limits known without a schedule */
  bool fits;               /* some design keeps all limits */
  uint64_t n[N_REASONS], alone[N_REASONS];
  double nearest[N_REASONS];           /* least excess; negative: none */
  struct relaxation single[N_REASONS]; /* of this limit alone */
  enum reason smallest;                /* of these, the one with the least share; REASON_NONE: there is none */
  struct relaxation joint[N_REASONS];  /* where no single one helps: all of these together, by one factor */
  bool needs_joint, cut;               /* cut: schedules were not made for all candidates; more may help */
};

/* Run by rank 0 or by all alike; evaluates with run->settings changed in between, as they were afterwards. */
void relax_limits(struct run *run, struct relaxed *relaxed);

#endif
