/* How does the work on a chain of blocks stay the same for 12 layers and for 126?
 *
 * In a run of places that do the same, all but those near its ends turn into the same blocks: whether a tensor wants a
 * gradient and whether it gets one are monotone from place to place, so they settle after one, and what a place keeps
 * for a neighbour depends on that neighbour alone. So a run is cut down to its first three and last two places, the
 * third standing for those left out. Places that share parameters with others stay. Left out: runs whose period is
 * more than one place. */
#include "workloads/block_short.h"

enum { KEPT_FIRST = 3, KEPT_LAST = 2, SHORTEST = KEPT_FIRST + KEPT_LAST + 1 };

struct shortening {
  const struct op_graph *graph;
  const struct block_cut *cut;
  uint32_t *rank;  /* of each op in its place */
  uint32_t *stand; /* of each place: the one that stands for it, itself if it stays */
};

static const uint32_t *members_of(const struct shortening *s, size_t place) {
  return s->cut->members + s->cut->member_start[place];
}

static uint32_t n_members(const struct shortening *s, size_t place) {
  return s->cut->member_start[place + 1] - s->cut->member_start[place];
}

/* Whether two operands are the same as seen from places a and b. */
static bool same_operand(const struct shortening *s, uint32_t x, size_t a, uint32_t y, size_t b) {
  const bool x_inside = s->cut->place_of[x] == a, y_inside = s->cut->place_of[y] == b;
  if (x_inside || y_inside) return x_inside && y_inside && s->rank[x] == s->rank[y];
  return s->cut->flows[x] ? s->cut->flows[y] : x == y;
}

static bool same_op(const struct shortening *s, uint32_t x, size_t a, uint32_t y, size_t b) {
  const struct op_graph *const graph = s->graph;
  const struct op *const p = &graph->ops[x], *const q = &graph->ops[y];
  const size_t n = graph->pred_start[x + 1] - graph->pred_start[x];
  if (p->shape != q->shape || p->n_parameters != q->n_parameters || p->n_frozen != q->n_frozen ||
      s->cut->flows[x] != s->cut->flows[y])
    return false;
  if (p->weight_group != OP_ABSENT || q->weight_group != OP_ABSENT) return false;
  if (n != graph->pred_start[y + 1] - graph->pred_start[y]) return false;
  for (size_t j = 0; j < n; j++)
    if (!same_operand(s, graph->preds[graph->pred_start[x] + j], a, graph->preds[graph->pred_start[y] + j], b))
      return false;
  return true;
}

static uint32_t leaving_rank(const struct shortening *s, size_t place) {
  return s->cut->leaving[place] == OP_ABSENT ? OP_ABSENT : s->rank[s->cut->leaving[place]];
}

/* Whether places a and a + 1 do the same. */
static bool same_as_next(const struct shortening *s, size_t a) {
  const uint32_t n = n_members(s, a);
  if (n != n_members(s, a + 1) || leaving_rank(s, a) != leaving_rank(s, a + 1)) return false;
  for (uint32_t r = 0; r < n; r++)
    if (!same_op(s, members_of(s, a)[r], a, members_of(s, a + 1)[r], a + 1)) return false;
  return true;
}

/* Returns how many places can go. */
static size_t find_runs(const struct shortening *s) {
  size_t n_gone = 0;
  for (size_t first = 0, end; first < s->cut->n_places; first = end) {
    for (end = first + 1; end < s->cut->n_places && same_as_next(s, end - 1);) end++;
    for (size_t k = first; k < end; k++) {
      const bool gone = end - first >= SHORTEST && k >= first + KEPT_FIRST && k < end - KEPT_LAST;
      s->stand[k] = (uint32_t)(gone ? first + KEPT_FIRST - 1 : k);
      n_gone += gone;
    }
  }
  return n_gone;
}

/* The op of the shorter graph for op i of the longer one: of the same rank in the place that stands for its own. */
static uint32_t new_index(const struct shortening *s, const uint32_t *index, uint32_t i) {
  return index[members_of(s, s->stand[s->cut->place_of[i]])[s->rank[i]]];
}

/* False if some op would come before one of its operands. */
static bool copy_ops(const struct shortening *s, struct graph_builder *builder, uint32_t *index, uint32_t *row) {
  const struct op_graph *const graph = s->graph;
  for (uint32_t i = 0; i < graph->n_ops; i++) {
    if (s->stand[s->cut->place_of[i]] != s->cut->place_of[i]) continue;
    size_t n = 0;
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      row[n] = new_index(s, index, graph->preds[e]);
      if (row[n++] == OP_ABSENT) return false;
    }
    index[i] = graph_builder_add(builder, &graph->ops[i], op_name(graph, i), row, n);
  }
  return true;
}

static void copy_cut(const struct shortening *s, const uint32_t *index, struct arena *arena, struct block_short *out) {
  const struct block_cut *const cut = s->cut;
  uint32_t *const new_place = ARENA_NEW(arena, uint32_t, cut->n_places);
  uint32_t *const place_of = ARENA_NEW(arena, uint32_t, out->graph.n_ops);
  uint32_t *const members = ARENA_NEW(arena, uint32_t, out->graph.n_ops);
  uint32_t *const start = ARENA_NEW(arena, uint32_t, cut->n_places + 1);
  uint32_t *const leaving = ARENA_NEW(arena, uint32_t, cut->n_places);
  bool *const flows = ARENA_NEW(arena, bool, out->graph.n_ops);
  uint32_t n = 0, n_places = 0;
  for (size_t k = 0; k < cut->n_places; k++) {
    if (s->stand[k] != k) {
      new_place[k] = new_place[s->stand[k]];
      continue;
    }
    leaving[n_places] = cut->leaving[k] == OP_ABSENT ? OP_ABSENT : index[cut->leaving[k]];
    for (uint32_t r = 0; r < n_members(s, k); r++) {
      const uint32_t old = members_of(s, k)[r];
      members[n++] = index[old];
      place_of[index[old]] = n_places;
      flows[index[old]] = cut->flows[old];
    }
    new_place[k] = n_places++;
    start[n_places] = n;
  }
  out->place_of = new_place;
  out->cut = (struct block_cut){.n_places = n_places,
                                .place_of = place_of,
                                .member_start = start,
                                .members = members,
                                .leaving = leaving,
                                .flows = flows,
                                .layered = cut->layered};
}

bool block_shorten(const struct op_graph *forward, const struct block_cut *cut, struct arena *arena,
                   struct arena *scratch, struct block_short *out, struct error *error) {
  uint32_t *const stand = ARENA_NEW(arena, uint32_t, cut->n_places);
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct shortening s = {forward, cut, ARENA_NEW(scratch, uint32_t, forward->n_ops), stand};
  for (size_t k = 0; k < cut->n_places; k++)
    for (uint32_t r = 0; r < n_members(&s, k); r++) s.rank[members_of(&s, k)[r]] = r;
  uint32_t *const index = ARENA_NEW(scratch, uint32_t, forward->n_ops);
  for (size_t i = 0; i < forward->n_ops; i++) index[i] = OP_ABSENT;
  struct graph_builder *const builder = graph_builder_new(scratch);
  const bool shorter =
      find_runs(&s) > 0 && copy_ops(&s, builder, index, ARENA_NEW(scratch, uint32_t, forward->n_edges));
  bool done = true;
  if (shorter) {
    done = graph_builder_finish(builder, arena, &out->graph, error);
    if (done) copy_cut(&s, index, arena, out);
  } else {
    for (uint32_t k = 0; k < cut->n_places; k++) stand[k] = k;
    *out = (struct block_short){*forward, *cut, stand};
  }
  arena_rewind(scratch, mark);
  return done;
}
