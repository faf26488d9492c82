/* What do the files of `dse list` share? One line of a list in three forms, and the keys of all tables.
 *
 * A line is text for people, a JSON object, or a row of a Markdown table (`--markdown`, from which docs/reference.md is
 * made). Keys come from the field tables that also read and check files; which command reads a group is said here once.
 * Left out: the lists themselves (list.c). */
#ifndef DSE_LIST_H
#define DSE_LIST_H

#include "dse/commands/command.h"

/* Keys that stand together: a group of a run file, or the keys of one algorithm of dse map. */
struct key_group {
  const char *title, *prefix; /* prefix: what stands before a key where it is typed, with its last dot or slash */
  const char *path;           /* of the group in a file: "" is the top level, NULL: none */
  const char *used;           /* who reads it, where that is not every command with a run file */
  const struct field_table *table;
};

/* Prints one line on rank 0: text, JSON or a row of Markdown as the invocation asks. */
void list_line(const struct invocation *invocation, const char *kind, const char *name, const char *doc);
bool list_wants_markdown(const struct invocation *invocation);

bool list_keys(struct invocation *invocation, struct error *error);
bool list_map_keys(struct invocation *invocation, struct error *error);
bool list_commands(struct invocation *invocation, struct error *error);
/* A fragment of a run file to paste: a group with its defaults, each key with its sentence. False with a message if
 * there is no such group. */
bool list_has_group(struct invocation *invocation, const char *name);
/* Adds the names of the groups, for the nearest one. */
void list_see_groups(struct invocation *invocation, const char **names, size_t *n, size_t most);
bool list_group_fragment(struct invocation *invocation, const char *name, struct error *error);
/* The i-th kind; false behind the last. */
bool list_kind(size_t i, const char **name, const char **doc);
/* The names of a kind, as long as the arena of `invocation` (of which only arenas and the data folder are looked at)
 * and until the next list; 0 where there are none. */
size_t list_names(const struct invocation *invocation, const char *kind, const char *const **names);

#endif
