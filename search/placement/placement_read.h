/* How does a placement problem get in? One JSON file, its tables inline or as CSV files beside it; answers as CSV.
 * (placement §2.) Every mistake is added with file and line. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_READ_H
#define SEARCH_PLACEMENT_PLACEMENT_READ_H

#include "search/placement/placement.h"

bool placement_read(const char *path, struct arena *arena, struct placement_problem *problem, struct error *error);
/* One JSON file with inline tables, that reads back equal. */
bool placement_write(const struct placement_problem *problem, const char *path, struct arena *arena,
                     struct error *error);
/* CSV layer,device,position,pinned,start_s,end_s (the last two may be missing). */
bool placement_read_answer(const struct placement_problem *problem, const char *path, struct arena *arena,
                           struct placement_claim *claim, struct error *error);
bool placement_write_answer(const struct placement_problem *problem, const struct placement_answer *answer,
                            const struct placement_schedule *schedule, const char *path, struct arena *arena,
                            struct error *error);

#endif
