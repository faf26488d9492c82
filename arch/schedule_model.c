/* What is the shortest schedule, by somebody else's solver?
 *
 * The mixed-integer model of accelerator-search §7, rule by rule, for GLPK: starts t, widths y, cores z, orders o, and
 * the makespan T, which is minimised. Rule 6 is written out for all pairs at once; Phaze adds it lazily. Nothing here
 * is shared with the list scheduler, its bounds or our own branch and bound, which it judges. Left out: edge delays (e
 * = 0), which graphs do not have. */
#include "arch/schedule_model.h"

#include "base/checked.h"
#include <glpk.h>
#include <math.h>
#include <string.h>

struct model {
  const struct schedule_problem *problem;
  const struct op_graph *graph;
  size_t n_ops;
  glp_prob *lp;
  uint64_t limit_cycles;               /* U */
  uint64_t *head_cycles, *tail_cycles; /* h, q: by least durations */
  uint8_t *reaches;                    /* [n_ops * n_ops]: is there a path from i to j? */
  int makespan, *start;                /* columns: T, t[i] */
  int *width;                          /* y[i * n_widths + w]; 0: not allowed */
  int *core[N_CORE_CLASSES];           /* z[i * n_cores[c] + k]; 0: op i does not use the class */
  int *order;                          /* o[i * n_ops + j]: i before j; 0: no such variable */
  int *row_columns;                    /* of the row at work, from 1 */
  double *row_values;
  int n_row;
};

/* --- rows and columns -----------------------------------------------------------------------------------------------
 */

static int add_column(struct model *model, int kind, double low, double high) {
  const int column = glp_add_cols(model->lp, 1);
  glp_set_col_kind(model->lp, column, kind);
  if (kind != GLP_BV) glp_set_col_bnds(model->lp, column, low < high ? GLP_DB : GLP_FX, low, high);
  return column;
}

static void term(struct model *model, double value, int column) {
  if (value == 0) return;
  model->n_row++;
  model->row_columns[model->n_row] = column;
  model->row_values[model->n_row] = value;
}

/* p_i, times a factor. */
static void term_duration(struct model *model, double factor, size_t op) {
  const unsigned n_widths = model->problem->n_widths;
  const uint64_t *const cycles = model->problem->shape_cycles + (size_t)model->graph->ops[op].shape * n_widths;
  for (unsigned w = 0; w < n_widths; w++)
    if (model->width[op * n_widths + w] != 0) term(model, factor * (double)cycles[w], model->width[op * n_widths + w]);
}

enum sense { AT_LEAST = GLP_LO, AT_MOST = GLP_UP, EXACTLY = GLP_FX };

static void end_row(struct model *model, enum sense sense, double value) {
  const int row = glp_add_rows(model->lp, 1);
  glp_set_row_bnds(model->lp, row, (int)sense, value, value);
  glp_set_mat_row(model->lp, row, model->n_row, model->row_columns, model->row_values);
  model->n_row = 0;
}

static bool uses(const struct model *model, size_t op, unsigned class) {
  return (model->problem->shape_classes[model->graph->ops[op].shape] >> class & 1) != 0;
}

/* --- annotations ----------------------------------------------------------------------------------------------------
 */

static bool allowed(const struct model *model, size_t op, unsigned width) {
  const struct schedule_problem *const problem = model->problem;
  const uint64_t cycles = problem->shape_cycles[(size_t)model->graph->ops[op].shape * problem->n_widths + width];
  bool fits = cycles < UINT64_MAX;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) fits &= !uses(model, op, c) || problem->n_cores[c] >> width > 0;
  return fits;
}

static uint64_t least_duration(const struct model *model, size_t op) {
  const unsigned n_widths = model->problem->n_widths;
  uint64_t least_cycles = UINT64_MAX;
  for (unsigned w = 0; w < n_widths; w++)
    if (allowed(model, op, w))
      least_cycles =
          min_u64(least_cycles, model->problem->shape_cycles[(size_t)model->graph->ops[op].shape * n_widths + w]);
  return least_cycles;
}

static void annotate(struct model *model) {
  const struct op_graph *const graph = model->graph;
  for (size_t i = 0; i < model->n_ops; i++)
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      const uint32_t before = graph->preds[e];
      model->head_cycles[i] =
          max_u64(model->head_cycles[i], model->head_cycles[before] + least_duration(model, before));
      model->reaches[before * model->n_ops + i] = 1;
      for (size_t j = 0; j < before; j++)
        model->reaches[j * model->n_ops + i] |= model->reaches[j * model->n_ops + before];
    }
  for (size_t i = model->n_ops; i-- > 0;)
    for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++) {
      const uint32_t behind = graph->succs[e];
      model->tail_cycles[i] =
          max_u64(model->tail_cycles[i], model->tail_cycles[behind] + least_duration(model, behind));
    }
}

/* --- the rules ------------------------------------------------------------------------------------------------------
 */

static void add_columns(struct model *model) {
  const struct schedule_problem *const problem = model->problem;
  const double limit = (double)model->limit_cycles;
  uint64_t path_cycles = 0;
  for (size_t i = 0; i < model->n_ops; i++)
    path_cycles = max_u64(path_cycles, model->head_cycles[i] + least_duration(model, i) + model->tail_cycles[i]);
  model->makespan = add_column(model, GLP_CV, (double)path_cycles, limit);
  glp_set_obj_coef(model->lp, model->makespan, 1);
  for (size_t i = 0; i < model->n_ops; i++) {
    const double latest = limit - (double)(model->tail_cycles[i] + least_duration(model, i));
    model->start[i] = add_column(model, GLP_CV, (double)model->head_cycles[i], latest);
    for (unsigned w = 0; w < problem->n_widths; w++)
      if (allowed(model, i, w)) model->width[i * problem->n_widths + w] = add_column(model, GLP_BV, 0, 1);
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      for (uint32_t k = 0; uses(model, i, c) && k < problem->n_cores[c]; k++)
        model->core[c][i * problem->n_cores[c] + k] = add_column(model, GLP_BV, 0, 1);
    for (size_t j = 0; j < i; j++) {
      const unsigned shared =
          problem->shape_classes[model->graph->ops[i].shape] & problem->shape_classes[model->graph->ops[j].shape];
      if (shared == 0 || model->reaches[j * model->n_ops + i] != 0) continue;
      model->order[i * model->n_ops + j] = add_column(model, GLP_BV, 0, 1);
      model->order[j * model->n_ops + i] = add_column(model, GLP_BV, 0, 1);
    }
  }
}

static void add_times(struct model *model) { /* rules 1 to 4 */
  const struct op_graph *const graph = model->graph;
  for (size_t i = 0; i < model->n_ops; i++) {
    term(model, 1, model->start[i]);
    term_duration(model, 1, i);
    term(model, -1, model->makespan);
    end_row(model, AT_MOST, -(double)model->tail_cycles[i]);
    for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++) {
      term(model, 1, model->start[i]);
      term_duration(model, 1, i);
      term(model, -1, model->start[graph->succs[e]]);
      end_row(model, AT_MOST, 0);
    }
    for (size_t j = 0; j < model->n_ops; j++) {
      const int before = model->order[i * model->n_ops + j];
      if (before == 0) continue;
      const double most = (double)model->limit_cycles - (double)model->tail_cycles[i] - (double)model->head_cycles[j];
      term(model, 1, model->start[i]);
      term_duration(model, 1, i);
      term(model, -1, model->start[j]);
      term(model, most, before);
      end_row(model, AT_MOST, most);
      if (j > i) continue;
      term(model, 1, before);
      term(model, 1, model->order[j * model->n_ops + i]);
      end_row(model, AT_MOST, 1);
    }
  }
}

static void add_cores(struct model *model) { /* rules 5 and 6 */
  const struct schedule_problem *const problem = model->problem;
  for (size_t i = 0; i < model->n_ops; i++) {
    const int *const widths = model->width + i * problem->n_widths;
    for (unsigned w = 0; w < problem->n_widths; w++)
      if (widths[w] != 0) term(model, 1, widths[w]);
    end_row(model, EXACTLY, 1);
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
      if (!uses(model, i, c)) continue;
      for (uint32_t k = 0; k < problem->n_cores[c]; k++) term(model, 1, model->core[c][i * problem->n_cores[c] + k]);
      for (unsigned w = 0; w < problem->n_widths; w++)
        if (widths[w] != 0) term(model, -(double)(UINT64_C(1) << w), widths[w]);
      end_row(model, EXACTLY, 0);
      for (size_t j = 0; j < i; j++) {
        if (!uses(model, j, c) || model->order[i * model->n_ops + j] == 0) continue;
        for (uint32_t k = 0; k < problem->n_cores[c]; k++) {
          term(model, 1, model->order[i * model->n_ops + j]);
          term(model, 1, model->order[j * model->n_ops + i]);
          term(model, -1, model->core[c][i * problem->n_cores[c] + k]);
          term(model, -1, model->core[c][j * problem->n_cores[c] + k]);
          end_row(model, AT_LEAST, -1);
        }
      }
    }
  }
}

static void add_whole_class_orders(struct model *model) { /* rule 7 */
  const struct schedule_problem *const problem = model->problem;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    for (size_t i = 0; i < model->n_ops; i++)
      for (size_t j = 0; j < model->n_ops; j++) {
        if (!uses(model, i, c) || !uses(model, j, c) || model->order[i * model->n_ops + j] == 0) continue;
        for (unsigned w = 0; w < problem->n_widths; w++) {
          const int all = model->width[i * problem->n_widths + w];
          if (all == 0 || UINT64_C(1) << w != problem->n_cores[c]) continue;
          term(model, 1, model->order[i * model->n_ops + j]);
          term(model, 1, model->order[j * model->n_ops + i]);
          term(model, -1, all);
          end_row(model, AT_LEAST, 0);
        }
      }
}

static void add_matches(struct model *model) { /* rule 8 */
  const uint32_t *const n_cores = model->problem->n_cores;
  for (size_t i = 0; i < model->n_ops; i++) {
    if (!uses(model, i, CORE_TENSOR) || !uses(model, i, CORE_VECTOR)) continue;
    for (uint32_t k = 0; k < n_cores[CORE_TENSOR] || k < n_cores[CORE_VECTOR]; k++) {
      if (k < n_cores[CORE_TENSOR]) term(model, 1, model->core[CORE_TENSOR][i * n_cores[CORE_TENSOR] + k]);
      if (k < n_cores[CORE_VECTOR]) term(model, -1, model->core[CORE_VECTOR][i * n_cores[CORE_VECTOR] + k]);
      end_row(model, EXACTLY, 0);
    }
  }
}

static void add_loads(struct model *model) { /* rule 9 */
  const struct schedule_problem *const problem = model->problem;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    uint64_t head_cycles = UINT64_MAX, tail_cycles = UINT64_MAX;
    for (size_t i = 0; i < model->n_ops; i++) {
      if (!uses(model, i, c)) continue;
      head_cycles = min_u64(head_cycles, model->head_cycles[i]);
      tail_cycles = min_u64(tail_cycles, model->tail_cycles[i]);
      const uint64_t *const cycles = problem->shape_cycles + (size_t)model->graph->ops[i].shape * problem->n_widths;
      for (unsigned w = 0; w < problem->n_widths; w++)
        if (model->width[i * problem->n_widths + w] != 0)
          term(model, (double)cycles[w] * (double)(UINT64_C(1) << w), model->width[i * problem->n_widths + w]);
    }
    if (head_cycles == UINT64_MAX) continue;
    term(model, -(double)problem->n_cores[c], model->makespan);
    end_row(model, AT_MOST, -(double)problem->n_cores[c] * (double)(head_cycles + tail_cycles));
  }
}

static void add_symmetry(struct model *model) { /* rule 10 */
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    const uint32_t n_cores = model->problem->n_cores[c];
    for (size_t i = 0; i < model->n_ops; i++)
      for (uint32_t k = 1; uses(model, i, c) && k < n_cores; k++) {
        term(model, 1, model->core[c][i * n_cores + k]);
        for (size_t j = 0; j <= i; j++)
          if (uses(model, j, c)) term(model, -1, model->core[c][j * n_cores + k - 1]);
        end_row(model, AT_MOST, 0);
      }
  }
}

/* --- the solver -----------------------------------------------------------------------------------------------------
 */

struct watch {
  uint64_t max_nodes, n_nodes;
  double bound; /* the least of the open nodes when the solver was last asked */
  bool met;     /* the bound has come within a cycle of the best, which is a whole number */
};

static void watch_tree(glp_tree *tree, void *context) {
  struct watch *const watch = context;
  int n_total;
  glp_ios_tree_size(tree, NULL, NULL, &n_total);
  watch->n_nodes = (uint64_t)n_total;
  const int best = glp_ios_best_node(tree);
  if (best != 0) watch->bound = fmax(watch->bound, glp_ios_node_bound(tree, best));
  glp_prob *const lp = glp_ios_get_prob(tree);
  watch->met = glp_mip_status(lp) == GLP_FEAS && watch->bound > glp_mip_obj_val(lp) - 1 + 1e-4;
  if (watch->met || watch->n_nodes >= watch->max_nodes) glp_ios_terminate(tree);
}

static void read_plan(const struct model *model, struct schedule_plan *plan) {
  plan->makespan_cycles = (uint64_t)llround(glp_mip_col_val(model->lp, model->makespan));
  for (size_t i = 0; i < model->n_ops; i++) {
    plan->start_cycles[i] = (uint64_t)llround(fmax(0, glp_mip_col_val(model->lp, model->start[i])));
    for (unsigned w = 0; w < model->problem->n_widths; w++) {
      const int width = model->width[i * model->problem->n_widths + w];
      if (width != 0 && glp_mip_col_val(model->lp, width) > 0.5) plan->width_log2[i] = (uint8_t)w;
    }
  }
}

static void solve(const struct model *model, uint64_t max_nodes, struct schedule_plan *plan,
                  struct schedule_model_answer *answer) {
  glp_smcp simplex;
  glp_init_smcp(&simplex);
  simplex.msg_lev = GLP_MSG_OFF;
  struct watch watch = {.max_nodes = max_nodes};
  glp_iocp integer;
  glp_init_iocp(&integer);
  integer.msg_lev = GLP_MSG_OFF;
  integer.br_tech = GLP_BR_DTH;
  integer.bt_tech = GLP_BT_BLB;
  integer.cb_func = watch_tree;
  integer.cb_info = &watch;
  if (glp_simplex(model->lp, &simplex) != 0 || glp_get_status(model->lp) != GLP_OPT) return;
  watch.bound = glp_get_obj_val(model->lp);
  const int end = glp_intopt(model->lp, &integer);
  const int status = glp_mip_status(model->lp);
  answer->n_nodes = watch.n_nodes;
  if (status == GLP_OPT || status == GLP_FEAS) {
    read_plan(model, plan);
    answer->best_cycles = plan->makespan_cycles;
  }
  answer->proven = status == GLP_OPT || (status == GLP_FEAS && watch.met);
  if (end != 0 && end != GLP_ESTOP) answer->proven = false;
  answer->bound_cycles = answer->proven ? answer->best_cycles : (uint64_t)ceil(fmax(0, watch.bound - 1e-4));
}

bool schedule_model_solve(const struct schedule_problem *problem, const struct schedule_model_options *options,
                          struct arena *scratch, struct schedule_plan *plan, struct schedule_model_answer *answer,
                          struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = problem->graph->n_ops;
  struct model model = {.problem = problem, .graph = problem->graph, .n_ops = n, .limit_cycles = plan->makespan_cycles};
  *answer = (struct schedule_model_answer){.best_cycles = UINT64_MAX};
  glp_term_out(GLP_OFF);
  model.lp = glp_create_prob();
  glp_set_obj_dir(model.lp, GLP_MIN);
  model.head_cycles = ARENA_NEW(scratch, uint64_t, n);
  model.tail_cycles = ARENA_NEW(scratch, uint64_t, n);
  model.reaches = ARENA_NEW(scratch, uint8_t, n * n);
  model.start = ARENA_NEW(scratch, int, n);
  model.width = ARENA_NEW(scratch, int, n * problem->n_widths);
  model.order = ARENA_NEW(scratch, int, n *n);
  size_t n_columns = 2 + n * (1 + problem->n_widths) + n * n;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    model.core[c] = ARENA_NEW(scratch, int, n * problem->n_cores[c]);
    n_columns += n * problem->n_cores[c];
  }
  model.row_columns = ARENA_NEW(scratch, int, n_columns);
  model.row_values = ARENA_NEW(scratch, double, n_columns);
  annotate(&model);
  add_columns(&model);
  add_times(&model);
  add_cores(&model);
  if (options->tight) add_whole_class_orders(&model);
  if (options->tight) add_loads(&model);
  if (options->tight && !options->matched) add_symmetry(&model);
  if (options->matched) add_matches(&model);
  const bool written = options->lp_path == NULL || glp_write_lp(model.lp, NULL, options->lp_path) == 0;
  if (!written) error_add(error, STATUS_ENVIRONMENT, "%s: cannot be written", options->lp_path);
  if (written && options->max_nodes > 0) solve(&model, options->max_nodes, plan, answer);
  glp_delete_prob(model.lp);
  arena_rewind(scratch, mark);
  return written;
}
