/* What is written into a results folder, and when? (cli.md's list of files; ux.md §4.)
 *
 * Rank 0 alone writes; every file appears whole or not at all. Times, hosts and rank counts stand in status.json,
 * manifest.json, timing.csv, log.txt and three fields of summary.json, nowhere else. */
#ifndef DSE_OUTPUTS_H
#define DSE_OUTPUTS_H

#include "dse/output/folder.h"
#include <jansson.h>

/* Makes or takes over DIR for this run: lock, settings compared with an earlier run's (a difference is STATUS_INPUT,
 * key by key), journal opened. *finished: an earlier launch has completed this very run. Collective. */
bool outputs_open(struct run *run, const struct folder_request *request, bool *finished, struct error *error);
/* Tables as they stand (within a replay those of the launch before stay), and status.json. Fails without a text if a
 * later launch has the folder. Rank 0; nothing elsewhere. */
bool outputs_publish(struct run *run, const char *state, const char *reason, struct error *error);
/* The search is over: takes what the ranks have done by now, for timing.csv. Collective. */
void outputs_time(struct run *run);
/* A finished run, whose search was timed: tables, report, traces, summary, timing; `complete` last. Collective. */
bool outputs_finish(struct run *run, struct error *error);
/* Closes the journal, says `failed` in status.json if the run had begun and an error ends it, gives the folder back.
 * Collective. */
void outputs_close(struct run *run, struct error *error);
/* Digest of front.csv, topk.csv and what was proven: the same on any number of ranks. */
struct digest outputs_digest(const struct run *run);
/* summary.json as an object, for --json. */
json_t *outputs_summary(const struct run *run);

#endif
