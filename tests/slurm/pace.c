/* How is a sweep made to last as long as a test needs, on a machine of any speed?
 *
 * Preloaded (LD_PRELOAD), this lets every write to a file of the name "journal", one a round, take PACE_MS milliseconds
 * longer. With PACE_DEAF set the process does not hear SIGTERM, so that only SIGKILL ends it. Left out: other calls
 * that write. */
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

__attribute__((constructor)) static void become_deaf(void) {
  sigset_t signals;
  if (getenv("PACE_DEAF") == NULL) return;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
}

ssize_t write(int descriptor, const void *bytes, size_t n_bytes) {
  static ssize_t (*real)(int, const void *, size_t);
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "write");
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t n = readlink(link, path, sizeof path);
  const char *pace_ms = getenv("PACE_MS");
  if (pace_ms != NULL && n > 8 && memcmp(path + n - 8, "/journal", 8) == 0) {
    const long ms = strtol(pace_ms, NULL, 10);
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
  }
  return real(descriptor, bytes, n_bytes);
}
