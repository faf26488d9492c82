/* What of a results folder can be put beside others: its front as front.csv holds it, what the columns mean, and the
 * settings of its run. Nothing of it is trusted: it may be of another version, or of somebody else. */
#ifndef DSE_FRONT_FOLDER_H
#define DSE_FRONT_FOLDER_H

#include "base/csv.h"
#include "dse/commands/command.h"
#include "dse/run/settings.h"
#include "results/table.h"
#include <inttypes.h>

struct front_folder {
  const char *name;             /* as it was given, printable */
  const char *state;            /* as status.json says: "complete", "running", …; "unknown" */
  struct csv front;             /* front.csv */
  struct table_column *columns; /* [front.n_columns], out of columns.csv */
  bool has_settings;
  struct run_settings settings; /* run.cfg, if this version can read it */
};

/* Reads the three files. A missing one is STATUS_ENVIRONMENT, a broken one STATUS_INPUT; but a run.cfg that this
 * version does not understand only leaves the settings unknown. */
bool front_folder_read(struct front_folder *folder, const char *path, struct arena *arena, struct error *error);
/* Have both fronts the same columns, in the same order, with the same units and better sides? Otherwise STATUS_INPUT,
 * with the first that differs. */
bool front_folder_compare(const struct front_folder *one, const struct front_folder *other, struct error *error);

#endif
