/* How is text handled that people mistype, that outsiders wrote, or that must read back as the same number?
 *
 * Suggestions use the optimal string alignment distance (Damerau-Levenshtein where no piece is edited twice). UTF-8 is
 * checked after RFC 3629, table 3-7 of the Unicode standard. Left out: quantities (quantity.c), locales (numbers are
 * always written with a point), and the width of characters on a terminal. */
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST_MAX_LETTERS = 64, NEAREST_DISTANCE = 2, NEAREST_SHARE = 3 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static bool same_letter(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

/* Three rows of the table are enough: the current one, and the two before it for swapped neighbours. */
static size_t edit_distance(const char *a, size_t n_a, const char *b, size_t n_b) {
  size_t rows[3][NEAREST_MAX_LETTERS + 1];
  for (size_t j = 0; j <= n_b; j++) rows[0][j] = j;
  for (size_t i = 1; i <= n_a; i++) {
    size_t *row = rows[i % 3];
    const size_t *above = rows[(i + 2) % 3];
    const size_t *two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= n_b; j++) {
      const bool same = same_letter(a[i - 1], b[j - 1]);
      row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + !same);
      if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
        row[j] = least(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[n_a % 3][n_b];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t n_candidates) {
  const size_t n = strlen(word);
  if (n == 0 || n > NEAREST_MAX_LETTERS) return NULL;
  const size_t allowed = n / NEAREST_SHARE > NEAREST_DISTANCE ? n / NEAREST_SHARE : NEAREST_DISTANCE;
  /* A candidate that shares no letter with the word is no help: the distance must stay below the word's length. */
  size_t best_distance = least(allowed + 1, n);
  const char *best = NULL;
  for (size_t i = 0; i < n_candidates; i++) {
    const size_t n_candidate = strlen(candidates[i]);
    if (n_candidate > NEAREST_MAX_LETTERS) continue;
    const size_t distance = edit_distance(word, n, candidates[i], n_candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidates[i];
    }
  }
  return best;
}

/* Bytes of the well-formed character at `text`, 0 if there is none. */
static size_t utf8_bytes(const unsigned char *text) {
  const unsigned char first = text[0];
  if (first < 0x80) return first != 0;
  if (first < 0xC2 || first > 0xF4) return 0;
  const size_t n = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  /* The second byte's range rules out overlong forms, surrogates and what lies beyond U+10FFFF. */
  const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (text[1] < low || text[1] > high) return 0;
  for (size_t i = 2; i < n; i++)
    if ((text[i] & 0xC0) != 0x80) return 0;
  return n;
}

const char *text_unit_shown(const char *column, const char *unit) {
  static const struct {
    const char *part, *unit, *shown;
  } rates[] = {{"samples_per_s", "1/s", "samples/s"},
               {"jobs_per_s", "1/s", "jobs/s"},
               {"macs_per_s", "1/s", "MAC/s"},
               {"throughput", "1/s", "samples/s"},
               {"throughput", "1/(s W)", "samples/(s W)"}};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    if (strcmp(unit, rates[i].unit) == 0 && strstr(column, rates[i].part) != NULL) return rates[i].shown;
  }
  return unit;
}

bool text_is_utf8(const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  while (*at) {
    const size_t n = *at < 0x80 ? 1 : utf8_bytes(at);
    if (n == 0) return false;
    at += n;
  }
  return true;
}

/* Marks that turn the direction of what follows, so that a line reads other than it is: U+061C, U+200E, U+200F,
 * U+202A to U+202E, U+2066 to U+2069. */
static bool turns_text(const unsigned char *text, size_t n) {
  if (n == 2) return text[0] == 0xD8 && text[1] == 0x9C;
  if (n != 3 || text[0] != 0xE2) return false;
  const unsigned char last = text[2];
  if (text[1] == 0x80) return last == 0x8E || last == 0x8F || (last >= 0xAA && last <= 0xAE);
  return text[1] == 0x81 && last >= 0xA6 && last <= 0xA9;
}

/* The next piece of `text` as it is shown: a character, or one byte as \xNN. Returns how many bytes it stands for. */
static size_t escaped_piece(const unsigned char *text, char piece[8], size_t *piece_bytes) {
  const size_t n = utf8_bytes(text);
  const bool control = *text < 0x20 || *text == 0x7F || (*text == 0xC2 && n == 2 && text[1] < 0xA0);
  if (n == 0 || control || turns_text(text, n)) { /* the rest of a mark's bytes belong to no character */
    *piece_bytes = (size_t)snprintf(piece, 8, "\\x%02X", *text);
    return 1;
  }
  memcpy(piece, text, n);
  *piece_bytes = n;
  return n;
}

void text_escape(const char *text, char *out, size_t out_bytes) {
  static const char ellipsis[] = "\xE2\x80\xA6";
  const size_t n_ellipsis = sizeof ellipsis - 1;
  if (out_bytes == 0) return;
  const unsigned char *at = (const unsigned char *)text;
  size_t n = 0, n_before_cut = 0; /* the second still leaves room for the ellipsis */
  while (*at) {
    char piece[8];
    size_t piece_bytes;
    at += escaped_piece(at, piece, &piece_bytes);
    if (n + piece_bytes >= out_bytes) {
      n = n_before_cut;
      if (n + n_ellipsis < out_bytes) {
        memcpy(out + n, ellipsis, n_ellipsis);
        n += n_ellipsis;
      }
      break;
    }
    memcpy(out + n, piece, piece_bytes);
    n += piece_bytes;
    if (n + n_ellipsis < out_bytes) n_before_cut = n;
  }
  out[n] = '\0';
}

void text_from_double(double value, char out[32]) {
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(out, 32, "%.*g", digits, value);
    if (strtod(out, NULL) == value) return;
  }
}

bool text_to_u64(const char *text, uint64_t *value) {
  uint64_t sum = 0;
  if (*text == '\0') return false;
  for (; *text; text++) {
    if (!isdigit((unsigned char)*text)) return false;
    if (__builtin_mul_overflow(sum, UINT64_C(10), &sum)) return false;
    if (__builtin_add_overflow(sum, (uint64_t)(*text - '0'), &sum)) return false;
  }
  *value = sum;
  return true;
}

bool text_to_double(const char *text, double *value) {
  /* strtod alone would also take blanks in front, hexadecimal numbers, "nan" and "infinity". */
  if (*text == '\0' || strspn(text, "0123456789+-.eE") != strlen(text)) return false;
  char *end;
  const double number = strtod(text, &end);
  if (end == text || *end != '\0' || !isfinite(number)) return false;
  *value = number;
  return true;
}
