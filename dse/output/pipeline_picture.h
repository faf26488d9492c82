/* What a pipeline did, to look at: bars for the report's timelines and a trace for Perfetto. */
#ifndef DSE_PIPELINE_PICTURE_H
#define DSE_PIPELINE_PICTURE_H

#include "arch/pipeline.h"
#include "results/timeline.h"

/* One lane a device, one bar a task ("F12", "B12", "W12"; "F12.1" is of chunk 1), a cycle of it is a picosecond. Marked
 * as critical: a path of tasks that wait for nothing else, from the last end back to the first start. Needs the
 * result's tasks. Everything new is in `arena`. */
void pipeline_timeline(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                       const struct pipeline_result *result, struct arena *arena, struct timeline *timeline);
/* The same as a trace (trace-pipeline.json). Rank 0. */
bool pipeline_picture_publish(const char *path, const struct timeline *timeline, struct arena *arena,
                              struct error *error);

#endif
