/* How many of a field's unit is "96 GiB" or "1.98 GHz"?
 *
 * Every unit is a power of ten times a power of two times a small whole number of its dimension. Powers of ten are
 * added to the exponent of the decimal text before it is converted, powers of two by ldexp, so the result is the
 * double nearest to the written quantity (SI prefixes; IEC 80000-13 for Ki, Mi, ...). Left out: sums and products of
 * units beyond one "per", and dollars other than USD. */
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* factor × 10^exponent10 × 2^exponent2 of a dimension; `per` is what it is divided by, "" if nothing. */
struct measure {
  const char *dimension;
  int exponent10, exponent2;
  double factor;
  const char *per;
};

struct unit {
  const char *name;
  struct measure measure;
};

/* As field tables name them: lower case, as in the names of keys. */
static const struct unit field_units[] = {
    {"bytes", {"byte", 0, 0, 1, ""}},   {"kib", {"byte", 0, 10, 1, ""}},   {"mib", {"byte", 0, 20, 1, ""}},
    {"gib", {"byte", 0, 30, 1, ""}},    {"tib", {"byte", 0, 40, 1, ""}},   {"kbytes", {"byte", 3, 0, 1, ""}},
    {"mbytes", {"byte", 6, 0, 1, ""}},  {"gbytes", {"byte", 9, 0, 1, ""}}, {"tbytes", {"byte", 12, 0, 1, ""}},
    {"kb", {"byte", 3, 0, 1, ""}},      {"mb", {"byte", 6, 0, 1, ""}},     {"gb", {"byte", 9, 0, 1, ""}},
    {"tb", {"byte", 12, 0, 1, ""}},     {"bits", {"byte", 0, -3, 1, ""}},  {"gbits", {"byte", 9, -3, 1, ""}},
    {"mbits", {"byte", 6, -3, 1, ""}},  {"hz", {"hz", 0, 0, 1, ""}},       {"khz", {"hz", 3, 0, 1, ""}},
    {"mhz", {"hz", 6, 0, 1, ""}},       {"ghz", {"hz", 9, 0, 1, ""}},      {"s", {"s", 0, 0, 1, ""}},
    {"ms", {"s", -3, 0, 1, ""}},        {"us", {"s", -6, 0, 1, ""}},       {"ns", {"s", -9, 0, 1, ""}},
    {"ps", {"s", -12, 0, 1, ""}},       {"min", {"s", 0, 0, 60, ""}},      {"h", {"s", 0, 0, 3600, ""}},
    {"days", {"s", 0, 0, 86400, ""}},   {"w", {"w", 0, 0, 1, ""}},         {"mw", {"w", -3, 0, 1, ""}},
    {"uw", {"w", -6, 0, 1, ""}},        {"kw", {"w", 3, 0, 1, ""}},        {"j", {"j", 0, 0, 1, ""}},
    {"mj", {"j", -3, 0, 1, ""}},        {"uj", {"j", -6, 0, 1, ""}},       {"nj", {"j", -9, 0, 1, ""}},
    {"pj", {"j", -12, 0, 1, ""}},       {"fj", {"j", -15, 0, 1, ""}},      {"mm2", {"mm2", 0, 0, 1, ""}},
    {"um2", {"mm2", -6, 0, 1, ""}},     {"cm2", {"mm2", 2, 0, 1, ""}},     {"flops", {"flop", 0, 0, 1, ""}},
    {"mflops", {"flop", 6, 0, 1, ""}},  {"gflops", {"flop", 9, 0, 1, ""}}, {"tflops", {"flop", 12, 0, 1, ""}},
    {"pflops", {"flop", 15, 0, 1, ""}}, {"usd", {"usd", 0, 0, 1, ""}},     {"cycles", {"cycle", 0, 0, 1, ""}},
};

/* As people write them, behind a prefix. */
static const struct unit symbols[] = {
    {"B", {"byte", 0, 0, 1, ""}},    {"byte", {"byte", 0, 0, 1, ""}},   {"bytes", {"byte", 0, 0, 1, ""}},
    {"bit", {"byte", 0, -3, 1, ""}}, {"bits", {"byte", 0, -3, 1, ""}},  {"Hz", {"hz", 0, 0, 1, ""}},
    {"s", {"s", 0, 0, 1, ""}},       {"W", {"w", 0, 0, 1, ""}},         {"J", {"j", 0, 0, 1, ""}},
    {"FLOP", {"flop", 0, 0, 1, ""}}, {"FLOPs", {"flop", 0, 0, 1, ""}},  {"FLOPS", {"flop", 0, 0, 1, "s"}},
    {"USD", {"usd", 0, 0, 1, ""}},   {"cycle", {"cycle", 0, 0, 1, ""}}, {"cycles", {"cycle", 0, 0, 1, ""}},
};
/* As people write them, without a prefix. */
static const struct unit plain_symbols[] = {
    {"min", {"s", 0, 0, 60, ""}},         {"h", {"s", 0, 0, 3600, ""}},   {"d", {"s", 0, 0, 86400, ""}},
    {"days", {"s", 0, 0, 86400, ""}},     {"mm2", {"mm2", 0, 0, 1, ""}},  {"mm^2", {"mm2", 0, 0, 1, ""}},
    {"cm2", {"mm2", 2, 0, 1, ""}},        {"um2", {"mm2", -6, 0, 1, ""}}, {"$", {"usd", 0, 0, 1, ""}},
    {"mm\xC2\xB2", {"mm2", 0, 0, 1, ""}},
};
static const struct prefix {
  const char *text;
  int exponent10, exponent2;
} prefixes[] = {
    {"", 0, 0},    {"k", 3, 0},   {"M", 6, 0},   {"G", 9, 0},   {"T", 12, 0},  {"P", 15, 0},
    {"m", -3, 0},  {"u", -6, 0},  {"n", -9, 0},  {"p", -12, 0}, {"f", -15, 0}, {"\xC2\xB5", -6, 0},
    {"Ki", 0, 10}, {"Mi", 0, 20}, {"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50},
};
#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static bool find_unit(const struct unit *units, size_t n, const char *name, struct measure *measure) {
  for (size_t i = 0; i < n; i++) {
    if (strcmp(units[i].name, name) != 0) continue;
    *measure = units[i].measure;
    return true;
  }
  return false;
}

static bool measure_of_symbol(const char *symbol, struct measure *measure) {
  if (find_unit(plain_symbols, COUNT_OF(plain_symbols), symbol, measure)) return true;
  for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
    const size_t n = strlen(prefixes[i].text);
    if (strncmp(symbol, prefixes[i].text, n) != 0) continue;
    if (!find_unit(symbols, COUNT_OF(symbols), symbol + n, measure)) continue;
    if (prefixes[i].exponent2 != 0 && strcmp(measure->dimension, "byte") != 0) continue;
    measure->exponent10 += prefixes[i].exponent10;
    measure->exponent2 += prefixes[i].exponent2;
    return true;
  }
  return find_unit(field_units, COUNT_OF(field_units), symbol, measure);
}

/* Splits `text` at the first `mark` into two pieces of at most 23 bytes; the second is "" without a mark. */
static bool split(const char *text, const char *mark, char head[24], char tail[24]) {
  const char *at = strstr(text, mark);
  const size_t n_head = at ? (size_t)(at - text) : strlen(text);
  const char *rest = at ? at + strlen(mark) : "";
  if (n_head > 23 || strlen(rest) > 23 || (at && *rest == '\0')) return false;
  memcpy(head, text, n_head);
  head[n_head] = '\0';
  strcpy(tail, rest);
  return true;
}

/* What a field's unit measures; `tail` holds the text behind "per". */
static bool measure_of_field(const char *unit, char tail[24], struct measure *measure) {
  char head[24];
  if (!split(unit, "_per_", head, tail)) return false;
  if (!find_unit(field_units, COUNT_OF(field_units), head, measure)) return false;
  measure->per = tail;
  return true;
}

static bool measure_of_text(const char *text, char tail[24], struct measure *measure) {
  char head[24];
  if (!split(text, "/", head, tail) || !measure_of_symbol(head, measure)) return false;
  if (*tail == '\0') return true; /* keeps the "per second" of FLOPS */
  if (*measure->per != '\0') return false;
  measure->per = strcmp(tail, "B") == 0 ? "byte" : strcmp(tail, "FLOP") == 0 ? "flop" : tail;
  return true;
}

/* The decimal number that opens `text`: the bytes before its exponent, its exponent, and where it ends; NULL if it is
 * none. */
static const char *scan_number(const char *text, size_t *n_mantissa, long *exponent) {
  const char *at = text + (*text == '-' || *text == '+');
  size_t n_digits = 0;
  for (; isdigit((unsigned char)*at); at++) n_digits++;
  if (*at == '.')
    for (at++; isdigit((unsigned char)*at); at++) n_digits++;
  if (n_digits == 0) return NULL;
  *n_mantissa = (size_t)(at - text);
  *exponent = 0;
  if (*at != 'e' && *at != 'E') return at;
  const char *digits = at + 1 + (at[1] == '-' || at[1] == '+');
  if (!isdigit((unsigned char)*digits)) return at;
  char *end;
  *exponent = strtol(at + 1, &end, 10);
  return end;
}

bool text_to_quantity(const char *text, const char *unit, double *value) {
  enum { MANTISSA_MAX_BYTES = 64, EXPONENT_MAX = 5000 };
  size_t n_mantissa;
  long exponent;
  const char *symbol = scan_number(text, &n_mantissa, &exponent);
  if (!symbol || n_mantissa > MANTISSA_MAX_BYTES || labs(exponent) > EXPONENT_MAX) return false;
  if (*symbol == '\0') return text_to_double(text, value);
  symbol += strspn(symbol, " ");

  char per_field[24], per_text[24];
  struct measure from, to;
  if (!measure_of_text(symbol, per_text, &from) || !measure_of_field(unit, per_field, &to)) return false;
  if (strcmp(from.dimension, to.dimension) != 0 || strcmp(from.per, to.per) != 0) return false;

  char decimal[MANTISSA_MAX_BYTES + 32];
  memcpy(decimal, text, n_mantissa);
  snprintf(decimal + n_mantissa, sizeof decimal - n_mantissa, "e%ld", exponent + from.exponent10 - to.exponent10);
  const double number = ldexp(strtod(decimal, NULL), from.exponent2 - to.exponent2) * from.factor / to.factor;
  if (!isfinite(number)) return false;
  *value = number;
  return true;
}
