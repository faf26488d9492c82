/* The plot of `dse sensitivity`: one page with bars, intervals and the tables behind them. */
#include "base/text.h"
#include "dse/output/picture.h"
#include "dse/study/sensitivity.h"

#include "results/report.h"
#include <inttypes.h>
#include <math.h>

enum { MOST_BARS = 16, N_INDEX_COLUMNS = 7, N_FARED = 6 };

static const char *const titles[N_SENSITIVITY_PARTS] = {
    "Which axes drive the model", "Which axes matter within the limits", "Which constants of the model matter"};
static const char *const sentences[N_SENSITIVITY_PARTS] = {
    "Every combination of axis values is equally likely; limits are set aside.",
    ("Designs that limits allow, all equally likely. Limits tie axes together: indices need not add up, and a total "
     "effect may be below the first order."),
    "At the winning design, each constant drawn from its range."};

static void fill_bars(const struct sensitivity *sensitivity, enum sensitivity_part part, struct report_bars *bars,
                      struct arena *arena) {
  const struct space *space = &sensitivity->run->designs.space;
  const struct sensitivity_indices *indices = &sensitivity->indices[part];
  const struct sobol_indices *of = &indices->of[space->metric];
  const size_t *order = sensitivity_order(indices, space->metric, arena);
  const size_t moving = sensitivity_moving(indices, space->metric), n = moving < MOST_BARS ? moving : MOST_BARS;
  struct report_bar *list = ARENA_NEW(arena, struct report_bar, n);
  for (size_t k = 0; k < n; k++) {
    const struct sobol_estimate *first = &of->first[order[k]], *total = &of->total[order[k]];
    list[k] = (struct report_bar){indices->inputs[order[k]].name,
                                  {first->value, total->value},
                                  {first->low, total->low},
                                  {first->high, total->high}};
  }
  const char *more =
      n < indices->n_inputs ? arena_printf(arena, " The first %zu of %zu inputs.", n, indices->n_inputs) : "";
  *bars = (struct report_bars){
      .title = titles[part],
      .sentence = arena_printf(arena, "Of %s. %s%s", space->objectives[space->metric].name, sentences[part], more),
      .series = {"first order: alone", "total effect: with interactions"},
      .bars = list,
      .n_bars = n};
}

static void fill_table(const struct sensitivity *sensitivity, enum sensitivity_part part, struct report_table *table,
                       struct arena *arena) {
  static const struct report_column columns[N_INDEX_COLUMNS] = {
      {"input", "", "", true},         {"first order", "", "", false}, {"from", "", "", false}, {"to", "", "", false},
      {"total effect", "", "", false}, {"from", "", "", false},        {"to", "", "", false}};
  const struct space *space = &sensitivity->run->designs.space;
  const struct sensitivity_indices *indices = &sensitivity->indices[part];
  const struct sobol_indices *of = &indices->of[space->metric];
  const size_t *order = sensitivity_order(indices, space->metric, arena);
  struct report_cell *cells = ARENA_NEW(arena, struct report_cell, indices->n_inputs * N_INDEX_COLUMNS);
  for (size_t k = 0; k < indices->n_inputs; k++) {
    struct report_cell *row = cells + k * N_INDEX_COLUMNS;
    const struct sobol_estimate *first = &of->first[order[k]], *total = &of->total[order[k]];
    const double numbers[N_INDEX_COLUMNS] = {0,          first->value, first->low, first->high, total->value,
                                             total->low, total->high};
    for (unsigned c = 1; c < N_INDEX_COLUMNS; c++) row[c].number = numbers[c];
    row[0].text = indices->inputs[order[k]].name;
  }
  *table = (struct report_table){
      .title = arena_printf(arena, "%s: numbers", titles[part]),
      .sentence =
          arena_printf(arena, "%" PRIu64 " evaluations; from and to: 95 %% of a bootstrap.", indices->evaluations),
      .columns = columns,
      .n_columns = N_INDEX_COLUMNS,
      .cells = cells,
      .n_rows = indices->n_inputs};
}

void sensitivity_page_part(const struct sensitivity *sensitivity, enum sensitivity_part part, struct report_bars *bars,
                           struct report_table *table, struct arena *arena) {
  fill_bars(sensitivity, part, bars, arena);
  fill_table(sensitivity, part, table, arena);
}

/* An axis a column, then how the design fared. */
static void fill_designs(const struct sensitivity *sensitivity, const struct sensitivity_winner *winner,
                         struct report_table *table, struct arena *arena) {
  static const struct report_column fared[N_FARED] = {{"wins", "", "max", false},
                                                      {"fits", "", "max", false},
                                                      {"within 1 %", "", "max", false},
                                                      {"nominal", "", "", false},
                                                      {"regret, median", "%", "min", false},
                                                      {"regret, 95 %", "%", "min", false}};
  const struct space *space = &sensitivity->run->designs.space;
  const size_t n_columns = space->n_axes + N_FARED;
  struct report_column *columns = ARENA_NEW(arena, struct report_column, n_columns);
  struct report_cell *cells = ARENA_NEW(arena, struct report_cell, winner->n_designs * n_columns);
  for (size_t a = 0; a < space->n_axes; a++) {
    columns[a] = (struct report_column){space->axes[a].key, space->axes[a].unit, "", space->axes[a].labels != NULL};
  }
  for (size_t c = 0; c < N_FARED; c++) columns[space->n_axes + c] = fared[c];
  for (size_t i = 0; i < winner->n_designs; i++) {
    const struct sensitivity_design *design = &winner->designs[i];
    struct report_cell *cell = cells + i * n_columns;
    const double numbers[N_FARED] = {
        (double)design->wins, (double)design->fits,        (double)design->within_1_percent,
        design->nominal,      100 * design->regret_median, 100 * design->regret_95};
    for (size_t a = 0; a < space->n_axes; a++, cell++) {
      const uint64_t value = space_value(space, &design->point, a);
      cell->number = (double)value;
      if (space->axes[a].labels != NULL) cell->text = space->axes[a].labels[value];
    }
    for (size_t c = 0; c < N_FARED; c++) (cell++)->number = numbers[c];
  }
  *table = (struct report_table){.title = winner->limits == LIMITS_NOMINAL ? "Who wins, limits as the model sees them"
                                                                           : "Who wins, limits judged by each draw",
                                 .sentence = arena_printf(arena, "%s The first row is the nominal winner.",
                                                          sensitivity_sentence(sensitivity, winner)),
                                 .columns = columns,
                                 .n_columns = n_columns,
                                 .cells = cells,
                                 .n_rows = winner->n_designs};
}

bool sensitivity_html(const struct sensitivity *sensitivity, const char *path, struct error *error) {
  const struct run *run = sensitivity->run;
  struct arena *arena = run->invocation->arena;
  const struct space *space = &run->designs.space;
  const struct objective *metric = &space->objectives[space->metric];
  struct report_bars bars[N_SENSITIVITY_PARTS];
  struct report_table tables[N_SENSITIVITY_PARTS + N_SENSITIVITY_WINNERS];
  size_t n_bars = 0, n_tables = 0;
  for (unsigned w = 0; w < N_SENSITIVITY_WINNERS; w++) {
    if (sensitivity->winners[w].n_draws == 0) continue;
    fill_designs(sensitivity, &sensitivity->winners[w], &tables[n_tables++], arena);
  }
  for (unsigned p = 0; p < N_SENSITIVITY_PARTS; p++) {
    if (sensitivity->indices[p].none != NULL) continue;
    sensitivity_page_part(sensitivity, (enum sensitivity_part)p, &bars[n_bars++], &tables[n_tables++], arena);
  }
  const struct report_fact facts[] = {
      {"Winning design", design_text(&run->designs, &sensitivity->nominal.point, arena)},
      {metric->name, arena_printf(arena, "%.6g %s, %s", sensitivity->nominal.score.objective[space->metric],
                                  text_unit_shown(metric->name, metric->unit),
                                  sensitivity->proven ? "proven optimal" : "not proven")},
      {"Samples",
       arena_printf(arena, "%" PRIu64 " rows of a Sobol' sequence, %" PRIu64 " draws, seed %" PRIu64,
                    sensitivity->request.n_samples, sensitivity->request.n_draws, run->settings.search.seed)},
      {"Indices of", sensitivity->request.linear ? "the objective" : "the objective's logarithm"}};
  const struct report report = {
      .title = arena_printf(arena, "What moves %s of accelerators for %s", metric->name, run->title),
      .headline =
          sensitivity->winners[0].n_draws > 0 ? sensitivity_sentence(sensitivity, &sensitivity->winners[0]) : "",
      .model_band = run->stage.provider->has_tdp ? model_band : NULL,
      .facts = facts,
      .n_facts = sizeof facts / sizeof *facts,
      .best_row = SIZE_MAX,
      .bars = bars,
      .n_bars = n_bars,
      .tables = tables,
      .n_tables = n_tables,
      .settings = run->settings_text};
  return report_publish(&report, path, arena, error);
}
