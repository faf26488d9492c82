/* See tiling.h. Source: cost-model §2. An operand is fetched once for each trip of the loops that do not index it and
 * lie outside its innermost loop with more than one trip, so that only the innermost loop matters:
 *
 *   K innermost   A·n_N + B·n_M + C              wants small T_K, so that T_M and T_N have the room
 *   N innermost   A + B·n_M + C + psum(n_K)      wants small T_N
 *   M innermost   A·n_N + B + C + psum(n_K)      wants small T_M
 *
 * and each is monotone in its tiles. Hence one sweep an order over the lists finds the least over all triples: some
 * hundred evaluations instead of tens of thousands. Inside the tiles of an outer memory the same holds with n = groups
 * × parts where an operand is fetched again and n = groups where it stays. An operand that never changes needs one
 * place in the memory, others `buffering`.
 *
 * Windows that slide keep their halo: where the loop over pixels is A's innermost, A is fetched without overlaps along
 * the dimension that is cut (ours; line buffers do it). Left out: reuse across the outer memory's tiles, tiles of
 * several images with part of their rows. */
#include "arch/cuts.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/memo.h"
#include <string.h>

/* --- the sweeps ----------------------------------------------------------------------------------------------------*/

struct sweep {
  const struct tile_problem *problem;
  const struct tile_loops *outer; /* NULL: the sweep is for the outer memory */
  struct cuts_known *lists;       /* NULL: none */
  struct cuts m, n, k;            /* the first cut of each, until somebody wants all */
  bool listed_m, listed_n, listed_k;
  uint64_t base_m, base_n, base_k; /* groups that the outer memory has made: 1 there */
  uint64_t capacity_bytes, element_bytes, accumulator_bytes, buffering;
  uint64_t a_copies, b_copies, c_copies; /* tiles side by side: of several cores or products */
  uint64_t b_bytes, c_bytes, psum_bytes; /* B once; C and its partial sums between groups; one more trip of K */
  bool slide_k, slide_n, slide_m;        /* does A's window slide with this innermost loop? */
  bool fixed_a, fixed_b;                 /* does the whole operand stay once it is in? */
  bool whole_k;
  uint64_t best_bytes;
  uint32_t i, j, kk; /* the best: places in the lists of M, N, K */
  const char *order;
};

static inline uint64_t need(const struct sweep *sweep, const struct cut *m, const struct cut *n, const struct cut *k,
                            const uint64_t places[2]) {
  const uint64_t a = sat_mul(m->a_tile * k->a_tile * sweep->element_bytes * places[0], sweep->a_copies);
  const uint64_t b = sat_mul(k->size * n->size * sweep->element_bytes * places[1], sweep->b_copies);
  return sat_add(sat_add(a, b), sat_mul(m->size * n->size * sweep->accumulator_bytes, sweep->c_copies));
}

static inline bool fits(const struct sweep *sweep, const struct cut *m, const struct cut *n, const struct cut *k) {
  const uint64_t places[2] = {sweep->buffering, sweep->buffering};
  return need(sweep, m, n, k, places) <= sweep->capacity_bytes;
}

static inline uint64_t once(const struct cut *cut, bool slide) { return slide ? cut->a_slide : cut->a_pass; }

/* A once, with the halos of these tiles. */
static inline uint64_t a_bytes(const struct sweep *sweep, const struct cut *m, const struct cut *k, bool slide) {
  return once(m, slide) * once(k, slide) * sweep->element_bytes;
}

static inline void offer(struct sweep *sweep, uint64_t bytes, uint32_t i, uint32_t j, uint32_t kk, const char *order) {
  if (bytes >= sweep->best_bytes) return;
  sweep->best_bytes = bytes;
  sweep->i = i;
  sweep->j = j;
  sweep->kk = kk;
  sweep->order = order;
}

/* Does the next smaller tile fetch A just as often? Then it is at least as good wherever trips do not count. */
static inline bool same_below(const struct cuts *cuts, uint32_t i, bool slide) {
  return i + 1 < cuts->n && once(&cuts->cut[i + 1], slide) == once(&cuts->cut[i], slide);
}

static void sweep_k_innermost(struct sweep *sweep) {
  const bool slide = sweep->slide_k;
  for (uint32_t kk = 0; kk < sweep->k.n; kk++) {
    if (same_below(&sweep->k, kk, slide)) continue;
    const struct cut *const tk = &sweep->k.cut[kk];
    const uint64_t least_a = a_bytes(sweep, sweep->m.cut, tk, slide) * sweep->base_n;
    if (least_a + sweep->b_bytes * sweep->base_m + sweep->c_bytes >= sweep->best_bytes) return;
    uint32_t j = sweep->n.n - 1;
    for (uint32_t i = 0; i < sweep->m.n; i++) {
      const struct cut *const tm = &sweep->m.cut[i];
      while (j > 0 && fits(sweep, tm, &sweep->n.cut[j - 1], tk)) j--;
      if (!fits(sweep, tm, &sweep->n.cut[j], tk)) continue;
      const uint64_t rest = sweep->b_bytes * tm->total + sweep->c_bytes;
      if (rest >= sweep->best_bytes) break; /* trips only grow */
      offer(sweep, a_bytes(sweep, tm, tk, slide) * sweep->n.cut[j].total + rest, i, j, kk, "mnk");
      if (j == 0) break; /* smaller T_M gains nothing more */
    }
  }
}

/* The largest T_N that fits: its place in the list, or n if none does. */
static uint32_t largest_n(const struct sweep *sweep, const struct cut *tm, const struct cut *tk) {
  uint32_t low = 0, high = sweep->n.n;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (fits(sweep, tm, &sweep->n.cut[middle], tk))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static void sweep_m_innermost(struct sweep *sweep, uint32_t first, uint32_t kk, uint64_t c) {
  const struct cut *const tk = &sweep->k.cut[kk];
  const uint64_t rest = sweep->b_bytes * sweep->base_m + c;
  for (uint32_t i = first; i < sweep->m.n; i++) {
    if (same_below(&sweep->m, i, sweep->slide_m)) continue;
    const uint64_t a = a_bytes(sweep, &sweep->m.cut[i], tk, sweep->slide_m);
    if (a * sweep->base_n + rest >= sweep->best_bytes) return;
    const uint32_t j = largest_n(sweep, &sweep->m.cut[i], tk);
    if (j < sweep->n.n) offer(sweep, a * sweep->n.cut[j].total + rest, i, j, kk, "nkm");
  }
}

static void sweep_n_and_m_innermost(struct sweep *sweep) {
  const uint32_t last = sweep->n.n - 1;
  uint32_t largest = sweep->m.n; /* place of the largest T_M that fits beside the smallest T_N */
  for (uint32_t kk = 0; kk < sweep->k.n; kk++) {
    const struct cut *const tk = &sweep->k.cut[kk];
    const uint64_t c = sweep->c_bytes + sweep->psum_bytes * (tk->total - sweep->base_k);
    const uint64_t least_a =
        min_u64(a_bytes(sweep, sweep->m.cut, tk, sweep->slide_n), a_bytes(sweep, sweep->m.cut, tk, sweep->slide_m));
    if (least_a * sweep->base_n + sweep->b_bytes * sweep->base_m + c >= sweep->best_bytes) return; /* only grows */
    while (largest > 0 && fits(sweep, &sweep->m.cut[largest - 1], &sweep->n.cut[last], tk)) largest--;
    if (largest == sweep->m.n) continue;
    const struct cut *const tm = &sweep->m.cut[largest];
    offer(sweep, a_bytes(sweep, tm, tk, sweep->slide_n) * sweep->base_n + sweep->b_bytes * tm->total + c, largest, last,
          kk, sweep->slide_k ? "mkn" : "kmn");
    sweep_m_innermost(sweep, largest, kk, c);
  }
}

/* Lists cost more than the sweeps over them, and mostly the first that is asked for has the answer. */
static void list_m(struct sweep *sweep) {
  if (sweep->listed_m) return;
  cuts_list_known(sweep->lists, &sweep->problem->m, sweep->outer, sweep->outer == NULL ? 1 : sweep->outer->m,
                  &sweep->m);
  sweep->listed_m = true;
}

static void list_n(struct sweep *sweep) {
  if (sweep->listed_n) return;
  cuts_list_known(sweep->lists, &sweep->problem->n, sweep->outer, sweep->outer == NULL ? 1 : sweep->outer->n,
                  &sweep->n);
  sweep->listed_n = true;
}

static void list_k(struct sweep *sweep) {
  if (sweep->listed_k || sweep->whole_k) return;
  cuts_list_known(sweep->lists, &sweep->problem->k, sweep->outer, sweep->outer == NULL ? 1 : sweep->outer->k,
                  &sweep->k);
  sweep->listed_k = true;
}

static void list_first(struct sweep *sweep) {
  const struct tile_problem *const problem = sweep->problem;
  const struct tile_loops *const outer = sweep->outer;
  cuts_list(&problem->m, outer, outer == NULL ? 1 : outer->m, true, &sweep->m);
  cuts_list(&problem->n, outer, outer == NULL ? 1 : outer->n, true, &sweep->n);
  cuts_list(&problem->k, outer, outer == NULL ? 1 : outer->k, true, &sweep->k);
  sweep->listed_m = sweep->listed_n = sweep->listed_k = false;
}

/* The largest tiles of one list that fit beside the others whole, or none; nothing moves twice then. */
static bool offer_resident(struct sweep *sweep, const struct cuts *list, const uint64_t places[2], const char *order) {
  static const struct cut nothing;
  const uint64_t rest = sweep->b_bytes * sweep->base_m + sweep->c_bytes;
  const struct cut *const first_m = list == &sweep->m ? &nothing : sweep->m.cut;
  const struct cut *const first_n = list == &sweep->n ? &nothing : sweep->n.cut;
  const struct cut *const first_k = list == &sweep->k ? &nothing : sweep->k.cut;
  if (need(sweep, first_m, first_n, first_k, places) > sweep->capacity_bytes) return false;
  if (list == &sweep->m) list_m(sweep);
  if (list == &sweep->n) list_n(sweep);
  if (list == &sweep->k) list_k(sweep);
  for (uint32_t at = 1; at < list->n; at++) {
    const uint32_t i = list == &sweep->m ? at : 0, j = list == &sweep->n ? at : 0, kk = list == &sweep->k ? at : 0;
    const struct cut *const m = &sweep->m.cut[i], *const n = &sweep->n.cut[j], *const k = &sweep->k.cut[kk];
    if (need(sweep, m, n, k, places) > sweep->capacity_bytes) continue;
    offer(sweep, a_bytes(sweep, m, k, true) * sweep->base_n + rest, i, j, kk, order);
    return true;
  }
  return false;
}

/* Everything in the memory at once. */
static bool offer_whole(struct sweep *sweep) {
  const uint64_t p = sweep->buffering;
  const uint64_t places[2] = {sweep->fixed_a ? 1 : p, sweep->fixed_b ? 1 : p};
  const struct cut *const m = sweep->m.cut, *const n = sweep->n.cut, *const k = sweep->k.cut;
  if (need(sweep, m, n, k, places) > sweep->capacity_bytes) return false;
  const uint64_t rest = sweep->b_bytes * sweep->base_m + sweep->c_bytes;
  offer(sweep, a_bytes(sweep, m, k, true) * sweep->base_n + rest, 0, 0, 0, "mnk");
  return true;
}

/* One operand in the memory, the others passing by. `least`: bytes that nothing goes below. */
static void sweep_resident(struct sweep *sweep, uint64_t least) {
  const uint64_t p = sweep->buffering;
  const uint64_t fixed_a[2] = {sweep->fixed_a ? 1 : p, p}, fixed_b[2] = {p, sweep->fixed_b ? 1 : p}, none[2] = {p, p};
  if (offer_resident(sweep, &sweep->n, fixed_a, sweep->slide_k ? "mkn" : "kmn")) return;
  offer_resident(sweep, &sweep->k, none, "mnk");
  if (sweep->best_bytes <= least) return;
  offer_resident(sweep, &sweep->m, fixed_b, "nkm");
}

/* K innermost leaves T_K open: report the largest that fits and fetches A as often. */
static uint32_t widest_k(const struct sweep *sweep) {
  const struct cut *const tm = &sweep->m.cut[sweep->i], *const tn = &sweep->n.cut[sweep->j];
  uint32_t kk = sweep->kk;
  while (kk > 0 && same_below(&sweep->k, kk - 1, sweep->slide_k) && fits(sweep, tm, tn, &sweep->k.cut[kk - 1])) kk--;
  return kk;
}

static uint64_t elements(const struct tile_dim *dim, bool outer) {
  if (!dim->is_pixels) return (outer ? dim->length : dim->share) * dim->scale;
  const struct tile_pixels *const pixels = outer ? &dim->whole : &dim->part;
  return pixels->images * pixels->rows.out * pixels->cols.out;
}

static void prepare(struct sweep *sweep, const struct tile_problem *problem, bool first) {
  const uint64_t e = problem->element_bytes, c = elements(&problem->m, first) * elements(&problem->n, first);
  sweep->base_m = sweep->m.cut[0].total;
  sweep->base_n = sweep->n.cut[0].total;
  sweep->base_k = sweep->k.cut[0].total;
  sweep->element_bytes = e;
  sweep->accumulator_bytes = problem->accumulator_bytes;
  sweep->buffering = problem->buffering;
  sweep->b_bytes = elements(&problem->n, first) * elements(&problem->k, first) * e;
  sweep->psum_bytes =
      2 * c * problem->accumulator_bytes * (first ? problem->k.cores : 1); /* each share of K has its own */
  sweep->c_bytes = c * e + sweep->psum_bytes * (sweep->base_k - 1);
  sweep->slide_k = problem->pixels_on_k;
  sweep->slide_n = true;
  sweep->slide_m = !problem->pixels_on_k;
  const bool one_round = problem->rounds == 1;
  sweep->fixed_a = one_round && sweep->base_m * sweep->base_k == 1;
  sweep->fixed_b = one_round && sweep->base_n * sweep->base_k == 1;
  sweep->best_bytes = UINT64_MAX;
  sweep->order = NULL;
}

static void sweep_all(struct sweep *sweep, struct tiling *tiling) {
  const struct tile_problem *const problem = sweep->problem;
  const struct tile_loops *const outer = sweep->outer;
  list_first(sweep);
  prepare(sweep, problem, outer == NULL);
  const uint64_t least = a_bytes(sweep, sweep->m.cut, sweep->k.cut, true) * sweep->base_n +
                         sweep->b_bytes * sweep->base_m + sweep->c_bytes;
  if (!offer_whole(sweep)) {
    sweep_resident(sweep, least);
    if (sweep->best_bytes > least) {
      list_m(sweep);
      list_n(sweep);
      list_k(sweep);
      sweep_k_innermost(sweep);
      sweep_n_and_m_innermost(sweep);
    }
  }
  *tiling = (struct tiling){.bytes = UINT64_MAX};
  if (sweep->order == NULL) return;
  if (sweep->order[2] == 'k' && sweep->best_bytes > least) sweep->kk = widest_k(sweep);
  const struct cut *const m = &sweep->m.cut[sweep->i], *const k = &sweep->k.cut[sweep->kk];
  const struct cut *const pixels = problem->pixels_on_k ? k : m;
  const char inner = sweep->order[2];
  const bool slide = inner == 'k' ? sweep->slide_k : inner == 'n' ? sweep->slide_n : sweep->slide_m;
  tiling->bytes = sweep->best_bytes;
  tiling->a_bytes = a_bytes(sweep, m, k, slide) * (inner == 'n' ? sweep->base_n : sweep->n.cut[sweep->j].total);
  tiling->b_bytes = sweep->b_bytes * (inner == 'm' ? sweep->base_m : m->total);
  tiling->loops = (struct tile_loops){.m = m->parts,
                                      .n = sweep->n.cut[sweep->j].parts,
                                      .k = k->parts,
                                      .images = max_u64(pixels->images, 1),
                                      .rows = max_u64(pixels->rows, 1),
                                      .cols = max_u64(pixels->cols, 1)};
  memcpy(tiling->loops.order, sweep->order, sizeof tiling->loops.order);
}

/* --- tilings of before ---------------------------------------------------------------------------------------------
 * A key holds all that the sweeps read, and nothing that they do not: how many cores only as copies of tiles. */

enum { KEY_WORDS = 128, TILINGS_A_LIST = 16 };

struct tilings {
  struct memo *memo;
  struct cuts_known *lists;
};

struct key {
  uint32_t n;
  uint64_t word[KEY_WORDS];
};

static inline void key_add(struct key *key, uint64_t word) { key->word[key->n++] = word; }

static void key_add_pixels(struct key *key, const struct tile_pixels *pixels) {
  const struct window *const windows[2] = {&pixels->rows, &pixels->cols};
  key_add(key, pixels->images);
  for (int w = 0; w < 2; w++) {
    key_add(key, windows[w]->out);
    key_add(key, windows[w]->in);
    key_add(key, windows[w]->filter);
    key_add(key, windows[w]->stride);
    key_add(key, windows[w]->dilation);
    key_add(key, windows[w]->pad);
    key_add(key, windows[w]->fractional);
  }
}

static void key_add_dim(struct key *key, const struct tile_dim *dim, bool outer) {
  key_add(key, dim->is_pixels);
  key_add(key, dim->least);
  if (!dim->is_pixels) {
    key_add(key, outer ? dim->length : 0);
    key_add(key, dim->share);
    key_add(key, dim->scale);
    key_add(key, dim->unit);
    return;
  }
  key_add_pixels(key, &dim->whole);
  key_add_pixels(key, &dim->part);
  key_add(key, dim->unit_rows);
  key_add(key, dim->unit_cols);
  key_add(key, dim->multiple);
}

static struct digest key_of(const struct sweep *sweep) {
  const struct tile_problem *const problem = sweep->problem;
  const struct tile_loops *const loops = sweep->outer;
  const bool outer = loops == NULL;
  struct key key = {.n = 0};
  key_add(&key, sweep->capacity_bytes);
  key_add(&key, sweep->a_copies);
  key_add(&key, sweep->b_copies);
  key_add(&key, sweep->c_copies);
  key_add(&key, problem->element_bytes);
  key_add(&key, problem->accumulator_bytes);
  key_add(&key, problem->buffering);
  key_add(&key, (uint64_t)(problem->rounds == 1) << 3 | (uint64_t)problem->pixels_on_k << 2 |
                    (uint64_t)sweep->whole_k << 1 | outer);
  if (outer) {
    key_add(&key, problem->k.cores);
  } else {
    key_add(&key, (uint64_t)loops->m << 32 | loops->n);
    key_add(&key, (uint64_t)loops->k << 32 | loops->images);
    key_add(&key, (uint64_t)loops->rows << 32 | loops->cols);
  }
  key_add_dim(&key, &problem->m, outer);
  key_add_dim(&key, &problem->n, outer);
  key_add_dim(&key, &problem->k, outer);
  REQUIRE(key.n <= KEY_WORDS);
  return digest_of(key.word, key.n * sizeof *key.word);
}

static void find_or_sweep(struct sweep *sweep, const struct tile_problem *problem, const struct tile_loops *outer,
                          struct tiling *tiling) {
  const struct tilings *const known = problem->known;
  sweep->problem = problem;
  sweep->outer = outer;
  sweep->lists = known != NULL ? known->lists : NULL;
  if (known == NULL) {
    sweep_all(sweep, tiling);
    return;
  }
  const struct digest key = key_of(sweep);
  const struct tiling *found = memo_find(known->memo, key.low, &key);
  if (found == NULL) {
    sweep_all(sweep, tiling);
    struct tiling *kept = memo_place(known->memo, key.low, &key);
    *kept = *tiling;
    return;
  }
  *tiling = *found;
}

struct tilings *tilings_new(struct arena *arena, size_t n_entries) {
  struct tilings *const known = ARENA_NEW(arena, struct tilings, 1);
  known->memo = memo_new(arena, n_entries, sizeof(struct digest), sizeof(struct tiling));
  known->lists = cuts_known_new(arena, max_u64(n_entries / TILINGS_A_LIST, 1));
  return known;
}

struct tilings *machine_tilings_new(struct arena *arena) {
  return tilings_new(arena, 1 << 16);
}

void tiling_outer(const struct tile_problem *problem, uint64_t capacity_bytes, bool whole_k, struct tiling *tiling) {
  const uint64_t side = problem->abreast * problem->rep_cores;
  const uint64_t m = problem->m.cores, n = problem->n.cores, k = problem->k.cores;
  struct sweep sweep;
  sweep.capacity_bytes = capacity_bytes;
  sweep.whole_k = whole_k;
  sweep.a_copies = side * m * k;
  sweep.b_copies = side * n * k;
  sweep.c_copies = side * m * n * k; /* shares of K have partial sums of their own */
  find_or_sweep(&sweep, problem, NULL, tiling);
}

void tiling_inner(const struct tile_problem *problem, const struct tile_loops *outer, uint64_t capacity_bytes,
                  struct tiling *tiling) {
  struct sweep sweep;
  sweep.capacity_bytes = capacity_bytes;
  sweep.whole_k = false;
  sweep.a_copies = sweep.b_copies = sweep.c_copies = problem->abreast;
  find_or_sweep(&sweep, problem, outer, tiling);
}

/* --- what loops mean -----------------------------------------------------------------------------------------------*/

static struct partition axis_partition(uint64_t units, uint32_t groups, uint32_t parts) {
  return (struct partition){units, max_u64(groups, 1), max_u64(parts, 1)};
}

static void describe(const struct tile_dim *dim, const uint32_t outer[4], const uint32_t inner[4], uint64_t *trips,
                     uint64_t *size) {
  if (!dim->is_pixels) {
    const struct partition steps = axis_partition(ceil_div(dim->share, dim->unit), outer[0], inner[0]);
    *trips = partition_total(&steps);
    *size = min_u64(cuts_largest_part(&steps) * dim->unit, dim->share) * dim->scale;
    return;
  }
  const struct window *const rows = &dim->part.rows, *const cols = &dim->part.cols;
  const struct partition images = axis_partition(dim->part.images, outer[1], inner[1]);
  const struct partition row = axis_partition(ceil_div(rows->out, dim->unit_rows), outer[2], inner[2]);
  const struct partition col = axis_partition(ceil_div(cols->out, dim->unit_cols), outer[3], inner[3]);
  *trips = partition_total(&images) * partition_total(&row) * partition_total(&col);
  *size = cuts_largest_part(&images) * min_u64(cuts_largest_part(&row) * dim->unit_rows, rows->out) *
          min_u64(cuts_largest_part(&col) * dim->unit_cols, cols->out);
}

static void describe_all(const struct tile_problem *problem, const struct tile_loops *outer,
                         const struct tile_loops *inner, uint64_t trips[3], uint64_t size[3]) {
  static const struct tile_loops uncut = {.m = 1, .n = 1, .k = 1, .images = 1, .rows = 1, .cols = 1};
  if (inner == NULL) inner = &uncut;
  const struct tile_dim *const dims[3] = {&problem->m, &problem->n, &problem->k};
  const uint32_t groups[3] = {outer->m, outer->n, outer->k}, parts[3] = {inner->m, inner->n, inner->k};
  for (int d = 0; d < 3; d++) {
    const uint32_t o[4] = {groups[d], outer->images, outer->rows, outer->cols};
    const uint32_t i[4] = {parts[d], inner->images, inner->rows, inner->cols};
    describe(dims[d], o, i, &trips[d], &size[d]);
  }
}

void tiling_trips(const struct tile_problem *problem, const struct tile_loops *outer, const struct tile_loops *inner,
                  uint64_t trips[3]) {
  uint64_t size[3];
  describe_all(problem, outer, inner, trips, size);
}

void tiling_sizes(const struct tile_problem *problem, const struct tile_loops *outer, const struct tile_loops *inner,
                  uint64_t size[3]) {
  uint64_t trips[3];
  describe_all(problem, outer, inner, trips, size);
}
