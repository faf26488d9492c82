/* Ancestors and descendants of groups, 64 at a time. See partition_cones.h. */
#include "search/partition/partition_cones.h"

#include "base/checked.h"

enum { WORD = 64 };

/* A longest way through the graph, and what follows from it. */
struct way {
  size_t n;
  uint32_t *behind; /* [n groups] groups of the way that come before the group or are it: the first so many */
  bool *on, *leads; /* [n groups] on the way; comes before its end or is it */
  double *ms;       /* [n + 1] sums of blocks that come before the i-th, from 1, and not before the one before it */
  uint64_t *bytes;
};

/* Which of 64 groups, next to each other in the order, are before each group? */
struct cones {
  const struct partition_graph *graph;
  bool forward; /* ancestors, along the order; else descendants, against it */
  uint64_t *word;
  double byte_ms[8][256], all_ms;
  uint64_t byte_bytes[8][256], all_bytes;
  double *ms;
  uint64_t *bytes; /* NULL: not wanted */
};

static uint32_t in_line(const struct cones *cones, size_t i) {
  const struct partition_graph *g = cones->graph;
  return g->topological[cones->forward ? i : g->n - 1 - i];
}

/* What stands before the group in line: its neighbours on that side. */
static const uint32_t *before(const struct cones *cones, uint32_t v, size_t *n) {
  const struct partition_graph *g = cones->graph;
  const uint32_t *start = cones->forward ? g->in_start : g->out_start, *list = cones->forward ? g->in : g->out;
  *n = start[v + 1] - start[v];
  return list + start[v];
}

/* Sums of all subsets of a byte of groups. */
static void fill_tables(struct cones *cones, size_t first, size_t n) {
  const struct partition_graph *g = cones->graph;
  for (size_t byte = 0; byte < 8; byte++) {
    for (size_t set = 1; set < 256; set++) {
      const size_t rest = set & (set - 1), i = 8 * byte + (size_t)__builtin_ctzll(set);
      const bool real = i < n;
      cones->byte_ms[byte][set] = cones->byte_ms[byte][rest] + (real ? g->compute_ms[in_line(cones, first + i)] : 0);
      cones->byte_bytes[byte][set] =
          sat_add(cones->byte_bytes[byte][rest], real ? g->weight_bytes[in_line(cones, first + i)] : 0);
    }
  }
  cones->all_ms = 0, cones->all_bytes = 0;
  for (size_t byte = 0; byte < 8; byte++) {
    cones->all_ms += cones->byte_ms[byte][255];
    cones->all_bytes = sat_add(cones->all_bytes, cones->byte_bytes[byte][255]);
  }
}

static void add_set(const struct cones *cones, uint64_t set, double *ms, uint64_t *bytes) {
  for (size_t byte = 0; byte < 8; byte++) {
    *ms += cones->byte_ms[byte][set >> (8 * byte) & 255];
    if (bytes != NULL) *bytes = sat_add(*bytes, cones->byte_bytes[byte][set >> (8 * byte) & 255]);
  }
}

/* The groups of a block that come before the i-th in line, or are it; those of all before it are known. */
static uint64_t find_word(struct cones *cones, size_t first, size_t i) {
  const uint32_t v = in_line(cones, i);
  size_t n;
  const uint32_t *list = before(cones, v, &n);
  uint64_t word = i < first + WORD ? UINT64_C(1) << (i - first) : 0;
  for (size_t k = 0; k < n; k++) word |= cones->word[list[k]];
  return cones->word[v] = word;
}

/* --- exactly --------------------------------------------------------------------------------------------------------
 */

static void add_block(struct cones *cones, size_t first) {
  const size_t n = cones->graph->n;
  const uint64_t all = n - first >= WORD ? UINT64_MAX : (UINT64_C(1) << (n - first)) - 1;
  for (size_t i = first; i < n; i++) {
    const uint64_t word = find_word(cones, first, i);
    const uint32_t v = in_line(cones, i);
    if (word == 0) continue;
    if (word == all) {
      cones->ms[v] += cones->all_ms;
      if (cones->bytes != NULL) cones->bytes[v] = sat_add(cones->bytes[v], cones->all_bytes);
    } else {
      add_set(cones, word, &cones->ms[v], cones->bytes != NULL ? &cones->bytes[v] : NULL);
    }
  }
}

/* --- in few steps ---------------------------------------------------------------------------------------------------
 */

static struct way way_new(const struct cones *cones, struct arena *scratch) {
  const size_t n = cones->graph->n;
  struct way way = {.behind = ARENA_NEW(scratch, uint32_t, n),
                    .on = ARENA_NEW(scratch, bool, n),
                    .leads = ARENA_NEW(scratch, bool, n)};
  uint32_t *length = ARENA_NEW(scratch, uint32_t, n), *from = ARENA_NEW(scratch, uint32_t, n);
  uint32_t last = in_line(cones, 0);
  size_t n_list;
  for (size_t i = 0; i < n; i++) {
    const uint32_t v = in_line(cones, i);
    const uint32_t *list = before(cones, v, &n_list);
    length[v] = 1, from[v] = v;
    for (size_t k = 0; k < n_list; k++) {
      if (length[list[k]] + 1 > length[v]) length[v] = length[list[k]] + 1, from[v] = list[k];
    }
    if (length[v] > length[last]) last = v;
  }
  way.n = length[last];
  way.leads[last] = true;
  for (uint32_t v = last;; v = from[v]) {
    way.on[v] = true, way.behind[v] = length[v];
    if (from[v] == v) break;
  }
  for (size_t i = 0; i < n; i++) {
    const uint32_t v = in_line(cones, i), w = in_line(cones, n - 1 - i);
    const uint32_t *list = before(cones, v, &n_list);
    for (size_t k = 0; k < n_list; k++) {
      if (way.behind[list[k]] > way.behind[v]) way.behind[v] = way.behind[list[k]];
    }
    list = before(cones, w, &n_list);
    for (size_t k = 0; k < n_list && way.leads[w]; k++) way.leads[list[k]] = true;
  }
  way.ms = ARENA_NEW(scratch, double, way.n + 1), way.bytes = ARENA_NEW(scratch, uint64_t, way.n + 1);
  return way;
}

/* Looks at groups one by one, at the block's all, until a group of the way has all of the block before it that the
 * way's end has. The others of the block count only for groups that were looked at. */
static void add_block_by_way(struct cones *cones, struct way *way, size_t first, size_t most) {
  const size_t n = cones->graph->n;
  uint64_t wanted = 0;
  for (size_t i = first; i < n && i < first + WORD; i++) {
    wanted |= (uint64_t)way->leads[in_line(cones, i)] << (i - first);
  }
  for (size_t i = first; i < n && i - first < most; i++) {
    const uint64_t word = find_word(cones, first, i);
    const uint32_t v = in_line(cones, i);
    if (i >= first + WORD && way->on[v] && wanted != 0 && (word & wanted) == wanted) {
      add_set(cones, wanted, &way->ms[way->behind[v]], &way->bytes[way->behind[v]]);
      return;
    }
    add_set(cones, word, &cones->ms[v], cones->bytes != NULL ? &cones->bytes[v] : NULL);
  }
}

static void add_way(struct cones *cones, struct way *way) {
  for (size_t k = 1; k <= way->n; k++) {
    way->ms[k] += way->ms[k - 1];
    way->bytes[k] = sat_add(way->bytes[k], way->bytes[k - 1]);
  }
  for (size_t v = 0; v < cones->graph->n; v++) {
    cones->ms[v] += way->ms[way->behind[v]];
    if (cones->bytes != NULL) cones->bytes[v] = sat_add(cones->bytes[v], way->bytes[way->behind[v]]);
  }
}

void partition_cones_add(const struct partition_graph *graph, bool forward, uint64_t most_steps, struct arena *scratch,
                         double *ms, uint64_t *bytes) {
  const size_t n = graph->n, n_blocks = (n + WORD - 1) / WORD;
  if (n == 0) return;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct cones *cones = ARENA_NEW(scratch, struct cones, 1);
  cones->graph = graph, cones->forward = forward, cones->ms = ms, cones->bytes = bytes;
  cones->word = ARENA_NEW(scratch, uint64_t, n);
  struct way way = {0};
  if (most_steps > 0) way = way_new(cones, scratch);
  const uint64_t share = most_steps / n_blocks, most = share < 2 * WORD ? 2 * WORD : share;
  for (size_t first = 0; first < n; first += WORD) {
    /* Before the block there is nothing of it; what the last block left behind it is overwritten before it is read. */
    for (size_t i = first < WORD ? 0 : first - WORD; i < first; i++) cones->word[in_line(cones, i)] = 0;
    fill_tables(cones, first, n - first < WORD ? n - first : WORD);
    if (most_steps > 0) {
      add_block_by_way(cones, &way, first, most);
    } else {
      add_block(cones, first);
    }
  }
  if (most_steps > 0) add_way(cones, &way);
  arena_rewind(scratch, mark);
}
