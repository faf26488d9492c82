/* What does the user's own table say that an op costs? (provider `table`)
 *
 * Source: cost-model §1: costs from a CSV, a missing op is an error. A row has the columns of `dse cost --ops` and
 * cycles[, dram_bytes, cores, followers]; it is found by a digest of what these columns say of an op, so that bounds,
 * phase, element bytes and fused followers must agree. `n` and `window` of vector kinds may be empty: any. An op needs
 * a row for one core; on k cores it takes the row of the most cores that are not more than k, and the rest idle.
 *
 * The file is read once before a run, by every rank like model files, and its rows are part of the run's digest. The
 * design's arrays, lanes and memories play no part in cycles; area, TDP and energy are those of `physical`. */
#include "arch/table_provider.h"
#include "arch/physical.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 1000000, MAX_FOLLOWERS = 64, SHAPE_BYTES = 512, SHOWN_BYTES = 80 };
static const uint64_t max_number = UINT64_C(1) << 48;

/* Columns that name bounds. What may be left out has a fallback. */
enum fallback { REQUIRED, ONE, ZERO, ANY, AS_CHANNELS, AS_PADDING };
static const struct bound_column {
  const char *column;
  uint8_t family, dim, fallback;
} bounds[] = {
    {"batch", FAMILY_GEMM, DIM_REPS, ONE},
    {"m", FAMILY_GEMM, DIM_M, REQUIRED},
    {"n", FAMILY_GEMM, DIM_N, REQUIRED},
    {"k", FAMILY_GEMM, DIM_K, REQUIRED},
    {"batch", FAMILY_CONV, DIM_IMAGES, ONE},
    {"c", FAMILY_CONV, DIM_IN_CHANNELS, REQUIRED},
    {"h", FAMILY_CONV, DIM_IN_HEIGHT, REQUIRED},
    {"w", FAMILY_CONV, DIM_IN_WIDTH, REQUIRED},
    {"k", FAMILY_CONV, DIM_OUT_CHANNELS, AS_CHANNELS},
    {"r", FAMILY_CONV, DIM_FILTER_HEIGHT, REQUIRED},
    {"s", FAMILY_CONV, DIM_FILTER_WIDTH, REQUIRED},
    {"stride", FAMILY_CONV, DIM_STRIDE, ONE},
    {"pad", FAMILY_CONV, DIM_PAD_HEIGHT, ZERO},
    {"pad_w", FAMILY_CONV, DIM_PAD_WIDTH, AS_PADDING},
    {"groups", FAMILY_CONV, DIM_GROUPS, AS_CHANNELS},
    {"dilation", FAMILY_CONV, DIM_DILATION, ONE},
    {"elements", FAMILY_VECTOR, DIM_ELEMENTS, REQUIRED},
    {"n", FAMILY_VECTOR, DIM_ROW, ANY},
    {"window", FAMILY_VECTOR, DIM_WINDOW, ANY},
    {"bytes", FAMILY_LINK, DIM_BYTES, REQUIRED},
    {"ranks", FAMILY_LINK, DIM_RANKS, REQUIRED},
};
enum { N_BOUNDS = sizeof bounds / sizeof *bounds };

/* What a row says of an op. */
struct price_key {
  uint8_t kind, phase, element_bytes, n_followers;
  uint8_t followers[MAX_FOLLOWERS];
  uint64_t dim[OP_DIMS];
};

struct price {
  struct digest key;
  uint64_t cores, cycles, hbm_bytes; /* hbm_bytes UINT64_MAX: what the op declares */
  uint32_t line;
};

struct price_table {
  const char *path;
  struct price *prices; /* sorted by key, then cores */
  size_t n;
  struct digest digest;
};

/* Families without columns (products of several steps) cannot be told apart in a table. */
static bool has_columns(unsigned kind) {
  bool any = false;
  for (size_t i = 0; i < N_BOUNDS; i++) any |= bounds[i].family == op_kinds[kind].family;
  return any;
}

static struct digest key_digest(const struct price_key *key) {
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_u64(&stream, (uint64_t)key->kind << 24 | (uint64_t)key->phase << 16 | (uint64_t)key->element_bytes << 8 |
                              key->n_followers);
  digest_add_bytes(&stream, key->followers, key->n_followers);
  for (size_t i = 0; i < OP_DIMS; i++) digest_add_u64(&stream, key->dim[i]);
  return digest_end(&stream);
}

/* --- reading -------------------------------------------------------------------------------------------------------*/

struct reading {
  const struct csv *csv;
  size_t row;
  struct error *error;
};

static const char *text_of(const struct reading *reading, const char *column) {
  const size_t at = csv_column(reading->csv, column);
  return at == SIZE_MAX ? "" : csv_cell(reading->csv, reading->row, at);
}

static bool complain(const struct reading *reading, const char *column, const char *what) {
  char shown[SHOWN_BYTES];
  text_escape(text_of(reading, column), shown, sizeof shown);
  return error_add(reading->error, STATUS_INPUT, "%s:%u: %s: \"%s\", %s", reading->csv->path,
                   reading->csv->line[reading->row], column, shown, what);
}

static bool read_number(const struct reading *reading, const char *column, uint64_t least, uint64_t *value) {
  if (text_to_u64(text_of(reading, column), value) && *value >= least && *value < max_number) return true;
  return complain(reading, column,
                  least > 0 ? "a whole number from 1 to 2^48 was expected" : "a whole number up to 2^48 was expected");
}

static bool read_bounds(const struct reading *reading, struct price_key *key) {
  const enum op_family family = op_kinds[key->kind].family;
  bool good = true;
  for (size_t i = 0; i < N_BOUNDS; i++) {
    const struct bound_column *const bound = &bounds[i];
    if (bound->family != family) continue;
    uint64_t *const dim = &key->dim[bound->dim];
    const bool depthwise = key->kind == OP_DEPTHWISE && bound->fallback == AS_CHANNELS;
    if (text_of(reading, bound->column)[0] != '\0') {
      good &=
          read_number(reading, bound->column, bound->dim == DIM_PAD_HEIGHT || bound->dim == DIM_PAD_WIDTH ? 0 : 1, dim);
    } else if (bound->fallback == REQUIRED || (bound->dim == DIM_OUT_CHANNELS && !depthwise)) {
      good = complain(reading, bound->column, "a whole number from 1 to 2^48 was expected");
    } else if (bound->fallback == AS_PADDING) {
      *dim = key->dim[DIM_PAD_HEIGHT];
    } else if (bound->fallback == AS_CHANNELS) {
      *dim = depthwise ? key->dim[DIM_IN_CHANNELS] : 1;
    } else {
      *dim = bound->fallback == ONE ? 1 : 0;
    }
  }
  return good;
}

static bool read_name(const struct reading *reading, const char *column, const char *const *names, size_t n,
                      uint8_t *index) {
  const char *const text = text_of(reading, column);
  for (size_t i = 0; i < n; i++) {
    if (strcmp(names[i], text) != 0) continue;
    *index = (uint8_t)i;
    return true;
  }
  const char *const nearest = text_nearest(text, names, n);
  char what[SHOWN_BYTES];
  snprintf(what, sizeof what, nearest != NULL ? "did you mean %s?" : "no such name", nearest);
  return complain(reading, column, what);
}

/* Names of kinds with blanks between them. */
static bool read_followers(const struct reading *reading, const char *const *kinds, struct price_key *key) {
  for (const char *at = text_of(reading, "followers"); *(at += strspn(at, " ")) != '\0';) {
    char name[SHOWN_BYTES];
    const size_t n = strcspn(at, " ");
    uint8_t kind = 0;
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : 0), at);
    while (kind < N_OP_KINDS && strcmp(kinds[kind], name) != 0) kind++;
    if (kind == N_OP_KINDS || key->n_followers == MAX_FOLLOWERS)
      return complain(reading, "followers", "up to 64 names of operators were expected");
    key->followers[key->n_followers++] = kind;
    at += n;
  }
  return true;
}

static bool read_row(const struct reading *reading, const char *const *kinds, struct price *price) {
  struct price_key key = {.phase = PHASE_FORWARD};
  uint64_t element_bytes = 2;
  if (!read_name(reading, "kind", kinds, N_OP_KINDS, &key.kind)) return false;
  bool good = true;
  if (op_kinds[key.kind].class == CLASS_NONE || !has_columns(key.kind))
    good = complain(reading, "kind", "an operator that takes time and has columns was expected");
  if (text_of(reading, "phase")[0] != '\0') good &= read_name(reading, "phase", op_phase_names, N_PHASES, &key.phase);
  if (text_of(reading, "element_bytes")[0] != '\0' &&
      (!text_to_u64(text_of(reading, "element_bytes"), &element_bytes) || element_bytes < 1 || element_bytes > 8))
    good = complain(reading, "element_bytes", "a whole number from 1 to 8 was expected");
  key.element_bytes = (uint8_t)element_bytes;
  good &= read_bounds(reading, &key);
  good &= read_followers(reading, kinds, &key);
  *price = (struct price){.cores = 1, .hbm_bytes = UINT64_MAX, .line = reading->csv->line[reading->row]};
  good &= read_number(reading, "cycles", 0, &price->cycles);
  if (text_of(reading, "cores")[0] != '\0') good &= read_number(reading, "cores", 1, &price->cores);
  if (text_of(reading, "dram_bytes")[0] != '\0') good &= read_number(reading, "dram_bytes", 0, &price->hbm_bytes);
  price->key = key_digest(&key);
  return good;
}

static int compare_digests(struct digest a, struct digest b) {
  if (a.high != b.high) return a.high < b.high ? -1 : 1;
  return a.low < b.low ? -1 : a.low > b.low;
}

static int compare_prices(const void *a, const void *b) {
  const struct price *const x = a, *const y = b;
  const int order = compare_digests(x->key, y->key);
  if (order != 0) return order;
  if (x->cores != y->cores) return x->cores < y->cores ? -1 : 1;
  return x->line < y->line ? -1 : x->line > y->line;
}

static struct digest prices_digest(const struct price_table *table) {
  struct digest_stream stream;
  digest_begin(&stream);
  for (size_t i = 0; i < table->n; i++) {
    const struct price *const price = &table->prices[i];
    digest_add_u64(&stream, price->key.high);
    digest_add_u64(&stream, price->key.low);
    digest_add_u64(&stream, price->cores);
    digest_add_u64(&stream, price->cycles);
    digest_add_u64(&stream, price->hbm_bytes);
  }
  return digest_end(&stream);
}

const struct price_table *price_table_new(const struct csv *csv, struct arena *arena, struct error *error) {
  struct price_table *const table = ARENA_NEW(arena, struct price_table, 1);
  const char *kinds[N_OP_KINDS];
  const size_t n_before = error->n_messages;
  for (size_t i = 0; i < N_OP_KINDS; i++) kinds[i] = op_kinds[i].name;
  static const char *const needed[] = {"kind", "cycles"};
  for (size_t i = 0; i < 2; i++)
    if (csv_column(csv, needed[i]) == SIZE_MAX)
      error_add(error, STATUS_INPUT, "%s:1: there is no column %s", csv->path, needed[i]);
  if (error->n_messages > n_before) return NULL;
  *table = (struct price_table){csv->path, ARENA_NEW(arena, struct price, csv->n_rows), csv->n_rows, {0, 0}};
  for (size_t i = 0; i < csv->n_rows; i++) {
    const struct reading reading = {csv, i, error};
    read_row(&reading, kinds, &table->prices[i]);
  }
  if (error->n_messages > n_before) return NULL;
  qsort(table->prices, table->n, sizeof *table->prices, compare_prices);
  for (size_t i = 1; i < table->n; i++) {
    const struct price *const a = &table->prices[i - 1], *const b = &table->prices[i];
    if (digest_equal(a->key, b->key) && a->cores == b->cores)
      error_add(error, STATUS_INPUT, "%s:%u: prices the same operator as line %u", csv->path, b->line, a->line);
  }
  table->digest = prices_digest(table);
  return error->n_messages > n_before ? NULL : table;
}

struct digest price_table_digest(const struct price_table *table) {
  return table->digest;
}

/* --- looking up ----------------------------------------------------------------------------------------------------*/

/* What the columns can say of an op; false if they cannot. */
static bool key_of(const struct op *op, const struct op_follower *followers, struct price_key *key) {
  *key = (struct price_key){.kind = op->kind, .phase = op->phase, .element_bytes = op->element_bytes};
  if (op->n_followers > MAX_FOLLOWERS || !has_columns(op->kind)) return false;
  key->n_followers = (uint8_t)op->n_followers;
  for (uint32_t i = 0; i < op->n_followers; i++) key->followers[i] = followers[i].kind;
  for (size_t i = 0; i < N_BOUNDS; i++)
    if (bounds[i].family == op_kinds[op->kind].family) key->dim[bounds[i].dim] = op->dim[bounds[i].dim];
  if (op_kinds[op->kind].family == FAMILY_CONV && key->dim[DIM_DILATION] == 0) key->dim[DIM_DILATION] = 1;
  return true;
}

/* All prices with a key, by cores; NULL: none. */
static const struct price *find_key(const struct price_table *table, const struct price_key *key, size_t *n) {
  const struct digest digest = key_digest(key);
  size_t low = 0, high = table->n;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (compare_digests(table->prices[middle].key, digest) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  for (*n = 0; low + *n < table->n && digest_equal(table->prices[low + *n].key, digest);) ++*n;
  return *n > 0 ? &table->prices[low] : NULL;
}

/* The nearest row: as many of `n` and `window` as any row states. */
static const struct price *find(const struct cost_settings *settings, const struct op *op,
                                const struct op_follower *followers, size_t *n) {
  struct price_key key;
  if (settings->prices == NULL || !key_of(op, followers, &key)) return NULL;
  const bool vector = op_kinds[op->kind].family == FAMILY_VECTOR;
  const struct price *found = find_key(settings->prices, &key, n);
  for (unsigned any = 1; vector && found == NULL && any < 4; any++) {
    key.dim[DIM_WINDOW] = any & 1 ? 0 : op->dim[DIM_WINDOW];
    key.dim[DIM_ROW] = any & 2 ? 0 : op->dim[DIM_ROW];
    found = find_key(settings->prices, &key, n);
  }
  return found;
}

/* --- the provider --------------------------------------------------------------------------------------------------*/

static bool table_load(struct cost_settings *settings, struct arena *arena, struct error *error) {
  struct csv csv;
  if (settings->table == NULL || settings->table[0] == '\0')
    return error_add(error, STATUS_INPUT, "cost.table: is empty, but the provider \"table\" has its prices from there");
  if (!csv_read(settings->table, MAX_ROWS, arena, &csv, error)) return false;
  settings->prices = price_table_new(&csv, arena, error);
  return settings->prices != NULL;
}

static void table_digest(const struct cost_settings *settings, struct digest_stream *stream) {
  const struct digest digest = price_table_digest(settings->prices);
  digest_add_u64(stream, digest.high);
  digest_add_u64(stream, digest.low);
}

/* The op as the columns would say it. */
static void describe(const struct op *op, const struct op_follower *followers, char text[SHAPE_BYTES]) {
  size_t n = (size_t)snprintf(text, SHAPE_BYTES, "kind=%s phase=%s element_bytes=%u", op_kinds[op->kind].name,
                              op_phase_names[op->phase], op->element_bytes);
  for (size_t i = 0; i < N_BOUNDS && n < SHAPE_BYTES; i++)
    if (bounds[i].family == op_kinds[op->kind].family && (bounds[i].fallback != ANY || op->dim[bounds[i].dim] != 0))
      n += (size_t)snprintf(text + n, SHAPE_BYTES - n, " %s=%llu", bounds[i].column,
                            (unsigned long long)op->dim[bounds[i].dim]);
  for (uint32_t i = 0; i < op->n_followers && n < SHAPE_BYTES; i++)
    n += (size_t)snprintf(text + n, SHAPE_BYTES - n, "%s%s", i == 0 ? " followers=\"" : " ",
                          op_kinds[followers[i].kind].name);
  if (op->n_followers > 0 && n < SHAPE_BYTES) snprintf(text + n, SHAPE_BYTES - n, "\"");
}

static bool table_knows(const struct cost_settings *settings, const struct op *op, const struct op_follower *followers,
                        struct error *error) {
  size_t n;
  if (op_kinds[op->kind].class == CLASS_NONE) return true;
  const struct price *const prices = find(settings, op, followers, &n);
  if (prices != NULL && prices[0].cores == 1) return true;
  char shape[SHAPE_BYTES];
  describe(op, followers, shape);
  return error_add(error, STATUS_INPUT, "%s: cost.table: no row for %s%s", settings->table, shape,
                   prices != NULL ? " on one core" : "");
}

static uint64_t declared_bytes(const struct op *op) {
  return sat_add(op->in_bytes, sat_add(op->weight_bytes, op->out_bytes));
}

static uint64_t bytes_of(const struct price *price, const struct op *op) {
  return price->hbm_bytes == UINT64_MAX ? declared_bytes(op) : price->hbm_bytes;
}

static bool has_cores(const struct machine *machine, unsigned classes) {
  return (!(classes & 1u << CORE_TENSOR) || machine->n_tensor > 0) &&
         (!(classes & 1u << CORE_VECTOR) || machine->n_vector > 0);
}

/* Tables know no tiles. */
static const struct mapping untiled = {.split = '-',
                                       .patch_rows = 1,
                                       .patch_cols = 1,
                                       .abreast = 1,
                                       .glb = {.m = 1, .n = 1, .k = 1, .images = 1, .rows = 1, .cols = 1},
                                       .l2 = {.m = 1, .n = 1, .k = 1, .images = 1, .rows = 1, .cols = 1}};

static void table_cost(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                       uint64_t n_cores, struct op_cost *cost) {
  size_t n = 0;
  *cost = (struct op_cost){.mapping = untiled};
  if (op_kinds[op->kind].class == CLASS_NONE) return;
  const struct price *prices = NULL;
  if (has_cores(machine, cost_plain_classes(machine, op, followers)))
    prices = find(machine->settings, op, followers, &n);
  while (n > 0 && prices[n - 1].cores > n_cores) n--;
  if (n == 0) {
    cost->cycles = UINT64_MAX;
    return;
  }
  const struct price *const price = &prices[n - 1];
  cost->cycles = cost->bound_cycles = price->cycles;
  cost->hbm_bytes = cost->glb_bytes = cost->l2_bytes = bytes_of(price, op);
  cost->macs = op_macs(op);
  if (op_kinds[op->kind].class == CLASS_VECTOR)
    cost->lane_cycles = sat_mul(price->cycles, sat_mul(machine->lanes, n_cores));
}

/* Any number of cores takes one of the prices, for no more cores than there are. */
static void table_floor(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                        struct op_floor *floor) {
  size_t n = 0;
  *floor = (struct op_floor){0};
  if (op_kinds[op->kind].class == CLASS_NONE) return;
  const struct price *const prices = find(machine->settings, op, followers, &n);
  *floor = (struct op_floor){UINT64_MAX, UINT64_MAX, n > 0 ? UINT64_MAX : 0};
  for (size_t i = 0; prices != NULL && i < n; i++) {
    floor->compute_cycles = min_u64(floor->compute_cycles, sat_mul(prices[i].cores, prices[i].cycles));
    floor->memory_cycles = min_u64(floor->memory_cycles, prices[i].cycles);
    floor->hbm_bytes = min_u64(floor->hbm_bytes, bytes_of(&prices[i], op));
  }
}

const struct cost_provider table_provider = {
    .name = "table",
    .doc = "cycles out of a CSV file of yours (cost.table); an operator that it leaves out is an error",
    .has_bandwidth = false,
    .has_tdp = true,
    .load = table_load,
    .digest = table_digest,
    .knows = table_knows,
    .op_cost = table_cost,
    .op_floor = table_floor,
    .op_classes = cost_plain_classes,
};
