/* Laws of networks over random levels, groups and sizes: no algorithm beats the floor, more bandwidth is never slower,
 * and members that are taken to share a unit do, wherever their group starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/network.h"
#include "base/rng.h"
#include <math.h>
#include <string.h>

enum { SEED = 2385, N_CASES = 4000 };

struct sample {
  uint64_t sizes[NETWORK_MAX_LEVELS], topology[NETWORK_MAX_LEVELS];
  double gbytes_per_s[NETWORK_MAX_LEVELS], latency_us[NETWORK_MAX_LEVELS], oversubscription[NETWORK_MAX_LEVELS];
  struct network_settings settings;
  struct network network;
  struct network_group group;
  enum op_kind kind;
  uint64_t bytes;
};

static void no_complaint(void *context, const char *key, const char *text) {
  (void)context;
  fail_msg("%s: %s", key, text);
}

static void draw_settings(struct rng *rng, struct sample *sample) {
  const size_t n = 1 + rng_below(rng, 4);
  const bool halves = rng_below(rng, 2) == 0; /* powers of two, so that all algorithms get their turn */
  for (size_t i = 0; i < n; i++) {
    uint64_t size = halves ? UINT64_C(2) << rng_below(rng, 4) : 2 + rng_below(rng, 14);
    size = i + 1 == n ? 0 : size;
    const struct topology *topology;
    do {
      sample->topology[i] = rng_below(rng, n_topologies);
      topology = topologies[sample->topology[i]];
    } while ((topology->has_size && size == 0) || (topology->fits != NULL && !topology->fits(size)));
    sample->sizes[i] = size;
    sample->gbytes_per_s[i] = rng_below(rng, 3) == 0 ? 0 : 1 + 500 * rng_unit(rng);
    sample->latency_us[i] = rng_below(rng, 4) == 0 ? 0 : 10 * rng_unit(rng);
    sample->oversubscription[i] = 1 + 7 * rng_unit(rng);
  }
  sample->settings = (struct network_settings){
      .sizes = {n, sample->sizes},
      .gbytes_per_s = {n, sample->gbytes_per_s},
      .latency_us = {n, sample->latency_us},
      .topology = {n, sample->topology},
      .oversubscription = {n, sample->oversubscription},
      .efficiency_inner = 0.1 + 0.9 * rng_unit(rng),
      .efficiency_outer = 0.1 + 0.9 * rng_unit(rng),
      .link_sharing = rng_below(rng, 2) == 0,
  };
}

static void draw_sample(uint64_t task, struct sample *sample, struct arena *arena) {
  struct rng rng = rng_stream(SEED, RNG_TEST, 0, task);
  const struct accelerator design = {.link_gbytes_per_s = 1 + rng_below(&rng, 500)};
  memset(sample, 0, sizeof *sample);
  draw_settings(&rng, sample);
  assert_true(network_settings_check(&sample->settings, arena, no_complaint, NULL));
  network_init(&sample->network, &sample->settings, &design);
  const bool halves = rng_below(&rng, 2) == 0;
  sample->group.ranks = halves ? UINT64_C(2) << rng_below(&rng, 9) : 2 + rng_below(&rng, 40);
  sample->group.stride = rng_below(&rng, 2) == 0 ? UINT64_C(1) << rng_below(&rng, 7) : rng_below(&rng, 30);
  sample->kind = (enum op_kind)(OP_ALL_REDUCE + rng_below(&rng, 4));
  sample->bytes = 1 + rng_below(&rng, UINT64_C(1) << rng_below(&rng, 40));
}

static double seconds(const struct sample *sample, uint64_t bytes) {
  return network_collective_s(&sample->network, sample->kind, bytes, sample->group, NULL);
}

typedef void check_sample(uint64_t task, struct sample *sample);

static void for_all(check_sample *check) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  print_message("seed %d, %d cases\n", SEED, N_CASES);
  for (uint64_t task = 0; task < N_CASES; task++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sample sample;
    draw_sample(task, &sample, &arena);
    check(task, &sample);
    arena_rewind(&arena, mark);
  }
  arena_release(&arena);
}

static void fail_at(uint64_t task, const struct sample *sample, const char *what) {
  fail_msg("seed %d, task %llu: %s over %llu ranks %llu apart, %s", SEED, (unsigned long long)task,
           op_kinds[sample->kind].name, (unsigned long long)sample->group.ranks,
           (unsigned long long)sample->group.stride, what);
}

static unsigned n_taken[16];

static void check_floor(uint64_t task, struct sample *sample) {
  struct collective_span span;
  network_span(&sample->network, sample->group, &span);
  uint64_t product = 1;
  for (size_t i = 0; i < span.n_levels; i++) {
    if (span.levels[i].extent < 2) fail_at(task, sample, "a level of one");
    product *= span.levels[i].extent;
  }
  if (product != sample->group.ranks) fail_at(task, sample, "levels that do not hold all ranks");
  const double floor_s = network_collective_floor_s(&sample->network, sample->kind, sample->bytes, sample->group);
  double least_s = INFINITY;
  for (size_t i = 0; i < n_collective_algorithms; i++) {
    if (!collective_applies(collective_algorithms[i], &span, sample->kind)) continue;
    const double s = collective_algorithms[i]->seconds(&span, sample->kind, (double)sample->bytes);
    if (!(s >= floor_s)) fail_at(task, sample, "faster than the floor");
    least_s = fmin(least_s, s);
    sample->settings.algorithm = i + 1;
    size_t taken;
    if (network_collective_s(&sample->network, sample->kind, sample->bytes, sample->group, &taken) != s || taken != i)
      fail_at(task, sample, "not by the algorithm of the settings");
  }
  sample->settings.algorithm = 0;
  size_t taken;
  const double s = network_collective_s(&sample->network, sample->kind, sample->bytes, sample->group, &taken);
  if (s != least_s || !(floor_s > 0)) fail_at(task, sample, "not the cheapest");
  n_taken[taken]++;
}

static void test_floor(void **state) {
  (void)state;
  memset(n_taken, 0, sizeof n_taken);
  for_all(check_floor);
  for (size_t i = 0; i < n_collective_algorithms; i++) {
    print_message("%s is the cheapest of %u\n", collective_algorithms[i]->name, n_taken[i]);
    assert_true(n_taken[i] > 0);
  }
}

static void check_monotone(uint64_t task, struct sample *sample) {
  struct rng rng = rng_stream(SEED, RNG_TEST, 1, task);
  const double before_s = seconds(sample, sample->bytes);
  const double floor_s = network_collective_floor_s(&sample->network, sample->kind, sample->bytes, sample->group);
  if (seconds(sample, sample->bytes + 1 + rng_below(&rng, sample->bytes)) < before_s)
    fail_at(task, sample, "faster with more bytes");
  struct sample other = *sample; /* whose lists are those of the first */
  for (size_t i = 0; i < other.network.n_levels; i++)
    if (rng_below(&rng, 2) == 0) other.network.levels[i].bytes_per_s *= 0.05 + 0.95 * rng_unit(&rng);
  if (seconds(&other, sample->bytes) < before_s) fail_at(task, sample, "faster with less bandwidth");
  if (network_collective_floor_s(&other.network, sample->kind, sample->bytes, sample->group) < floor_s)
    fail_at(task, sample, "a lower floor with less bandwidth");
  other = *sample;
  for (size_t i = 0; i < other.network.n_levels; i++) other.network.levels[i].latency_s *= 1 + rng_unit(&rng);
  if (seconds(&other, sample->bytes) < before_s) fail_at(task, sample, "faster with more latency");
  other = *sample;
  other.network.settings = &other.settings;
  other.settings.link_sharing = true;
  const double shared_s = seconds(&other, sample->bytes);
  other.settings.link_sharing = false;
  if (seconds(&other, sample->bytes) > shared_s) fail_at(task, sample, "slower alone on the links");
}

static void test_monotone(void **state) {
  (void)state;
  for_all(check_monotone);
}

static void check_laws(uint64_t task, struct sample *sample) {
  sample->group.ranks = 1;
  if (seconds(sample, sample->bytes) != 0) fail_at(task, sample, "takes time alone");
  if (network_collective_floor_s(&sample->network, sample->kind, sample->bytes, sample->group) != 0)
    fail_at(task, sample, "has a floor alone");
  struct rng rng = rng_stream(SEED, RNG_TEST, 2, task);
  sample->group.ranks = 2 + rng_below(&rng, 60);
  if (seconds(sample, 0) != 0) fail_at(task, sample, "takes time without bytes");
  struct collective_span span;
  network_span(&sample->network, sample->group, &span);
  const double bytes = (double)sample->bytes;
  const double whole_s = collective_ring.seconds(&span, OP_ALL_REDUCE, bytes);
  const double halves_s =
      collective_ring.seconds(&span, OP_REDUCE_SCATTER, bytes) + collective_ring.seconds(&span, OP_ALL_GATHER, bytes);
  if (fabs(whole_s - halves_s) > 1e-12 * whole_s) fail_at(task, sample, "a ring's all-reduce is not its two halves");
  const double there_s = network_p2p_s(&sample->network, sample->bytes, sample->group.stride);
  const double chain_s = network_chain_s(&sample->network, sample->bytes, sample->group);
  if (sample->group.stride > 0 && !(there_s > 0 && chain_s > 0)) fail_at(task, sample, "a message that takes no time");
}

static void test_laws(void **state) {
  (void)state;
  for_all(check_laws);
}

/* Every group that starts at a multiple of ranks · stride, against the units that its members really lie in. */
static void check_members(uint64_t task, struct sample *sample) {
  const uint64_t ranks = sample->group.ranks, stride = sample->group.stride > 0 ? sample->group.stride : 1;
  for (size_t i = 0; i + 1 < sample->network.n_levels; i++) {
    const uint64_t unit = sample->network.levels[i].devices;
    const uint64_t members = topology_members_within(ranks, stride, unit);
    if (ranks % members != 0) fail_at(task, sample, "blocks that leave a rest");
    for (uint64_t start = 0; start < 40 * ranks * stride; start += ranks * stride)
      for (uint64_t r = 0; r < ranks; r++)
        if ((start + r * stride) / unit != (start + r / members * members * stride) / unit)
          fail_at(task, sample, "members of a block in different units");
    if (unit % (ranks * stride) == 0 && members != ranks) fail_at(task, sample, "a group in one unit that is torn");
  }
}

static void test_members(void **state) {
  (void)state;
  for_all(check_members);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_floor),
      cmocka_unit_test(test_monotone),
      cmocka_unit_test(test_laws),
      cmocka_unit_test(test_members),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
