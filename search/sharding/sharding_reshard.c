/* How many bytes must move before the next layer can run? (sharding §3, re-shard and host.) The board that lacks most
 * decides. Tables over all pairs of strategies lay the boards' boxes out once. */
#include "search/sharding/sharding_reshard.h"
#include "search/sharding/sharding_boxes.h"

uint64_t sharding_reshard_bytes(const struct sharding_problem *problem, uint32_t edge, uint32_t p_from,
                                const struct sharding_strategy *from, uint32_t p_to,
                                const struct sharding_strategy *to) {
  const struct sharding_pairing pairing = sharding_pair(problem, edge);
  const struct sharding_cutter needs = sharding_need_cutter(problem, edge, &pairing, to);
  const bool here = p_from == p_to;
  const struct sharding_cutter haves =
      here ? sharding_output_cutter(problem, problem->edges[edge].from, from) : (struct sharding_cutter){0};
  uint64_t most = 0;
  for (uint32_t j = 0; j < p_to; j++) {
    const struct sharding_area need = sharding_cut(&needs, j);
    uint64_t lacks = sharding_area_size(&need);
    if (lacks > most && here) {
      const struct sharding_area have = sharding_cut(&haves, j);
      lacks -= sharding_common(&pairing, &need, &have);
    }
    most = max_u64(most, lacks);
  }
  return sat_mul(most, problem->element_bytes);
}

uint64_t sharding_host_bytes(const struct sharding_problem *problem, uint32_t layer, uint32_t p,
                             const struct sharding_strategy *strategy, bool output) {
  const struct sharding_cutter cutter =
      output ? sharding_output_cutter(problem, layer, strategy) : sharding_first_cutter(problem, layer, strategy);
  uint64_t most = 0;
  for (uint32_t j = 0; j < p; j++) {
    const struct sharding_area area = sharding_cut(&cutter, j);
    most = max_u64(most, sharding_area_size(&area));
  }
  return sat_mul(most, problem->element_bytes);
}

/* --- tables ---------------------------------------------------------------------------------------------------------
 * Boxes of all boards are laid out axis by axis, so that the loop over boards is a loop over numbers. */

struct boxes {
  uint64_t *low[SHARDING_N_AXES], *high[SHARDING_N_AXES]; /* [n * p] */
  bool *cut[SHARDING_N_AXES];                             /* [n] boards differ on this axis */
};

static struct boxes boxes_new(struct arena *scratch, size_t n, uint32_t p) {
  struct boxes boxes;
  for (int a = 0; a < SHARDING_N_AXES; a++) {
    boxes.low[a] = ARENA_NEW(scratch, uint64_t, n * p);
    boxes.high[a] = ARENA_NEW(scratch, uint64_t, n * p);
    boxes.cut[a] = ARENA_NEW(scratch, bool, n);
  }
  return boxes;
}

/* Board j of strategy i. */
static void boxes_put(struct boxes *boxes, size_t i, uint32_t p, uint32_t j, const struct sharding_area *area) {
  for (int a = 0; a < SHARDING_N_AXES; a++) {
    const size_t first = i * p, at = first + j;
    boxes->low[a][at] = area->low[a], boxes->high[a][at] = area->high[a];
    if (area->low[a] != boxes->low[a][first] || area->high[a] != boxes->high[a][first]) boxes->cut[a][i] = true;
  }
}

static struct sharding_area boxes_get(const struct boxes *boxes, size_t at) {
  struct sharding_area area;
  for (int a = 0; a < SHARDING_N_AXES; a++) area.low[a] = boxes->low[a][at], area.high[a] = boxes->high[a][at];
  return area;
}

/* Of strategies `to` and `from`. Where nobody is cut all boards have the same in common: only the other axes are looked
 * at board by board. */
static uint64_t most_lacking(const struct boxes *needs, size_t to, const uint64_t *sizes, const struct boxes *haves,
                             size_t from, uint32_t p) {
  const uint64_t *need_low[SHARDING_N_AXES], *need_high[SHARDING_N_AXES];
  const uint64_t *have_low[SHARDING_N_AXES], *have_high[SHARDING_N_AXES];
  uint64_t most = 0, same = 1;
  int n = 0;
  for (int a = 0; a < SHARDING_N_AXES; a++) {
    need_low[n] = needs->low[a] + to * p, need_high[n] = needs->high[a] + to * p;
    have_low[n] = haves->low[a] + from * p, have_high[n] = haves->high[a] + from * p;
    if (needs->cut[a][to] || haves->cut[a][from]) {
      n++;
    } else {
      same *= sharding_overlap(*need_low[n], *need_high[n], *have_low[n], *have_high[n]);
    }
  }
  for (uint32_t j = 0; j < p; j++) {
    uint64_t common = same;
    for (int a = 0; a < n; a++)
      common *= sharding_overlap(need_low[a][j], need_high[a][j], have_low[a][j], have_high[a][j]);
    most = max_u64(most, sizes[to * p + j] - common);
  }
  return most;
}

void sharding_reshard_some(const struct sharding_problem *problem, uint32_t edge, const struct sharding_boards *boards,
                           const struct sharding_strategy *from, size_t n_from, const struct sharding_strategy *to,
                           size_t n_to, struct arena *scratch, uint64_t *bytes) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct sharding_pairing pairing = sharding_pair(problem, edge);
  const uint32_t p = boards->n;
  struct boxes needs = boxes_new(scratch, n_to, p), haves = boxes_new(scratch, n_from, p);
  uint64_t *sizes = ARENA_NEW(scratch, uint64_t, n_to * p);
  for (size_t t = 0; t < n_to; t++) {
    const struct sharding_cutter cutter = sharding_need_cutter(problem, edge, &pairing, &to[t]);
    for (uint32_t j = 0; j < p; j++) {
      const struct sharding_area need = sharding_cut(&cutter, boards->which != NULL ? boards->which[j] : j);
      boxes_put(&needs, t, p, j, &need);
      sizes[t * p + j] = sharding_area_size(&need);
    }
  }
  for (size_t f = 0; f < n_from; f++) {
    const struct sharding_cutter cutter = sharding_output_cutter(problem, problem->edges[edge].from, &from[f]);
    for (uint32_t j = 0; j < p; j++) {
      const struct sharding_area have = sharding_cut(&cutter, boards->which != NULL ? boards->which[j] : j);
      boxes_put(&haves, f, p, j, &have);
    }
  }
  for (size_t f = 0; f < n_from; f++) {
    for (size_t t = 0; t < n_to; t++) {
      uint64_t most = 0;
      if (pairing.fold == SHARDING_SAME) {
        most = most_lacking(&needs, t, sizes, &haves, f, p);
      } else {
        for (uint32_t j = 0; j < p; j++) {
          if (sizes[t * p + j] <= most) continue;
          const struct sharding_area need = boxes_get(&needs, t * p + j), have = boxes_get(&haves, f * p + j);
          most = max_u64(most, sizes[t * p + j] - sharding_common(&pairing, &need, &have));
        }
      }
      bytes[f * n_to + t] = sat_mul(most, problem->element_bytes);
    }
  }
  arena_rewind(scratch, mark);
}

void sharding_reshard_table(const struct sharding_problem *problem, uint32_t edge, uint32_t p,
                            const struct sharding_strategy *from, size_t n_from, const struct sharding_strategy *to,
                            size_t n_to, struct arena *scratch, uint64_t *bytes) {
  const struct sharding_boards all = {p, NULL};
  sharding_reshard_some(problem, edge, &all, from, n_from, to, n_to, scratch, bytes);
}

/* --- reduce-scatter -------------------------------------------------------------------------------------------------
 */

bool sharding_scatters(const struct sharding_problem *problem, uint32_t edge, uint32_t p,
                       const struct sharding_strategy *from, const struct sharding_strategy *to) {
  const uint32_t layer = problem->edges[edge].from;
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  const uint32_t r = sharding_replication(from, kind->output_dims);
  if (!problem->reduce_scatter || r <= 1 || problem->out_start[layer + 1] - problem->out_start[layer] != 1)
    return false;
  const struct sharding_pairing pairing = sharding_pair(problem, edge);
  const struct sharding_cutter needs = sharding_need_cutter(problem, edge, &pairing, to);
  for (int axis = SHARDING_AXIS_C; axis < SHARDING_N_AXES; axis++) {
    const struct sharding_cutter pieces = sharding_scatter_cutter(problem, layer, from, (enum sharding_axis)axis, r);
    bool fits = true;
    for (uint32_t j = 0; fits && j < p; j++) {
      const struct sharding_area need = sharding_cut(&needs, j), piece = sharding_cut(&pieces, j);
      fits = sharding_common(&pairing, &need, &piece) == sharding_area_size(&need);
    }
    if (fits) return true;
  }
  return false;
}
