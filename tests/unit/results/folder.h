/* A folder of its own for a test, and its files byte by byte. */
#ifndef TESTS_UNIT_RESULTS_FOLDER_H
#define TESTS_UNIT_RESULTS_FOLDER_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
  char path[128];
};

static inline struct folder folder_make(void) {
  struct folder folder;
  /* In memory where there is such a place: a test syncs thousands of times, and a busy disk takes 10 ms for each. */
  const char *const parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : P_tmpdir;
  snprintf(folder.path, sizeof folder.path, "%s/dse-test-XXXXXX", parent);
  if (mkdtemp(folder.path) == NULL) abort();
  return folder;
}

static inline void folder_file(const struct folder *folder, const char *name, char path[512]) {
  snprintf(path, 512, "%s/%s", folder->path, name);
}

static inline void folder_write(const struct folder *folder, const char *name, const void *bytes, size_t n) {
  char path[512];
  folder_file(folder, name, path);
  FILE *const file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, n, file) != n || fclose(file) != 0) abort();
}

/* The number of bytes read, or SIZE_MAX if there is no such file. */
static inline size_t folder_read(const struct folder *folder, const char *name, void *bytes, size_t room) {
  char path[512];
  folder_file(folder, name, path);
  FILE *const file = fopen(path, "rb");
  if (file == NULL) return SIZE_MAX;
  const size_t n = fread(bytes, 1, room, file);
  fclose(file);
  return n;
}

/* Removes the folder's files, and the folder itself if asked. */
static inline void folder_clear(const struct folder *folder, int also_folder) {
  DIR *const list = opendir(folder->path);
  if (list == NULL) return;
  for (const struct dirent *entry; (entry = readdir(list)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char path[512];
    folder_file(folder, entry->d_name, path);
    if (unlink(path) != 0) rmdir(path);
  }
  closedir(list);
  if (also_folder) rmdir(folder->path);
}

#endif
