/* Files: read whole with a cap, published whole or not at all. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"
#include "base/error.h"

/* Reads a regular file (no FIFO, folder or device) of at most `cap_bytes` into the arena, with a NUL behind it that is
 * not counted in *n. Missing or unreadable: STATUS_ENVIRONMENT; not regular or too large: STATUS_INPUT. */
bool file_read(const char *path, size_t cap_bytes, struct arena *arena, char **bytes, size_t *n, struct error *error);
/* Publishes `bytes` as `path`: temporary in the same folder (O_EXCL|O_NOFOLLOW), write, fsync, close, rename, fsync of
 * the folder. On failure the old file, if any, is untouched and the temporary removed. */
bool file_publish(const char *path, const void *bytes, size_t n, struct error *error);
/* Creates a folder and its parents; an existing one is fine. Then proves that it can be written by making and removing
 * a file in it. */
bool file_make_folder(const char *path, struct error *error);
bool file_exists(const char *path);

#endif
