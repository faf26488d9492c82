/* Which signals ask a run for what? (reliability §4)
 *
 *   SIGUSR1, SIGTERM, SIGXCPU, SIGINT, SIGHUP   stop; the second one leaves at once
 *   SIGUSR2                                     publish the front now
 *   SIGCONT                                     sync the journal now
 *   SIGPIPE                                     nothing: the call's error is handled
 *
 * Handlers set flags; a run looks at them between evaluations. */
#ifndef DSE_SIGNALS_H
#define DSE_SIGNALS_H

#include "cluster/cluster.h"
#include <stdbool.h>

/* From here on signals only set flags: to be called before MPI starts, by commands that look at them. SIGINT and SIGHUP
 * that were ignored at the start stay ignored (nohup, a shell's background jobs). */
void signals_catch(void);
/* The signal that asked to stop, 0 if none has. Some nanoseconds; once not 0, always the same. */
int signals_stop(void);
/* The one that stops some rank ("signal SIGTERM"), NULL: none. Collective. */
const char *signals_agree(struct cluster *cluster);
/* Has SIGUSR2 come since the last call? */
bool signals_take_publish(void);
/* The file to be synced whenever SIGCONT comes, −1: none. Its descriptor stays the caller's. */
void signals_sync(int fd);
/* What stops, with the word for it that status.json and people get ("signal SIGTERM"); ended by number 0. */
struct signal_that_stops {
  int number;
  const char *reason;
};
extern const struct signal_that_stops signals_that_stop[];

#endif
