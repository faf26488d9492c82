/* How does a placement problem get in? One JSON file, its tables inline or as CSV files beside it; answers as CSV.
 * (placement §2.) Every mistake is added with file and line. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_READ_H
#define SEARCH_PLACEMENT_PLACEMENT_READ_H

#include "search/placement/placement.h"

/* Keys, defaults and tables: placement §2; a key `preset` (h2h, delay, star) sets the first six, whatever else is said
 * then counts. Without it h2h is the default. Keys that nobody knows are notes, unless they look like a slip. */
bool placement_read(const char *path, struct arena *arena, struct placement_problem *problem, struct error *error);
/* `sets`: key=value for any key but names and tables; values are JSON or plain words. */
bool placement_read_with(const char *path, const char *const *sets, size_t n_sets, struct arena *arena,
                         struct placement_problem *problem, struct error *error);
/* The same from memory, n bytes with a NUL behind them; `name` for messages. Its tables must be inline. */
bool placement_parse(const char *name, const char *bytes, size_t n, struct arena *arena,
                     struct placement_problem *problem, struct error *error);
/* One JSON file with inline tables, that reads back equal. Costs go by device: classes become the devices' names. */
bool placement_write(const struct placement_problem *problem, const char *path, struct error *error);
/* CSV layer,device,position,pinned,start_s,end_s (the last two may be missing). Refused: layers that are missing, there
 * twice or unknown, positions of a device that are not 0 to n-1. claim->makespan_s is NAN. */
bool placement_read_answer(const struct placement_problem *problem, const char *path, struct arena *arena,
                           struct placement_claim *claim, struct error *error);
bool placement_write_answer(const struct placement_problem *problem, const struct placement_answer *answer,
                            const struct placement_schedule *schedule, const char *path, struct arena *arena,
                            struct error *error);
/* The n bytes of `text`, with a NUL behind them. */
bool placement_parse_answer(const struct placement_problem *problem, const char *name, const char *text, size_t n,
                            struct arena *arena, struct placement_claim *claim, struct error *error);
/* `contention`: CSV layer,what,edge,device,start_s,end_s,bytes; edge is the layer that is read from, empty for weights,
 * outputs and inputs from outside. */
bool placement_write_flows(const struct placement_problem *problem, const struct placement_schedule *schedule,
                           const char *path, struct arena *arena, struct error *error);

/* The same back, into a claim; what it says is the judge's business. */
bool placement_read_flows(const struct placement_problem *problem, const char *path, struct arena *arena,
                          struct placement_claim *claim, struct error *error);

#endif
