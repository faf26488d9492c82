/* Which layers of sharding does a network have? See sharding_table.h.
 *
 * From operator graphs: convolutions and products keep their loops; a product of tokens has them as rows (sharding
 * §8); queries, keys and values become layers of their own, for readers want one of the three; attention's products
 * are `attention`, b = batch x heads. Operators of one operand that work by element (activations, batch norm, dropout,
 * bias) go into their producer by default: they have no time in the model, take any split that their producer has, and
 * would only add strategies that differ in nothing. From tables of layers: an LSTM is two products a time step (of the
 * input and of the state), its steps the loop b, which is not split unless asked for: steps wait for each other. Left
 * out: grouped convolutions, paddings that differ by side, fused attention, recurrent operators of graphs. */
#include "dse/sharding/sharding_table.h"

#include "base/checked.h"
#include "base/text.h"
#include "workloads/layer_table.h"
#include "workloads/workload.h"
#include <math.h>
#include <string.h>

enum { MAX_SETS = 32, N_PARTS = 3, LSTM_GATES = 4, NAME_BYTES = 120 };

struct building {
  const struct sharding_network_request *request;
  struct arena *arena;
  struct error *error;
  struct sharding_layer *layers;
  struct sharding_edge *edges;
  size_t n_layers, n_edges;
  struct op_graph *graph; /* NULL: of a table */
  uint32_t *op_of, *fused_into;
};

static uint32_t kind_named(const char *name) {
  uint32_t k = 0;
  while (k < n_sharding_kinds && strcmp(sharding_kinds[k].name, name) != 0) k++;
  REQUIRE(k < n_sharding_kinds);
  return k;
}

static bool reject(const struct building *b, const char *layer, const char *what) {
  char shown[NAME_BYTES], name[NAME_BYTES];
  text_escape(b->request->text, shown, sizeof shown);
  text_escape(layer, name, sizeof name);
  return error_add(b->error, STATUS_INPUT, "%s: \"%s\": %s: %s", b->request->place, shown, name, what);
}

static uint32_t add_layer(struct building *b, const char *name, const char *kind, uint64_t cout, uint64_t cin) {
  struct sharding_layer *const layer = &b->layers[b->n_layers];
  *layer = (struct sharding_layer){.name = arena_copy_text(b->arena, name), .kind = kind_named(kind), .stride = 1};
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) layer->size[d] = 1;
  layer->size[SHARDING_COUT] = cout;
  layer->size[SHARDING_CIN] = cin;
  return (uint32_t)b->n_layers++;
}

/* Once, if there is such a layer. */
static void add_edge(struct building *b, uint32_t from, uint32_t to) {
  if (from == SHARDING_NONE) return;
  for (size_t e = b->n_edges; e-- > 0 && b->edges[e].to == to;) {
    if (b->edges[e].from == from) return;
  }
  b->edges[b->n_edges++] = (struct sharding_edge){from, to};
}

/* --- operator graphs ------------------------------------------------------------------------------------------------
 */

struct graph_walk {
  struct building *b;
  const struct op_graph *graph;
  uint32_t (*of)[N_PARTS]; /* the layers that make an op's output: thrice the same, or queries, keys and values */
};

static uint32_t maker(const struct graph_walk *w, uint32_t op, size_t operand, int part) {
  const uint32_t first = w->graph->pred_start[op];
  return first + operand < w->graph->pred_start[op + 1] ? w->of[w->graph->preds[first + operand]][part] : SHARDING_NONE;
}

static void set_maker(struct graph_walk *w, uint32_t op, uint32_t layer) {
  for (int part = 0; part < N_PARTS; part++) w->of[op][part] = layer;
}

static void add_edges(struct graph_walk *w, uint32_t op, uint32_t layer) {
  const size_t n = w->graph->pred_start[op + 1] - w->graph->pred_start[op];
  for (size_t i = 0; i < n; i++) add_edge(w->b, maker(w, op, i, 0), layer);
}

static bool take_convolution(struct graph_walk *w, uint32_t i, const struct op *op) {
  const bool depthwise =
      op->kind == OP_DEPTHWISE || (op->dim[DIM_GROUPS] == op->dim[DIM_IN_CHANNELS] && op->dim[DIM_IN_CHANNELS] > 1);
  const char *const name = op_name(w->graph, i);
  if (!depthwise && op->dim[DIM_GROUPS] != 1) return reject(w->b, name, "groups of channels are not known to sharding");
  if (op->dim[DIM_PAD_HEIGHT] != op->dim[DIM_PAD_WIDTH]) return reject(w->b, name, "paddings differ by side");
  const uint64_t cin = depthwise ? op->dim[DIM_OUT_CHANNELS] : op->dim[DIM_IN_CHANNELS];
  const uint32_t l = add_layer(w->b, name, depthwise ? "depthwise" : "conv", op->dim[DIM_OUT_CHANNELS], cin);
  struct sharding_layer *const layer = &w->b->layers[l];
  layer->size[SHARDING_H] = op_conv_out_height(op), layer->size[SHARDING_W] = op_conv_out_width(op);
  layer->size[SHARDING_KH] = op->dim[DIM_FILTER_HEIGHT], layer->size[SHARDING_KW] = op->dim[DIM_FILTER_WIDTH];
  layer->size[SHARDING_B] = op->dim[DIM_IMAGES];
  layer->stride = op->dim[DIM_STRIDE], layer->pad = op->dim[DIM_PAD_HEIGHT];
  add_edges(w, i, l);
  set_maker(w, i, l);
  return true;
}

/* Rows: those of a sample, samples apart, or of each of several products. */
static void set_rows(const struct graph_walk *w, uint32_t l, const struct op *op) {
  const uint64_t batch = w->b->request->batch, rows = op->dim[DIM_M];
  uint64_t *const size = w->b->layers[l].size;
  const bool samples = op->dim[DIM_REPS] == 1 && rows % batch == 0;
  size[SHARDING_B] = samples ? batch : op->dim[DIM_REPS];
  size[SHARDING_H] = samples ? rows / batch : rows;
}

static bool take_product(struct graph_walk *w, uint32_t i, const struct op *op) {
  static const char *const parts[N_PARTS] = {"query", "key", "value"};
  const struct split_facts *const facts = &w->graph->facts;
  const char *const name = op_name(w->graph, i);
  const uint64_t n = op->dim[DIM_N], k = op->dim[DIM_K];
  if (!op->weighted) {
    const int second = op->split == SPLIT_VALUES ? 2 : op->split == SPLIT_SCORES ? 1 : 0;
    const uint32_t l = add_layer(w->b, name, "attention", n, k);
    w->b->layers[l].size[SHARDING_B] = op->dim[DIM_REPS], w->b->layers[l].size[SHARDING_H] = op->dim[DIM_M];
    add_edge(w->b, maker(w, i, 0, 0), l);
    add_edge(w->b, maker(w, i, 1, second), l);
    set_maker(w, i, l);
    return true;
  }
  const uint64_t heads = facts->heads * facts->head_size, shared = facts->kv_heads * facts->head_size;
  if (op->split != SPLIT_QKV || heads + 2 * shared != n) {
    const uint32_t l = add_layer(w->b, name, "conv", n, k);
    set_rows(w, l, op);
    add_edges(w, i, l);
    set_maker(w, i, l);
    return true;
  }
  for (int part = 0; part < N_PARTS; part++) {
    const char *const text = arena_printf(w->b->arena, "%s.%s", name, parts[part]);
    const uint32_t l = add_layer(w->b, text, "conv", part == 0 ? heads : shared, k);
    set_rows(w, l, op);
    add_edges(w, i, l);
    w->of[i][part] = l;
  }
  return true;
}

/* Stride and padding of a window that makes `out` positions of `in`. */
static void take_window(struct sharding_layer *layer, uint64_t in, uint64_t out, uint64_t area) {
  const uint64_t filter = (uint64_t)llround(sqrt((double)area));
  layer->size[SHARDING_KH] = layer->size[SHARDING_KW] = filter;
  layer->stride = max_u64((in + out / 2) / out, 1);
  const uint64_t reach = (out - 1) * layer->stride + filter;
  layer->pad = reach > in ? ceil_div(reach - in, 2) : 0;
}

static bool take_pool(struct graph_walk *w, uint32_t i, const struct op *op) {
  const uint32_t from = maker(w, i, 0, 0);
  const char *const name = op_name(w->graph, i);
  if (from == SHARDING_NONE) return reject(w->b, name, "pools what no layer makes");
  const uint64_t *const in = w->b->layers[from].size;
  const uint64_t channels = in[SHARDING_COUT], plane = op->dim[DIM_ELEMENTS] / (channels * in[SHARDING_B]);
  const uint64_t side = (uint64_t)llround(sqrt((double)plane));
  if (side * side != plane || in[SHARDING_H] != in[SHARDING_W])
    return reject(w->b, name, "pools planes that are no squares");
  const uint32_t l = add_layer(w->b, name, "pool", channels, channels);
  struct sharding_layer *const layer = &w->b->layers[l];
  layer->size[SHARDING_B] = in[SHARDING_B], layer->size[SHARDING_H] = layer->size[SHARDING_W] = side;
  take_window(layer, in[SHARDING_H], side, op->dim[DIM_WINDOW]);
  add_edges(w, i, l);
  set_maker(w, i, l);
  return true;
}

/* Rows of a table, which the host looks up. */
static bool take_table(struct graph_walk *w, uint32_t i, const struct op *op) {
  const uint64_t elements = op->out_bytes / op->element_bytes, batch = w->b->request->batch;
  const uint64_t hidden = w->graph->facts.hidden;
  if (hidden == 0 || elements % (hidden * batch) != 0) {
    return reject(w->b, op_name(w->graph, i), "a table of other than tokens is not known to sharding");
  }
  const uint32_t l = add_layer(w->b, op_name(w->graph, i), "elementwise", hidden, hidden);
  w->b->layers[l].size[SHARDING_B] = batch;
  w->b->layers[l].size[SHARDING_H] = elements / (hidden * batch);
  set_maker(w, i, l);
  return true;
}

/* A layer with the shape of its first operand. */
static void take_shaped(struct graph_walk *w, uint32_t i, const char *kind, bool concat) {
  const size_t n = w->graph->pred_start[i + 1] - w->graph->pred_start[i];
  uint32_t first = SHARDING_NONE;
  uint64_t channels = 0;
  for (size_t k = 0; k < n; k++) {
    const uint32_t from = maker(w, i, k, 0);
    if (from == SHARDING_NONE) continue;
    if (first == SHARDING_NONE) first = from;
    channels += concat || channels == 0 ? w->b->layers[from].size[SHARDING_COUT] : 0;
  }
  const uint32_t l = add_layer(w->b, op_name(w->graph, i), kind, channels, channels);
  static const enum sharding_dim kept[] = {SHARDING_H, SHARDING_W, SHARDING_B};
  for (size_t k = 0; k < sizeof kept / sizeof *kept; k++) {
    w->b->layers[l].size[kept[k]] = w->b->layers[first].size[kept[k]];
  }
  add_edges(w, i, l);
  set_maker(w, i, l);
}

static bool works_by_element(const struct op *op) {
  const enum op_fusion fusion = op_kinds[op->kind].fusion;
  return op->kind == OP_BATCH_NORM || fusion == FUSE_ACTIVATION || fusion == FUSE_ELEMENTWISE ||
         fusion == FUSE_DROPOUT || fusion == FUSE_TRANSFORM;
}

static bool take_vector(struct graph_walk *w, uint32_t i, const struct op *op) {
  const size_t n = w->graph->pred_start[i + 1] - w->graph->pred_start[i];
  size_t n_makers = 0, last = 0;
  for (size_t k = 0; k < n; k++) {
    if (maker(w, i, k, 0) == SHARDING_NONE || (n_makers > 0 && maker(w, i, k, 0) == maker(w, i, last, 0))) continue;
    n_makers++, last = k;
  }
  if (op->kind == OP_EMBEDDING) return take_table(w, i, op);
  if (op->kind == OP_CROSS_ENTROPY) return true; /* inference ends before it */
  if (op->kind == OP_MAX_POOL || op->kind == OP_AVERAGE_POOL) return take_pool(w, i, op);
  if (n_makers == 0) return reject(w->b, op_name(w->graph, i), "reads what no layer makes");
  if (op->kind == OP_CONCAT) return take_shaped(w, i, "concat", true), true;
  if (op->kind == OP_LAYER_NORM || op->kind == OP_RMS_NORM) return take_shaped(w, i, "norm", false), true;
  if (op->kind == OP_SOFTMAX) return take_shaped(w, i, "softmax", false), true;
  if (!works_by_element(op)) return reject(w->b, op_name(w->graph, i), "an operator that sharding does not know");
  if (n_makers == 1 && w->b->request->fuse) {
    memcpy(w->of[i], w->of[w->graph->preds[w->graph->pred_start[i] + last]], sizeof w->of[i]);
    return true;
  }
  take_shaped(w, i, n_makers > 1 ? "add" : "elementwise", false);
  return true;
}

static bool take_op(struct graph_walk *w, uint32_t i) {
  const struct op *const op = &w->graph->ops[i];
  switch (op_kinds[op->kind].family) {
  case FAMILY_CONV:
    return take_convolution(w, i, op);
  case FAMILY_GEMM:
    return take_product(w, i, op);
  case FAMILY_VECTOR:
    return take_vector(w, i, op);
  case FAMILY_NONE:
    return true;
  case FAMILY_ATTENTION:
  case FAMILY_LINK:
    break;
  }
  return reject(w->b, op_name(w->graph, i), "an operator that sharding does not know");
}

static bool take_graph(struct building *b, const struct op_graph *whole, struct arena *scratch) {
  struct op_graph *const graph = b->graph = ARENA_NEW(b->arena, struct op_graph, 1);
  uint64_t unread = 0; /* is added to */
  if (!graph_contract(whole, b->arena, scratch, graph, &unread, b->error)) return false;
  graph->facts = whole->facts;
  struct graph_walk walk = {.b = b, .graph = graph};
  walk.of = arena_alloc(b->arena, graph->n_ops, sizeof *walk.of);
  b->op_of = ARENA_NEW(b->arena, uint32_t, N_PARTS * graph->n_ops);
  b->fused_into = ARENA_NEW(b->arena, uint32_t, graph->n_ops);
  b->layers = ARENA_NEW(b->arena, struct sharding_layer, N_PARTS * graph->n_ops);
  b->edges = ARENA_NEW(b->arena, struct sharding_edge, N_PARTS * graph->n_edges);
  for (uint32_t i = 0; i < graph->n_ops; i++) set_maker(&walk, i, SHARDING_NONE);
  for (uint32_t i = 0; i < graph->n_ops; i++) {
    const size_t before = b->n_layers;
    if (!take_op(&walk, i)) return false;
    for (size_t l = before; l < b->n_layers; l++) b->op_of[l] = i;
    b->fused_into[i] = b->n_layers == before ? walk.of[i][0] : SHARDING_NONE;
  }
  return true;
}

/* --- tables of layers -----------------------------------------------------------------------------------------------
 */

static uint32_t take_plain(struct building *b, const struct layer *from, const char *kind, uint64_t batch) {
  const bool tied = strcmp(kind, "conv") != 0;
  const uint32_t l = add_layer(b, from->name, kind, from->out_channels, tied ? from->out_channels : from->in_channels);
  struct sharding_layer *const layer = &b->layers[l];
  layer->size[SHARDING_H] = from->out_rows, layer->size[SHARDING_W] = from->out_cols;
  layer->size[SHARDING_B] = batch;
  if (from->kernel > 0) {
    layer->size[SHARDING_KH] = layer->size[SHARDING_KW] = from->kernel;
    layer->stride = from->stride, layer->pad = from->pad;
  }
  return l;
}

/* Gates of a step: products of the features, then of the state. Counted as many channels read instead of as many
 * written, so that what comes out is what the next layer reads; what boards exchange between the two is the state. */
static uint32_t take_lstm(struct building *b, const struct layer *from, uint64_t batch) {
  const uint64_t width = from->out_cols, steps = from->in_rows * batch;
  const uint32_t in =
      add_layer(b, arena_printf(b->arena, "%s.in", from->name), "conv", width, LSTM_GATES * from->in_cols);
  const uint32_t state = add_layer(b, from->name, "conv", width, LSTM_GATES * width);
  b->layers[in].size[SHARDING_B] = b->layers[state].size[SHARDING_B] = steps;
  return state;
}

static void take_table_of_layers(struct building *b, const struct layer_table *table) {
  static const char *const kinds[N_LAYER_KINDS] = {"conv", "conv", "conv", "pool", "add", "concat"};
  const uint64_t batch = b->request->batch;
  uint32_t *const reads = ARENA_NEW(b->arena, uint32_t, table->n_layers), *const made = ARENA_NEW(b->arena, uint32_t,
                                                                                                  table->n_layers);
  b->layers = ARENA_NEW(b->arena, struct sharding_layer, 2 * table->n_layers);
  b->edges = ARENA_NEW(b->arena, struct sharding_edge, table->n_edges + table->n_layers);
  for (size_t l = 0; l < table->n_layers; l++) {
    const struct layer *const from = &table->layers[l];
    made[l] = from->kind == LAYER_LSTM ? take_lstm(b, from, batch) : take_plain(b, from, kinds[from->kind], batch);
    reads[l] = from->kind == LAYER_LSTM ? made[l] - 1 : made[l];
    if (from->kind == LAYER_LSTM) add_edge(b, reads[l], made[l]);
    if (from->kind != LAYER_FC) continue;
    b->layers[made[l]].size[SHARDING_CIN] = max_u64(from->weights / from->out_channels, 1);
  }
  for (size_t e = 0; e < table->n_edges; e++) {
    b->edges[b->n_edges++] = (struct sharding_edge){made[table->edges[e].from], reads[table->edges[e].to]};
  }
}

/* --- the whole ------------------------------------------------------------------------------------------------------
 */

/* Letters, digits and dots; all else is a dash. */
static const char *file_name(const char *text, struct arena *arena) {
  char *const name = arena_copy_text(arena, text);
  for (char *c = name; *c != '\0'; c++) {
    const bool fine =
        (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '.' || *c == '_';
    if (!fine) *c = '-';
  }
  return name;
}

/* "bert-base sequence=128": name and overrides. */
static bool split_text(const struct building *b, const char **name, struct config_set *sets, size_t *n_sets) {
  char *place = NULL;
  *n_sets = 0;
  *name = strtok_r(arena_copy_text(b->arena, b->request->text), " ", &place);
  bool right = *name != NULL;
  for (char *word = strtok_r(NULL, " ", &place); right && word != NULL; word = strtok_r(NULL, " ", &place)) {
    char *const equal = strchr(word, '=');
    right = equal != NULL && equal != word && *n_sets < MAX_SETS;
    if (!right) break;
    *equal = '\0';
    sets[(*n_sets)++] = (struct config_set){word, equal + 1};
  }
  return right || reject(b, "a network", "is written \"vgg16\" or \"bert-base sequence=128\"");
}

static bool is_table(const struct building *b, const char *name, struct error *why) {
  const char *const *names;
  size_t n;
  const size_t length = strlen(name);
  static const char ending[] = "_layers.csv";
  if (length >= sizeof ending && strcmp(name + length - (sizeof ending - 1), ending) == 0) return true;
  if (!layer_table_list(b->request->data_folder, b->arena, &names, &n, why)) return false;
  for (size_t i = 0; i < n; i++) {
    if (strcmp(names[i], name) == 0) return true;
  }
  return false;
}

bool sharding_network_load(const struct sharding_network_request *request, struct arena *arena, struct arena *scratch,
                           struct sharding_network *network, struct error *error) {
  struct error *const why = ARENA_NEW(arena, struct error, 1);
  struct building b = {.request = request, .arena = arena, .error = error};
  struct config_set *const sets = ARENA_NEW(arena, struct config_set, MAX_SETS);
  size_t n_sets;
  const char *name;
  if (!split_text(&b, &name, sets, &n_sets)) return false;
  bool found;
  if (is_table(&b, name, why)) {
    struct layer_table table;
    found = layer_table_find(request->data_folder, name, arena, &table, why);
    if (found) {
      take_table_of_layers(&b, &table);
      name = table.name;
    }
  } else {
    const struct workload_request wanted = {.name = name,
                                            .data_folder = request->data_folder,
                                            .batch = request->batch,
                                            .element_bytes = request->element_bytes,
                                            .sets = sets,
                                            .n_sets = n_sets};
    struct workload workload;
    found = workload_load(&wanted, arena, scratch, &workload, why);
    if (found && !take_graph(&b, &workload.graph, scratch)) return false;
    name = request->text;
  }
  if (!found) return error_add(error, STATUS_INPUT, "%s: %s", request->place, why->text);
  *network = (struct sharding_network){
      file_name(name, arena), b.n_layers, b.n_edges, b.layers, b.edges, b.graph, b.op_of, b.fused_into};
  return true;
}
