/* How does text grow, and how do names of strangers come out harmless in HTML and JSON?
 *
 * Source: the WHATWG HTML standard (text, attribute values, raw text of <script>), RFC 8259 (JSON), RFC 4648
 * (base64). Left out: CSV, whose rules are table.c's. */
#include "results/writer.h"
#include "base/error.h"
#include "base/text.h"
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_BYTES = 4096 };

void writer_init(struct writer *writer, struct arena *arena) {
  *writer = (struct writer){.arena = arena, .text = ARENA_NEW(arena, char, FIRST_BYTES), .room_bytes = FIRST_BYTES};
}

void writer_bytes(struct writer *writer, const char *bytes, size_t n) {
  if (n >= writer->room_bytes - writer->length) {
    const size_t least = writer->length + n + 1, twice = 2 * writer->room_bytes;
    writer->room_bytes = least > twice ? least : twice;
    char *const larger = ARENA_NEW(writer->arena, char, writer->room_bytes);
    memcpy(larger, writer->text, writer->length);
    writer->text = larger;
  }
  memcpy(writer->text + writer->length, bytes, n);
  writer->length += n;
  writer->text[writer->length] = '\0';
}

void writer_raw(struct writer *writer, const char *text) { writer_bytes(writer, text, strlen(text)); }

void writer_format(struct writer *writer, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  const int n = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  REQUIRE(n >= 0 && (size_t)n < sizeof text); /* for numbers and our own words; names go through the escapes */
  writer_bytes(writer, text, (size_t)n);
}

/* --- names --- */

typedef void piece_writer(struct writer *writer, const char *text);

/* Hands on `n` bytes of text, made valid and printable, in pieces of bounded length that tear no character. */
static void write_safely(struct writer *writer, const char *text, size_t n, piece_writer *write) {
  enum { PIECE_BYTES = 256 };
  while (n > 0) {
    char piece[PIECE_BYTES + 1], safe[4 * PIECE_BYTES + 1];
    size_t n_piece = n < PIECE_BYTES ? n : PIECE_BYTES;
    if (n_piece < n) {
      size_t whole = n_piece;
      while (whole > n_piece - 4 && ((unsigned char)text[whole] & 0xC0) == 0x80) whole--;
      if (((unsigned char)text[whole] & 0xC0) != 0x80) n_piece = whole; /* else no UTF-8: cut anywhere */
    }
    memcpy(piece, text, n_piece);
    piece[n_piece] = '\0';
    text_escape(piece, safe, sizeof safe);
    write(writer, safe);
    text += n_piece;
    n -= n_piece;
  }
}

static void html_piece(struct writer *writer, const char *text) {
  for (;;) {
    const size_t plain = strcspn(text, "&<>\"'");
    writer_bytes(writer, text, plain);
    text += plain;
    if (*text == '\0') return;
    writer_format(writer, "&#%d;", *text++);
  }
}

void writer_html(struct writer *writer, const char *text) { write_safely(writer, text, strlen(text), html_piece); }

void writer_html_lines(struct writer *writer, const char *text) {
  while (*text != '\0') {
    const size_t n = strcspn(text, "\n\t");
    write_safely(writer, text, n, html_piece);
    text += n;
    if (*text != '\0') writer_bytes(writer, text++, 1);
  }
}

void writer_html_breakable(struct writer *writer, const char *text) {
  while (*text != '\0') {
    size_t n = strcspn(text, ",");
    const bool glued = text[n] == ',' && text[n + 1] != ' ' && text[n + 1] != '\0';
    n += text[n] == ',';
    write_safely(writer, text, n, html_piece);
    if (glued) writer_raw(writer, "<wbr>");
    text += n;
  }
}

static void json_piece(struct writer *writer, const char *text) {
  while (*text != '\0') {
    const size_t plain = strcspn(text, "\"\\<>&\xE2");
    writer_bytes(writer, text, plain);
    text += plain;
    /* U+2028 and U+2029 end a line of JavaScript. */
    const bool line_end = strncmp(text, "\xE2\x80\xA8", 3) == 0 || strncmp(text, "\xE2\x80\xA9", 3) == 0;
    if (line_end) {
      writer_raw(writer, text[2] == '\xA8' ? "\\u2028" : "\\u2029");
      text += 3;
    } else if (*text == '\xE2') {
      writer_bytes(writer, text++, 1);
    } else if (*text != '\0') {
      writer_format(writer, "\\u%04x", *text++);
    }
  }
}

void writer_json(struct writer *writer, const char *text) {
  writer_raw(writer, "\"");
  write_safely(writer, text, strlen(text), json_piece);
  writer_raw(writer, "\"");
}

/* --- numbers --- */

void writer_json_double(struct writer *writer, double value) {
  char text[32] = "null";
  if (isfinite(value)) text_from_double(value == 0 ? 0.0 : value, text);
  writer_raw(writer, text);
}

/* Four bytes at a time, but base64 takes three: what is over waits in the lowest bits of `pending`. */
struct base64 {
  uint32_t pending;
  int n_pending; /* bytes */
};

static void base64_byte(struct writer *writer, struct base64 *base64, unsigned char byte) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  base64->pending = base64->pending << 8 | byte;
  if (++base64->n_pending < 3) return;
  char out[4];
  for (int i = 0; i < 4; i++) out[i] = digits[base64->pending >> (18 - 6 * i) & 63];
  writer_bytes(writer, out, sizeof out);
  *base64 = (struct base64){0};
}

static void base64_u32(struct writer *writer, struct base64 *base64, uint32_t word) {
  for (int i = 0; i < 4; i++) base64_byte(writer, base64, (unsigned char)(word >> 8 * i));
}

static void base64_end(struct writer *writer, struct base64 *base64) {
  const int n_padding = (3 - base64->n_pending) % 3;
  for (int i = 0; i < n_padding; i++) base64_byte(writer, base64, 0);
  writer->length -= (size_t)n_padding; /* these digits stand for the zeros alone */
  writer_bytes(writer, "==", (size_t)n_padding);
  writer_raw(writer, "\"");
}

void writer_json_f32(struct writer *writer, const double *values, size_t n) {
  struct base64 base64 = {0};
  writer_raw(writer, "\"");
  for (size_t i = 0; i < n; i++) {
    const bool fits = fabs(values[i]) <= (double)FLT_MAX;
    const float narrow = fits ? (float)values[i] : 0;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    base64_u32(writer, &base64, fits ? bits : 0x7FC00000u);
  }
  base64_end(writer, &base64);
}

unsigned writer_bits_of(size_t n_values) { return n_values <= 1u << 8 ? 8 : n_values <= 1u << 16 ? 16 : 32; }

void writer_json_words(struct writer *writer, const uint32_t *values, size_t n, unsigned bits) {
  struct base64 base64 = {0};
  writer_raw(writer, "\"");
  for (size_t i = 0; i < n; i++) {
    for (unsigned k = 0; k < bits; k += 8) base64_byte(writer, &base64, (unsigned char)(values[i] >> k));
  }
  base64_end(writer, &base64);
}
