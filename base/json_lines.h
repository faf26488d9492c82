/* On which line of a JSON text does a key or an element stand? The JSON library does not say; messages of readers do.
 *
 * Texts are those that the library has accepted: nothing is checked here, though nothing behind the end is read. Keys
 * that are written with escapes are not found. */
#ifndef BASE_JSON_LINES_H
#define BASE_JSON_LINES_H

#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_text {
  const char *bytes; /* NULL if n is 0 */
  size_t n;
};
/* Of the first such key of the outermost object, from 1; 0: it is not there. */
unsigned json_line_of(struct json_text text, const char *key);
/* Of the first n elements, lists or objects, of the list `key`, or (rows) of the list `rows` in the object `key`; an
 * element that is none of these, or not there, has the key's line, or 1. */
uint32_t *json_lines_of(struct json_text text, const char *key, bool rows, size_t n, struct arena *arena);

#endif
