/* dse map and dse judge: what goes where, for instances from anywhere. One problem, one file, one line in
 * map_problems.def; its record is named map_problem_NAME. */
#ifndef DSE_MAP_H
#define DSE_MAP_H

#include "base/csv.h"
#include "dse/commands/command.h"
#include "results/table.h"
#include <jansson.h>

/* An algorithm of a problem, for lists and map_algorithms.h. */
struct map_algorithm {
  const char *name, *doc, *source;
  const struct field_table *table; /* its keys, --set NAME.key=…; NULL: none */
  size_t settings_bytes;           /* of what the table fills */
};
struct map_problem {
  const char *name, *doc;
  const char *const *options; /* of `dse map`'s own, those that mean something here; NULL-terminated */
  bool takes_sets;            /* --set key=value means something */
  /* The i-th algorithm, NAME of --algorithm; false behind the last. NULL: there is one exact method. */
  bool (*algorithm)(size_t i, struct map_algorithm *algorithm);
  const struct field_table *keys; /* of all of them, --set key=…; NULL: none */
  /* The instance is words[1]. */
  enum status (*run)(struct invocation *invocation, struct error *error);
  /* Answers of somebody, words[2], to the instance, words[1]; NULL: there is no judge for files. */
  enum status (*judge)(struct invocation *invocation, struct error *error);
};
extern const struct map_problem *const map_problems[];
extern const size_t n_map_problems;

/* The problem named words[0], or NULL with a message of `command`. */
const struct map_problem *map_find_problem(const struct invocation *invocation, const char *command,
                                           struct error *error);
/* Are several searches wanted, to be compared: --algorithm all, or names with commas between? */
bool map_is_contest(const struct invocation *invocation);
/* --time; 0: not given. */
bool map_read_seconds(const struct invocation *invocation, double *seconds, struct error *error);
/* The group of an algorithm's keys: its name, - as _. */
const char *map_key_group(const char *name, struct arena *arena);
/* What a judge has against an answer, in one line, without the newline that ends each message. */
const char *map_reasons(const struct error *why, struct arena *arena);
/* A table as CSV on stdout. */
void map_print_table(const struct invocation *invocation, const struct table *table);
/* Several rows: with --json as a list of objects. */
void map_print_rows(const struct invocation *invocation, const struct table *table, struct error *error);
/* An object on stdout; takes it over. */
void map_print_json(const struct invocation *invocation, json_t *object);
/* null if it is not finite. */
json_t *map_real_or_null(double value);
/* Bounds by their names; those that are 0 do not apply: null. */
json_t *map_bounds_json(size_t n, const char *const *names, const double *values);

/* --- several searches of one problem, compared ---
 */
struct map_ranked {
  const char *algorithm;
  double value;  /* INFINITY: it found nothing */
  size_t choice; /* which of those compared */
};
/* Least value first, then by name. */
void map_rank(struct map_ranked *ranked, size_t n);
/* What a search's end means: OK if it came by itself or by --time, else stopped, with a message of `what` ("placement")
 * there is. */
enum status map_end_search(const char *stopped, const char *what, struct error *error);
/* Has a signal come, to any rank? Then nothing was compared, with a message. Collective. */
bool map_stop_contest(const struct invocation *invocation, struct error *error);

#endif
