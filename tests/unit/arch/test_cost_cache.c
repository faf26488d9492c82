/* Does the cache of costs ever give a wrong answer, and do its counts count?
 *
 * Caches of one, two and eight entries under keys that share their parts, so that nearly every look meets a stranger in
 * its place; a model without places says what may be found. Digests: what must move them, what must not, and that what
 * they leave out moves no cost of any provider. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/cost_cache.h"
#include "arch/schedule.h"
#include "base/error.h"
#include "base/rng.h"
#include "tests/opcost_fixture.h"
#include <string.h>

/* --- the table ------------------------------------------------------------------------------------------------------
 */

/* Keys number 0 … 124: five digests of operators, five of machines, five numbers of cores. */
enum { N_KEYS = 125 };

static struct cost_key key_of(uint64_t number) {
  const uint64_t op = 2385 + number % 5, machine = 77 + number / 5 % 5;
  return (struct cost_key){digest_of(&op, sizeof op), digest_of(&machine, sizeof machine),
                           UINT64_C(1) << (number / 25)};
}

/* A cost whose every byte says whose it is. */
static struct op_cost cost_of(uint64_t number) {
  struct op_cost cost;
  memset(&cost, (int)(number + 3), sizeof cost);
  return cost;
}

static void test_collisions(void **state) {
  struct fixture *fixture = *state;
  static const size_t sizes[] = {1, 2, 8, 1024};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    struct cost_cache *cache = cost_cache_new(&fixture->arena, sizes[s]);
    struct rng rng = rng_stream(2385, RNG_TEST, 0, s);
    bool seen[N_KEYS] = {false};
    uint64_t hits = 0, misses = 0, first_looks = 0, last = UINT64_MAX;
    for (unsigned i = 0; i < 20011; i++) {
      /* Half of all looks repeat the one before. */
      const uint64_t number = last < UINT64_MAX && rng_below(&rng, 2) == 0 ? last : rng_below(&rng, N_KEYS);
      const struct cost_key key = key_of(number);
      const struct op_cost wanted = cost_of(number), *found = cost_cache_find(cache, &key);
      if (found != NULL) {
        assert_true(seen[number]);
        assert_memory_equal(found, &wanted, sizeof wanted);
        hits++;
      } else {
        assert_true(number != last); /* what was kept last is there */
        cost_cache_keep(cache, &key, &wanted);
        misses++;
      }
      if (sizes[s] == 1) assert_int_equal(found != NULL, number == last);
      first_looks += !seen[number];
      seen[number] = true;
      last = number;
    }
    const struct cost_cache_counts counts = cost_cache_counts(cache);
    assert_int_equal(counts.hits, hits);
    assert_int_equal(counts.misses, misses);
    assert_int_equal(hits + misses, 20011);
    assert_int_equal(first_looks, N_KEYS);
    if (sizes[s] <= 8) assert_true(misses > 9 * N_KEYS); /* collisions were forced */
    if (sizes[s] == 1024) assert_true(hits > 9 * misses);
  }
}

static void test_replaced(void **state) {
  struct fixture *fixture = *state;
  struct cost_cache *cache = cost_cache_new(&fixture->arena, 4);
  const struct cost_key key = key_of(7);
  const struct op_cost old = cost_of(7), new = cost_of(8);
  assert_null(cost_cache_find(cache, &key));
  cost_cache_keep(cache, &key, &old);
  assert_memory_equal(cost_cache_find(cache, &key), &old, sizeof old);
  cost_cache_keep(cache, &key, &new);
  assert_memory_equal(cost_cache_find(cache, &key), &new, sizeof new);
}

static void test_empty(void **state) {
  struct fixture *fixture = *state;
  struct cost_cache *cache = cost_cache_new(&fixture->arena, 8);
  for (uint64_t cores = 1; cores < 1000; cores++)
    assert_null(cost_cache_find(cache, &(struct cost_key){{0, 0}, {0, 0}, cores}));
  assert_int_equal(cost_cache_counts(cache).misses, 999);
  assert_int_equal(cost_cache_counts(cache).hits, 0);
}

static void test_off(void **state) {
  struct fixture *fixture = *state;
  struct cost_cache *cache = cost_cache_new(&fixture->arena, 0);
  const struct cost_key key = key_of(7);
  const struct op_cost cost = cost_of(7);
  for (unsigned i = 0; i < 3; i++) {
    assert_null(cost_cache_find(cache, &key));
    cost_cache_keep(cache, &key, &cost);
  }
  assert_int_equal(cost_cache_counts(cache).misses, 3);
  assert_int_equal(cost_cache_counts(cache).hits, 0);
}

/* Keys as a search makes them fill most places: 1,000 of them into 1,024 leave 1,024 · (1 − e^(−1000/1024)) = 638. */
static void test_spread(void **state) {
  struct fixture *fixture = *state;
  const struct machine machine = opcost_machine(&fixture->opcost, 0);
  const struct digest rules =
      cost_rules_digest(cost_providers[0], &fixture->opcost.settings, &fixture->opcost.technology);
  struct cost_cache *cache = cost_cache_new(&fixture->arena, 1024);
  unsigned kept = 0;
  for (unsigned pass = 0; pass < 2; pass++) {
    for (uint64_t i = 0; i < 1000; i++) {
      struct machine another = machine;
      another.rows += i / 10 % 10;
      another.glb_bytes_per_cycle += (double)(i / 100);
      const struct cost_key key = {cost_op_digest(&fixture->opcost.ops[7].op, NULL),
                                   cost_machine_digest(rules, &another, false), UINT64_C(1) << i % 10};
      const struct op_cost cost = cost_of(i % 250), *found = cost_cache_find(cache, &key);
      if (pass == 0)
        cost_cache_keep(cache, &key, &cost);
      else
        kept += found != NULL && memcmp(found, &cost, sizeof cost) == 0;
    }
  }
  assert_true(kept > 588 && kept < 688);
}

/* --- digests --------------------------------------------------------------------------------------------------------
 */

static bool same_op(const struct op *a, const struct op_follower *a_followers, const struct op *b,
                    const struct op_follower *b_followers) {
  return digest_equal(cost_op_digest(a, a_followers), cost_op_digest(b, b_followers));
}

#define MOVES(statement)                                                                                               \
  do {                                                                                                                 \
    struct op other = op;                                                                                              \
    struct op_follower chain[2] = {followers[0], followers[1]};                                                        \
    statement;                                                                                                         \
    assert_false(same_op(&op, followers, &other, chain));                                                              \
  } while (0)
#define STAYS(statement)                                                                                               \
  do {                                                                                                                 \
    struct op other = op;                                                                                              \
    statement;                                                                                                         \
    assert_true(same_op(&op, followers, &other, followers));                                                           \
  } while (0)

static void test_op_digest(void **state) {
  struct fixture *fixture = *state;
  struct op op = fixture->opcost.ops[7].op;
  op.n_followers = 2;
  struct op_follower followers[2];
  memset(followers, 0x55, sizeof followers); /* what lies between members must not count */
  followers[0].kind = OP_ADD, followers[0].phase = PHASE_FORWARD, followers[0].elements = 2385, followers[0].row = 77;
  followers[1].kind = OP_RELU, followers[1].phase = PHASE_FORWARD, followers[1].elements = 2385, followers[1].row = 0;
  MOVES(other.kind ^= 1);
  MOVES(other.phase ^= 1);
  MOVES(other.element_bytes ^= 1);
  MOVES(other.weighted = !other.weighted);
  for (unsigned i = 0; i < OP_DIMS; i++) MOVES(other.dim[i] ^= 1);
  MOVES(other.n_parameters ^= 1); /* of a tied table none: its gradient is cheaper under compat */
  MOVES(other.in_bytes ^= 1);
  MOVES(other.weight_bytes ^= 1);
  MOVES(other.out_bytes ^= 1);
  MOVES(other.n_followers = 1);
  MOVES(chain[1].kind ^= 1);
  MOVES(chain[1].phase ^= 1);
  MOVES(chain[1].elements ^= 1);
  MOVES(chain[0].row ^= 1);
  MOVES((chain[0] = followers[1], chain[1] = followers[0]));
  STAYS(other.layer ^= 1);
  STAYS(other.mirror ^= 1);
  STAYS(other.name ^= 1);
  STAYS(other.shape ^= 1);
  STAYS(other.weight_group ^= 1);
  STAYS(other.first_follower ^= 1);
  STAYS(other.kept_bytes ^= 1);
  struct op_follower clean[2];
  memset(clean, 0, sizeof clean);
  for (unsigned i = 0; i < 2; i++) {
    clean[i].kind = followers[i].kind, clean[i].phase = followers[i].phase;
    clean[i].elements = followers[i].elements, clean[i].row = followers[i].row;
  }
  assert_true(same_op(&op, followers, &op, clean));
}

/* Every answer of every table. */
static void test_rules_digest(void **state) {
  struct fixture *fixture = *state;
  struct cost_settings *settings = &fixture->opcost.settings;
  struct technology *technology = &fixture->opcost.technology;
  const struct digest rules = cost_rules_digest(cost_providers[0], settings, technology);
  assert_true(digest_equal(rules, cost_rules_digest(cost_providers[0], settings, technology)));
  for (size_t i = 1; i < n_cost_providers; i++)
    assert_false(digest_equal(rules, cost_rules_digest(cost_providers[i], settings, technology)));
  const struct field_table *tables[] = {&cost_fields, &technology_fields};
  void *structs[] = {settings, technology};
  unsigned n = 0;
  for (unsigned t = 0; t < 2; t++) {
    for (size_t i = 0; i < tables[t]->n_fields; i++) {
      const struct field *field = &tables[t]->fields[i];
      if (field->role != ROLE_ANSWER) continue;
      if (field->type != FIELD_BOOL && field->type != FIELD_UINT && field->type != FIELD_REAL) continue;
      void *at = (char *)structs[t] + field->offset;
      if (field->type == FIELD_BOOL) {
        *(bool *)at = !*(bool *)at;
      } else if (field->type == FIELD_UINT) {
        *(uint64_t *)at ^= 1;
      } else {
        *(double *)at += 1;
      }
      assert_false(digest_equal(rules, cost_rules_digest(cost_providers[0], settings, technology)));
      if (field->type == FIELD_BOOL) {
        *(bool *)at = !*(bool *)at;
      } else if (field->type == FIELD_UINT) {
        *(uint64_t *)at ^= 1;
      } else {
        config_set_field(field, structs[t], field->default_text, "test", &fixture->arena, &fixture->error);
      }
      assert_true(digest_equal(rules, cost_rules_digest(cost_providers[0], settings, technology)));
      n++;
    }
  }
  assert_true(n > 23);
  settings->array_overlap = OVERLAP_IDEAL;
  assert_false(digest_equal(rules, cost_rules_digest(cost_providers[0], settings, technology)));
}

/* Each key of the network, and that there is one. */
static void test_network_digest(void **state) {
  struct fixture *fixture = *state;
  struct cost_settings *settings = &fixture->opcost.settings;
  static const struct {
    const char *key, *value;
  } others[] = {{"preset", "\"tpuv4\""},   {"sizes", "[8, 5, 0]"},         {"gbytes_per_s", "[0.0, 100.0, 26.0]"},
                {"latency_us", "[3.0]"},   {"topology", "[\"fat_tree\"]"}, {"oversubscription", "[2.0]"},
                {"algorithm", "\"ring\""}, {"efficiency_inner", "0.9"},    {"efficiency_outer", "0.9"},
                {"link_sharing", "false"}, {"d2d_latency_us", "0.1"},      {"d2d_topology", "\"ring\""}};
  const struct digest without = cost_rules_digest(cost_providers[0], settings, &fixture->opcost.technology);
  struct network_settings network;
  config_defaults(&network_fields, &fixture->arena, &network);
  settings->network = &network;
  const struct digest with = cost_rules_digest(cost_providers[0], settings, &fixture->opcost.technology);
  assert_false(digest_equal(without, with));
  assert_int_equal(sizeof others / sizeof *others, network_fields.n_fields);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    config_defaults(&network_fields, &fixture->arena, &network);
    assert_true(digest_equal(with, cost_rules_digest(cost_providers[0], settings, &fixture->opcost.technology)));
    const struct field *const field = config_find_field(&network_fields, others[i].key);
    assert_true(config_set_field(field, &network, others[i].value, "test", &fixture->arena, &fixture->error));
    assert_false(digest_equal(with, cost_rules_digest(cost_providers[0], settings, &fixture->opcost.technology)));
  }
  settings->network = NULL;
}

static void test_machine_digest(void **state) {
  struct fixture *fixture = *state;
  struct machine machine = opcost_machine(&fixture->opcost, 2);
  machine.lanes = 2385;
  const struct digest rules =
      cost_rules_digest(cost_providers[0], &fixture->opcost.settings, &fixture->opcost.technology);
  static const size_t unseen[] = {offsetof(struct machine, settings), offsetof(struct machine, technology),
                                  offsetof(struct machine, n_tensor), offsetof(struct machine, n_vector),
                                  offsetof(struct machine, tilings)};
  static const size_t of_arrays[] = {offsetof(struct machine, rows), offsetof(struct machine, cols),
                                     offsetof(struct machine, tensor_l2_bytes),
                                     offsetof(struct machine, glb_share_bytes)};
  unsigned full = 0, lanes_only = 0;
  for (size_t at = 0; at < sizeof machine; at++) { /* each byte of it */
    struct machine other;
    memcpy(&other, &machine, sizeof other); /* with what may lie between members */
    ((unsigned char *)&other)[at] ^= 1;
    bool seen = true, by_lanes = true;
    for (unsigned i = 0; i < 5; i++) seen = seen && at / 8 * 8 != unseen[i];
    for (unsigned i = 0; i < 4; i++) by_lanes = by_lanes && at / 8 * 8 != of_arrays[i];
    const struct digest all = cost_machine_digest(rules, &machine, false);
    const struct digest lanes = cost_machine_digest(rules, &machine, true);
    assert_int_equal(digest_equal(all, cost_machine_digest(rules, &other, false)), !seen);
    assert_int_equal(digest_equal(lanes, cost_machine_digest(rules, &other, true)), !(seen && by_lanes));
    full += seen, lanes_only += seen && by_lanes;
  }
  assert_int_equal(full, sizeof machine - 40);
  assert_int_equal(lanes_only, sizeof machine - 72);
  const struct digest other_rules =
      cost_rules_digest(cost_providers[1], &fixture->opcost.settings, &fixture->opcost.technology);
  assert_false(
      digest_equal(cost_machine_digest(rules, &machine, true), cost_machine_digest(other_rules, &machine, true)));
}

/* --- what a digest leaves out costs nothing -------------------------------------------------------------------------
 */

static void assert_same_cost(const struct cost_provider *provider, const struct machine *a, const struct machine *b,
                             const struct op *op, uint64_t n_cores) {
  struct op_cost first, second;
  memset(&first, 0, sizeof first);
  memset(&second, 0, sizeof second);
  provider->op_cost(a, op, NULL, n_cores, &first);
  provider->op_cost(b, op, NULL, n_cores, &second);
  assert_int_equal(first.cycles, second.cycles);
  assert_int_equal(first.bound_cycles, second.bound_cycles);
  assert_int_equal(first.hbm_bytes, second.hbm_bytes);
  assert_int_equal(first.glb_bytes, second.glb_bytes);
  assert_int_equal(first.lane_cycles, second.lane_cycles);
  assert_int_equal(first.mapping.glb.m, second.mapping.glb.m);
  assert_int_equal(first.mapping.dataflow, second.mapping.dataflow);
}

static struct op vector_op(enum op_kind kind) {
  struct op op = op_new(kind, 2);
  op.dim[DIM_ELEMENTS] = 2385 * 77;
  op.dim[DIM_ROW] = 77;
  op.dim[DIM_WINDOW] = 9;
  op.dim[DIM_X_ELEMENTS] = op.dim[DIM_Y_ELEMENTS] = 2385 * 77;
  op.dim[DIM_X_RANK] = op.dim[DIM_Y_RANK] = 2;
  op.dim[DIM_OPERANDS] = 2;
  op.in_bytes = op.out_bytes = 2 * 2385 * 77;
  return op;
}

static void test_unseen(void **state) {
  struct fixture *fixture = *state;
  unsigned n_lanes_only = 0;
  for (size_t p = 0; p < n_cost_providers; p++) {
    for (size_t h = 0; h < fixture->opcost.hardware.n_rows; h++) {
      struct machine machine = opcost_machine(&fixture->opcost, h);
      machine.lanes = 239;
      machine.n_vector = 3;
      machine.vector_l2_bytes = 8 << 10;
      machine.n_tensor = 8;
      struct machine counts = machine, arrays = machine;
      counts.n_tensor = 61, counts.n_vector = 17;
      arrays.n_tensor = 61, arrays.rows = 37, arrays.cols = 5, arrays.tensor_l2_bytes = 999;
      arrays.glb_share_bytes = 7 << 10;
      for (size_t i = 0; i < fixture->opcost.n_ops; i++)
        assert_same_cost(cost_providers[p], &machine, &counts, &fixture->opcost.ops[i].op, 2);
      for (unsigned kind = 0; kind < N_OP_KINDS; kind++) {
        if (op_kinds[kind].class != CLASS_VECTOR || op_kinds[kind].family != FAMILY_VECTOR) continue;
        const struct op op = vector_op((enum op_kind)kind);
        assert_same_cost(cost_providers[p], &machine, &counts, &op, 2);
        if (cost_providers[p]->op_classes(&machine, &op, NULL) != 1u << CORE_VECTOR) continue;
        assert_same_cost(cost_providers[p], &machine, &arrays, &op, 2);
        n_lanes_only++;
      }
    }
  }
  assert_true(n_lanes_only > 23);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_collisions, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_replaced, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_empty, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_off, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_spread, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_op_digest, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_rules_digest, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_network_digest, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_machine_digest, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_unseen, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
