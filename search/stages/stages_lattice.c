/* Which downsets does a graph of layers have, and which stages lie between them? See stages_private.h.
 *
 * A downset holds with every layer all its predecessors. Since layers are in topological order, the layers between two
 * downsets can be added in ascending order without leaving the lattice: a walk that only adds larger layers meets every
 * stage once, and adds loads in the order that all others add them in. (Downsets: Tarnawski et al., "Efficient
 * Algorithms for Device Placement of DNN Graph Operators", NeurIPS 2020.) Left out: symmetry between equal branches. */
#include "base/checked.h"
#include "search/stages/stages_private.h"

static const uint64_t MOST_SET_BYTES = UINT64_C(1) << 28; /* of a table of downsets */

void stages_chain_init(struct stages_lattice *lattice, const struct stages_problem *problem) {
  *lattice = (struct stages_lattice){.problem = problem, .chain = true, .n_downsets = problem->n_layers + 1};
}

/* --- building -------------------------------------------------------------------------------------------------------
 */

struct building {
  struct stages_lattice *lattice;
  struct arena *scratch;
  size_t most_downsets, n_slots; /* slots: a power of two */
  uint32_t *slots;               /* downset + 1; 0: free */
  size_t n_edges, room_edges;
  uint64_t *next; /* a set in the making */
};

static uint64_t hash_set(const uint64_t *set, size_t n_words) {
  uint64_t hash = 0;
  for (size_t w = 0; w < n_words; w++) {
    hash = (hash ^ set[w]) * UINT64_C(0x9E3779B97F4A7C15); /* 2^64 over the golden ratio, odd */
    hash ^= hash >> 29;
  }
  return hash;
}

/* Number of the set in the making; SIZE_MAX: there is no room for another. */
static size_t find_or_add(struct building *building) {
  struct stages_lattice *lattice = building->lattice;
  const size_t set_bytes = lattice->n_words * sizeof(uint64_t);
  size_t slot = hash_set(building->next, lattice->n_words) & (building->n_slots - 1);
  for (; building->slots[slot] != 0; slot = (slot + 1) & (building->n_slots - 1)) {
    const size_t found = building->slots[slot] - 1;
    if (memcmp(&lattice->sets[found * lattice->n_words], building->next, set_bytes) == 0) return found;
  }
  if (lattice->n_downsets == building->most_downsets) return SIZE_MAX;
  memcpy(&lattice->sets[lattice->n_downsets * lattice->n_words], building->next, set_bytes);
  building->slots[slot] = (uint32_t)++lattice->n_downsets;
  return lattice->n_downsets - 1;
}

static void add_edge(struct building *building, size_t layer, size_t downset) {
  struct stages_lattice *lattice = building->lattice;
  if (building->n_edges == building->room_edges) {
    struct stages_edge *edges = ARENA_NEW(building->scratch, struct stages_edge, 2 * building->room_edges);
    memcpy(edges, lattice->edges, building->n_edges * sizeof *edges);
    lattice->edges = edges;
    building->room_edges *= 2;
  }
  lattice->edges[building->n_edges++] = (struct stages_edge){(uint32_t)layer, (uint32_t)downset};
}

static bool is_ready(const struct stages_lattice *lattice, size_t downset, size_t layer) {
  const struct stages_problem *problem = lattice->problem;
  if (stages_contains(lattice, downset, layer)) return false;
  for (uint32_t i = problem->pred_start[layer]; i < problem->pred_start[layer + 1]; i++) {
    if (!stages_contains(lattice, downset, problem->preds[i])) return false;
  }
  return true;
}

/* Downsets in the order in which they are met: the larger later, the full one last. */
static bool build(struct building *building) {
  struct stages_lattice *lattice = building->lattice;
  const size_t n_layers = lattice->problem->n_layers, set_bytes = lattice->n_words * sizeof(uint64_t);
  find_or_add(building);
  for (size_t d = 0; d < lattice->n_downsets; d++) {
    lattice->first[d] = (uint32_t)building->n_edges;
    for (size_t layer = 0; layer < n_layers; layer++) {
      if (!is_ready(lattice, d, layer)) continue;
      memcpy(building->next, &lattice->sets[d * lattice->n_words], set_bytes);
      building->next[layer / 64] |= UINT64_C(1) << layer % 64;
      const size_t downset = find_or_add(building);
      if (downset == SIZE_MAX || building->n_edges == UINT32_MAX) return false;
      add_edge(building, layer, downset);
    }
  }
  lattice->first[lattice->n_downsets] = (uint32_t)building->n_edges;
  return true;
}

bool stages_lattice_init(struct stages_lattice *lattice, const struct stages_problem *problem, struct arena *scratch) {
  const size_t n_words = (problem->n_layers + 63) / 64;
  uint64_t most = min_u64(problem->max_downsets, MOST_SET_BYTES / (n_words * sizeof(uint64_t)));
  most = min_u64(most, UINT32_MAX - 1);
  if (problem->n_layers < 32) most = min_u64(most, UINT64_C(1) << problem->n_layers);
  if (most < problem->n_layers + 1) return false; /* a chain alone has as many */
  *lattice = (struct stages_lattice){.problem = problem, .n_words = n_words};
  struct building building = {.lattice = lattice, .scratch = scratch, .most_downsets = most, .n_slots = 16};
  while (building.n_slots < 2 * most) building.n_slots *= 2;
  building.slots = ARENA_NEW(scratch, uint32_t, building.n_slots);
  building.next = ARENA_NEW(scratch, uint64_t, n_words);
  building.room_edges = 2 * most;
  lattice->sets = ARENA_NEW(scratch, uint64_t, most * n_words);
  lattice->first = ARENA_NEW(scratch, uint32_t, most + 1);
  lattice->edges = ARENA_NEW(scratch, struct stages_edge, building.room_edges);
  lattice->frames = ARENA_NEW(scratch, struct stages_frame, problem->n_layers + 1);
  return build(&building);
}

/* --- walking --------------------------------------------------------------------------------------------------------
 */

/* A stage in the making. */
struct span {
  double load;
  uint64_t fixed_bytes, kept_bytes;
};

static inline void add_layer(const struct stages_problem *problem, struct span *span, size_t layer) {
  span->load += problem->load[layer];
  if (problem->fixed_bytes != NULL) span->fixed_bytes = sat_add(span->fixed_bytes, problem->fixed_bytes[layer]);
  if (problem->kept_bytes != NULL) span->kept_bytes = sat_add(span->kept_bytes, problem->kept_bytes[layer]);
}

static inline uint64_t bytes_at(const struct stages_problem *problem, const struct span *span, size_t s) {
  const uint64_t n_kept = problem->n_kept != NULL ? problem->n_kept[s] : 0;
  return sat_add(span->fixed_bytes, sat_mul(n_kept, span->kept_bytes));
}

/* What the stage and all that grow from it cost at least; `before`: the cut before it. */
static inline uint64_t least_key(const struct stages_problem *problem, enum stages_criterion criterion,
                                 const struct span *span, size_t s, double before) {
  if (criterion == STAGES_LOAD && problem->memory_bytes == 0) return stages_key(span->load + before);
  const uint64_t bytes = bytes_at(problem, span, s);
  /* Bytes that stick at the largest number stay below "there is none". */
  if (criterion == STAGES_MEMORY) return min_u64(bytes, STAGES_NO_KEY - 1);
  return bytes > problem->memory_bytes ? STAGES_NO_KEY : stages_key(span->load + before);
}

static inline double cut_behind(const struct stages_problem *problem, size_t n_layers) {
  return problem->cut != NULL && n_layers > 0 && n_layers < problem->n_layers ? problem->cut[n_layers - 1] : 0;
}

static void walk_chain(const struct stages_lattice *lattice, enum stages_criterion criterion, size_t s, size_t from,
                       uint64_t below, stages_visit *visit, void *context) {
  const struct stages_problem *problem = lattice->problem;
  const bool last = s + 1 == problem->n_stages;
  const double before = cut_behind(problem, from);
  struct span span = {0};
  for (size_t end = from + 1; end <= problem->n_layers; end++) {
    add_layer(problem, &span, end - 1);
    uint64_t key = least_key(problem, criterion, &span, s, before);
    if (key >= below) return;
    if (last && end < problem->n_layers) continue;
    if (criterion == STAGES_LOAD && problem->cut != NULL) {
      key = stages_key(span.load + before + cut_behind(problem, end));
    }
    if (key < below) below = min_u64(below, visit(context, end, key));
  }
}

static void walk_to_end(const struct stages_lattice *lattice, enum stages_criterion criterion, size_t s, size_t from,
                        uint64_t below, stages_visit *visit, void *context) {
  const struct stages_problem *problem = lattice->problem;
  struct span span = {0};
  if (from + 1 == lattice->n_downsets) return; /* empty */
  for (size_t layer = 0; layer < problem->n_layers; layer++) {
    if (!stages_contains(lattice, from, layer)) add_layer(problem, &span, layer);
  }
  const uint64_t key = least_key(problem, criterion, &span, s, 0);
  if (key < below) visit(context, lattice->n_downsets - 1, key);
}

static void walk_lattice(struct stages_lattice *lattice, enum stages_criterion criterion, size_t s, size_t from,
                         uint64_t below, stages_visit *visit, void *context) {
  const struct stages_problem *problem = lattice->problem;
  struct stages_frame *frame = lattice->frames;
  *frame = (struct stages_frame){.edge = lattice->first[from], .end = lattice->first[from + 1]};
  for (;;) {
    while (frame->edge == frame->end) {
      if (frame == lattice->frames) return;
      frame--;
    }
    if (lattice->max_steps > 0 && ++lattice->n_steps > lattice->max_steps) return;
    const struct stages_edge edge = lattice->edges[frame->edge++];
    struct span span = {frame->load, frame->fixed_bytes, frame->kept_bytes};
    add_layer(problem, &span, edge.layer);
    const uint64_t key = least_key(problem, criterion, &span, s, 0);
    if (key >= below) continue;
    below = min_u64(below, visit(context, edge.downset, key));
    const uint32_t end = lattice->first[edge.downset + 1];
    uint32_t next = lattice->first[edge.downset];
    while (next < end && lattice->edges[next].layer < edge.layer) next++;
    *++frame = (struct stages_frame){next, end, span.load, span.fixed_bytes, span.kept_bytes};
  }
}

void stages_walk(struct stages_lattice *lattice, enum stages_criterion criterion, size_t s, size_t from, uint64_t below,
                 stages_visit *visit, void *context) {
  if (lattice->chain) {
    walk_chain(lattice, criterion, s, from, below, visit, context);
  } else if (s + 1 == lattice->problem->n_stages) {
    walk_to_end(lattice, criterion, s, from, below, visit, context);
  } else {
    walk_lattice(lattice, criterion, s, from, below, visit, context);
  }
}
