/* What the files that read and write partition problems share. */
#ifndef SEARCH_PARTITION_PARTITION_READ_PRIVATE_H
#define SEARCH_PARTITION_PARTITION_READ_PRIVATE_H

#include "base/csv.h"
#include "search/partition/partition.h"

struct partition_tables {
  const struct csv *nodes, *edges;
  const char *drops_place; /* of the key drop_edges, for messages */
};
/* Nodes and edges into the problem, whose settings are read; every mistake at its line, a cycle too. */
bool partition_read_tables(const struct partition_tables *tables, struct arena *arena, struct arena *scratch,
                           struct partition_problem *problem, struct error *error);

enum partition_word { PARTITION_COST_WORD, PARTITION_TRIANGLE_WORD };
/* The number of a word of these enums; false: there is no such word. */
bool partition_find_word(const char *word, enum partition_word kind, int *choice);

#endif
