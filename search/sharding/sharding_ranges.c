/* The relaxation over sets, designs and ranges. See sharding_ranges.h.
 *
 * Two values, each by recursion over what is left (memorised): the rest from a place on, and what follows an edge into
 * it. Both choose the next set, its design and the last layer of its range; the times inside come from rows of shortest
 * paths: from an entry (a place, or an edge at a rate) to each later layer. */
#include "search/sharding/sharding_ranges.h"

#include <math.h>
#include <string.h>

struct ranges_value {
  double value_s; /* negative: not known */
  struct ranges_choice choice;
};

struct ranges {
  const struct sharding_sets *sets;
  const struct sharding_problem *problem;
  struct sharding_store *store;
  struct arena *arena;
  double cutoff_s;
  const bool *cuts;
  uint32_t n_layers, n_edges, n_options;
  uint32_t *option; /* [n_forms * n_designs] numbers of their tables; SHARDING_NONE: not allowed */
  struct level2_plan **plans;
  uint32_t n_rates, *rate_number; /* [n_contacts * n_forms] */
  double *rates;
  struct ranges_row **rows;      /* [n_options][(n_layers + n_edges * n_rates)] */
  uint32_t *cross_start, *cross; /* edges over each cut */
  bool *fits;                    /* [n_used * n_forms] */
  struct ranges_value *rest, *tail;
};

enum { MAX_STATES = 1 << 22 };

/* --- making ---------------------------------------------------------------------------------------------------------
 */

static void number_options(struct ranges *r) {
  const struct sharding_sets *sets = r->sets;
  const size_t n_designs = r->problem->n_designs;
  struct sharding_tables **tables = ARENA_NEW(r->arena, struct sharding_tables *, sets->n_forms * n_designs);
  r->option = ARENA_NEW(r->arena, uint32_t, sets->n_forms * n_designs);
  for (uint32_t f = 0; f < sets->n_forms; f++) {
    for (uint32_t d = 0; d < n_designs; d++) {
      uint32_t *number = &r->option[f * n_designs + d];
      *number = SHARDING_NONE;
      if (sets->forms[f].design != SHARDING_NONE && sets->forms[f].design != d) continue;
      struct sharding_tables *of = sharding_store_tables(r->store, sets->forms[f].shape, d);
      for (*number = 0; *number < r->n_options && tables[*number] != of;) (*number)++;
      if (*number == r->n_options) tables[r->n_options++] = of;
    }
  }
  r->plans = ARENA_NEW(r->arena, struct level2_plan *, r->n_options);
  r->rows = ARENA_NEW(r->arena, struct ranges_row *, r->n_options);
}

static void number_rates(struct ranges *r) {
  const size_t n = (size_t)r->sets->n_contacts * r->sets->n_forms;
  r->rates = ARENA_NEW(r->arena, double, n), r->rate_number = ARENA_NEW(r->arena, uint32_t, n);
  for (size_t i = 0; i < n; i++) {
    uint32_t number = 0;
    while (number < r->n_rates && r->rates[number] != r->sets->rate[i]) number++;
    if (number == r->n_rates) r->rates[r->n_rates++] = r->sets->rate[i];
    r->rate_number[i] = number;
  }
}

/* Edges over the cut behind each place. */
static void list_crossings(struct ranges *r) {
  const struct sharding_problem *problem = r->problem;
  r->cross_start = ARENA_NEW(r->arena, uint32_t, r->n_layers + 2);
  uint32_t *count = r->cross_start + 1;
  for (uint32_t e = 0; e < r->n_edges; e++) {
    const uint32_t from = problem->place[problem->edges[e].from], to = problem->place[problem->edges[e].to];
    for (uint32_t b = from; b < to; b++) count[b + 1]++;
  }
  for (uint32_t b = 0; b < r->n_layers; b++) count[b + 1] += count[b];
  r->cross = ARENA_NEW(r->arena, uint32_t, count[r->n_layers]);
  for (uint32_t e = 0; e < r->n_edges; e++) {
    const uint32_t from = problem->place[problem->edges[e].from], to = problem->place[problem->edges[e].to];
    for (uint32_t b = from; b < to; b++) r->cross[count[b]++] = e;
  }
}

struct ranges *ranges_new(const struct sharding_sets *sets, struct sharding_store *store, struct ranges_limits limits,
                          struct arena *arena) {
  const struct sharding_problem *problem = sets->problem;
  struct ranges *r = ARENA_NEW(arena, struct ranges, 1);
  *r = (struct ranges){.sets = sets,
                       .problem = problem,
                       .store = store,
                       .arena = arena,
                       .cutoff_s = limits.cutoff_s,
                       .cuts = limits.cuts,
                       .n_layers = (uint32_t)problem->n_layers,
                       .n_edges = (uint32_t)problem->n_edges};
  const size_t n_tail = (size_t)r->n_edges * sets->n_used * sets->n_contacts,
               n_rest = (size_t)r->n_layers * sets->n_used;
  if (n_tail + n_rest > MAX_STATES) return NULL;
  number_options(r), number_rates(r), list_crossings(r);
  r->fits = ARENA_NEW(arena, bool, (size_t)sets->n_used * sets->n_forms);
  for (uint32_t u = 0; u < sets->n_used; u++) {
    for (uint32_t f = 0; f < sets->n_forms; f++) r->fits[u * sets->n_forms + f] = sharding_sets_fit(sets, u, f);
  }
  r->tail = ARENA_NEW(arena, struct ranges_value, n_tail), r->rest = ARENA_NEW(arena, struct ranges_value, n_rest);
  ranges_restart(r, limits.cutoff_s);
  return r;
}

void ranges_restart(struct ranges *r, double cutoff_s) {
  const size_t n_tail = (size_t)r->n_edges * r->sets->n_used * r->sets->n_contacts,
               n_rest = (size_t)r->n_layers * r->sets->n_used, n_rows = r->n_layers + (size_t)r->n_edges * r->n_rates;
  r->cutoff_s = cutoff_s;
  for (size_t i = 0; i < n_tail; i++) r->tail[i].value_s = -1;
  for (size_t i = 0; i < n_rest; i++) r->rest[i].value_s = -1;
  for (uint32_t k = 0; k < r->n_options; k++) {
    if (r->rows[k] != NULL) memset(r->rows[k], 0, n_rows * sizeof *r->rows[k]);
  }
}

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

static struct level2_plan *plan_of(struct ranges *r, uint32_t option, const struct set_form *form, uint32_t design) {
  if (r->plans[option] != NULL) return r->plans[option];
  const struct level2_outside outside = {.inbound_bytes_per_s = INFINITY};
  r->plans[option] = ARENA_NEW(r->arena, struct level2_plan, 1);
  level2_plan_make(sharding_store_tables(r->store, form->shape, design), 0, r->n_layers - 1, &outside, r->arena,
                   r->plans[option]);
  r->rows[option] = ARENA_NEW(r->arena, struct ranges_row, r->n_layers + (size_t)r->n_edges * r->n_rates);
  return r->plans[option];
}

/* Shortest paths over strategies from the entry on, until they are longer than what is of interest or no memory holds
 * the layers. */
static void fill_row(const struct ranges *r, const struct level2_plan *plan, uint32_t entry, const double *start_s,
                     struct ranges_row *row) {
  const uint32_t n = r->n_layers - entry;
  row->end_s = ARENA_NEW(r->arena, double, n), row->out_s = ARENA_NEW(r->arena, double, n);
  const struct arena_mark mark = arena_get_mark(r->arena);
  const double **release_s = ARENA_NEW(r->arena, const double *, n);
  release_s[0] = start_s;
  const struct level2_walk walk = {plan, entry, release_s, r->cutoff_s};
  level2_walk(&walk, r->arena, row->end_s, row->out_s);
  arena_rewind(r->arena, mark);
}

const struct ranges_row *ranges_row_of_place(struct ranges *r, uint32_t form, uint32_t design, uint32_t place) {
  const uint32_t option = r->option[form * r->problem->n_designs + design];
  const struct level2_plan *plan = plan_of(r, option, &r->sets->forms[form], design);
  struct ranges_row *row = &r->rows[option][place];
  const struct level2_layer *layer = &plan->layers[place];
  const bool host = r->problem->in_start[layer->layer] == r->problem->in_start[layer->layer + 1];
  if (row->end_s == NULL) fill_row(r, plan, place, host ? layer->release_s : NULL, row);
  return row;
}

const struct ranges_row *ranges_row_of_edge(struct ranges *r, uint32_t form, uint32_t design, uint32_t edge,
                                            uint32_t contact) {
  const uint32_t option = r->option[form * r->problem->n_designs + design];
  const struct level2_plan *plan = plan_of(r, option, &r->sets->forms[form], design);
  const uint32_t rate = r->rate_number[contact * r->sets->n_forms + form];
  struct ranges_row *row = &r->rows[option][r->n_layers + (size_t)edge * r->n_rates + rate];
  if (row->end_s != NULL) return row;
  const uint32_t place = r->problem->place[r->problem->edges[edge].to], n = plan->layers[place].n;
  const uint64_t *bytes = sharding_tables_inbound(plan->tables, edge);
  const double trips = r->problem->training ? 2 : 1;
  double *start_s = ARENA_NEW(r->arena, double, n);
  for (uint32_t s = 0; s < n; s++) start_s[s] = trips * ((double)bytes[s] / r->rates[rate]);
  fill_row(r, plan, place, start_s, row);
  return row;
}

/* --- the recursion --------------------------------------------------------------------------------------------------
 */

struct trial {
  struct ranges *r;
  const struct ranges_row *row;
  uint32_t entry, used, form, design;
  bool absolute; /* what follows also starts at the earliest at 0 */
  struct ranges_value *best;
};

/* The range ends at `last`, others follow. Returns what it takes, or anything not below the best. */
static double cut_value(const struct trial *t, uint32_t last, double value_s) {
  struct ranges *r = t->r;
  const uint32_t used = ranges_used(r, t->used, t->form), contact = r->sets->forms[t->form].contact;
  for (uint32_t k = r->cross_start[last]; k < r->cross_start[last + 1] && value_s < t->best->value_s; k++) {
    const uint32_t e = r->cross[k], from = r->problem->place[r->problem->edges[e].from];
    if (from < t->entry) continue;
    value_s = fmax(value_s, t->row->end_s[from - t->entry] + ranges_tail(r, e, used, contact, NULL));
  }
  if (t->absolute && value_s < t->best->value_s) value_s = fmax(value_s, ranges_rest(r, last + 1, used, NULL));
  return value_s;
}

static void take(const struct trial *t, uint32_t last, double value_s) {
  if (!(value_s < t->best->value_s)) return;
  *t->best = (struct ranges_value){value_s, {t->form, t->design, last}};
}

static void choose(struct ranges *r, uint32_t entry, uint32_t used, uint32_t edge, uint32_t contact,
                   struct ranges_value *value) {
  struct ranges_value best = {r->cutoff_s, {SHARDING_NONE, SHARDING_NONE, SHARDING_NONE}};
  const uint32_t n_designs = (uint32_t)r->problem->n_designs, end = r->n_layers - 1;
  /* All the rest on one set first: it bounds the others. */
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t f = 0; f < r->sets->n_forms; f++) {
      if (!r->fits[used * r->sets->n_forms + f]) continue;
      const bool all_used = ranges_used(r, used, f) == r->sets->n_used - 1;
      for (uint32_t d = 0; d < n_designs; d++) {
        if (r->option[f * n_designs + d] == SHARDING_NONE) continue;
        const struct ranges_row *row =
            edge != SHARDING_NONE ? ranges_row_of_edge(r, f, d, edge, contact) : ranges_row_of_place(r, f, d, entry);
        const struct trial t = {r, row, entry, used, f, d, edge == SHARDING_NONE, &best};
        if (pass == 0) take(&t, end, row->out_s[end - entry]);
        for (uint32_t b = entry; pass == 1 && !all_used && b < end; b++) {
          /* Longer ranges end no earlier, unless a reduce-scatter takes off what the layer before has counted. */
          if (!(row->out_s[b - entry] < best.value_s)) {
            if (r->problem->reduce_scatter) continue;
            break;
          }
          if (r->cuts == NULL || r->cuts[b]) take(&t, b, cut_value(&t, b, row->out_s[b - entry]));
        }
      }
    }
  }
  if (!(best.value_s < r->cutoff_s)) best.value_s = INFINITY;
  *value = best;
}

double ranges_rest(struct ranges *r, uint32_t place, uint32_t used, struct ranges_choice *choice) {
  struct ranges_value *value = &r->rest[(size_t)place * r->sets->n_used + used];
  if (value->value_s < 0) choose(r, place, used, SHARDING_NONE, 0, value);
  if (choice != NULL) *choice = value->choice;
  return value->value_s;
}

double ranges_tail(struct ranges *r, uint32_t edge, uint32_t used, uint32_t contact, struct ranges_choice *choice) {
  struct ranges_value *value = &r->tail[((size_t)edge * r->sets->n_used + used) * r->sets->n_contacts + contact];
  if (value->value_s < 0) choose(r, r->problem->place[r->problem->edges[edge].to], used, edge, contact, value);
  if (choice != NULL) *choice = value->choice;
  return value->value_s;
}

double ranges_floor(struct ranges *r, const struct ranges_choice *sets, uint32_t n_sets, struct arena *scratch) {
  const struct sharding_problem *problem = r->problem;
  const struct arena_mark mark = arena_get_mark(scratch);
  double *end_s = ARENA_NEW(scratch, double, r->n_layers), floor_s = 0; /* by place */
  uint32_t *contact = ARENA_NEW(scratch, uint32_t, r->n_layers);        /* of its set */
  for (uint32_t k = 0, first = 0; k < n_sets && floor_s < r->cutoff_s; first = sets[k++].last + 1) {
    const struct ranges_choice *set = &sets[k];
    const struct ranges_row *own = ranges_row_of_place(r, set->form, set->design, first);
    for (uint32_t i = first; i <= set->last; i++) {
      end_s[i] = fmax(end_s[i], own->end_s[i - first]), contact[i] = r->sets->forms[set->form].contact;
    }
    floor_s = fmax(floor_s, own->out_s[set->last - first]);
    for (uint32_t entry = first; entry <= set->last; entry++) {
      const uint32_t layer = problem->topological[entry];
      for (uint32_t j = problem->in_start[layer]; j < problem->in_start[layer + 1]; j++) {
        const uint32_t e = problem->in_edge[j], from = problem->place[problem->edges[e].from];
        if (from >= first) continue;
        const struct ranges_row *row = ranges_row_of_edge(r, set->form, set->design, e, contact[from]);
        for (uint32_t i = entry; i <= set->last; i++) end_s[i] = fmax(end_s[i], end_s[from] + row->end_s[i - entry]);
        floor_s = fmax(floor_s, end_s[from] + row->out_s[set->last - entry]);
      }
    }
  }
  arena_rewind(scratch, mark);
  return floor_s;
}

struct level2_plan *ranges_plan(struct ranges *r, uint32_t form, uint32_t design) {
  return plan_of(r, r->option[form * r->problem->n_designs + design], &r->sets->forms[form], design);
}

bool ranges_carries(const struct ranges *r, uint32_t used, uint32_t form, uint32_t design) {
  return r->fits[used * r->sets->n_forms + form] && r->option[form * r->problem->n_designs + design] != SHARDING_NONE;
}

uint32_t ranges_crossing(const struct ranges *r, uint32_t last, const uint32_t **edges) {
  *edges = r->cross + r->cross_start[last];
  return r->cross_start[last + 1] - r->cross_start[last];
}

uint32_t ranges_used(const struct ranges *r, uint32_t used, uint32_t form) {
  return used + r->sets->forms[form].index; /* digits do not carry where the form fits */
}
