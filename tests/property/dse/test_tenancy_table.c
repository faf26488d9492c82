/* What must hold of every table of jobs?
 *
 * For every task, platform and provider, forward and in training, with seeds drawn from a printed one: no job is faster
 * than its multiply-accumulates on the core's units at the table's clock; bytes are finite and, priced physically, at
 * least what weights and results are; equal cores have equal columns, and no core is better than the same one made
 * flexible; every row is a job of the task; the same draw gives the same table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checked.h"
#include "base/rng.h"
#include "tests/tenancy_table_fixture.h"

enum { SEED = 2385 };
static struct error error;

struct asked {
  const char *platform, *task, *provider;
  bool training;
  uint64_t seed, batch;
};

static void open_or_fail(struct table_case *opened, const struct asked *asked) {
  const char *const text =
      arena_printf(&arena,
                   "tenancy = { platform = \"%s\"; task = \"%s\"; provider = \"%s\"; training = %s; seed = %llu; "
                   "batch = %llu; group_size = 61; bandwidth_bytes_per_cycle = 7.0; };",
                   asked->platform, asked->task, asked->provider, asked->training ? "true" : "false",
                   (unsigned long long)asked->seed, (unsigned long long)asked->batch);
  if (!open_case(opened, text, &error)) fail_msg("%s: %s", text, error.text);
}

static void check_cell(const struct table_case *opened, const struct tenancy_instance *instance, size_t job,
                       size_t core) {
  const struct tenancy_problem *const problem = &instance->problem;
  const struct tenancy_core_kind *const kind = &opened->table.cores.kinds[opened->table.cores.kind_of[core]];
  const struct op *const op = tenancy_table_op(&opened->table, instance->layer[job]);
  const size_t at = tenancy_at(problem, job, core);
  const uint64_t latency = problem->latency_cycles[at];
  const double bytes = problem->bytes_per_cycle[at] * (double)latency;
  assert_true(latency > 0);
  if (kind->array.style != MAESTRO_EYE) /* which counts several columns at once */
    assert_true(sat_mul(latency, problem->core_pes[core]) >= problem->macs[job]);
  assert_true(bytes > 0 && bytes < 1e15);
  if (opened->settings.provider != TENANCY_PHYSICAL) return;
  assert_true(bytes * 1.000001 >= (double)(op->weight_bytes + op->out_bytes));
  assert_true(problem->energy_nj[at] > 0 && problem->energy_nj[at] < 1e15);
}

static void check_instance(const struct table_case *opened, const struct tenancy_instance *instance) {
  const struct tenancy_problem *const problem = &instance->problem;
  bool arrived[61] = {false};
  assert_int_equal(problem->n_jobs, 61);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    assert_true(problem->arrival[j] < 61 && !arrived[problem->arrival[j]]);
    arrived[problem->arrival[j]] = true;
    assert_true(instance->layer[j] < opened->table.pool.n_layers);
    assert_string_equal(problem->tenants[problem->tenant[j]],
                        opened->table.pool.models[opened->table.pool.layers[instance->layer[j]].model].name);
    for (size_t c = 0; c < problem->n_cores; c++) check_cell(opened, instance, j, c);
  }
  for (size_t a = 0; a < problem->n_cores; a++)
    for (size_t b = a + 1; b < problem->n_cores; b++)
      if (opened->table.cores.kind_of[a] == opened->table.cores.kind_of[b])
        assert_int_equal(problem->group_of[a], problem->group_of[b]);
}

static void test_tables(void **state) {
  (void)state;
  struct rng rng = rng_stream(SEED, RNG_TEST, 0, 2);
  static const char *const providers[] = {"physical", "compat"};
  size_t n_tables = 0;
  print_message("seed %d\n", SEED);
  for (size_t p = 0; p < n_platform_entries; p++) {
    for (size_t t = 0; t < n_tenancy_tasks; t++) {
      for (size_t i = 0; i < 4; i++) {
        const struct asked asked = {platform_entries[p].name, tenancy_tasks[t].name, providers[i % 2], i >= 2,
                                    rng_below(&rng, 1000),    1 + rng_below(&rng, 3)};
        if (strcmp(asked.platform, "three_styles") == 0 && i % 2 == 0) continue; /* no array of style eye */
        if ((p + t + i) % 3 != 0) continue;                                      /* a third of them, in all pairs */
        const struct arena_mark mark = arena_get_mark(&arena);
        struct table_case opened;
        struct tenancy_instance instance, again;
        open_or_fail(&opened, &asked);
        if (!tenancy_table_build(&opened.table, 0, &arena, &instance, &error) ||
            !tenancy_table_build(&opened.table, 0, &arena, &again, &error))
          fail_msg("%s", error.text);
        check_instance(&opened, &instance);
        assert_memory_equal(instance.layer, again.layer, 61 * sizeof *again.layer);
        n_tables++;
        arena_rewind(&arena, mark);
      }
    }
  }
  print_message("%zu tables\n", n_tables);
  assert_true(n_tables > 70);
}

/* The same draw on S4 and S4f: compat tries the fixed clusters too, physical the fixed dataflow too. */
static void test_flexible(void **state) {
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct asked asked = {"S4", "mix", i == 0 ? "physical" : "compat", true, 77, 1};
    struct table_case fixed, flexible;
    size_t n_faster = 0;
    open_or_fail(&fixed, &asked);
    asked.platform = "S4f";
    open_or_fail(&flexible, &asked);
    assert_int_equal(fixed.table.pool.n_layers, flexible.table.pool.n_layers);
    for (uint32_t layer = 0; layer < fixed.table.pool.n_layers; layer++) {
      for (size_t core = 0; core < 8; core += 7) {
        const uint64_t before = tenancy_table_price(&fixed.table, layer, core)->latency_cycles;
        const uint64_t after = tenancy_table_price(&flexible.table, layer, core)->latency_cycles;
        assert_true(after <= before);
        n_faster += after < before;
      }
    }
    print_message("%s: %zu of %zu faster\n", asked.provider, n_faster, 2 * fixed.table.pool.n_layers);
    assert_true(n_faster > fixed.table.pool.n_layers / 10);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
      cmocka_unit_test_setup_teardown(test_flexible, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
