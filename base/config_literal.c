/* Which number does a literal mean, and would libconfig 1.5 read the same one?
 *
 * libconfig reads 2147483648 as -2147483648 and 99999999999999999999L as the largest integer, without a word (issues
 * 69 and 153 of its tracker: the L is the user's duty), and 1e400 as infinity. Here each of these is refused with
 * advice. Left out: binary and octal numbers, which libconfig 1.5 has not either. */
#include "base/config_private.h"
#include "base/text.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LITERAL_MAX_BYTES = 300 };

/* Digits of base 10 or 16 up to `end`, an optional L or LL behind them. False if the shape differs. */
static bool scan_integer(const char *at, unsigned base, uint64_t *magnitude, bool *fits, bool *wide) {
  *magnitude = 0;
  *fits = true;
  const char *start = at;
  for (; base == 16 ? isxdigit((unsigned char)*at) : isdigit((unsigned char)*at); at++) {
    const char letter = (char)tolower((unsigned char)*at);
    const uint64_t digit = (uint64_t)(isdigit((unsigned char)letter) ? letter - '0' : letter - 'a' + 10);
    if (__builtin_mul_overflow(*magnitude, (uint64_t)base, magnitude) ||
        __builtin_add_overflow(*magnitude, digit, magnitude))
      *fits = false;
  }
  *wide = *at == 'L';
  return at > start && (*at == '\0' || strcmp(at, "L") == 0 || strcmp(at, "LL") == 0);
}

static enum literal integer_literal(const char *text, int64_t *integer, char problem[CONFIG_PROBLEM_BYTES]) {
  const bool negative = *text == '-';
  const char *digits = text + (negative || *text == '+');
  const bool hex = digits == text && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
  uint64_t magnitude;
  bool fits, wide;
  if (!scan_integer(hex ? digits + 2 : digits, hex ? 16 : 10, &magnitude, &fits, &wide)) return LITERAL_NONE;
  const uint64_t largest = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
  if (!fits || magnitude > largest) {
    snprintf(problem, CONFIG_PROBLEM_BYTES, "%s does not fit 64 bits; the %s is %s", text,
             negative ? "smallest" : "largest", negative ? "-9223372036854775808L" : "9223372036854775807L");
    return LITERAL_REFUSED;
  }
  if (!wide && magnitude > (negative ? (uint64_t)INT32_MAX + 1 : (uint64_t)INT32_MAX)) {
    snprintf(problem, CONFIG_PROBLEM_BYTES, "%s does not fit 32 bits; write %sL", text, text);
    return LITERAL_REFUSED;
  }
  *integer = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
  return LITERAL_INTEGER;
}

static enum literal real_literal(const char *text, double *real, char problem[CONFIG_PROBLEM_BYTES]) {
  if (strspn(text, "0123456789+-.eE") != strlen(text) || !strpbrk(text, "0123456789")) return LITERAL_NONE;
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end != '\0') return LITERAL_NONE;
  if (!isfinite(value)) {
    snprintf(problem, CONFIG_PROBLEM_BYTES, "%s is too large for a number; the largest is about 1.79e308", text);
    return LITERAL_REFUSED;
  }
  const size_t n_mantissa = strcspn(text, "eE");
  if (value == 0 && strcspn(text, "123456789") < n_mantissa) {
    snprintf(problem, CONFIG_PROBLEM_BYTES, "%s is too small for a number; the smallest is about 4.95e-324, or write 0",
             text);
    return LITERAL_REFUSED;
  }
  *real = value;
  return LITERAL_REAL;
}

enum literal config_literal(const char *start, size_t n, int64_t *integer, double *real,
                            char problem[CONFIG_PROBLEM_BYTES]) {
  char text[LITERAL_MAX_BYTES + 1];
  if (n == 0 || !strchr("+-.0123456789", *start)) return LITERAL_NONE;
  if (n > LITERAL_MAX_BYTES) {
    snprintf(problem, CONFIG_PROBLEM_BYTES, "a number of %zu letters; at most %d are read", n, LITERAL_MAX_BYTES);
    return LITERAL_REFUSED;
  }
  memcpy(text, start, n);
  text[n] = '\0';
  const enum literal kind = integer_literal(text, integer, problem);
  return kind == LITERAL_NONE ? real_literal(text, real, problem) : kind;
}
