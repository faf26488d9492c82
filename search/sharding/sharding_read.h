/* How does a sharding problem get in? One JSON file (dse.sharding/1), tables inline or as CSV beside it; answers as two
 * CSV files. (sharding §2.) Every mistake is added with file and line. */
#ifndef SEARCH_SHARDING_SHARDING_READ_H
#define SEARCH_SHARDING_SHARDING_READ_H

#include "search/sharding/sharding.h"

/* `sets`: key=value for any key of the JSON; values are JSON or plain words. */
bool sharding_read(const char *path, const char *const *sets, size_t n_sets, struct arena *arena,
                   struct sharding_problem *problem, struct error *error);
bool sharding_parse(const char *name, const char *bytes, size_t n, struct arena *arena,
                    struct sharding_problem *problem, struct error *error);
/* One JSON file with inline tables, that reads back equal. */
bool sharding_write(const struct sharding_problem *problem, const char *path, struct error *error);
/* A folder, or PREFIX: PREFIX-sets.csv and PREFIX-strategies.csv (sets.csv and strategies.csv in a folder); boards as
 * names with blanks (or ; or |) between, es as "Cout:2+W:2". The path of an existing …sets.csv stands for both. */
bool sharding_read_answer(const struct sharding_problem *problem, const char *path, struct arena *arena,
                          struct sharding_claim *claim, struct error *error);
/* The same from texts of the two files. */
bool sharding_parse_answer(const struct sharding_problem *problem, const char *sets_text, const char *strategies_text,
                           struct arena *arena, struct sharding_claim *claim, struct error *error);
bool sharding_write_answer(const struct sharding_problem *problem, const struct sharding_answer *answer,
                           const struct sharding_schedule *schedule, const char *path, struct arena *arena,
                           struct error *error);

#endif
