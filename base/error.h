/* How does a failure travel from where it is noticed to the user?
 *
 * Bad input or a bad environment fills a `struct error` and the function returns false; only `dse/` prints it and
 * exits. A bug (a broken assumption of our own) aborts at once with its place. An infeasible design is neither: it is
 * a score with a reason. Several messages may gather in one error, so that a user sees everything wrong with a file
 * at once. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* The program's exit statuses: five values that people remember. */
enum status {
  STATUS_OK = 0,
  STATUS_ENVIRONMENT = 1, /* disk, MPI, missing file */
  STATUS_INPUT = 2,       /* bad usage or bad input */
  STATUS_INFEASIBLE = 3,  /* nothing feasible */
  STATUS_STOPPED = 75,    /* stopped early by a limit or a signal, resumable (EX_TEMPFAIL) */
};

enum { ERROR_TEXT_BYTES = 16384 };

/* Plain bytes, so that it can be sent between ranks. Initialise with `{0}`. */
struct error {
  enum status status; /* of the first message; STATUS_OK while there is none */
  size_t n_messages;
  size_t length;               /* bytes used of `text`, without the closing NUL */
  char text[ERROR_TEXT_BYTES]; /* one message a line, each line ended by '\n' */
};

/* Appends one message (without newline). What does not fit is counted but not kept. Returns false, so that
 * `return error_add(...)` reads well. */
bool error_add(struct error *error, enum status status, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool error_addv(struct error *error, enum status status, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
/* Appends all messages of `from`. */
void error_join(struct error *error, const struct error *from);
static inline bool error_is_set(const struct error *error) { return error->n_messages > 0; }

/* A bug: prints file, line and message to stderr and aborts (under MPI that takes all ranks down). */
_Noreturn void bug_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
/* Checked in release builds too: an assumption whose failure would make answers wrong. */
#define REQUIRE(condition) ((condition) ? (void)0 : bug_at(__FILE__, __LINE__, "assumption broken: %s", #condition))

#endif
