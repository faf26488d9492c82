/* Which boards form a set, which accelerator design does a set carry, which layers does it run, and how are each
 * layer's loops split over its boards?
 *
 * Boards in groups, each able to carry one of several designs; a graph of layers; latency of one inference (or one
 * training step) is least. (Sharding; MARS, DAC 2023, arXiv 2307.12234, and TCAD 2024, doi
 * 10.1109/TCAD.2024.3410841.) The paper's equations, encodings and baseline are not public: what stands here is a
 * reconstruction, complete and testable, and no number of it is a MARS number. Knows neither operators nor hardware;
 * designs are cycle formulas or tables. The file's order breaks every tie. */
#ifndef SEARCH_SHARDING_SHARDING_H
#define SEARCH_SHARDING_SHARDING_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SHARDING_MAX_BOARDS = 1024,
  SHARDING_MAX_LAYERS = 1 << 14,
  SHARDING_MAX_EDGES = 1 << 17,
  SHARDING_MAX_DESIGNS = 64,
  SHARDING_MAX_SPLITS = 4 /* dimensions of an exclusive shard */
};
#define SHARDING_NONE UINT32_MAX

/* Loops of a layer in their order of ties; h, w are extents of the output. b: batch, or batch × heads of attention. */
enum sharding_dim {
  SHARDING_COUT,
  SHARDING_CIN,
  SHARDING_H,
  SHARDING_W,
  SHARDING_KH,
  SHARDING_KW,
  SHARDING_B,
  SHARDING_N_DIMS
};
extern const char *const sharding_dim_names[SHARDING_N_DIMS]; /* "Cout", … */

/* Kinds are a table (sharding_kinds.def: name, has weights, which tensors depend on which loops, cycles are counted or
 * free, rule of its partial results): conv (products too: w = k = 1), depthwise, attention (both operands are
 * activations), pool, add, concat, elementwise, norm, softmax. */
/* What several inputs of a layer mean. ONE: its channels one behind the other if they add up to cin, else alike. */
enum sharding_inputs { SHARDING_INPUTS_ONE, SHARDING_INPUTS_ALIKE, SHARDING_INPUTS_CONCAT, SHARDING_INPUTS_OPERANDS };
struct sharding_kind {
  const char *name, *doc;
  bool has_weights;
  bool products;      /* multiply-adds of a design; else elements only, no time by default */
  bool channels_tied; /* cout and cin are one loop: depthwise, pool and all that works by element */
  uint8_t weight_dims, input_dims, output_dims; /* bit d: depends on sharding_dim d */
  /* Reduced dimension of norm and softmax: split, an all-reduce of two values a row; SHARDING_N_DIMS: none. */
  enum sharding_dim reduced;
  enum sharding_inputs inputs;
};
extern const struct sharding_kind sharding_kinds[];
extern const size_t n_sharding_kinds;

struct sharding_layer {
  const char *name;
  uint32_t kind; /* of sharding_kinds */
  uint64_t size[SHARDING_N_DIMS];
  uint64_t stride, pad;
};
struct sharding_edge {
  uint32_t from, to;
};

enum sharding_model { SHARDING_TILED, SHARDING_SYSTOLIC, SHARDING_WINOGRAD, SHARDING_TABLE, SHARDING_PRICED };
/* What a layer computes, in each phase of a shared shard: its output; in training the gradient of its input, and of its
 * weights or second operand. And once, behind all phases, what works by element on its output; backward likewise. */
enum sharding_pass {
  SHARDING_FORWARD,
  SHARDING_BACKWARD_DATA,
  SHARDING_BACKWARD_WEIGHT,
  SHARDING_EPILOGUE,
  SHARDING_BACKWARD_EPILOGUE
};
/* Cycles of one pass of a layer on one board of p, by the forward loops that the board has of it. A pure function. */
typedef double sharding_price(void *context, uint32_t layer, enum sharding_pass pass,
                              const uint64_t local[SHARDING_N_DIMS], uint32_t p);
struct sharding_design {
  const char *name;
  enum sharding_model model;
  double clock_hz;
  uint64_t tm, tn, tr, tc, ports; /* tiled */
  uint64_t rows, columns, vector; /* systolic */
  uint64_t pm, pn;                /* winograd */
  /* table: cycles[layer * n_ps + i] of a layer split evenly over p[i] boards, whichever way; NAN: not there. */
  size_t n_ps;
  const uint32_t *p;
  const double *cycles;
  /* priced: by somebody else's model of costs; has no file form. Kinds without products are asked for too. */
  sharding_price *price;
  void *price_context;
};
struct sharding_board {
  const char *name,
      *group; /* group: a path with '/', "pod0/rack1"; the common beginning of two says how near they are */
  uint64_t dram_bytes;
  uint32_t design; /* what it carries if the system is not adaptive; SHARDING_NONE */
};

struct sharding_problem {
  const char *name;
  uint64_t element_bytes;
  bool overlap;        /* shared shards travel under computation (journal), or after it (conference) */
  bool adaptive;       /* a set may carry any design */
  bool host_io;        /* inputs come from the host, outputs return to it */
  bool double_buffer;  /* a rotated shard is held twice */
  bool reduce_scatter; /* no all-reduce where the next layer wants just the slice that a reduce-scatter leaves */
  bool training;       /* forward, backward and exchange of gradients (sharding_training.c says how; ours) */
  double optimizer_bytes_per_weight; /* training: kept beside weights and gradients, default 8 */
  uint32_t max_es_dims;              /* default 2 */
  uint8_t es_dims, ss_dims;          /* bit d: may be split, may be shared */
  size_t n_boards, n_groups, n_designs, n_layers, n_edges;
  const struct sharding_board *boards;
  const uint32_t *board_group; /* [n_boards] number of its group, by first appearance */
  const char *const *groups;   /* [n_groups] */
  const struct sharding_design *designs;
  const struct sharding_layer *layers;
  const struct sharding_edge *edges; /* the file's order: that of a concat's inputs */
  double intra_bytes_per_s, inter_bytes_per_s, host_bytes_per_s;
  /* level_bytes_per_s[k]: of two boards whose groups' paths have k names in common; [n_levels]. Without: inter for 0,
   * intra for the same group. */
  size_t n_levels;
  const double *level_bytes_per_s;
  /* links: [n_boards * n_boards], from row to column, where a file overrides pairs; NULL: none does. */
  const double *link_bytes_per_s;
  /* Before a message's bytes flow: of each step of a ring, each shift and each re-shard on a set. Default 0; transfers
   * between sets, the host's and the simulator's messages have none; no file form. */
  double message_s;

  /* --- derived by sharding_finish --- */
  const uint32_t *in_start, *in_edge, *out_start, *out_edge; /* edge numbers in compressed rows, the file's order */
  const uint32_t *topological;  /* [n_layers] the file's order if that is one, else least number first */
  const uint32_t *place;        /* [n_layers] its inverse */
  const uint32_t *concat_first; /* [n_edges] first input channel of a concat that this edge brings; 0 otherwise */
  bool chain;                   /* each layer but the first has one input, the layer before it */
};
/* Checks sizes, names, numbers, cycles; derives what is derived. Messages name what is wrong. */
bool sharding_finish(struct sharding_problem *problem, struct arena *arena, struct error *error);

/* --- strategies: sharding_strategy.c --- */

struct sharding_strategy {
  uint32_t factor[SHARDING_N_DIMS]; /* exclusive: 1 where not split; the product is p */
  uint8_t shared;                   /* a dimension, SHARDING_N_DIMS: none */
};
/* All legal strategies of a layer on p boards, in a fixed order (sharding §3: 9, 21, 33 at p = 2, 4, 8 for K = 3). p =
 * 1 has one. Never none: a layer too small for p boards may leave some without work (factors beyond the loop's extent
 * are then allowed, with empty slices), said in docs/sharding.md. */
size_t sharding_strategies(const struct sharding_problem *problem, uint32_t layer, uint32_t p, struct arena *arena,
                           const struct sharding_strategy **list);
/* "Cout:2+W:2", "-" for one board; shared: "Cin" or "-". */
const char *sharding_es_text(const struct sharding_strategy *strategy, struct arena *arena);
const char *sharding_ss_text(const struct sharding_strategy *strategy);

struct sharding_box { /* half-open index ranges by dimension of a tensor; W and H of an input are its own rows */
  uint64_t low[SHARDING_N_DIMS], high[SHARDING_N_DIMS];
};

/* --- costs: sharding_cost.c (sharding §3, §4) --- */

double sharding_cycles(const struct sharding_problem *problem, const struct sharding_design *design, uint32_t layer,
                       const uint64_t local[SHARDING_N_DIMS], uint32_t p);
struct sharding_cost {
  uint64_t local[SHARDING_N_DIMS]; /* of a phase */
  uint32_t phases;                 /* g */
  double cycles;                   /* of a phase */
  double phase_s, shift_s;         /* computation and ring shift of a phase */
  double all_reduce_s;
  double total_s; /* by the problem's overlap; training: forward and backward and gradients */
  double forward_s;
  /* Of the fullest board. */
  uint64_t weight_bytes, input_bytes, output_bytes; /* held; rotated tensors by the rule of double_buffer */
  uint64_t kept_bytes, gradient_bytes;              /* training: input kept, gradients of the weights, held once */
};
void sharding_cost(const struct sharding_problem *problem, uint32_t layer, const struct sharding_design *design,
                   uint32_t p, double bandwidth, const struct sharding_strategy *strategy, struct sharding_cost *cost);
/* Largest number of bytes that one board lacks (sharding §3, re-shard). p_from 0 (another set, or the host): all. */
uint64_t sharding_reshard_bytes(const struct sharding_problem *problem, uint32_t edge, uint32_t p_from,
                                const struct sharding_strategy *from, uint32_t p_to,
                                const struct sharding_strategy *to);
/* First input and last output of a layer on a board, likewise. */
uint64_t sharding_host_bytes(const struct sharding_problem *problem, uint32_t layer, uint32_t p,
                             const struct sharding_strategy *strategy, bool output);
/* Slowest link of the ring of boards (sorted by group, then number; one board: INFINITY); slowest link between sets. */
double sharding_ring_bandwidth(const struct sharding_problem *problem, const uint32_t *boards, size_t n);
double sharding_between_bandwidth(const struct sharding_problem *problem, const uint32_t *from, size_t n_from,
                                  const uint32_t *to, size_t n_to);
double sharding_link(const struct sharding_problem *problem, uint32_t from, uint32_t to);

/* --- answers and their value: sharding_evaluate.c --- */

struct sharding_set {
  uint32_t design;
  uint32_t n_boards;
  const uint32_t *boards; /* ascending by group, then number */
  uint32_t first, last;   /* places in the topological order, both inside */
};
struct sharding_answer {
  size_t n_sets;
  struct sharding_set *sets;            /* by first layer; ranges cover all layers */
  struct sharding_strategy *strategies; /* [n_layers] by layer */
};
struct sharding_schedule {
  double *start_s, *end_s;           /* [n_layers] */
  double *back_start_s, *back_end_s; /* [n_layers] training: the backward part; else NULL */
  double *reshard_in_s;              /* [n_edges] how long what an edge carries is on its way */
  double latency_s;
  double period_s; /* between inputs of a stream: the most occupied set */
  double compute_s, shift_s, all_reduce_s, reshard_s, backward_s; /* sums over layers, for pictures */
  uint64_t peak_bytes;                                            /* of the fullest board */
  uint64_t excess_bytes;                                          /* of the board that lacks most; 0: fits */
};
struct sharding_schedule sharding_schedule_new(const struct sharding_problem *problem, struct arena *arena);
/* What the reconstruction leaves open, and our rules (they are the judge's too):
 *  - Time: a layer without a producer starts no sooner than its input's load from the host at time 0; a layer nobody
 *    reads ends the latency after its way back to the host. Transfers neither occupy sets nor each other.
 *  - Input extents: of an edge, the producer's rows and columns; of a host's input, the larger of n·stride and
 *    (n − 1)·stride + K − 2·pad. A product whose cin is its producer's channels × rows × columns reads them in a row
 *    (channels first); where batch × channels are equal but cut elsewhere, heads are channels regrouped (batch major).
 *    Else, where channels do not meet and it is no concat, nothing is there: all of the reader's own input is moved.
 *  - Attention: its first edge is the input, the second its second operand, that plays the weights (loops B, Cout,
 *    Cin; no memory for good but live input). The operand's producer has rows = cout and batch × channels = b × cin
 *    (keys), or else rows = cin and batch × channels = b × cout (values).
 *  - Several inputs: add and elementwise need the same box from each and hold each; concat shifts; others shift if
 *    their producers' channels add up to cin.
 *  - Memory: lasting bytes of all layers of the set (weights as they are held) + the most over its layers of input +
 *    output held + outputs of earlier layers of the set (whole exclusive slices) that a layer of the set behind this
 *    one still reads, counted from the layer after their making to the one before their last reader on the set.
 *  - Training (no way back to the host): forward as above; then backward in reversed order: a layer's part, total_s −
 *    forward_s, starts when its set is free, its own forward has ended, and for each reader its backward part has ended
 *    and as many bytes have gone back along the edge as came. backward part = [layers with a producer] the phases with
 *    cycles of the loops with Cout and Cin exchanged (not where channels are tied) + unless the input goes round the
 *    all-reduce of its gradient over the replication of the input (all its local elements) + [norm, softmax] the row
 *    sums once more; + [weights; attention's second operand if it has a producer] the phases as forward + unless they
 *    go round the all-reduce of their gradient over their replication. Lasting bytes: weights held, their gradients
 *    held once, optimizer_bytes_per_weight for each of these, and the input held once; no outputs of earlier layers. */
/* Latency in seconds (training: of a step); INFINITY: it does not fit the memory (schedule->excess_bytes), but the
 * schedule is filled. Answers are well formed: sharding_check says what is not. A layer starts when its set is free and
 * its inputs are there (the producer's end and the re-shard). No allocation but from scratch. */
double sharding_evaluate(const struct sharding_problem *problem, const struct sharding_answer *answer,
                         struct arena *scratch, struct sharding_schedule *schedule);
/* Bytes of the fullest board of a set (sharding §3, memory). */
uint64_t sharding_set_bytes(const struct sharding_problem *problem, const struct sharding_set *set,
                            const struct sharding_strategy *strategies, struct arena *scratch);
int sharding_compare(const struct sharding_problem *problem, const struct sharding_answer *a,
                     const struct sharding_answer *b);
void sharding_answer_copy(const struct sharding_problem *problem, const struct sharding_answer *from,
                          struct arena *arena, struct sharding_answer *to);

/* --- the judge: sharding_check.c; shares no code with all the above but the reading (sharding §5) --- */

struct sharding_claim {
  struct sharding_answer answer;
  const double *start_s, *end_s; /* [n_layers]; NULL: not claimed */
};
/* Valid? Every violation with its size goes to `error`; what it takes to *latency_s. */
bool sharding_check(const struct sharding_problem *problem, const struct sharding_claim *claim, struct arena *arena,
                    double *latency_s, struct error *error);
/* One layer on one set, message by message: boards compute phases, pass shards round the ring, reduce round the ring.
 * For small cases, beside the closed forms of sharding_cost. sharding_simulate.c. */
double sharding_simulate(const struct sharding_problem *problem, uint32_t layer, uint32_t design, uint32_t p,
                         double bandwidth, const struct sharding_strategy *strategy, struct arena *arena);

#endif
