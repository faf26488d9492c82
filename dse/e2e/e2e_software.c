/* Which software was a run measured with, and what does that do? See e2e.h and e2e_software.def.
 *
 * By what the row says of its model and its source, never by the name of its group, which other tables choose anew. Of
 * one paper's rows the number of the paper dates the software (workloads §12). Left out: versions in any other form. */
#include "dse/e2e/e2e.h"

#include <ctype.h>
#include <string.h>

static const struct e2e_software softwares[] = {
#define E2E_SOFTWARE(says_, fact_, ...) {.says = says_, .fact = fact_, __VA_ARGS__},
#include "dse/e2e/e2e_software.def"
#undef E2E_SOFTWARE
};
static const struct e2e_software unknown = {.fused_attention = true, .scatters = true, .overlaps = {true, true}};

enum { MONTH_DIGITS = 4, LEAST_NUMBER_DIGITS = 4 };

static size_t n_digits(const char *text) {
  size_t n = 0;
  while (isdigit((unsigned char)text[n])) n++;
  return n;
}

/* Year and month of the first arXiv number ("2104.04473") of a text as yymm; UINT64_MAX: there is none. */
static uint64_t month_of(const char *text) {
  while (*text != '\0') {
    const size_t n = n_digits(text);
    if (n == MONTH_DIGITS && text[n] == '.' && n_digits(text + n + 1) >= LEAST_NUMBER_DIGITS) {
      uint64_t month = 0;
      for (size_t i = 0; i < MONTH_DIGITS; i++) month = 10 * month + (uint64_t)(text[i] - '0');
      return month;
    }
    text += n > 0 ? n : 1;
  }
  return UINT64_MAX;
}

const struct e2e_software *e2e_software_of(const struct e2e_row *row) {
  const uint64_t month = month_of(row->source);
  for (size_t i = 0; i < sizeof softwares / sizeof *softwares; i++) {
    const struct e2e_software *const software = &softwares[i];
    if (software->before > 0 && month >= software->before) continue;
    if (e2e_says(row->model, software->says) || e2e_says(row->source, software->says)) return software;
  }
  return &unknown;
}
