/* Does a results folder have one writer, and none when the writer is dead? (reliability §3: P5) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "results/lock.h"
#include "tests/unit/results/folder.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static int set_up(void **state) {
  static struct folder folder;
  folder = folder_make();
  *state = &folder;
  return 0;
}

static int tear_down(void **state) {
  folder_clear(*state, 1);
  return 0;
}

/* A process that takes the lock, says so by one byte, and holds it until it is killed. */
static pid_t start_holder(const struct folder *folder, enum folder_lock_way way) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    struct folder_lock lock;
    struct error error = {0};
    const char taken = folder_lock(folder->path, way, 0, &lock, &error) ? 'y' : 'n';
    if (write(ends[1], &taken, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char taken = 0;
  assert_int_equal(read(ends[0], &taken, 1), 1);
  assert_int_equal(taken, 'y');
  close(ends[0]);
  close(ends[1]);
  return child;
}

static void kill_holder(pid_t child) {
  kill(child, SIGKILL);
  assert_int_equal(waitpid(child, NULL, 0), child);
}

static void assert_refused(const struct folder *folder, enum folder_lock_way way, pid_t holder) {
  struct folder_lock lock;
  struct error error = {0};
  char name[64];
  snprintf(name, sizeof name, " pid %ld", (long)holder);
  const double begin_s = clock_wall_s();
  assert_false(folder_lock(folder->path, way, 237, &lock, &error));
  const double waited_s = clock_wall_s() - begin_s;
  assert_true(waited_s >= 0.237 && waited_s < 60);
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
  if (strstr(error.text, name) == NULL) fail_msg("%s is not in: %s", name, error.text);
  assert_non_null(strstr(error.text, "another launch is writing this folder: host "));
  assert_non_null(strstr(error.text, "(waited 237 ms)"));
  folder_unlock(&lock); /* of a lock that is not held: nothing happens */
}

static void test_second_process_is_refused(void **state) {
  const struct folder *const folder = *state;
  setenv("SLURM_JOB_ID", "90071", 1);
  const pid_t holder = start_holder(folder, FOLDER_LOCK_BEST);
  unsetenv("SLURM_JOB_ID");
  char text[256] = "";
  folder_read(folder, "lock", text, sizeof text - 1);
  assert_non_null(strstr(text, " slurm job 90071\n"));
  assert_refused(folder, FOLDER_LOCK_BEST, holder);
  kill_holder(holder);
}

static void test_killed_holder_frees_it(void **state) {
  const struct folder *const folder = *state;
  const pid_t holder = start_holder(folder, FOLDER_LOCK_BEST);
  kill_holder(holder);
  struct folder_lock lock;
  struct error error = {0};
  assert_true(folder_lock(folder->path, FOLDER_LOCK_BEST, 0, &lock, &error));
  assert_int_equal(lock.way, FOLDER_LOCK_BEST);
  char text[256] = "", own[64];
  folder_read(folder, "lock", text, sizeof text - 1);
  snprintf(own, sizeof own, " pid %ld\n", (long)getpid());
  assert_non_null(strstr(text, own)); /* the new holder's name, with nothing left of the old one */
  folder_lock_refresh(&lock);
  folder_unlock(&lock);
  assert_true(folder_lock(folder->path, FOLDER_LOCK_BEST, 0, &lock, &error));
  folder_unlock(&lock);
}

static void test_waits_for_a_dying_holder(void **state) {
  const struct folder *const folder = *state;
  const pid_t holder = start_holder(folder, FOLDER_LOCK_BEST);
  const pid_t killer = fork();
  if (killer == 0) {
    nanosleep(&(struct timespec){.tv_nsec = 150000000}, NULL);
    kill(holder, SIGKILL);
    _exit(0);
  }
  struct folder_lock lock;
  struct error error = {0};
  assert_true(folder_lock(folder->path, FOLDER_LOCK_BEST, FOLDER_LOCK_WAIT_MS, &lock, &error));
  folder_unlock(&lock);
  waitpid(killer, NULL, 0);
  waitpid(holder, NULL, 0);
}

/* Where the file system has no locks: a fresh file is respected, one that nobody refreshed is not. */
static void test_lock_by_file(void **state) {
  const struct folder *const folder = *state;
  const pid_t holder = start_holder(folder, FOLDER_LOCK_BY_FILE);
  assert_refused(folder, FOLDER_LOCK_BY_FILE, holder);
  kill_holder(holder);
  assert_refused(folder, FOLDER_LOCK_BY_FILE, holder); /* its death is not known yet */
  char path[512];
  folder_file(folder, "lock.held", path);
  const time_t now_s = time(NULL);
  const struct timespec old[2] = {{.tv_sec = now_s - 73}, {.tv_sec = now_s - 73}};
  assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
  struct folder_lock lock;
  struct error error = {0};
  assert_true(folder_lock(folder->path, FOLDER_LOCK_BY_FILE, 0, &lock, &error));
  assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
  folder_lock_refresh(&lock);
  assert_refused(folder, FOLDER_LOCK_BY_FILE, getpid());
  folder_unlock(&lock);
  assert_int_equal(access(path, F_OK), -1);
}

static void test_messages(void **state) {
  const struct folder *const folder = *state;
  struct folder_lock lock;
  struct error error = {0};
  char path[8192];
  folder_file(folder, "missing", path);
  assert_false(folder_lock(path, FOLDER_LOCK_BEST, 0, &lock, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
  assert_non_null(strstr(error.text, "missing/lock: cannot lock the folder: No such file or directory"));
  memset(path, 'x', sizeof path - 1);
  path[5003] = '\0';
  assert_false(folder_lock(path, FOLDER_LOCK_BEST, 0, &lock, &error));
  assert_non_null(strstr(error.text, "x: the path is too long"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
      TEST(test_second_process_is_refused),
      TEST(test_killed_holder_frees_it),
      TEST(test_waits_for_a_dying_holder),
      TEST(test_lock_by_file),
      TEST(test_messages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
