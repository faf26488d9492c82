/* How long must it take if configurations of jobs that run together may be cut at will (B4), and if moreover every job
 * runs on one group of cores as a whole (B5)?
 *
 * B4 is the master program of tenancy_columns.h without boxes. Its solution may do half a job here and half there; B5
 * branches on how many jobs of a kind run on a group (at most ⌊x⌋, or at least ⌈x⌉), the node with the least bound
 * first, so that what remains open at the end is the bound. It is B3 and B4 in one: whole jobs, and what may run
 * together. Columns are kept from node to node: a box changes what they are worth, not what they are. */
#include "search/tenancy/tenancy_bounds_private.h"
#include "search/tenancy/tenancy_columns.h"

#include <math.h>
#include <string.h>

static const double converged = 1e-10, node_converged = 1e-8, whole = 1e-6, helps = 1e-6;
enum { MOST_PAIRS = 4096, most_skips = 6, leaf_work = 1 << 22 };

struct node {
  double cycles; /* proven */
  struct tenancy_box box;
  struct tenancy_multipliers multipliers;
  bool priced;    /* by columns, not by the LP alone */
  unsigned skips; /* nodes above without columns, since they did not help */
  size_t split;   /* pair to branch on */
  double at_jobs; /* its fraction */
  bool leaf;      /* nothing to branch on */
  double *jobs;   /* of a leaf: whole jobs on groups [pairs] */
};

struct tree {
  const struct tenancy_kinds *kinds;
  struct arena *arena;
  struct tenancy_columns *columns;
  struct tenancy_lp *lp;
  struct tenancy_weights weights;
  struct tenancy_multipliers by_lp;
  struct node **open;
  size_t n_open;
  struct node *best_leaf; /* NULL: none yet */
  double *jobs;
  uint64_t work;
  double enough_cycles;
};

static void copy_multipliers(const struct tenancy_kinds *kinds, const struct tenancy_multipliers *from,
                             struct tenancy_multipliers *to) {
  memcpy(to->of_kind, from->of_kind, kinds->n_kinds * sizeof(double));
  memcpy(to->of_pair, from->of_pair, kinds->n_kinds * kinds->n_groups * sizeof(double));
  to->cycles = from->cycles;
}

static struct tenancy_multipliers new_multipliers(const struct tenancy_kinds *kinds, struct arena *arena) {
  return (struct tenancy_multipliers){.of_kind = ARENA_NEW(arena, double, kinds->n_kinds),
                                      .of_pair = ARENA_NEW(arena, double, kinds->n_kinds * kinds->n_groups)};
}

static struct node *new_node(struct tree *tree, const struct node *from) {
  const size_t n_kinds = tree->kinds->n_kinds, n_pairs = n_kinds * tree->kinds->n_groups;
  struct node *node = ARENA_NEW(tree->arena, struct node, 1);
  node->box.low = ARENA_NEW(tree->arena, uint32_t, n_pairs);
  node->box.high = ARENA_NEW(tree->arena, uint32_t, n_pairs);
  node->multipliers = new_multipliers(tree->kinds, tree->arena);
  if (from != NULL) {
    memcpy(node->box.low, from->box.low, n_pairs * sizeof(uint32_t));
    memcpy(node->box.high, from->box.high, n_pairs * sizeof(uint32_t));
    copy_multipliers(tree->kinds, &from->multipliers, &node->multipliers);
    node->cycles = from->cycles, node->skips = from->skips;
  } else {
    for (size_t at = 0; at < n_pairs; at++) node->box.high[at] = tree->kinds->n_of[at / tree->kinds->n_groups];
  }
  return node;
}

/* The pair with most cycles of a fraction of a job. */
static void choose_split(const struct tree *tree, struct node *node) {
  const struct tenancy_kinds *kinds = tree->kinds;
  double most = 0;
  node->leaf = true;
  for (size_t at = 0; at < kinds->n_kinds * kinds->n_groups; at++) {
    const double x = tree->jobs[at], part = fmin(x - floor(x), ceil(x) - x);
    if (part <= whole || floor(x) >= node->box.high[at]) continue;
    const double score = part * kinds->latency[at];
    if (score <= most) continue;
    most = score, node->split = at, node->at_jobs = x, node->leaf = false;
  }
}

/* Cheap, and in most nodes enough to close them. */
static void solve_by_lp(struct tree *tree, struct node *node) {
  if (!tenancy_lp_solve(tree->lp, &node->box, &tree->work, &tree->weights)) return;
  tenancy_weights_prove(tree->kinds, &tree->weights, &node->box, &tree->by_lp);
  if (tree->by_lp.cycles > node->multipliers.cycles) copy_multipliers(tree->kinds, &tree->by_lp, &node->multipliers);
  node->cycles = node->multipliers.cycles;
}

static void solve_by_columns(struct tree *tree, struct node *node, double tolerance) {
  const double before = node->cycles;
  const bool solved = tenancy_columns_generate(tree->columns, &node->box, tolerance, tree->enough_cycles, &tree->work,
                                               &node->multipliers);
  node->cycles = node->multipliers.cycles;
  node->priced = node->leaf = true;
  node->skips = node->cycles > before * (1 + helps) ? 0 : most_skips;
  if (!solved) return;
  tenancy_columns_jobs(tree->columns, tree->jobs);
  choose_split(tree, node);
  if (!node->leaf || (tree->best_leaf != NULL && tree->best_leaf->cycles <= node->cycles)) return;
  const size_t n_pairs = tree->kinds->n_kinds * tree->kinds->n_groups;
  node->jobs = ARENA_NEW(tree->arena, double, n_pairs);
  memcpy(node->jobs, tree->jobs, n_pairs * sizeof(double));
  tree->best_leaf = node;
}

/* Columns have not helped just above: branch where the LP is split. */
static void skip_columns(struct tree *tree, struct node *node) {
  if (!tenancy_lp_solve(tree->lp, &node->box, &tree->work, &tree->weights)) {
    node->skips = 0;
    return;
  }
  tenancy_lp_jobs(tree->lp, tree->jobs);
  choose_split(tree, node);
  node->priced = !node->leaf; /* whole jobs: nothing but columns can say more */
  node->skips = node->leaf ? 0 : node->skips - 1;
}

static bool can_be_filled(const struct tenancy_kinds *kinds, const struct tenancy_box *box, size_t kind) {
  uint64_t low = 0, high = 0;
  for (size_t g = 0; g < kinds->n_groups; g++) {
    const size_t at = kinds_at(kinds, kind, g);
    low += box->low[at];
    if (kinds_can(kinds, kind, g)) high += box->high[at];
  }
  return low <= kinds->n_of[kind] && high >= kinds->n_of[kind];
}

static bool before(const struct node *a, const struct node *b) { return a->cycles < b->cycles; }

static void push(struct tree *tree, struct node *node) {
  size_t i = tree->n_open++;
  for (; i > 0 && before(node, tree->open[(i - 1) / 2]); i = (i - 1) / 2) tree->open[i] = tree->open[(i - 1) / 2];
  tree->open[i] = node;
}

static struct node *pop(struct tree *tree) {
  struct node *least = tree->open[0], *last = tree->open[--tree->n_open];
  size_t i = 0;
  for (size_t child; (child = 2 * i + 1) < tree->n_open; i = child) {
    if (child + 1 < tree->n_open && before(tree->open[child + 1], tree->open[child])) child++;
    if (!before(tree->open[child], last)) break;
    tree->open[i] = tree->open[child];
  }
  tree->open[i] = last;
  return least;
}

static double branch(struct tree *tree, struct node *root, uint64_t n_nodes) {
  tree->open = ARENA_NEW(tree->arena, struct node *, n_nodes + 2);
  push(tree, root);
  for (uint64_t n = 0; n + 2 <= n_nodes && tree->work > 0 && tree->n_open > 0;) {
    struct node *least = tree->open[0];
    if (least->cycles >= tree->enough_cycles) break;
    if (least->priced && least->leaf) break;
    pop(tree);
    if (!least->priced) {
      if (least->skips > 0)
        skip_columns(tree, least);
      else
        solve_by_columns(tree, least, node_converged);
      push(tree, least);
      continue;
    }
    n += 2;
    for (int up = 0; up < 2; up++) {
      struct node *child = new_node(tree, least);
      if (up == 1) child->box.low[least->split] = (uint32_t)ceil(least->at_jobs);
      if (up == 0) child->box.high[least->split] = (uint32_t)floor(least->at_jobs);
      if (!can_be_filled(tree->kinds, &child->box, least->split / tree->kinds->n_groups)) continue;
      solve_by_lp(tree, child);
      push(tree, child);
    }
  }
  return tree->n_open == 0 ? INFINITY : tree->open[0]->cycles;
}

static void report(const struct tenancy_columns *columns, const struct tenancy_kinds *kinds, struct arena *arena,
                   struct tenancy_bounds *bounds) {
  const struct tenancy_configuration *const *of;
  const size_t n = tenancy_columns_used(columns, arena, &bounds->z_cycles, &of);
  size_t n_jobs = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t p = 0; p < of[i]->n_parts; p++) n_jobs += of[i]->parts[p].n_jobs;
  uint32_t *first = ARENA_NEW(arena, uint32_t, n + 1), *job = ARENA_NEW(arena, uint32_t, n_jobs);
  uint32_t *group = ARENA_NEW(arena, uint32_t, n_jobs), end = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t p = 0; p < of[i]->n_parts; p++) {
      for (uint32_t c = 0; c < of[i]->parts[p].n_jobs; c++) {
        job[end] = kinds->job[kinds->start[of[i]->parts[p].at / kinds->n_groups]];
        group[end++] = (uint32_t)(of[i]->parts[p].at % kinds->n_groups);
      }
    }
    first[i + 1] = end;
  }
  bounds->n_configurations = n, bounds->first = first, bounds->job = job, bounds->group = group;
}

/* Whole jobs, and what they run with: better to follow than B4's fractions. */
static void report_leaf(struct tree *tree, struct tenancy_bounds *bounds) {
  uint32_t *group = ARENA_NEW(tree->arena, uint32_t, tree->kinds->problem->n_jobs);
  tenancy_lp_spread(tree->kinds, tree->best_leaf->jobs, group, tree->arena);
  bounds->branched_group = group;
  uint64_t work = leaf_work;
  if (tenancy_columns_generate(tree->columns, &tree->best_leaf->box, node_converged, INFINITY, &work,
                               &tree->best_leaf->multipliers))
    report(tree->columns, tree->kinds, tree->arena, bounds);
}

void tenancy_bound_columns(const struct tenancy_kinds *kinds, const struct tenancy_bounds_settings *settings,
                           struct tenancy_lp *lp, const struct tenancy_multipliers *proven, double enough_cycles,
                           struct arena *arena, struct tenancy_bounds *bounds) {
  const size_t n_pairs = kinds->n_kinds * kinds->n_groups;
  if (settings->columns == 0 || lp == NULL || n_pairs > MOST_PAIRS) return;
  const double unit_cycles = fmax(1, bounds->cycles[TENANCY_B2_LP]);
  struct tree tree = {.kinds = kinds, .arena = arena, .work = settings->price_work, .enough_cycles = enough_cycles};
  tree.columns = tenancy_columns_new(kinds, unit_cycles, settings->columns, arena);
  if (tree.columns == NULL) return;
  tree.jobs = ARENA_NEW(arena, double, n_pairs);
  tree.lp = lp, tree.weights.of = ARENA_NEW(arena, double, kinds->n_groups + 1);
  tree.by_lp = new_multipliers(kinds, arena);
  struct node *root = new_node(&tree, NULL);
  copy_multipliers(kinds, proven, &root->multipliers);
  root->cycles = proven->cycles;
  solve_by_columns(&tree, root, converged);
  bounds->cycles[TENANCY_B4_CONFIGURATION_LP] = root->cycles;
  report(tree.columns, kinds, arena, bounds);
  if (settings->branch_nodes > 0) {
    const double least = branch(&tree, root, settings->branch_nodes);
    bounds->cycles[TENANCY_B5_BRANCHED] = fmax(least, bounds->cycles[TENANCY_B3_GROUPED_MIP]);
    if (tree.best_leaf != NULL && tree.best_leaf != root) report_leaf(&tree, bounds);
  }
  tenancy_columns_free(tree.columns);
}
