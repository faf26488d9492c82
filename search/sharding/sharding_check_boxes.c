/* What must move before a layer can run? (sharding §3, re-shard and host, from the rules alone.)
 *
 * A layer's input is four axes: batch, channels, rows, columns. What a board needs is a box of them, what it has
 * another; they are compared element by element where there are few, else box by box. A reader's axes lie on the
 * producer's as they are (channels shifted behind a join), or channels, rows and columns are one row (a product behind
 * a convolution), or batch and channels are one row (heads); what meets in no way is not there. */
#include "base/checked.h"
#include "search/sharding/sharding_check_private.h"
#include <math.h>
#include <string.h>

enum { BATCH, CHANNEL, ROW, COLUMN, N_AXES };
struct box {
  uint64_t low[N_AXES], high[N_AXES];
};
enum meeting { AS_THEY_ARE, ONE_ROW, HEADS, NOWHERE };
struct meet {
  enum meeting how;
  uint64_t from[N_AXES]; /* extents of the producer's output */
  uint64_t channels;     /* of the reader, in its own count */
  uint64_t first;        /* channel of the reader that the producer's first one is */
  uint64_t rows, columns;
  bool second, across; /* of attention: the second operand; its Cout lies along the producer's rows */
};

static const uint64_t few_elements = 1 << 12;

/* --- boxes of a board -----------------------------------------------------------------------------------------------
 */

static void slices(const struct judged_layer *l, uint32_t board, uint64_t low[SHARDING_N_DIMS],
                   uint64_t high[SHARDING_N_DIMS]) {
  uint32_t place[SHARDING_N_DIMS];
  judged_place(l, board, place);
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) judged_slice(l, (enum sharding_dim)d, place[d], &low[d], &high[d]);
}

/* Of a tensor that is passed round a board has one piece along the shared loop. */
static void cut(const struct judged_layer *l, enum judged_tensor tensor, uint32_t board, uint64_t low[SHARDING_N_DIMS],
                uint64_t high[SHARDING_N_DIMS]) {
  const unsigned s = l->strategy->shared;
  if (!judged_rotates(l, tensor)) return;
  const uint64_t size = l->problem->layers[l->layer].size[s], each = ceil_div(size, judged_phases(l));
  low[s] = min_u64(size, judged_copy(l, tensor, board) * each);
  high[s] = min_u64(size, low[s] + each);
}

static struct box output_box(const struct judged_layer *l, uint32_t board) {
  uint64_t low[SHARDING_N_DIMS], high[SHARDING_N_DIMS];
  slices(l, board, low, high);
  return (struct box){{low[SHARDING_B], low[SHARDING_COUT], low[SHARDING_H], low[SHARDING_W]},
                      {high[SHARDING_B], high[SHARDING_COUT], high[SHARDING_H], high[SHARDING_W]}};
}

/* Rows that the windows of outputs [low, high) touch, of those that there are. */
static void touch(const struct sharding_layer *layer, uint64_t filter, uint64_t rows, uint64_t *low, uint64_t *high) {
  if (*low >= *high) {
    *low = *high = 0;
    return;
  }
  const int64_t pad = (int64_t)layer->pad, stride = (int64_t)layer->stride;
  const int64_t first = (int64_t)*low * stride - pad, end = ((int64_t)*high - 1) * stride + (int64_t)filter - pad;
  *low = first < 0 ? 0 : min_u64((uint64_t)first, rows);
  *high = end < 0 ? 0 : min_u64((uint64_t)end, rows);
  if (*high < *low) *high = *low;
}

static struct box input_box(const struct judged_layer *l, uint32_t board, uint64_t rows, uint64_t columns) {
  const struct sharding_layer *layer = &l->problem->layers[l->layer];
  const unsigned channel = judged_kind(l)->channels_tied ? SHARDING_COUT : SHARDING_CIN;
  uint64_t low[SHARDING_N_DIMS], high[SHARDING_N_DIMS];
  slices(l, board, low, high);
  cut(l, JUDGED_INPUT, board, low, high);
  touch(layer, layer->size[SHARDING_KH], rows, &low[SHARDING_H], &high[SHARDING_H]);
  touch(layer, layer->size[SHARDING_KW], columns, &low[SHARDING_W], &high[SHARDING_W]);
  return (struct box){{low[SHARDING_B], low[channel], low[SHARDING_H], low[SHARDING_W]},
                      {high[SHARDING_B], high[channel], high[SHARDING_H], high[SHARDING_W]}};
}

static struct box second_box(const struct judged_layer *l, uint32_t board, bool across) {
  const unsigned channel = across ? SHARDING_CIN : SHARDING_COUT, row = across ? SHARDING_COUT : SHARDING_CIN;
  uint64_t low[SHARDING_N_DIMS], high[SHARDING_N_DIMS];
  slices(l, board, low, high);
  cut(l, JUDGED_WEIGHTS, board, low, high);
  return (struct box){{low[SHARDING_B], low[channel], low[row], 0}, {high[SHARDING_B], high[channel], high[row], 1}};
}

static uint64_t volume(const struct box *box) {
  uint64_t n = 1;
  for (int a = 0; a < N_AXES; a++) n *= box->high[a] > box->low[a] ? box->high[a] - box->low[a] : 0;
  return n;
}

/* --- how a reader meets its producer --------------------------------------------------------------------------------
 */

/* Rows of an input of which only the output's are known. */
static uint64_t input_rows(const struct sharding_layer *layer, enum sharding_dim d) {
  const uint64_t filter = layer->size[d == SHARDING_H ? SHARDING_KH : SHARDING_KW];
  const uint64_t reach = (layer->size[d] - 1) * layer->stride + filter, strided = layer->size[d] * layer->stride;
  return max_u64(strided, reach > 2 * layer->pad ? reach - 2 * layer->pad : 0);
}

/* One row: only what is a single point of the plane can be. */
static enum meeting find_meeting(const struct meet *m, const struct sharding_layer *reader, bool part) {
  const uint64_t *n = m->from, batch = reader->size[SHARDING_B];
  const uint64_t plane = reader->size[SHARDING_H] * reader->size[SHARDING_W];
  const bool point = plane * reader->size[SHARDING_KH] * reader->size[SHARDING_KW] == 1;
  if (n[BATCH] == batch && n[CHANNEL] == m->channels) return AS_THEY_ARE;
  if (n[BATCH] == batch && point && n[CHANNEL] * n[ROW] * n[COLUMN] == m->channels) return ONE_ROW;
  if (n[BATCH] * n[CHANNEL] == batch * m->channels) return HEADS;
  return n[BATCH] == batch && part ? AS_THEY_ARE : NOWHERE;
}

static struct meet meet(const struct sharding_problem *problem, uint32_t edge) {
  const uint32_t to = problem->edges[edge].to;
  const struct sharding_layer *from = &problem->layers[problem->edges[edge].from], *reader = &problem->layers[to];
  const struct sharding_kind *kind = &sharding_kinds[reader->kind];
  const uint64_t *n = reader->size;
  struct meet m = {
      .from = {from->size[SHARDING_B], from->size[SHARDING_COUT], from->size[SHARDING_H], from->size[SHARDING_W]},
      .channels = n[kind->channels_tied ? SHARDING_COUT : SHARDING_CIN],
      .first = problem->concat_first[edge]};
  m.second = kind->inputs == SHARDING_INPUTS_OPERANDS && problem->in_edge[problem->in_start[to]] != edge;
  if (m.second) {
    m.across = m.from[ROW] == n[SHARDING_COUT] && m.from[BATCH] * m.from[CHANNEL] == n[SHARDING_B] * n[SHARDING_CIN];
    m.channels = n[m.across ? SHARDING_CIN : SHARDING_COUT];
    m.how = find_meeting(&m, reader, false);
    const bool row = m.from[COLUMN] == 1 && m.from[ROW] == n[m.across ? SHARDING_COUT : SHARDING_CIN];
    if (m.how == ONE_ROW || !row) m.how = NOWHERE;
    return m;
  }
  m.how = find_meeting(&m, reader, m.first > 0 || m.from[CHANNEL] < m.channels);
  const bool own = m.how == AS_THEY_ARE || m.how == HEADS;
  m.rows = own ? m.from[ROW] : input_rows(reader, SHARDING_H);
  m.columns = own ? m.from[COLUMN] : input_rows(reader, SHARDING_W);
  return m;
}

/* In the reader's count; of a join only the channels that the edge brings. */
static struct box need_box(const struct judged_layer *to, const struct meet *m, uint32_t board) {
  if (m->second) return second_box(to, board, m->across);
  struct box need = input_box(to, board, m->rows, m->columns);
  if (m->how != AS_THEY_ARE) return need;
  need.low[CHANNEL] = max_u64(need.low[CHANNEL], m->first);
  need.high[CHANNEL] = min_u64(need.high[CHANNEL], m->first + m->from[CHANNEL]);
  return need;
}

/* --- what is there already ------------------------------------------------------------------------------------------
 */

/* The producer's index of an element of the reader's input. */
static bool find_element(const struct meet *m, const uint64_t at[N_AXES], uint64_t there[N_AXES]) {
  memcpy(there, at, N_AXES * sizeof *there);
  if (m->how == NOWHERE) return false;
  if (m->how == AS_THEY_ARE) {
    there[CHANNEL] -= m->first;
  } else if (m->how == ONE_ROW) {
    const uint64_t plane = m->from[ROW] * m->from[COLUMN];
    there[CHANNEL] = at[CHANNEL] / plane;
    there[ROW] = at[CHANNEL] % plane / m->from[COLUMN];
    there[COLUMN] = at[CHANNEL] % m->from[COLUMN];
  } else {
    const uint64_t place = at[BATCH] * m->channels + at[CHANNEL];
    there[BATCH] = place / m->from[CHANNEL];
    there[CHANNEL] = place % m->from[CHANNEL];
  }
  return true;
}

static uint64_t common_elements(const struct meet *m, const struct box *need, const struct box *have) {
  uint64_t at[N_AXES], there[N_AXES], n = 0;
  for (at[BATCH] = need->low[BATCH]; at[BATCH] < need->high[BATCH]; at[BATCH]++) {
    for (at[CHANNEL] = need->low[CHANNEL]; at[CHANNEL] < need->high[CHANNEL]; at[CHANNEL]++) {
      for (at[ROW] = need->low[ROW]; at[ROW] < need->high[ROW]; at[ROW]++) {
        for (at[COLUMN] = need->low[COLUMN]; at[COLUMN] < need->high[COLUMN]; at[COLUMN]++) {
          bool inside = find_element(m, at, there);
          for (int a = 0; a < N_AXES && inside; a++) inside = there[a] >= have->low[a] && there[a] < have->high[a];
          n += inside;
        }
      }
    }
  }
  return n;
}

static uint64_t both(uint64_t low, uint64_t high, uint64_t other_low, uint64_t other_high) {
  const uint64_t from = max_u64(low, other_low), to = min_u64(high, other_high);
  return from < to ? to - from : 0;
}

/* Runs of the producer's channels in the row of all heads, against those of the reader. */
static uint64_t common_heads(const struct meet *m, const struct box *need, const struct box *have) {
  const uint64_t theirs = m->from[CHANNEL];
  uint64_t n = 0;
  for (uint64_t b = need->low[BATCH]; b < need->high[BATCH]; b++) {
    for (uint64_t c = have->low[BATCH]; c < have->high[BATCH]; c++) {
      n += both(b * m->channels + need->low[CHANNEL], b * m->channels + need->high[CHANNEL],
                c * theirs + have->low[CHANNEL], c * theirs + have->high[CHANNEL]);
    }
  }
  for (int a = ROW; a < N_AXES; a++) n *= both(need->low[a], need->high[a], have->low[a], have->high[a]);
  return n;
}

/* Runs of the producer's columns in the one row that the reader sees. */
static uint64_t common_row(const struct meet *m, const struct box *need, const struct box *have) {
  uint64_t n = 0;
  for (uint64_t c = have->low[CHANNEL]; c < have->high[CHANNEL]; c++) {
    for (uint64_t r = have->low[ROW]; r < have->high[ROW]; r++) {
      const uint64_t run = (c * m->from[ROW] + r) * m->from[COLUMN];
      n += both(need->low[CHANNEL], need->high[CHANNEL], run + have->low[COLUMN], run + have->high[COLUMN]);
    }
  }
  return n * both(need->low[BATCH], need->high[BATCH], have->low[BATCH], have->high[BATCH]);
}

static uint64_t common_boxes(const struct meet *m, const struct box *need, const struct box *have) {
  if (m->how == NOWHERE || volume(need) == 0 || volume(have) == 0) return 0;
  if (m->how == HEADS) return common_heads(m, need, have);
  if (m->how == ONE_ROW) return common_row(m, need, have);
  uint64_t n = 1;
  for (int a = 0; a < N_AXES; a++) {
    const uint64_t shift = a == CHANNEL ? m->first : 0;
    n *= both(need->low[a], need->high[a], have->low[a] + shift, have->high[a] + shift);
  }
  return n;
}

uint64_t judged_reshard_bytes(const struct sharding_problem *problem, uint32_t edge, const struct judged_layer *from,
                              const struct judged_layer *to, int how) {
  const struct meet m = meet(problem, edge);
  uint64_t most = 0;
  for (uint32_t b = 0; b < to->p; b++) {
    const struct box need = need_box(to, &m, b);
    uint64_t lacks = volume(&need);
    if (lacks <= most) continue;
    if (from != NULL) {
      const struct box have = output_box(from, b);
      const bool one_by_one = how == 1 || (how == 0 && lacks <= few_elements / to->p);
      lacks -= (one_by_one ? common_elements : common_boxes)(&m, &need, &have);
    }
    most = max_u64(most, lacks);
  }
  return sat_mul(most, problem->element_bytes);
}

/* A ring of r boards leaves each 1/r of its sums: of channels, rows or columns, by the board's place in the ring. */
bool judged_scatters(const struct sharding_problem *problem, uint32_t edge, const struct judged_layer *from,
                     const struct judged_layer *to) {
  const struct meet m = meet(problem, edge);
  const uint32_t r = judged_copies(from, JUDGED_OUTPUT);
  for (int axis = CHANNEL; axis < N_AXES; axis++) {
    const struct box first = output_box(from, 0);
    const uint64_t each = ceil_div(first.high[axis] - first.low[axis], r);
    bool enough = true;
    for (uint32_t b = 0; b < to->p && enough; b++) {
      const struct box need = need_box(to, &m, b);
      struct box have = output_box(from, b);
      const uint64_t end = have.high[axis];
      have.low[axis] = min_u64(end, have.low[axis] + each * judged_copy(from, JUDGED_OUTPUT, b));
      have.high[axis] = min_u64(end, have.low[axis] + each);
      enough = common_boxes(&m, &need, &have) == volume(&need);
    }
    if (enough) return true;
  }
  return false;
}

uint64_t judged_host_bytes(const struct judged_layer *l, bool output) {
  const struct sharding_layer *layer = &l->problem->layers[l->layer];
  const uint64_t rows = input_rows(layer, SHARDING_H), columns = input_rows(layer, SHARDING_W);
  uint64_t most = 0;
  for (uint32_t b = 0; b < l->p; b++) {
    const struct box box = output ? output_box(l, b) : input_box(l, b, rows, columns);
    most = max_u64(most, volume(&box));
  }
  return sat_mul(most, l->problem->element_bytes);
}

/* --- links ----------------------------------------------------------------------------------------------------------
 */

/* Whole names that two paths begin with alike. */
static size_t alike_names(const char *a, const char *b) {
  size_t names = 0, i = 0;
  for (;; i++) {
    const bool end_a = a[i] == '/' || a[i] == '\0', end_b = b[i] == '/' || b[i] == '\0';
    if (end_a != end_b || (!end_a && a[i] != b[i])) return names;
    names += end_a;
    if (a[i] == '\0' || b[i] == '\0') return names;
  }
}

static double link_between(const struct sharding_problem *p, uint32_t from, uint32_t to) {
  const double own = p->link_bytes_per_s != NULL ? p->link_bytes_per_s[(size_t)from * p->n_boards + to] : 0;
  if (own > 0) return own;
  if (p->n_levels == 0) {
    return strcmp(p->boards[from].group, p->boards[to].group) == 0 ? p->intra_bytes_per_s : p->inter_bytes_per_s;
  }
  const size_t names = alike_names(p->boards[from].group, p->boards[to].group);
  return p->level_bytes_per_s[names < p->n_levels ? names : p->n_levels - 1];
}

double judged_ring(const struct sharding_problem *problem, const uint32_t *boards, size_t n) {
  double least = INFINITY;
  for (size_t i = 0; i < n && n > 1; i++) {
    least = fmin(least, link_between(problem, boards[i], boards[i + 1 < n ? i + 1 : 0]));
  }
  return least;
}

double judged_between(const struct sharding_problem *problem, const uint32_t *a, size_t n_a, const uint32_t *b,
                      size_t n_b) {
  double least = INFINITY;
  for (size_t i = 0; i < n_a; i++) {
    for (size_t k = 0; k < n_b; k++) least = fmin(least, link_between(problem, a[i], b[k]));
  }
  return least;
}
