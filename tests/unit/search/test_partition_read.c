/* Is a partition problem, and an answer to it, read as it is meant, is every mistake said at its place, and does what
 * is written read back equal? */
#include "search/partition/partition_read.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char good_json[] = "{\"format\": \"dse.partition/1\",\n"                                        /* 1 */
                                " \"name\": \"x\",\n"                                                        /* 2 */
                                " \"nodes\": \"n.csv\", \"edges\": \"e.csv\",\n"                             /* 3 */
                                " \"chips\": 7,\n"                                                           /* 4 */
                                " \"link_bytes_per_s\": 2385, \"memory_bytes\": 77,\n"                       /* 5 */
                                " \"memory_rule\": \"live\", \"cost\": \"p2p\",\n"                           /* 6 */
                                " \"triangle\": \"general\", \"clone\": true,\n"                             /* 7 */
                                " \"drop_edges\": [[0, 2],\n"                                                /* 8 */
                                "  [1, 2]]}\n";                                                              /* 9 */
static const char good_nodes[] = "node,orig_id,compute_ms,weight_bytes,out_bytes,colocate_group,cloneable\n" /* 1 */
                                 "0,\"a,b\",1.5,7,0.125,4,0\n"                                               /* 2 */
                                 "1,,0,0,3,,1\n"                                                             /* 3 */
                                 "2,c,2e-3,1e3,1.625,4,0\n";                                                 /* 4 */
static const char good_edges[] = "src,dst\n0,2\n1,2\n0,1\n";

static bool parse(const char *json, const char *nodes, const char *edges, struct partition_problem *problem,
                  struct error *error) {
  const struct partition_text texts[] = {{json, strlen(json)}, {nodes, strlen(nodes)}, {edges, strlen(edges)}};
  memset(error, 0, sizeof *error);
  return partition_parse("p.json", &texts[0], &texts[1], &texts[2], &arena, problem, error);
}

static void expect_good(const struct partition_problem *p) {
  assert_string_equal(p->name, "x");
  assert_int_equal(p->n_chips, 7);
  assert_int_equal(p->link_bytes_per_s, 2385);
  assert_int_equal(p->memory_bytes, 77);
  assert_int_equal(p->memory_rule, PARTITION_LIVE);
  assert_int_equal(p->cost, PARTITION_P2P);
  assert_int_equal(p->triangle, PARTITION_GENERAL);
  assert_true(p->clone);
  assert_int_equal(p->n_nodes, 3);
  assert_int_equal(p->n_edges, 3);
  assert_int_equal(p->n_drops, 2);
  assert_memory_equal(p->drops, ((struct partition_edge[]){{0, 2}, {1, 2}}), 2 * sizeof *p->drops);
  assert_memory_equal(p->edges, ((struct partition_edge[]){{0, 2}, {1, 2}, {0, 1}}), 3 * sizeof *p->edges);
  assert_memory_equal(p->compute_ms, ((double[]){1.5, 0, 2e-3}), 3 * sizeof(double));
  assert_memory_equal(p->weight_bytes, ((uint64_t[]){7, 0, 1000}), 3 * sizeof(uint64_t));
  assert_memory_equal(p->out_bits, ((uint64_t[]){1, 24, 13}), 3 * sizeof(uint64_t));
  assert_memory_equal(p->colocate, ((uint32_t[]){4, PARTITION_NONE, 4}), 3 * sizeof(uint32_t));
  assert_true(!p->cloneable[0] && p->cloneable[1] && !p->cloneable[2]);
  assert_string_equal(p->node_names[0], "a,b");
  assert_string_equal(p->node_names[1], "1");
}

static void test_good(void **state) {
  (void)state;
  struct partition_problem p;
  struct error error;
  if (!parse(good_json, good_nodes, good_edges, &p, &error)) fail_msg("%s", error.text);
  expect_good(&p);
}

static void test_defaults(void **state) {
  (void)state;
  struct partition_problem p;
  struct error error;
  const char *json = "{\"format\":\"dse.partition/1\",\"nodes\":\"n\",\"edges\":\"e\",\"chips\":2,"
                     "\"link_bytes_per_s\":1e3}";
  if (!parse(json, "node,compute_ms,weight_bytes,out_bytes\n0,1,2,3\n", "src,dst\n", &p, &error))
    fail_msg("%s", error.text);
  assert_string_equal(p.name, "partition");
  assert_int_equal(p.link_bytes_per_s, 1000);
  assert_true(p.memory_bytes == 0 && p.memory_rule == PARTITION_WEIGHTS && p.cost == PARTITION_RING &&
              p.triangle == PARTITION_ANY && !p.clone && p.n_drops == 0 && p.n_edges == 0);
  assert_int_equal(p.colocate[0], PARTITION_NONE);
}

/* `from` replaced once by `to`. */
static const char *with(const char *text, const char *from, const char *to) {
  const char *const at = strstr(text, from);
  assert_non_null(at);
  return arena_printf(&arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void test_mistakes(void **state) {
  (void)state;
  static const struct {
    int of; /* 0: JSON, 1: nodes, 2: edges */
    const char *from, *to, *wanted;
  } rows[] = {
      {0, "\"dse.partition/1\"", "\"dse.partition/2\"",
       "p.json:1: format: \"dse.partition/2\", \"dse.partition/1\" was"},
      {0, "\"name\": \"x\"", "\"name\": 3", "p.json:2: name: 3, a text of one line"},
      {0, "\"nodes\": \"n.csv\",", "", "p.json:1: nodes: is missing"},
      {0, "\"chips\": 7", "\"chips\": 0", "p.json:4: chips: 0, a whole number from 1 to 1024"},
      {0, "\"chips\": 7", "\"chips\": 1025", "p.json:4: chips: 1025, a whole number from 1 to 1024"},
      {0, "\"chips\": 7", "\"chips\": 2.5", "p.json:4: chips: 2.5, a whole number"},
      {0, "\"chips\": 7,", "", "chips: is missing"},
      {0, "\"chips\": 7", "\"chps\": 7", "p.json:4: chps: is no key; did you mean chips?"},
      {0, "\"chips\": 7", "\"chips\": 7, \"mystery\": 1", "mystery: is no key"},
      {0, "\"chips\": 7", "\"chips\": 7, \"chips\": 8", "p.json:4: column"},
      {0, "2385", "0", "p.json:5: link_bytes_per_s: 0, a whole number of at least 1"},
      {0, "2385", "99999999999999999999", "p.json:5: column"},
      {0, "77", "-1", "p.json:5: memory_bytes: -1, a whole number of at least 0"},
      {0, "77", "1e300", "memory_bytes: 1"},
      {0, "\"live\"", "\"lives\"", "p.json:6: memory_rule: \"lives\", one of \"weights\", \"live\" was expected"},
      {0, "\"p2p\"", "\"bus\"", "p.json:6: cost: \"bus\", one of \"ring\", \"p2p\", \"ring_overlap\", \"p2p_overlap\""},
      {0, "\"general\"", "true", "p.json:7: triangle: true, one of \"none\", \"path\", \"general\""},
      {0, "\"clone\": true", "\"clone\": 1", "p.json:7: clone: 1, true or false"},
      {0, "[1, 2]", "[2, 1]", "p.json:8: drop_edges: [2, 1] is no edge"},
      {0, "[1, 2]", "[1, 2, 3]", "p.json:8: drop_edges: [1,2,3], [src, dst]"},
      {0, "[1, 2]", "[1, -2]", "p.json:8: drop_edges: [1,-2], [src, dst]"},
      {0, "]]}", "]]", "p.json:10: column"},
      {1, "1,,0,0,3", "0,,0,0,3", "n.csv:3: node: \"0\" is there twice or out of order, 1 was expected"},
      {1, "1,,0,0,3", "2,,0,0,3", "n.csv:3: node: \"2\" skips a node"},
      {1, "1,,0,0,3", "x,,0,0,3", "n.csv:3: node: \"x\" is no whole number"},
      {1, "1.5", "-1.5", "n.csv:2: compute_ms: \"-1.5\" is no finite number of at least 0"},
      {1, "1.5", "nan", "n.csv:2: compute_ms: \"nan\""},
      {1, "1.5", "inf", "n.csv:2: compute_ms: \"inf\""},
      {1, "1.5", "", "n.csv:2: compute_ms: \"\""},
      {1, "0.125", "0.1", "n.csv:2: out_bytes: \"0.1\" is no multiple of 1/8"},
      {1, "0.125", "-1", "n.csv:2: out_bytes: \"-1\""},
      {1, "0.125", "18446744073709551615", "n.csv:2: out_bytes: \"18446744073709551615\""},
      {1, "1e3", "-1", "n.csv:4: weight_bytes: \"-1\" is no whole number"},
      {1, "1e3", "0.5", "n.csv:4: weight_bytes: \"0.5\""},
      {1, "1e3", "18446744073709551616", "n.csv:4: weight_bytes: \"18446744073709551616\""},
      {1, "4,0\n1", "-1,0\n1", "n.csv:2: colocate_group: \"-1\" is no whole number"},
      {1, ",,1\n", ",,2\n", "n.csv:3: cloneable: \"2\" is neither 0 nor 1"},
      {1, "1.5,7,0.125,4,0\n1,,0", "1e308,7,0.125,4,0\n1,,1e308",
       "n.csv:3: compute_ms: \"1e308\" makes the sum of all rows up to here too large"},
      {1, "1.5,7", "1.5,18446744073709551000",
       "n.csv:4: weight_bytes: \"1e3\" makes the sum of all rows up to here 2^64 or more"},
      {1, "0,0,3", "0,0,576460752303423488", "n.csv:3: out_bytes: \"576460752303423488\" makes the sum of all rows"},
      {1, "compute_ms", "compute_s", "n.csv:1: compute_ms: this column is missing"},
      {1, "cloneable", "clonable", "n.csv:1: clonable: is no column; did you mean cloneable?"},
      {2, "0,1\n", "0,3\n", "e.csv:4: dst: \"3\" is no node, 0 to 2 are allowed"},
      {2, "0,1\n", "-1,1\n", "e.csv:4: src: \"-1\" is no whole number"},
      {2, "0,1\n", "1,1\n", "e.csv:4: dst: \"1\" is the node itself"},
      {2, "src,dst\n", "dst,dst\n", "e.csv:1:"},
      {2, "0,1\n", "0,1\n2,0\n0,1\n", ""}, /* 0→2 is dropped: no cycle */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *texts[] = {good_json, good_nodes, good_edges};
    struct partition_problem p;
    struct error error;
    texts[rows[i].of] = with(texts[rows[i].of], rows[i].from, rows[i].to);
    const bool fine = parse(texts[0], texts[1], texts[2], &p, &error);
    if (fine != (rows[i].wanted[0] == '\0') || strstr(error.text, rows[i].wanted) == NULL)
      fail_msg("row %zu: \"%s\" instead of \"%s\"", i, error.text, rows[i].wanted);
  }
}

static void test_cycle(void **state) {
  (void)state;
  struct partition_problem p;
  struct error error;
  const char *json = with(good_json, "[[0, 2],\n  [1, 2]]", "[]");
  const char *nodes = with(good_nodes, ",,1\n", ",,0\n");
  assert_true(parse(json, nodes, good_edges, &p, &error));
  assert_false(parse(json, nodes, "src,dst\n0,2\n1,2\n2,1\n", &p, &error));
  if (strstr(error.text, "e.csv:4: src,dst: 2,1 closes a cycle of 2 nodes") == NULL) fail_msg("%s", error.text);
  /* Node 1 is cloneable: with `clone` its edges out do not exist. */
  assert_true(parse(json, good_nodes, "src,dst\n0,2\n1,2\n2,1\n", &p, &error));
}

static void test_sets(void **state) {
  (void)state;
  struct partition_problem p;
  struct error error = {0};
  const char *const path = "tests/data/partition/example/instance.json";
  const char *const sets[] = {"chips=5",          "cost=ring_overlap", "triangle=\"path\"", "memory_bytes=123",
                              "memory_rule=live", "name=17",           "clone=true",        "drop_edges=[[0,4]]"};
  if (!partition_read(path, sets, sizeof sets / sizeof *sets, &arena, &p, &error)) fail_msg("%s", error.text);
  assert_true(p.n_chips == 5 && p.cost == PARTITION_RING_OVERLAP && p.triangle == PARTITION_PATH && p.clone &&
              p.memory_bytes == 123 && p.memory_rule == PARTITION_LIVE && p.n_drops == 1 && p.drops[0].to == 4);
  assert_string_equal(p.name, "17");
  static const struct {
    const char *set, *wanted;
  } wrong[] = {{"chips=x", "--set: chips: \"x\", a whole number from 1 to 1024 was expected"},
               {"chip=3", "--set chip=3: is no key; did you mean chips?"},
               {"chips", "key=value was expected"},
               {"drop_edges=[[4,0]]", "--set: drop_edges: [4, 0] is no edge"},
               {"nodes=none.csv", "--set: nodes: \"none.csv\", a file that can be read was expected"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    memset(&error, 0, sizeof error);
    assert_false(partition_read(path, &wrong[i].set, 1, &arena, &p, &error));
    if (strstr(error.text, wrong[i].wanted) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.text, wrong[i].wanted);
  }
}

static void test_round_trip(void **state) {
  (void)state;
  char folder[] = "/tmp/partition-XXXXXX";
  assert_non_null(mkdtemp(folder));
  struct partition_problem p, again;
  struct error error = {0};
  assert_true(parse(good_json, good_nodes, good_edges, &p, &error));
  const char *const path = arena_printf(&arena, "%s/a.b.json", folder);
  if (!partition_write(&p, path, &arena, &error) || !partition_read(path, NULL, 0, &arena, &again, &error))
    fail_msg("%s", error.text);
  expect_good(&again);
  const uint32_t chips[] = {1, 1, 3};
  const char *const answer = arena_printf(&arena, "%s/answer.csv", folder);
  struct partition_row *rows;
  size_t n;
  if (!partition_write_answer(&p, chips, 0.1, answer, &arena, &error) ||
      !partition_read_answers(&p, answer, &arena, &rows, &n, &error))
    fail_msg("%s", error.text);
  assert_int_equal(n, 1);
  assert_true(rows[0].claim.n_said == 3 && rows[0].claim.claim_ms == 0.1 && rows[0].problem.cost == PARTITION_P2P);
  assert_memory_equal(rows[0].claim.chip, chips, sizeof chips);
  const char *const files[] = {"a.b.json", "a.b.nodes.csv", "a.b.edges.csv", "answer.csv"};
  for (size_t i = 0; i < 4; i++) assert_int_equal(unlink(arena_printf(&arena, "%s/%s", folder, files[i])), 0);
  assert_int_equal(rmdir(folder), 0);
}

static bool parse_answers(const struct partition_problem *p, const char *text, struct partition_row **rows, size_t *n,
                          struct error *error) {
  memset(error, 0, sizeof *error);
  return partition_parse_answers(p, "a.csv", arena_copy_text(&arena, text), strlen(text), &arena, rows, n, error);
}

static void test_answers(void **state) {
  (void)state;
  struct partition_problem p;
  struct partition_row *rows;
  struct error error;
  size_t n;
  assert_true(parse(good_json, good_nodes, good_edges, &p, &error));
  if (!parse_answers(&p,
                     "why,instance,chips,cost,triangle,memory_bytes,claim_ms,assignment\n"
                     ",y,9,ring,none,0,1,1 1 1\n"
                     ",x,9,ring_overlap,none,0,1.5, 1\t2  99999999999 \n"
                     ",,,,,,,-3\n",
                     &rows, &n, &error))
    fail_msg("%s", error.text);
  assert_int_equal(n, 2);
  assert_true(rows[0].line == 3 && rows[0].problem.n_chips == 9 && rows[0].problem.cost == PARTITION_RING_OVERLAP &&
              rows[0].problem.triangle == PARTITION_ANY && rows[0].problem.memory_bytes == 0);
  assert_true(rows[0].claim.claim_ms == 1.5 && rows[0].claim.n_said == 3);
  assert_memory_equal(rows[0].claim.chip, ((uint32_t[]){1, 2, UINT32_MAX}), 3 * sizeof(uint32_t));
  assert_true(rows[1].problem.n_chips == 7 && rows[1].problem.triangle == PARTITION_GENERAL);
  assert_true(isnan(rows[1].claim.claim_ms) && rows[1].claim.n_said == 1 && rows[1].claim.chip[0] == 0);
  static const struct {
    const char *text, *wanted;
  } wrong[] = {
      {"assignment\n1 b 2\n", "a.csv:2: assignment: \"1 b 2\" is no list of chips"},
      {"assignment\n1 2.5\n", "a.csv:2: assignment: \"1 2.5\" is no list"},
      {"assignment\n", "a.csv: there is no answer"},
      {"chips\n1\n", "a.csv:1: assignment: this column is missing"},
      {"instance,assignment\ny,1\n", "a.csv: no answer is to \"x\", they are to \"y\""},
      {"chips,assignment\n0,1\n", "a.csv:2: chips: \"0\" is no whole number from 1 to 1024"},
      {"cost,assignment\nbus,1\n", "a.csv:2: cost: \"bus\" is no cost"},
      {"triangle,assignment\nround,1\n", "a.csv:2: triangle: \"round\" is no rule"},
      {"memory_bytes,assignment\n-1,1\n", "a.csv:2: memory_bytes: \"-1\" is no whole number"},
      {"claim_ms,assignment\nnan,1\n", "a.csv:2: claim_ms: \"nan\" is no finite number"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_false(parse_answers(&p, wrong[i].text, &rows, &n, &error));
    if (strstr(error.text, wrong[i].wanted) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.text, wrong[i].wanted);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_good, setup, teardown),
      cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_cycle, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sets, setup, teardown),
      cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
      cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
  };
  return cmocka_run_group_tests_name("reading partition problems", tests, NULL, NULL);
}
