/* Where does memory come from, and when does it go?
 *
 * A run has one arena for what is const once built (settings, graphs, spaces); a rank has one scratch arena that every
 * evaluation marks and rewinds. Chunks stay with the arena after a rewind, so an evaluation that has run once does not
 * call malloc again. Memory that cannot be had ends the program through `arena_on_exhaustion`: no caller checks for
 * NULL. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
  struct arena_chunk *first, *current;
  size_t chunk_bytes; /* least size of a new chunk */
};

struct arena_mark {
  struct arena_chunk *chunk;
  size_t used_bytes;
};

/* Called with the number of bytes that could not be had; must not return. `dse/` installs one that reports and exits
 * with STATUS_ENVIRONMENT; the default aborts. */
extern void (*arena_on_exhaustion)(size_t bytes);

void arena_init(struct arena *arena, size_t chunk_bytes);
void arena_release(struct arena *arena);
/* n × size zeroed bytes, aligned to 16; never NULL (n × size = 0 gives a unique pointer). Overflow counts as
 * exhaustion. */
void *arena_alloc(struct arena *arena, size_t n, size_t size) __attribute__((returns_nonnull));
#define ARENA_NEW(arena, type, n) ((type *)arena_alloc((arena), (n), sizeof(type)))
char *arena_copy_text(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct arena_mark arena_get_mark(const struct arena *arena);
/* Gives back everything allocated since the mark; the chunks stay for reuse. */
void arena_rewind(struct arena *arena, struct arena_mark mark);
/* Bytes held from the system, for memory reports. */
size_t arena_held_bytes(const struct arena *arena);

#endif
