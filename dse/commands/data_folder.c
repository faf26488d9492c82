/* See data_folder.h. An installation may be moved as a whole, and a build tree may be gone: so the running program's
 * own place comes first, and what was compiled in counts only where nothing lies there. */
#include "dse/commands/data_folder.h"

#include "base/file.h"
#include "dse/commands/version.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool holds_data(const char *folder, struct arena *arena) {
  return folder[0] != '\0' && file_exists(arena_printf(arena, "%s/workloads/models", folder));
}

/* Without the program's name; NULL where the system does not tell. */
static const char *folder_of_program(struct arena *arena) {
  char self[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n <= 0) return NULL;
  self[n] = '\0';
  char *slash = strrchr(self, '/');
  if (slash == NULL) return NULL;
  *slash = '\0';
  return arena_copy_text(arena, self);
}

const char *data_folder_find(struct arena *arena) {
  /* bin/dse of an installation, with or without a folder between; build/VARIANT/bin/dse, wherever build lies. */
  static const char *const places[] = {"/../share/dse", "/../../share/dse", "/../..", "/../../..", NULL};
  const char *self = folder_of_program(arena);
  for (size_t i = 0; self != NULL && places[i] != NULL; i++) {
    const char *folder = arena_printf(arena, "%s%s", self, places[i]);
    char plain[PATH_MAX]; /* without the dots, for messages */
    if (holds_data(folder, arena)) return realpath(folder, plain) != NULL ? arena_copy_text(arena, plain) : folder;
  }
  if (!holds_data(dse_installed_data(), arena) && holds_data(dse_sources(), arena)) return dse_sources();
  return dse_installed_data();
}
