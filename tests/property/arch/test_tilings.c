/* Are tilings of before those that would be found anew, whatever two problems differ in?
 *
 * Walks over problems: each step changes one number of the last, and both memories' tilings are asked for twice, from a
 * table that all problems share and without one. A key that leaves out what a tiling hangs on answers with the last
 * step's. One table has room, the other's places are taken again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/tiling.h"
#include "base/checked.h"
#include "base/rng.h"
#include <string.h>

enum { SEED = 2385, N_WALKS = 4000, N_STEPS = 24 };

struct tried {
  struct tile_problem problem;
  struct window raw[2]; /* rows, columns */
  bool has_pixels;
  uint64_t part_images, part_out[2]; /* at most: the share of a core */
  uint64_t outer_bytes, inner_bytes;
  bool whole_k;
};

static uint64_t draw(struct rng *rng, unsigned bits) {
  return 1 + rng_below(rng, UINT64_C(1) << rng_below(rng, bits + 1));
}

static struct tile_dim *pixel_dim(struct tried *tried) {
  return tried->problem.pixels_on_k ? &tried->problem.k : &tried->problem.m;
}

/* What hangs on other numbers. */
static void settle(struct tried *tried) {
  struct tile_dim *const dims[] = {&tried->problem.m, &tried->problem.n, &tried->problem.k};
  for (int d = 0; d < 3; d++) {
    dims[d]->is_pixels = false;
    dims[d]->length = max_u64(dims[d]->length, dims[d]->share);
  }
  if (!tried->has_pixels) return;
  struct tile_dim *dim = pixel_dim(tried);
  dim->is_pixels = true;
  window_init(&dim->whole.rows, &tried->raw[0]);
  window_init(&dim->whole.cols, &tried->raw[1]);
  dim->part = dim->whole;
  dim->part.images = min_u64(tried->part_images, dim->whole.images);
  dim->part.rows.out = min_u64(tried->part_out[0], dim->whole.rows.out);
  dim->part.cols.out = min_u64(tried->part_out[1], dim->whole.cols.out);
}

static void draw_window(struct rng *rng, struct window *raw) {
  *raw = (struct window){.filter = 1 + rng_below(rng, 7), .stride = 1 + rng_below(rng, 4), .dilation = 1};
  raw->dilation = 1 + rng_below(rng, 2);
  raw->pad = rng_below(rng, raw->filter);
  raw->fractional = rng_below(rng, 3) == 0;
  raw->in = 1 + rng_below(rng, 50);
  raw->out = 1 + rng_below(rng, 50);
}

static void draw_tried(struct rng *rng, struct tried *tried) {
  *tried = (struct tried){.has_pixels = rng_below(rng, 2) == 0};
  struct tile_problem *problem = &tried->problem;
  problem->element_bytes = 1 + rng_below(rng, 4);
  problem->accumulator_bytes = 1 + rng_below(rng, 4);
  problem->buffering = 1 + rng_below(rng, 2);
  problem->rounds = 1 + rng_below(rng, 3);
  problem->abreast = 1 + rng_below(rng, 2);
  problem->rep_cores = 1 + rng_below(rng, 2);
  problem->pixels_on_k = tried->has_pixels && rng_below(rng, 2) == 0;
  struct tile_dim *const dims[] = {&problem->m, &problem->n, &problem->k};
  for (int d = 0; d < 3; d++) {
    dims[d]->cores = 1 + rng_below(rng, 3);
    dims[d]->scale = 1 + rng_below(rng, 3);
    dims[d]->share = draw(rng, 8);
    dims[d]->length = dims[d]->share + rng_below(rng, 9);
    dims[d]->unit = 1 + rng_below(rng, 4);
    dims[d]->least = rng_below(rng, 2) * rng_below(rng, 20);
    dims[d]->whole.images = draw(rng, 3);
    dims[d]->unit_rows = 1 + rng_below(rng, 3);
    dims[d]->unit_cols = 1 + rng_below(rng, 3);
    dims[d]->multiple = 1 + rng_below(rng, 4);
  }
  for (int w = 0; w < 2; w++) {
    draw_window(rng, &tried->raw[w]);
    tried->part_out[w] = 1 + rng_below(rng, 50);
  }
  tried->part_images = draw(rng, 3);
  tried->outer_bytes = 64 + draw(rng, 20);
  tried->inner_bytes = 64 + draw(rng, 16);
  settle(tried);
}

/* One number up, down, or doubled; no count falls to nought. */
static void change_one(struct rng *rng, struct tried *tried) {
  struct tile_problem *const p = &tried->problem;
  struct tile_dim *const pixels = pixel_dim(tried);
  uint64_t *const of_all[] = {
      &p->m.cores,         &p->n.cores,         &p->k.cores,        &p->m.scale,       &p->n.scale,
      &p->k.scale,         &p->m.share,         &p->n.share,        &p->k.share,       &p->m.length,
      &p->n.length,        &p->k.length,        &p->m.unit,         &p->n.unit,        &p->k.unit,
      &p->m.least,         &p->n.least,         &p->k.least,        &p->element_bytes, &p->accumulator_bytes,
      &p->buffering,       &p->rounds,          &p->abreast,        &p->rep_cores,     &tried->outer_bytes,
      &tried->inner_bytes, &pixels->unit_rows,  &pixels->unit_cols, &pixels->multiple, &pixels->whole.images,
      &tried->part_images, &tried->part_out[0], &tried->part_out[1]};
  enum { N_OF_ALL = sizeof of_all / sizeof *of_all, N_OF_WINDOW = 7 };
  const uint64_t which = rng_below(rng, N_OF_ALL + (tried->has_pixels ? 2 * N_OF_WINDOW : 0) + 1);
  uint64_t *number = NULL;
  if (which < N_OF_ALL) {
    number = of_all[which];
  } else if (which == N_OF_ALL) {
    tried->whole_k = !tried->whole_k;
  } else {
    struct window *const raw = &tried->raw[which % 2];
    uint64_t *const of_window[] = {&raw->out, &raw->in, &raw->filter, &raw->stride, &raw->dilation, &raw->pad};
    const uint64_t member = (which - N_OF_ALL - 1) / 2;
    if (member < 6)
      number = of_window[member];
    else
      raw->fractional = !raw->fractional;
  }
  if (number == &p->buffering) {
    *number = 3 - *number;
  } else if (number != NULL) {
    const uint64_t how = rng_below(rng, 3);
    *number = how == 0 ? *number + 1 : how == 1 ? max_u64(*number, 2) - 1 : min_u64(2 * *number, 1 << 16);
  }
  for (int w = 0; w < 2; w++) tried->raw[w].pad = min_u64(tried->raw[w].pad, tried->raw[w].filter - 1);
  settle(tried);
}

static bool same(const struct tiling *a, const struct tiling *b) {
  return a->bytes == b->bytes && a->a_bytes == b->a_bytes && a->b_bytes == b->b_bytes &&
         memcmp(&a->loops, &b->loops, sizeof a->loops) == 0;
}

static void ask(const struct tried *tried, struct tilings *known, struct tiling *outer, struct tiling *inner) {
  struct tile_problem problem = tried->problem;
  problem.known = known;
  tiling_outer(&problem, tried->outer_bytes, tried->whole_k, outer);
  *inner = (struct tiling){.bytes = 77};
  if (outer->bytes < UINT64_MAX) tiling_inner(&problem, &outer->loops, tried->inner_bytes, inner);
}

static void test_walks(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct tilings *const tables[2] = {tilings_new(&arena, 1 << 16), tilings_new(&arena, 16)};
  uint64_t n_outer = 0, n_inner = 0;
  print_message("seed %d\n", SEED);
  for (uint64_t walk = 0; walk < N_WALKS; walk++) {
    struct rng rng = rng_stream(SEED, RNG_TEST, 0, walk);
    struct tried tried;
    draw_tried(&rng, &tried);
    for (unsigned step = 0; step < N_STEPS; step++) {
      struct tiling with[2], again[2], without[2];
      ask(&tried, tables[walk % 2], &with[0], &with[1]);
      ask(&tried, tables[walk % 2], &again[0], &again[1]);
      ask(&tried, NULL, &without[0], &without[1]);
      for (int t = 0; t < 2; t++) {
        if (same(&with[t], &without[t]) && same(&again[t], &without[t])) continue;
        fail_msg("seed %d, walk %llu, step %u: another tiling of the %s memory", SEED, (unsigned long long)walk, step,
                 t == 0 ? "outer" : "inner");
      }
      n_outer += without[0].bytes < UINT64_MAX;
      n_inner += without[1].bytes < UINT64_MAX && without[1].bytes != 77;
      change_one(&rng, &tried);
    }
  }
  arena_release(&arena);
  print_message("%llu tilings of the outer memory, %llu of the inner\n", (unsigned long long)n_outer,
                (unsigned long long)n_inner);
  assert_true(n_outer > N_WALKS * N_STEPS / 4 && n_inner > N_WALKS * N_STEPS / 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_walks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
