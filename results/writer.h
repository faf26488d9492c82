/* A growing text, and the escapes of the languages that we write. Names are hostile: whatever they hold comes out as
 * text. (reliability §7) */
#ifndef RESULTS_WRITER_H
#define RESULTS_WRITER_H

#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

struct writer {
  struct arena *arena;
  char *text; /* NUL behind it; moves when it grows */
  size_t length, room_bytes;
};

void writer_init(struct writer *writer, struct arena *arena);
void writer_bytes(struct writer *writer, const char *bytes, size_t n);
void writer_raw(struct writer *writer, const char *text);
void writer_format(struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As HTML text or the value of a quoted attribute; control characters and invalid UTF-8 as \xNN. */
void writer_html(struct writer *writer, const char *text);
/* May break behind commas, as between the keys of a design. */
void writer_html_breakable(struct writer *writer, const char *text);
/* The same, but line ends and tabs stay: for <pre>. */
void writer_html_lines(struct writer *writer, const char *text);
/* As a JSON string with its quotes, harmless inside <script> too: < > & U+2028 U+2029 are escaped. */
void writer_json(struct writer *writer, const char *text);
/* Shortest form that reads back equal; null if it is not finite. */
void writer_json_double(struct writer *writer, double value);
/* Little-endian words in base64, with their quotes. */
void writer_json_f32(struct writer *writer, const double *values, size_t n); /* out of range: NaN */
/* Values below n_values need so many bits: 8, 16 or 32. */
unsigned writer_bits_of(size_t n_values);
void writer_json_words(struct writer *writer, const uint32_t *values, size_t n, unsigned bits);

#endif
