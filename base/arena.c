/* Where does memory come from, and when does it go?
 *
 * A list of chunks from malloc. Those up to `current` hold live memory, those behind it wait for reuse; a chunk's
 * `used_bytes` counts only from the moment it becomes current, so a rewind is two stores whatever it gives back.
 * Source: region-based allocation as in Hanson 1990, "Fast Allocation and Deallocation of Memory Based on Object
 * Lifetimes". Left out: freeing single objects, and sharing between threads (a rank has one). */
#include "base/arena.h"
#include "base/error.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_ALIGNMENT_BYTES = 16 };

struct arena_chunk {
  struct arena_chunk *next;
  size_t size_bytes, used_bytes;
  _Alignas(ARENA_ALIGNMENT_BYTES) unsigned char bytes[];
};

static void abort_on_exhaustion(size_t bytes) { BUG("out of memory: %zu bytes cannot be had", bytes); }

void (*arena_on_exhaustion)(size_t bytes) = abort_on_exhaustion;

static _Noreturn void exhausted(size_t bytes) {
  arena_on_exhaustion(bytes);
  abort(); /* The hook must not return; nothing sensible is left to do if it does. */
}

void arena_init(struct arena *arena, size_t chunk_bytes) { *arena = (struct arena){.chunk_bytes = chunk_bytes}; }

void arena_release(struct arena *arena) {
  for (struct arena_chunk *chunk = arena->first, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    free(chunk);
  }
  arena->first = arena->current = NULL;
}

/* Makes a chunk with room for `bytes` the current one: a waiting one if any is large enough, else a new one. It goes
 * right behind the old current chunk, so that waiting chunks too small for this request keep waiting. True: it is zero
 * all over. One that the request fills comes from calloc, which mostly has pages that are zero and that nobody pays for
 * before they are touched: large tables are seldom full. */
static bool next_chunk(struct arena *arena, size_t bytes) {
  struct arena_chunk **const behind = arena->current != NULL ? &arena->current->next : &arena->first;
  struct arena_chunk **link = behind;
  while (*link != NULL && (*link)->size_bytes < bytes) link = &(*link)->next;
  struct arena_chunk *chunk = *link;
  const bool fills = chunk == NULL && bytes >= arena->chunk_bytes;
  if (chunk != NULL) {
    *link = chunk->next;
  } else {
    const size_t size_bytes = fills ? bytes : arena->chunk_bytes;
    if (size_bytes > SIZE_MAX - sizeof *chunk) exhausted(bytes);
    chunk = fills ? calloc(1, sizeof *chunk + size_bytes) : malloc(sizeof *chunk + size_bytes);
    if (chunk == NULL) exhausted(bytes);
    chunk->size_bytes = size_bytes;
  }
  chunk->used_bytes = 0;
  chunk->next = *behind;
  *behind = chunk;
  arena->current = chunk;
  return fills;
}

void *arena_alloc(struct arena *arena, size_t n, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - ARENA_ALIGNMENT_BYTES) exhausted(SIZE_MAX);
  if (bytes == 0) bytes = 1; /* a pointer of its own */
  bytes = (bytes + ARENA_ALIGNMENT_BYTES - 1) / ARENA_ALIGNMENT_BYTES * ARENA_ALIGNMENT_BYTES;
  bool is_zero = false;
  if (arena->current == NULL || arena->current->size_bytes - arena->current->used_bytes < bytes)
    is_zero = next_chunk(arena, bytes);
  void *const block = arena->current->bytes + arena->current->used_bytes;
  arena->current->used_bytes += bytes;
  return is_zero ? block : memset(block, 0, bytes);
}

char *arena_copy_text(struct arena *arena, const char *text) {
  const size_t n = strlen(text) + 1;
  return memcpy(arena_alloc(arena, n, 1), text, n);
}

char *arena_printf(struct arena *arena, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int n = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  REQUIRE(n >= 0);
  char *const text = arena_alloc(arena, (size_t)n + 1, 1);
  va_start(arguments, format);
  vsnprintf(text, (size_t)n + 1, format, arguments);
  va_end(arguments);
  return text;
}

struct arena_mark arena_get_mark(const struct arena *arena) {
  return (struct arena_mark){arena->current, arena->current != NULL ? arena->current->used_bytes : 0};
}

void arena_rewind(struct arena *arena, struct arena_mark mark) {
  arena->current = mark.chunk; /* NULL: nothing was live, every chunk waits */
  if (mark.chunk != NULL) mark.chunk->used_bytes = mark.used_bytes;
}

size_t arena_held_bytes(const struct arena *arena) {
  size_t bytes = 0;
  for (const struct arena_chunk *chunk = arena->first; chunk != NULL; chunk = chunk->next)
    bytes += sizeof *chunk + chunk->size_bytes;
  return bytes;
}
