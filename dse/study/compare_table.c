/* What do many searches come to, side by side? Medians and quartiles over seeds; see compare.h.
 *
 * A search that never gets there counts as infinitely long: a median over such is either a number or ">budget", never
 * flattered by leaving them out. Beside it stands the expected number of evaluations if a search that failed is started
 * again with another seed (all evaluations over all successes: "expected running time", Hansen et al. 2010, the BBOB
 * benchmarks). Left out: tests of significance; the quartiles and the seeds are there. */
#include "dse/study/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static double quantile(const double *sorted, size_t n, double share) {
  const double place = share * (double)(n - 1);
  const size_t below = (size_t)place;
  const double rest = place - (double)below;
  if (!(rest > 0)) return sorted[below];
  if (isinf(sorted[below + 1])) return INFINITY;
  return sorted[below] + rest * (sorted[below + 1] - sorted[below]);
}

struct quartiles compare_quartiles(double *values, size_t n) {
  qsort(values, n, sizeof *values, compare_doubles);
  return (struct quartiles){quantile(values, n, 0.25), quantile(values, n, 0.5), quantile(values, n, 0.75)};
}

/* --- over the seeds of a searcher -----------------------------------------------------------------------------------
 */

/* What one trial says, by a number that tells of what. */
typedef double (*reading)(const struct trial *trial, size_t which);

static struct quartiles over_seeds(const struct contest *contest, size_t contestant, reading read, size_t which) {
  const struct contestant *who = &contest->contestants[contestant];
  const struct arena_mark mark = arena_get_mark(contest->arena);
  double *values = ARENA_NEW(contest->arena, double, who->n_seeds);
  for (size_t s = 0; s < who->n_seeds; s++) values[s] = read(&contest->trials[who->first_trial + s], which);
  const struct quartiles quartiles = compare_quartiles(values, who->n_seeds);
  arena_rewind(contest->arena, mark);
  return quartiles;
}

static double read_evaluations(const struct trial *trial, size_t which) {
  return trial->reached[which] > 0 ? (double)trial->reached[which] : INFINITY;
}
static double read_seconds(const struct trial *trial, size_t which) {
  return trial->reached[which] > 0 ? trial->reached_s[which] : INFINITY;
}
static double read_regret(const struct trial *trial, size_t which) { return trial->regret_at[which]; }
static double read_volume(const struct trial *trial, size_t which) {
  (void)which;
  return trial->volume;
}
static double read_own(const struct trial *trial, size_t which) {
  (void)which;
  return trial->own_s / (double)(trial->evaluations > 0 ? trial->evaluations : 1);
}
static double read_evaluating(const struct trial *trial, size_t which) {
  (void)which;
  return trial->evaluated_s / (double)(trial->evaluations > 0 ? trial->evaluations : 1);
}

struct quartiles compare_evaluations(const struct contest *contest, size_t contestant, enum compare_target target) {
  return over_seeds(contest, contestant, read_evaluations, target);
}
static struct quartiles seconds_of(const struct contest *contest, size_t contestant, enum compare_target target) {
  return over_seeds(contest, contestant, read_seconds, target);
}
struct quartiles compare_regret_at(const struct contest *contest, size_t contestant, size_t checkpoint) {
  return over_seeds(contest, contestant, read_regret, checkpoint);
}

/* Of the trials that reached a target: how many, and what it takes if those that failed begin anew. */
struct expected {
  uint64_t n_reached;
  double evaluations, seconds; /* infinite: none reached it */
};

static struct expected expected_of(const struct contest *contest, size_t contestant, enum compare_target target) {
  const struct contestant *who = &contest->contestants[contestant];
  struct expected expected = {0};
  for (size_t s = 0; s < who->n_seeds; s++) {
    const struct trial *trial = &contest->trials[who->first_trial + s];
    const bool reached = trial->reached[target] > 0;
    expected.n_reached += reached;
    expected.evaluations += (double)(reached ? trial->reached[target] : trial->evaluations);
    expected.seconds += reached ? trial->reached_s[target] : trial->own_s + trial->evaluated_s;
  }
  expected.evaluations = expected.n_reached > 0 ? expected.evaluations / (double)expected.n_reached : INFINITY;
  expected.seconds = expected.n_reached > 0 ? expected.seconds / (double)expected.n_reached : INFINITY;
  return expected;
}

static size_t find_guided(const struct contest *contest) {
  for (size_t c = 0; c < contest->n_contestants; c++) {
    if (strcmp(contest->contestants[c].name, "guided") == 0) return c;
  }
  return SIZE_MAX;
}

/* How many times the evaluations of `guided`; at least so many where the budget ended it. NaN: nothing to compare. */
static double times_guided(const struct contest *contest, size_t contestant, enum compare_target target) {
  const size_t guided = find_guided(contest);
  if (guided == SIZE_MAX) return NAN;
  const double reference = compare_evaluations(contest, guided, target).median;
  const double own = compare_evaluations(contest, contestant, target).median;
  if (isinf(reference)) return NAN;
  return (isinf(own) ? (double)contest->budget : own) / reference;
}

void compare_order(const struct contest *contest, size_t *order) {
  double(*keys)[4] = arena_alloc(contest->arena, contest->n_contestants, sizeof *keys);
  for (size_t c = 0; c < contest->n_contestants; c++) {
    keys[c][0] = compare_evaluations(contest, c, COMPARE_1).median;
    keys[c][1] = expected_of(contest, c, COMPARE_1).evaluations;
    keys[c][2] = compare_evaluations(contest, c, COMPARE_5).median;
    keys[c][3] = compare_regret_at(contest, c, contest->n_checkpoints - 1).median;
    size_t place = c;
    for (; place > 0; place--) { /* insertion keeps equals in the list's order */
      const double *other = keys[order[place - 1]];
      size_t k = 0;
      while (k < 4 && !(keys[c][k] < other[k]) && !(other[k] < keys[c][k])) k++;
      if (k == 4 || !(keys[c][k] < other[k])) break;
      order[place] = order[place - 1];
    }
    order[place] = c;
  }
}

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

enum { MAX_COLUMNS = 80 };

struct sheet {
  const struct contest *contest;
  enum compare_columns kind;
  struct table_column columns[MAX_COLUMNS];
  size_t n;
};

static void add_column(struct sheet *sheet, bool timing, const char *name, const char *unit, const char *better,
                       const char *doc) {
  if (timing != (sheet->kind == COMPARE_SECONDS) && sheet->kind != COMPARE_ALL) return;
  REQUIRE(sheet->n < MAX_COLUMNS);
  sheet->columns[sheet->n++] = (struct table_column){name, unit, better, doc};
}

static void add_quartile_columns(struct sheet *sheet, bool timing, const char *stem, const char *unit,
                                 const char *better, const char *doc) {
  static const char *const names[] = {"q1", "median", "q3"};
  for (size_t i = 0; i < 3; i++) {
    add_column(sheet, timing, arena_printf(sheet->contest->arena, "%s_%s", stem, names[i]), unit, better, doc);
  }
}

static void lay_out(struct sheet *sheet) {
  struct arena *arena = sheet->contest->arena;
  sheet->columns[sheet->n++] = (struct table_column){"searcher", "", "", "name, or name/preset"};
  add_column(sheet, false, "seeds", "", "",
             "searches of which medians and quartiles are; 1 where seeds change nothing");
  for (size_t t = 0; t < N_COMPARE_TARGETS; t++) {
    const char *key = compare_targets[t].key, *words = compare_targets[t].words;
    const char *to = t == COMPARE_EXACT ? "the" : arena_printf(arena, "within %s of the", words);
    const char *until = arena_printf(arena, "until %s optimum; empty: not within the budget", to);
    add_column(sheet, false, arena_printf(arena, "share_%s", key), "", "max",
               arena_printf(arena, "share of the searches that got to %s optimum", to));
    add_quartile_columns(sheet, false, arena_printf(arena, "evaluations_%s", key), "", "min",
                         arena_printf(arena, "evaluations %s", until));
    add_column(sheet, false, arena_printf(arena, "evaluations_%s_expected", key), "", "min",
               "with failed searches begun anew: all evaluations over all successes");
    add_column(sheet, false, arena_printf(arena, "times_guided_%s", key), "", "min",
               "median over that of guided; a lower limit where the median is empty");
    add_quartile_columns(sheet, true, arena_printf(arena, "seconds_%s", key), "s", "min",
                         arena_printf(arena, "CPU seconds %s", until));
    add_column(sheet, true, arena_printf(arena, "seconds_%s_expected", key), "s", "min",
               "with failed searches begun anew: all seconds over all successes");
  }
  add_quartile_columns(sheet, false, "regret", "", "min", "relative distance from the optimum after the budget");
  add_quartile_columns(sheet, false, "hypervolume", "", "max",
                       "of the front of all designs evaluated, relative to the exact front's; empty: not asked for");
  add_column(sheet, false, "ended", "", "", "share of the searches that ended by themselves, before the budget");
  add_quartile_columns(sheet, true, "search_s", "s", "min", "CPU seconds in asks and tells, an evaluation");
  add_quartile_columns(sheet, true, "evaluation_s", "s", "min", "CPU seconds of the evaluation itself, an evaluation");
}

static void put_quartiles(struct table *table, struct quartiles quartiles) {
  table_double(table, quartiles.low); /* infinite: empty */
  table_double(table, quartiles.median);
  table_double(table, quartiles.high);
}

static void put_target(struct table *table, const struct contest *contest, size_t c, enum compare_target target,
                       enum compare_columns kind) {
  const struct expected expected = expected_of(contest, c, target);
  if (kind != COMPARE_SECONDS) {
    table_double(table, (double)expected.n_reached / (double)contest->contestants[c].n_seeds);
    put_quartiles(table, compare_evaluations(contest, c, target));
    table_double(table, expected.evaluations);
    table_double(table, times_guided(contest, c, target));
  }
  if (kind != COMPARE_RESULTS) {
    put_quartiles(table, seconds_of(contest, c, target));
    table_double(table, expected.seconds);
  }
}

static double share_ended(const struct contest *contest, size_t c) {
  const struct contestant *who = &contest->contestants[c];
  size_t n = 0;
  for (size_t s = 0; s < who->n_seeds; s++) n += contest->trials[who->first_trial + s].ended != 0;
  return (double)n / (double)who->n_seeds;
}

static struct quartiles volume_share(const struct contest *contest, size_t c) {
  if (!contest->with_front || !(contest->front_volume > 0)) return (struct quartiles){NAN, NAN, NAN};
  const struct quartiles volume = over_seeds(contest, c, read_volume, 0);
  return (struct quartiles){volume.low / contest->front_volume, volume.median / contest->front_volume,
                            volume.high / contest->front_volume};
}

struct table *compare_table(const struct contest *contest, enum compare_columns kind) {
  struct sheet *sheet = ARENA_NEW(contest->arena, struct sheet, 1);
  *sheet = (struct sheet){.contest = contest, .kind = kind};
  lay_out(sheet);
  struct table *table = table_new(contest->arena, "compare.csv", sheet->columns, sheet->n);
  for (size_t c = 0; c < contest->n_contestants; c++) {
    table_text(table, contest->contestants[c].name);
    if (kind != COMPARE_SECONDS) table_u64(table, contest->contestants[c].n_seeds);
    for (size_t t = 0; t < N_COMPARE_TARGETS; t++) put_target(table, contest, c, (enum compare_target)t, kind);
    if (kind != COMPARE_SECONDS) {
      put_quartiles(table, compare_regret_at(contest, c, contest->n_checkpoints - 1));
      put_quartiles(table, volume_share(contest, c));
      table_double(table, share_ended(contest, c));
    }
    if (kind != COMPARE_RESULTS) {
      put_quartiles(table, over_seeds(contest, c, read_own, 0));
      put_quartiles(table, over_seeds(contest, c, read_evaluating, 0));
    }
  }
  return table;
}

/* --- for people -----------------------------------------------------------------------------------------------------
 */

/* "57", "57 (49-81)", ">1000". */
static const char *evaluations_text(const struct contest *contest, size_t c, enum compare_target target) {
  const struct quartiles q = compare_evaluations(contest, c, target);
  struct arena *arena = contest->arena;
  const char *never = arena_printf(arena, ">%llu", (unsigned long long)contest->budget);
  const char *median = isinf(q.median) ? never : arena_printf(arena, "%.0f", q.median);
  if (contest->contestants[c].n_seeds == 1 || isinf(q.low)) return median;
  return arena_printf(arena, "%s (%.0f-%s)", median, q.low, isinf(q.high) ? "" : arena_printf(arena, "%.0f", q.high));
}

static const char *share_text(const struct contest *contest, size_t c, enum compare_target target) {
  const struct expected expected = expected_of(contest, c, target);
  return arena_printf(contest->arena, "%llu/%zu", (unsigned long long)expected.n_reached,
                      contest->contestants[c].n_seeds);
}

/* Three digits, but whole where there are more. */
static const char *times_as_text(double times, struct arena *arena) {
  return arena_printf(arena, times < 100 ? "%.3g" : "%.0f", times);
}

static const char *times_text(const struct contest *contest, size_t c, enum compare_target target) {
  const double times = times_guided(contest, c, target);
  const bool limit = isinf(compare_evaluations(contest, c, target).median);
  if (isnan(times)) return "";
  return arena_printf(contest->arena, "%s%s", limit ? ">" : "", times_as_text(times, contest->arena));
}

struct table *compare_short_table(const struct contest *contest) {
  static const struct table_column columns[] = {
      {"searcher", "", "", ""},          {"to 10 %", "", "min", ""}, {"to 5 %", "", "min", ""},
      {"to 1 %", "", "min", ""},         {"got there", "", "", ""},  {"x guided", "", "min", ""},
      {"to the optimum", "", "min", ""}, {"regret", "", "min", ""},  {"hypervolume", "", "max", ""},
      {"CPU s to 1 %", "s", "min", ""},
  };
  struct arena *arena = contest->arena;
  struct table *table = table_new(arena, "compare", columns, sizeof columns / sizeof *columns);
  size_t *order = ARENA_NEW(arena, size_t, contest->n_contestants);
  compare_order(contest, order);
  for (size_t i = 0; i < contest->n_contestants; i++) {
    const size_t c = order[i];
    const double seconds = seconds_of(contest, c, COMPARE_1).median, volume = volume_share(contest, c).median;
    table_text(table, contest->contestants[c].name);
    table_text(table, evaluations_text(contest, c, COMPARE_10));
    table_text(table, evaluations_text(contest, c, COMPARE_5));
    table_text(table, evaluations_text(contest, c, COMPARE_1));
    table_text(table, share_text(contest, c, COMPARE_1));
    table_text(table, times_text(contest, c, COMPARE_1));
    table_text(table, evaluations_text(contest, c, COMPARE_EXACT));
    table_text(table,
               arena_printf(arena, "%.2f %%", 100 * compare_regret_at(contest, c, contest->n_checkpoints - 1).median));
    table_text(table, isnan(volume) ? "" : arena_printf(arena, "%.4f", volume));
    table_text(table, isinf(seconds) ? "" : arena_printf(arena, "%.3g", seconds));
  }
  return table;
}

const char *compare_conclusion(const struct contest *contest) {
  struct arena *arena = contest->arena;
  size_t *order = ARENA_NEW(arena, size_t, contest->n_contestants);
  compare_order(contest, order);
  const char *what = contest->proven ? "the proven optimum" : "the best known design";
  const double first = compare_evaluations(contest, order[0], COMPARE_1).median;
  if (isinf(first)) {
    return arena_printf(arena, "No searcher gets within 1 %% of %s in %llu evaluations with every other seed.", what,
                        (unsigned long long)contest->budget);
  }
  const char *text = arena_printf(arena, "%s is the first within 1 %% of %s, after %.0f evaluation%s%s",
                                  contest->contestants[order[0]].name, what, first, first == 1 ? "" : "s",
                                  contest->contestants[order[0]].n_seeds > 1 ? " (median)" : "");
  for (size_t i = 1; i < contest->n_contestants; i++) {
    const bool last = i + 1 == contest->n_contestants;
    const double own = compare_evaluations(contest, order[i], COMPARE_1).median;
    if (i > 1 && !last) continue; /* the next best, and the worst */
    text = arena_printf(arena, "%s; %s needs %s%s times as many", text, contest->contestants[order[i]].name,
                        isinf(own) ? "more than " : "",
                        times_as_text((isinf(own) ? (double)contest->budget : own) / first, arena));
  }
  return arena_printf(arena, "%s.", text);
}

const char *compare_caveats(const struct contest *contest, bool seconds) {
  struct arena *arena = contest->arena;
  const char *text =
      arena_printf(arena, "Evaluations until so near to the optimum: median (quartiles) over seeds.%s",
                   seconds ? " CPU s: of asks and tells, and of evaluations that price every operator anew." : "");
  bool any = false;
  for (size_t c = 0; c < contest->n_contestants; c++)
    any = any || strstr(contest->contestants[c].name, "_like") != NULL;
  if (any) {
    text =
        arena_printf(arena, "%s Searchers named _like are after what their papers say, not re-implementations.", text);
  }
  return contest->left_out[0] != 0 ? arena_printf(arena, "%s Left out: %s.", text, contest->left_out) : text;
}
