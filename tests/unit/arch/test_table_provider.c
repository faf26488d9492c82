/* Does the provider `table` find the rows that mean an op, and only these, and does it say what is wrong with a file?
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/schedule.h"
#include "arch/table_provider.h"
#include "base/checked.h"
#include "base/rng.h"
#include <string.h>

struct fixture {
  struct arena arena;
  struct error error;
  struct cost_settings settings;
  struct technology technology;
  struct machine machine;
};

static int set_up(void **state) {
  static struct fixture fixture;
  memset(&fixture, 0, sizeof fixture);
  *state = &fixture;
  arena_init(&fixture.arena, 1 << 18);
  config_defaults(&cost_fields, &fixture.arena, &fixture.settings);
  config_defaults(&technology_fields, &fixture.arena, &fixture.technology);
  const struct accelerator accelerator = {
      .tc_count = 8, .tc_rows = 64, .tc_cols = 64, .vc_count = 8, .vc_width = 128, .clock_mhz = 700};
  machine_init(&fixture.machine, &fixture.settings, &fixture.technology, &accelerator);
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  arena_release(&fixture->arena);
  return 0;
}

/* The table as the provider would load it; NULL if it is refused. */
static const struct price_table *parse(struct fixture *fixture, const char *text) {
  struct csv csv;
  fixture->error = (struct error){0};
  if (!csv_parse("t.csv", text, strlen(text), 1000, &fixture->arena, &csv, &fixture->error))
    fail_msg("%s", fixture->error.text);
  return fixture->settings.prices = price_table_new(&csv, &fixture->arena, &fixture->error);
}

static void load(struct fixture *fixture, const char *text) {
  if (parse(fixture, text) == NULL) fail_msg("%s", fixture->error.text);
}

static uint64_t cycles_of(const struct fixture *fixture, const struct op *op, const struct op_follower *followers,
                          uint64_t n_cores) {
  struct op_cost cost;
  table_provider.op_cost(&fixture->machine, op, followers, n_cores, &cost);
  assert_true(cost.bound_cycles <= cost.cycles);
  return cost.cycles;
}

static bool knows(struct fixture *fixture, const struct op *op, const struct op_follower *followers) {
  fixture->error = (struct error){0};
  return table_provider.knows(&fixture->settings, op, followers, &fixture->error);
}

static struct op gemm(uint64_t m, uint64_t n, uint64_t k) {
  struct op op = op_new(OP_GEMM, 2);
  op.dim[DIM_REPS] = 1;
  op.dim[DIM_M] = m;
  op.dim[DIM_N] = n;
  op.dim[DIM_K] = k;
  op.in_bytes = 2 * m * k;
  op.weight_bytes = 2 * n * k;
  op.out_bytes = 2 * m * n;
  return op;
}

static struct op rows(enum op_kind kind, uint64_t elements, uint64_t row) {
  struct op op = op_new(kind, 2);
  op.dim[DIM_ELEMENTS] = elements;
  op.dim[DIM_ROW] = row;
  op.in_bytes = op.out_bytes = 2 * elements;
  return op;
}

/* --- finding -------------------------------------------------------------------------------------------------------*/

static void test_what_tells_ops_apart(void **state) {
  struct fixture *const fixture = *state;
  load(fixture, "name,kind,phase,batch,m,n,k,element_bytes,followers,cycles,dram_bytes\n"
                "a,gemm,,,77,33,11,,,2385,\n"
                "b,gemm,backward-data,,77,33,11,,,2386,9\n"
                "c,gemm,,5,77,33,11,,,2387,\n"
                "d,gemm,,,77,33,11,4,,2388,\n"
                "e,gemm,,,77,33,11,,relu add,2389,\n"
                "f,gemm,,,33,77,11,,,2390,\n");
  struct op op = gemm(77, 33, 11);
  struct op_cost cost;
  table_provider.op_cost(&fixture->machine, &op, NULL, 1, &cost);
  assert_int_equal(cost.cycles, 2385);
  assert_int_equal(cost.hbm_bytes, 2 * (77 * 11 + 11 * 33 + 77 * 33)); /* left out: what the op declares */
  assert_int_equal(cost.macs, 77 * 33 * 11);
  op.phase = PHASE_BACKWARD_DATA;
  table_provider.op_cost(&fixture->machine, &op, NULL, 1, &cost);
  assert_int_equal(cost.cycles, 2386);
  assert_int_equal(cost.hbm_bytes, 9);
  op = gemm(77, 33, 11);
  op.dim[DIM_REPS] = 5;
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 2387);
  op = gemm(77, 33, 11);
  op.element_bytes = 4;
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 2388);
  op = gemm(77, 33, 11);
  op.n_followers = 2;
  struct op_follower followers[] = {{OP_RELU, 0, 77 * 33, 33}, {OP_ADD, 0, 77 * 33, 33}};
  assert_int_equal(cycles_of(fixture, &op, followers, 1), 2389);
  assert_true(knows(fixture, &op, followers));
  followers[0].kind = OP_ADD, followers[1].kind = OP_RELU; /* another order is another op */
  assert_true(cycles_of(fixture, &op, followers, 1) == UINT64_MAX);
  assert_false(knows(fixture, &op, followers));
  assert_string_equal(fixture->error.text, ": cost.table: no row for kind=gemm phase=forward element_bytes=2 batch=1 "
                                           "m=77 n=33 k=11 followers=\"add relu\"\n");
  op = gemm(33, 77, 11);
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 2390);
  op = gemm(11, 77, 33);
  assert_true(cycles_of(fixture, &op, NULL, 1) == UINT64_MAX);
  assert_false(knows(fixture, &op, NULL));
  op = op_new(OP_VIEW, 2); /* takes no time, needs no row */
  assert_true(knows(fixture, &op, NULL));
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 0);
}

static void test_convolutions(void **state) {
  struct fixture *const fixture = *state;
  load(fixture, "kind,batch,k,c,h,w,r,s,stride,pad,pad_w,groups,dilation,cycles\n"
                "conv,3,64,32,56,57,3,5,2,1,2,4,1,2385\n"
                "conv,,64,32,56,57,3,5,,,,,,77\n"
                "depthwise,,,32,56,57,3,5,,1,,,,33\n");
  struct op op = op_new(OP_CONV, 2);
  const uint64_t dims[OP_DIMS] = {3, 32, 56, 57, 64, 3, 5, 2, 1, 2, 4, 1};
  memcpy(op.dim, dims, sizeof dims);
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 2385);
  op.dim[DIM_PAD_WIDTH] = 1;
  assert_true(cycles_of(fixture, &op, NULL, 1) == UINT64_MAX);
  const uint64_t plain[OP_DIMS] = {1, 32, 56, 57, 64, 3, 5, 1, 0, 0, 1, 0}; /* no dilation is a dilation of 1 */
  memcpy(op.dim, plain, sizeof plain);
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 77);
  op.kind = OP_DEPTHWISE;
  op.dim[DIM_OUT_CHANNELS] = op.dim[DIM_GROUPS] = 32;
  op.dim[DIM_PAD_HEIGHT] = op.dim[DIM_PAD_WIDTH] = 1;
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 33);
}

/* An empty `n` stands for every length of row; a row that states it goes before. */
static void test_any_row(void **state) {
  struct fixture *const fixture = *state;
  load(fixture, "kind,elements,n,window,cycles\n"
                "softmax,2385,,,1\n"
                "softmax,2385,53,,2\n"
                "max_pool,2385,,9,3\n"
                "max_pool,2385,,,4\n");
  struct op op = rows(OP_SOFTMAX, 2385, 53);
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 2);
  op = rows(OP_SOFTMAX, 2385, 45);
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 1);
  op = rows(OP_SOFTMAX, 2384, 53);
  assert_true(cycles_of(fixture, &op, NULL, 1) == UINT64_MAX);
  op = rows(OP_MAX_POOL, 2385, 53);
  op.dim[DIM_WINDOW] = 9;
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 3);
  op.dim[DIM_WINDOW] = 4;
  assert_int_equal(cycles_of(fixture, &op, NULL, 1), 4);
}

static void test_cores(void **state) {
  struct fixture *const fixture = *state;
  load(fixture, "kind,m,n,k,cores,cycles\n"
                "gemm,77,33,11,4,700\n"
                "gemm,77,33,11,,2385\n"
                "gemm,7,7,7,2,9\n");
  struct op op = gemm(77, 33, 11);
  static const uint64_t expected[] = {2385, 2385, 2385, 700, 700, 700, 700, 700};
  for (uint64_t k = 1; k <= 8; k++) assert_int_equal(cycles_of(fixture, &op, NULL, k), expected[k - 1]);
  struct op_floor floor;
  table_provider.op_floor(&fixture->machine, &op, NULL, &floor);
  assert_int_equal(floor.compute_cycles, 2385);
  assert_int_equal(floor.memory_cycles, 700);
  op = gemm(7, 7, 7); /* never on one core */
  assert_true(cycles_of(fixture, &op, NULL, 1) == UINT64_MAX);
  assert_false(knows(fixture, &op, NULL));
  assert_non_null(strstr(fixture->error.text, "k=7 on one core\n"));
  op = gemm(77, 33, 11);
  fixture->machine.n_tensor = 0;
  assert_true(cycles_of(fixture, &op, NULL, 8) == UINT64_MAX);
}

/* Random prices for random numbers of cores, faster or slower: the floor is one. */
static void test_floor(void **state) {
  struct fixture *const fixture = *state;
  enum { SEED = 2385, N_CASES = 500 };
  print_message("seed %d, %d cases\n", SEED, N_CASES);
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct rng rng = rng_stream(SEED, RNG_TEST, 0, task);
    const char *text = "kind,elements,cores,cycles,dram_bytes\n";
    uint64_t cores = 1;
    for (uint64_t i = 0; i <= rng_below(&rng, 4); i++, cores += 1 + rng_below(&rng, 9))
      text = arena_printf(&fixture->arena, "%srelu,2385,%llu,%llu,%llu\n", text, (unsigned long long)cores,
                          (unsigned long long)rng_below(&rng, 1000), (unsigned long long)rng_below(&rng, 77));
    load(fixture, text);
    const struct op op = rows(OP_RELU, 2385, 0);
    struct op_floor floor;
    table_provider.op_floor(&fixture->machine, &op, NULL, &floor);
    for (uint64_t k = 1; k < 64; k++) {
      struct op_cost cost;
      table_provider.op_cost(&fixture->machine, &op, NULL, k, &cost);
      assert_true(cost.cycles != UINT64_MAX && cost.cycles >= floor.memory_cycles);
      assert_true(cost.cycles >= ceil_div(floor.compute_cycles, k) && k * cost.cycles >= floor.compute_cycles);
      assert_true(cost.hbm_bytes >= floor.hbm_bytes && cost.glb_bytes >= cost.hbm_bytes);
      assert_true(cost.lane_cycles >= floor.compute_cycles * fixture->machine.lanes);
    }
  }
}

/* --- files ---------------------------------------------------------------------------------------------------------*/

static void test_mistakes(void **state) {
  struct fixture *const fixture = *state;
  static const struct {
    const char *row, *message;
  } cases[] = {
      {"gemn,,7,7,7,,1,,,1", "t.csv:2: kind: \"gemn\", did you mean gemm?"},
      {"view,,7,7,7,,1,,,1", "t.csv:2: kind: \"view\", an operator that takes time"},
      {"gemm,backwards,7,7,7,,1,,,1", "t.csv:2: phase: \"backwards\", "},
      {"gemm,,,7,7,,1,,,1", "t.csv:2: m: \"\", a whole number from 1 to 2^48"},
      {"gemm,,7,0,7,,1,,,1", "t.csv:2: n: \"0\", a whole number from 1 to 2^48"},
      {"gemm,,7,7,7x,,1,,,1", "t.csv:2: k: \"7x\", a whole number from 1 to 2^48"},
      {"gemm,,7,7,99999999999999999999,,1,,,1", "t.csv:2: k: \"99999999999999999999\", a whole number"},
      {"gemm,,7,7,7,300,1,,,1", "t.csv:2: element_bytes: \"300\", a whole number from 1 to 8"},
      {"gemm,,7,7,7,,,,,1", "t.csv:2: cycles: \"\", a whole number"},
      {"gemm,,7,7,7,,-1,,,1", "t.csv:2: cycles: \"-1\", a whole number"},
      {"gemm,,7,7,7,,1.5,,,1", "t.csv:2: cycles: \"1.5\", a whole number"},
      {"gemm,,7,7,7,,1,x,,1", "t.csv:2: dram_bytes: \"x\", a whole number"},
      {"gemm,,7,7,7,,1,,relu addd,1", "t.csv:2: followers: \"relu addd\", up to 64 names of operators"},
      {"gemm,,7,7,7,,1,,,0", "t.csv:2: cores: \"0\", a whole number from 1"},
      {"gemm,,7,7,7,,1,,,\ngemm,forward,7,7,7,2,3,,,1", "t.csv:3: prices the same operator as line 2"},
      {"conv,,7,7,7,,1,,,1", "t.csv:2: c: \"\", a whole number"},
      {"relu,,7,7,7,,1,,,1", "t.csv:2: elements: \"\", a whole number"},
      {"all_reduce,,7,7,7,,1,,,1", "t.csv:2: bytes: \"\", a whole number"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *const text = arena_printf(
        &fixture->arena, "kind,phase,m,n,k,element_bytes,cycles,dram_bytes,followers,cores\n%s\n", cases[i].row);
    if (parse(fixture, text) != NULL) fail_msg("%s was taken", cases[i].row);
    if (strstr(fixture->error.text, cases[i].message) == NULL)
      fail_msg("%s: \"%s\"", cases[i].row, fixture->error.text);
    assert_int_equal(fixture->error.status, STATUS_INPUT);
  }
  assert_null(parse(fixture, "kind,m,n,k\ngemm,7,7,7\n"));
  assert_string_equal(fixture->error.text, "t.csv:1: there is no column cycles\n");
  assert_null(parse(fixture, "m,n,k\n7,7,7\n"));
  assert_int_equal(fixture->error.n_messages, 2);
  /* All mistakes of a file at once. */
  assert_null(parse(fixture, "kind,elements,cycles\nrelu,x,1\nrelu,7,y\ngelu,9,1\nrelu,,\n"));
  assert_int_equal(fixture->error.n_messages, 4);
}

static void test_load(void **state) {
  struct fixture *const fixture = *state;
  for (size_t i = 0; i < n_cost_providers; i++)
    if (cost_providers[i] == &table_provider) fixture->settings.provider = i;
  assert_true(fixture->settings.provider > 0);
  assert_false(cost_load(&fixture->settings, NULL, &fixture->arena, &fixture->error));
  assert_string_equal(fixture->error.text,
                      "cost.table: is empty, but the provider \"table\" has its prices from there\n");
  fixture->error = (struct error){0};
  fixture->settings.table = "tests/data/no-such-file.csv";
  assert_false(cost_load(&fixture->settings, NULL, &fixture->arena, &fixture->error));
  assert_int_equal(fixture->error.status, STATUS_ENVIRONMENT);
  fixture->error = (struct error){0};
  fixture->settings.provider = 0; /* others read nothing */
  assert_true(cost_load(&fixture->settings, NULL, &fixture->arena, &fixture->error));
}

/* What counts is what the rows say, in any order; another price, number of cores or shape is another table. */
static void test_digest(void **state) {
  struct fixture *const fixture = *state;
  static const char *const texts[] = {"kind,elements,cores,cycles\nrelu,7,1,5\ngelu,9,1,6\n",
                                      "cycles,kind,elements,name\n6,gelu,9,x\n5,relu,7,y\n",
                                      "kind,elements,cores,cycles\nrelu,7,1,5\ngelu,9,1,7\n",
                                      "kind,elements,cores,cycles\nrelu,7,1,5\ngelu,9,2,6\n",
                                      "kind,elements,cores,cycles\nrelu,7,1,5\ngelu,8,1,6\n",
                                      "kind,elements,cores,cycles,dram_bytes\nrelu,7,1,5,8\ngelu,9,1,6,\n"};
  struct digest digests[6];
  for (size_t i = 0; i < 6; i++) {
    load(fixture, texts[i]);
    digests[i] = price_table_digest(fixture->settings.prices);
  }
  assert_true(digest_equal(digests[0], digests[1]));
  for (size_t i = 1; i < 6; i++)
    for (size_t j = i + 1; j < 6; j++) assert_false(digest_equal(digests[i], digests[j]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_what_tells_ops_apart, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_convolutions, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_any_row, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_cores, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_floor, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_mistakes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_load, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_digest, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
