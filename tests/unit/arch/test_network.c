/* What groups see of a network, what messages and collectives take, worked out by hand; what settings are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/network.h"
#include "arch/network_preset.h"
#include <math.h>
#include <string.h>

struct fixture {
  struct arena arena;
  struct error error;
  struct network_settings settings;
  struct network network;
};

static const struct accelerator design = {.link_gbytes_per_s = 300};

static int set_up(void **state) {
  static struct fixture fixture;
  memset(&fixture, 0, sizeof fixture);
  arena_init(&fixture.arena, 1 << 16);
  config_defaults(&network_fields, &fixture.arena, &fixture.settings);
  network_init(&fixture.network, &fixture.settings, &design);
  *state = &fixture;
  return 0;
}
static int tear_down(void **state) {
  struct fixture *fixture = *state;
  arena_release(&fixture->arena);
  return 0;
}

static void set(struct fixture *fixture, const char *key, const char *value) {
  const struct field *const field = config_find_field(&network_fields, key);
  assert_non_null(field);
  assert_true(config_set_field(field, &fixture->settings, value, "test", &fixture->arena, &fixture->error));
  network_init(&fixture->network, &fixture->settings, &design);
}

static double seconds(const struct fixture *fixture, enum op_kind kind, uint64_t bytes, uint64_t ranks,
                      uint64_t stride) {
  return network_collective_s(&fixture->network, kind, bytes, (struct network_group){ranks, stride}, NULL);
}

static void near(double a, double b) {
  if (fabs(a - b) > 1e-12 * fabs(b)) fail_msg("%.17g is not %.17g", a, b);
}

/* Defaults: 8 at the design's 300 GB/s and 1 µs, 4 at 100 and 2 µs, the rest at 25 and 5 µs. */
static void test_defaults(void **state) {
  struct fixture *fixture = *state;
  assert_int_equal(fixture->network.n_levels, 3);
  const double gbytes_per_s[] = {300, 100, 25}, us[] = {1, 2, 5};
  const uint64_t devices[] = {8, 32, 0};
  for (size_t i = 0; i < 3; i++) {
    near(fixture->network.levels[i].bytes_per_s, gbytes_per_s[i] * 1e9);
    near(fixture->network.levels[i].latency_s, us[i] * 1e-6);
    assert_int_equal(fixture->network.levels[i].devices, devices[i]);
  }
  assert_true(fixture->settings.link_sharing);
  set(fixture, "efficiency_inner", "0.5");
  set(fixture, "efficiency_outer", "0.75");
  near(fixture->network.levels[0].bytes_per_s, 150e9);
  near(fixture->network.levels[1].bytes_per_s, 75e9);
}

/* Four chiplets a package are a level inside of the others: 8 packages at each chiplet's own 300 GB/s, then 4 of these
 * and the rest at what the settings fix for a package, of which a chiplet has a quarter. */
static void test_chiplets(void **state) {
  struct fixture *fixture = *state;
  static const struct accelerator chiplet = {.link_gbytes_per_s = 300, .chiplets = 4, .d2d_gbytes_per_s = 2000};
  set(fixture, "efficiency_inner", "0.5");
  set(fixture, "d2d_topology", "\"ring\"");
  set(fixture, "d2d_latency_us", "0.25");
  network_init(&fixture->network, &fixture->settings, &chiplet);
  assert_int_equal(fixture->network.n_levels, 4);
  const double gbytes_per_s[] = {1000, 150, 25, 6.25}, us[] = {0.25, 1, 2, 5};
  const uint64_t devices[] = {4, 32, 128, 0};
  for (size_t i = 0; i < 4; i++) {
    near(fixture->network.levels[i].bytes_per_s, gbytes_per_s[i] * 1e9);
    near(fixture->network.levels[i].latency_s, us[i] * 1e-6);
    assert_int_equal(fixture->network.levels[i].devices, devices[i]);
  }
  /* A message to the neighbour in the package has half of the bandwidth on a ring; to the next package all of its own.
   */
  near(network_p2p_s(&fixture->network, 1 << 20, 1), 0.25e-6 + (1 << 20) / 500e9);
  near(network_p2p_s(&fixture->network, 1 << 20, 4), 1e-6 + (1 << 20) / 150e9);
  set(fixture, "preset", "\"dgx-a100\"");
  const struct network whole = fixture->network;
  network_init(&fixture->network, &fixture->settings, &chiplet);
  assert_int_equal(fixture->network.n_levels, 3);
  for (size_t i = 0; i < 2; i++) near(fixture->network.levels[i + 1].bytes_per_s, whole.levels[i].bytes_per_s / 4);
}

static void test_spans(void **state) {
  const struct fixture *fixture = *state;
  const struct {
    uint64_t ranks, stride, extents[3];
    unsigned levels; /* bits */
  } rows[] = {{8, 1, {8}, 1},        {4, 2, {4}, 1},  {4, 8, {4}, 2},     {64, 1, {8, 4, 2}, 7}, {16, 1, {8, 2}, 3},
              {16, 4, {2, 4, 2}, 7}, {5, 32, {5}, 4}, {12, 1, {4, 3}, 5}, {3, 8, {3}, 4},        {7, 1, {7}, 4}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct collective_span span;
    network_span(&fixture->network, (struct network_group){rows[i].ranks, rows[i].stride}, &span);
    assert_int_equal(span.ranks, rows[i].ranks);
    size_t n = 0;
    for (size_t level = 0; level < 3; level++) {
      if (!(rows[i].levels & 1u << level)) continue;
      assert_true(n < span.n_levels);
      assert_int_equal(span.levels[n].extent, rows[i].extents[n]);
      near(span.levels[n++].latency_s, fixture->network.levels[level].latency_s);
    }
    assert_int_equal(span.n_levels, n);
  }
}

/* Large tensors: exchanges by halves have a ring's bytes at less latency. */
static void test_one_level(void **state) {
  struct fixture *fixture = *state;
  const uint64_t bytes = 2385000000;
  near(seconds(fixture, OP_ALL_REDUCE, bytes, 8, 1), 6e-6 + 2 * 7 / 8. * 2385e6 / 300e9);
  near(seconds(fixture, OP_ALL_GATHER, bytes, 8, 1), 3e-6 + 7 / 8. * 2385e6 / 300e9);
  near(seconds(fixture, OP_ALL_TO_ALL, bytes, 8, 1), 7e-6 + 7 / 8. * 2385e6 / 300e9);
  near(seconds(fixture, OP_ALL_REDUCE, 100, 8, 1), 3 * (1e-6 + 100 / 300e9)); /* little: whole messages */
  near(seconds(fixture, OP_ALL_REDUCE, bytes, 4, 8), 8e-6 + 2 * 3 / 4. * 2385e6 / 100e9);
  assert_true(seconds(fixture, OP_ALL_REDUCE, bytes, 1, 1) == 0);
  assert_true(seconds(fixture, OP_ALL_REDUCE, 0, 8, 1) == 0);
  set(fixture, "algorithm", "\"ring\"");
  near(seconds(fixture, OP_ALL_REDUCE, bytes, 8, 1), 14e-6 + 2 * 7 / 8. * 2385e6 / 300e9);
  near(seconds(fixture, OP_ALL_REDUCE, 100, 8, 1), 14 * (1e-6 + 100 / 8. / 300e9));
  near(seconds(fixture, OP_ALL_TO_ALL, bytes, 8, 1), 7e-6 + 7 / 8. * 2385e6 / 300e9); /* no ring does it */
  set(fixture, "algorithm", "\"tree\"");
  near(seconds(fixture, OP_ALL_REDUCE, bytes, 8, 1), 6 * (1e-6 + 2385e6 / 300e9));
}

static void test_levels(void **state) {
  struct fixture *fixture = *state;
  const double bytes = 2385e6;
  set(fixture, "algorithm", "\"hierarchical\"");
  /* 64 = 8 · 4 · 2: within, S/8 across, S/32 across: there in one exchange of all */
  near(seconds(fixture, OP_ALL_REDUCE, 2385000000, 64, 1), 6e-6 + 2 * 7 / 8. * bytes / 300e9 + 8e-6 +
                                                               2 * 3 / 4. * bytes / 8 / 100e9 + 5e-6 +
                                                               2 * 1 / 2. * bytes / 32 / 25e9);
  near(seconds(fixture, OP_ALL_TO_ALL, 2385000000, 16, 1),
       7e-6 + 7 / 8. * bytes / 300e9 + 2e-6 + 1 / 2. * bytes / 100e9);
  /* Eight rings over two nodes: 7/8 of each piece stays, 1/8 leaves by each device's own link. */
  set(fixture, "algorithm", "\"ring\"");
  const double piece = bytes / 16;
  near(seconds(fixture, OP_ALL_REDUCE, 2385000000, 16, 1),
       30 * fmax(1e-6 + 7 / 8. * piece / 300e9, 2e-6 + 1 / 8. * piece / 100e9));
  set(fixture, "algorithm", "\"auto\"");
  size_t taken;
  network_collective_s(&fixture->network, OP_ALL_REDUCE, 2385000000, (struct network_group){16, 1}, &taken);
  assert_string_equal(collective_algorithms[taken]->name, "ring"); /* inner and outer links at work together */
}

/* Data-parallel groups of stride 8: eight of them leave each node side by side. */
static void test_sharing(void **state) {
  struct fixture *fixture = *state;
  struct collective_span span;
  network_span(&fixture->network, (struct network_group){4, 8}, &span);
  near(span.levels[0].bytes_per_s, 100e9);
  set(fixture, "link_sharing", "false");
  network_span(&fixture->network, (struct network_group){4, 8}, &span);
  near(span.levels[0].bytes_per_s, 300e9); /* 8 · 100, which are reached over 300 */
  network_span(&fixture->network, (struct network_group){8, 4}, &span);
  near(span.levels[1].bytes_per_s, 300e9); /* 8/2 · 100 */
  network_span(&fixture->network, (struct network_group){8, 32}, &span);
  near(span.levels[0].bytes_per_s, 300e9); /* 32 · 25, over 300 */
  network_span(&fixture->network, (struct network_group){32, 1}, &span);
  near(span.levels[0].bytes_per_s, 300e9);
  near(span.levels[1].bytes_per_s, 100e9); /* all of a node's links are the group's own anyway */
}

static void test_messages(void **state) {
  const struct fixture *fixture = *state;
  near(network_p2p_s(&fixture->network, 2385000, 1), 1e-6 + 2385000 / 300e9);
  near(network_p2p_s(&fixture->network, 2385000, 7), 1e-6 + 2385000 / 300e9);
  near(network_p2p_s(&fixture->network, 2385000, 8), 2e-6 + 2385000 / 100e9);
  near(network_p2p_s(&fixture->network, 2385000, 32), 5e-6 + 2385000 / 25e9);
  assert_true(network_p2p_s(&fixture->network, 0, 32) == 0);
  assert_true(network_p2p_s(&fixture->network, 7, 0) == 0);
  near(network_chain_s(&fixture->network, 2385000, (struct network_group){2, 4}), 1e-6 + 2385000 / 300e9);
  near(network_chain_s(&fixture->network, 2385000, (struct network_group){4, 4}), 2e-6 + 2385000 / 100e9);
  near(network_chain_s(&fixture->network, 2385000, (struct network_group){16, 4}), 5e-6 + 2385000 / 25e9);
  assert_true(network_chain_s(&fixture->network, 2385000, (struct network_group){1, 4}) == 0);
}

static void test_no_links(void **state) {
  struct fixture *fixture = *state;
  const struct accelerator mute = {.link_gbytes_per_s = 0};
  network_init(&fixture->network, &fixture->settings, &mute);
  assert_true(seconds(fixture, OP_ALL_REDUCE, 7, 8, 1) == (double)INFINITY);
  assert_true(seconds(fixture, OP_ALL_REDUCE, 7, 4, 8) < 1); /* another level's links */
  const struct network_group group = {8, 1};
  assert_true(network_collective_floor_s(&fixture->network, OP_ALL_REDUCE, 7, group) == (double)INFINITY);
}

static void test_presets(void **state) {
  struct fixture *fixture = *state;
  for (size_t i = 0; i < n_network_presets; i++) {
    const struct network_preset *const preset = &network_presets[i];
    assert_true(strlen(preset->source) > 0);
    set(fixture, "preset", arena_printf(&fixture->arena, "\"%s\"", preset->name));
    assert_int_equal(fixture->network.n_levels, 2);
    near(fixture->network.levels[0].bytes_per_s, preset->inner_gbytes_per_s * 1e9);
    assert_true(seconds(fixture, OP_ALL_REDUCE, 2385, 2 * preset->devices, 1) > 5e-6);
    assert_true(seconds(fixture, OP_ALL_REDUCE, 2385, 2, 1) < 5e-6);
  }
  set(fixture, "preset", "\"dgx-a100\"");
  near(seconds(fixture, OP_ALL_REDUCE, 2385000000, 8, 1), 6e-6 + 2 * 7 / 8. * 2385e6 / 300e9);
  set(fixture, "preset", "\"tpuv4\"");
  /* The whole pod: three sides at once at the bytes of a ring. */
  near(seconds(fixture, OP_ALL_REDUCE, 2385000000, 4096, 1), 2 * 45e-6 + 2 * 4095 / 4096. * 2385e6 / 270e9);
}

/* --- settings -------------------------------------------------------------------------------------------------------
 */

struct complaints {
  unsigned n;
  char key[32], text[200];
};

static void hear(void *context, const char *key, const char *text) {
  struct complaints *heard = context;
  heard->n++;
  snprintf(heard->key, sizeof heard->key, "%s", key);
  snprintf(heard->text, sizeof heard->text, "%s", text);
}

static void test_refused(void **state) {
  struct fixture *fixture = *state;
  static const struct {
    const char *set, *value, *key, *text;
  } rows[] = {
      {"sizes", "[]", "sizes", "0 levels, allowed are 1 to 6"},
      {"sizes", "[2, 2, 2, 2, 2, 2, 0]", "sizes", "7 levels"},
      {"sizes", "[8, 1, 0]", "sizes", "all but the last must be 2 or more"},
      {"sizes", "[8, 0, 0]", "sizes", "all but the last must be 2 or more"},
      {"sizes", "[8, 4, 2]", "sizes", "the last must be 0"},
      {"gbytes_per_s", "[300.0, 25.0]", "gbytes_per_s", "2 values for 3 levels"},
      {"latency_us", "[1.0, 2.0, 3.0, 4.0]", "latency_us", "4 values for 3 levels"},
      {"oversubscription", "[1.0, 2.0]", "oversubscription", "2 values for 3 levels"},
      {"topology", "[]", "topology", "0 values for 3 levels"},
      {"topology", "[\"ring\"]", "topology", "a ring of as many units as there are, give level 2 a size"},
      {"sizes", "[6, 4, 0]", "topology", "no hypercube has 6 units, allowed are powers of two"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct complaints heard = {0};
    config_defaults(&network_fields, &fixture->arena, &fixture->settings);
    assert_true(network_settings_check(&fixture->settings, &fixture->arena, hear, &heard));
    if (strstr(rows[i].text, "hypercube")) {
      config_set_field(config_find_field(&network_fields, "topology"), &fixture->settings,
                       "[\"hypercube\", \"fat_tree\", \"switch\"]", "test", &fixture->arena, &fixture->error);
    }
    assert_true(config_set_field(config_find_field(&network_fields, rows[i].set), &fixture->settings, rows[i].value,
                                 "test", &fixture->arena, &fixture->error));
    assert_false(network_settings_check(&fixture->settings, &fixture->arena, hear, &heard));
    assert_true(heard.n >= 1);
    assert_string_equal(heard.key, rows[i].key);
    assert_non_null(strstr(heard.text, rows[i].text));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_chiplets, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_spans, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_one_level, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_sharing, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_messages, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_no_links, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_presets, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
