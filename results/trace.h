/* Writes a timeline as a trace that opens in Perfetto and chrome://tracing. (ux.md §6) */
#ifndef RESULTS_TRACE_H
#define RESULTS_TRACE_H

#include "results/timeline.h"

enum { TRACE_MAX_EVENTS = 200000 }; /* of a file; viewers break at a few hundred MB */

/* The JSON text, in the arena. Times in µs, to a picosecond; the same bytes for the same timeline. */
void trace_write(const struct timeline *timeline, struct arena *arena, const char **json, size_t *n_bytes);
/* How many bars it leaves out; the trace says so, too. */
size_t trace_bars_cut(const struct timeline *timeline, struct arena *arena);

#endif
