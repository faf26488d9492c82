/* What does a comparison look like? One page: the conclusion, the regret over evaluations, the table. Seconds stay out
 * of it: the same comparison gives the same page. See compare.h. */
#include "base/text.h"
#include "dse/study/compare.h"

#include "results/report.h"
#include <math.h>

/* Regret below this is drawn as this: the optimum. */
static const double least_regret = 1e-4;

static void draw(const struct contest *contest, const size_t *order, struct curves *curves) {
  struct arena *arena = contest->arena;
  const size_t n = contest->n_checkpoints;
  double *x = ARENA_NEW(arena, double, n);
  struct curve *lines = ARENA_NEW(arena, struct curve, contest->n_contestants);
  for (size_t k = 0; k < n; k++) x[k] = (double)contest->checkpoints[k];
  for (size_t i = 0; i < contest->n_contestants; i++) {
    double *low = ARENA_NEW(arena, double, n), *middle = ARENA_NEW(arena, double, n),
           *high = ARENA_NEW(arena, double, n);
    for (size_t k = 0; k < n; k++) {
      const struct quartiles quartiles = compare_regret_at(contest, order[i], k);
      low[k] = quartiles.low;
      middle[k] = quartiles.median;
      high[k] = quartiles.high;
    }
    lines[i] = (struct curve){contest->contestants[order[i]].name, low, middle, high};
  }
  *curves = (struct curves){.title = "How near to the optimum, after how many evaluations",
                            .sentence = "Relative distance of the best so far from the optimum: median over seeds, "
                                        "with a band from quartile to quartile. What lies on the lower edge is at the "
                                        "optimum, or nearer than 0.01 %; on the upper edge nothing feasible is found.",
                            .x_name = "evaluations",
                            .y_name = "distance from the optimum",
                            .x = x,
                            .n_x = n,
                            .curves = lines,
                            .n_curves = contest->n_contestants,
                            .y_least = least_regret,
                            .y_most = 1,
                            .percent = true};
}

/* The CSV's columns as the page wants them. */
static const struct report_table *lay_out(const struct contest *contest, const size_t *order) {
  static const struct report_column columns[] = {
      {"searcher", "", "", true},
      {"seeds", "", "", false},
      {"to 5 %", "evaluations", "min", false},
      {"to 1 %", "evaluations", "min", false},
      {"upper quartile", "evaluations", "min", false},
      {"to the optimum", "evaluations", "min", false},
      {"regret", "%", "min", false},
  };
  enum { N_COLUMNS = sizeof columns / sizeof *columns };
  struct report_cell *cells = ARENA_NEW(contest->arena, struct report_cell, N_COLUMNS * contest->n_contestants);
  for (size_t i = 0; i < contest->n_contestants; i++) {
    struct report_cell *cell = &cells[N_COLUMNS * i];
    const size_t c = order[i];
    const struct quartiles near = compare_evaluations(contest, c, COMPARE_1);
    const double numbers[N_COLUMNS] = {NAN,
                                       (double)contest->contestants[c].n_seeds,
                                       compare_evaluations(contest, c, COMPARE_5).median,
                                       near.median,
                                       near.high,
                                       compare_evaluations(contest, c, COMPARE_EXACT).median,
                                       100 * compare_regret_at(contest, c, contest->n_checkpoints - 1).median};
    for (size_t k = 0; k < N_COLUMNS; k++) cell[k].number = isinf(numbers[k]) ? NAN : numbers[k];
    cell[0].text = contest->contestants[c].name;
  }
  struct report_table *table = ARENA_NEW(contest->arena, struct report_table, 1);
  *table = (struct report_table){.title = "Searchers, best first",
                                 .sentence = arena_printf(contest->arena, "%s An empty cell: not within the budget.",
                                                          compare_caveats(contest, false)),
                                 .columns = columns,
                                 .n_columns = N_COLUMNS,
                                 .cells = cells,
                                 .n_rows = contest->n_contestants};
  return table;
}

bool compare_publish_page(const struct contest *contest, const char *path, struct error *error) {
  struct arena *arena = contest->arena;
  size_t *order = ARENA_NEW(arena, size_t, contest->n_contestants);
  struct curves curves;
  const struct objective *const metric = &contest->space->objectives[contest->space->metric];
  compare_order(contest, order);
  draw(contest, order, &curves);
  const struct report_fact facts[] = {
      {contest->proven ? "proven optimum" : "best known",
       arena_printf(arena, "%.6g %s", contest->optimum,
                    *metric->unit ? text_unit_shown(metric->name, metric->unit) : metric->name)},
      {"points of the space", arena_printf(arena, "%llu", (unsigned long long)space_size(contest->space))},
      {"evaluations a search", arena_printf(arena, "at most %llu", (unsigned long long)contest->budget)},
      {"seeds", arena_printf(arena, "%llu, from %llu on", (unsigned long long)contest->n_seeds,
                             (unsigned long long)contest->seed)},
  };
  const struct report report = {.title = arena_printf(arena, "Searchers compared: %s", contest->problem),
                                .headline = compare_conclusion(contest),
                                .facts = facts,
                                .n_facts = sizeof facts / sizeof *facts,
                                .best_row = SIZE_MAX,
                                .curves = &curves,
                                .tables = lay_out(contest, order),
                                .n_tables = 1};
  return report_publish(&report, path, arena, error);
}
