/* How does a partition problem get out? The JSON and its two tables, and answers. See partition_read.h. */
#include "search/partition/partition_read.h"

#include "base/file.h"
#include "search/text_file.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes with the eighths that they have. */
static void put_bits(uint64_t bits, FILE *out) {
  static const char *const eighths[] = {"", ".125", ".25", ".375", ".5", ".625", ".75", ".875"};
  fprintf(out, "%" PRIu64 "%s", bits / 8, eighths[bits % 8]);
}

static void put_nodes(const struct partition_problem *p, FILE *out) {
  fputs("node,orig_id,compute_ms,weight_bytes,out_bytes,colocate_group,cloneable\n", out);
  for (size_t v = 0; v < p->n_nodes; v++) {
    fprintf(out, "%zu,", v);
    text_file_cell(out, p->node_names[v]);
    putc(',', out);
    text_file_number(out, p->compute_ms[v]);
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

static bool write_table(const struct partition_problem *problem, const char *path,
                        void (*put)(const struct partition_problem *, FILE *), struct error *error) {
  struct text_file file;
  if (!text_file_open(&file, path, error)) return false;
  put(problem, file.out);
  return text_file_publish(&file, error);
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
                            const char *path, struct error *error) {
  struct text_file file;
  if (!text_file_open(&file, path, error)) return false;
  FILE *const out = file.out;
  fputs("instance,chips,cost,triangle,memory_bytes,claim_ms,assignment\n", out);
  text_file_cell(out, problem->name);
  fprintf(out, ",%" PRIu32 ",%s,%s,%" PRIu64 ",", problem->n_chips, partition_cost_name(problem->cost),
          partition_triangle_name(problem->triangle), problem->memory_bytes);
  if (isfinite(value_ms)) text_file_number(out, value_ms);
  for (size_t v = 0; v < problem->n_nodes; v++) fprintf(out, "%c%" PRIu32, v == 0 ? ',' : ' ', node_chip[v]);
  putc('\n', out);
  return text_file_publish(&file, error);
}
