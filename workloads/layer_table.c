/* See layer_table.h. */
#include "workloads/layer_table.h"

#include "base/checked.h"
#include "base/csv_cells.h"
#include "base/file.h"
#include "base/text.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const layer_kind_names[N_LAYER_KINDS] = {"conv", "fc", "lstm", "pool", "add", "concat"};

enum { MAX_LAYERS = 1 << 17, MAX_EDGES = 1 << 20 };
static const uint64_t max_size = UINT64_C(1) << 40;
static const char layers_end[] = "_layers.csv";

enum layer_column {
  LAYER_NAME,
  LAYER_KIND,
  LAYER_MODALITY,
  LAYER_KERNEL,
  LAYER_STRIDE,
  LAYER_PAD,
  LAYER_IN_CHANNELS,
  LAYER_IN_ROWS,
  LAYER_IN_COLS,
  LAYER_OUT_CHANNELS,
  LAYER_OUT_ROWS,
  LAYER_OUT_COLS,
  LAYER_WEIGHTS,
  LAYER_MACS,
  LAYER_WEIGHTS_CHANNELS_ONLY,
  N_LAYER_COLUMNS
};
static const char *const layer_columns[N_LAYER_COLUMNS] = {
    "layer",   "kind",         "modality", "kernel",   "stride",  "pad",  "in_channels",          "in_rows",
    "in_cols", "out_channels", "out_rows", "out_cols", "weights", "macs", "weights_channels_only"};

enum edge_column { EDGE_FROM, EDGE_TO, EDGE_ELEMENTS, N_EDGE_COLUMNS };
static const char *const edge_columns[N_EDGE_COLUMNS] = {"from", "to", "elements"};

static uint64_t volume(uint64_t a, uint64_t b, uint64_t c) { return sat_mul(sat_mul(a, b), c); }

/* --- one layer ------------------------------------------------------------------------------------------------------
 */

static enum layer_kind read_kind(const struct csv_cells *cells) {
  const char *const text = csv_cells_text(cells, LAYER_KIND);
  for (int k = 0; k < N_LAYER_KINDS; k++) {
    if (strcmp(text, layer_kind_names[k]) == 0) return (enum layer_kind)k;
  }
  csv_cells_complain(cells, LAYER_KIND, "conv, fc, lstm, pool, add or concat");
  return LAYER_CONCAT;
}

/* Weights and multiply-accumulates of a shape: of an LSTM also the biases of its four gates, and five products of each
 * element of its state. */
static void count(const struct layer *layer, uint64_t *weights, uint64_t *macs) {
  const uint64_t pixels = sat_mul(layer->out_rows, layer->out_cols);
  *weights = *macs = 0;
  switch (layer->kind) {
  case LAYER_CONV:
    *weights = sat_mul(sat_mul(layer->kernel, layer->kernel), sat_mul(layer->in_channels, layer->out_channels));
    *macs = sat_mul(*weights, pixels);
    break;
  case LAYER_FC:
    *weights = *macs = sat_mul(volume(layer->in_channels, layer->in_rows, layer->in_cols), layer->out_channels);
    break;
  case LAYER_LSTM: {
    const uint64_t width = layer->out_cols;
    const uint64_t products = sat_mul(4 * width, sat_add(width, layer->in_cols));
    *weights = sat_add(products, 4 * width);
    *macs = sat_mul(layer->in_rows, sat_add(products, 5 * width));
    break;
  }
  case LAYER_POOL:
  case LAYER_ADD:
  case LAYER_CONCAT:
  case N_LAYER_KINDS:
    break;
  }
}

/* Pixels along one side of what a window leaves; 0: it does not fit. */
static uint64_t side(uint64_t in, const struct layer *layer) {
  const uint64_t padded = in + 2 * layer->pad;
  return padded < layer->kernel ? 0 : (padded - layer->kernel) / layer->stride + 1;
}

static bool check_shape(const struct csv_cells *cells, const struct layer *layer) {
  uint64_t weights, macs;
  count(layer, &weights, &macs);
  /* Pooling down to one pixel is over the whole image, whatever its shape. */
  const bool windowed =
      layer->kind == LAYER_CONV || (layer->kind == LAYER_POOL && (layer->out_rows > 1 || layer->out_cols > 1));
  if (windowed && (layer->kernel < 1 || layer->stride < 1)) {
    csv_cells_complain(cells, layer->kernel < 1 ? LAYER_KERNEL : LAYER_STRIDE, "a whole number from 1");
  } else if (windowed && side(layer->in_rows, layer) != layer->out_rows) {
    csv_cells_complain(cells, LAYER_OUT_ROWS, "what kernel, stride and pad leave of in_rows");
  } else if (windowed && side(layer->in_cols, layer) != layer->out_cols) {
    csv_cells_complain(cells, LAYER_OUT_COLS, "what kernel, stride and pad leave of in_cols");
  } else if (weights != layer->weights) {
    csv_cells_complain(cells, LAYER_WEIGHTS, "what the shape has");
  } else if (macs != layer->macs) {
    csv_cells_complain(cells, LAYER_MACS, "what the shape has");
  } else if (layer->kind == LAYER_LSTM && layer->out_rows != layer->in_rows) {
    csv_cells_complain(cells, LAYER_OUT_ROWS, "as many steps as in_rows");
  } else {
    return true;
  }
  return false;
}

static uint64_t read_size(const struct csv_cells *cells, int column, uint64_t least) {
  return csv_cells_whole(cells, column, least, max_size, "a whole number");
}
/* Of windows; empty where there is none. */
static uint64_t read_window(const struct csv_cells *cells, int column) {
  if (*csv_cells_text(cells, column) == '\0') return 0;
  return csv_cells_whole(cells, column, 0, 1 << 16, "a whole number to 65536, or nothing");
}

static void read_layer(const struct csv_cells *cells, struct arena *arena, struct layer *layer) {
  const size_t n_before = cells->error->n_messages;
  *layer = (struct layer){
      .name = arena_copy_text(arena, csv_cells_text(cells, LAYER_NAME)),
      .modality = arena_copy_text(arena, csv_cells_text(cells, LAYER_MODALITY)),
      .kind = read_kind(cells),
      .kernel = read_window(cells, LAYER_KERNEL),
      .stride = read_window(cells, LAYER_STRIDE),
      .pad = read_window(cells, LAYER_PAD),
      .in_channels = read_size(cells, LAYER_IN_CHANNELS, 1),
      .in_rows = read_size(cells, LAYER_IN_ROWS, 1),
      .in_cols = read_size(cells, LAYER_IN_COLS, 1),
      .out_channels = read_size(cells, LAYER_OUT_CHANNELS, 1),
      .out_rows = read_size(cells, LAYER_OUT_ROWS, 1),
      .out_cols = read_size(cells, LAYER_OUT_COLS, 1),
      .weights = read_size(cells, LAYER_WEIGHTS, 0),
      .macs = csv_cells_whole(cells, LAYER_MACS, 0, UINT64_MAX, "a whole number"),
      .weights_channels_only = read_size(cells, LAYER_WEIGHTS_CHANNELS_ONLY, 0),
  };
  if (*layer->name == '\0') csv_cells_complain(cells, LAYER_NAME, "a name");
  layer->output_elements = volume(layer->out_channels, layer->out_rows, layer->out_cols);
  layer->input_elements = volume(layer->in_channels, layer->in_rows, layer->in_cols);
  if (cells->error->n_messages > n_before || !check_shape(cells, layer)) return;
  if (layer->input_elements > max_size) csv_cells_complain(cells, LAYER_IN_CHANNELS, "at most 2^40 elements in all");
  if (layer->output_elements > max_size) csv_cells_complain(cells, LAYER_OUT_CHANNELS, "at most 2^40 elements in all");
}

/* --- names ----------------------------------------------------------------------------------------------------------
 */

struct named {
  const char *name;
  uint32_t number;
};
static int by_name(const void *a, const void *b) {
  const struct named *x = a, *y = b;
  const int order = strcmp(x->name, y->name);
  return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}
static int name_to_named(const void *name, const void *named) {
  return strcmp(name, ((const struct named *)named)->name);
}

static uint32_t read_end(const struct csv_cells *cells, int column, const struct named *index, size_t n) {
  const struct named *const found = bsearch(csv_cells_text(cells, column), index, n, sizeof *index, name_to_named);
  if (found != NULL) return found->number;
  csv_cells_complain(cells, column, "the name of a layer");
  return 0;
}

/* Layers in order of their names; two of one name are a mistake. */
static const struct named *make_index(const struct csv_cells *cells, const struct layer *layers, size_t n,
                                      struct arena *arena) {
  struct named *const index = ARENA_NEW(arena, struct named, n);
  for (size_t i = 0; i < n; i++) index[i] = (struct named){layers[i].name, (uint32_t)i};
  qsort(index, n, sizeof *index, by_name);
  for (size_t i = 1; i < n; i++) {
    if (strcmp(index[i].name, index[i - 1].name) != 0) continue;
    char shown[80];
    text_escape(index[i].name, shown, sizeof shown);
    error_add(cells->error, STATUS_INPUT, "%s:%u: layer: \"%s\" is there twice", cells->csv.path,
              cells->csv.line[index[i].number], shown);
  }
  return index;
}

/* --- both files -----------------------------------------------------------------------------------------------------
 */

/* The order of the rows must be topological, which also says that there is no cycle. */
static void read_edge(const struct csv_cells *cells, const struct named *index, const struct layer_table *table,
                      struct layer_edge *edge) {
  const size_t n_before = cells->error->n_messages;
  *edge = (struct layer_edge){.from = read_end(cells, EDGE_FROM, index, table->n_layers),
                              .to = read_end(cells, EDGE_TO, index, table->n_layers),
                              .elements = read_size(cells, EDGE_ELEMENTS, 0)};
  if (cells->error->n_messages > n_before) return;
  if (edge->from >= edge->to) csv_cells_complain(cells, EDGE_TO, "a layer that stands behind the edge's other end");
  if (edge->elements > table->layers[edge->from].output_elements) {
    csv_cells_complain(cells, EDGE_ELEMENTS, "at most what its layer puts out");
  }
}

static bool read_edges(struct csv_cells *cells, const char *path, const struct named *index, struct layer *layers,
                       struct layer_table *table, struct arena *arena) {
  struct error *const error = cells->error;
  cells->names = edge_columns;
  if (!csv_cells_open(cells, path, MAX_EDGES, N_EDGE_COLUMNS, arena, error)) return false;
  struct layer_edge *const edges = ARENA_NEW(arena, struct layer_edge, cells->csv.n_rows);
  bool *const fed = ARENA_NEW(arena, bool, table->n_layers);
  for (; cells->row < cells->csv.n_rows; cells->row++) read_edge(cells, index, table, &edges[cells->row]);
  if (error_is_set(error)) return false;
  for (size_t e = 0; e < cells->csv.n_rows; e++) {
    struct layer *const to = &layers[edges[e].to];
    to->input_elements = sat_add(fed[edges[e].to] ? to->input_elements : 0, edges[e].elements);
    fed[edges[e].to] = true;
  }
  table->edges = edges;
  table->n_edges = cells->csv.n_rows;
  return true;
}

bool layer_table_read(const char *name, const char *layers_path, const char *edges_path, struct arena *arena,
                      struct layer_table *table, struct error *error) {
  struct csv_cells cells = {.names = layer_columns};
  *table = (struct layer_table){.name = arena_copy_text(arena, name)};
  if (!csv_cells_open(&cells, layers_path, MAX_LAYERS, N_LAYER_COLUMNS, arena, error)) return false;
  if (cells.csv.n_rows == 0) return error_add(error, STATUS_INPUT, "%s: there is no layer", layers_path);
  table->n_layers = cells.csv.n_rows;
  struct layer *const layers = ARENA_NEW(arena, struct layer, table->n_layers);
  table->layers = layers;
  for (; cells.row < table->n_layers; cells.row++) read_layer(&cells, arena, &layers[cells.row]);
  const struct named *const index = make_index(&cells, layers, table->n_layers, arena);
  if (error_is_set(error)) return false;
  return read_edges(&cells, edges_path, index, layers, table, arena);
}

/* --- shipped ones ---------------------------------------------------------------------------------------------------
 */

static bool ends_in_layers(const char *name) {
  const size_t n = strlen(name), m = strlen(layers_end);
  return n > m && strcmp(name + n - m, layers_end) == 0;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool layer_table_list(const char *data_folder, struct arena *arena, const char *const **names, size_t *n,
                      struct error *error) {
  const char *const folder = arena_printf(arena, "%s/workloads/layers", data_folder);
  DIR *const handle = opendir(folder);
  if (handle == NULL) {
    return error_add(error, STATUS_ENVIRONMENT, "%s: cannot list the tables of layers: %s", folder, strerror(errno));
  }
  enum { MAX_NAMES = 256 };
  const char **const found = ARENA_NEW(arena, const char *, MAX_NAMES);
  size_t n_found = 0;
  for (const struct dirent *entry; n_found < MAX_NAMES && (entry = readdir(handle)) != NULL;) {
    if (!ends_in_layers(entry->d_name)) continue;
    found[n_found++] = arena_printf(arena, "%.*s", (int)(strlen(entry->d_name) - strlen(layers_end)), entry->d_name);
  }
  closedir(handle);
  qsort(found, n_found, sizeof *found, compare_names);
  *names = found, *n = n_found;
  return true;
}

bool layer_table_find(const char *data_folder, const char *name, struct arena *arena, struct layer_table *table,
                      struct error *error) {
  const bool is_path = ends_in_layers(name);
  const char *const stem = is_path ? arena_printf(arena, "%.*s", (int)(strlen(name) - strlen(layers_end)), name)
                                   : arena_printf(arena, "%s/workloads/layers/%s", data_folder, name);
  const char *const path = arena_printf(arena, "%s%s", stem, layers_end), *const slash = strrchr(stem, '/');
  if (is_path || (strchr(name, '/') == NULL && file_exists(path))) {
    return layer_table_read(slash != NULL ? slash + 1 : stem, path, arena_printf(arena, "%s_edges.csv", stem), arena,
                            table, error);
  }
  const char *const *names;
  size_t n;
  if (!layer_table_list(data_folder, arena, &names, &n, error)) return false;
  const char *all = "";
  for (size_t i = 0; i < n; i++) all = arena_printf(arena, "%s%s%s", all, i > 0 ? ", " : "", names[i]);
  char shown[80];
  text_escape(name, shown, sizeof shown);
  const char *const nearest = text_nearest(name, names, n);
  return error_add(error, STATUS_INPUT, "no table of layers \"%s\"%s%s%s, allowed are %s, and paths that end in %s",
                   shown, nearest != NULL ? ", did you mean " : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "", all, layers_end);
}

void layer_table_totals(const struct layer_table *table, struct arena *scratch, struct layer_totals *totals) {
  *totals = (struct layer_totals){0};
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = table->n_layers;
  size_t *const level = ARENA_NEW(scratch, size_t, n), *const at_level = ARENA_NEW(scratch, size_t, n);
  bool *const fed = ARENA_NEW(scratch, bool, n), *const feeds = ARENA_NEW(scratch, bool, n);
  /* Edges in order of the layers that they leave would do in one pass; the file's order may be another. */
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t e = 0; e < table->n_edges; e++) {
      const struct layer_edge *const edge = &table->edges[e];
      fed[edge->to] = feeds[edge->from] = true;
      if (level[edge->to] > level[edge->from]) continue;
      level[edge->to] = level[edge->from] + 1;
      moved = true;
    }
  }
  for (size_t i = 0; i < n; i++) {
    const struct layer *const layer = &table->layers[i];
    totals->n_of[layer->kind]++;
    totals->n_sources += !fed[i];
    totals->n_sinks += !feeds[i];
    totals->weights = sat_add(totals->weights, layer->weights);
    totals->macs = sat_add(totals->macs, layer->macs);
    at_level[level[i]]++;
  }
  for (size_t i = 0; i < n && at_level[i] > 0; i++) {
    totals->depth = i + 1;
    if (at_level[i] > totals->width) totals->width = at_level[i];
  }
  arena_rewind(scratch, mark);
}
