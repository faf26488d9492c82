/* dse calibrate placements: which pipeline depth and data degree does the public successors' own law choose?
 *
 * Each traced graph of a folder is priced layer by layer with `compat` costs (or published ones, where --table has
 * them) on a TPUv4-like design; the law of Phaze (phaze_law.h) then gives for each depth the best partition of layers
 * to stages, for each depth the best data degree, and beside them the fixed strategies that the successors compare
 * with. Every depth and degree is tried, so nothing searches at random here. (accelerator-search §9, §10.) */
#include "dse/calibrate/calibrate.h"

#include "base/checked.h"
#include "base/text.h"
#include "dse/calibrate/estimates.h"
#include "dse/calibrate/phaze_law.h"
#include "dse/calibrate/traced_layer.h"
#include "results/writer.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GRAPHS = 1000, STATE_COPIES = 3 /* weights, gradients, Adam */ };
static const uint64_t most_layer_bytes = UINT64_C(1) << 52, most_layer_cycles = UINT64_C(1) << 52; /* sums fit */
static const uint64_t hbm_gib[] = {32, 64, 80}; /* the capacities of the public code */
enum { N_CAPACITIES = sizeof hbm_gib / sizeof *hbm_gib };

static const struct public_model {
  const char *name;
  uint64_t layers, depth, data, tensor, published_depth, published_data;
} public_models[] = {
#define PUBLIC_MODEL(name, layers, p, d, t, published_p, published_d) {name, layers, p, d, t, published_p, published_d},
#include "dse/calibrate/public_models.def"
#undef PUBLIC_MODEL
};

#define STRATEGY_COLUMNS                                                                                               \
  {"depth", "", "", "stages of the pipeline"}, {"data", "", "", "degree of data parallelism"},                         \
      {"tensor", "", "", "devices of a stage, as traced"}, {"devices", "", "", "used"},                                \
      {"microbatches", "", "", "of one pipeline"}, {"max_load_s", "s", "", "slowest stage, both passes"},              \
      {"sync_s", "s", "", "4(d-1)/d x parameters of the first stage / links"},                                         \
      {"iteration_s", "s", "min", "of the batch"}, {"samples_per_s", "1/s", "max", "batch / iteration_s"},             \
      {"over_best_pct", "%", "", "iteration_s above that of the best depth that fits"}, {                              \
    "memory_gib", "gib", "", "of the fullest stage"                                                                    \
  }
static const struct table_column placement_columns[] = {
    {"graph", "", "", "traced network"},
    {"hbm_gib", "gib", "", "limit of each device"},
    {"rule", "", "", "best; fixed; fixed_even (layers dealt out evenly); published (by NEST, for Phaze)"},
    STRATEGY_COLUMNS,
    {"fits", "", "", "in memory"},
    {"layers", "", "", "of each stage; what stands outside the layers counts as the first"},
    {"note", "", "", "why there is no answer"},
};
static const struct table_column depth_columns[] = {
    {"graph", "", "", "traced network"},
    {"hbm_gib", "gib", "", "limit of each device"},
    STRATEGY_COLUMNS,
    {"missing_s", "s", "",
     "what each stage had to pay a microbatch beyond the law for this depth to be the best; empty: nothing would do"},
};
static const struct table_column layer_columns[] = {
    {"graph", "", "", "traced network"},
    {"layer", "", "", "-1: outside the layers; behind the last: what the network has once"},
    {"times", "", "", "in the network"},
    {"nodes", "", "", "of the trace"},
    {"parameter_bytes", "bytes", "", ""},
    {"output_bytes", "bytes", "", "of all that it writes, views included"},
    {"input_bytes", "bytes", "", "of what it reads from other layers"},
    {"forward_s", "s", "", "schedule of one microbatch"},
    {"backward_s", "s", "", "of the gradients of inputs"},
    {"forward_path_s", "s", "", "critical path"},
    {"backward_path_s", "s", "", ""},
};

struct placer {
  struct invocation *invocation;
  struct cost_settings cost;
  struct technology technology;
  struct accelerator part;
  struct machine machine;
  struct estimates published;
  struct traced_prices prices;
  struct phaze_law law;
  uint64_t only_hbm_gib; /* 0: all */
  bool once;             /* the final norm, head and loss of a trace of one layer */
  struct table *placements, *depths, *layers;
};
struct network_case {
  struct traced_model model;
  const struct public_model *known; /* NULL: nothing is known of it */
  struct phaze_layer *layers;
  size_t n_layers;
};

/* --- layers --------------------------------------------------------------------------------------------------------
 */

static const struct public_model *find_public(const char *model, size_t n_traced) {
  char plain[64];
  size_t n = 0;
  for (const char *at = model; *at != '\0' && n + 1 < sizeof plain; at++) {
    if (isalnum((unsigned char)*at)) plain[n++] = (char)tolower((unsigned char)*at);
  }
  plain[n] = '\0';
  for (size_t i = 0; i < sizeof public_models / sizeof *public_models; i++) {
    const struct public_model *known = &public_models[i];
    if (strcmp(known->name, plain) == 0) return known;
    /* Several sizes of one network under one name: their layers tell. */
    if (n > 0 && strncmp(known->name, plain, n) == 0 && known->layers == n_traced) return known;
  }
  return NULL;
}

static uint64_t bytes_of(uint64_t elements) {
  return min_u64(sat_mul(elements, TRACED_ELEMENT_BYTES), most_layer_bytes);
}

/* One layer's numbers, `times` of them to the chain. `number`: OP_ABSENT outside, n_layers what the network has once.
 */
static bool add_layer(struct placer *placer, struct network_case *network, uint32_t number, uint64_t times,
                      struct error *error) {
  const struct traced_model *model = &network->model;
  const bool outside = number == OP_ABSENT;
  const struct traced_layer *traced = outside ? model->facts.outside : &model->facts.layers[number];
  struct traced_time time[N_TRACED_PASSES];
  if (traced->n_nodes == 0) return true;
  for (int pass = 0; pass < N_TRACED_PASSES; pass++) {
    if (!traced_layer_time(model, &placer->prices, number, (enum traced_pass)pass, placer->invocation->scratch,
                           &time[pass], error))
      return false;
    if (time[pass].list_cycles == UINT64_MAX)
      return error_add(error, STATUS_INPUT, "%s: layer %d does not run on this design", model->name,
                       outside ? -1 : (int)number);
  }
  const double clock_hz = placer->machine.clock_hz;
  const struct phaze_layer layer = {
      .load_cycles =
          min_u64(sat_add(time[TRACED_FORWARD].list_cycles, time[TRACED_BACKWARD].list_cycles), most_layer_cycles),
      .parameter_bytes = bytes_of(model->parameters[outside ? 0 : number + 1]),
      .output_bytes = bytes_of(traced->output_elements),
      .input_bytes = bytes_of(traced->input_elements)};
  for (uint64_t i = 0; i < times; i++) network->layers[network->n_layers++] = layer;
  struct table *table = placer->layers;
  table_text(table, model->name);
  table_double(table, outside ? -1 : (double)number);
  table_u64(table, times);
  table_u64(table, traced->n_nodes);
  table_u64(table, layer.parameter_bytes);
  table_u64(table, layer.output_bytes);
  table_u64(table, layer.input_bytes);
  for (int pass = 0; pass < N_TRACED_PASSES; pass++)
    table_double(table, calibrate_round((double)time[pass].list_cycles / clock_hz, 6));
  for (int pass = 0; pass < N_TRACED_PASSES; pass++)
    table_double(table, calibrate_round((double)time[pass].path_cycles / clock_hz, 6));
  return true;
}

static bool load_network(struct placer *placer, const char *path, struct network_case *network, struct error *error) {
  struct invocation *invocation = placer->invocation;
  if (!traced_model_load(path, placer->once, invocation->arena, invocation->scratch, &network->model, error))
    return false;
  const struct trace_facts *facts = &network->model.facts;
  network->known = find_public(facts->model, facts->n_layers);
  const uint64_t times =
      facts->n_layers == 1 && network->known != NULL && network->known->layers > 0 ? network->known->layers : 1;
  if (facts->n_layers == 1 && times == 1)
    remark(invocation, "%s: nobody says how many layers it has; the one in the trace counts once\n",
           network->model.name);
  if (facts->n_layers + times + 1 >= PHAZE_MAX_LAYERS)
    return error_add(error, STATUS_INPUT, "%s: has %zu layers, fewer than %d are allowed", path, facts->n_layers,
                     PHAZE_MAX_LAYERS);
  network->layers = ARENA_NEW(invocation->arena, struct phaze_layer, facts->n_layers + times + 1);
  if (!add_layer(placer, network, OP_ABSENT, 1, error)) return false;
  for (uint32_t l = 0; l < facts->n_layers; l++)
    if (!add_layer(placer, network, l, times, error)) return false;
  return add_layer(placer, network, (uint32_t)facts->n_layers, 1, error);
}

/* --- strategies ----------------------------------------------------------------------------------------------------
 */

static void strategy_cells(const struct placer *placer, const struct phaze_law *law,
                           const struct phaze_placement *placement, const struct phaze_placement *best,
                           struct table *table) {
  const double samples_per_s = (double)placer->law.batch / placement->iteration_s;
  table_u64(table, placement->depth);
  table_u64(table, placement->data);
  table_u64(table, law->tensor);
  table_u64(table, sat_mul(law->tensor, sat_mul(placement->depth, placement->data)));
  table_u64(table, placement->microbatches);
  table_double(table, calibrate_round((double)placement->max_load_cycles / law->clock_hz, 6));
  table_double(table, calibrate_round(placement->sync_s, 6));
  table_double(table, calibrate_round(placement->iteration_s, 6));
  table_double(table, calibrate_round(samples_per_s, 6));
  if (best != NULL) {
    table_double(table, calibrate_pct(100 * (placement->iteration_s / best->iteration_s - 1)));
  } else {
    table_empty(table);
  }
  table_double(table, calibrate_round((double)placement->memory_bytes / 1073741824.0, 5));
}

/* "7 6 6 …" */
static const char *layers_text(const struct network_case *network, const struct phaze_placement *placement,
                               struct arena *arena) {
  struct writer writer;
  writer_init(&writer, arena);
  for (uint64_t s = 0; s < placement->depth; s++) {
    const size_t end = s + 1 < placement->depth ? placement->starts[s + 1] : network->n_layers;
    writer_raw(&writer, arena_printf(arena, "%s%zu", s > 0 ? " " : "", end - placement->starts[s]));
  }
  return writer.text;
}

struct view { /* of one network under one capacity */
  const struct network_case *network;
  struct phaze_law law;
  struct phaze_placement *placements;
  size_t n;
  const struct phaze_placement *best;
  uint64_t gib;
};

static void rule_cells(const struct placer *placer, const struct view *view, const char *rule) {
  table_text(placer->placements, view->network->model.name);
  table_u64(placer->placements, view->gib);
  table_text(placer->placements, rule);
}

static void placement_row(const struct placer *placer, const struct view *view, const char *rule,
                          const struct phaze_placement *placement) {
  struct table *table = placer->placements;
  rule_cells(placer, view, rule);
  strategy_cells(placer, &view->law, placement, view->best, table);
  table_text(table, placement->memory_bytes <= view->law.hbm_bytes ? "yes" : "no");
  table_text(table, layers_text(view->network, placement, placer->invocation->arena));
  table_text(table, "");
}

static void no_placement_row(const struct placer *placer, const struct view *view, const char *rule, const char *why) {
  enum { N_COLUMNS = sizeof placement_columns / sizeof *placement_columns, N_RULE_CELLS = 3 };
  rule_cells(placer, view, rule);
  for (int i = N_RULE_CELLS; i + 1 < N_COLUMNS; i++) table_empty(placer->placements);
  table_text(placer->placements, why);
}

/* A given depth and degree, on the best partition that fits, else on the best one without a limit. */
static void given_rows(const struct placer *placer, const struct view *view, const char *rule, uint64_t depth,
                       uint64_t data, bool even) {
  const struct network_case *network = view->network;
  struct arena *arena = placer->invocation->arena;
  if (depth > network->n_layers) {
    no_placement_row(placer, view, rule, "more stages than layers");
    return;
  }
  struct phaze_placement placement;
  const uint32_t *starts = depth <= view->n ? view->placements[depth - 1].starts : NULL;
  if (starts == NULL) {
    struct phaze_law unlimited = view->law;
    struct phaze_placement *all;
    unlimited.hbm_bytes = UINT64_MAX;
    unlimited.devices = depth * unlimited.tensor;
    phaze_depths(network->layers, network->n_layers, &unlimited, arena, placer->invocation->scratch, &all);
    starts = all[depth - 1].starts;
  }
  phaze_price(network->layers, network->n_layers, &view->law, starts, depth, data, &placement);
  placement_row(placer, view, rule, &placement);
  if (!even) return;
  starts = phaze_even_starts(network->n_layers, depth, arena);
  phaze_price(network->layers, network->n_layers, &view->law, starts, depth, data, &placement);
  placement_row(placer, view, "fixed_even", &placement);
}

static void known_rows(const struct placer *placer, const struct view *view) {
  const struct public_model *known = view->network->known;
  if (known == NULL) return;
  if (known->depth > 0 && known->tensor != view->law.tensor) {
    no_placement_row(placer, view, "fixed",
                     arena_printf(placer->invocation->arena, "the strategy (%llu, %llu, %llu) has another tensor width",
                                  (unsigned long long)known->depth, (unsigned long long)known->data,
                                  (unsigned long long)known->tensor));
  } else if (known->depth > 0) {
    given_rows(placer, view, "fixed", known->depth, known->data, true);
  }
  if (known->published_depth > 0 && view->law.samples == 1)
    given_rows(placer, view, "published", known->published_depth, known->published_data, false);
}

static void depth_rows(const struct placer *placer, const struct view *view) {
  for (size_t i = 0; i < view->n; i++) {
    const struct phaze_placement *placement = &view->placements[i];
    if (placement->depth == 0) continue;
    const double missing_s = phaze_missing_s(view->placements, view->n, placement->depth);
    table_text(placer->depths, view->network->model.name);
    table_u64(placer->depths, view->gib);
    strategy_cells(placer, &view->law, placement, view->best, placer->depths);
    if (missing_s >= 0) {
      table_double(placer->depths, calibrate_round(missing_s, 4));
    } else {
      table_empty(placer->depths);
    }
  }
}

static void place(const struct placer *placer, const struct network_case *network, uint64_t gib) {
  struct view view = {.network = network, .law = placer->law, .gib = gib};
  view.law.tensor = network->model.facts.ranks;
  view.law.samples = network->model.facts.samples;
  view.law.hbm_bytes = gib << 30;
  view.n = phaze_depths(network->layers, network->n_layers, &view.law, placer->invocation->arena,
                        placer->invocation->scratch, &view.placements);
  view.best = phaze_best(view.placements, view.n);
  if (view.best != NULL) {
    placement_row(placer, &view, "best", view.best);
    remark(placer->invocation, "%s, %llu GiB: best p = %llu, d = %llu, %.4g samples/s\n", network->model.name,
           (unsigned long long)gib, (unsigned long long)view.best->depth, (unsigned long long)view.best->data,
           (double)view.law.batch / view.best->iteration_s);
  } else {
    no_placement_row(placer, &view, "best", "nothing fits");
    remark(placer->invocation, "%s, %llu GiB: nothing fits\n", network->model.name, (unsigned long long)gib);
  }
  known_rows(placer, &view);
  depth_rows(placer, &view);
}

/* --- the command ---------------------------------------------------------------------------------------------------
 */

static int compare_texts(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Paths of the graphs, sorted. */
static bool list_graphs(const struct invocation *invocation, const char *folder, const char ***paths, size_t *n,
                        struct error *error) {
  DIR *handle = opendir(folder);
  if (handle == NULL)
    return error_add(error, STATUS_ENVIRONMENT, "%s: cannot list the graphs: %s", folder, strerror(errno));
  *paths = ARENA_NEW(invocation->arena, const char *, MOST_GRAPHS);
  *n = 0;
  for (const struct dirent *entry; (entry = readdir(handle)) != NULL && *n < MOST_GRAPHS;) {
    const char *dot = strrchr(entry->d_name, '.');
    if (entry->d_name[0] == '.' || dot == NULL || strcmp(dot, ".json") != 0) continue;
    (*paths)[(*n)++] = arena_printf(invocation->arena, "%s/%s", folder, entry->d_name);
  }
  closedir(handle);
  qsort(*paths, *n, sizeof **paths, compare_texts);
  return *n > 0 || error_add(error, STATUS_INPUT, "%s: there is no graph (.json) in it", folder);
}

/* Which of two words an option says; the first if it says nothing. */
static bool read_choice(const struct invocation *invocation, const char *option, const char *const names[2],
                        bool *second, struct error *error) {
  const char *word = invocation_value(invocation, option);
  *second = word != NULL && strcmp(word, names[1]) == 0;
  if (word == NULL || *second || strcmp(word, names[0]) == 0) return true;
  char shown[80];
  text_escape(word, shown, sizeof shown);
  return error_add(error, STATUS_INPUT, "--%s: \"%s\", allowed are %s, %s", option, shown, names[0], names[1]);
}

static bool bounded(const struct invocation *invocation, const char *option, uint64_t fallback, uint64_t most,
                    uint64_t *value, struct error *error) {
  if (!invocation_u64(invocation, option, fallback, value, error)) return false;
  if (invocation_value(invocation, option) == NULL || (*value >= 1 && *value <= most)) return true;
  return error_add(error, STATUS_INPUT, "--%s: 1 to %llu are allowed", option, (unsigned long long)most);
}

static bool read_options(struct placer *placer, struct error *error) {
  struct invocation *invocation = placer->invocation;
  static const char *const stashes[] = {"inputs", "outputs"}, *const heads[] = {"once", "layer"};
  uint64_t link_mb_s;
  bool keeps_outputs, in_layer;
  placer->law = (struct phaze_law){.state_copies = STATE_COPIES};
  bool good = bounded(invocation, "devices", 1024, 1 << 20, &placer->law.devices, error);
  good &= bounded(invocation, "batch", 4096, 1 << 30, &placer->law.batch, error);
  good &= bounded(invocation, "hbm-gib", 0, 1 << 20, &placer->only_hbm_gib, error);
  good &= bounded(invocation, "link-mbytes-per-s", 0, 1 << 30, &link_mb_s, error);
  good &= read_choice(invocation, "stash", stashes, &keeps_outputs, error);
  good &= read_choice(invocation, "head", heads, &in_layer, error);
  placer->law.stash = keeps_outputs ? PHAZE_STASH_OUTPUTS : PHAZE_STASH_INPUTS;
  placer->once = !in_layer;
  placer->law.link_bytes_per_s = link_mb_s > 0 ? (double)link_mb_s * 1e6 : traced_link_bytes_per_s;
  const char *table = invocation_value(invocation, "table"), *design = invocation_value(invocation, "design");
  if (table != NULL) good &= estimates_read(table, invocation->arena, &placer->published, error);
  if (!good || !calibrate_settings(invocation, &placer->cost, &placer->technology, error) ||
      !accelerator_from_catalogue(invocation->data_folder, design != NULL ? design : "tpuv4_like", invocation->arena,
                                  &placer->part, error) ||
      !accelerator_derive(&placer->part, error))
    return false;
  machine_init(&placer->machine, &placer->cost, &placer->technology, &placer->part);
  placer->law.clock_hz = placer->machine.clock_hz;
  placer->prices = (struct traced_prices){&placer->machine, &placer->part, table != NULL ? &placer->published : NULL};
  return true;
}

#define TABLE(arena, name, columns) table_new(arena, name ".csv", columns, sizeof columns / sizeof *columns)

bool calibrate_placements(struct invocation *invocation, struct error *error) {
  static const char *const names[] = {"placements", "depths", "layers"};
  struct placer *placer = ARENA_NEW(invocation->arena, struct placer, 1);
  placer->invocation = invocation;
  const char *chosen = calibrate_choice(invocation, names, sizeof names / sizeof *names, error);
  const char *folder = invocation_value(invocation, "graphs"), **paths = NULL;
  size_t n = 0;
  if (folder == NULL) error_add(error, STATUS_INPUT, "--graphs: a folder of traced graphs is needed");
  if (chosen == NULL || folder == NULL || !read_options(placer, error) ||
      !list_graphs(invocation, folder, &paths, &n, error))
    return false;
  placer->placements = TABLE(invocation->arena, "placements", placement_columns);
  placer->depths = TABLE(invocation->arena, "depths", depth_columns);
  placer->layers = TABLE(invocation->arena, "layers", layer_columns);
  for (size_t i = 0; i < n; i++) {
    struct network_case network = {0};
    if (!load_network(placer, paths[i], &network, error)) return false;
    for (int c = 0; c < N_CAPACITIES; c++) {
      if (placer->only_hbm_gib == 0) place(placer, &network, hbm_gib[c]);
    }
    if (placer->only_hbm_gib > 0) place(placer, &network, placer->only_hbm_gib);
  }
  const struct calibrate_part parts[] = {
      {"placements", placer->placements}, {"depths", placer->depths}, {"layers", placer->layers}};
  calibrate_print(invocation, parts, sizeof parts / sizeof *parts, chosen);
  return true;
}
