/* Whose is the results folder, and how does the run in it stand? Lock, epoch, status.json, log.txt, and what a dead
 * launch has left. (reliability §3, §4)
 *
 * All of this is rank 0's, but for what is called collective. */
#ifndef DSE_FOLDER_H
#define DSE_FOLDER_H

#include "dse/run/run.h"
#include <jansson.h>

struct folder_request {
  const char *folder;
  bool fresh;   /* move an old folder to DIR.old-N first */
  bool salvage; /* cut a journal that is damaged before its end */
};

/* Makes or takes over run->folder: lock, settings compared with an earlier run's, journal opened, epoch raised; the
 * state is `running` from then on. *finished: an earlier launch has completed this very run, nothing is touched. */
void folder_take(struct run *run, const struct folder_request *request, bool *finished, struct error *error);
/* May this launch still write there? If the folder was removed or replaced: a message. If a later launch has it: an
 * error of STATUS_STOPPED without any text, which main leaves with in silence. Before every publication. */
bool folder_is_ours(struct run *run, struct error *error);
/* Closes the journal; says `failed` in status.json if an error ends a run that had begun; gives the folder back.
 * Collective: all ranks leave with the same error. */
void folder_leave(struct run *run, struct error *error);

bool folder_publish_json(const struct run *run, const char *name, json_t *object, struct error *error);
/* status.json: "running", "stopped", "complete" or "failed", and how far it is. */
bool folder_publish_status(struct run *run, const char *state, const char *reason, struct error *error);
/* Adds a line to log.txt, which is published by folder_publish_log. */
void folder_log(struct run *run, const char *level, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool folder_publish_log(const struct run *run, struct error *error);
/* Its first line of this launch. The launches before stay in it, the oldest lines go when it becomes long. */
void folder_begin_log(struct run *run);
/* "2026-11-21T06:57:10Z" */
const char *folder_utc_now(struct arena *arena);

/* --- as a file -----------------------------------------------------------------------------------------------------
 */

enum { STATUS_TEXT_BYTES = 512 };

/* What a status.json says. */
struct status_facts {
  char state[16], phase[16], reason[STATUS_TEXT_BYTES], unit[64]; /* "" where nothing is said */
  uint64_t epoch, round, evaluations, evaluations_max, n_done, n_total, journal_bytes, journal_rounds;
  bool has_best, has_bound;
  double best, bound, gap, per_s, eta_s; /* eta_s negative: unknown */
};
/* Reads DIR/status.json without trusting it; false if there is none or it is none. *object, if not NULL: all of it, for
 * json_decref. */
bool status_read(const char *folder, struct arena *arena, struct status_facts *facts, json_t **object);

#endif
