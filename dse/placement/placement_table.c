/* Networks on devices as problems of placement. See placement_table.h. */
#include "dse/placement/placement_table.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

static const char *const input_names[] = {"edges", "window", "compat", NULL};
static const char *const fc_names[] = {"flattened", "channels", NULL};
static const char *const transfer_names[] = {"all", "cut", NULL};
static const char *const timing_names[] = {"serial", "delay", "contention", NULL};
static const char *const objective_names[] = {"makespan", "period", "energy", NULL};
static const char *const memory_names[] = {"pin", "hard", "none", NULL};
enum { FC_FLATTENED, FC_CHANNELS };

#define OFFSET(member) offsetof(struct placement_table_settings, member)
#define CHOICE(key, default_text, names, doc)                                                                          \
  { #key, FIELD_CHOICE, "", 0, 0, default_text, doc, OFFSET(key), ROLE_ANSWER, names }
#define COUNT(key, unit, least, most, default_text, doc)                                                               \
  { #key, FIELD_UINT, unit, least, most, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
#define REAL(key, unit, least, most, default_text, doc)                                                                \
  { #key, FIELD_REAL, unit, least, most, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
#define TEXTS(key, default_text, doc)                                                                                  \
  { #key, FIELD_TEXT_LIST, "", 0, 0, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
static const struct field fields[] = {
    TEXTS(models, "[\"vlocnet\", \"casia-surf\", \"facebag\", \"vfs\", \"mocap\", \"cnn-lstm\"]",
          "networks: tables of layers (dse list layers), or paths that end in _layers.csv"),
    TEXTS(boards, "[]", "devices: \"all\", \"A1\", \"2 x A5\" (dse list boards); none and no accelerators: all"),
    TEXTS(
        accelerators, "[]",
        "devices priced by our cost model: \"tpuv4\", \"2 x FILE.cfg\", \"FOLDER:1..3\" (the best designs of a results "
        "folder)"),
    {"link_gbytes_per_s", FIELD_REAL_LIST, "gbytes_per_s", 1e-6, 1e6, "[0.125, 0.25, 0.5, 1.25]",
     "of each device's link to the host; a problem for each", OFFSET(link_gbytes_per_s), ROLE_ANSWER, NULL},
    REAL(link_latency_us, "us", 0, 1e9, "0", "of every transfer that is not empty"),
    COUNT(element_bytes, "bytes", 0, 8, "0", "of weights and activations; 0: the accelerators', else 2"),
    CHOICE(inputs, "\"edges\"", input_names,
           "what a layer reads when nothing is local: all that its edges carry; what a convolution's windows touch; or "
           "channels x 2 output rows x 2 output columns, as the public H2H program"),
    CHOICE(fc_input, "\"flattened\"", fc_names,
           "a fully connected layer's input: flattened, or one number a channel, as M5 counts"),
    CHOICE(transfers, "\"all\"", transfer_names,
           "all: every tensor crosses unless a rule removes it; cut: only between different devices"),
    CHOICE(timing, "\"serial\"", timing_names, "serial: H2H's rule; delay; contention: shared host, overlap"),
    CHOICE(objective, "\"makespan\"", objective_names, "what is minimised"),
    CHOICE(memory, "\"pin\"", memory_names,
           "pin: weights that do not fit are sent again; hard: all must fit; none: no limit"),
    COUNT(granule_bytes, "bytes", 1, 1e9, "4000", "rounding unit of pinned weights"),
    REAL(pin_share, "", 0, 1, "0", "share of a device's memory for pinned weights; 0: the boards' own, else 0.5"),
    REAL(host_out_gbytes_per_s, "gbytes_per_s", 0, 1e6, "0", "from the host to all devices; 0: no limit"),
    REAL(host_in_gbytes_per_s, "gbytes_per_s", 0, 1e6, "0", "from all devices to the host; 0: no limit"),
    REAL(host_transfer_pj_per_byte, "pj_per_byte", 0, 1e9, "0", "energy of a byte over a link"),
    COUNT(prefetch_layers, "", 0, 1000, "1", "with timing contention: how far reads run ahead of computation"),
    {"half_duplex", FIELD_BOOL, "", 0, 0, "false", "with timing contention: a device reads or writes at a time",
     OFFSET(half_duplex), ROLE_ANSWER, NULL},
};
const struct field_table placement_table_fields = {"placement", "layers of a network on unlike devices", fields,
                                                   sizeof fields / sizeof *fields};

bool placement_table_open(const struct placement_table_settings *settings, const struct tenancy_world *world,
                          struct placement_table *table, struct error *error) {
  *table = (struct placement_table){.settings = settings, .n_models = settings->models.n};
  if (settings->models.n == 0) {
    return error_add(error, STATUS_INPUT, "%s: at least one network is needed", tenancy_place(world, "models"));
  }
  if (settings->link_gbytes_per_s.n == 0) {
    return error_add(error, STATUS_INPUT, "%s: at least one is needed", tenancy_place(world, "link_gbytes_per_s"));
  }
  struct layer_table *const models = ARENA_NEW(world->arena, struct layer_table, settings->models.n);
  table->models = models;
  for (size_t m = 0; m < settings->models.n; m++) {
    struct error *const why = ARENA_NEW(world->scratch, struct error, 1);
    if (layer_table_find(world->data_folder, settings->models.values[m], world->arena, &models[m], why)) continue;
    error_add(error, why->status, "%s: %.*s", tenancy_place(world, "models"),
              (int)(why->length > 0 ? why->length - 1 : 0), why->text);
  }
  return !error_is_set(error) && placement_devices_open(settings, world, &table->devices, error);
}

/* --- one problem ----------------------------------------------------------------------------------------------------
 */

/* A layer as the settings see it. */
static struct layer seen(const struct placement_table_settings *settings, const struct layer *layer) {
  struct layer own = *layer;
  if (settings->fc_input == FC_CHANNELS && layer->kind != LAYER_CONV) {
    own.weights = layer->weights_channels_only;
    if (layer->kind == LAYER_FC) own.macs = own.weights;
  }
  return own;
}

/* Rows (or columns) that the windows of a side touch. */
static uint64_t touched(uint64_t n_out, uint64_t n_in, const struct layer *layer) {
  const uint64_t span = sat_add(sat_mul(n_out - 1, layer->stride), layer->kernel);
  return min_u64(n_in, span > 2 * layer->pad ? span - 2 * layer->pad : 1);
}

/* Several inputs into a convolution are added: each of them is read through the same windows. */
static uint64_t input_elements(const struct placement_table_settings *settings, const struct layer *layer) {
  const uint64_t own = sat_mul(layer->in_channels, sat_mul(layer->in_rows, layer->in_cols));
  const uint64_t n_inputs = max_u64(layer->input_elements / max_u64(own, 1), 1);
  if (layer->kind != LAYER_CONV || settings->inputs == PLACEMENT_INPUTS_EDGES) return layer->input_elements;
  if (settings->inputs == PLACEMENT_INPUTS_COMPAT) {
    const struct zhang_layer shape = {layer->out_channels, layer->in_channels, layer->out_rows, layer->out_cols,
                                      layer->kernel};
    return zhang_compat_input_elements(&shape);
  }
  const uint64_t window = sat_mul(layer->in_channels, sat_mul(touched(layer->out_rows, layer->in_rows, layer),
                                                              touched(layer->out_cols, layer->in_cols, layer)));
  return min_u64(layer->input_elements, sat_mul(n_inputs, window));
}

static void fill_devices(const struct placement_table *table, double link_gbytes_per_s, struct arena *arena,
                         struct placement_problem *problem) {
  const struct placement_table_settings *const settings = table->settings;
  struct placement_device *const devices = ARENA_NEW(arena, struct placement_device, table->devices.n);
  for (size_t d = 0; d < table->devices.n; d++) {
    const struct placement_part *const part = &table->devices.parts[d];
    struct placement_device *const device = &devices[d];
    *device = (struct placement_device){.name = table->devices.names[d],
                                        .class_name = part->name,
                                        .pin_share = 0.5,
                                        .link_bytes_per_s = link_gbytes_per_s * 1e9,
                                        .link_latency_s = settings->link_latency_us * 1e-6};
    if (part->board != NULL) {
      device->dram_bytes = part->board->dram_bytes;
      device->pin_share = part->board->pin_share;
      device->active_w = part->board->active_w;
    } else {
      const struct tenancy_core_kind *const kind = part->kind;
      struct energy_prices prices;
      energy_prices_init(&prices, &kind->energy, &kind->accelerator, &kind->area);
      device->dram_bytes = accelerator_hbm_bytes(&kind->accelerator);
      /* What flows all the time: is in energy_j while a layer runs. */
      device->idle_w = device->active_w = (prices.leakage_w + prices.misc_w) / prices.supply_efficiency;
    }
    if (settings->pin_share > 0) device->pin_share = settings->pin_share;
  }
  problem->devices = devices, problem->n_devices = table->devices.n;
}

static void fill_layers(const struct placement_table *table, const struct layer_table *model, struct arena *arena,
                        struct placement_problem *problem) {
  const size_t n = model->n_layers, n_devices = table->devices.n;
  const uint64_t element_bytes = table->devices.element_bytes;
  const char **const names = ARENA_NEW(arena, const char *, n),
                     **const kinds = ARENA_NEW(arena, const char *, N_BOARD_KINDS);
  uint32_t *const kind = ARENA_NEW(arena, uint32_t, n), number[N_BOARD_KINDS];
  uint64_t *const weights = ARENA_NEW(arena, uint64_t, n), *const inputs = ARENA_NEW(arena, uint64_t, n),
                  *const outputs = ARENA_NEW(arena, uint64_t, n);
  double *const seconds = ARENA_NEW(arena, double, n *n_devices), *energy = NULL;
  if (table->devices.priced) energy = ARENA_NEW(arena, double, n *n_devices);
  for (int k = 0; k < N_BOARD_KINDS; k++) number[k] = PLACEMENT_NONE;
  for (size_t l = 0; l < n; l++) {
    const struct layer layer = seen(table->settings, &model->layers[l]);
    const enum board_kind of = board_kind_of(layer.kind);
    if (number[of] == PLACEMENT_NONE) {
      number[of] = (uint32_t)problem->n_kinds;
      kinds[problem->n_kinds++] = board_kind_names[of];
    }
    kind[l] = number[of];
    names[l] = layer.name;
    weights[l] = sat_mul(layer.weights, element_bytes);
    inputs[l] = sat_mul(input_elements(table->settings, &layer), element_bytes);
    outputs[l] = sat_mul(layer.output_elements, element_bytes);
    for (size_t d = 0; d < n_devices; d++) {
      struct placement_price price;
      placement_price(&table->devices.parts[d], &layer, element_bytes, &price);
      seconds[l * n_devices + d] = price.seconds;
      if (energy != NULL) energy[l * n_devices + d] = price.energy_j;
    }
  }
  problem->n_layers = n;
  problem->layer_names = names, problem->kinds = kinds, problem->kind = kind;
  problem->weight_bytes = weights, problem->input_bytes = inputs, problem->output_bytes = outputs;
  problem->compute_s = seconds, problem->energy_j = energy;
}

static void fill_edges(const struct placement_table *table, const struct layer_table *model, struct arena *arena,
                       struct placement_problem *problem) {
  struct placement_edge *const edges = ARENA_NEW(arena, struct placement_edge, model->n_edges);
  for (size_t e = 0; e < model->n_edges; e++) {
    edges[e] = (struct placement_edge){.from = model->edges[e].from,
                                       .to = model->edges[e].to,
                                       .bytes = sat_mul(model->edges[e].elements, table->devices.element_bytes),
                                       .transfer_s = NAN};
  }
  problem->edges = edges, problem->n_edges = model->n_edges;
}

bool placement_table_build(const struct placement_table *table, size_t index, struct arena *arena,
                           struct placement_problem *problem, struct error *error) {
  const struct placement_table_settings *const settings = table->settings;
  const size_t n_links = settings->link_gbytes_per_s.n;
  const struct layer_table *const model = &table->models[index / n_links];
  const double link = settings->link_gbytes_per_s.values[index % n_links];
  *problem = (struct placement_problem){
      .name = arena_printf(arena, "%s_%04.6g", model->name, link * 1000), /* MB/s, as in published names */
      .transfers = (enum placement_transfers)settings->transfers,
      .timing = (enum placement_timing)settings->timing,
      .objective = (enum placement_objective)settings->objective,
      .memory = (enum placement_memory)settings->memory,
      .granule_bytes = settings->granule_bytes,
      .host = {.out_bytes_per_s =
                   settings->host_out_gbytes_per_s > 0 ? settings->host_out_gbytes_per_s * 1e9 : INFINITY,
               .in_bytes_per_s = settings->host_in_gbytes_per_s > 0 ? settings->host_in_gbytes_per_s * 1e9 : INFINITY,
               .transfer_j_per_byte = settings->host_transfer_pj_per_byte * 1e-12,
               .prefetch_layers = settings->prefetch_layers,
               .half_duplex = settings->half_duplex}};
  fill_devices(table, link, arena, problem);
  fill_layers(table, model, arena, problem);
  fill_edges(table, model, arena, problem);
  return placement_finish(problem, arena, error);
}
