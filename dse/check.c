/* dse check: everything wrong in a run file, without running it. */
#include "dse/command.h"
#include "dse/settings.h"

#include "workloads/workload.h"
#include <jansson.h>

static enum status run(struct invocation *invocation, struct error *error) {
  struct run_settings settings;
  if (!run_settings_load(invocation->words[0], invocation->sets, invocation->n_sets, invocation->arena, &settings,
                         error)) {
    if (invocation->json && error->status == STATUS_INPUT) {
      json_t *object = json_pack("{sb ss}", "valid", 0, "messages", error->text);
      json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
      putchar('\n');
      json_decref(object);
    }
    return error->status;
  }
  struct workload workload;
  const struct workload_request request = {.name = settings.top.workload,
                                           .data_folder = invocation->data_folder,
                                           .batch = settings.top.batch,
                                           .element_bytes = settings.axes[RUN_AXIS_element_bytes].values[0]};
  if (!workload_load(&request, invocation->arena, invocation->scratch, &workload, error)) return error->status;
  if (invocation_value(invocation, "print") != NULL) {
    say(invocation, "%s", run_settings_text(&settings, true, invocation->arena));
  } else if (invocation->json) {
    say(invocation, "{\"valid\": true}\n");
  } else {
    say(invocation, "%s: nothing wrong\n", invocation->words[0]);
  }
  return STATUS_OK;
}

static const struct command_option options[] = {
    {"print", NULL, "prints the settings as resolved, every key with its unit and meaning"},
};
static const char *const examples[] = {"dse check configs/quickstart.cfg", "dse check configs/quickstart.cfg --print",
                                       NULL};
const struct command command_check = {
    .name = "check",
    .words = "RUN.cfg",
    .summary = "everything wrong in a run file, without running it",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "Every mistake is reported at its line, all at once, with what is allowed. Exit status 2 if there is any.",
    .examples = examples,
    .run = run,
};
