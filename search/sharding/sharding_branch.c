/* Which boards form sets, with which designs, for which ranges? By branch and bound. (sharding §5, exact level 1.)
 *
 * First each form of set alone runs everything: level 2. Then the relaxation of sharding_ranges.h bounds all other ways
 * at once; on chains it is exact and names the optimum. Where branches may run at once, that of sharding_deadline.h
 * counts their boards together, and a tree goes over the sets in their order: a node's layers end at the earliest as a
 * shortest path with the ends before them says, what is left is bounded by the relaxation. Leaves are solved set by set
 * (sharding_choice.c); what a leaf's bound leaves open counts as open.
 */
#include "search/sharding/sharding_branch.h"
#include "search/sharding/sharding_deadline.h"
#include "search/sharding/sharding_improve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double rounding = 1e-12;
static const double near = 0.02; /* relaxed: gaps below this may be those of the bound */
/* Deadlines are halved to within this share; looks at a range of a set in all of them. */
static const double close_enough = 1e-4;
static const uint64_t max_deadline_steps = UINT64_C(1) << 27;
enum { DEADLINES = 24 };
/* Windows of larger sets have more strategies: looked into at most so often, with fewer labels. */
enum { RELAXED_LOOKS = 16, LEAF_STEPS = 64 /* labels take about so much longer than a path */ };
enum { MAX_FORMS = 1024, WIDTH = 1 << 12, WINDOW_WIDTH = 1 << 10, RELAXED_WIDTH = 1 << 7 };

struct branch {
  const struct sharding_problem *problem;
  const struct branch_limits *limits;
  struct choice_context context;
  struct ranges *ranges;
  struct branch_result *result;
  uint64_t n_work;      /* leaves solved, those whose labels count bytes several times */
  uint64_t n_steps;     /* of shortest paths, from a strategy to one of the next layer */
  double open_s;        /* least bound of what was not looked at */
  struct choice choice; /* of the node */
  uint32_t used[CHOICE_MAX_SETS + 1];
  uint32_t *contact_of; /* [n_layers] by place: of its set */
  double *end_s;        /* [n_layers] by place: at the earliest */
};

struct child {
  struct ranges_choice set;
  double bound_s;
};

/* At or above this nothing is looked for. */
static double goal_of(const struct branch *b) { return b->result->value_s * (1 - b->limits->tolerance); }

static uint64_t steps_of(const struct level2_plan *plan, uint32_t first, uint32_t last) {
  uint64_t n = 0;
  for (uint32_t i = first + 1; i <= last; i++) n += (uint64_t)plan->layers[i].n * plan->layers[i - 1].n;
  return n;
}

static void solve(struct branch *b, const struct choice *choice, double bound_s) {
  struct choice_value value = {.value_s = b->result->value_s};
  if (choice_solve(&b->context, choice, &value)) {
    b->result->value_s = value.value_s, b->result->answer = value.answer, b->result->choice = *choice;
  }
  b->result->n_solved++, b->n_work += value.memory ? CHOICE_MEMORY_WORK : 1;
  for (uint32_t k = 0; k < choice->n_sets; k++) {
    const struct ranges_choice *set = &choice->sets[k];
    const struct level2_plan *plan = ranges_plan(b->ranges, set->form, set->design);
    b->n_steps += LEAF_STEPS * steps_of(plan, k > 0 ? choice->sets[k - 1].last + 1 : 0, set->last);
  }
  if (choice->n_sets > 1 && bound_s > 0 && bound_s < goal_of(b)) {
    value.bound_s = choice_bound(&b->context, choice, b->result->value_s);
  }
  b->open_s = fmin(b->open_s, fmax(bound_s, value.bound_s));
}

/* --- a node ---------------------------------------------------------------------------------------------------------
 */

struct scan { /* shortest paths of a set with the ends of what was chosen before */
  struct branch *b;
  uint32_t first, form, design;
  double *end_s; /* [n_layers - first] */
  double *out_s; /* [n_layers - first] greatest of what ends outside so far */
};

/* When inputs from chosen sets and the host are there, by strategy; NULL: at once. */
static const double *released(const struct scan *scan, const struct level2_plan *plan, uint32_t place) {
  const struct branch *b = scan->b;
  const struct sharding_problem *problem = b->problem;
  const struct sharding_sets *sets = b->context.sets;
  const struct level2_layer *layer = &plan->layers[place];
  const double trips = problem->training ? 2 : 1;
  if (problem->in_start[layer->layer] == problem->in_start[layer->layer + 1]) return layer->release_s;
  double *release_s = NULL;
  for (uint32_t j = problem->in_start[layer->layer]; j < problem->in_start[layer->layer + 1]; j++) {
    const uint32_t e = problem->in_edge[j], from = problem->place[problem->edges[e].from];
    if (from >= scan->first) continue;
    const double rate = sets->rate[b->contact_of[from] * sets->n_forms + scan->form];
    const uint64_t *bytes = sharding_tables_inbound(plan->tables, e);
    if (release_s == NULL) release_s = ARENA_NEW(b->context.scratch, double, layer->n);
    for (uint32_t s = 0; s < layer->n; s++) {
      release_s[s] = fmax(release_s[s], b->end_s[from] + trips * ((double)bytes[s] / rate));
    }
  }
  return release_s;
}

static void scan_set(const struct scan *scan) {
  struct branch *b = scan->b;
  struct arena *scratch = b->context.scratch;
  const struct level2_plan *plan = ranges_plan(b->ranges, scan->form, scan->design);
  const uint32_t n = (uint32_t)b->problem->n_layers - scan->first;
  const struct arena_mark mark = arena_get_mark(scratch);
  const double **release_s = ARENA_NEW(scratch, const double *, n);
  for (uint32_t i = 0; i < n; i++) release_s[i] = released(scan, plan, scan->first + i);
  const struct level2_walk walk = {plan, scan->first, release_s, INFINITY};
  b->n_steps += steps_of(plan, scan->first, scan->first + n - 1);
  level2_walk(&walk, scratch, scan->end_s, scan->out_s);
  arena_rewind(scratch, mark);
}

/* The chosen sets and this one up to `last`: what follows each edge over the cut, and what is left by itself. */
static double cut_bound(const struct scan *scan, uint32_t last, double enough_s) {
  struct branch *b = scan->b;
  const struct sharding_problem *problem = b->problem;
  const uint32_t k = b->choice.n_sets, used = ranges_used(b->ranges, b->used[k], scan->form);
  double bound_s = fmax(scan->out_s[last - scan->first], ranges_rest(b->ranges, last + 1, used, NULL));
  for (uint32_t place = 0; place <= last && bound_s < enough_s; place++) {
    const uint32_t layer = problem->topological[place];
    const bool own = place >= scan->first;
    const double end_s = own ? scan->end_s[place - scan->first] : b->end_s[place];
    const uint32_t contact = own ? b->context.sets->forms[scan->form].contact : b->contact_of[place];
    for (uint32_t j = problem->out_start[layer]; j < problem->out_start[layer + 1]; j++) {
      const uint32_t e = problem->out_edge[j];
      if (problem->place[problem->edges[e].to] <= last) continue;
      bound_s = fmax(bound_s, end_s + ranges_tail(b->ranges, e, used, contact, NULL));
    }
  }
  return bound_s;
}

static int compare_children(const void *x, const void *y) {
  const struct child *a = x, *b = y;
  if (a->bound_s != b->bound_s) return a->bound_s < b->bound_s ? -1 : 1;
  if (a->set.form != b->set.form) return a->set.form < b->set.form ? -1 : 1;
  if (a->set.design != b->set.design) return a->set.design < b->set.design ? -1 : 1;
  return a->set.last < b->set.last ? -1 : a->set.last > b->set.last;
}

static bool is_over(const struct branch *b) {
  return b->result->n_nodes >= b->limits->max_nodes ||
         (b->limits->max_steps > 0 && b->n_steps >= b->limits->max_steps) ||
         (b->limits->max_solved > 0 && b->n_work >= b->limits->max_solved) || b->choice.n_sets + 1 >= CHOICE_MAX_SETS ||
         (b->limits->interrupted != NULL && b->limits->interrupted(b->limits->context));
}

static size_t list_children(struct branch *b, uint32_t first, double known_s, struct child *children) {
  const struct sharding_sets *sets = b->context.sets;
  const uint32_t used = b->used[b->choice.n_sets], end = (uint32_t)b->problem->n_layers - 1;
  struct arena *scratch = b->context.scratch;
  size_t n = 0;
  for (uint32_t f = 0; f < sets->n_forms; f++) {
    if (!sharding_sets_fit(sets, used, f)) continue;
    for (uint32_t d = 0; d < b->problem->n_designs; d++) {
      if (sets->forms[f].design != SHARDING_NONE && sets->forms[f].design != d) continue;
      const struct arena_mark mark = arena_get_mark(scratch);
      const struct scan scan = {
          b, first, f, d, ARENA_NEW(scratch, double, end - first + 1), ARENA_NEW(scratch, double, end - first + 1)};
      scan_set(&scan);
      const bool all = ranges_used(b->ranges, used, f) == sets->n_used - 1;
      for (uint32_t last = all ? end : first; last <= end; last++) {
        if (last < end && b->limits->cuts != NULL && !b->limits->cuts[last]) continue;
        const double goal_s = goal_of(b), so_far_s = fmax(known_s, scan.out_s[last - first]);
        const double bound_s =
            so_far_s >= goal_s || last == end ? so_far_s : fmax(known_s, cut_bound(&scan, last, goal_s));
        if (bound_s >= goal_s) {
          b->open_s = fmin(b->open_s, bound_s);
          if (so_far_s >= goal_s && !b->problem->reduce_scatter) break; /* longer ranges end no earlier */
          continue;
        }
        children[n++] = (struct child){{f, d, last}, bound_s};
      }
      arena_rewind(scratch, mark);
    }
  }
  return n;
}

/* Ends and contacts of the set just chosen. */
static void enter(struct branch *b, uint32_t first) {
  const struct ranges_choice *set = &b->choice.sets[b->choice.n_sets];
  struct arena *scratch = b->context.scratch;
  const uint32_t n = (uint32_t)b->problem->n_layers - first;
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct scan scan = {
      b, first, set->form, set->design, ARENA_NEW(scratch, double, n), ARENA_NEW(scratch, double, n)};
  scan_set(&scan);
  for (uint32_t place = first; place <= set->last; place++) {
    b->end_s[place] = scan.end_s[place - first];
    b->contact_of[place] = b->context.sets->forms[set->form].contact;
  }
  arena_rewind(scratch, mark);
}

/* known_s: what outputs of the chosen sets need. */
static void branch_from(struct branch *b, uint32_t first, double known_s) {
  const uint32_t end = (uint32_t)b->problem->n_layers - 1;
  struct arena *scratch = b->context.scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct child *children =
      ARENA_NEW(scratch, struct child, (size_t)b->context.sets->n_forms * b->problem->n_designs * (end - first + 1));
  const size_t n = list_children(b, first, known_s, children);
  qsort(children, n, sizeof *children, compare_children);
  const uint32_t k = b->choice.n_sets;
  for (size_t i = 0; i < n; i++) {
    if (children[i].bound_s >= goal_of(b) || is_over(b)) {
      b->result->ended &= children[i].bound_s >= goal_of(b);
      b->open_s = fmin(b->open_s, children[i].bound_s);
      break;
    }
    b->result->n_nodes++;
    b->choice.sets[k] = children[i].set;
    if (children[i].set.last == end) {
      struct choice leaf = b->choice;
      leaf.n_sets = k + 1;
      if (k > 0) solve(b, &leaf, children[i].bound_s); /* one set alone was solved before */
      continue;
    }
    enter(b, first);
    b->used[k + 1] = ranges_used(b->ranges, b->used[k], children[i].set.form);
    b->choice.n_sets = k + 1;
    branch_from(b, children[i].set.last + 1, known_s);
    b->choice.n_sets = k;
  }
  arena_rewind(scratch, mark);
}

/* --- the whole ------------------------------------------------------------------------------------------------------
 */

static int compare_alone(const void *x, const void *y) { return compare_children(x, y); }

/* Every form and design with all layers, the most promising first. */
static void solve_alone(struct branch *b) {
  const struct sharding_sets *sets = b->context.sets;
  const uint32_t end = (uint32_t)b->problem->n_layers - 1;
  struct child *alone = ARENA_NEW(b->context.scratch, struct child, sets->n_forms * b->problem->n_designs);
  size_t n = 0;
  for (uint32_t f = 0; f < sets->n_forms; f++) {
    for (uint32_t d = 0; d < b->problem->n_designs; d++) {
      if (sets->forms[f].design != SHARDING_NONE && sets->forms[f].design != d) continue;
      bool twin = false; /* as many boards, as fast a ring: as good */
      for (size_t i = 0; i < n && !twin; i++) {
        const struct sharding_shape *x = &sets->forms[alone[i].set.form].shape, *y = &sets->forms[f].shape;
        twin =
            alone[i].set.design == d && x->p == y->p && x->bandwidth == y->bandwidth && x->dram_bytes == y->dram_bytes;
      }
      if (!twin) alone[n++] = (struct child){{f, d, end}, ranges_plan(b->ranges, f, d)->bound_s};
    }
  }
  qsort(alone, n, sizeof *alone, compare_alone);
  for (size_t i = 0; i < n; i++) {
    const struct choice one = {1, {alone[i].set}};
    if (alone[i].bound_s >= goal_of(b)) {
      b->open_s = fmin(b->open_s, alone[i].bound_s);
    } else {
      solve(b, &one, alone[i].bound_s);
    }
  }
}

/* The way that the relaxation takes. False: it comes to no end. */
static bool trace_relaxed(const struct branch *b, struct choice *way) {
  const struct sharding_problem *problem = b->problem;
  const struct sharding_sets *sets = b->context.sets;
  uint32_t place = 0, used = 0;
  way->n_sets = 0;
  while (place < problem->n_layers && way->n_sets < CHOICE_MAX_SETS) {
    struct ranges_choice next;
    double most_s = ranges_rest(b->ranges, place, used, &next);
    for (uint32_t j = problem->in_start[problem->topological[place]];
         way->n_sets > 0 && j < problem->in_start[problem->topological[place] + 1]; j++) {
      const uint32_t e = problem->in_edge[j];
      if (problem->place[problem->edges[e].from] + 1 != place) continue;
      most_s = ranges_tail(b->ranges, e, used, sets->forms[way->sets[way->n_sets - 1].form].contact, &next);
    }
    if (!isfinite(most_s)) return false;
    way->sets[way->n_sets++] = next;
    used += sets->forms[next.form].index, place = next.last + 1;
  }
  return place == problem->n_layers;
}

static void solve_relaxed(struct branch *b) {
  const double open_s = b->open_s;
  struct choice way;
  if (trace_relaxed(b, &way)) solve(b, &way, 0);
  b->open_s = open_s; /* the relaxation bounds it */
}

/* Level 2 inside windows, for sets on the way that the relaxation takes: moves that stick out are what it misses.
 * False: it knows all of them. Not with reduce-scatters: a window begins where the layer before has ended in full. */
static bool look_inside(struct branch *b, struct arena *own) {
  struct choice way;
  bool any = false;
  const size_t width = b->context.sets->relaxed ? RELAXED_WIDTH : WINDOW_WIDTH;
  if (b->problem->reduce_scatter || !trace_relaxed(b, &way)) return false;
  for (uint32_t k = 0; k < way.n_sets; k++) {
    struct level2_plan *plan = ranges_plan(b->ranges, way.sets[k].form, way.sets[k].design);
    if (plan->n_skips == 0 || plan->window_s != NULL) continue;
    level2_windows_make(plan, width, b->context.scratch, own);
    any = true;
  }
  return any;
}

static bool is_same(const struct choice *one, const struct choice *other) {
  return one->n_sets == other->n_sets && memcmp(one->sets, other->sets, one->n_sets * sizeof *one->sets) == 0;
}

/* Can it end before the best value? Else before a deadline that is halved between the bound and that value, as long as
 * that tells more: sets that keep it are tried, what none keeps bounds. */
static void search_deadlines(struct branch *b, struct arena *own) {
  struct branch_result *result = b->result;
  struct deadline *deadline = deadline_new(b->ranges, b->context.sets, own);
  const double open_s = b->open_s;
  struct choice tried = {0};
  double next_s = result->value_s * (1 - rounding);
  uint64_t n_steps = 0;
  for (int n = 0; deadline != NULL && n < DEADLINES && n_steps < max_deadline_steps; n++) {
    if (next_s <= result->bound_s * (1 + close_enough)) break;
    struct choice way;
    const double before_s = result->value_s;
    if (!deadline_try(deadline, next_s, max_deadline_steps, &n_steps, &way)) {
      result->bound_s = next_s;
    } else if (way.n_sets > 0 && !is_same(&way, &tried)) {
      solve(b, &way, 0);
      tried = way;
    }
    const double most_s = fmin(result->value_s * (1 - rounding), next_s);
    next_s = result->value_s < before_s ? result->value_s * (1 - rounding) : (result->bound_s + most_s) / 2;
  }
  b->open_s = open_s; /* the relaxation bounds it */
}

/* What lives as long as the search: tables, rows, nodes' ends. */
static void search_all(struct branch *b, struct arena *own) {
  struct branch_result *result = b->result;
  const struct sharding_problem *problem = b->problem;
  solve_alone(b);
  b->ranges =
      ranges_new(b->context.sets, b->context.store, (struct ranges_limits){result->value_s, b->limits->cuts}, own);
  const double rest_s = ranges_rest(b->ranges, 0, 0, NULL);
  if (rest_s < goal_of(b)) solve_relaxed(b);
  result->bound_s = fmin(rest_s, result->value_s);
  if (result->bound_s >= goal_of(b) * (1 - rounding)) return;
  for (int n = 0; !(b->context.sets->relaxed && n == RELAXED_LOOKS) && look_inside(b, own); n++) {
    ranges_restart(b->ranges, result->value_s);
    const double inside_s = ranges_rest(b->ranges, 0, 0, NULL);
    result->bound_s = fmin(fmax(result->bound_s, inside_s), result->value_s);
    if (result->bound_s >= goal_of(b) * (1 - rounding)) return;
    solve_relaxed(b);
  }
  search_deadlines(b, own);
  if (result->bound_s >= goal_of(b) * (1 - rounding)) return;
  b->contact_of = ARENA_NEW(own, uint32_t, problem->n_layers);
  b->end_s = ARENA_NEW(own, double, problem->n_layers);
  branch_from(b, 0, 0);
  result->bound_s = fmax(result->bound_s, fmin(b->open_s, result->value_s));
}

/* Where something is left open: steps from the best answer. */
static void improve(struct branch *b) {
  struct branch_result *result = b->result;
  const uint64_t most = b->limits->max_samples > 0 ? b->limits->max_samples : UINT64_MAX;
  if (!isfinite(result->value_s) || result->bound_s >= goal_of(b) || result->n_solved >= most) return;
  if (b->context.sets->relaxed && result->bound_s >= result->value_s * (1 - near)) return;
  const struct improve_limits limits = {.max_samples = most - result->n_solved,
                                        .max_solved = b->limits->max_improved / b->problem->n_layers,
                                        .tolerance = b->limits->tolerance,
                                        .ranges = b->ranges,
                                        .interrupted = b->limits->interrupted,
                                        .context = b->limits->context};
  struct choice_value value = {.value_s = result->value_s, .answer = result->answer};
  result->n_solved += sharding_improve_sets(&b->context, &limits, &result->choice, &value);
  result->value_s = value.value_s, result->answer = value.answer;
  result->bound_s = fmin(result->bound_s, result->value_s);
}

bool sharding_branch(const struct sharding_problem *problem, const struct branch_limits *limits, struct arena *scratch,
                     struct arena *arena, struct branch_result *result) {
  struct arena own;
  arena_init(&own, 1 << 20);
  struct sharding_sets sets;
  struct branch b = {.problem = problem, .limits = limits, .result = result, .open_s = INFINITY};
  bool fine = limits->sets != NULL || sharding_sets_make(problem, MAX_FORMS, &own, &sets);
  if (fine) {
    b.context = (struct choice_context){limits->sets != NULL ? limits->sets : &sets, sharding_store_new(problem, &own),
                                        WIDTH, scratch, arena};
    b.ranges = ranges_new(b.context.sets, b.context.store, (struct ranges_limits){INFINITY, limits->cuts}, &own);
    fine = b.ranges != NULL;
  }
  if (fine) {
    const struct arena_mark mark = arena_get_mark(scratch);
    result->ended = true, result->bound_s = 0;
    result->choice.n_sets = 0;
    search_all(&b, &own);
    if (limits->max_improved > 0) improve(&b);
    const bool all = limits->cuts == NULL && (limits->sets == NULL || limits->sets->relaxed);
    if (!all) result->bound_s = 0;
    arena_rewind(scratch, mark);
  }
  arena_release(&own);
  return fine;
}
