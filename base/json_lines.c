/* See json_lines.h. */
#include "base/json_lines.h"

#include <string.h>

struct walk {
  const char *at, *end;
  unsigned line, depth;
  struct json_text key; /* of the outermost object; bytes NULL: none yet */
  struct json_text sub; /* of the object in it */
};

static bool is_text(struct json_text found, const char *text) {
  const size_t length = strlen(text);
  return found.bytes != NULL && found.n == length && memcmp(found.bytes, text, length) == 0;
}

static void walk_string(struct walk *walk) {
  const char *const first = ++walk->at;
  while (walk->at < walk->end && *walk->at != '"') walk->at += walk->end - walk->at > 1 && *walk->at == '\\' ? 2 : 1;
  const struct json_text found = {first, (size_t)(walk->at - first)};
  if (walk->at < walk->end) walk->at++;
  const char *next = walk->at;
  while (next < walk->end && strchr(" \t\r\n", *next) != NULL) next++;
  if (next >= walk->end || *next != ':') return;
  if (walk->depth == 1) walk->key = found, walk->sub = (struct json_text){0};
  if (walk->depth == 2) walk->sub = found;
}

/* To the next bracket that opens or key of the outermost object; its depth, counted from 1; 0: the end. */
static unsigned walk_on(struct walk *walk, bool *key) {
  while (walk->at < walk->end) {
    const char c = *walk->at;
    walk->line += c == '\n';
    *key = false;
    if (c == '"') {
      const char *const before = walk->key.bytes;
      walk_string(walk);
      *key = walk->key.bytes != before;
      if (*key) return walk->depth;
      continue;
    }
    walk->at++;
    if (c == '{' || c == '[') return ++walk->depth;
    if ((c == '}' || c == ']') && walk->depth > 0) walk->depth--;
  }
  return 0;
}

static struct walk walk_start(struct json_text text) {
  return (struct walk){.at = text.bytes, .end = text.n > 0 ? text.bytes + text.n : text.bytes, .line = 1};
}

unsigned json_line_of(struct json_text text, const char *key) {
  struct walk walk = walk_start(text);
  bool is_key;
  while (walk_on(&walk, &is_key) > 0) {
    if (is_key && is_text(walk.key, key)) return walk.line;
  }
  return 0;
}

uint32_t *json_lines_of(struct json_text text, const char *key, bool rows, size_t n, struct arena *arena) {
  uint32_t *const lines = ARENA_NEW(arena, uint32_t, n);
  struct walk walk = walk_start(text);
  const unsigned wanted = rows ? 4 : 3;
  size_t found = 0;
  bool is_key;
  for (unsigned depth; found < n && (depth = walk_on(&walk, &is_key)) > 0;) {
    if (is_key || depth != wanted || !is_text(walk.key, key) || (rows && !is_text(walk.sub, "rows"))) continue;
    lines[found++] = walk.line;
  }
  const unsigned line = found < n ? json_line_of(text, key) : 0;
  for (; found < n; found++) lines[found] = line > 0 ? line : 1;
  return lines;
}
