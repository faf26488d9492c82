/* Can all layers end before a deadline? See sharding_deadline.h.
 *
 * The relaxation of sharding_ranges.h bounds what follows an edge and what is left from the start by sets of their own,
 * so that a branch may take boards for the one that it does not take for the other. Here one choice of the next set
 * serves both. By recursion over (first place of the next set, boards used, contact of the set before): how late may
 * the layer before that place end? Not later than its reader's set allows, whose own end is limited by the sets behind
 * in the same way; from the start, too, all must be in time. Edges to places further back bound as before, each by
 * itself. On chains nothing is gained; on streams side by side boards are counted once. */
#include "search/sharding/sharding_deadline.h"

#include <math.h>

struct latest {
  double end_s;              /* of the layer before the place, less than this; INFINITY: any, 0: none is in time */
  struct ranges_choice next; /* that allows it */
  uint32_t round;            /* in which it was worked out */
};

struct deadline {
  struct ranges *ranges;
  const struct sharding_sets *sets;
  const struct sharding_problem *problem;
  uint32_t n_layers;
  uint32_t *feeds; /* [n_layers] edge from the place before; SHARDING_NONE: none */
  struct latest *latest;
  uint32_t round;
  double deadline_s;
  uint64_t n_steps, max_steps;
};

enum { MAX_STATES = 1 << 21 };

struct deadline *deadline_new(struct ranges *ranges, const struct sharding_sets *sets, struct arena *arena) {
  const struct sharding_problem *problem = sets->problem;
  const uint32_t n_layers = (uint32_t)problem->n_layers;
  const size_t n_states = (size_t)n_layers * sets->n_used * sets->n_contacts;
  if (n_states > MAX_STATES) return NULL;
  struct deadline *d = ARENA_NEW(arena, struct deadline, 1);
  *d = (struct deadline){.ranges = ranges, .sets = sets, .problem = problem, .n_layers = n_layers};
  d->latest = ARENA_NEW(arena, struct latest, n_states);
  d->feeds = ARENA_NEW(arena, uint32_t, n_layers);
  for (uint32_t place = 0; place < n_layers; place++) {
    const uint32_t layer = problem->topological[place];
    d->feeds[place] = SHARDING_NONE;
    for (uint32_t j = problem->in_start[layer]; j < problem->in_start[layer + 1]; j++) {
      const uint32_t e = problem->in_edge[j];
      if (problem->place[problem->edges[e].from] + 1 == place) d->feeds[place] = e;
    }
  }
  return d;
}

struct option { /* of the next set: form and design, as they run from its first place */
  uint32_t first, used, form, design;
  const struct ranges_row *start, *behind; /* from time 0; from the end of the layer before, NULL: it feeds nothing */
};

static const struct latest *latest_of(struct deadline *d, uint32_t first, uint32_t used, uint32_t contact);

/* How late may the layer before end if the set ends with place `last`? */
static double latest_by(struct deadline *d, const struct option *o, uint32_t last) {
  const uint32_t at = last - o->first;
  double end_s = o->behind != NULL ? d->deadline_s - o->behind->out_s[at] : INFINITY;
  if (last + 1 == d->n_layers || end_s <= 0) return end_s;
  const uint32_t used = ranges_used(d->ranges, o->used, o->form), contact = d->sets->forms[o->form].contact;
  const uint32_t *edges, n = ranges_crossing(d->ranges, last, &edges);
  const double rest_s = latest_of(d, last + 1, used, contact)->end_s;
  if (rest_s <= 0) return 0;
  for (uint32_t k = 0; k < n && end_s > 0; k++) {
    const uint32_t e = edges[k], from = d->problem->place[d->problem->edges[e].from];
    if (from < o->first) continue;
    const double limit_s =
        d->feeds[last + 1] == e ? rest_s : d->deadline_s - ranges_tail(d->ranges, e, used, contact, NULL);
    if (o->start->end_s[from - o->first] >= limit_s) return 0;
    if (o->behind != NULL) end_s = fmin(end_s, limit_s - o->behind->end_s[from - o->first]);
  }
  d->n_steps += n;
  return end_s;
}

static void work_out(struct deadline *d, uint32_t first, uint32_t used, uint32_t contact, struct latest *latest) {
  const uint32_t end = d->n_layers - 1, edge = first > 0 ? d->feeds[first] : SHARDING_NONE;
  struct latest best = {0, {SHARDING_NONE, SHARDING_NONE, SHARDING_NONE}, d->round};
  for (uint32_t f = 0; f < d->sets->n_forms; f++) {
    for (uint32_t design = 0; design < d->problem->n_designs; design++) {
      if (!ranges_carries(d->ranges, used, f, design)) continue;
      const struct option o = {first,
                               used,
                               f,
                               design,
                               ranges_row_of_place(d->ranges, f, design, first),
                               edge != SHARDING_NONE ? ranges_row_of_edge(d->ranges, f, design, edge, contact) : NULL};
      const bool all_used = ranges_used(d->ranges, used, f) == d->sets->n_used - 1;
      /* Long ranges leave most boards. What ends too late does so behind, too. */
      uint32_t longest = d->problem->reduce_scatter ? end + 1 : first;
      while (longest <= end && o.start->out_s[longest - first] < d->deadline_s) longest++;
      for (uint32_t last = longest; last-- > first && !isinf(best.end_s);) {
        if (++d->n_steps > d->max_steps) break;
        if (all_used && last < end) break;
        if (o.start->out_s[last - first] >= d->deadline_s) continue;
        if (o.behind != NULL && d->deadline_s - o.behind->out_s[last - first] <= best.end_s) continue;
        const double end_s = latest_by(d, &o, last);
        if (end_s > best.end_s) best.end_s = end_s, best.next = (struct ranges_choice){f, design, last};
      }
    }
  }
  *latest = best;
}

static const struct latest *latest_of(struct deadline *d, uint32_t first, uint32_t used, uint32_t contact) {
  struct latest *latest = &d->latest[((size_t)first * d->sets->n_used + used) * d->sets->n_contacts + contact];
  if (latest->round != d->round) work_out(d, first, used, contact, latest);
  return latest;
}

static void trace(struct deadline *d, struct choice *way) {
  uint32_t first = 0, used = 0, contact = 0;
  for (way->n_sets = 0; first < d->n_layers && way->n_sets < CHOICE_MAX_SETS;) {
    const struct latest *latest = latest_of(d, first, used, contact);
    if (latest->next.form == SHARDING_NONE) break;
    way->sets[way->n_sets++] = latest->next;
    used = ranges_used(d->ranges, used, latest->next.form), contact = d->sets->forms[latest->next.form].contact;
    first = latest->next.last + 1;
  }
  if (first < d->n_layers) way->n_sets = 0;
}

bool deadline_try(struct deadline *d, double deadline_s, uint64_t max_steps, uint64_t *n_steps, struct choice *way) {
  d->round++, d->deadline_s = deadline_s, d->n_steps = 0, d->max_steps = max_steps;
  const double end_s = latest_of(d, 0, 0, 0)->end_s;
  const bool cut_short = d->n_steps > max_steps;
  way->n_sets = 0;
  if (!cut_short && end_s > 0) trace(d, way);
  *n_steps += d->n_steps;
  return cut_short || end_s > 0;
}
