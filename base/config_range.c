/* Which values does "4..256 x2" or "1..9 +2" stand for?
 *
 * A..B +S: A, A + S, A + 2S, ... up to B. A..B xK: A, A·K, A·K², ... up to B. A..B alone counts by one. Both ends may
 * be quantities ("1 GiB..8 GiB x2"). An end missed by rounding alone counts as reached. Left out: falling ranges. */
#include "base/config_private.h"
#include "base/text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RANGE_PART_BYTES = 64 };

struct range {
  double from, to, step;
  bool multiplies;
};

/* A part of the text as a number in `unit`. */
static bool read_part(const char *start, size_t n, const char *unit, double *value) {
  char part[RANGE_PART_BYTES];
  while (n > 0 && *start == ' ') {
    start++;
    n--;
  }
  while (n > 0 && start[n - 1] == ' ') n--;
  if (n == 0 || n >= sizeof part) return false;
  memcpy(part, start, n);
  part[n] = '\0';
  return text_to_quantity(part, unit, value);
}

static bool parse_range(const char *text, const char *unit, struct range *range, char problem[CONFIG_PROBLEM_BYTES]) {
  const char *dots = strstr(text, "..");
  const char *to = dots ? dots + 2 : text;
  const char *step = strpbrk(to, "x+");
  *range = (struct range){.step = 1, .multiplies = step && *step == 'x'};
  const size_t n_to = step ? (size_t)(step - to) : strlen(to);
  if (!dots || !read_part(text, (size_t)(dots - text), unit, &range->from) || !read_part(to, n_to, unit, &range->to) ||
      (step && !read_part(step + 1, strlen(step + 1), unit, &range->step))) {
    snprintf(problem, CONFIG_PROBLEM_BYTES, "is no range; write \"4..256 x2\" or \"1..9 +2\"");
    return false;
  }
  if (range->from > range->to) {
    snprintf(problem, CONFIG_PROBLEM_BYTES, "is an empty range; the first end must not exceed the second");
    return false;
  }
  if (range->multiplies ? range->step <= 1 || range->from <= 0 : range->step <= 0) {
    snprintf(problem, CONFIG_PROBLEM_BYTES, "is an endless range; %s",
             range->multiplies ? "a factor must exceed 1 and the first end 0" : "a step must exceed 0");
    return false;
  }
  return true;
}

/* Value number i; the end itself where rounding alone keeps them apart. */
static double range_value(const struct range *range, size_t i, double before) {
  const double slack = 1e-9;
  const double value = range->multiplies ? before * range->step : range->from + (double)i * range->step;
  const double scale = range->multiplies ? range->to : range->step;
  return fabs(value - range->to) <= slack * scale ? range->to : value;
}

bool config_range(const char *text, const char *unit, struct arena *arena, double **values, size_t *n,
                  char problem[CONFIG_PROBLEM_BYTES]) {
  struct range range;
  if (!parse_range(text, unit, &range, problem)) return false;
  /* Counted first, then written: the arena cannot grow a block. */
  size_t count = 1;
  double last = range.from;
  for (double value = range_value(&range, 1, last); value <= range.to && value > last && count <= CONFIG_MAX_LIST;
       value = range_value(&range, count, last)) {
    last = value;
    count++;
  }
  if (count > CONFIG_MAX_LIST) {
    snprintf(problem, CONFIG_PROBLEM_BYTES, "has more than %d values, which is the most", CONFIG_MAX_LIST);
    return false;
  }
  *values = ARENA_NEW(arena, double, count);
  (*values)[0] = range.from;
  for (size_t i = 1; i < count; i++) (*values)[i] = range_value(&range, i, (*values)[i - 1]);
  *n = count;
  return true;
}
