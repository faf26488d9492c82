/* How does a partition problem get in? A JSON file (dse.partition/1) with two CSV files beside it; answers as CSV.
 * (partition §2.) Every mistake is added with file and line. */
#ifndef SEARCH_PARTITION_PARTITION_READ_H
#define SEARCH_PARTITION_PARTITION_READ_H

#include "search/partition/partition.h"
#include <jansson.h>

/* `sets`: key=value for any key of the JSON, n_sets of them; values are JSON or plain words. */
bool partition_read(const char *path, const char *const *sets, size_t n_sets, struct arena *arena,
                    struct partition_problem *problem, struct error *error);
/* The same from memory, for tests: the JSON and, whatever names it gives, its tables. n bytes each, with a NUL behind
 * them. */
struct partition_text {
  const char *bytes;
  size_t n;
};
bool partition_parse(const char *name, const struct partition_text *json, const struct partition_text *nodes,
                     const struct partition_text *edges, struct arena *arena, struct partition_problem *problem,
                     struct error *error);
/* The JSON, PATH.nodes.csv and PATH.edges.csv without the JSON's ending; reads back equal. */
bool partition_write(const struct partition_problem *problem, const char *path, struct arena *arena,
                     struct error *error);

/* Words of the JSON, and whether it has such a key. */
const char *partition_cost_name(enum partition_cost cost);
const char *partition_triangle_name(enum partition_triangle triangle);
const char *partition_memory_name(enum partition_memory memory);
bool partition_is_key(const char *key);

/* A row of an answer's file: instance,chips,cost,triangle,memory_bytes,claim_ms,assignment. */
struct partition_row {
  size_t line;
  struct partition_problem problem; /* with what the row overrides */
  struct partition_claim claim;
};
/* Rows of another instance than problem->name are skipped unless all are (then a mistake). */
bool partition_read_answers(const struct partition_problem *problem, const char *path, struct arena *arena,
                            struct partition_row **rows, size_t *n_rows, struct error *error);
/* The same from memory; the text, with a NUL behind it, is overwritten. */
bool partition_parse_answers(const struct partition_problem *problem, const char *name, char *text, size_t n,
                             struct arena *arena, struct partition_row **rows, size_t *n_rows, struct error *error);
/* One row; chips by node. */
bool partition_write_answer(const struct partition_problem *problem, const uint32_t *node_chip, double value_ms,
                            const char *path, struct error *error);

#endif
