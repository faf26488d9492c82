/* Is an instance read as it is meant, whatever the order of its rows, and is every mistake said at its place? */
#include "search/tenancy/tenancy_read.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct tenancy_problem problem;
static struct tenancy_answers answers;
static struct error error;

static struct tenancy_text text_of(const char *path, const char *text) {
  return (struct tenancy_text){path, arena_copy_text(&arena, text), strlen(text)};
}

/* Two jobs on two cores, unless told otherwise. */
static const char good_instance[] = "{\"name\": \"x\", \"num_jobs\": 2, \"num_accels\": 2,\n"
                                    "\"system_bw_bytes_per_cycle\": 2.5}";
static const char good_jobs[] = "job,accel,latency_cycles,bw_bytes_per_cycle\n0,0,100,6\n0,1,7,0.5\n1,1,2385,1e-3\n";

static bool parse(const char *instance, const char *jobs, const char *edges) {
  const struct tenancy_text first = text_of("i.json", instance), second = text_of("j.csv", jobs),
                            third = text_of("e.csv", edges != NULL ? edges : "");
  memset(&error, 0, sizeof error);
  return tenancy_parse(&first, &second, edges != NULL ? &third : NULL, &arena, &problem, &error);
}

static void expect(const char *instance, const char *jobs, const char *edges, const char *message) {
  assert_false(parse(instance, jobs, edges));
  assert_string_equal(error.text, message);
  assert_int_equal(error.status, STATUS_INPUT);
}

static void test_good(void **state) {
  (void)state;
  assert_true(parse(good_instance, good_jobs, NULL));
  const struct tenancy_problem *p = &problem;
  assert_string_equal(p->name, "x");
  assert_int_equal(p->n_jobs, 2);
  assert_int_equal(p->n_cores, 2);
  assert_true(p->bandwidth_bytes_per_cycle == 2.5);
  assert_int_equal(p->latency_cycles[0], 100);
  assert_int_equal(p->latency_cycles[1], 7);
  assert_false(tenancy_can_run(p, 1, 0)); /* a missing pair */
  assert_int_equal(p->latency_cycles[3], 2385);
  assert_true(p->bytes_per_cycle[3] == 1e-3 && p->bytes_per_cycle[2] == 0);
  assert_null(p->energy_nj);
  assert_null(p->macs);
  assert_null(p->arrival);
  assert_null(p->release_cycles);
  assert_null(p->deadline_cycles);
  assert_null(p->weight);
  assert_null(p->tenant);
  assert_null(p->pred_start);
  assert_null(p->core_styles);
  assert_null(p->core_pes);
  assert_int_equal(p->allocation, TENANCY_PROPORTIONAL);
}

/* Columns and rows in any order, what is unknown left alone, empty cells where they are allowed; tenants are numbered
 * by job, macs are those on the first core. */
static void test_everything(void **state) {
  (void)state;
  assert_true(parse("{\"num_accels\": 2, \"system_bw_bytes_per_cycle\": 3, \"num_jobs\": 3, \"accels\": [{\"id\": 1, "
                    "\"style\": \"shi\", \"pes\": 64}, {\"id\": 0, \"pes\": 128}], \"more\": [[]]}",
                    "\xEF\xBB\xBFtenant,weight,colour,macs,deadline_cycles,bw_bytes_per_cycle,accel,job,latency_cycles,"
                    "orig_row,release_cycles,energy_nj\r\n"
                    "b,2,red,9,77,1,1,2,5,40,3,1.5\r\n"
                    "b,2,red,8,77,1,0,2,6,40,3,2.5\r\n"
                    "a,,red,5,,2,0,0,7,,,0\r\n"
                    "a,1,red,6,,2,1,0,8,0,0,0\r\n"
                    "b,0.5,red,1,0,3,0,1,9,1,2,0\r\n",
                    "succ,pred\n2,1\n2,0\n1,0\n"));
  const struct tenancy_problem *p = &problem;
  assert_string_equal(p->name, "tenancy");
  assert_string_equal(p->core_styles[0], "");
  assert_string_equal(p->core_styles[1], "shi");
  assert_int_equal(p->core_pes[0], 128);
  assert_int_equal(p->core_pes[1], 64);
  assert_int_equal(p->n_tenants, 2);
  assert_string_equal(p->tenants[0], "a");
  assert_int_equal(p->tenant[0], 0);
  assert_int_equal(p->tenant[1], 1);
  assert_int_equal(p->tenant[2], 1);
  assert_int_equal(p->macs[2], 8);
  assert_int_equal(p->macs[0], 5);
  assert_int_equal(p->arrival[0], 0);
  assert_int_equal(p->arrival[2], 40);
  assert_int_equal(p->release_cycles[0], 0);
  assert_int_equal(p->release_cycles[2], 3);
  assert_true(p->deadline_cycles[0] == UINT64_MAX && p->deadline_cycles[1] == 0 && p->deadline_cycles[2] == 77);
  assert_true(p->weight[0] == 1 && p->weight[1] == 0.5 && p->weight[2] == 2);
  assert_true(p->energy_nj[4] == 2.5 && p->energy_nj[5] == 1.5);
  static const uint32_t pred_start[] = {0, 0, 1, 3}, preds[] = {0, 0, 1};
  assert_memory_equal(p->pred_start, pred_start, sizeof pred_start);
  assert_memory_equal(p->preds, preds, sizeof preds);
}

static void test_instance_mistakes(void **state) {
  (void)state;
  expect("", good_jobs, NULL, "i.json:1: column 1: '[' or '{' expected near end of file\n");
  expect("{\n\"num_jobs\": 2,\n}", good_jobs, NULL, "i.json:3: column 1: string or '}' expected near '}'\n");
  expect("{\"num_jobs\": 2, \"num_jobs\": 3}", good_jobs, NULL,
         "i.json:1: column 26: duplicate object key near '\"num_jobs\"'\n");
  expect("[1]", good_jobs, NULL,
         "i.json:1: column 1: no object; {\"num_jobs\": …, \"num_accels\": …, \"system_bw_bytes_per_cycle\": …} was "
         "expected\n");
  expect("{}", good_jobs, NULL,
         "i.json:1: num_jobs: is missing, a whole number from 1 to 1048576 was expected\n"
         "i.json:1: num_accels: is missing, a whole number from 1 to 256 was expected\n"
         "i.json:1: system_bw_bytes_per_cycle: is missing, a finite number above 0 was expected\n");
  expect("{\"name\": 3,\n\"more\": {\"num_jobs\": 1},\n\"num_jobs\": 0,\n\"num_accels\": 257,\n"
         "\"system_bw_bytes_per_cycle\": 0}",
         good_jobs, NULL,
         "i.json:1: name: 3, a text was expected\n"
         "i.json:3: num_jobs: 0, a whole number from 1 to 1048576 was expected\n"
         "i.json:4: num_accels: 257, a whole number from 1 to 256 was expected\n"
         "i.json:5: system_bw_bytes_per_cycle: 0, a finite number above 0 was expected\n");
  expect("{\"num_jobs\": 2.0, \"num_accels\": -1, \"system_bw_bytes_per_cycle\": \"1\"}", good_jobs, NULL,
         "i.json:1: num_jobs: 2.0, a whole number from 1 to 1048576 was expected\n"
         "i.json:1: num_accels: -1, a whole number from 1 to 256 was expected\n"
         "i.json:1: system_bw_bytes_per_cycle: \"1\", a finite number above 0 was expected\n");
  expect("{\"num_jobs\": 2, \"num_accels\": 2, \"system_bw_bytes_per_cycle\": -2.5e-3}", good_jobs, NULL,
         "i.json:1: system_bw_bytes_per_cycle: -0.0025000000000000001, a finite number above 0 was expected\n");
  expect("{\"num_jobs\": 2, \"num_accels\": 2, \"system_bw_bytes_per_cycle\": 1e999}", good_jobs, NULL,
         "i.json:1: column 67: real number overflow near '1e999'\n");
  expect("{\"num_jobs\": 1000000,\n\"num_accels\": 256, \"system_bw_bytes_per_cycle\": 1}", good_jobs, NULL,
         "i.json:1: num_jobs: 1000000 jobs on 256 cores are more than 4194304 pairs, which is the most\n");
  /* An escaped quote, and a key within another object, do not mislead the line. */
  expect("{\"a\": \"\\\"num_jobs\\\"\",\n\"num_accels\": 2,\n\"system_bw_bytes_per_cycle\": 1,\n\"num_jobs\": null}",
         good_jobs, NULL, "i.json:4: num_jobs: null, a whole number from 1 to 1048576 was expected\n");
}

static void expect_accels(const char *accels, const char *message) {
  expect(arena_printf(&arena, "{\"num_jobs\": 2, \"num_accels\": 2, \"system_bw_bytes_per_cycle\": 1,\n%s}", accels),
         good_jobs, NULL, message);
}

static void test_accel_mistakes(void **state) {
  (void)state;
  expect_accels("\"accels\": 2",
                "i.json:2: accels: no list, but num_accels is 2; a list of so many objects was expected\n");
  expect_accels("\"accels\": [{}]",
                "i.json:2: accels: a list of 1, but num_accels is 2; a list of so many objects was expected\n");
  expect_accels("\"accels\": [{\"id\": 2}, 7]", "i.json:2: accels: 2, an id from 0 to 1 was expected\n"
                                                "i.json:2: accels: 7, an object with id, style and pes was expected\n");
  expect_accels("\"accels\": [{\"id\": 1}, {\"id\": 1}]", "i.json:2: accels: id 1 is there twice\n");
  expect_accels("\"accels\": [{\"id\": 1, \"style\": 4}, {\"id\": 0, \"pes\": 0}]",
                "i.json:2: accels: 4, a text as style was expected\n"
                "i.json:2: accels: 0, a whole number of at least 1 as pes was expected\n");
}

static void expect_jobs(const char *jobs, const char *message) { expect(good_instance, jobs, NULL, message); }

#define HEADER "job,accel,latency_cycles,bw_bytes_per_cycle\n"

static void test_job_mistakes(void **state) {
  (void)state;
  expect_jobs("", "j.csv:1: column 1: the table is empty; its first line must name the columns\n");
  expect_jobs("job,latency_cycles,x\n0,1,2\n",
              "j.csv:1: accel: this column is missing; job, accel, latency_cycles and bw_bytes_per_cycle are needed\n"
              "j.csv:1: bw_bytes_per_cycle: this column is missing; job, accel, latency_cycles and bw_bytes_per_cycle "
              "are needed\n");
  expect_jobs(HEADER, "j.csv: job: job 0 (and 1 more) has no row, so it can run nowhere; instance.json says that "
                      "there are jobs 0 to 1, and each needs at least one row\n");
  expect_jobs(HEADER "0,0,1,1\n",
              "j.csv: job: job 1 has no row, so it can run nowhere; instance.json says that there are jobs 0 to 1, and "
              "each needs at least one row\n");
  expect_jobs(HEADER "0,0,1\n1,1,1,1\n", "j.csv:2: bw_bytes_per_cycle: the row has 3 fields, the header has 4\n");
  expect_jobs(HEADER "2,0,1,1\n-1,0,1,1\n0.5,0,1,1\n,0,1,1\n", "j.csv:2: job: \"2\" is no whole number from 0 to 1\n"
                                                               "j.csv:3: job: \"-1\" is no whole number from 0 to 1\n"
                                                               "j.csv:4: job: \"0.5\" is no whole number from 0 to 1\n"
                                                               "j.csv:5: job: \"\" is no whole number from 0 to 1\n");
  expect_jobs(HEADER "0,2,0,nan\n1,x,-3,-0.1\n",
              "j.csv:2: accel: \"2\" is no whole number from 0 to 1\n"
              "j.csv:2: latency_cycles: \"0\" is no whole number from 1 to below 2^55\n"
              "j.csv:2: bw_bytes_per_cycle: \"nan\" is no finite number from 0 to below 2^29\n"
              "j.csv:3: accel: \"x\" is no whole number from 0 to 1\n"
              "j.csv:3: latency_cycles: \"-3\" is no whole number from 1 to below 2^55\n"
              "j.csv:3: bw_bytes_per_cycle: \"-0.1\" is no finite number from 0 to below 2^29\n");
  expect_jobs(HEADER "0,0,36028797018963968,1e999\n1,1,99999999999999999999,536870912\n1,0,1e3,inf\n",
              "j.csv:2: latency_cycles: \"36028797018963968\" is no whole number from 1 to below 2^55\n"
              "j.csv:2: bw_bytes_per_cycle: \"1e999\" is no finite number from 0 to below 2^29\n"
              "j.csv:3: latency_cycles: \"99999999999999999999\" is no whole number from 1 to below 2^55\n"
              "j.csv:3: bw_bytes_per_cycle: \"536870912\" is no finite number from 0 to below 2^29\n"
              "j.csv:4: latency_cycles: \"1e3\" is no whole number from 1 to below 2^55\n"
              "j.csv:4: bw_bytes_per_cycle: \"inf\" is no finite number from 0 to below 2^29\n");
  expect_jobs(HEADER "0,0,1,1\n1,1,1,1\n\n0,0,1,1\n", "j.csv:5: accel: \"0\" has a row for job 0 already, in line 2\n");
  /* Large, but not each for itself. */
  expect_jobs(HEADER "0,0,36028797018963967,1\n1,1,1,1\n",
              "x: the latencies of all jobs sum to 2^55 cycles or more, which is too much\n");
  expect_jobs(HEADER "0,0,1,536870911\n1,1,1,1\n",
              "x: the largest bandwidths of all cores sum to 5.36871e+08 bytes/cycle (below 2^29 is allowed)\n");
}

static void test_extra_mistakes(void **state) {
  (void)state;
  expect_jobs("job,accel,latency_cycles,bw_bytes_per_cycle,energy_nj,macs,orig_row,release_cycles,deadline_cycles,"
              "weight\n0,0,1,1,-1,x,1,1,1,1\n0,1,1,1,1,x,-1,y,1.5,0\n1,1,1,1,1,1,1,1,1,nan\n",
              "j.csv:2: energy_nj: \"-1\" is no finite number of at least 0\n"
              "j.csv:3: macs: \"x\" is no whole number from 0 to below 2^64 - 1\n"
              "j.csv:3: orig_row: \"-1\" is no whole number from 0 to below 2^64 - 1\n"
              "j.csv:3: release_cycles: \"y\" is no whole number from 0 to below 2^64 - 1\n"
              "j.csv:3: deadline_cycles: \"1.5\" is no whole number from 0 to below 2^64 - 1\n"
              "j.csv:3: weight: \"0\" is no finite number above 0\n"
              "j.csv:4: weight: \"nan\" is no finite number above 0\n");
  expect_jobs("job,accel,latency_cycles,bw_bytes_per_cycle,orig_row,release_cycles,deadline_cycles,weight,tenant\n"
              "0,0,1,1,1,2,3,4,a\n0,1,1,1,9,8,,1,b\n1,1,1,1,1,1,1,1,a\n",
              "j.csv:3: orig_row: \"9\" is another value than in line 2, where job 0 was first\n"
              "j.csv:3: release_cycles: \"8\" is another value than in line 2, where job 0 was first\n"
              "j.csv:3: deadline_cycles: \"\" is another value than in line 2, where job 0 was first\n"
              "j.csv:3: weight: \"1\" is another value than in line 2, where job 0 was first\n"
              "j.csv:3: tenant: \"b\" is another value than in line 2, where job 0 was first\n");
}

static const char *many_rows(const char *header, size_t n, const char *(*row)(size_t i, char *)) {
  char *text = arena_alloc(&arena, strlen(header) + n * 32 + 1, 1), *at = text + sprintf(text, "%s", header);
  for (size_t i = 0; i < n; i++) {
    char room[32];
    at += sprintf(at, "%s", row(i, room));
  }
  return text;
}

static const char *tenant_row(size_t i, char *room) {
  sprintf(room, "%zu,0,1,1,t%zu\n", i, i);
  return room;
}

static void test_many_tenants(void **state) {
  (void)state;
  static const char instance[] = "{\"num_jobs\": 65537, \"num_accels\": 1, \"system_bw_bytes_per_cycle\": 1}";
  const char *jobs = many_rows("job,accel,latency_cycles,bw_bytes_per_cycle,tenant\n", 65537, tenant_row);
  expect(instance, jobs, NULL, "j.csv:65538: tenant: \"t65536\" is one tenant more than the 65536 that are allowed\n");
}

static const char *same_row(size_t i, char *room) {
  (void)i;
  return strcpy(room, "0,0,1,1\n");
}

/* Millions of wrong rows: said often enough, and nothing is kept of them. */
static void test_many_rows(void **state) {
  (void)state;
  static const char one[] = "{\"num_jobs\": 1, \"num_accels\": 1, \"system_bw_bytes_per_cycle\": 1}";
  expect(one, many_rows(HEADER, 3, same_row), NULL,
         "j.csv:3: accel: \"0\" has a row for job 0 already, in line 2\n"
         "j.csv:4: accel: \"0\" has a row for job 0 already, in line 2\n");
  const struct tenancy_text first = text_of("i.json", one);
  const size_t n = (size_t)TENANCY_MAX_ROWS + 7;
  const struct tenancy_text rows = text_of("j.csv", many_rows(HEADER, n, same_row));
  memset(&error, 0, sizeof error);
  const size_t before = arena_held_bytes(&arena);
  assert_false(tenancy_parse(&first, &rows, NULL, &arena, &problem, &error));
  assert_int_equal(error.n_messages, 1001 + 1);             /* and that there are too many */
  assert_true(arena_held_bytes(&arena) - before < 2 << 20); /* a chunk, not one a row */
}

static const char *row_of_million(size_t i, char *room) {
  sprintf(room, "%zu,%zu,%zu,1\n", i / 4, i % 4, 1 + i % 977);
  return room;
}

/* The largest table there may be is read, and one row more is refused at its line. */
static void test_largest(void **state) {
  (void)state;
  static const char instance[] = "{\"num_jobs\": 1048576, \"num_accels\": 4, \"system_bw_bytes_per_cycle\": 1}";
  const char *jobs = many_rows(HEADER, TENANCY_MAX_ROWS, row_of_million);
  assert_true(parse(instance, jobs, NULL));
  assert_int_equal(problem.latency_cycles[TENANCY_MAX_ROWS - 1], 1 + (TENANCY_MAX_ROWS - 1) % 977);
  assert_int_equal(problem.n_classes, 977);
  expect(instance, arena_printf(&arena, "%s0,0,1,1\n", jobs), NULL,
         "j.csv:4194306: job: more than 4194304 rows, which is the most here\n");
}

static void expect_edges(const char *edges, const char *message) {
  static const char instance[] = "{\"name\": \"x\", \"num_jobs\": 4, \"num_accels\": 1, "
                                 "\"system_bw_bytes_per_cycle\": 1}";
  expect(instance, HEADER "0,0,1,1\n1,0,1,1\n2,0,1,1\n3,0,1,1\n", edges, message);
}

static void test_edge_mistakes(void **state) {
  (void)state;
  expect_edges("before,after\n0,1\n", "e.csv:1: pred: this column is missing\ne.csv:1: succ: this column is missing\n");
  expect_edges("pred,succ\n0,4\nx,1\n", "e.csv:2: succ: \"4\" is no job; there are jobs 0 to 3\n"
                                        "e.csv:3: pred: \"x\" is no job; there are jobs 0 to 3\n");
  expect_edges("pred,succ\n2,2\n", "e.csv:2: succ: a job cannot wait for itself\n");
  expect_edges("pred,succ\n0,1\n0,2\n0,1\n", "e.csv:4: pred: 0 before 1 was said in line 2 already\n");
  expect_edges("pred,succ\n0,1\n3,1\n2,3\n1,2\n",
               "e.csv: job 1 before 2 before 3 before 1: jobs that wait for each other in a circle can never start\n");
  expect_edges("pred,succ\n3,0\n0,3\n1,0\n",
               "e.csv: job 0 before 3 before 0: jobs that wait for each other in a circle can never start\n");
}

/* --- folders --------------------------------------------------------------------------------------------------------
 */

static void put(const char *folder, const char *name, const char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static void test_folder(void **state) {
  (void)state;
  char folder[] = "/tmp/tenancy-XXXXXX", path[64];
  assert_non_null(mkdtemp(folder));
  memset(&error, 0, sizeof error);
  assert_false(tenancy_read(folder, &arena, &problem, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
  assert_int_equal(error.n_messages, 2); /* both files are missing */
  memset(&error, 0, sizeof error);
  put(folder, "instance.json", "{\"num_jobs\": 1, \"num_accels\": 1, \"system_bw_bytes_per_cycle\": 1}");
  put(folder, "jobs.csv", HEADER "0,0,23,1\n");
  char slashes[80];
  snprintf(slashes, sizeof slashes, "%s//", folder);
  assert_true(tenancy_read(slashes, &arena, &problem, &error));
  assert_string_equal(problem.name, folder + strlen("/tmp/")); /* the folder's, as the file has none */
  put(folder, "edges.csv", "pred,succ\n0,1\n");
  assert_false(tenancy_read(folder, &arena, &problem, &error));
  assert_string_equal(error.text, arena_printf(&arena,
                                               "%s/edges.csv:2: succ: \"1\" is no job; there are jobs 0 "
                                               "to 0\n",
                                               folder));
  /* Written over: an instance without dependencies leaves none of the old. */
  memset(&error, 0, sizeof error);
  assert_true(parse(good_instance, good_jobs, NULL));
  assert_true(tenancy_write(&problem, folder, &arena, &error));
  assert_true(tenancy_read(folder, &arena, &problem, &error));
  assert_int_equal(problem.n_jobs, 2);
  assert_null(problem.pred_start);
  assert_false(tenancy_write(&problem, "/dev/null/x", &arena, &error));
  static const char *const files[] = {"instance.json", "jobs.csv", "edges.csv"};
  for (size_t i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, files[i]);
    assert_int_equal(unlink(path), 0);
  }
  assert_int_equal(rmdir(folder), 0);
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

static bool parse_answers(const char *text) {
  const struct tenancy_text given = text_of("a", text);
  memset(&error, 0, sizeof error);
  return tenancy_parse_answers(&problem, &given, &arena, &answers, &error);
}

static void expect_answers(const char *text, const char *message) {
  assert_false(parse_answers(text));
  assert_string_equal(error.text, message);
}

static void test_answers(void **state) {
  (void)state;
  assert_true(parse(good_instance, good_jobs, NULL));
  assert_true(parse_answers("id,priority,core\n7,0.5 -1e3,1 0\n8,  3   4 ,0 1\n"));
  assert_int_equal(answers.n, 2);
  assert_int_equal(answers.answers[0].core[0], 1);
  assert_int_equal(answers.answers[0].core[1], 0);
  assert_true(answers.answers[0].priority[1] == -1000 && answers.answers[1].priority[0] == 3);
  assert_true(parse_answers(" \n{\"core\": [1, 1], \"priority\": [2, 0.25]}"));
  assert_int_equal(answers.n, 1);
  assert_int_equal(answers.answers[0].core[1], 1);
  assert_true(answers.answers[0].priority[0] == 2 && answers.answers[0].priority[1] == 0.25);
  assert_true(parse_answers("[{\"core\": [1, 1], \"priority\": [2, 0.25]}, {\"core\": [0, 1], \"priority\": [0, "
                            "0], \"more\": 1}]"));
  assert_int_equal(answers.n, 2);
  assert_int_equal(answers.answers[1].core[0], 0);
}

static void test_answer_mistakes(void **state) {
  (void)state;
  assert_true(parse(good_instance, good_jobs, NULL));
  expect_answers("", "a:1: column 1: the table is empty; its first line must name the columns\n");
  expect_answers("core,priority\n", "a: there is no answer in it\n");
  expect_answers("kern,rang\n1,1\n", "a:1: core: this column is missing\na:1: priority: this column is missing\n");
  expect_answers("core,priority\n0 1,0\n0 1 1,1 2\n,1 2\n", "a:2: priority: 1 values, but there are 2 jobs\n"
                                                            "a:3: core: 3 values, but there are 2 jobs\n"
                                                            "a:4: core: 0 values, but there are 2 jobs\n");
  expect_answers("core,priority\n0 2,nan 1\n-1 x,0 1e999\n",
                 "a:2: core: value 2 of the list: \"2\" is no core; there are cores 0 to 1\n"
                 "a:2: priority: value 1 of the list: \"nan\" is no finite number\n"
                 "a:3: core: value 1 of the list: \"-1\" is no core; there are cores 0 to 1\n"
                 "a:3: priority: value 2 of the list: \"1e999\" is no finite number\n");
  expect_answers("{\"core\": [0, 1]", "a:1: column 15: '}' expected near end of file\n");
  expect_answers("[]", "a: there is no answer in it\n");
  expect_answers("[3]", "a: answer 1: {\"core\": […], \"priority\": […]} was expected\n");
  expect_answers("{\"core\": 3}", "a: answer 1: core: a list of numbers was expected\n"
                                  "a: answer 1: priority: a list of numbers was expected\n");
  expect_answers("[{\"core\": [0, 1], \"priority\": [0, 0]}, {\"core\": [0], \"priority\": [0, \"1\"]}]",
                 "a: answer 2: core: 1 values, but there are 2 jobs\n"
                 "a: answer 2: priority: value 2 of the list is no finite number\n");
  expect_answers("{\"core\": [0.0, 2], \"priority\": [null, 0]}",
                 "a: answer 1: core: value 1 of the list is no core; there are cores 0 to 1\n"
                 "a: answer 1: priority: value 1 of the list is no finite number\n");
  assert_false(tenancy_read_answers(&problem, "/nowhere/at/all", &arena, &answers, &error));
}

static const char *job_row(size_t i, char *room) {
  sprintf(room, "%zu,0,1,1\n", i);
  return room;
}
static const char *core_word(size_t i, char *room) {
  (void)i;
  return strcpy(room, "0 ");
}
static const char *priority_word(size_t i, char *room) {
  sprintf(room, "%zu.12345678901234567 ", i);
  return room;
}

/* A line of mebibytes is a large answer, no mistake; but JSON costs too much memory for its bytes. */
static void test_large_answers(void **state) {
  (void)state;
  static const char instance[] = "{\"num_jobs\": 100000, \"num_accels\": 1, \"system_bw_bytes_per_cycle\": 1}";
  const size_t n = 100000;
  assert_true(parse(instance, many_rows(HEADER, n, job_row), NULL));
  const char *text =
      arena_printf(&arena, "core,priority\n%s,%s\n", many_rows("", n, core_word), many_rows("", n, priority_word));
  assert_true(strlen(text) > 2 << 20);
  assert_true(parse_answers(text));
  assert_true(answers.answers[0].priority[n - 1] == 99999.12345678901234567);
  char *json = arena_alloc(&arena, (1 << 26) + 2, 1);
  memset(json, ' ', (1 << 26) + 1);
  json[0] = '[';
  expect_answers(json, "a: more than 64 MiB of JSON, which is the most; a table (CSV) may be larger\n");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(test_good),
                                     TEST(test_everything),
                                     TEST(test_instance_mistakes),
                                     TEST(test_accel_mistakes),
                                     TEST(test_job_mistakes),
                                     TEST(test_extra_mistakes),
                                     TEST(test_many_tenants),
                                     TEST(test_many_rows),
                                     TEST(test_largest),
                                     TEST(test_edge_mistakes),
                                     TEST(test_folder),
                                     TEST(test_answers),
                                     TEST(test_answer_mistakes),
                                     TEST(test_large_answers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
