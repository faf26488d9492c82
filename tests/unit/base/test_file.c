/* Are only regular files within the cap read, and files published whole or not at all? */
#include "base/file.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
  struct arena arena;
  char folder[64];
};

static int make_place(void **state) {
  struct place *place = calloc(1, sizeof *place);
  arena_init(&place->arena, 4096);
  strcpy(place->folder, P_tmpdir "/dse-test-file-XXXXXX");
  *state = place;
  return mkdtemp(place->folder) == NULL;
}

/* Removes one level of files and folders; the tests make no more. */
static int remove_place(void **state) {
  struct place *place = *state;
  DIR *folder = opendir(place->folder);
  for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    remove(arena_printf(&place->arena, "%s/%s", place->folder, entry->d_name));
  }
  if (folder) closedir(folder);
  rmdir(place->folder);
  arena_release(&place->arena);
  free(place);
  return 0;
}

static const char *in(struct place *place, const char *name) {
  return arena_printf(&place->arena, "%s/%s", place->folder, name);
}

static size_t n_entries(const char *path) {
  DIR *folder = opendir(path);
  assert_non_null(folder);
  size_t n = 0;
  while (readdir(folder)) n++;
  closedir(folder);
  return n - 2; /* without . and .. */
}

static void expect_refused(struct place *place, const char *path, enum status status, const char *part) {
  struct error error = {0};
  char *bytes;
  size_t n;
  assert_false(file_read(path, 2385, &place->arena, &bytes, &n, &error));
  assert_int_equal(error.status, status);
  assert_int_equal(error.n_messages, 1);
  if (!strstr(error.text, part) || !strstr(error.text, ": ")) fail_msg("message: %s", error.text);
}

static void reads_back_what_was_published(void **state) {
  struct place *place = *state;
  struct error error = {0};
  char text[2385], *bytes;
  size_t n;
  for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 7);
  assert_true(file_publish(in(place, "a"), "old", 3, &error));
  assert_true(file_publish(in(place, "a"), text, sizeof text, &error));
  assert_true(file_read(in(place, "a"), sizeof text, &place->arena, &bytes, &n, &error));
  assert_int_equal(n, sizeof text);
  assert_memory_equal(bytes, text, n);
  assert_int_equal(bytes[n], 0);
  assert_int_equal(n_entries(place->folder), 1);
  assert_true(file_publish(in(place, "empty"), "", 0, &error));
  assert_true(file_read(in(place, "empty"), 0, &place->arena, &bytes, &n, &error));
  assert_int_equal(n, 0);
  assert_false(error_is_set(&error));
}

static void refuses_what_is_no_plain_file(void **state) {
  struct place *place = *state;
  struct error error = {0};
  expect_refused(place, in(place, "none\x1b"), STATUS_ENVIRONMENT, "none\\x1B: cannot be opened: No such file");
  expect_refused(place, place->folder, STATUS_INPUT, "is not a regular file");
  expect_refused(place, "/dev/zero", STATUS_INPUT, "is not a regular file");
  assert_int_equal(mkfifo(in(place, "pipe"), 0600), 0);
  expect_refused(place, in(place, "pipe"), STATUS_INPUT, "is not a regular file");
  char large[2386] = {0};
  assert_true(file_publish(in(place, "large"), large, sizeof large, &error));
  expect_refused(place, in(place, "large"), STATUS_INPUT, "has 2386 bytes; at most 2385 are read");
  /* The kernel says 0 bytes of its own files, which are not at rest. */
  expect_refused(place, "/proc/self/status", STATUS_INPUT, "changed its size while it was read");
}

static void expect_unpublished(const char *path, const char *part) {
  struct error error = {0};
  assert_false(file_publish(path, "new bytes", 9, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
  if (!strstr(error.text, part)) fail_msg("message: %s", error.text);
}

static void a_failed_publication_leaves_nothing_behind(void **state) {
  struct place *place = *state;
  struct error error = {0};
  expect_unpublished(in(place, "none/a"), "no file can be created in its folder: No such file");
  assert_int_equal(mkdir(in(place, "folder"), 0700), 0);
  expect_unpublished(in(place, "folder"), "cannot be put in place: Is a directory");
  char endless[5000];
  memset(endless, 'a', sizeof endless - 1);
  endless[sizeof endless - 1] = '\0';
  expect_unpublished(endless, "the path is too long");

  /* A disk that is full after four bytes. */
  assert_true(file_publish(in(place, "a"), "old", 3, &error));
  struct rlimit before, tiny;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  tiny = before;
  tiny.rlim_cur = 4;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
  struct error full = {0};
  const bool published = file_publish(in(place, "a"), "new bytes", 9, &full);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_DFL);
  assert_false(published);
  assert_non_null(strstr(full.text, "a: cannot be written: File too large"));
  char *bytes;
  size_t n;
  assert_true(file_read(in(place, "a"), 9, &place->arena, &bytes, &n, &error));
  assert_string_equal(bytes, "old");
  assert_int_equal(n_entries(place->folder), 2);
}

/* As root a rename would put a plain file in the place of /dev/null. */
static void a_pipe_stays_a_pipe(void **state) {
  struct place *place = *state;
  struct error error = {0};
  const char *path = in(place, "pipe");
  assert_int_equal(mkfifo(path, 0600), 0);
  const int fd = open(path, O_RDWR | O_NONBLOCK);
  assert_true(fd >= 0);
  assert_true(file_publish(path, "2385", 4, &error));
  char text[8];
  assert_int_equal(read(fd, text, sizeof text), 4);
  assert_memory_equal(text, "2385", 4);
  close(fd);
  struct stat there;
  assert_int_equal(stat(path, &there), 0);
  assert_true(S_ISFIFO(there.st_mode));
}

static void makes_folders_with_their_parents(void **state) {
  struct place *place = *state;
  struct error error = {0};
  const char *deep = in(place, "x/y//z");
  assert_true(file_make_folder(deep, &error));
  assert_true(file_make_folder(deep, &error));
  assert_true(file_exists(deep));
  assert_int_equal(n_entries(deep), 0); /* the probe is gone */
  assert_false(file_exists(in(place, "w")));
  rmdir(deep);
  rmdir(in(place, "x/y"));
}

static void expect_no_folder(const char *path, enum status status, const char *part) {
  struct error error = {0};
  assert_false(file_make_folder(path, &error));
  assert_int_equal(error.status, status);
  if (!strstr(error.text, part)) fail_msg("message: %s", error.text);
}

static void says_why_a_folder_cannot_be_had(void **state) {
  struct place *place = *state;
  struct error error = {0};
  assert_true(file_publish(in(place, "plain"), "x", 1, &error));
  expect_no_folder("", STATUS_INPUT, "the name of a folder is empty");
  expect_no_folder(in(place, "plain"), STATUS_ENVIRONMENT, "plain: is not a folder");
  expect_no_folder(in(place, "plain/below"), STATUS_ENVIRONMENT, "plain: is not a folder");
  expect_no_folder("/proc/none", STATUS_ENVIRONMENT, "/proc/none: cannot be created");
  expect_no_folder("/proc/self", STATUS_ENVIRONMENT, "no file can be created in this folder");
  char endless[5000];
  memset(endless, 'a', sizeof endless - 1);
  endless[sizeof endless - 1] = '\0';
  expect_no_folder(endless, STATUS_ENVIRONMENT, "the path is too long");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(reads_back_what_was_published, make_place, remove_place),
      cmocka_unit_test_setup_teardown(refuses_what_is_no_plain_file, make_place, remove_place),
      cmocka_unit_test_setup_teardown(a_failed_publication_leaves_nothing_behind, make_place, remove_place),
      cmocka_unit_test_setup_teardown(a_pipe_stays_a_pipe, make_place, remove_place),
      cmocka_unit_test_setup_teardown(makes_folders_with_their_parents, make_place, remove_place),
      cmocka_unit_test_setup_teardown(says_why_a_folder_cannot_be_had, make_place, remove_place),
  };
  return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}
