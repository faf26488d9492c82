/* How does a partition problem get out? The JSON and its two tables, and answers. See partition_read.h. */
#include "search/partition/partition_read.h"

#include "base/file.h"
#include "base/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cell of RFC 4180. */
static void put_cell(const char *text, FILE *out) {
  if (strpbrk(text, ",\"\r\n") == NULL) {
    fputs(text, out);
    return;
  }
  putc('"', out);
  for (; *text != 0; text++) {
    if (*text == '"') putc('"', out);
    putc(*text, out);
  }
  putc('"', out);
}

static void put_number(double value, FILE *out) {
  char text[32];
  text_from_double(value, text);
  fputs(text, out);
}

/* Bytes with the eighths that they have. */
static void put_bits(uint64_t bits, FILE *out) {
  static const char *const eighths[] = {"", ".125", ".25", ".375", ".5", ".625", ".75", ".875"};
  fprintf(out, "%" PRIu64 "%s", bits / 8, eighths[bits % 8]);
}

static void put_nodes(const struct partition_problem *p, FILE *out) {
  fputs("node,orig_id,compute_ms,weight_bytes,out_bytes,colocate_group,cloneable\n", out);
  for (size_t v = 0; v < p->n_nodes; v++) {
    fprintf(out, "%zu,", v);
    put_cell(p->node_names[v], out);
    putc(',', out);
    put_number(p->compute_ms[v], out);
    fprintf(out, ",%" PRIu64 ",", p->weight_bytes[v]);
    put_bits(p->out_bits[v], out);
    putc(',', out);
    if (p->colocate[v] != PARTITION_NONE) fprintf(out, "%" PRIu32, p->colocate[v]);
    fprintf(out, ",%d\n", p->cloneable[v]);
  }
}

static void put_edges(const struct partition_problem *p, FILE *out) {
  fputs("src,dst\n", out);
  for (size_t e = 0; e < p->n_edges; e++) fprintf(out, "%" PRIu32 ",%" PRIu32 "\n", p->edges[e].from, p->edges[e].to);
}

static bool end(FILE *out, const char *path, struct error *error) {
  const bool written = !ferror(out);
  return (fclose(out) == 0 && written) || error_add(error, STATUS_ENVIRONMENT, "%s: no memory for the file", path);
}

static bool write_table(const struct partition_problem *problem, const char *path,
                        void (*put)(const struct partition_problem *, FILE *), struct error *error) {
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  if (out == NULL) return error_add(error, STATUS_ENVIRONMENT, "%s: no memory for the file", path);
  put(problem, out);
  const bool fine = end(out, path, error) && file_publish(path, text, n, error);
  free(text);
  return fine;
}

static json_t *json_of(const struct partition_problem *p, const char *nodes, const char *edges) {
  json_t *drops = json_array();
  for (size_t i = 0; i < p->n_drops; i++)
    json_array_append_new(drops, json_pack("[I, I]", (json_int_t)p->drops[i].from, (json_int_t)p->drops[i].to));
  json_t *object = json_pack("{ss ss ss ss sI sI sI ss ss ss sb so}", "format", "dse.partition/1", "name", p->name,
                             "nodes", nodes, "edges", edges, "chips", (json_int_t)p->n_chips, "link_bytes_per_s",
                             (json_int_t)p->link_bytes_per_s, "memory_bytes", (json_int_t)p->memory_bytes,
                             "memory_rule", partition_memory_name(p->memory_rule), "cost", partition_cost_name(p->cost),
                             "triangle", partition_triangle_name(p->triangle), "clone", p->clone, "drop_edges", drops);
  return object;
}

bool partition_write(const struct partition_problem *problem, const char *path, struct arena *arena,
                     struct error *error) {
  const char *const slash = strrchr(path, '/');
  size_t stem = strlen(path);
  if (stem > 5 && strcmp(path + stem - 5, ".json") == 0) stem -= 5;
  const size_t folder = slash == NULL ? 0 : (size_t)(slash - path) + 1;
  const char *const nodes = arena_printf(arena, "%.*s.nodes.csv", (int)stem, path);
  const char *const edges = arena_printf(arena, "%.*s.edges.csv", (int)stem, path);
  json_t *const object = json_of(problem, nodes + folder, edges + folder);
  char *const text = object != NULL ? json_dumps(object, JSON_INDENT(1)) : NULL;
  json_decref(object);
  if (text == NULL) return error_add(error, STATUS_INPUT, "%s: a name is no UTF-8", path);
  const char *const whole = arena_printf(arena, "%s\n", text);
  free(text);
  return write_table(problem, nodes, put_nodes, error) && write_table(problem, edges, put_edges, error) &&
         file_publish(path, whole, strlen(whole), error);
}

bool partition_write_answer(const struct partition_problem *problem, const uint32_t *node_chip, double value_ms,
                            const char *path, struct arena *arena, struct error *error) {
  (void)arena;
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  if (out == NULL) return error_add(error, STATUS_ENVIRONMENT, "%s: no memory for the file", path);
  fputs("instance,chips,cost,triangle,memory_bytes,claim_ms,assignment\n", out);
  put_cell(problem->name, out);
  fprintf(out, ",%" PRIu32 ",%s,%s,%" PRIu64 ",", problem->n_chips, partition_cost_name(problem->cost),
          partition_triangle_name(problem->triangle), problem->memory_bytes);
  if (isfinite(value_ms)) put_number(value_ms, out);
  for (size_t v = 0; v < problem->n_nodes; v++) fprintf(out, "%c%" PRIu32, v == 0 ? ',' : ' ', node_chip[v]);
  putc('\n', out);
  const bool fine = end(out, path, error) && file_publish(path, text, n, error);
  free(text);
  return fine;
}
