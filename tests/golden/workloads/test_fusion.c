/* Does the importer with compat fusion give the published operators?
 *
 * Golden values: tests/data/wham/nest_tpuv4_estimates.csv, column fused_ops, shipped by scai-tech/Nest (see the README
 * there): for every operator that costs time, by id, the names of its followers. All 216 operators of the four graphs
 * must agree, none may be missing, none may be too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/csv.h"
#include "workloads/json_graph.h"
#include "workloads/training.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FOLLOWERS = 8, MAX_ROWS = 1000, N_PUBLISHED = 216 };

struct published {
  char graph[64];
  long id;
  char followers[256]; /* names, each with a space behind it */
};

/* Names of the table for kinds that followed a head in it. */
static const char *public_name(unsigned kind) {
  switch (kind) {
  case OP_ADD:
    return "Add";
  case OP_MUL:
    return "Mul";
  case OP_DIV:
    return "Div";
  case OP_MEAN:
    return "Mean";
  case OP_RSQRT:
    return "Sqrt";
  case OP_SILU:
    return "Silu";
  default:
    return NULL;
  }
}

/* "Mean ~~ [] ~~ [[1]] ~~ Add ~~ …" → "Mean Add " */
static void list_followers(const char *cell, char *out, size_t out_bytes) {
  out[0] = '\0';
  size_t part = 0;
  for (const char *at = cell; *at != '\0'; part++) {
    const char *const end = strstr(at, " ~~ ");
    const size_t n = end != NULL ? (size_t)(end - at) : strlen(at);
    if (part % 3 == 0) snprintf(out + strlen(out), out_bytes - strlen(out), "%.*s ", (int)n, at);
    at += n + (end != NULL ? 4 : 0);
  }
}

static size_t read_published(struct arena *arena, struct published *rows) {
  struct csv csv;
  struct error error = {0};
  assert_true(csv_read("tests/data/wham/nest_tpuv4_estimates.csv", MAX_ROWS, arena, &csv, &error));
  const size_t graph = csv_column(&csv, "graph"), id = csv_column(&csv, "op_id"), unit = csv_column(&csv, "unit");
  const size_t fused = csv_column(&csv, "fused_ops");
  size_t n = 0;
  for (size_t i = 0; i < csv.n_rows; i++) {
    if (strcmp(csv_cell(&csv, i, unit), "AR") == 0) continue;
    struct published row = {.id = strtol(csv_cell(&csv, i, id), NULL, 10)};
    snprintf(row.graph, sizeof row.graph, "%s", csv_cell(&csv, i, graph));
    list_followers(csv_cell(&csv, i, fused), row.followers, sizeof row.followers);
    bool known = false; /* each op stands there for one core and for all */
    for (size_t k = 0; k < n; k++) known |= rows[k].id == row.id && strcmp(rows[k].graph, row.graph) == 0;
    if (!known) rows[n++] = row;
  }
  return n;
}

/* The op of the trace's id, or NULL. */
static const struct op *find_op(const struct op_graph *graph, long id) {
  for (size_t i = 0; i < graph->n_ops; i++)
    if (strtol(strrchr(op_name(graph, i), '#') + 1, NULL, 10) == id) return &graph->ops[i];
  return NULL;
}

static void describe(const struct op_graph *graph, const struct op *op, char *out, size_t out_bytes) {
  out[0] = '\0';
  for (size_t f = 0; f < op->n_followers; f++) {
    const unsigned kind = graph->followers[op->first_follower + f].kind;
    const char *name = public_name(kind);
    if (kind == OP_VIEW) name = f == 0 ? "Transpose" : "View"; /* one kind of ours, two names there */
    assert_non_null(name);
    snprintf(out + strlen(out), out_bytes - strlen(out), "%s ", name);
  }
}

/* Compares one graph; returns how many published operators agree. */
static size_t compare(const char *name, const struct published *rows, size_t n_rows, struct arena *arena,
                      struct arena *scratch) {
  char path[128];
  snprintf(path, sizeof path, "tests/data/wham/graphs/%s.json", name);
  struct op_graph graph, fused;
  struct error error = {0};
  if (!json_graph_load(path, 2, arena, scratch, &graph, &error)) fail_msg("%s", error.text);
  assert_true(fusion_apply(&graph, arena, scratch, &fused, &error));
  size_t n_here = 0, n_agree = 0, n_timed = 0;
  for (size_t i = 0; i < n_rows; i++) {
    if (strcmp(rows[i].graph, name) != 0) continue;
    n_here++;
    const struct op *const op = find_op(&fused, rows[i].id);
    char ours[256] = "absent";
    if (op != NULL) describe(&fused, op, ours, sizeof ours);
    n_agree += strcmp(ours, rows[i].followers) == 0;
    if (strcmp(ours, rows[i].followers) != 0)
      print_message("%s op %ld: ours '%s', published '%s'\n", name, rows[i].id, ours, rows[i].followers);
  }
  /* Free in the public table although they take time with us: tables, sums, concatenations. */
  for (size_t i = 0; i < fused.n_ops; i++) {
    const unsigned kind = fused.ops[i].kind, class = op_kinds[kind].class;
    const bool is_free = kind == OP_EMBEDDING || kind == OP_REDUCE || kind == OP_CONCAT;
    n_timed += (class == CLASS_TENSOR || class == CLASS_VECTOR) && !is_free;
  }
  assert_int_equal(n_timed, n_here);
  return n_agree;
}

static void test_published(void **state) {
  (void)state;
  struct arena arena, scratch;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  struct published *const rows = ARENA_NEW(&arena, struct published, MAX_ROWS);
  const size_t n_rows = read_published(&arena, rows);
  assert_int_equal(n_rows, N_PUBLISHED);
  static const char *const names[] = {"llama2_mbs_1_sl_4096", "llama2_mbs_4_sl_4096",
                                      "megatrongpt3_mbs_1_sl_2048_tmp_8_ep_1_cp_1",
                                      "mixtral_mbs_1_sl_4096_tmp_1_ep_4_cp_1"};
  size_t n_agree = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    n_agree += compare(names[i], rows, n_rows, &arena, &scratch);
  assert_int_equal(n_agree, N_PUBLISHED);
  arena_release(&arena);
  arena_release(&scratch);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_published)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
