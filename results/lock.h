/* Who may write a results folder? One launch at a time, and the lock dies with its holder. (reliability §3, "Fencing")
 */
#ifndef RESULTS_LOCK_H
#define RESULTS_LOCK_H

#include "base/error.h"

enum { FOLDER_LOCK_WAIT_MS = 10000 }; /* what a relaunch after a kill may need: the old ranks live on for ≈ 2 s */

enum folder_lock_way {
  FOLDER_LOCK_BEST,    /* an open-file-description lock; by file where the file system has none */
  FOLDER_LOCK_BY_FILE, /* a file that must not exist; kept fresh by folder_lock_refresh, stale after 60 s */
};

struct folder_lock {
  int fd;
  enum folder_lock_way way;
  char path[4096]; /* of the file by which it is held */
};

/* Takes DIR/lock for the life of the process (rank 0 only) and writes host, pid and Slurm job into it. Waits at most
 * `wait_ms`, then STATUS_ENVIRONMENT with the holder's name. */
bool folder_lock(const char *folder, enum folder_lock_way way, unsigned wait_ms, struct folder_lock *lock,
                 struct error *error);
/* To be called every 10 s or so; does nothing for a lock that the kernel keeps. */
void folder_lock_refresh(const struct folder_lock *lock);
void folder_unlock(struct folder_lock *lock);

#endif
