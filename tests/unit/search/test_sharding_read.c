/* Is a sharding problem, and an answer to it, read as it is meant, is every mistake said at its place, and does what is
 * written read back equal? */
#include "base/file.h"
#include "search/sharding/sharding_read.h"
#include "tests/sharding_random.h"
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

/* Line by line, so that messages can be counted out. */
static const char good[] =
    "{\"format\": \"dse.sharding/1\", \"name\": \"x\", \"element_bytes\": 3,\n"                            /* 1 */
    " \"overlap\": true, \"host_io\": false,\n"                                                            /* 2 */
    " \"max_es_dims\": 3, \"es_dims\": [\"Cout\", \"B\"], \"ss_dims\": [\"Cin\"],\n"                       /* 3 */
    " \"intra_bytes_per_s\": 7e9, \"inter_bytes_per_s\": 5e8, \"level_bytes_per_s\": [1e6, 2e6, 3e6],\n"   /* 4 */
    " \"boards\": [\n"                                                                                     /* 5 */
    "  {\"name\": \"A\", \"group\": \"p0/r0\", \"dram_bytes\": 2385},\n"                                   /* 6 */
    "  {\"name\": \"B\", \"group\": \"p0/r1\", \"design\": \"T\"},\n"                                      /* 7 */
    "  {\"name\": \"C\", \"group\": 7}],\n"                                                                /* 8 */
    " \"designs\": [\n"                                                                                    /* 9 */
    "  {\"name\": \"D\", \"model\": \"tiled\", \"clock_hz\": 1e8, \"tm\": 5, \"ports\": 9},\n"             /* 10 */
    "  {\"name\": \"S\", \"model\": \"systolic\", \"cols\": 11, \"vector\": 4},\n"                         /* 11 */
    "  {\"name\": \"T\", \"model\": \"table\", \"table\": {\"columns\": [\"layer\", \"p\", \"cycles\"],\n" /* 12 */
    "   \"rows\": [[\"u\", 2, 17.5], [\"u\", 1, 30], [\"v\", 1, 0]]}}],\n"                                 /* 13 */
    " \"links\": {\"columns\": [\"from\", \"to\", \"bytes_per_s\"], \"rows\": [\n"                         /* 14 */
    "   [\"A\", \"B\", 125.5]]},\n"                                                                        /* 15 */
    " \"layers\": {\"columns\": [\"layer\", \"kind\", \"cout\", \"cin\", \"h\", \"w\", \"kh\", \"kw\",\n"  /* 16 */
    "  \"stride\", \"pad\", \"batch\"], \"rows\": [\n"                                                     /* 17 */
    "   [\"u\", \"\", 64, 3, 55, 56, 11, 7, 4, 2, 6],\n"                                                   /* 18 */
    "   [\"v\", \"pool\", 64, null, 27, 28, 3, 3, 2, 0, 6],\n"                                             /* 19 */
    "   [\"w\", \"fc\", 10, 48384, null, null, null, null, null, null, 6]]},\n"                            /* 20 */
    " \"edges\": {\"columns\": [\"from\", \"to\"], \"rows\": [\n"                                          /* 21 */
    "   [\"u\", \"v\"],\n"                                                                                 /* 22 */
    "   [\"v\", \"w\"]]}}\n";                                                                              /* 23 */

static bool parse(const char *text, struct sharding_problem *problem, struct error *error) {
  memset(error, 0, sizeof *error);
  return sharding_parse("p.json", text, strlen(text), &arena, problem, error);
}

static void test_good(void **state) {
  (void)state;
  struct sharding_problem p;
  struct error error;
  if (!parse(good, &p, &error)) fail_msg("%s", error.text);
  assert_string_equal(p.name, "x");
  assert_true(p.element_bytes == 3 && p.overlap && p.adaptive && !p.host_io && p.double_buffer && !p.training);
  assert_int_equal(p.max_es_dims, 3);
  assert_int_equal(p.es_dims, 1U << SHARDING_COUT | 1U << SHARDING_B);
  assert_int_equal(p.ss_dims, 1U << SHARDING_CIN);
  assert_true(p.intra_bytes_per_s == 7e9 && p.inter_bytes_per_s == 5e8 && p.host_bytes_per_s == 0.25e9);
  assert_int_equal(p.n_boards, 3);
  assert_int_equal(p.n_groups, 3);
  assert_int_equal(p.boards[0].dram_bytes, 2385);
  assert_int_equal(p.boards[2].dram_bytes, 1000000000);
  assert_int_equal(p.boards[1].design, 2);
  assert_true(sharding_link(&p, 0, 1) == 125.5 && sharding_link(&p, 1, 0) == 2e6 && sharding_link(&p, 0, 2) == 1e6);
  assert_int_equal(p.n_designs, 3);
  assert_true(p.designs[0].tm == 5 && p.designs[0].tn == 8 && p.designs[0].ports == 9);
  assert_true(p.designs[0].clock_hz == 1e8 && p.designs[1].clock_hz == 200e6);
  assert_true(p.designs[1].rows == 16 && p.designs[1].columns == 11 && p.designs[1].vector == 4);
  const struct sharding_design *t = &p.designs[2];
  assert_true(t->n_ps == 2 && t->p[0] == 1 && t->p[1] == 2);
  assert_true(t->cycles[0] == 30 && t->cycles[1] == 17.5 && t->cycles[2] == 0 && isnan(t->cycles[3]));
  assert_int_equal(p.n_layers, 3);
  const uint64_t u[SHARDING_N_DIMS] = {64, 3, 55, 56, 11, 7, 6}, w[SHARDING_N_DIMS] = {10, 48384, 1, 1, 1, 1, 6};
  assert_memory_equal(p.layers[0].size, u, sizeof u);
  assert_memory_equal(p.layers[2].size, w, sizeof w);
  assert_int_equal(p.layers[1].size[SHARDING_CIN], 64);
  assert_true(p.layers[0].stride == 4 && p.layers[0].pad == 2 && p.layers[2].stride == 1);
  assert_string_equal(sharding_kinds[p.layers[0].kind].name, "conv");
  assert_string_equal(sharding_kinds[p.layers[1].kind].name, "pool");
  assert_true(p.n_edges == 2 && p.edges[1].from == 1 && p.edges[1].to == 2 && p.chain);
}

/* `good` with a piece exchanged. */
static const char *with(const char *old, const char *new) {
  const char *at = strstr(good, old);
  assert_non_null(at);
  return arena_printf(&arena, "%.*s%s%s", (int)(at - good), good, new, at + strlen(old));
}

static void test_mistakes(void **state) {
  (void)state;
  static const struct {
    const char *old, *new, *message;
  } cases[] = {
      {"dse.sharding/1", "dse.sharding/2", "p.json:1: format: \"dse.sharding/2\", \"dse.sharding/1\" was expected"},
      {"\"element_bytes\": 3", "\"element_bytes\": 0", "p.json:1: element_bytes: 0, a whole number from 1"},
      {"\"element_bytes\": 3", "\"element_bytes\": 65", "65 element_bytes: 1 to 64 are allowed"},
      {"\"overlap\": true", "\"overlap\": 1", "p.json:2: overlap: 1, true or false was expected"},
      {"\"overlap\"", "\"overlapp\"", "p.json:2: overlapp: is no key; did you mean overlap?"},
      {"\"max_es_dims\": 3", "\"max_es_dims\": 5", "5 max_es_dims: 1 to 4 are allowed"},
      {"[\"Cout\", \"B\"]", "[\"Cout\", \"b\"]", "p.json:3: es_dims: [\"Cout\",\"b\"], a list of Cout, Cin"},
      {"[\"Cout\", \"B\"]", "[]", "es_dims: at least one dimension must be splittable"},
      {"7e9", "-7e9", "p.json:4: intra_bytes_per_s: -7000000000.0, a finite number above 0"},
      {"[1e6, 2e6, 3e6]", "[1e6, 0]", "p.json:4: level_bytes_per_s: [1000000.0,0], a list of at most 16"},
      {"\"name\": \"B\"", "\"name\": \"A\"", "p.json:7: name: \"A\", a name of one board only"},
      {"\"name\": \"B\"", "\"name\": \"A B\"", "p.json:7: name: \"A B\", a name without blanks"},
      {"\"dram_bytes\": 2385", "\"dram_bytes\": 1.5", "p.json:6: dram_bytes: 1.5, a whole number from 0"},
      {"\"design\": \"T\"", "\"design\": \"V\"", "p.json:7: design: \"V\", the name of a design"},
      {"\"host_io\": false", "\"adaptive\": false", "board \"A\": carries no design, and the system is not adaptive"},
      {"\"tiled\"", "\"tilde\"", "p.json:10: model: \"tilde\", one of \"tiled\""},
      {"\"tm\": 5", "\"tm\": 0", "p.json:10: tm: 0, a whole number from 1"},
      {"\"tm\": 5", "\"tm\": 50000000", "design \"D\": a parameter of its model is missing or out of 1 to 2^24"},
      {"1e8", "0", "p.json:10: clock_hz: 0, a finite number above 0"},
      {"\"name\": \"S\"", "\"name\": \"D\"", "p.json:11: name: \"D\", a name of one design only"},
      {"\"table\": {", "\"tabel\": {", "p.json:12: tabel: is no key; did you mean table?"},
      {"[\"v\", 1, 0]", "[\"v\", 1, -1]", "cycles: \"-1\" is no finite number of at least 0"},
      {"[\"v\", 1, 0]", "[\"u\", 2, 5]", "p: \"2\" is there twice"},
      {"[\"v\", 1, 0]", "[\"z\", 2, 5]", "layer: \"z\" is no layer"},
      {"[\"v\", 1, 0]", "[\"v\", 2000, 5]", "p: \"2000\" is more than 1024 boards"},
      {"[\"A\", \"B\", 125.5]", "[\"A\", \"A\", 125.5]", "p.json:15: to: \"A\" needs no link to itself"},
      {"[\"A\", \"B\", 125.5]", "[\"A\", \"B\", 0]", "p.json:15: bytes_per_s: \"0\" is no finite number above 0"},
      {"[\"A\", \"B\", 125.5]", "[\"A\", \"E\", 1]", "p.json:15: to: \"E\" is no board"},
      {"\"pool\"", "\"poll\"", "p.json:19: kind: \"poll\" is no kind; there are conv, depthwise"},
      {"[\"u\", \"\", 64, 3,", "[\"u\", \"\", 64, null,", "p.json:18: layer: \"u\" needs a number of input channels"},
      {"[\"u\", \"\", 64,", "[\"u\", \"\", 0,", "p.json:18: cout: \"0\" is no whole number from 1"},
      {"[\"u\", \"\", 64,", "[\"v\", \"\", 64,", "p.json:19: layer: \"v\" is there twice"},
      {"64, null, 27", "64, 65, 27", "layer \"v\": cin 65 is not cout 64: a pool has as many of each"},
      {"[\"u\", \"v\"],", "[\"v\", \"v\"],", "p.json:22: to: \"v\" cannot wait for itself"},
      {"[\"u\", \"v\"],", "[\"w\", \"v\"],", "waits for itself in a circle"},
      {"[\"u\", \"v\"],", "[\"v\", \"w\"],", "edge \"v\" to \"w\": is there twice"},
      {"\"cin\", \"h\"", "\"cin\", \"cin\"", "p.json:16: layers: \"cin\", the name of one column only"},
      {"\"layer\", \"kind\", \"cout\"", "\"layer\", \"kind\", \"out\"", "p.json: cout: this column is missing"},
      {"48384, null, null, null", "48384, 16777217, null, null", "H 16777217: 1 to 2^24 are allowed"},
      {"10, 48384,", "16000000, 16000000,", "layer \"w\": a tensor has more than 2^46 elements"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sharding_problem p;
    struct error error;
    if (parse(with(cases[i].old, cases[i].new), &p, &error)) fail_msg("\"%s\" was accepted", cases[i].message);
    if (strstr(error.text, cases[i].message) == NULL) fail_msg("\"%s\" is not in: %s", cases[i].message, error.text);
  }
}

/* --- files ----------------------------------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/dse-sharding-XXXXXX";

static const char *in_folder(const char *name) { return arena_printf(&arena, "%s/%s", folder, name); }

static void check_equal(const struct sharding_problem *a, const struct sharding_problem *b) {
  assert_string_equal(a->name, b->name);
  assert_int_equal(a->element_bytes, b->element_bytes);
  assert_true(a->overlap == b->overlap && a->adaptive == b->adaptive && a->host_io == b->host_io);
  assert_true(a->double_buffer == b->double_buffer && a->reduce_scatter == b->reduce_scatter);
  assert_true(a->training == b->training && a->optimizer_bytes_per_weight == b->optimizer_bytes_per_weight);
  assert_true(a->max_es_dims == b->max_es_dims && a->es_dims == b->es_dims && a->ss_dims == b->ss_dims);
  assert_true(a->n_boards == b->n_boards && a->n_designs == b->n_designs && a->n_layers == b->n_layers);
  assert_true(a->n_edges == b->n_edges && a->n_groups == b->n_groups && a->chain == b->chain);
  for (uint32_t i = 0; i < a->n_boards; i++) {
    assert_string_equal(a->boards[i].name, b->boards[i].name);
    assert_true(a->boards[i].dram_bytes == b->boards[i].dram_bytes && a->boards[i].design == b->boards[i].design);
    for (uint32_t k = 0; k < a->n_boards; k++) {
      if (i != k) assert_true(sharding_link(a, i, k) == sharding_link(b, i, k));
    }
  }
  for (uint32_t l = 0; l < a->n_layers; l++) {
    assert_string_equal(a->layers[l].name, b->layers[l].name);
    assert_true(a->layers[l].kind == b->layers[l].kind && a->layers[l].stride == b->layers[l].stride);
    assert_memory_equal(a->layers[l].size, b->layers[l].size, sizeof a->layers[l].size);
    for (size_t d = 0; d < a->n_designs; d++) {
      for (uint32_t p = 1; p <= a->n_boards; p++) {
        const double one = sharding_cycles(a, &a->designs[d], l, a->layers[l].size, p);
        assert_true(one == sharding_cycles(b, &b->designs[d], l, b->layers[l].size, p));
      }
    }
  }
  for (size_t e = 0; e < a->n_edges; e++) {
    assert_true(a->edges[e].from == b->edges[e].from && a->edges[e].to == b->edges[e].to);
  }
}

/* Random problems and answers are written and read back equal, in a folder and by a prefix. */
static void test_round_trip(void **state) {
  (void)state;
  enum { ROUNDS = 60, MOST_LAYERS = 7, MOST_BOARDS = 6 };
  const uint64_t seed = 2385;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, round, 0);
    const struct sharding_shape_of_problem shape = sharding_random_shape(&rng, MOST_LAYERS, MOST_BOARDS);
    struct sharding_problem problem, again;
    struct error error = {0};
    sharding_random_problem(&rng, &shape, &arena, &problem);
    assert_true(sharding_write(&problem, in_folder("p.json"), &arena, &error));
    if (!sharding_read(in_folder("p.json"), NULL, 0, &arena, &again, &error)) fail_msg("%s", error.text);
    check_equal(&problem, &again);
    struct sharding_answer answer;
    struct sharding_claim claim;
    sharding_random_answer(&rng, &problem, &arena, &answer);
    struct sharding_schedule schedule = sharding_schedule_new(&problem, &arena);
    sharding_evaluate(&problem, &answer, &scratch, &schedule);
    const char *path = round % 2 == 0 ? in_folder("sub/") : in_folder("answer");
    if (!sharding_write_answer(&problem, &answer, &schedule, path, &arena, &error)) fail_msg("%s", error.text);
    if (round % 4 == 1) path = in_folder("answer-sets.csv");
    if (!sharding_read_answer(&again, path, &arena, &claim, &error)) fail_msg("%s", error.text);
    assert_int_equal(sharding_compare(&problem, &answer, &claim.answer), 0);
    assert_memory_equal(claim.start_s, schedule.start_s, problem.n_layers * sizeof *claim.start_s);
    assert_memory_equal(claim.end_s, schedule.end_s, problem.n_layers * sizeof *claim.end_s);
    arena_rewind(&arena, mark);
  }
}

/* Keys from outside; what is no key, and what its key does not allow. */
static void test_sets(void **state) {
  (void)state;
  struct sharding_problem p;
  struct error error = {0};
  static const char *const sets[] = {"overlap=false", "inter_bytes_per_s=0.5", "name=y", "training=true"};
  assert_true(file_publish(in_folder("good.json"), good, strlen(good), &error));
  if (!sharding_read(in_folder("good.json"), sets, 4, &arena, &p, &error)) fail_msg("%s", error.text);
  assert_true(!p.overlap && p.training && p.inter_bytes_per_s == 0.5 && strcmp(p.name, "y") == 0);
  static const char *const wrong[] = {"overlop=true", "overlap"};
  assert_false(sharding_read(in_folder("good.json"), wrong, 2, &arena, &p, &error));
  assert_non_null(strstr(error.text, "--set: overlop: is no key of the problem; did you mean overlap?"));
  assert_int_equal(error.n_messages, 2);
}

/* Tables beside the JSON. */
static void test_tables_beside(void **state) {
  (void)state;
  struct sharding_problem p;
  struct error error = {0};
  static const char json[] =
      "{\"format\": \"dse.sharding/1\", \"boards\": [{\"name\": \"A\"}, {\"name\": \"B\"}], \"links\": \"links.csv\",\n"
      "\"designs\": [{\"name\": \"T\", \"model\": \"table\", \"table\": \"cycles.csv\"}],\n"
      "\"layers\": \"layers.csv\", \"edges\": \"edges.csv\"}";
  const char *const files[][2] = {{"t.json", json},
                                  {"links.csv", "from,to,bytes_per_s\nB,A,25\n"},
                                  {"cycles.csv", "layer,p,cycles\nv,2,9\n"},
                                  {"layers.csv", "layer,cout,cin\nu,4,3\nv,8,4\n"},
                                  {"edges.csv", "from,to\nu,v\n"}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    assert_true(file_publish(in_folder(files[i][0]), files[i][1], strlen(files[i][1]), &error));
  }
  if (!sharding_read(in_folder("t.json"), NULL, 0, &arena, &p, &error)) fail_msg("%s", error.text);
  assert_true(sharding_link(&p, 1, 0) == 25 && sharding_link(&p, 0, 1) == 1e9);
  assert_true(p.designs[0].cycles[1] == 9 && isnan(p.designs[0].cycles[0]) && p.n_edges == 1);
  assert_true(file_publish(in_folder("edges.csv"), "from,to\nu,w\n", 12, &error));
  assert_false(sharding_read(in_folder("t.json"), NULL, 0, &arena, &p, &error));
  assert_non_null(strstr(error.text, "edges.csv:2: to: \"w\" is no layer"));
}

/* Answers to `good`. */
static void test_answers(void **state) {
  (void)state;
  static const char sets[] = "set,design,boards,first_layer,last_layer\n7,S,C,w,w\nx,D,B A,u,v\n";
  static const char rows[] = "layer,set,es,ss\nu,x,Cout:2,Cin\nv,x,Cout:2,-\nw,7,,\n";
  static const struct {
    const char *of, *old, *new, *message;
  } cases[] = {
      {sets, "7,S", "7,V", "sets.csv:2: design: \"V\" is no design"},
      {sets, "C,w", "E,w", "sets.csv:2: boards: \"E\" names no board"},
      {sets, "C,w", ",w", "sets.csv:2: boards: \"\" has no board"},
      {sets, "u,v\n", "u,z\n", "sets.csv:3: last_layer: \"z\" is no layer"},
      {sets, "x,D", "7,D", "sets.csv:3: set: \"7\" is there twice"},
      {sets, "design", "designs", "sets.csv:1: design: this column is missing"},
      {rows, "u,x", "u,y", "strategies.csv:2: set: \"y\" is no set"},
      {rows, "u,x", "u,7", "strategies.csv:2: set: \"7\" does not run this layer"},
      {rows, "u,x", "v,x", "strategies.csv:3: layer: \"v\" is there twice"},
      {rows, "u,x", "t,x", "strategies.csv:2: layer: \"t\" is no layer"},
      {rows, "w,7,,\n", "", "strategies.csv: layer: \"w\" is missing"},
      {rows, "Cout:2,Cin", "Cout,Cin", "strategies.csv:2: es: \"Cout\" is no exclusive shard"},
      {rows, "Cout:2,Cin", "Cout:2+Cout:2,Cin", "es: \"Cout:2+Cout:2\" is no exclusive shard"},
      {rows, "Cout:2,Cin", "Cout:0,Cin", "es: \"Cout:0\" is no exclusive shard"},
      {rows, "Cout:2,Cin", "Cout:2+,Cin", "es: \"Cout:2+\" is no exclusive shard"},
      {rows, "Cout:2,Cin", "Cout:2,C", "strategies.csv:2: ss: \"C\" is no loop"},
  };
  struct sharding_problem p;
  struct sharding_claim claim;
  struct error error;
  assert_true(parse(good, &p, &error));
  if (!sharding_parse_answer(&p, sets, rows, &arena, &claim, &error)) fail_msg("%s", error.text);
  const struct sharding_answer *a = &claim.answer;
  assert_true(a->n_sets == 2 && a->sets[0].first == 0 && a->sets[0].last == 1 && a->sets[1].first == 2);
  assert_true(a->sets[0].n_boards == 2 && a->sets[0].boards[0] == 0 && a->sets[0].design == 0 &&
              a->sets[1].design == 1);
  assert_true(a->strategies[0].factor[SHARDING_COUT] == 2 && a->strategies[0].shared == SHARDING_CIN);
  assert_true(a->strategies[2].shared == SHARDING_N_DIMS && claim.start_s == NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *at = strstr(cases[i].of, cases[i].old);
    assert_non_null(at);
    const char *changed =
        arena_printf(&arena, "%.*s%s%s", (int)(at - cases[i].of), cases[i].of, cases[i].new, at + strlen(cases[i].old));
    memset(&error, 0, sizeof error);
    const bool fine = sharding_parse_answer(&p, cases[i].of == sets ? changed : sets,
                                            cases[i].of == rows ? changed : rows, &arena, &claim, &error);
    if (fine) fail_msg("\"%s\" was accepted", cases[i].message);
    if (strstr(error.text, cases[i].message) == NULL) fail_msg("\"%s\" is not in: %s", cases[i].message, error.text);
  }
}

static int make_folder(void **state) {
  (void)state;
  return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state) {
  (void)state;
  static const char *const names[] = {"p.json",       "good.json",         "t.json",
                                      "links.csv",    "cycles.csv",        "layers.csv",
                                      "edges.csv",    "answer-sets.csv",   "answer-strategies.csv",
                                      "sub/sets.csv", "sub/strategies.csv"};
  char path[128];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  snprintf(path, sizeof path, "%s/sub", folder);
  rmdir(path);
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_good, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sets, setup, teardown),
      cmocka_unit_test_setup_teardown(test_tables_beside, setup, teardown),
      cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
