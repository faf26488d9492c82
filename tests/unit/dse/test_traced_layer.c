/* How long is one layer of a trace? Small ones, by hand, on a design of two vector cores of 128 lanes: 12,800 elements
 * of a relu take 100 cycles on one core and 50 on two, forward and backward. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dse/calibrate/traced_layer.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fixture {
  struct arena arena, scratch;
  struct error error;
  struct cost_settings cost;
  struct technology technology;
  struct accelerator part;
  struct machine machine;
  struct traced_model model;
} f;

static int set_up(void **state) {
  (void)state;
  memset(&f, 0, sizeof f);
  arena_init(&f.arena, 1 << 16);
  arena_init(&f.scratch, 1 << 16);
  config_defaults(&cost_fields, &f.arena, &f.cost);
  config_defaults(&technology_fields, &f.arena, &f.technology);
  assert_true(accelerator_from_catalogue(".", "tpuv4_like", &f.arena, &f.part, &f.error));
  assert_true(accelerator_derive(&f.part, &f.error));
  machine_init(&f.machine, &f.cost, &f.technology, &f.part);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  arena_release(&f.arena);
  arena_release(&f.scratch);
  return 0;
}

static void load(const char *text, bool once) {
  char path[] = "/tmp/dse_layer_XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  const bool read = traced_model_load(path, once, &f.arena, &f.scratch, &f.model, &f.error);
  unlink(path);
  if (!read) fail_msg("%s", f.error.text);
}

static struct traced_time time_of(uint32_t layer, enum traced_pass pass, const struct estimates *published) {
  const struct traced_prices prices = {&f.machine, &f.part, published};
  struct traced_time time;
  assert_true(traced_layer_time(&f.model, &prices, layer, pass, &f.scratch, &time, &f.error));
  return time;
}

#define RELU(id, layer, name)                                                                                          \
  "{\"id\":" #id ",\"layer\":" #layer ",\"op\":\"relu\",\"name\":\"" name "\",\"inp\":[[128,100]],\"out\":[[128,100]]" \
  "}"
#define VIEW(id, layer) "{\"id\":" #id ",\"layer\":" #layer ",\"op\":\"view\",\"out\":[[12800]]}"

/* One behind a view, then two at once; another layer does not matter. */
static const char branches[] = "{\"nodes\":[" RELU(1, 0, "") "," VIEW(2, 0) "," RELU(3, 0, "") "," RELU(
    4, 0, "") "," RELU(5, 1, "") "],\"edges\":[[1,2],[2,3],[2,4],[3,5]]}";

static void test_branches(void **state) {
  (void)state;
  load(branches, false);
  for (int pass = 0; pass < N_TRACED_PASSES; pass++) {
    const struct traced_time time = time_of(0, (enum traced_pass)pass, NULL),
                             alone = time_of(1, (enum traced_pass)pass, NULL);
    assert_int_equal(time.path_cycles, 100); /* 50 + 50 */
    assert_int_equal(time.list_cycles, 150); /* three times two cores for 50, or as much otherwise */
    assert_int_equal(alone.path_cycles, 50);
    assert_int_equal(alone.list_cycles, 50);
  }
  const struct traced_time none = time_of(OP_ABSENT, TRACED_FORWARD, NULL);
  assert_int_equal(none.list_cycles, 0);
}

/* Published cycles count where there are any; an operator that a table has on one core alone stays on one.
 * Operators 3 and 4 have one shape and two prices. */
static void test_published(void **state) {
  (void)state;
  load(branches, false);
  const struct estimate rows[] = {{.graph = f.model.name, .id = 1, .cores = 1, .cycles = {700, 11}},
                                  {.graph = f.model.name, .id = 3, .cores = 1, .cycles = {60, 60}},
                                  {.graph = f.model.name, .id = 3, .cores = 2, .cycles = {31, 32}},
                                  {.graph = "another", .id = 4, .cores = 1, .cycles = {9999, 9999}}};
  const struct estimates table = {"table", sizeof rows / sizeof *rows, rows};
  assert_int_equal(time_of(0, TRACED_FORWARD, &table).path_cycles, 700 + 50);
  assert_int_equal(time_of(0, TRACED_BACKWARD, &table).path_cycles, 11 + 50);
}

/* Tensor groups: a reduction forward, its copy backward, of 2·7/8·51,200 B over 4 GiB/s at 1,050 MHz: 21,905 cycles. */
static void test_links(void **state) {
  (void)state;
  load("{\"tmp_width\":8,\"nodes\":["
       "{\"id\":1,\"layer\":0,\"op\":\"copy_to_tensor_model_parallel_region\",\"out\":[[256,100]]}," RELU(
           2, 0, "") ","
                     "{\"id\":3,\"layer\":0,\"op\":\"reduce_from_tensor_model_parallel_region\",\"out\":[[256,100]]}],"
                     "\"edges\":[[1,2],[2,3]]}",
       false);
  assert_int_equal(time_of(0, TRACED_FORWARD, NULL).list_cycles, 21905 + 50);
  assert_int_equal(time_of(0, TRACED_BACKWARD, NULL).list_cycles, 21905 + 50);
}

/* What the network has once is a layer behind the last. */
static void test_once(void **state) {
  (void)state;
  static const char text[] =
      "{\"nodes\":[" RELU(1, 0, "") "," RELU(2, 0, "x.lm_head") "," RELU(3, 0, "") "],\"edges\":[[1,2],[2,3]]}";
  load(text, true);
  assert_int_equal(f.model.facts.n_once, 2);
  assert_int_equal(time_of(0, TRACED_FORWARD, NULL).list_cycles, 50);
  assert_int_equal(time_of(1, TRACED_FORWARD, NULL).list_cycles, 100);
  load(text, false);
  assert_int_equal(time_of(0, TRACED_FORWARD, NULL).list_cycles, 150);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_branches, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_published, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_once, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
