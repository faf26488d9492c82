/* Writes the results as one HTML page that an architect can present: it opens by double click, works offline, asks for
 * nothing, and has a table beside every chart. (ux.md §5)
 *
 * The input is plain: the report knows neither designs nor searches. Same input, same bytes: put no time, host or rank
 * count into it. Texts are hostile and come out as text; NULL texts and empty lists leave their part out or say that
 * there is nothing. */
#ifndef RESULTS_REPORT_H
#define RESULTS_REPORT_H

#include "base/error.h"
#include "results/curves.h"
#include "results/timeline.h"

enum {
  REPORT_MAX_BARS = 10000,   /* of a timeline; more are thinned, which is said */
  REPORT_MAX_POINTS = 20000, /* in the chart of the front; likewise */
  REPORT_MAX_STEPS = 4000,   /* of a profile; more are merged, the highest shown */
  REPORT_MAX_MARKS = 2000,   /* of points in a picture without scripts; likewise */
  REPORT_MAX_ROWS = 200,     /* of a table on the page; the CSV files have all */
};

struct report_fact {
  const char *key, *value;
};

struct report_column {
  const char *name, *unit;
  const char *better; /* "min", "max" or "" */
  bool is_text;
};

struct report_cell {
  double number;    /* NaN: empty */
  const char *text; /* of a text column; NULL: empty */
};

struct report_table {
  const char *title, *sentence, *file; /* the sentence says how to read it; the CSV with all rows, or NULL */
  const struct report_column *columns;
  size_t n_columns;
  const struct report_cell *cells; /* row by row */
  size_t n_rows;
};

struct report_step {               /* of convergence */
  double evaluations, best, bound; /* NaN: not known yet */
};

struct report_part {
  const char *name;
  double value; /* ≥ 0 */
};

struct report_breakdown {
  const char *title, *unit;
  const struct report_part *parts;
  size_t n_parts;
};

/* Two measures of one thing, each with its interval; NaN: none. */
struct report_bar {
  const char *name;
  double value[2], low[2], high[2];
};

struct report_bars {
  const char *title, *sentence;
  const char *series[2]; /* names of the measures */
  const struct report_bar *bars;
  size_t n_bars;
};

/* A quantity that changes in steps over time, against a limit; without scripts. */
struct report_profile {
  const char *title, *sentence;
  const char *x_name, *y_name; /* with their units */
  const char *limit_name;
  double limit;        /* drawn across; 0: none */
  bool spans_decades;  /* it may: then the upward axis is logarithmic */
  const double *x, *y; /* y[i] ≥ 0 holds from x[i] to x[i + 1], ascending; the last y ends the picture */
  size_t n;
};

/* A level that goes up or down by so much at some time. */
struct report_change {
  double at, by;
};
/* Fills x, y and n of a profile from changes in any order (which get sorted); those closer than 1e-9 are one. */
void report_profile_fill(struct report_change *changes, size_t n, struct arena *arena, struct report_profile *profile);

/* Parts that make up a whole, as one bar; several of them on the same scale. Without scripts. */
struct report_stack {
  const char *name;
  const double *values; /* [n_parts] ≥ 0 */
  double limit;         /* marked, if it is above 0 */
};

struct report_stacks {
  const char *title, *sentence, *unit;
  const char *const *parts;
  size_t n_parts;
  const struct report_stack *rows;
  size_t n_rows;
};

/* Things of two measures and of some kinds, as a picture that needs no script; tables say the same. */
struct report_point {
  const char *name;
  double x, y;
  unsigned kind;
};

struct report_points {
  const char *title, *sentence;
  const char *x_name, *y_name; /* with their units */
  const char *const *kinds;
  size_t n_kinds;
  const struct report_point *points;
  size_t n_points;
  size_t chosen;  /* marked; SIZE_MAX: none */
  double y_bound; /* a dashed line across; NaN: none */
  const char *bound_name;
};

/* A part of the page that stands before the designs: what they are put together to. */
struct report_chapter {
  const char *title, *sentence;
  const struct report_stacks *stacks;
  size_t n_stacks;
  const struct report_points *points; /* NULL: none */
  const struct report_table *tables;
  size_t n_tables;
  const struct report_chapter *next; /* stands behind it; NULL: the last */
};

struct report {
  const char *title, *headline, *model_band;
  const struct report_fact *facts;
  size_t n_facts;
  const struct report_chapter *chapter; /* NULL: none */
  const struct report_table *front;
  size_t front_x, front_y, front_size; /* columns of numbers; front_size may be SIZE_MAX: all alike */
  size_t best_row;                     /* of the front, marked; SIZE_MAX: none */
  size_t first_axis, n_axes;           /* columns of the front that say which design it is; 0, 0: unknown */
  const char *design_command;          /* computes a design: what stands before "key=value,..."; NULL: unknown */
  const struct report_table *cloud;    /* designs evaluated, of the front's columns but the first text; NULL: none */
  size_t n_evaluated;                  /* that the cloud is a part of */
  const struct report_table *topk, *infeasible;
  const struct report_step *steps;
  size_t n_steps;
  const struct curves *curves;      /* of several searches; NULL: none */
  const char *metric, *metric_unit; /* of the steps */
  const struct report_breakdown *breakdowns;
  size_t n_breakdowns;
  const struct report_bars *bars; /* with intervals; without scripts */
  size_t n_bars;
  const struct timeline *timelines;
  size_t n_timelines;
  const struct report_profile *profiles; /* behind the timelines */
  size_t n_profiles;
  const struct report_table *tables; /* further ones: stages, mapping, importance, provenance */
  size_t n_tables;
  const struct report_fact *commands; /* key: a design as in the front's first text column; value: its command line */
  size_t n_commands;
  const char *settings; /* the run file as resolved */
};

/* The page, in the arena, to be published as report.html. */
void report_write(const struct report *report, struct arena *arena, const char **html, size_t *n_bytes);
/* The same as a file. */
bool report_publish(const struct report *report, const char *path, struct arena *arena, struct error *error);

#endif
