/* Networks on modules of chips as problems of partition. See partition_table.h. */
#include "dse/partition/partition_table.h"

#include "arch/network_preset.h"
#include "base/checked.h"
#include "base/text.h"
#include "workloads/attention_fusion.h"
#include "workloads/workload.h"
#include <ctype.h>
#include <math.h>
#include <string.h>

static const char *const module_names[] = {"ring", "mesh", NULL};
static const char *const store_names[] = {"hbm", "buffer", "none", NULL};
enum { NEIGHBOURS_ON_RING = 2, NEIGHBOURS_ON_MESH = 4, MAX_SETS = 32 };
/* A node is copied to every chip if what leads to it is at most this share of all work (as the published graphs are
 * marked). */
static const double clone_share = 1e-4;

#define OFFSET(member) offsetof(struct partition_table_settings, member)
#define FIELD(key, type, unit, least, most, default_text, names, doc)                                                  \
  { #key, type, unit, least, most, default_text, doc, OFFSET(key), ROLE_ANSWER, names }
static const struct field fields[] = {
    FIELD(models, FIELD_TEXT_LIST, "", 0, 0, "[\"resnet50\"]", NULL,
          "networks, a problem each: \"gpt2-small sequence=128\" (dse list workloads), or paths"),
    FIELD(accelerator, FIELD_TEXT, "", 0, 0, "\"tpuv4i\"", NULL,
          "each chip: of dse list catalogue, a file, or \"FOLDER:1\", the best design of a results folder"),
    FIELD(n_chips, FIELD_UINT, "", 1, PARTITION_MAX_CHIPS, "8", NULL, "chips of the module"),
    FIELD(topology, FIELD_CHOICE, "", 0, 0, "\"ring\"", module_names,
          "ring: chips pass on what is for others; mesh: the chain winds through a grid whose routers do"),
    FIELD(link_gbytes_per_s, FIELD_REAL, "gbytes_per_s", 0, 1e6, "0", NULL,
          "of one link in one direction; 0: the network's, else the accelerator's, shared by its neighbours, 2 or 4"),
    FIELD(network, FIELD_TEXT, "", 0, 0, "\"\"", NULL, "links of a known system (dse list networks); \"\": none"),
    FIELD(overlap, FIELD_BOOL, "", 0, 0, "false", NULL, "links work beside the cores"),
    FIELD(store, FIELD_CHOICE, "", 0, 0, "\"hbm\"", store_names,
          "where weights and tensors lie: hbm, as large and fast as it is; buffer: on the chip, which is then all its "
          "memory; none: in memory without limits"),
    FIELD(training, FIELD_BOOL, "", 0, 0, "false", NULL,
          "each operator together with its backward operators and its update"),
    FIELD(in_flight, FIELD_UINT, "", 0, 1e6, "0", NULL,
          "training: samples whose kept activations a chip holds at a time; 0: as many as there are chips"),
    FIELD(batch, FIELD_UINT, "", 1, 1e6, "1", NULL, "of the networks; one such batch is a sample of the problem"),
};
const struct field_table partition_table_fields = {"chips", "a network on the chips of a module", fields,
                                                   sizeof fields / sizeof *fields};

/* --- chips and links --- */

static bool open_chip(struct partition_table *table, struct error *error) {
  static const double any_bandwidth = 1; /* wanted there, means nothing here */
  const struct tenancy_world *const world = table->world;
  const char **const name = ARENA_NEW(world->arena, const char *, 1);
  *name = table->settings->accelerator;
  struct tenancy_table_settings *const settings = ARENA_NEW(world->arena, struct tenancy_table_settings, 1);
  *settings = (struct tenancy_table_settings){
      .provider = TENANCY_PHYSICAL, .accelerators = {1, name}, .bandwidth_bytes_per_cycle = {1, &any_bandwidth}};
  struct tenancy_cores *const cores = ARENA_NEW(world->arena, struct tenancy_cores, 1);
  if (!tenancy_cores_open(settings, world, cores, error)) return false;
  if (cores->n_kinds != 1 || cores->n_cores != 1)
    return error_add(error, STATUS_INPUT, "%s: \"%s\": one design was expected, n_chips says how many there are",
                     tenancy_place(world, "accelerator"), *name);
  struct tenancy_core_kind *const chip = &cores->kinds[0];
  if (table->settings->store == PARTITION_IN_HBM) { /* as fast as it is, which jobs of tenancy do not ask */
    struct accelerator even;
    accelerator_even_cores(&chip->accelerator, &even);
    machine_init(&chip->machine, &chip->settings, world->technology, &even);
  }
  table->chip = chip;
  table->element_bytes = cores->element_bytes;
  table->memory_bytes = table->settings->store == PARTITION_IN_HBM      ? accelerator_hbm_bytes(&chip->accelerator)
                        : table->settings->store == PARTITION_IN_BUFFER ? accelerator_glb_bytes(&chip->accelerator)
                                                                        : 0;
  return true;
}

static const struct network_preset *find_network(const struct partition_table *table, struct error *error) {
  const char *const wanted = table->settings->network;
  const char **const names = ARENA_NEW(table->world->arena, const char *, n_network_presets);
  for (size_t i = 0; i < n_network_presets; i++) {
    names[i] = network_presets[i].name;
    if (strcmp(names[i], wanted) == 0) return &network_presets[i];
  }
  char shown[80];
  text_escape(wanted, shown, sizeof shown);
  const char *const nearest = text_nearest(wanted, names, n_network_presets);
  error_add(error, STATUS_INPUT, "%s: no network \"%s\"%s%s%s (dse list networks)",
            tenancy_place(table->world, "network"), shown, nearest != NULL ? ", did you mean " : "",
            nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
  return NULL;
}

static bool open_links(struct partition_table *table, struct error *error) {
  const struct partition_table_settings *const settings = table->settings;
  const double neighbours = settings->topology == PARTITION_ON_MESH ? NEIGHBOURS_ON_MESH : NEIGHBOURS_ON_RING;
  double gbytes_per_s = settings->link_gbytes_per_s;
  if (settings->network[0] != '\0') {
    const struct network_preset *const network = find_network(table, error);
    if (network == NULL) return false;
    if (!(gbytes_per_s > 0)) gbytes_per_s = network->inner_gbytes_per_s / neighbours;
  }
  if (!(gbytes_per_s > 0)) gbytes_per_s = (double)table->chip->accelerator.link_gbytes_per_s / neighbours;
  table->link_bytes_per_s = (uint64_t)llround(gbytes_per_s * 1e9);
  if (table->link_bytes_per_s > 0) return true;
  return error_add(error, STATUS_INPUT, "%s: %s has no links of its own; give their speed",
                   tenancy_place(table->world, "link_gbytes_per_s"), settings->accelerator);
}

bool partition_table_open(const struct partition_table_settings *settings, const struct tenancy_world *world,
                          struct partition_table *table, struct error *error) {
  *table = (struct partition_table){.settings = settings, .world = world};
  if (settings->models.n == 0)
    return error_add(error, STATUS_INPUT, "%s: at least one network is needed", tenancy_place(world, "models"));
  return open_chip(table, error) && open_links(table, error);
}

/* --- networks --- */

/* Name and overrides, split at blanks. */
static bool load_model(const struct partition_table *table, const char *text, struct workload *workload,
                       struct error *error) {
  const struct tenancy_world *const world = table->world;
  struct config_set *const sets = ARENA_NEW(world->arena, struct config_set, MAX_SETS);
  char *rest = NULL;
  struct workload_request request = {.name = strtok_r(arena_copy_text(world->arena, text), " ", &rest),
                                     .data_folder = world->data_folder,
                                     .batch = table->settings->batch,
                                     .element_bytes = table->element_bytes,
                                     .sets = sets};
  bool right = request.name != NULL;
  for (char *word = strtok_r(NULL, " ", &rest); right && word != NULL; word = strtok_r(NULL, " ", &rest)) {
    char *const equal = strchr(word, '=');
    right = equal != NULL && equal != word && request.n_sets < MAX_SETS;
    if (!right) break;
    *equal = '\0';
    sets[request.n_sets++] = (struct config_set){word, equal + 1};
  }
  if (right) return workload_load(&request, world->arena, world->scratch, workload, error);
  char shown[120];
  text_escape(text, shown, sizeof shown);
  return error_add(error, STATUS_INPUT, "%s: \"%s\": a model is written \"gpt2-small sequence=20 layers=2\"",
                   tenancy_place(world, "models"), shown);
}

/* The forward operators alone, and with all that training adds, both fused as the run file says: an operator of a
 * training step also writes what it keeps for itself, so that only the former say what leaves it. */
struct expansion {
  struct op_graph forward, whole;
};
static bool fuse(const struct partition_table *table, struct op_graph *graph, struct error *error) {
  const struct tenancy_world *const world = table->world;
  const enum fusion rule = (enum fusion)world->training->fusion;
  const struct op_graph plain = *graph;
  return rule == FUSION_OFF || fusion_apply_rule(&plain, rule, world->arena, world->scratch, graph, error);
}
static bool expand(const struct partition_table *table, const struct op_graph *model, struct expansion *expansion,
                   struct error *error) {
  const struct tenancy_world *const world = table->world;
  const enum attention attention = (enum attention)world->training->attention;
  const bool training = table->settings->training;
  expansion->forward = *model;
  if (attention != ATTENTION_SEPARATE &&
      !attention_fuse(model, attention == ATTENTION_CAUSAL, world->arena, &expansion->forward, error))
    return false;
  if (training && !training_expand(model, world->training, world->arena, world->scratch, &expansion->whole, error))
    return false;
  if (!fuse(table, &expansion->forward, error) || (training && !fuse(table, &expansion->whole, error))) return false;
  if (!training) expansion->whole = expansion->forward;
  return true;
}

/* --- nodes --- */

struct building {
  const struct partition_table *table;
  const struct op_graph *graph;   /* whole */
  const struct op_graph *forward; /* a node each */
  struct arena *arena;
  uint32_t *node_of; /* [n_ops] */
  uint32_t *op_of;   /* [n_nodes] forward */
  size_t n_nodes;
};

/* Forward operators are nodes; the others belong to theirs. Training changes nothing about how forward ones fuse. */
static void number_nodes(struct building *b) {
  b->node_of = ARENA_NEW(b->arena, uint32_t, b->graph->n_ops);
  b->op_of = ARENA_NEW(b->arena, uint32_t, b->graph->n_ops);
  for (size_t i = 0; i < b->graph->n_ops; i++) {
    const struct op *const op = &b->graph->ops[i];
    if (op->phase == PHASE_FORWARD) {
      b->op_of[b->n_nodes] = (uint32_t)i;
      b->node_of[i] = (uint32_t)b->n_nodes++;
    } else {
      REQUIRE(op->mirror < i);
      b->node_of[i] = b->node_of[op->mirror];
    }
  }
  REQUIRE(b->n_nodes == b->forward->n_ops);
}

/* Does a gradient come back to what a node makes? To parameters, and to what is made of them. */
static bool *find_gradients(const struct building *b) {
  bool *const wanted = ARENA_NEW(b->arena, bool, b->n_nodes);
  for (size_t v = 0; v < b->n_nodes; v++) {
    const uint32_t i = b->op_of[v];
    wanted[v] = b->graph->ops[i].n_parameters > 0 || b->graph->ops[i].weight_group != OP_ABSENT;
    for (uint32_t p = b->graph->pred_start[i]; p < b->graph->pred_start[i + 1]; p++)
      wanted[v] = wanted[v] || wanted[b->node_of[b->graph->preds[p]]];
  }
  return wanted;
}

/* Parameters that a node holds. Of a shared parameter every operator of another kind than its owner's has a copy (tied
 * tables); those of the same kind, steps of a recurrence, stay with the owner: `together`. */
static uint64_t *find_parameters(const struct building *b, uint32_t *together) {
  uint64_t *const parameters = ARENA_NEW(b->arena, uint64_t, b->n_nodes);
  size_t n_groups = 0;
  for (size_t v = 0; v < b->n_nodes; v++) {
    const uint32_t group = b->graph->ops[b->op_of[v]].weight_group;
    if (group != OP_ABSENT && group >= n_groups) n_groups = (size_t)group + 1;
  }
  uint32_t *const owner = ARENA_NEW(b->arena, uint32_t, n_groups); /* node + 1 */
  for (size_t v = 0; v < b->n_nodes; v++) {
    const struct op *const op = &b->graph->ops[b->op_of[v]];
    parameters[v] = op->n_parameters;
    together[v] = PARTITION_NONE;
    if (op->weight_group == OP_ABSENT) continue;
    uint32_t *const first = &owner[op->weight_group];
    if (*first == 0) *first = (uint32_t)v + 1;
    const uint32_t of = *first - 1;
    if (of == v) continue;
    if (b->graph->ops[b->op_of[of]].kind == op->kind)
      together[v] = together[of] = of;
    else
      parameters[v] = parameters[of];
  }
  return parameters;
}

/* Time of an operator alone on a chip; equal shapes are priced once. */
static bool price_all(const struct building *b, double *compute_ms, struct error *error) {
  const struct op_graph *const graph = b->graph;
  const struct tenancy_core_kind *const chip = b->table->chip;
  double *const ms = ARENA_NEW(b->arena, double, graph->n_shapes);
  bool *const known = ARENA_NEW(b->arena, bool, graph->n_shapes);
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    const enum op_class class = op_kinds[op->kind].class;
    if (class == CLASS_NONE || class == CLASS_LINK) continue;
    if (!known[op->shape]) {
      struct tenancy_price price;
      tenancy_price_physical(chip, chip->clock_mhz, op, graph->followers + op->first_follower, &price);
      if (price.latency_cycles == 0)
        return error_add(error, STATUS_INPUT, "%s: %s cannot run %s", tenancy_place(b->table->world, "accelerator"),
                         chip->name, op_name(graph, i));
      ms[op->shape] = (double)price.latency_cycles / ((double)chip->clock_mhz * 1e3);
      known[op->shape] = true;
    }
    compute_ms[b->node_of[i]] += ms[op->shape];
  }
  return true;
}

/* Weights, and in training gradients, the optimizer's state and what is kept for the way back. */
static void weigh(const struct building *b, const uint64_t *parameters, uint64_t *weight_bytes) {
  const struct partition_table *const table = b->table;
  const struct partition_table_settings *const settings = table->settings;
  const uint64_t each = settings->training ? training_bytes_per_parameter(table->world->training, table->element_bytes)
                                           : table->element_bytes;
  const uint64_t in_flight = settings->in_flight > 0 ? settings->in_flight : settings->n_chips;
  for (size_t v = 0; v < b->n_nodes; v++) weight_bytes[v] = sat_mul(parameters[v], each);
  for (size_t i = 0; i < b->graph->n_ops; i++) {
    uint64_t *const sum = &weight_bytes[b->node_of[i]];
    *sum = sat_add(*sum, sat_mul(b->graph->ops[i].n_frozen, table->element_bytes));
  }
  for (size_t i = 0; settings->training && i < b->graph->n_ops; i++) {
    uint64_t *const sum = &weight_bytes[b->node_of[i]];
    *sum = sat_add(*sum, sat_mul(b->graph->ops[i].kept_bytes, in_flight));
  }
}

/* A node that costs next to nothing together with all that leads to it may be on every chip. Ways that join are counted
 * twice, so that some that might be are not marked. */
static bool *find_cloneable(const struct building *b, const double *compute_ms) {
  const struct op_graph *const graph = b->graph;
  bool *const cloneable = ARENA_NEW(b->arena, bool, b->n_nodes);
  double *const leads_ms = ARENA_NEW(b->arena, double, b->n_nodes), total_ms = 0;
  uint32_t *const readers = ARENA_NEW(b->arena, uint32_t, b->n_nodes);
  for (size_t v = 0; v < b->n_nodes; v++) {
    const uint32_t i = b->op_of[v];
    total_ms += leads_ms[v] = compute_ms[v];
    for (uint32_t p = graph->pred_start[i]; p < graph->pred_start[i + 1]; p++) {
      const uint32_t u = b->node_of[graph->preds[p]];
      leads_ms[v] += leads_ms[u];
      readers[u]++;
    }
  }
  for (size_t v = 0; v < b->n_nodes; v++) cloneable[v] = readers[v] > 1 && leads_ms[v] <= clone_share * total_ms;
  return cloneable;
}

static void connect(const struct building *b, const bool *gradients, struct partition_problem *problem) {
  const struct op_graph *const forward = b->forward;
  struct partition_edge *const edges = ARENA_NEW(b->arena, struct partition_edge, forward->n_edges);
  uint64_t *const out_bits = ARENA_NEW(b->arena, uint64_t, b->n_nodes);
  const char **const names = ARENA_NEW(b->arena, const char *, b->n_nodes);
  for (uint32_t v = 0; v < b->n_nodes; v++) {
    const bool back = b->table->settings->training && gradients[v];
    out_bits[v] = sat_mul(forward->ops[v].out_bytes, back ? 16 : 8);
    names[v] = op_name(forward, v);
    for (uint32_t p = forward->pred_start[v]; p < forward->pred_start[v + 1]; p++) {
      if (p > forward->pred_start[v] && forward->preds[p] == forward->preds[p - 1]) continue; /* of a square, both */
      edges[problem->n_edges++] = (struct partition_edge){forward->preds[p], v};
    }
  }
  problem->edges = edges;
  problem->out_bits = out_bits;
  problem->node_names = names;
}

/* "gpt2-small layers=2" on 8 of tpuv4i: gpt2-small_layers=2_8xtpuv4i, what no file's name may hold left out. */
static const char *name_of(const struct partition_table *table, size_t index, struct arena *arena) {
  const struct partition_table_settings *const settings = table->settings;
  const char *model = settings->models.values[index];
  const char *chip = settings->accelerator;
  if (strrchr(model, '/') != NULL) model = strrchr(model, '/') + 1;
  if (strrchr(chip, '/') != NULL) chip = strrchr(chip, '/') + 1;
  char *const name = arena_printf(arena, "%s_%llux%s%s", model, (unsigned long long)settings->n_chips, chip,
                                  settings->training ? "_training" : "");
  for (char *c = name; *c != '\0'; c++) {
    if (!isalnum((unsigned char)*c) && strchr("-=._", *c) == NULL) *c = '_';
  }
  return name;
}

bool partition_table_build(const struct partition_table *table, size_t index, struct arena *arena,
                           struct partition_problem *problem, struct error *error) {
  const struct partition_table_settings *const settings = table->settings;
  struct workload workload;
  struct expansion expansion;
  if (!load_model(table, settings->models.values[index], &workload, error) ||
      !expand(table, &workload.graph, &expansion, error))
    return false;
  struct building b = {.table = table, .graph = &expansion.whole, .forward = &expansion.forward, .arena = arena};
  number_nodes(&b);
  static const enum partition_cost costs[2][2] = {{PARTITION_RING, PARTITION_RING_OVERLAP},
                                                  {PARTITION_P2P, PARTITION_P2P_OVERLAP}};
  *problem = (struct partition_problem){.name = name_of(table, index, arena),
                                        .n_chips = (uint32_t)settings->n_chips,
                                        .link_bytes_per_s = table->link_bytes_per_s,
                                        .memory_bytes = table->memory_bytes,
                                        .cost = costs[settings->topology == PARTITION_ON_MESH][settings->overlap],
                                        .clone = true,
                                        .n_nodes = b.n_nodes};
  uint32_t *const together = ARENA_NEW(arena, uint32_t, b.n_nodes);
  uint64_t *const weight_bytes = ARENA_NEW(arena, uint64_t, b.n_nodes);
  double *const compute_ms = ARENA_NEW(arena, double, b.n_nodes);
  const uint64_t *const parameters = find_parameters(&b, together);
  if (!price_all(&b, compute_ms, error)) return false;
  weigh(&b, parameters, weight_bytes);
  connect(&b, find_gradients(&b), problem);
  problem->compute_ms = compute_ms;
  problem->weight_bytes = weight_bytes;
  problem->colocate = together;
  problem->cloneable = find_cloneable(&b, compute_ms);
  return true;
}
