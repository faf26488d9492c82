/* How is a results folder kept to one launch?
 *
 * Source: reliability §3, "Fencing" 1 and 4. DIR/lock stays where it is after the run: removing a lock file that
 * somebody is about to lock is a race. Left out: epochs (status.json) and the journal's new inode (journal.c), which
 * hold where locks do not work at all. */
#include "results/lock.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 50, STALE_S = 60, HOLDER_BYTES = 256 };
enum attempt { TAKEN, HELD, NOT_SUPPORTED, FAILED };

static int64_t now_ms(void) {
  struct timespec now;
  REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool set_path(struct folder_lock *lock, const char *folder, const char *name, struct error *error) {
  const int n = snprintf(lock->path, sizeof lock->path, "%s/%s", folder, name);
  if (n >= 0 && (size_t)n < sizeof lock->path) return true;
  return error_add(error, STATUS_ENVIRONMENT, "%s: the path is too long", folder);
}

static enum attempt try_kernel(struct folder_lock *lock) {
  lock->fd = open(lock->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
  if (lock->fd < 0) return FAILED;
  struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(lock->fd, F_OFD_SETLK, &range) == 0) return TAKEN;
  const int reason = errno;
  close(lock->fd);
  errno = reason;
  if (reason == EAGAIN || reason == EACCES || reason == EINTR) return HELD;
  return reason == ENOLCK || reason == ENOSYS || reason == EINVAL || reason == EOPNOTSUPP ? NOT_SUPPORTED : FAILED;
}

/* Has nobody refreshed the file for STALE_S by the file system's own clock? Hosts' clocks differ by more than that. */
static bool is_stale(const struct folder_lock *lock) {
  char probe[sizeof lock->path + 32];
  snprintf(probe, sizeof probe, "%s.probe-%ld", lock->path, (long)getpid());
  struct stat held, now;
  const int fd = open(probe, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool known = fstat(fd, &now) == 0 && lstat(lock->path, &held) == 0;
  close(fd);
  unlink(probe);
  return known && now.st_mtim.tv_sec - held.st_mtim.tv_sec > STALE_S;
}

static enum attempt try_file(struct folder_lock *lock) {
  const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  lock->fd = open(lock->path, flags, 0666);
  if (lock->fd < 0 && errno == EEXIST && is_stale(lock)) {
    unlink(lock->path);
    lock->fd = open(lock->path, flags, 0666);
  }
  if (lock->fd >= 0) return TAKEN;
  return errno == EEXIST ? HELD : FAILED;
}

/* "host pid job" for the next one who asks; what cannot be written is only a name missing from a message. */
static void write_holder(const struct folder_lock *lock) {
  char host[128] = "", text[HOLDER_BYTES];
  if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  const char *const job = getenv("SLURM_JOB_ID");
  const int n = snprintf(text, sizeof text, "host %s pid %ld%s%.32s\n", host[0] != '\0' ? host : "unknown",
                         (long)getpid(), job != NULL ? " slurm job " : "", job != NULL ? job : "");
  if (ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, (size_t)n, 0) == n) fsync(lock->fd);
}

static void read_holder(const struct folder_lock *lock, char holder[HOLDER_BYTES]) {
  char text[HOLDER_BYTES] = "";
  const int fd = open(lock->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  text[n > 0 ? n : 0] = '\0';
  text[strcspn(text, "\n")] = '\0';
  text_escape(text[0] != '\0' ? text : "an unknown holder", holder, HOLDER_BYTES);
}

bool folder_lock(const char *folder, enum folder_lock_way way, unsigned wait_ms, struct folder_lock *lock,
                 struct error *error) {
  *lock = (struct folder_lock){.fd = -1, .way = way};
  const int64_t until_ms = now_ms() + wait_ms;
  for (;;) {
    const bool by_file = lock->way == FOLDER_LOCK_BY_FILE;
    if (!set_path(lock, folder, by_file ? "lock.held" : "lock", error)) return false;
    const enum attempt attempt = by_file ? try_file(lock) : try_kernel(lock);
    if (attempt == TAKEN) break;
    lock->fd = -1;
    if (attempt == NOT_SUPPORTED) {
      lock->way = FOLDER_LOCK_BY_FILE;
      continue;
    }
    if (attempt == FAILED)
      return error_add(error, STATUS_ENVIRONMENT, "%s: cannot lock the folder: %s", lock->path, strerror(errno));
    if (now_ms() >= until_ms) {
      char holder[HOLDER_BYTES];
      read_holder(lock, holder);
      return error_add(error, STATUS_ENVIRONMENT,
                       "%s: another launch is writing this folder: %s (waited %u ms); let it end, or choose another "
                       "folder",
                       lock->path, holder, wait_ms);
    }
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
  }
  write_holder(lock);
  return true;
}

void folder_lock_refresh(const struct folder_lock *lock) {
  if (lock->way == FOLDER_LOCK_BY_FILE && lock->fd >= 0) futimens(lock->fd, NULL);
}

void folder_unlock(struct folder_lock *lock) {
  if (lock->fd < 0) return;
  if (lock->way == FOLDER_LOCK_BY_FILE) unlink(lock->path);
  close(lock->fd);
  lock->fd = -1;
}
