/* What if this very system call of a program dies, fails, is cut short, or lies?
 *
 * A library for LD_PRELOAD that stands between a program and the C library, so that the program itself needs no hooks
 * for its tests. Two variables drive it:
 *
 *   DSE_FAULT        CALL:WHEN:HOW:PATTERN, several of them parted by commas. The WHEN-th CALL (one of those below, or
 *                    `any`) on a path that fits PATTERN (as in a shell, but * goes over slashes) is the fault; `WHEN+`
 *                    is that call and all after it.
 *   DSE_FAULT_TRACE  a file that gets a line a call, for the list of fault points: name, path, bytes (of an open or
 *                    close: the flags that the file is open with), parted by tabs.
 *
 *   HOW  kill        dies by SIGKILL before the call is made
 *        EIO, …      the call is not made and fails so (a failed close closes, as Linux does)
 *        short=N     writes or reads N bytes at most, and says so
 *        tear=N      writes the first N bytes, then dies by SIGKILL
 *        lie         a write or sync that claims to be done and is not
 *        stop        stops by SIGSTOP before the call, until SIGCONT comes
 *        slow=N      takes N milliseconds more, as on a slow disk: a run lasts on any machine
 *
 * A path is that of the call; of a descriptor, what it is now called (a file that has been renamed has its new name);
 * of a rename, either of the two. Found so: Linux (/proc/self/fd). Left out: stdio, whose calls do not come by here,
 * and programs that are linked statically. A variable that is not understood ends the program with status 99. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FAULTS = 8, MAX_SPEC_BYTES = 4096, TRACE_FD = 900, BAD_VARIABLE = 99 };

enum call { OPEN, CLOSE, WRITE, PWRITE, READ, PREAD, FDATASYNC, FSYNC, FTRUNCATE, RENAME, UNLINK, MKDIR, N_CALLS, ANY };
static const char *const call_names[N_CALLS] = {"open",      "close", "write",     "pwrite", "read",   "pread",
                                                "fdatasync", "fsync", "ftruncate", "rename", "unlink", "mkdir"};

enum how { GO_ON, KILL, FAIL, SHORT, TEAR, LIE, STOP, SLOW };
struct fault {
  enum call call;
  enum how how;
  unsigned long at, seen;
  bool onwards;
  int reason;     /* of FAIL */
  size_t n_bytes; /* of SHORT and TEAR; of SLOW, milliseconds */
  char pattern[PATH_MAX];
};

static struct fault faults[MAX_FAULTS];
static size_t n_faults;
static int trace_fd = -1;

/* The next definition of a function behind this library's own: the C library's, or a sanitizer's. */
static void *next(const char *name) {
  void *const found = dlsym(RTLD_NEXT, name);
  if (found == NULL) _exit(BAD_VARIABLE);
  return found;
}
/* A function pointer out of an object pointer: POSIX allows it, ISO C has no word for it. */
#define NEXT(name, type)                                                                                               \
  static type *real;                                                                                                   \
  do {                                                                                                                 \
    if (real == NULL) *(void **)&real = next(name);                                                                    \
  } while (0)

typedef ssize_t write_type(int, const void *, size_t);
typedef int close_type(int);

static ssize_t real_write(int fd, const void *bytes, size_t n) {
  NEXT("write", write_type);
  return real(fd, bytes, n);
}

/* --- what is asked for
 * ------------------------------------------------------------------------------------------------ */

static void misunderstood(const char *text) {
  fprintf(stderr, "DSE_FAULT: \"%s\" is not CALL:WHEN:HOW:PATTERN\n", text);
  _exit(BAD_VARIABLE);
}

static bool read_call(const char *text, enum call *call) {
  for (size_t i = 0; i < N_CALLS; i++) {
    if (strcmp(text, call_names[i]) != 0) continue;
    *call = (enum call)i;
    return true;
  }
  *call = ANY;
  return strcmp(text, "any") == 0;
}

static bool read_number(const char *text, unsigned long *number) {
  char *end;
  errno = 0;
  *number = strtoul(text, &end, 10);
  return errno == 0 && end != text && *end == '\0';
}

static bool read_how(const char *text, struct fault *fault) {
  static const struct {
    const char *name;
    int reason;
  } reasons[] = {{"EIO", EIO},     {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS},
                 {"EINTR", EINTR}, {"ENOENT", ENOENT}, {"EACCES", EACCES}, {"ESTALE", ESTALE}};
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
    if (strcmp(text, reasons[i].name) != 0) continue;
    fault->how = FAIL;
    fault->reason = reasons[i].reason;
    return true;
  }
  fault->how = strcmp(text, "kill") == 0   ? KILL
               : strcmp(text, "lie") == 0  ? LIE
               : strcmp(text, "stop") == 0 ? STOP
                                           : GO_ON;
  if (fault->how != GO_ON) return true;
  unsigned long n;
  const char *const equals = strchr(text, '=');
  if (equals == NULL || !read_number(equals + 1, &n)) return false;
  fault->n_bytes = n;
  fault->how = strncmp(text, "short=", 6) == 0  ? SHORT
               : strncmp(text, "tear=", 5) == 0 ? TEAR
               : strncmp(text, "slow=", 5) == 0 ? SLOW
                                                : GO_ON;
  return fault->how != GO_ON;
}

static bool read_fault(char *text, struct fault *fault) {
  char *rest = text;
  char *const call = strsep(&rest, ":"), *const when = strsep(&rest, ":"), *const how = strsep(&rest, ":");
  if (rest == NULL || *rest == '\0' || strlen(rest) >= sizeof fault->pattern) return false;
  strcpy(fault->pattern, rest);
  const size_t n = strlen(when);
  fault->onwards = n > 0 && when[n - 1] == '+';
  if (fault->onwards) when[n - 1] = '\0';
  return read_call(call, &fault->call) && read_number(when, &fault->at) && read_how(how, fault);
}

__attribute__((constructor)) static void prepare(void) {
  const char *const asked = getenv("DSE_FAULT"), *const trace = getenv("DSE_FAULT_TRACE");
  char text[MAX_SPEC_BYTES];
  if (asked != NULL && *asked != '\0') {
    if (strlen(asked) >= sizeof text) misunderstood(asked);
    strcpy(text, asked);
    char *rest = text;
    for (char *one = strsep(&rest, ","); one != NULL; one = strsep(&rest, ",")) {
      if (n_faults == MAX_FAULTS || !read_fault(one, &faults[n_faults])) misunderstood(asked);
      n_faults++;
    }
  }
  if (trace != NULL && *trace != '\0') {
    NEXT("close", close_type);
    /* Out of the way: the program's own descriptors keep their numbers. */
    const int fd = (int)openat(AT_FDCWD, trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    trace_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, TRACE_FD);
    if (trace_fd < 0) misunderstood(trace);
    real(fd);
  }
}

/* --- is this the one?
 * --------------------------------------------------------------------------------------------------- */

static void write_trace(enum call call, const char *path, size_t n_bytes) {
  char line[PATH_MAX + 64];
  const int n = snprintf(line, sizeof line, "%s\t%s\t%zu\n", call_names[call], path, n_bytes);
  if (n > 0 && (size_t)n < sizeof line && real_write(trace_fd, line, (size_t)n) != n) _exit(BAD_VARIABLE);
}

static bool fits(const char *pattern, const char *path, const char *other) {
  return fnmatch(pattern, path, 0) == 0 || (other != NULL && fnmatch(pattern, other, 0) == 0);
}

/* No signal cuts it short: a process that waits for a disk hears none. */
static void wait_ms(size_t ms) {
  const int reason = errno;
  struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
  errno = reason;
}

/* Counts the call, and answers the fault that it is to meet, or NULL. Dies or stops here if that is the fault. */
static const struct fault *meet(enum call call, const char *path, const char *other, size_t n_bytes) {
  if (trace_fd >= 0) write_trace(call, other != NULL ? other : path, n_bytes);
  const struct fault *met = NULL;
  for (size_t i = 0; i < n_faults; i++) {
    struct fault *const fault = &faults[i];
    if ((fault->call != ANY && fault->call != call) || !fits(fault->pattern, path, other)) continue;
    const unsigned long number = __atomic_add_fetch(&fault->seen, 1, __ATOMIC_RELAXED);
    if (number == fault->at || (fault->onwards && number > fault->at)) met = fault;
  }
  if (met != NULL && met->how == KILL) raise(SIGKILL);
  if (met != NULL && met->how == STOP) raise(SIGSTOP);
  if (met != NULL && met->how == SLOW) wait_ms(met->n_bytes);
  return met;
}

static const struct fault *meet_fd(enum call call, int fd, size_t n_bytes) {
  if ((n_faults == 0 && trace_fd < 0) || fd == trace_fd) return NULL;
  char link[64], path[PATH_MAX];
  const int reason = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  path[n > 0 ? n : 0] = '\0';
  errno = reason;
  return meet(call, path, NULL, n_bytes);
}

static bool fails(const struct fault *fault) {
  if (fault == NULL || fault->how != FAIL) return false;
  errno = fault->reason;
  return true;
}

static bool lies(const struct fault *fault) { return fault != NULL && fault->how == LIE; }

static size_t cut(const struct fault *fault, size_t n_bytes) {
  const bool shorter = fault != NULL && (fault->how == SHORT || fault->how == TEAR) && fault->n_bytes < n_bytes;
  return shorter ? fault->n_bytes : n_bytes;
}

/* --- the calls
 * --------------------------------------------------------------------------------------------------------- */

ssize_t write(int fd, const void *bytes, size_t n) {
  const struct fault *const fault = meet_fd(WRITE, fd, n);
  if (fails(fault)) return -1;
  if (lies(fault)) return (ssize_t)n;
  const ssize_t done = real_write(fd, bytes, cut(fault, n));
  if (fault != NULL && fault->how == TEAR) raise(SIGKILL);
  return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset) {
  typedef ssize_t type(int, const void *, size_t, off_t);
  NEXT("pwrite", type);
  const struct fault *const fault = meet_fd(PWRITE, fd, n);
  if (fails(fault)) return -1;
  if (lies(fault)) return (ssize_t)n;
  const ssize_t done = real(fd, bytes, cut(fault, n), offset);
  if (fault != NULL && fault->how == TEAR) raise(SIGKILL);
  return done;
}

ssize_t read(int fd, void *bytes, size_t n) {
  typedef ssize_t type(int, void *, size_t);
  NEXT("read", type);
  const struct fault *const fault = meet_fd(READ, fd, n);
  return fails(fault) ? -1 : real(fd, bytes, cut(fault, n));
}

ssize_t pread(int fd, void *bytes, size_t n, off_t offset) {
  typedef ssize_t type(int, void *, size_t, off_t);
  NEXT("pread", type);
  const struct fault *const fault = meet_fd(PREAD, fd, n);
  return fails(fault) ? -1 : real(fd, bytes, cut(fault, n), offset);
}

int open(const char *path, int flags, ...) {
  typedef int type(const char *, int, ...);
  NEXT("open", type);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return fails(meet(OPEN, path, NULL, (size_t)flags)) ? -1 : real(path, flags, mode);
}

int close(int fd) {
  NEXT("close", close_type);
  const struct fault *const fault = meet_fd(CLOSE, fd, (size_t)fcntl(fd, F_GETFL));
  const int done = real(fd);
  return fails(fault) ? -1 : done;
}

int fdatasync(int fd) {
  NEXT("fdatasync", close_type);
  const struct fault *const fault = meet_fd(FDATASYNC, fd, 0);
  return fails(fault) ? -1 : lies(fault) ? 0 : real(fd);
}

int fsync(int fd) {
  NEXT("fsync", close_type);
  const struct fault *const fault = meet_fd(FSYNC, fd, 0);
  return fails(fault) ? -1 : lies(fault) ? 0 : real(fd);
}

int ftruncate(int fd, off_t n) {
  typedef int type(int, off_t);
  NEXT("ftruncate", type);
  return fails(meet_fd(FTRUNCATE, fd, (size_t)n)) ? -1 : real(fd, n);
}

int rename(const char *from, const char *to) {
  typedef int type(const char *, const char *);
  NEXT("rename", type);
  return fails(meet(RENAME, from, to, 0)) ? -1 : real(from, to);
}

int unlink(const char *path) {
  typedef int type(const char *);
  NEXT("unlink", type);
  return fails(meet(UNLINK, path, NULL, 0)) ? -1 : real(path);
}

int mkdir(const char *path, mode_t mode) {
  typedef int type(const char *, mode_t);
  NEXT("mkdir", type);
  return fails(meet(MKDIR, path, NULL, 0)) ? -1 : real(path, mode);
}
