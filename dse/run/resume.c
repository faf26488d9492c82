/* dse resume: goes on where a run stopped, with the settings that its folder holds. */
#include "dse/explore.h"

#include "base/file.h"

static enum status run_resume(struct invocation *invocation, struct error *error) {
  const char *folder = invocation->words[0];
  const char *path = arena_printf(invocation->arena, "%s/run.cfg", folder);
  if (!file_exists(path)) {
    error_add(error, STATUS_ENVIRONMENT, "%s: no run.cfg there; a results folder was expected", folder);
    return STATUS_ENVIRONMENT;
  }
  const struct folder_request request = {.folder = folder, .salvage = invocation_value(invocation, "salvage") != NULL};
  return explore_run(invocation, path, &request, error);
}

static const struct command_option options[] = {
    {"max-time", "SECONDS", "stops between two rounds after this time, resumable, exit status 75"},
    {"salvage", NULL, "cuts a journal that is damaged before its end; the rest is kept as journal.damaged"},
};
static const char *const examples[] = {"dse resume results-quickstart", "mpirun -n 2 dse resume results-quickstart",
                                       NULL};
const struct command command_resume = {
    .name = "resume",
    .words = "DIR",
    .summary = "goes on where a killed or time-limited run stopped, with the same results",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details = "Replays the journal of the results folder and goes on, on any number of ranks. At most the unfinished\n"
               "round is evaluated again; front.csv, topk.csv and journal are the bytes of a run that never stopped.",
    .examples = examples,
    .run = run_resume,
};
