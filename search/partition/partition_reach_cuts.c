/* What must cross a boundary at least, and how much more once it is known of a tensor that it does? See
 * partition_exact_private.h; partition §10.
 *
 * Between what must be before the boundary and what must be behind it the maximum flow is the least cut. Any cut is at
 * least the flow plus what the flow leaves free of the tensors cut: that is what decisions add to.
 *
 * The profile asks the same of ideals by their work. In an interval of work, elements with too much behind them must be
 * in, those with too much before them must be out; a price on work that misses the interval's middle (Lagrange) does
 * the rest. Prices follow Newton's steps along the lower hull of work and cut. Each gives a line below all ideals of
 * the interval. Times are rounded down to what doubles add up exactly. */
#include "search/partition/partition_exact_private.h"

#include "search/partition/partition_flow.h"
#include <math.h>

enum { SOURCE, SINK, FIRST_FREE, COARSE_BITS = 8, INTERVALS = 256, MOST_PRICES = 8, MOST_FREE = 4096 };

struct network {
  const struct partition_lattice *lattice;
  uint32_t *slot; /* [n] */
  struct partition_flow *flow;
  size_t n_free, n_nodes, n_arcs;
  uint32_t *arc; /* [n_tensors] of the tensor; UINT32_MAX: it has none */
  int64_t certain;
};

static double coarse(int64_t time) { return (double)(time >> COARSE_BITS); }

static void add_arc(struct network *net, uint32_t from, uint32_t to, double capacity) {
  partition_flow_arc(net->flow, from, to, capacity);
  net->n_arcs++;
}

static void add_tensor(struct network *net, size_t t) {
  const struct partition_lattice *l = net->lattice;
  const struct lattice_tensor *tensor = &l->tensors[t];
  const uint32_t from = net->slot[tensor->producer];
  bool beyond = false, is_free = false;
  net->arc[t] = UINT32_MAX;
  if (from == SINK || !(coarse(tensor->time) > 0)) return;
  for (uint32_t i = tensor->first; i < tensor->end; i++) {
    beyond = beyond || net->slot[l->consumer[i]] == SINK;
    is_free = is_free || net->slot[l->consumer[i]] >= FIRST_FREE;
  }
  if (!beyond && !is_free) return;
  if (beyond && from == SOURCE) {
    net->certain += tensor->time;
    return;
  }
  net->arc[t] = (uint32_t)net->n_arcs;
  const uint32_t to = beyond ? SINK : (uint32_t)net->n_nodes++;
  add_arc(net, from, to, coarse(tensor->time));
  for (uint32_t i = tensor->first; i < tensor->end && !beyond; i++) {
    const uint32_t consumer = net->slot[l->consumer[i]];
    if (consumer >= FIRST_FREE) add_arc(net, to, consumer, INFINITY);
  }
}

static void network_init(struct network *net, const struct partition_lattice *lattice, struct arena *arena) {
  const size_t n_arcs =
      lattice->n_tensors + lattice->read_start[lattice->n] + lattice->in_start[lattice->n] + lattice->n;
  *net = (struct network){.lattice = lattice,
                          .slot = ARENA_NEW(arena, uint32_t, lattice->n),
                          .arc = ARENA_NEW(arena, uint32_t, lattice->n_tensors),
                          .flow = partition_flow_new(FIRST_FREE + lattice->n + lattice->n_tensors, n_arcs, arena)};
}

/* Arcs of a cut; slots are filled in. */
static void fill(struct network *net) {
  const struct partition_lattice *l = net->lattice;
  net->n_nodes = FIRST_FREE + net->n_free, net->n_arcs = 0, net->certain = 0;
  partition_flow_clear(net->flow, FIRST_FREE + net->n_free + l->n_tensors);
  for (size_t t = 0; t < l->n_tensors; t++) add_tensor(net, t);
  for (size_t e = 0; e < l->n; e++) {
    for (uint32_t i = l->in_start[e]; i < l->in_start[e + 1] && net->slot[e] >= FIRST_FREE; i++) {
      if (net->slot[l->in[i]] >= FIRST_FREE) add_arc(net, net->slot[e], net->slot[l->in[i]], INFINITY);
    }
  }
}

void partition_reach_cut(const struct partition_lattice *lattice, const struct partition_where *where, uint32_t c,
                         struct arena *scratch, int64_t *left, int64_t *sum) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct network net;
  network_init(&net, lattice, scratch);
  for (size_t e = 0; e < lattice->n; e++) {
    net.slot[e] = where->high[e] <= c ? SOURCE : where->low[e] > c ? SINK : (uint32_t)(FIRST_FREE + net.n_free++);
  }
  fill(&net);
  *sum = net.certain + ((int64_t)partition_flow_run(net.flow, SOURCE, SINK) << COARSE_BITS);
  for (size_t t = 0; t < lattice->n_tensors; t++) {
    const struct lattice_tensor *tensor = &lattice->tensors[t];
    left[t] = 0; /* right for those that certainly cross, and never too much */
    if (net.arc[t] != UINT32_MAX) {
      left[t] = (int64_t)partition_flow_left(net.flow, net.arc[t]) << COARSE_BITS;
    } else if (net.slot[tensor->producer] == SINK) {
      left[t] = tensor->time;
    }
  }
  arena_rewind(scratch, mark);
}

/* --- the profile ----------------------------------------------------------------------------------------------------
 */

struct interval {
  int64_t low, high; /* of work */
  int64_t taken;     /* work of what must be in */
};

/* The least of cut + price × work of what is free (price < 0: of what is free and out), over the interval's ideals;
 * where it lies. */
static double ask_price(struct network *net, double price, const struct interval *interval, double *work, double *cut) {
  const struct partition_lattice *l = net->lattice;
  fill(net);
  for (size_t e = 0; e < l->n; e++) {
    if (net->slot[e] < FIRST_FREE || l->work[e] == 0) continue;
    const double cost = floor(fabs(price) * coarse(l->work[e]));
    if (!(cost > 0)) continue;
    add_arc(net, price > 0 ? net->slot[e] : SOURCE, price > 0 ? SINK : net->slot[e], cost);
  }
  const double least = (double)net->certain + ldexp(partition_flow_run(net->flow, SOURCE, SINK), COARSE_BITS);
  double in = 0, out = 0;
  for (size_t e = 0; e < l->n; e++) {
    if (net->slot[e] < FIRST_FREE) continue;
    if (partition_flow_side(net->flow, net->slot[e])) {
      in += (double)l->work[e];
    } else {
      out += (double)l->work[e];
    }
  }
  *work = (double)interval->taken + in;
  *cut = least - fabs(price) * (price > 0 ? in : out);
  return least;
}

/* Raises the steps of the interval to the line that a price gives. */
static void raise_steps(struct partition_profile *profile, const struct partition_lattice *l,
                        const struct interval *interval, double least, double price, double free_work) {
  const int64_t first = interval->low / profile->width;
  for (int64_t i = first; i < PARTITION_STEPS && i * profile->width < interval->high; i++) {
    const double low = (double)(i * profile->width), high = low + (double)profile->width;
    const double in = high - (double)interval->taken, out = free_work - (low - (double)interval->taken);
    const double line = least - fabs(price) * (price > 0 ? in : out);
    const double safe = line - 1e-12 * fabs(least) - (double)l->rounding;
    if (safe > (double)profile->cut[i]) profile->cut[i] = (int64_t)safe;
  }
}

static void ask_interval(struct partition_profile *profile, struct network *net, const struct interval *interval,
                         double free_work) {
  const double middle = 0.5 * (double)(interval->low + interval->high);
  double left_work = 0, left_cut = 0, right_work = 0, right_cut = 0;
  bool has_left = false, has_right = false;
  double price = 0;
  for (size_t k = 0; k < MOST_PRICES; k++) {
    double work, cut;
    const double least = ask_price(net, price, interval, &work, &cut);
    raise_steps(profile, net->lattice, interval, least, price, free_work);
    if (work <= middle) {
      if (has_left && work <= left_work) return;
      left_work = work, left_cut = cut, has_left = true;
    } else {
      if (has_right && work >= right_work) return;
      right_work = work, right_cut = cut, has_right = true;
    }
    /* The hull's slope between both sides, or far over to the side that is not known yet. */
    if (has_left && has_right) {
      price = -(right_cut - left_cut) / (right_work - left_work);
    } else if (has_left) {
      price = price < 0 ? 4 * price : -0.01;
    } else {
      price = price > 0 ? 4 * price : 0.01;
    }
  }
}

void partition_profile_init(struct partition_profile *profile, const struct partition_lattice *lattice,
                            const int64_t *before, const int64_t *after, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct network net;
  network_init(&net, lattice, scratch);
  *profile = (struct partition_profile){.width = lattice->total / PARTITION_STEPS + 1};
  const int64_t width = profile->width * (PARTITION_STEPS / INTERVALS);
  for (int64_t i = 0; i < INTERVALS && i * width <= lattice->total; i++) {
    struct interval interval = {i * width, (i + 1) * width, 0};
    double free_work = 0;
    net.n_free = 0;
    for (size_t e = 0; e < lattice->n; e++) {
      net.slot[e] = SINK;
      if (lattice->total - after[e] < interval.low) {
        net.slot[e] = SOURCE;
        interval.taken += lattice->work[e];
      } else if (before[e] < interval.high) {
        net.slot[e] = (uint32_t)(FIRST_FREE + net.n_free++);
        free_work += (double)lattice->work[e];
      }
    }
    if (net.n_free <= MOST_FREE) ask_interval(profile, &net, &interval, free_work);
  }
  arena_rewind(scratch, mark);
}
