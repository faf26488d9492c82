/* How are messages gathered, and how does a bug end the program?
 *
 * Source: none. Left out: printing and exiting, which are the business of `dse/` alone, and escaping of hostile names,
 * which is text.c's (`text_escape`) where the name enters the message. */
#include "base/error.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a text of `n` bytes can be cut so that no UTF-8 character is torn: `n` or a little less. */
static size_t cut_before_character(const char *text, size_t n) {
  while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
  return n;
}

bool error_addv(struct error *error, enum status status, const char *format, va_list arguments) {
  char *const start = error->text + error->length;
  const size_t room = ERROR_TEXT_BYTES - error->length; /* for the message, '\n' and NUL */
  const int written = vsnprintf(start, room, format, arguments);
  size_t n = written < 0 ? 0 : (size_t)written;
  if (error->n_messages == 0) error->status = status;
  error->n_messages++;
  if (n + 2 > room) {
    /* Half a message misleads, so it is dropped; but one that alone is too long is better cut than lost. */
    if (error->length > 0) {
      start[0] = '\0';
      return false;
    }
    n = cut_before_character(start, room - 2);
  }
  /* One message a line is what the readers of `text` rely on. */
  for (size_t i = 0; i < n; i++)
    if (start[i] == '\n') start[i] = ' ';
  start[n] = '\n';
  start[n + 1] = '\0';
  error->length += n + 1;
  return false;
}

bool error_add(struct error *error, enum status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  error_addv(error, status, format, arguments);
  va_end(arguments);
  return false;
}

void error_join(struct error *error, const struct error *from) {
  if (from->n_messages == 0) return;
  if (error->n_messages == 0) error->status = from->status;
  error->n_messages += from->n_messages;
  for (const char *line = from->text, *end = from->text + from->length; line < end;) {
    const char *const newline = memchr(line, '\n', (size_t)(end - line));
    REQUIRE(newline != NULL);
    const size_t n = (size_t)(newline - line) + 1;
    if (n + 1 > ERROR_TEXT_BYTES - error->length) break;
    memcpy(error->text + error->length, line, n);
    error->length += n;
    error->text[error->length] = '\0';
    line += n;
  }
}

_Noreturn void bug_at(const char *file, int line, const char *format, ...) {
  va_list arguments;
  fprintf(stderr, "%s:%d: bug: ", file, line);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  fflush(stderr);
  abort();
}
