/* How long does level 2 take, and what do exact methods reach? A chain of 100 convolutions on 8 boards of one set (its
 * tables and its shortest path), and a residual network of bottleneck blocks. */
#include "base/clock.h"
#include "search/sharding/sharding_algorithm.h"
#include "search/sharding/sharding_branch.h"
#include "tests/sharding_made.h"

struct network {
  struct sharding_layer layers[1024];
  struct sharding_edge edges[2048];
  uint32_t n_layers, n_edges;
};

static uint32_t add_layer(struct network *n, const char *kind, uint64_t cout, uint64_t cin, uint64_t side, uint64_t k,
                          uint64_t stride) {
  struct sharding_layer *layer = &n->layers[n->n_layers];
  *layer =
      (struct sharding_layer){.name = kind, .size = {cout, cin, side, side, k, k, 1}, .stride = stride, .pad = k / 2};
  for (uint32_t i = 0; i < n_sharding_kinds; i++) {
    if (strcmp(sharding_kinds[i].name, kind) == 0) layer->kind = i;
  }
  return n->n_layers++;
}

static void add_edge(struct network *n, uint32_t from, uint32_t to) {
  n->edges[n->n_edges++] = (struct sharding_edge){from, to};
}

/* Bottleneck blocks by stage, as in ResNet-50: 3, 4, 6, 3. */
static void make_residual(struct network *n, const uint32_t blocks[4]) {
  uint32_t last = add_layer(n, "conv", 64, 3, 112, 7, 2);
  const uint32_t pool = add_layer(n, "pool", 64, 64, 56, 3, 2);
  add_edge(n, last, pool);
  last = pool;
  uint64_t side = 56, channels = 64, width = 64;
  for (size_t stage = 0; stage < 4; stage++, width *= 2) {
    for (uint32_t b = 0; b < blocks[stage]; b++) {
      const uint64_t stride = b == 0 && stage > 0 ? 2 : 1;
      const uint32_t first = add_layer(n, "conv", width, channels, side, 1, 1);
      if (stride == 2) side /= 2;
      const uint32_t second = add_layer(n, "conv", width, width, side, 3, stride);
      const uint32_t third = add_layer(n, "conv", 4 * width, width, side, 1, 1);
      add_edge(n, last, first), add_edge(n, first, second), add_edge(n, second, third);
      uint32_t shortcut = last;
      if (b == 0) {
        shortcut = add_layer(n, "conv", 4 * width, channels, side, 1, stride);
        add_edge(n, last, shortcut);
      }
      channels = 4 * width;
      const uint32_t sum = add_layer(n, "add", channels, channels, side, 1, 1);
      add_edge(n, third, sum), add_edge(n, shortcut, sum);
      last = sum;
    }
  }
  const uint32_t product = add_layer(n, "conv", 1000, channels, 1, 1, 1);
  add_edge(n, last, product);
}

/* Four forms of layers, or none like another. */
static void make_chain(struct network *n, bool distinct) {
  for (uint32_t l = 0; l < 100; l++) {
    const uint64_t channels = (UINT64_C(64) << l / 25) + (distinct ? 8 * l : 0), side = 56 >> l / 25;
    add_layer(n, "conv", channels, l > 0 ? n->layers[l - 1].size[SHARDING_COUT] : 64, side, l % 2 ? 1 : 3, 1);
    if (l > 0) add_edge(n, l - 1, l);
  }
}

static void bench_level2(const char *what, const struct network *network, double rate, struct arena *arena,
                         struct arena *scratch) {
  struct sharding_problem problem = made_chain(arena, 4, made_t14, 2, 4, 4 * rate, rate);
  problem.layers = network->layers, problem.n_layers = network->n_layers;
  problem.edges = network->edges, problem.n_edges = network->n_edges;
  made_finish(&problem, arena);
  const struct sharding_shape shape = {8, rate, UINT64_C(1) << 30};
  for (uint32_t design = 0; design < 3; design++) {
    const double start_s = clock_processor_s();
    struct sharding_tables *tables = sharding_tables_new(&problem, shape, design, arena);
    const struct sharding_range range = {0, (uint32_t)problem.n_layers - 1, INFINITY};
    struct sharding_level2 result;
    sharding_level2_solve(tables, &range, scratch, arena, &result);
    const double middle_s = clock_processor_s();
    sharding_level2_solve(tables, &range, scratch, arena, &result);
    const double end_s = clock_processor_s();
    printf("%-12s %s %5.2f GB/s: %8.4f ms, gap %.2e, tables and all %6.1f ms, again %6.1f ms\n", what,
           problem.designs[design].name, rate / 1e9, 1e3 * result.value_s, 1 - result.bound_s / result.value_s,
           1e3 * (middle_s - start_s), 1e3 * (end_s - middle_s));
  }
}

/* 1,024 boards in 4 pods of 8 racks. */
static void bench_large(const char *what, const struct network *network, struct arena *arena, struct arena *scratch) {
  struct sharding_problem problem = made_chain(arena, 4, made_t14, 32, 32, 12e9, 6e9);
  struct sharding_board *boards = ARENA_NEW(arena, struct sharding_board, problem.n_boards);
  const char **groups = ARENA_NEW(arena, const char *, problem.n_groups);
  static const double level_bytes_per_s[] = {1e9, 6e9, 12e9};
  for (size_t b = 0; b < problem.n_boards; b++) {
    boards[b] = problem.boards[b];
    boards[b].group = groups[b / 32] = arena_printf(arena, "pod%zu/rack%zu", b / 256, b / 32 % 8);
    boards[b].dram_bytes = UINT64_C(1) << 30;
  }
  problem.boards = boards, problem.groups = groups;
  problem.level_bytes_per_s = level_bytes_per_s, problem.n_levels = 3;
  problem.layers = network->layers, problem.n_layers = network->n_layers;
  problem.edges = network->edges, problem.n_edges = network->n_edges;
  problem.host_io = true;
  made_finish(&problem, arena);
  const double start_s = clock_processor_s();
  struct sharding_bounds bounds;
  sharding_bounds(&problem, scratch, &bounds);
  const struct sharding_algorithm *best = sharding_find_algorithm("best");
  unsigned char settings[256] = {0};
  config_defaults(best->table, arena, settings);
  const struct sharding_request request = {.problem = &problem,
                                           .bounds = &bounds,
                                           .settings = settings,
                                           .samples = 40000,
                                           .arena = arena,
                                           .scratch = scratch};
  struct sharding_result result;
  best->run(&request, &result);
  printf("%-12s %zu layers, %zu boards: %8.4f ms on %zu sets, the first of %u boards; bound %s %8.4f ms; %lu solved, "
         "%8.1f ms, %.0f MB\n",
         what, problem.n_layers, problem.n_boards, 1e3 * result.value_s, result.answer.n_sets,
         result.answer.sets[0].n_boards, sharding_bound_names[bounds.binding], 1e3 * bounds.best_s,
         (unsigned long)result.samples, 1e3 * (clock_processor_s() - start_s),
         (double)(arena_held_bytes(arena) + arena_held_bytes(scratch)) / 1e6);
}

static void bench_exact(const char *what, const struct network *network, double intra, double inter,
                        struct arena *arena, struct arena *scratch) {
  struct sharding_problem problem = made_chain(arena, 4, made_t14, 2, 4, intra, inter);
  problem.layers = network->layers, problem.n_layers = network->n_layers;
  problem.edges = network->edges, problem.n_edges = network->n_edges;
  problem.host_io = true;
  made_finish(&problem, arena);
  const double start_s = clock_processor_s();
  const struct branch_limits limits = {.max_nodes = 300, .tolerance = 1e-3};
  struct branch_result result = {.value_s = INFINITY};
  if (!sharding_branch(&problem, &limits, scratch, arena, &result)) return;
  printf("%-12s %6.3f / %6.3f GB/s: %8.4f ms on %zu sets, gap %.2e, %lu nodes, %lu solved, %8.1f ms\n", what,
         intra / 1e9, inter / 1e9, 1e3 * result.value_s, result.answer.n_sets, 1 - result.bound_s / result.value_s,
         (unsigned long)result.n_nodes, (unsigned long)result.n_solved, 1e3 * (clock_processor_s() - start_s));
}

/* Streams of convolutions, joined by a sum and a product. */
static void make_streams(struct network *n, uint32_t n_streams, uint32_t length) {
  uint32_t ends[8];
  for (uint32_t i = 0; i < n_streams; i++) {
    uint64_t channels = 3, side = 112;
    for (uint32_t l = 0; l < length; l++) {
      if (l % 4 == 3) side /= 2;
      const uint64_t out = channels == 3 ? 64 : l % 4 == 3 && channels < 512 ? channels * 2 : channels;
      const uint32_t layer = add_layer(n, "conv", out, channels, side, l % 2 == 0 ? 3 : 1, l % 4 == 3 ? 2 : 1);
      if (l > 0) add_edge(n, layer - 1, layer);
      channels = out, ends[i] = layer;
    }
  }
  const struct sharding_layer *last = &n->layers[ends[0]];
  const uint32_t sum =
      add_layer(n, "add", last->size[SHARDING_COUT], last->size[SHARDING_COUT], last->size[SHARDING_H], 1, 1);
  for (uint32_t i = 0; i < n_streams; i++) add_edge(n, ends[i], sum);
  const uint32_t product = add_layer(n, "conv", 1000, last->size[SHARDING_COUT], 1, 1, 1);
  add_edge(n, sum, product);
}

int main(void) {
  static struct network large, chain, unlike, residual, deep, streams;
  struct arena arena, scratch;
  arena_init(&arena, 1 << 20), arena_init(&scratch, 1 << 20);
  make_chain(&chain, false), make_chain(&unlike, true);
  make_residual(&residual, (const uint32_t[4]){3, 4, 6, 3});
  make_residual(&deep, (const uint32_t[4]){3, 4, 23, 3});
  make_streams(&streams, 3, 12);
  make_residual(&large, (const uint32_t[4]){8, 40, 180, 20});
  const double rates[] = {0.125e9, 0.25e9, 6e9};
  for (size_t i = 0; i < 3; i++) {
    bench_level2("chain100", &chain, rates[i], &arena, &scratch);
    bench_level2("unlike100", &unlike, rates[i], &arena, &scratch);
    bench_level2("resnet50", &residual, rates[i], &arena, &scratch);
    bench_level2("resnet101", &deep, rates[i], &arena, &scratch);
  }
  bench_large("deep999", &large, &arena, &scratch);
  bench_large("streams", &streams, &arena, &scratch);
  bench_large("resnet50", &residual, &arena, &scratch);
  const double presets[][2] = {{1e9, 0.25e9}, {12e9, 6e9}, {0.125e9, 0.125e9}, {1.25e9, 1.25e9}};
  for (size_t i = 0; i < 4; i++) {
    bench_exact("chain100", &chain, presets[i][0], presets[i][1], &arena, &scratch);
    bench_exact("unlike100", &unlike, presets[i][0], presets[i][1], &arena, &scratch);
    bench_exact("resnet50", &residual, presets[i][0], presets[i][1], &arena, &scratch);
    bench_exact("resnet101", &deep, presets[i][0], presets[i][1], &arena, &scratch);
    bench_exact("deep999", &large, presets[i][0], presets[i][1], &arena, &scratch);
    bench_exact("streams", &streams, presets[i][0], presets[i][1], &arena, &scratch);
  }
  arena_release(&arena), arena_release(&scratch);
  return 0;
}
