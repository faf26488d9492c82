/* dse check: everything wrong in a run file, without running it. What explore would refuse before its folder is made,
 * this refuses, with the same words. */
#include "dse/run/run.h"

#include <jansson.h>

static void print_json(const struct error *error) {
  json_t *object = json_pack("{sb ss}", "valid", 0, "messages", error->text);
  REQUIRE(object != NULL);
  json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
  putchar('\n');
  json_decref(object);
}

static enum status run_check(struct invocation *invocation, struct error *error) {
  struct run *run = ARENA_NEW(invocation->arena, struct run, 1);
  run->invocation = invocation;
  const bool valid = run_prepare(run, invocation->words[0], error);
  if (!valid) {
    const bool mistake = error->status == STATUS_INPUT;
    if (invocation->json && mistake && cluster_rank(invocation->cluster) == 0) print_json(error);
  } else if (invocation_value(invocation, "print") != NULL) {
    say(invocation, "%s", run->settings_text);
  } else if (invocation->json) {
    say(invocation, "{\"valid\": true}\n");
  } else {
    say(invocation, "%s: nothing wrong\n", invocation->words[0]);
  }
  run_release(run);
  return valid ? STATUS_OK : error->status;
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
    .run = run_check,
};
