/* How many cycles does one operator take on one or more cores of a design? (cost-model §1–4)
 *
 * A provider is one record (providers.def). op_cost searches the whole space of tilings, loop orders, dataflows and
 * splits over cores and returns the best mapping with its traffic; pure, without allocation. No answer beats its
 * roofline floor: checked in release builds. */
#ifndef ARCH_COST_H
#define ARCH_COST_H

#include "arch/accelerator.h"
#include "arch/network.h"
#include "arch/technology.h"
#include "workloads/op_graph.h"

enum dataflow { DATAFLOW_WS, DATAFLOW_OS, DATAFLOW_IS, DATAFLOW_ALL };
enum array_overlap { OVERLAP_NONE, OVERLAP_DOUBLE, OVERLAP_IDEAL };
enum map_objective { MAP_LATENCY, MAP_ENERGY, MAP_EDP };
/* How convolutions lie on an array: as their matrix product alone; or also with several output pixels side by side on
 * the columns, several groups along the diagonal, whichever is fastest. */
enum array_mapping { ARRAY_PLAIN, ARRAY_FLEXIBLE };
/* Cores of depthwise convolutions, and of other matrix products (tensor_on). */
/* Of HBM and GLB: all of it for an op while it runs, or what its cores get if all cores are as busy. */
enum bandwidth_share { BANDWIDTH_WHOLE, BANDWIDTH_FAIR };
enum depthwise_on { DEPTHWISE_AUTO, DEPTHWISE_TC, DEPTHWISE_VC };
/* Backward-data of a strided convolution: s² dense sub-convolutions without zeros, or one over the stuffed gradient. */
enum deconv { DECONV_DECOMPOSED, DECONV_DENSE };

/* Group "cost" of run files. */
struct cost_settings {
  const char *table;                      /* path of the prices of provider `table` */
  const struct price_table *prices;       /* what it holds, by cost_load; no key */
  const struct network_settings *network; /* what links lead to; no key. NULL: one ring of the design's own links */
  uint64_t provider;                      /* index into cost_providers */
  uint64_t dataflow, array_overlap, map_objective, depthwise_on, tensor_on, deconv;
  uint64_t array_mapping, bandwidth;
  bool transpose;                                   /* also the turned array where rows ≠ columns */
  double traffic_weight;                            /* latency: of a cycle of HBM traffic, beside one of time */
  uint64_t buffering;                               /* 2: double buffering */
  uint64_t accumulator_bytes;                       /* 4 */
  uint64_t glb_bytes_per_cycle, l2_bytes_per_cycle; /* whole chip; per core */
  uint64_t glb_ports, l2_ports;                     /* 2: filled while it is read; 1: by turns */
  uint64_t l2_read_bytes_per_cycle;                 /* of one core's L2 by its array; 0: as much as the array takes */
  uint64_t glb_sharers;                             /* 0: as many as there are tensor cores */
  uint64_t collective_latency_cycles;               /* of one step of a ring, where there is no network */
  double matmul_efficiency, hbm_efficiency;         /* what real arrays and memories reach of what is modelled: ≤ 1 */
  uint64_t wave_cores;                              /* over which tiles of outputs run in waves; 0: none */
  double weight_gemm_rate;                          /* products with weights on the arrays: 2 with 8-bit operands */
  uint64_t cast_bytes;                              /* moved to narrow an element of such a product's activations: 0 */
  double exchange_share;                            /* of an all-to-all's bytes, what passes links: 1 */
  uint64_t energy_detail;                           /* enum energy_detail (energy.h) */
  uint64_t lane_cycles[N_OP_KINDS][2]; /* per element in forward (and update), in backward: vector_kinds.def */
};
extern const struct field_table cost_fields;

/* What operators see of a design; made once per design, without allocation. A class without cores has no shape either
 * (rows, cols, lanes 0), so that costs need no counts. */
struct machine {
  const struct cost_settings *settings;
  const struct technology *technology;
  uint64_t rows, cols, lanes; /* of one core */
  uint64_t n_tensor, n_vector;
  uint64_t tensor_l2_bytes, vector_l2_bytes;
  uint64_t glb_bytes, glb_share_bytes; /* whole; of one tensor core */
  double hbm_bytes_per_cycle, glb_bytes_per_cycle, l2_bytes_per_cycle;
  double link_bytes_per_cycle;
  double clock_hz;
  struct network network;  /* its n_levels 0: none */
  struct tilings *tilings; /* of whoever prices, between designs (tiling.h); changes no price. NULL: none */
};
void machine_init(struct machine *machine, const struct cost_settings *settings, const struct technology *technology,
                  const struct accelerator *accelerator);
/* A table for the tilings of a rank's machines, large enough for an exploration; memory that is not needed is not
 * touched. In the arena. */
struct tilings *machine_tilings_new(struct arena *arena);

/* A nest of loops over tiles: into how many parts each dimension is cut; for the dimension of pixels also by images,
 * rows and columns, whose product it is. */
struct tile_loops {
  char order[4]; /* outermost first, e.g. "nkm"; "": no tile fits, so that the array's own order counts */
  uint32_t m, n, k, images, rows, cols;
};

/* Shares of M, N, K and the repetitions (batch); their product is how many cores work. */
struct core_grid {
  uint32_t m, n, k, b;
};

/* `n_cores` along one dimension alone, as mapping.split names it. */
static inline struct core_grid core_grid_along(char split, uint64_t n_cores) {
  const uint32_t n = (uint32_t)n_cores;
  return (struct core_grid){
      .m = split == 'm' ? n : 1, .n = split == 'n' ? n : 1, .k = split == 'k' ? n : 1, .b = split == 'b' ? n : 1};
}

/* The mapping that a cost stands for. */
struct mapping {
  uint8_t dataflow; /* enum dataflow */
  bool transposed;
  bool on_vector;                  /* a tensor op that runs on vector cores */
  char split;                      /* dimension shared out over cores: 'm', 'n', 'k', 'b' (batch), '-'; 'g': several */
  struct core_grid cores;          /* into how many shares each */
  uint16_t patch_rows, patch_cols; /* output pixels side by side on the columns; 1 × 1 for a plain product */
  uint32_t abreast;                /* groups (or batch members) on the array's diagonal at a time */
  bool through;                    /* tiles of an L2, filled from HBM through the GLB: `glb` are these, `l2` empty */
  struct tile_loops glb, l2;       /* the tiles of the GLB, cut from the op; those of an L2, cut from them */
};

struct op_cost {
  uint64_t cycles;       /* from start to finish; UINT64_MAX: does not fit or overflows */
  uint64_t bound_cycles; /* the roofline floor, ≤ cycles */
  /* Moved, all cores together: HBM ↔ GLB, GLB ↔ L2, L2 ↔ arrays (0 on lanes). */
  uint64_t hbm_bytes, glb_bytes, array_bytes;
  uint64_t l2_bytes;          /* GLB ↔ L2 at the cores' end: what several of them share comes to each */
  uint64_t macs, lane_cycles; /* work: Σ over cores; lane_cycles counts lanes × cycles busy */
  struct mapping mapping;
};

/* Floors that need no search and hold for every mapping: with k cores an op takes at least
 * max(⌈compute/k⌉, memory) cycles and k × its cycles ≥ compute. */
struct op_floor {
  uint64_t compute_cycles, memory_cycles;
  uint64_t hbm_bytes; /* compulsory: each operand once */
};

/* What do classes and floors of a provider depend on beside the op and the shapes of one core (rows, columns, lanes,
 * L2s) and of the links? Whoever keeps floors between designs must know. */
enum floor_sight {
  FLOORS_SEE_ALL,
  FLOORS_SEE_HBM,    /* as memory_cycles = hbm_bytes / bandwidth alone; for links if that is the longer */
  FLOORS_SEE_SHAPES, /* nothing else */
};

/* Bit mask of core classes that an op owns while it runs (1 << CORE_…, schedule.h); 0: none. */
struct cost_provider {
  const char *name, *doc;
  bool has_bandwidth, has_tdp;
  enum floor_sight floor_sight;
  /* A provider that reads a file (else NULL, all three): reads it into `settings`; feeds what it read to a digest;
   * whether it can price an op, with a message if not. */
  bool (*load)(struct cost_settings *settings, struct arena *arena, struct error *error);
  void (*digest)(const struct cost_settings *settings, struct digest_stream *stream);
  bool (*knows)(const struct cost_settings *settings, const struct op *op, const struct op_follower *followers,
                struct error *error);
  bool has_attention; /* prices OP_ATTENTION as what it is */
  /* `followers` are those of the op (op->n_followers of them). n_cores ≥ 1: of the op's class(es). */
  void (*op_cost)(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                  uint64_t n_cores, struct op_cost *cost);
  void (*op_floor)(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                   struct op_floor *floor);
  unsigned (*op_classes)(const struct machine *machine, const struct op *op, const struct op_follower *followers);
  /* NULL, or words of A, B and C between the arrays and their memory for a tensor op that is mapped so. */
  void (*op_words)(const struct machine *machine, const struct op *op, uint64_t n_cores, const struct mapping *mapping,
                   uint64_t words[3]);
};
/* Cores of an op that runs where its class says and takes followers along: `op_classes` of simple providers. */
unsigned cost_plain_classes(const struct machine *machine, const struct op *op, const struct op_follower *followers);
#define COST_PROVIDER(name) extern const struct cost_provider name##_provider;
#include "arch/providers.def"
#undef COST_PROVIDER
extern const struct cost_provider *const cost_providers[];
extern const size_t n_cost_providers;

/* What the provider reads beside its keys, once before anything is priced, into `arena`; every op of `graph` (NULL:
 * none yet) that it cannot price is a message (STATUS_INPUT). */
bool cost_load(struct cost_settings *settings, const struct op_graph *graph, struct arena *arena, struct error *error);
/* Feeds what was read: together with the keys, all that prices depend on. */
void cost_digest(const struct cost_settings *settings, struct digest_stream *stream);

#endif
