/* How does a signal reach a run without breaking it anywhere?
 *
 * Source: reliability §4; signal-safety(7) for what a handler may call: it sets flags, and for SIGCONT calls fdatasync,
 * because the rank that should do it may wait for one that is dead (Open MPI sends SIGCONT to the survivors a second
 * before SIGTERM). Left out: SIGSEGV and its like, which are Open MPI's. */
#include "dse/run/signals.h"

#include "base/error.h"
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct signal_that_stops signals_that_stop[] = {{SIGUSR1, "signal SIGUSR1"}, {SIGTERM, "signal SIGTERM"},
                                                      {SIGINT, "signal SIGINT"},   {SIGXCPU, "signal SIGXCPU"},
                                                      {SIGHUP, "signal SIGHUP"},   {0, NULL}};

/* A launcher hands a signal on that the batch system has sent to every process: two within this time are one. */
static const int64_t same_ns = 50000000;

static volatile sig_atomic_t asked_to_stop, asked_to_publish, sync_fd = -1;
static int64_t asked_ns; /* of the handlers alone, which do not interrupt each other */

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void on_stop(int number) {
  const int64_t arrived_ns = now_ns();
  if (asked_to_stop == 0) {
    asked_ns = arrived_ns;
    asked_to_stop = number;
  } else if (arrived_ns - asked_ns > same_ns) {
    _exit(STATUS_STOPPED); /* every finished round is in the journal */
  }
}

static void on_publish(int number) {
  (void)number;
  asked_to_publish = 1;
}

static void on_continue(int number) {
  (void)number;
  const int reason = errno;
  if (sync_fd >= 0) (void)!fdatasync(sync_fd); /* the journal's own sync meets the same error, and says so */
  errno = reason;
}

static void install(int number, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; signals_that_stop[i].number != 0; i++) sigaddset(&action.sa_mask, signals_that_stop[i].number);
  sigaction(number, &action, NULL);
}

void signals_catch(void) {
  for (size_t i = 0; signals_that_stop[i].number != 0; i++) {
    const int number = signals_that_stop[i].number;
    struct sigaction old;
    const bool deaf = sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
    if (!deaf || (number != SIGINT && number != SIGHUP)) install(number, on_stop);
  }
  install(SIGUSR2, on_publish);
  install(SIGCONT, on_continue);
  signal(SIGPIPE, SIG_IGN);
}

int signals_stop(void) { return asked_to_stop; }

bool signals_take_publish(void) {
  if (!asked_to_publish) return false;
  asked_to_publish = 0;
  return true;
}

void signals_sync(int fd) { sync_fd = fd; }

const char *signals_agree(struct cluster *cluster) {
  const int mine = signals_stop();
  if (!cluster_any(cluster, mine != 0)) return NULL;
  for (size_t i = 0; signals_that_stop[i].number != 0; i++) {
    if (cluster_any(cluster, mine == signals_that_stop[i].number)) return signals_that_stop[i].reason;
  }
  return NULL; /* not reached */
}
