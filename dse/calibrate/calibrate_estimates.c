/* dse calibrate estimates: how far are our `compat` costs from those that the public successors ship?
 *
 * Each row of the table is one operator of a traced graph, alone or as head of a fused chain, on one or all cores of a
 * design. The graph is read, fused and priced as a run with `cost.provider = compat` would. Vector rows and lists of
 * followers are to be equal; tensor rows come from a mapper that minimises energy × delay, so that only ratios and
 * ranks say something, for the product that this mapper was asked; a link row is the raw latency of a simulated
 * network, of which the published law gives what it gives. (accelerator-search §3, §11; cost-model §4.) */
#include "dse/calibrate/calibrate.h"

#include "base/checked.h"
#include "base/file.h"
#include "base/text.h"
#include "dse/calibrate/estimates.h"
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SETUPS = 32, MOST_GRAPHS = 1000, MOST_GROUPS = 1000 };

static const struct table_column row_columns[] = {
    {"setup", "", "", "design of the table"},
    {"graph", "", "", "traced network"},
    {"layer", "", "", "-1: outside the layers"},
    {"op_id", "", "", "of the trace; of the head, where it is fused"},
    {"op", "", "", "their name, of the head"},
    {"unit", "", "", "TC, VC or AR (link)"},
    {"cores", "", "", "that the operator is spread over"},
    {"followers_equal", "", "", "yes: their list of fused followers is ours; empty: a link"},
    {"shape_equal", "", "", "TC: whether our rule gives the product that their mapper was asked, in both passes"},
    {"published_forward", "", "", "cycles; AR: raw latency"},
    {"forward", "", "", "ours; AR: seconds of 2(n-1)/n x bytes / 4 GiB/s"},
    {"forward_ratio", "", "", "ours/published"},
    {"published_backward", "", "", "the same of the input gradient"},
    {"backward", "", "", ""},
    {"backward_ratio", "", "", ""},
    {"verdict", "", "", "equal, ratio (TC), different, or skipped"},
    {"note", "", "", "why"},
};
static const struct table_column summary_columns[] = {
    {"unit", "", "", "TC, VC or AR"},
    {"op", "", "", "their name; all: of the unit"},
    {"cores", "", "", "one, many or all"},
    {"rows", "", "", "that were compared"},
    {"followers_equal", "", "max", "rows whose list of followers is ours"},
    {"shapes_equal", "", "max", "rows whose product our rule gives"},
    {"rows_equal", "", "max", "ours are the published values of both passes"},
    {"values_above", "", "", "of both passes, where ours is larger"},
    {"ratio_q1", "", "", "first quartile of ours/published, where published is not 0"},
    {"ratio_median", "", "", ""},
    {"ratio_q3", "", "", "third quartile"},
    {"rank_correlation", "", "max", "Spearman's, of ours and published; empty where all are alike"},
};
static const struct table_column graph_columns[] = {
    {"graph", "", "", "traced network"},
    {"rows", "", "", "of the table"},
    {"operators", "", "", "different ones of the table"},
    {"operators_equal", "", "max", "with our list of followers"},
    {"missing", "", "min", "operators of ours that take time by these rules and are not in the table"},
    {"note", "", "", "why it was skipped"},
};

struct setup {
  const char *name;
  bool known;
  struct machine machine;
};
struct graph_case {
  const char *name;
  bool known;
  struct traced_model model;
  size_t n_rows, n_ops, n_equal;
};
struct group { /* rows of one line of the summary */
  const char *op, *cores;
  enum estimate_unit unit;
  size_t n_rows, n_followers, n_shapes, n_equal, n_above, n_ratios;
  double *ours, *published; /* [2 * rows of the table] */
};

struct comparison {
  struct invocation *invocation;
  struct cost_settings *cost;
  struct technology *technology;
  struct estimates table;
  const char *folder, *design;
  size_t n_setups, n_graphs, n_groups;
  struct setup setups[MOST_SETUPS];
  struct graph_case graphs[MOST_GRAPHS];
  struct group groups[MOST_GROUPS];
  struct table *rows;
};

/* --- what rows name ------------------------------------------------------------------------------------------------
 */

/* A file of the folder and nothing else, whatever the table says. */
static bool is_plain_name(const char *name) { return name[0] != '.' && strchr(name, '/') == NULL; }

static struct graph_case *graph_of(struct comparison *c, const char *name, struct error *error) {
  for (size_t i = 0; i < c->n_graphs; i++) {
    if (strcmp(c->graphs[i].name, name) == 0) return &c->graphs[i];
  }
  if (c->n_graphs == MOST_GRAPHS) {
    error_add(error, STATUS_INPUT, "%s: more than %d graphs", c->table.path, MOST_GRAPHS);
    return NULL;
  }
  struct graph_case *graph = &c->graphs[c->n_graphs++];
  graph->name = name;
  const char *path = arena_printf(c->invocation->arena, "%s/%s.json", c->folder, name);
  if (!is_plain_name(name) || !file_exists(path)) return graph;
  graph->known = traced_model_load(path, false, c->invocation->arena, c->invocation->scratch, &graph->model, error);
  return graph->known ? graph : NULL;
}

/* The part of the catalogue that the user names, or that is called like the setup. */
static struct setup *setup_of(struct comparison *c, const char *name, struct error *error) {
  for (size_t i = 0; i < c->n_setups; i++) {
    if (strcmp(c->setups[i].name, name) == 0) return &c->setups[i];
  }
  if (c->n_setups == MOST_SETUPS) {
    error_add(error, STATUS_INPUT, "%s: more than %d setups", c->table.path, MOST_SETUPS);
    return NULL;
  }
  struct setup *setup = &c->setups[c->n_setups++];
  setup->name = name;
  struct arena *arena = c->invocation->arena;
  struct error *own = ARENA_NEW(arena, struct error, 1);
  struct accelerator part;
  const char *entry = c->design != NULL ? c->design : arena_printf(arena, "%s_like", name);
  if (!accelerator_from_catalogue(c->invocation->data_folder, entry, arena, &part, own) ||
      !accelerator_derive(&part, own)) {
    if (c->design == NULL) return setup;
    error_join(error, own);
    return NULL;
  }
  machine_init(&setup->machine, c->cost, c->technology, &part);
  setup->known = true;
  return setup;
}

static uint64_t degree_in_name(const char *graph, const char *mark) {
  const char *at = strstr(graph, mark);
  const uint64_t degree = at != NULL ? strtoull(at + strlen(mark), NULL, 10) : 1;
  return degree >= 1 && degree <= 1 << 20 ? degree : 1;
}

/* Ranks of a link row: the file has a column for the tensor group alone, the graph's name has the others. */
static uint64_t ranks_of(const struct estimate *row) {
  if (row->tensor_parallel > 1) return row->tensor_parallel;
  if (strcmp(row->op, "AllToAll") == 0) return degree_in_name(row->graph, "_ep_");
  if (strcmp(row->op, "AllGather") != 0) return 1;
  return max_u64(degree_in_name(row->graph, "_ep_"), degree_in_name(row->graph, "_cp_"));
}

/* --- our price of a row --------------------------------------------------------------------------------------------
 */

/* The product that their mapper was asked; a second factor that all share has a batch of rows. */
static uint64_t product_cycles(const struct machine *machine, const struct traced_model *model, size_t at,
                               const struct estimate *row, enum traced_pass pass) {
  const uint64_t *shape = row->shape[pass];
  struct op product = model->graph.ops[at];
  const bool one = product.dim[DIM_REPS] == 1;
  const uint64_t rows = sat_mul(shape[SHAPE_BATCH], shape[SHAPE_ROWS]), bytes = product.element_bytes;
  product.dim[DIM_REPS] = one ? 1 : shape[SHAPE_BATCH];
  product.dim[DIM_M] = one ? rows : shape[SHAPE_ROWS];
  product.dim[DIM_N] = shape[SHAPE_COLUMNS];
  product.dim[DIM_K] = shape[SHAPE_DEPTH];
  product.in_bytes = sat_mul(bytes, sat_mul(rows, product.dim[DIM_K]));
  product.out_bytes = sat_mul(bytes, sat_mul(rows, product.dim[DIM_N]));
  product.weight_bytes =
      sat_mul(sat_mul(bytes, product.dim[DIM_REPS]), sat_mul(product.dim[DIM_N], product.dim[DIM_K]));
  struct op_graph graph = model->graph;
  graph.ops = &product;
  return traced_op_cycles(machine, &graph, 0, pass, row->cores);
}

static double our_value(const struct machine *machine, const struct traced_model *model, size_t at,
                        const struct estimate *row, enum traced_pass pass) {
  const struct op *op = &model->graph.ops[at];
  if (row->unit == UNIT_LINK) {
    const bool copies = op->kind == OP_COPY;
    if (copies != (pass == TRACED_BACKWARD)) return 0; /* no other row has traffic backwards */
    return traced_link_s(op->dim[DIM_BYTES], ranks_of(row), traced_link_bytes_per_s);
  }
  if (row->unit == UNIT_TENSOR && op_kinds[op->kind].family == FAMILY_GEMM) {
    return (double)product_cycles(machine, model, at, row, pass);
  }
  return (double)traced_op_cycles(machine, &model->graph, at, pass, row->cores);
}

static bool same_shapes(const struct estimate *row, const struct op *op) {
  for (int pass = 0; pass < N_TRACED_PASSES; pass++) {
    uint64_t shape[N_SHAPE_DIMS];
    estimate_expected_shape(row, op, (enum traced_pass)pass, shape);
    if (memcmp(shape, row->shape[pass], sizeof shape) != 0) return false;
  }
  return true;
}

/* --- the report ----------------------------------------------------------------------------------------------------
 */

struct judged {
  bool equal, followers_equal, shape_equal;
  double ours[N_TRACED_PASSES];
  const char *verdict, *note;
};

static struct group *group_of(struct comparison *c, enum estimate_unit unit, const char *op, const char *cores) {
  size_t i = 0;
  for (; i < c->n_groups; i++) {
    const struct group *group = &c->groups[i];
    if (group->unit == unit && strcmp(group->op, op) == 0 && strcmp(group->cores, cores) == 0) return &c->groups[i];
  }
  if (i == MOST_GROUPS) return NULL; /* more names than the kinds that rows are checked against */
  struct arena *arena = c->invocation->arena;
  c->groups[c->n_groups++] = (struct group){.op = op,
                                            .cores = cores,
                                            .unit = unit,
                                            .ours = ARENA_NEW(arena, double, 2 * c->table.n),
                                            .published = ARENA_NEW(arena, double, 2 * c->table.n)};
  return &c->groups[i];
}

static void count_row(struct group *group, const struct estimate *row, const struct judged *judged) {
  if (group == NULL) return;
  group->n_rows++;
  group->n_followers += judged->followers_equal;
  group->n_shapes += judged->shape_equal;
  group->n_equal += judged->equal;
  for (int pass = 0; pass < N_TRACED_PASSES; pass++) {
    const double ours = judged->ours[pass], published = row->cycles[pass];
    group->n_above += ours > published;
    if (!(published > 0)) continue;
    group->ours[group->n_ratios] = ours;
    group->published[group->n_ratios++] = published;
  }
}

static void count(struct comparison *c, const struct estimate *row, const struct judged *judged) {
  count_row(group_of(c, row->unit, "all", "all"), row, judged);
  const char *cores = row->unit == UNIT_LINK ? "all" : row->cores == 1 ? "one" : "many";
  count_row(group_of(c, row->unit, row->op, cores), row, judged);
}

static const char *yes_no(bool yes) { return yes ? "yes" : "no"; }

static void row_cells(struct comparison *c, const struct estimate *row, const struct judged *judged) {
  struct table *table = c->rows;
  const bool skipped = strcmp(judged->verdict, "skipped") == 0;
  table_text(table, row->setup);
  table_text(table, row->graph);
  table_double(table, (double)row->layer);
  table_u64(table, row->id);
  table_text(table, row->op);
  table_text(table, estimate_unit_names[row->unit]);
  if (row->unit == UNIT_LINK) {
    table_empty(table);
  } else {
    table_u64(table, row->cores);
  }
  table_text(table, skipped || row->unit == UNIT_LINK ? "" : yes_no(judged->followers_equal));
  table_text(table, skipped || row->unit != UNIT_TENSOR ? "" : yes_no(judged->shape_equal));
  for (int pass = 0; pass < N_TRACED_PASSES; pass++) {
    table_double(table, row->cycles[pass]);
    table_double(table, skipped ? NAN : calibrate_round(judged->ours[pass], 12));
    table_double(table, skipped ? NAN : calibrate_round(judged->ours[pass] / row->cycles[pass], 4));
  }
  table_text(table, judged->verdict);
  table_text(table, judged->note);
}

static void judge(const struct machine *machine, const struct traced_model *model, size_t at,
                  const struct estimate *row, struct judged *judged) {
  const struct op *op = &model->graph.ops[at];
  judged->equal = true;
  for (int pass = 0; pass < N_TRACED_PASSES; pass++) {
    judged->ours[pass] = our_value(machine, model, at, row, (enum traced_pass)pass);
    judged->equal = judged->equal && judged->ours[pass] == row->cycles[pass];
  }
  judged->followers_equal = row->unit != UNIT_LINK && estimate_same_followers(row, &model->graph, at);
  judged->shape_equal = row->unit == UNIT_TENSOR && op_kinds[op->kind].family == FAMILY_GEMM && same_shapes(row, op);
  judged->verdict = judged->equal ? "equal" : row->unit == UNIT_TENSOR ? "ratio" : "different";
  judged->note = "";
  if (!judged->equal && row->unit == UNIT_LINK) judged->note = "not modelled: the latency of a simulated network";
}

static void skip(struct comparison *c, const struct estimate *row, const char *why) {
  const struct judged judged = {.verdict = "skipped", .note = why};
  row_cells(c, row, &judged);
}

/* Whether a row before this one is about the same operator. */
static bool is_known_op(const struct comparison *c, size_t r) {
  const struct estimate *rows = c->table.rows;
  for (size_t i = 0; i < r; i++) {
    if (rows[i].id == rows[r].id && strcmp(rows[i].graph, rows[r].graph) == 0) return true;
  }
  return false;
}

static bool compare_row(struct comparison *c, size_t r, struct error *error) {
  const struct estimate *row = &c->table.rows[r];
  struct graph_case *graph = graph_of(c, row->graph, error);
  const struct setup *setup = setup_of(c, row->setup, error);
  if (graph == NULL || setup == NULL) return false;
  graph->n_rows++;
  const size_t at = graph->known ? traced_model_op(&graph->model, row->id) : SIZE_MAX;
  const char *why = !graph->known    ? "no file of this graph"
                    : !setup->known  ? "no design of this name (--design names one)"
                    : at == SIZE_MAX ? "the fused graph has no operator of this id"
                    : !estimate_is_kind(row->op, graph->model.graph.ops[at].kind)
                        ? "the graph's operator is another one"
                        : NULL;
  if (why != NULL) {
    skip(c, row, why);
    return true;
  }
  struct judged judged;
  judge(&setup->machine, &graph->model, at, row, &judged);
  row_cells(c, row, &judged);
  count(c, row, &judged);
  if (is_known_op(c, r)) return true;
  graph->n_ops++;
  graph->n_equal += judged.followers_equal || row->unit == UNIT_LINK;
  return true;
}

static int compare_groups(const void *a, const void *b) {
  const struct group *x = a, *y = b;
  if (x->unit != y->unit) return (int)x->unit - (int)y->unit;
  const int all = (strcmp(y->op, "all") == 0) - (strcmp(x->op, "all") == 0);
  if (all != 0) return all;
  const int op = strcmp(x->op, y->op);
  return op != 0 ? op : -strcmp(x->cores, y->cores);
}

static void ratio_cells(const struct group *group, struct table *table, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = group->n_ratios;
  double *ratios = ARENA_NEW(scratch, double, n), *work = ARENA_NEW(scratch, double, 2 * n);
  for (size_t i = 0; i < n; i++) ratios[i] = group->ours[i] / group->published[i];
  gsl_sort(ratios, 1, n);
  for (int quarter = 1; quarter <= 3; quarter++) {
    table_double(table,
                 n == 0 ? NAN : calibrate_round(gsl_stats_quantile_from_sorted_data(ratios, 1, n, quarter / 4.0), 4));
  }
  table_double(table,
               n < 3 ? NAN : calibrate_round(gsl_stats_spearman(group->ours, 1, group->published, 1, n, work), 4));
  arena_rewind(scratch, mark);
}

static struct table *summary_table(struct comparison *c) {
  struct table *table =
      table_new(c->invocation->arena, "summary.csv", summary_columns, sizeof summary_columns / sizeof *summary_columns);
  qsort(c->groups, c->n_groups, sizeof *c->groups, compare_groups);
  for (size_t i = 0; i < c->n_groups; i++) {
    const struct group *group = &c->groups[i];
    table_text(table, estimate_unit_names[group->unit]);
    table_text(table, group->op);
    table_text(table, group->cores);
    table_u64(table, group->n_rows);
    if (group->unit == UNIT_LINK) {
      table_empty(table);
    } else {
      table_u64(table, group->n_followers);
    }
    if (group->unit == UNIT_TENSOR) {
      table_u64(table, group->n_shapes);
    } else {
      table_empty(table);
    }
    table_u64(table, group->n_equal);
    table_u64(table, group->n_above);
    ratio_cells(group, table, c->invocation->scratch);
  }
  return table;
}

static void remark_units(const struct comparison *c) {
  for (size_t i = 0; i < c->n_groups; i++) {
    const struct group *group = &c->groups[i];
    if (strcmp(group->op, "all") != 0) continue;
    remark(c->invocation, "%s: %zu of %zu rows equal", estimate_unit_names[group->unit], group->n_equal, group->n_rows);
    if (group->unit != UNIT_LINK) remark(c->invocation, ", followers of %zu rows", group->n_followers);
    if (group->unit == UNIT_TENSOR) remark(c->invocation, ", products of %zu rows", group->n_shapes);
    remark(c->invocation, "\n");
  }
}

/* Operators that take time by these rules and that no row is about. */
static size_t missing_ops(const struct comparison *c, const struct graph_case *graph, const struct machine *machine) {
  size_t n = 0;
  for (size_t i = 0; i < graph->model.n_ids; i++) {
    const struct traced_id *id = &graph->model.ids[i];
    const struct op *op = &graph->model.graph.ops[id->op];
    const bool link = op_kinds[op->kind].family == FAMILY_LINK;
    if (!link && compat_provider.op_classes(machine, op, NULL) == 0) continue;
    bool known = false;
    for (size_t r = 0; r < c->table.n && !known; r++) {
      known = c->table.rows[r].id == id->id && strcmp(c->table.rows[r].graph, graph->name) == 0;
    }
    n += !known;
  }
  return n;
}

static struct table *graphs_table(struct comparison *c) {
  struct table *table =
      table_new(c->invocation->arena, "graphs.csv", graph_columns, sizeof graph_columns / sizeof *graph_columns);
  for (size_t i = 0; i < c->n_graphs; i++) {
    const struct graph_case *graph = &c->graphs[i];
    table_text(table, graph->name);
    table_u64(table, graph->n_rows);
    table_u64(table, graph->n_ops);
    table_u64(table, graph->n_equal);
    if (graph->known && c->setups[0].known) {
      table_u64(table, missing_ops(c, graph, &c->setups[0].machine));
    } else {
      table_empty(table);
    }
    table_text(table, graph->known ? "" : "no file of this graph");
    if (!graph->known) remark(c->invocation, "skipped: no file of graph %s in %s\n", graph->name, c->folder);
  }
  return table;
}

/* The folder of the table, with `graphs` behind it. */
static const char *graphs_beside(const char *table, struct arena *arena) {
  const char *slash = strrchr(table, '/');
  if (slash == NULL) return "graphs";
  return arena_printf(arena, "%.*s/graphs", (int)(slash - table), table);
}

static bool is_compared(const struct comparison *c) {
  for (size_t i = 0; i < c->n_groups; i++) {
    if (c->groups[i].n_rows > 0) return true;
  }
  return false;
}

bool calibrate_estimates(struct invocation *invocation, struct error *error) {
  static const char *const names[] = {"rows", "summary", "graphs"};
  struct model {
    struct cost_settings cost;
    struct technology technology;
  } *const model = ARENA_NEW(invocation->arena, struct model, 1);
  struct comparison *c = ARENA_NEW(invocation->arena, struct comparison, 1);
  const char *path = invocation_value(invocation, "table"), *folder = invocation_value(invocation, "graphs");
  if (!calibrate_settings(invocation, &model->cost, &model->technology, error)) return false;
  const char *chosen = calibrate_choice(invocation, names, sizeof names / sizeof *names, error);
  if (path == NULL) error_add(error, STATUS_INPUT, "--table: a file of published costs is needed");
  if (chosen == NULL || path == NULL) return false;
  c->invocation = invocation;
  c->cost = &model->cost;
  c->technology = &model->technology;
  c->design = invocation_value(invocation, "design");
  c->folder = folder != NULL ? folder : graphs_beside(path, invocation->arena);
  if (!estimates_read(path, invocation->arena, &c->table, error)) return false;
  c->rows = table_new(invocation->arena, "rows.csv", row_columns, sizeof row_columns / sizeof *row_columns);
  for (size_t r = 0; r < c->table.n; r++) {
    if (!compare_row(c, r, error)) return false;
  }
  if (!is_compared(c)) {
    return error_add(error, STATUS_INPUT, "%s: no row is about an operator of a graph in %s", path, c->folder);
  }
  const struct calibrate_part parts[] = {{"rows", c->rows}, {"summary", summary_table(c)}, {"graphs", graphs_table(c)}};
  remark_units(c);
  calibrate_print(invocation, parts, sizeof parts / sizeof *parts, chosen);
  return true;
}
