/* How are files read and written so that neither a hostile file nor a crash does harm?
 *
 * Reading: what is opened is judged after opening (fstat), never mapped (another's truncation would be SIGBUS), and its
 * size is checked before memory is taken. Writing: temporary file, fsync, rename, fsync of the folder, so that a reader
 * sees the old bytes or the new ones (the order is that of the rename recipe in LWN's "Ensuring data reaches disk").
 * Left out: append-only files (the journal does its own) and permissions beyond the umask. */
#include "base/file.h"

#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN_PATH_BYTES = 512 };

static bool fail(struct error *error, enum status status, const char *path, const char *what) {
  char shown[SHOWN_PATH_BYTES];
  text_escape(path, shown, sizeof shown);
  return error_add(error, status, "%s: %s", shown, what);
}

/* `what` with the system's reason. */
static bool fail_errno(struct error *error, const char *path, const char *what) {
  char text[256];
  snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
  return fail(error, STATUS_ENVIRONMENT, path, text);
}

/* Reads `n` bytes, or fewer if the file ends; -1 on failure. */
static ssize_t read_fully(int fd, char *bytes, size_t n) {
  size_t done = 0;
  while (done < n) {
    const ssize_t got = read(fd, bytes + done, n - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += (size_t)got;
  }
  return (ssize_t)done;
}

/* Judges the open file and says how many bytes to expect. */
static bool examine(int fd, const char *path, size_t cap_bytes, size_t *n, struct error *error) {
  struct stat status;
  if (fstat(fd, &status) != 0) return fail_errno(error, path, "cannot be examined");
  if (!S_ISREG(status.st_mode))
    return fail(error, STATUS_INPUT, path, "is not a regular file; folders, pipes and devices are not read");
  const uint64_t size_bytes = (uint64_t)status.st_size;
  if (size_bytes > cap_bytes) {
    char text[128];
    snprintf(text, sizeof text, "has %" PRIu64 " bytes; at most %zu are read", size_bytes, cap_bytes);
    return fail(error, STATUS_INPUT, path, text);
  }
  *n = (size_t)size_bytes;
  return true;
}

bool file_read(const char *path, size_t cap_bytes, struct arena *arena, char **bytes, size_t *n, struct error *error) {
  /* Without O_NONBLOCK, opening a pipe would wait for a writer before fstat can refuse it. */
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return fail_errno(error, path, "cannot be opened");
  bool ok = false;
  size_t expected;
  if (!examine(fd, path, cap_bytes, &expected, error)) goto out;
  char *text = arena_alloc(arena, expected + 1, 1);
  /* One byte more than expected, which the NUL overwrites: it shows whether the file has grown since. */
  const ssize_t got = read_fully(fd, text, expected + 1);
  if (got < 0)
    fail_errno(error, path, "cannot be read");
  else if ((size_t)got != expected)
    fail(error, STATUS_INPUT, path, "changed its size while it was read, or has none; only files at rest are read");
  else
    ok = true;
  if (ok) {
    text[expected] = '\0';
    *bytes = text;
    *n = expected;
  }
out:
  close(fd);
  return ok;
}

/* The folder part of a path into `folder`: "." if there is none, "/" for the root. */
static void folder_of(const char *path, char *folder) {
  const char *slash = strrchr(path, '/');
  if (!slash) {
    strcpy(folder, ".");
    return;
  }
  const size_t n = slash == path ? 1 : (size_t)(slash - path);
  memcpy(folder, path, n);
  folder[n] = '\0';
}

/* Creates a file with a name that nobody can guess in `folder`; its path goes to `path`. Returns −1 on failure. */
static int create_temporary(const char *folder, char path[PATH_MAX]) {
  uint64_t random;
  if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) return -1;
  const int n = snprintf(path, PATH_MAX, "%s/.tmp-%016" PRIx64, folder, random);
  if (n < 0 || n >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

static bool write_fully(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    const ssize_t done = write(fd, bytes, n);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    bytes += done;
    n -= (size_t)done;
  }
  return true;
}

/* Makes the rename durable. Some file systems cannot sync a folder and say EINVAL: then there is nothing to wait for.
 */
static bool sync_folder(const char *folder) {
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = fsync(fd) == 0 || errno == EINVAL;
  const int reason = errno;
  close(fd);
  errno = reason;
  return ok;
}

/* Devices and pipes are written to: renaming a file over them would do away with, say, /dev/null. */
static bool write_into(const char *path, const void *bytes, size_t n, struct error *error) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(error, path, "cannot be opened");
  const bool ok = write_fully(fd, bytes, n);
  const int reason = errno;
  const bool closed = close(fd) == 0;
  if (!ok) errno = reason;
  return ok && closed ? true : fail_errno(error, path, "cannot be written");
}

bool file_publish(const char *path, const void *bytes, size_t n, struct error *error) {
  char folder[PATH_MAX], temporary[PATH_MAX];
  if (strlen(path) >= PATH_MAX) return fail(error, STATUS_ENVIRONMENT, path, "the path is too long");
  struct stat there;
  if (stat(path, &there) == 0 && (S_ISCHR(there.st_mode) || S_ISFIFO(there.st_mode)))
    return write_into(path, bytes, n, error);
  folder_of(path, folder);
  const int fd = create_temporary(folder, temporary);
  if (fd < 0) return fail_errno(error, path, "no file can be created in its folder");
  bool ok = write_fully(fd, bytes, n) && fsync(fd) == 0;
  int reason = errno;
  if (close(fd) != 0 && ok) {
    ok = false;
    reason = errno;
  }
  if (!ok) {
    unlink(temporary);
    errno = reason;
    return fail_errno(error, path, "cannot be written");
  }
  if (rename(temporary, path) != 0) {
    reason = errno;
    unlink(temporary);
    errno = reason;
    return fail_errno(error, path, "cannot be put in place");
  }
  if (!sync_folder(folder)) return fail_errno(error, path, "is in place, but its folder cannot be synced");
  return true;
}

static bool is_folder(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* mkdir of each part of the path in turn. */
static bool make_parts(char *path, struct error *error) {
  for (char *at = path + 1;; at++) {
    if (*at != '/' && *at != '\0') continue;
    const char end = *at;
    *at = '\0';
    if (mkdir(path, 0777) != 0 && errno != EEXIST) return fail_errno(error, path, "cannot be created");
    if (!is_folder(path)) return fail(error, STATUS_ENVIRONMENT, path, "is not a folder");
    *at = end;
    if (end == '\0') return true;
  }
}

bool file_make_folder(const char *path, struct error *error) {
  char parts[PATH_MAX], probe[PATH_MAX];
  const size_t n = strlen(path);
  if (n == 0) return error_add(error, STATUS_INPUT, "the name of a folder is empty");
  if (n >= PATH_MAX) return fail(error, STATUS_ENVIRONMENT, path, "the path is too long");
  memcpy(parts, path, n + 1);
  if (!make_parts(parts, error)) return false;
  const int fd = create_temporary(path, probe);
  if (fd < 0) return fail_errno(error, path, "no file can be created in this folder");
  close(fd);
  if (unlink(probe) != 0) return fail_errno(error, path, "no file can be removed from this folder");
  return true;
}

bool file_exists(const char *path) {
  struct stat status;
  return stat(path, &status) == 0;
}
