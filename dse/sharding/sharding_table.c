/* Networks on boards as problems of sharding. See sharding_table.h. */
#include "dse/sharding/sharding_table.h"

#include "base/checked.h"
#include "base/text.h"
#include "search/placement/placement_read.h"
#include <math.h>
#include <string.h>

static const char *const elementwise_names[] = {"fused", "kept", NULL};
static const char *const model_names[] = {"tiled", "systolic", "winograd", NULL};

#define OFFSET(member) offsetof(struct sharding_table_settings, member)
#define COUNT(key, unit, least, most, default_text, doc)                                                               \
  { #key, FIELD_UINT, unit, least, most, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
#define REAL(key, unit, least, most, default_text, doc)                                                                \
  { #key, FIELD_REAL, unit, least, most, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
#define REALS(key, default_text, doc)                                                                                  \
  { #key, FIELD_REAL_LIST, "gbytes_per_s", 1e-6, 1e6, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
#define TEXTS(key, default_text, doc)                                                                                  \
  { #key, FIELD_TEXT_LIST, "", 0, 0, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
#define FLAG(key, default_text, doc)                                                                                   \
  { #key, FIELD_BOOL, "", 0, 0, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
static const struct field fields[] = {
    TEXTS(models, "[\"alexnet\", \"vgg16\", \"resnet34\", \"resnet101\", \"wide_resnet50_2\"]",
          "networks: model files with overrides, \"bert-base sequence=128\" (dse list workloads), or tables of layers "
          "(dse list layers)"),
    COUNT(batch, "", 1, 4096, "1", "samples of an inference"),
    COUNT(element_bytes, "bytes", 1, 4, "2", "of weights and activations"),
    {"elementwise", FIELD_CHOICE, "", 0, 0, "\"fused\"",
     "operators of one operand that work by element: fused into their producer, or kept as layers without time",
     OFFSET(elementwise), ROLE_ANSWER, elementwise_names},
    COUNT(groups, "", 1, 1024, "2", "groups of boards"),
    COUNT(boards_per_group, "", 1, 1024, "4", "boards of a group"),
    REAL(dram_gbytes, "gbytes", 1e-6, 1e6, "1", "memory of a board; low on purpose, so that sharding matters"),
    FLAG(adaptive, "true", "a set may carry any design; false: boards carry those of board_designs"),
    TEXTS(board_designs, "[]", "of each board in order, from the beginning again where there are fewer"),
    REALS(intra_gbytes_per_s, "[1, 12]", "between boards of a group, a board and direction; a problem for each"),
    REALS(inter_gbytes_per_s, "[0.25, 6]", "between groups, likewise: as many"),
    REALS(host_gbytes_per_s, "[0.25, 6]", "to and from the host, likewise"),
    FLAG(overlap, "false", "shared shards travel under computation (journal version), or after it"),
    FLAG(host_io, "false", "the first input comes from the host, the last output returns to it"),
    FLAG(double_buffer, "true", "a rotated shard is held twice"),
    FLAG(reduce_scatter, "false", "half an all-reduce where the next layer wants just what that leaves"),
    FLAG(training, "false", "a training step: forward, backward, exchange of gradients"),
    REAL(optimizer_bytes_per_weight, "bytes", 0, 64, "8", "training: kept beside weights and gradients"),
    COUNT(max_es_dims, "", 1, SHARDING_MAX_SPLITS, "2", "loops that an exclusive shard may split"),
    TEXTS(es_dims, "[\"Cout\", \"Cin\", \"H\", \"W\"]", "loops that may be split; also Kh, Kw, B"),
    TEXTS(ss_dims, "[\"Cout\", \"Cin\", \"H\", \"W\"]", "loops that may be shared; none: no shared shards"),
    FLAG(placement, "false", "write the layers on single boards as a problem of placement too, NAME.placement.json"),
};
const struct field_table sharding_table_fields = {"sharding", "layers of a network on sets of boards", fields,
                                                  sizeof fields / sizeof *fields};

#undef OFFSET
#define OFFSET(member) offsetof(struct sharding_design_settings, member)
#undef COUNT
#define COUNT(key, default_text, doc)                                                                                  \
  { #key, FIELD_UINT, "", 1, 1 << 20, default_text, doc, OFFSET(key), ROLE_ANSWER, NULL }
static const struct field design_field_list[] = {
    {"name", FIELD_TEXT, "", 0, 0, NULL, "of the design", OFFSET(name), ROLE_ANSWER, NULL},
    {"model", FIELD_CHOICE, "", 0, 0, NULL, "form of its cycles (sharding §4)", OFFSET(model), ROLE_ANSWER,
     model_names},
    {"clock_mhz", FIELD_REAL, "mhz", 1e-3, 1e6, "200", "clock", OFFSET(clock_mhz), ROLE_ANSWER, NULL},
    COUNT(tm, "64", "tiled: output channels of a tile"),
    COUNT(tn, "8", "tiled: input channels"),
    COUNT(tr, "14", "tiled: rows"),
    COUNT(tc, "14", "tiled: columns"),
    COUNT(ports, "8", "tiled: words a cycle"),
    COUNT(rows, "16", "systolic: rows, output channels"),
    COUNT(columns, "14", "systolic: columns, pixels"),
    COUNT(vector, "2", "systolic: input channels a cycle"),
    COUNT(pm, "4", "winograd: output channels a cycle"),
    COUNT(pn, "4", "winograd: input channels a cycle"),
};
const struct field_table sharding_design_fields = {"sharding.designs", "an accelerator design that a set may carry",
                                                   design_field_list,
                                                   sizeof design_field_list / sizeof *design_field_list};

/* --- reading --------------------------------------------------------------------------------------------------------
 */

/* The three of sharding §4: 512, 448 and 576 multipliers, near-equal on purpose. */
static const struct sharding_design usual_designs[] = {
    {.name = "D1", .model = SHARDING_TILED, .clock_hz = 200e6, .tm = 64, .tn = 8, .tr = 14, .tc = 14, .ports = 8},
    {.name = "D2", .model = SHARDING_SYSTOLIC, .clock_hz = 200e6, .rows = 16, .columns = 14, .vector = 2},
    {.name = "D3", .model = SHARDING_WINOGRAD, .clock_hz = 200e6, .pm = 4, .pn = 4},
};

static void take_designs(const struct sharding_design_settings *from, size_t n, struct arena *arena,
                         struct sharding_table *table) {
  table->n_designs = n > 0 ? n : sizeof usual_designs / sizeof *usual_designs;
  table->designs = ARENA_NEW(arena, struct sharding_design, table->n_designs);
  for (size_t i = 0; i < table->n_designs; i++) {
    if (n == 0) {
      table->designs[i] = usual_designs[i];
      continue;
    }
    table->designs[i] = (struct sharding_design){.name = from[i].name,
                                                 .model = (enum sharding_model)from[i].model,
                                                 .clock_hz = from[i].clock_mhz * 1e6,
                                                 .tm = from[i].tm,
                                                 .tn = from[i].tn,
                                                 .tr = from[i].tr,
                                                 .tc = from[i].tc,
                                                 .ports = from[i].ports,
                                                 .rows = from[i].rows,
                                                 .columns = from[i].columns,
                                                 .vector = from[i].vector,
                                                 .pm = from[i].pm,
                                                 .pn = from[i].pn};
  }
}

static bool complain_of_word(const struct tenancy_world *world, const char *key, const char *word, const char *what,
                             struct error *error) {
  char shown[80];
  text_escape(word, shown, sizeof shown);
  return error_add(error, STATUS_INPUT, "%s: \"%s\": %s", tenancy_place(world, key), shown, what);
}

static bool take_loops(const struct text_list *words, const char *key, const struct tenancy_world *world, uint8_t *dims,
                       struct error *error) {
  *dims = 0;
  for (size_t i = 0; i < words->n; i++) {
    unsigned d = 0;
    while (d < SHARDING_N_DIMS && strcmp(sharding_dim_names[d], words->values[i]) != 0) d++;
    if (d == SHARDING_N_DIMS) {
      return complain_of_word(world, key, words->values[i], "allowed are Cout, Cin, H, W, Kh, Kw, B", error);
    }
    *dims = (uint8_t)(*dims | 1U << d);
  }
  return true;
}

static bool take_board_designs(const struct tenancy_world *world, struct sharding_table *table, struct error *error) {
  const struct sharding_table_settings *const settings = table->settings;
  const struct text_list *const names = &settings->board_designs;
  const size_t n_boards = settings->groups * settings->boards_per_group;
  if (settings->adaptive) return true;
  if (names->n == 0) {
    return error_add(error, STATUS_INPUT, "%s: is needed where boards are not adaptive",
                     tenancy_place(world, "board_designs"));
  }
  table->board_design = ARENA_NEW(world->arena, uint32_t, n_boards);
  for (size_t b = 0; b < n_boards; b++) {
    const char *const name = names->values[b % names->n];
    uint32_t d = 0;
    while (d < table->n_designs && strcmp(table->designs[d].name, name) != 0) d++;
    if (d == table->n_designs) return complain_of_word(world, "board_designs", name, "no such design", error);
    table->board_design[b] = d;
  }
  return true;
}

static bool check_links(const struct sharding_table_settings *settings, const struct tenancy_world *world,
                        struct error *error) {
  const size_t n = settings->intra_gbytes_per_s.n;
  if (n > 0 && settings->inter_gbytes_per_s.n == n && settings->host_gbytes_per_s.n == n) return true;
  return error_add(error, STATUS_INPUT, "%s: %zu speeds, with %zu between groups and %zu to the host: as many of each",
                   tenancy_place(world, "intra_gbytes_per_s"), n, settings->inter_gbytes_per_s.n,
                   settings->host_gbytes_per_s.n);
}

bool sharding_table_open(const struct sharding_table_settings *settings, const struct sharding_design_settings *designs,
                         size_t n_designs, const struct tenancy_world *world, struct sharding_table *table,
                         struct error *error) {
  *table = (struct sharding_table){.settings = settings, .n_networks = settings->models.n};
  bool fine = check_links(settings, world, error);
  fine = take_loops(&settings->es_dims, "es_dims", world, &table->es_dims, error) && fine;
  fine = take_loops(&settings->ss_dims, "ss_dims", world, &table->ss_dims, error) && fine;
  take_designs(designs, n_designs, world->arena, table);
  fine = take_board_designs(world, table, error) && fine;
  if (settings->groups * settings->boards_per_group > SHARDING_MAX_BOARDS) {
    fine = error_add(error, STATUS_INPUT, "%s: more than %d boards", tenancy_place(world, "boards_per_group"),
                     SHARDING_MAX_BOARDS);
  }
  if (settings->models.n == 0) {
    fine = error_add(error, STATUS_INPUT, "%s: at least one network is needed", tenancy_place(world, "models"));
  }
  table->networks = ARENA_NEW(world->arena, struct sharding_network, settings->models.n);
  for (size_t m = 0; m < settings->models.n && fine; m++) {
    const struct sharding_network_request request = {.text = settings->models.values[m],
                                                     .place = tenancy_place(world, "models"),
                                                     .data_folder = world->data_folder,
                                                     .batch = settings->batch,
                                                     .element_bytes = settings->element_bytes,
                                                     .fuse = settings->elementwise == SHARDING_ELEMENTWISE_FUSED};
    fine = sharding_network_load(&request, world->arena, world->scratch, &table->networks[m], error);
  }
  return fine;
}

/* --- problems -------------------------------------------------------------------------------------------------------
 */

static void fill_boards(const struct sharding_table *table, struct arena *arena, struct sharding_problem *problem) {
  const struct sharding_table_settings *const settings = table->settings;
  const size_t n_groups = settings->groups, each = settings->boards_per_group, n = n_groups * each;
  struct sharding_board *const boards = ARENA_NEW(arena, struct sharding_board, n);
  uint32_t *const group = ARENA_NEW(arena, uint32_t, n);
  const char **const groups = ARENA_NEW(arena, const char *, n_groups);
  for (size_t g = 0; g < n_groups; g++) groups[g] = arena_printf(arena, "g%zu", g);
  for (size_t b = 0; b < n; b++) {
    group[b] = (uint32_t)(b / each);
    boards[b] = (struct sharding_board){.name = arena_printf(arena, "b%zu", b),
                                        .group = groups[group[b]],
                                        .dram_bytes = (uint64_t)llround(settings->dram_gbytes * 1e9),
                                        .design = table->board_design != NULL ? table->board_design[b] : SHARDING_NONE};
  }
  problem->boards = boards, problem->n_boards = n;
  problem->board_group = group, problem->groups = groups, problem->n_groups = n_groups;
}

bool sharding_table_build(const struct sharding_table *table, size_t index, struct arena *arena,
                          struct sharding_problem *problem, struct error *error) {
  const struct sharding_table_settings *const settings = table->settings;
  const size_t n_links = settings->intra_gbytes_per_s.n, link = index % n_links;
  const struct sharding_network *const network = &table->networks[index / n_links];
  const double intra = settings->intra_gbytes_per_s.values[link], inter = settings->inter_gbytes_per_s.values[link];
  *problem = (struct sharding_problem){
      .name = arena_printf(arena, "%s_%g-%g", network->name, intra * 1000, inter * 1000), /* MB/s */
      .element_bytes = settings->element_bytes,
      .overlap = settings->overlap,
      .adaptive = settings->adaptive,
      .host_io = settings->host_io,
      .double_buffer = settings->double_buffer,
      .reduce_scatter = settings->reduce_scatter,
      .training = settings->training,
      .optimizer_bytes_per_weight = settings->optimizer_bytes_per_weight,
      .max_es_dims = (uint32_t)settings->max_es_dims,
      .es_dims = table->es_dims,
      .ss_dims = table->ss_dims,
      .n_designs = table->n_designs,
      .designs = table->designs,
      .n_layers = network->n_layers,
      .layers = network->layers,
      .n_edges = network->n_edges,
      .edges = network->edges,
      .intra_bytes_per_s = intra * 1e9,
      .inter_bytes_per_s = inter * 1e9,
      .host_bytes_per_s = settings->host_gbytes_per_s.values[link] * 1e9};
  fill_boards(table, arena, problem);
  return sharding_finish(problem, arena, error);
}

/* --- the same without splits ----------------------------------------------------------------------------------------
 */

static void fill_placement_layers(const struct sharding_problem *problem, struct arena *arena,
                                  struct placement_problem *placement) {
  const size_t n = problem->n_layers, n_devices = problem->n_boards;
  const char **const names = ARENA_NEW(arena, const char *, n), **const kinds = ARENA_NEW(arena, const char *, 1);
  uint64_t *const weights = ARENA_NEW(arena, uint64_t, n), *const inputs = ARENA_NEW(arena, uint64_t, n),
                  *const outputs = ARENA_NEW(arena, uint64_t, n);
  double *const seconds = ARENA_NEW(arena, double, n *n_devices);
  const struct sharding_strategy whole = {{1, 1, 1, 1, 1, 1, 1}, SHARDING_N_DIMS};
  kinds[0] = "layer";
  for (uint32_t l = 0; l < n; l++) {
    names[l] = problem->layers[l].name;
    for (size_t d = 0; d < n_devices; d++) {
      struct sharding_cost cost;
      sharding_cost(problem, l, &problem->designs[problem->boards[d].design], 1, INFINITY, &whole, &cost);
      seconds[l * n_devices + d] = cost.forward_s;
      weights[l] = cost.weight_bytes;
      outputs[l] = cost.output_bytes;
    }
  }
  struct placement_edge *const edges = ARENA_NEW(arena, struct placement_edge, problem->n_edges);
  for (uint32_t e = 0; e < problem->n_edges; e++) {
    const uint64_t bytes = sharding_reshard_bytes(problem, e, 0, NULL, 1, &whole);
    edges[e] = (struct placement_edge){problem->edges[e].from, problem->edges[e].to, bytes, NAN};
    inputs[problem->edges[e].to] = sat_add(inputs[problem->edges[e].to], bytes);
  }
  placement->n_layers = n, placement->layer_names = names;
  placement->kinds = kinds, placement->n_kinds = 1, placement->kind = ARENA_NEW(arena, uint32_t, n);
  placement->weight_bytes = weights, placement->input_bytes = inputs, placement->output_bytes = outputs;
  placement->compute_s = seconds;
  placement->edges = edges, placement->n_edges = problem->n_edges;
}

bool sharding_table_placement(const struct sharding_problem *problem, struct arena *arena,
                              struct placement_problem *placement, struct error *error) {
  const size_t n = problem->n_boards;
  struct placement_device *const devices = ARENA_NEW(arena, struct placement_device, n);
  double *const mesh = ARENA_NEW(arena, double, n *n), *const latency = ARENA_NEW(arena, double, n *n);
  if (problem->adaptive || problem->training || problem->host_io) {
    return error_add(error, STATUS_INPUT, "%s: a placement has boards of fixed designs, no host and no training",
                     problem->name);
  }
  for (size_t d = 0; d < n; d++) {
    devices[d] = (struct placement_device){.name = problem->boards[d].name,
                                           .class_name = problem->designs[problem->boards[d].design].name,
                                           .dram_bytes = problem->boards[d].dram_bytes,
                                           .pin_share = 1,
                                           .link_bytes_per_s = problem->host_bytes_per_s};
    for (size_t other = 0; other < n; other++) {
      if (other != d) mesh[d * n + other] = sharding_link(problem, (uint32_t)d, (uint32_t)other);
    }
  }
  *placement = (struct placement_problem){.name = problem->name,
                                          .transfers = PLACEMENT_CUT,
                                          .timing = PLACEMENT_DELAY,
                                          .objective = PLACEMENT_MAKESPAN,
                                          .memory = PLACEMENT_HARD,
                                          .granule_bytes = 4000,
                                          .n_devices = n,
                                          .devices = devices,
                                          .mesh_bytes_per_s = mesh,
                                          .mesh_latency_s = latency,
                                          .host = {.out_bytes_per_s = INFINITY, .in_bytes_per_s = INFINITY}};
  fill_placement_layers(problem, arena, placement);
  return placement_finish(placement, arena, error);
}
