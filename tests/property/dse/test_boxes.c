/* Do bounds over boxes hold for every design in the box, on real networks, and is the exact search exact?
 *
 * Boxes of every size are drawn from a space with odd values that holds impossible, tiny and huge designs, and each is
 * held against its points, whose own screens other tests hold against evaluations. Then branch and bound is held
 * against an exhaustive search: the same top-k byte by byte, and a certificate that adds up. */
#include "base/checked.h"
#include "tests/run_cases.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

/* A system has dozens of stages, each of which a box is bounded for: fewer boxes of those. */
enum { N_BOXES = 260, N_SYSTEM_BOXES = 40, MOST_SAMPLES = 150 };

#define SPACE                                                                                                          \
  "space = { tc_count = [0, 1, 2, 3, 8, 61, 256]; tc_rows = [1, 3, 8, 31, 128, 256]; tc_cols = [2, 16, 37, 128];\n"    \
  "tc_l2_kib = [0, 17, 4096]; vc_count = [0, 1, 2, 7, 64]; vc_width = [1, 5, 128, 1000, 2048]; vc_l2_kib = [0, 3];\n"  \
  "glb_mib = [1, 2, 17, 128, 512]; hbm_stacks = [0, 1, 3, 8]; hbm_generation = [\"2\", \"3e\"];\n"                     \
  "hbm_gib_per_stack = [1, 4, 24]; link_gbytes_per_s = [1, 300]; clock_mhz = [100, 940, 1513];\n"                      \
  "node_nm = [3, 7, 16]; };\n"

/* Keys that follow from others (from amounts, too, and not always upwards), conditions, ranges, prices. */
#define RULED                                                                                                          \
  "space = { tc_count = [0, 1, 2, 3, 8, 61]; tc_rows = [1, 3, 8, 31, 128, 256]; tc_cols = [2, 16, 37, 128];\n"         \
  "tc_l2_kib = [0, 17]; vc_count = [1, 2, 7, 64]; vc_width = \"= max(tc_cols, 5) * 4\"; vc_l2_kib = [0, 3];\n"         \
  "glb_mib = [1, 2, 17, 128]; hbm_stacks = \"= 12 / vc_count\"; link_gbytes_per_s = [1, 300];\n"                       \
  "clock_mhz = [235, 940, 1513]; node_nm = [7, 16]; };\n"                                                              \
  "money = { spare_cores = 0; };\n"                                                                                    \
  "search = { front = [\"die_cost\", \"throughput\", \"tdp\"]; };\n"

static const char *const cases[] = {
    "workload = \"resnet18\"; batch = 3;" SPACE,
    "workload = \"bert-base\"; batch = 1; model = [\"sequence=39\"]; training = { fusion = \"compat\"; };\n"
    "schedule = { spread = \"off\"; }; cost = { map_objective = \"energy\"; };" SPACE,
    "workload = \"bert-base\"; batch = 2; model = [\"layers=2\"]; training = { attention = \"fused\"; };\n"
    "cost = { energy_detail = \"split\"; };" SPACE,
    "workload = \"mobilenet_v3_small\"; batch = 2; cost = { provider = \"compat\"; };\n"
    "limits = { memory = false; };" SPACE,
    "workload = \"resnet18\"; batch = 2; cost = { provider = \"systolic\"; dataflow = \"ws\"; };" SPACE,
    "workload = \"mobilenet_v2\"; batch = 1; limits = { tdp_w = 900.0; area_mm2 = 1500.0; };\n"
    "cost = { depthwise_on = \"tc\"; deconv = \"dense\"; transpose = true; array_overlap = \"none\"; };" SPACE,
    "workload = \"gnmt4\"; batch = 5; schedule = { hbm_sharing = \"isolated\"; };" SPACE,
    "workload = \"dlrm-criteo\"; batch = 237; training = { optimizer = \"momentum\"; };\n"
    "limits = { throughput_floor = 0.9; memory = false; tdp_w = 2000.0; area_mm2 = 2000.0; };" SPACE,
    "workload = \"squeezenet1_0\"; batch = 7; cost = { array_overlap = \"ideal\"; bandwidth = \"fair\"; };\n"
    "limits = { area_mm2 = 90000.0; tdp_w = 90000.0; w_per_mm2 = 99.0; memory = false; };" SPACE,
    "workload = \"resnet18\"; batch = 3; limits = { memory = false; area_mm2 = 900.0; constraints = [\n"
    "\"tc_rows >= tc_cols || tc_count * vc_count > 16\", \"area_mm2 >= 90 || tc_count <= 1\"]; };\n" RULED,
    "workload = \"alexnet\"; batch = 5; limits = { memory = false; area_mm2 = 900.0;\n"
    "constraints = [\"tdp_w / area_mm2 < 0.4\", \"memory_bytes * 4 < hbm_bytes\"];\n"
    "minimum = { throughput_samples_per_s = 25.0; throughput_per_tdp = 0.5; };\n"
    "maximum = { die_cost_usd = 250.0; edp_js = 1.0; energy_j = 4.0; tdp_w = 250.0; }; };\n" RULED,
    "workloads = ( { workload = \"resnet18\"; batch = 3; }, { workload = \"bert-base\"; model = [\"layers=1\"]; weight "
    "= 2; },"
    "{ workload = \"mobilenet_v3_small\"; } ); limits = { tdp_w = 600.0; throughput_floor = 0.1; };" SPACE,
    "workloads = ( { workload = \"alexnet\"; batch = 7; }, { workload = \"squeezenet1_0\"; } );\n"
    "search = { objective = \"worst\"; };" SPACE,
    "workload = \"gpt2-xl\"; batch = 8;\n"
    "model = [\"layers=3\", \"hidden=96\", \"heads=4\", \"vocab=320\", \"sequence=48\"];\n"
    "limits = { area_mm2 = 2000.0; tdp_w = 900.0; throughput_floor = 0.01; };\n"
    "system = { devices = [2, 4]; tensor = [1, 2]; pipeline = [1, 2]; microbatch = [2]; power_w = 1500.0;\n"
    "schedule = [\"1f1b\", \"zb_h1\"]; recompute = [\"none\", \"full\"]; };" SPACE,
    "workload = \"mixtral-8x7b\"; batch = 12; model = [\"layers=4\", \"hidden=96\", \"heads=4\", \"kv_heads=4\",\n"
    "\"ffn=120\", \"experts=4\", \"vocab=320\", \"sequence=48\"];\n"
    "limits = { area_mm2 = 2000.0; tdp_w = 2000.0; memory = false; };\n"
    "system = { devices = [6]; tensor = [1]; pipeline = [3]; microbatch = [1, 3]; money_usd = 4000.0;\n"
    "expert = [1, 2]; zero = [3]; recompute = [\"selective\"]; };" SPACE,
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* A box of random extent: single on most categories, or nothing would be known of it. */
static void draw_box(const struct space *space, struct rng *rng, struct point *low, struct point *high) {
  *low = *high = (struct point){{0}};
  const uint64_t wideness = 1 + rng_below(rng, 4);
  for (size_t a = 0; a < space->n_axes; a++) {
    const uint64_t n = space->axes[a].n;
    uint64_t first = rng_below(rng, n), last = first;
    if (rng_below(rng, 5) < wideness && (space->axes[a].role != AXIS_CHOICE || rng_below(rng, 20) == 0)) {
      last = first + rng_below(rng, n - first);
    }
    if (strcmp(space->axes[a].key, "clock_mhz") == 0 && rng_below(rng, 10) > 0) last = first;
    if (space->axes[a].values[first] == 0 && last > first && rng_below(rng, 10) > 0) first++;
    low->index[a] = (uint16_t)first;
    high->index[a] = (uint16_t)last;
  }
}

static bool is_inside(const struct space *space, const struct point *point, const struct point *low,
                      const struct point *high) {
  for (size_t a = 0; a < space->n_axes; a++) {
    if (point->index[a] < low->index[a] || point->index[a] > high->index[a]) return false;
  }
  return true;
}

struct seen {
  uint64_t excluded, cut, bounded, silent, tight;
};

static void check_point(const struct space *space, const struct point *point, const struct score *box, bool inside) {
  struct score screened;
  space->screen(space->context, point, &screened);
  if (box->reason != REASON_NONE || !inside) {
    assert_int_not_equal(screened.reason, REASON_NONE);
    return;
  }
  if (screened.reason != REASON_NONE) return;
  assert_false(space_better(space, screened.bound, box->bound));
  for (size_t o = 0; o < space->n_objectives; o++) {
    assert_false(objective_better(&space->objectives[o], screened.objective[o], box->objective[o]));
  }
}

static uint64_t volume(const struct space *space, const struct point *low, const struct point *high) {
  uint64_t n = 1;
  for (size_t a = 0; a < space->n_axes; a++) n = sat_mul(n, (uint64_t)(high->index[a] - low->index[a]) + 1);
  return n;
}

static void check_box(const struct space *space, struct rng *rng, struct seen *seen) {
  struct point low, high;
  struct score box;
  uint64_t excluded[SPACE_MAX_REASONS] = {0}, cut = 0;
  draw_box(space, rng, &low, &high);
  const struct point first = low, last = high;
  memset(&box, 0xa5, sizeof box);
  space->bound_box(space->context, &low, &high, excluded, &box);
  const uint64_t n = volume(space, &first, &last);
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) cut += excluded[r];
  seen->excluded += box.reason != REASON_NONE;
  if (box.reason == REASON_NONE) {
    assert_int_equal(volume(space, &low, &high) + cut, n);
    seen->cut += cut > 0;
    seen->bounded += n > 1 && isfinite(box.bound) && box.bound > 0;
    seen->silent += !(isfinite(box.bound) && box.bound > 0);
    if (point_compare(&low, &high) == 0) { /* also if it was cut down to it */
      struct score alone;
      space->screen(space->context, &low, &alone);
      assert_int_equal(alone.reason, REASON_NONE);
    }
  }
  for (size_t i = 0; i < MOST_SAMPLES && i < n; i++) {
    struct point point = first;
    uint64_t index = n <= MOST_SAMPLES ? i : rng_below(rng, n);
    for (size_t a = 0; a < space->n_axes; a++) {
      const uint64_t values = (uint64_t)(last.index[a] - first.index[a]) + 1;
      point.index[a] = (uint16_t)(first.index[a] + index % values);
      index /= values;
    }
    check_point(space, &point, &box, is_inside(space, &point, &low, &high));
  }
}

static void boxes_bound_their_points(void **state) {
  struct cluster *cluster = *state;
  print_message("seed %" PRIu64 ", %d boxes for each of %d stages and every metric\n", seed, N_BOXES, N_CASES);
  for (size_t number = 0; number < N_CASES; number++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    struct run *run = case_run(cases[number], cluster, &arena, &scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, number);
    struct seen seen = {0};
    const size_t n_boxes = run->system != NULL ? N_SYSTEM_BOXES : N_BOXES;
    for (size_t i = 0; i < n_boxes; i++) {
      size_t metric = rng_below(&rng, N_OBJECTIVES);
      if (!case_has_metric(run, metric)) metric = OBJECTIVE_THROUGHPUT;
      case_set_metric(run, metric);
      check_box(&run->designs.space, &rng, &seen);
    }
    print_message("%zu: %" PRIu64 " excluded, %" PRIu64 " bounded, %" PRIu64 " cut, %" PRIu64 " silent\n", number,
                  seen.excluded, seen.bounded, seen.cut, seen.silent);
    assert_true(seen.bounded > n_boxes / 10 && seen.silent < n_boxes / 2);
    run_release(run);
    arena_release(&arena);
    arena_release(&scratch);
  }
}

/* --- the exact search -----------------------------------------------------------------------------------------------
 */

/* No design's own bound is better than the ceiling, and one is as good unless the best itself is. */
static void check_ceiling(const struct rounds *rounds) {
  const struct space *space = &rounds->designs->space;
  double ceiling, best = topk_at(rounds->topk, 0)->score.objective[space->metric];
  assert_true(boxes_ceiling(rounds->certificate, &ceiling));
  assert_false(space_better(space, best, ceiling));
  bool reached = best == ceiling;
  for (uint64_t i = 0; i < space_size(space); i++) {
    const struct point point = space_point(space, i);
    struct score screened;
    space->screen(space->context, &point, &screened);
    if (screened.reason != REASON_NONE) continue;
    assert_false(space_better(space, screened.bound, ceiling));
    reached = reached || screened.bound == ceiling;
  }
  assert_true(reached);
}

static void check_certificate(const struct rounds *rounds, const struct topk *all) {
  assert_non_null(rounds->certificate);
  const struct boxes_counts *counts = boxes_counts(rounds->certificate);
  uint64_t sum = counts->known + counts->asked + counts->open;
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) sum += counts->excluded[r];
  for (size_t b = 0; b < BOXES_MAX_BINDINGS; b++) sum += counts->pruned[b];
  assert_int_equal(sum, space_size(&rounds->designs->space));
  assert_int_equal(counts->open, 0);
  assert_int_equal(counts->asked, rounds->evaluations);
  assert_int_equal(topk_count(rounds->topk), topk_count(all));
  for (size_t k = 0; k < topk_count(all); k++) {
    assert_memory_equal(topk_at(rounds->topk, k), topk_at(all, k), sizeof(struct record));
  }
}

static void exact_is_exhaustive(void **state) {
  struct cluster *cluster = *state;
  static const char *const spaces[] = {
      "space = { tc_count = \"1..64 x4\"; tc_rows = [16, 64, 100]; tc_cols = [8, 128]; vc_count = [1, 4, 9];\n"
      "vc_width = [64, 300, 1024]; glb_mib = [8, 64]; hbm_stacks = [1, 3, 8]; };\n",
      "space = { tc_count = [0, 1, 5]; tc_rows = [32, 128]; tc_cols = [33, 64]; tc_l2_kib = [0, 300];\n"
      "vc_count = [0, 2, 16]; vc_width = [16, 500]; hbm_stacks = [0, 2, 6]; clock_mhz = [700, 1000]; };\n",
  };
  static const char *const workloads[] = {
      "workload = \"alexnet\"; batch = 6;\n", "workload = \"bert-base\"; batch = 1; model = [\"layers=1\"];\n",
      "workload = \"resnet18\"; batch = 2; cost = { provider = \"compat\"; };\n",
      "workloads = ( { workload = \"alexnet\"; weight = 3; }, { workload = \"bert-base\";"
      "model = [\"layers=1\"]; } );\n"};
  enum { N_WORKLOADS = sizeof workloads / sizeof *workloads };
  uint64_t evaluated = 0, points = 0;
  for (size_t number = 0; number < 2 * N_WORKLOADS; number++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    const char *text =
        arena_printf(&arena, "%s%sschedule = { passes = 0; };\nsearch = { top_k = %d; round_size = 7; };\n",
                     workloads[number % N_WORKLOADS], spaces[number / N_WORKLOADS], number % 2 == 0 ? 10 : 1);
    struct run *run = case_run(text, cluster, &arena, &scratch);
    const struct space *space = &run->designs.space;
    const struct search_algorithm *exact = search_algorithm_find("exact");
    struct record *records = case_evaluate_all(space, &arena);
    struct error *error = ARENA_NEW(&arena, struct error, 1);
    for (size_t metric = 0; metric < N_OBJECTIVES; metric++) {
      if (!case_has_metric(run, metric)) continue;
      case_set_metric(run, metric);
      struct topk *all = topk_new(&arena, &space->objectives[metric], metric, run->settings.search.top_k);
      for (uint64_t i = 0; i < space_size(space); i++) {
        space->evaluate(space->context, &records[i].point, &records[i].score); /* bounds are the metric's */
        topk_add(all, &records[i]);
      }
      assert_true(topk_count(all) > 0);
      struct rounds rounds;
      rounds_init(&rounds, cluster, &run->designs, NULL, &arena);
      assert_true(rounds_search(&rounds, exact, run_algorithm_settings(&run->settings, exact), UINT64_MAX, error));
      check_certificate(&rounds, all);
      check_ceiling(&rounds);
      evaluated += rounds.evaluations;
      points += space_size(space);
    }
    run_release(run);
    arena_release(&arena);
    arena_release(&scratch);
  }
  print_message("%" PRIu64 " of %" PRIu64 " points evaluated\n", evaluated, points);
  assert_true(evaluated < points / 4); /* else bounds were of no use */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(boxes_bound_their_points),
      cmocka_unit_test(exact_is_exhaustive),
  };
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
