/* Which rules price an operator, and what do they see of a design?
 *
 * Source: cost-model §1–4 (keys, defaults), §4.3 (bandwidths of the buffers). Left out: everything a provider does. */
#include "arch/cost.h"
#include "arch/energy.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "base/error.h"

const struct cost_provider *const cost_providers[] = {
#define COST_PROVIDER(name) &name##_provider,
#include "arch/providers.def"
#undef COST_PROVIDER
};
const size_t n_cost_providers = sizeof cost_providers / sizeof *cost_providers;

static const char *const provider_names[] = {
#define COST_PROVIDER(name) #name,
#include "arch/providers.def"
#undef COST_PROVIDER
    NULL};
static const char *const dataflow_names[] = {"ws", "os", "is", "all", NULL};
static const char *const overlap_names[] = {"none", "double", "ideal", NULL};
static const char *const objective_names[] = {"latency", "energy", "edp", NULL};
static const char *const mapping_names[] = {"plain", "flexible", NULL};
static const char *const bandwidth_names[] = {"whole", "fair", NULL};
static const char *const depthwise_names[] = {"auto", "tc", "vc", NULL};
static const char *const deconv_names[] = {"decomposed", "dense", NULL};

#define OFFSET(member) offsetof(struct cost_settings, member)
#define CHOICE(key_, default_, choices_, doc_)                                                                         \
  {                                                                                                                    \
    .key = #key_, .type = FIELD_CHOICE, .unit = "", .default_text = default_, .doc = doc_, .offset = OFFSET(key_),     \
    .role = ROLE_ANSWER, .choices = choices_                                                                           \
  }
#define COUNT(key_, unit_, minimum_, maximum_, default_, doc_)                                                         \
  {                                                                                                                    \
    .key = #key_, .type = FIELD_UINT, .unit = unit_, .minimum = minimum_, .maximum = maximum_,                         \
    .default_text = default_, .doc = doc_, .offset = OFFSET(key_), .role = ROLE_ANSWER                                 \
  }
#define SHARE(key_, minimum_, maximum_, default_, doc_)                                                                \
  {                                                                                                                    \
    .key = #key_, .type = FIELD_REAL, .unit = "", .minimum = minimum_, .maximum = maximum_, .default_text = default_,  \
    .doc = doc_, .offset = OFFSET(key_), .role = ROLE_ANSWER                                                           \
  }
#define LANE(key_, id_, phase_, cycles_, backward_)                                                                    \
  {                                                                                                                    \
    .key = #key_ "_" phase_ "_cycles", .type = FIELD_UINT, .unit = "cycles", .maximum = 1000000,                       \
    .default_text = #cycles_, .doc = "Lane cycles of an element of " #key_ ", " phase_ ".",                            \
    .offset = OFFSET(lane_cycles) + (2 * OP_##id_ + (backward_)) * sizeof(uint64_t), .role = ROLE_ANSWER               \
  }

static const struct field fields[] = {
    CHOICE(provider, "\"physical\"", provider_names, "The rules that price operators."),
    {.key = "table",
     .type = FIELD_TEXT,
     .unit = "",
     .default_text = "\"\"",
     .doc = "CSV of provider \"table\": columns of `dse cost --ops`, phase, followers, cores, cycles, dram_bytes.",
     .offset = OFFSET(table),
     .role = ROLE_ANSWER},
    CHOICE(dataflow, "\"all\"", dataflow_names, "What stays in the array: weights, outputs, inputs; all: the best."),
    CHOICE(array_overlap, "\"double\"", overlap_names,
           "none: folds follow each other; double: the next loads meanwhile; ideal: as Timeloop and ZigZag count: no "
           "fill, "
           "drain or first load, one copy of a tile, partial sums as wide as elements."),
    CHOICE(array_mapping, "\"flexible\"", mapping_names,
           "plain: the matrix product alone; flexible: also groups and patches of output pixels side by side."),
    CHOICE(map_objective, "\"latency\"", objective_names, "What the best split over cores is best in."),
    {.key = "traffic_weight",
     .type = FIELD_REAL,
     .unit = "",
     .minimum = 0,
     .maximum = 1,
     .default_text = "0.0625",
     .doc = "What a cycle of HBM traffic counts beside one of latency where mappings are compared.",
     .offset = OFFSET(traffic_weight),
     .role = ROLE_ANSWER},
    CHOICE(depthwise_on, "\"auto\"", depthwise_names, "Cores for depthwise convolutions; auto: the sooner done."),
    CHOICE(tensor_on, "\"auto\"", depthwise_names, "Cores for other matrix products; auto: the sooner done."),
    CHOICE(deconv, "\"decomposed\"", deconv_names,
           "Input gradient of a strided convolution: stride² parts without zeros, or one with the zeros."),
    {.key = "transpose",
     .type = FIELD_BOOL,
     .unit = "",
     .default_text = "false",
     .doc = "May an operator use the array turned by a quarter.",
     .offset = OFFSET(transpose),
     .role = ROLE_ANSWER},
    COUNT(buffering, "", 1, 4, "2", "Copies of each operand tile: 2 loads one while the other is used."),
    COUNT(accumulator_bytes, "bytes", 1, 16, "4", "One partial sum."),
    COUNT(glb_bytes_per_cycle, "bytes_per_cycle", 1, 1e9, "4096", "The global buffer, all cores together."),
    COUNT(l2_bytes_per_cycle, "bytes_per_cycle", 1, 1e9, "1024", "One core's L2."),
    CHOICE(bandwidth, "\"whole\"", bandwidth_names,
           "whole: an operator has all of HBM's and GLB's while it runs; fair: its cores' share, as if all were busy."),
    COUNT(glb_ports, "", 1, 2, "2", "1: the global buffer is filled and read by turns; 2: at the same time."),
    COUNT(l2_ports, "", 1, 2, "2", "1: an L2 is filled and read by turns; 2: at the same time."),
    COUNT(l2_read_bytes_per_cycle, "bytes_per_cycle", 0, 1e9, "0", "By the array; 0: as wide as the array needs."),
    COUNT(glb_sharers, "", 0, 1e6, "0", "Tensor cores that share the global buffer evenly; 0: all there are."),
    SHARE(matmul_efficiency, 0.01, 1, "1.0", "What matrix products reach of the modelled rate of the arrays."),
    SHARE(hbm_efficiency, 0.01, 1, "1.0", "What operators reach of the bandwidth of the HBM."),
    COUNT(wave_cores, "", 0, 1e6, "0",
          "Of a GPU: multiprocessors over which the tiles of a product's output run in waves (waves.h); 0: not so."),
    SHARE(
        weight_gemm_rate, 0.25, 4, "1.0",
        "Speed of the arrays in products with weights, beside others: 2 where those have operands of half the width."),
    COUNT(
        cast_bytes, "bytes", 0, 16, "0",
        "Moved for each element of a weighted product's activations, or of their gradients, to make it narrow first."),
    SHARE(exchange_share, 0.01, 1, "1.0",
          "Of the bytes of an all-to-all, what passes links: less where copies to one node go once, or narrowed."),
    COUNT(collective_latency_cycles, "cycles", 0, 1e9, "1000",
          "One step of a ring of tables of operators, which know no network."),
    CHOICE(energy_detail, "\"all_in\"", energy_detail_names,
           "all_in: a MAC's energy holds its operands' way through the chip; split: registers, memories, wires apart."),
#define VECTOR_KIND(id, key, forward, backward, ...)                                                                   \
  LANE(key, id, "forward", forward, 0), LANE(key, id, "backward", backward, 1),
#define UPDATE_KIND(id, key, forward, ...) LANE(key, id, "forward", forward, 0),
#include "arch/vector_kinds.def"
#undef VECTOR_KIND
};

const struct field_table cost_fields = {
    .name = "cost",
    .doc = "How operators are priced.",
    .fields = fields,
    .n_fields = sizeof fields / sizeof *fields,
};

bool cost_load(struct cost_settings *settings, const struct op_graph *graph, struct arena *arena, struct error *error) {
  const struct cost_provider *const provider = cost_providers[settings->provider];
  const size_t n_before = error->n_messages;
  if (provider->load == NULL) return true;
  if (!provider->load(settings, arena, error)) return false;
  for (size_t s = 0; graph != NULL && s < graph->n_shapes; s++) {
    const struct op *const op = &graph->ops[graph->shape_op[s]];
    provider->knows(settings, op, graph->followers + op->first_follower, error);
  }
  return error->n_messages == n_before;
}

void cost_digest(const struct cost_settings *settings, struct digest_stream *stream) {
  const struct cost_provider *const provider = cost_providers[settings->provider];
  if (provider->digest != NULL) provider->digest(settings, stream);
}

void machine_init(struct machine *machine, const struct cost_settings *settings, const struct technology *technology,
                  const struct accelerator *accelerator) {
  const bool tensor = accelerator->tc_count > 0, vector = accelerator->vc_count > 0;
  const uint64_t glb_bytes = accelerator_glb_bytes(accelerator);
  const uint64_t sharers = settings->glb_sharers > 0 ? settings->glb_sharers : max_u64(accelerator->tc_count, 1);
  const double clock_mhz = (double)accelerator->clock_mhz;
  *machine = (struct machine){
      .settings = settings,
      .technology = technology,
      .rows = tensor ? accelerator->tc_rows : 0,
      .cols = tensor ? accelerator->tc_cols : 0,
      .lanes = vector ? accelerator->vc_width : 0,
      .n_tensor = accelerator->tc_count,
      .n_vector = accelerator->vc_count,
      .tensor_l2_bytes = sat_mul(accelerator_tensor_l2_kib(accelerator), 1024),
      .vector_l2_bytes = sat_mul(accelerator_vector_l2_kib(accelerator), 1024),
      .glb_bytes = glb_bytes,
      .glb_share_bytes = glb_bytes / sharers,
      .hbm_bytes_per_cycle = accelerator_hbm_bytes_per_cycle(accelerator) * settings->hbm_efficiency,
      .glb_bytes_per_cycle = (double)settings->glb_bytes_per_cycle,
      .l2_bytes_per_cycle = (double)settings->l2_bytes_per_cycle,
      /* 10⁹ B/s over 10⁶ cycles/s */
      .link_bytes_per_cycle = clock_mhz > 0 ? (double)accelerator->link_gbytes_per_s * 1000 / clock_mhz : 0,
      .clock_hz = clock_mhz * 1e6,
  };
  if (settings->network != NULL) network_init(&machine->network, settings->network, accelerator);
}

unsigned cost_plain_classes(const struct machine *machine, const struct op *op, const struct op_follower *followers) {
  (void)machine, (void)followers;
  switch (op_kinds[op->kind].class) {
  case CLASS_NONE:
    return 0;
  case CLASS_LINK:
    return 1u << CORE_LINK;
  case CLASS_VECTOR:
    return 1u << CORE_VECTOR;
  case CLASS_TENSOR:
    return 1u << CORE_TENSOR | (op->n_followers > 0 ? 1u << CORE_VECTOR : 0);
  }
  BUG("kind %u has no class", op->kind);
}
