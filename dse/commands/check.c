/* dse check: everything wrong in a run file, without running it. What explore would refuse before its folder is made,
 * this refuses, with the same words. */
#include "dse/map/map_maker.h"
#include "dse/run/run.h"

#include <jansson.h>
#include <string.h>

static void print_json(const struct error *error) {
  json_t *object = json_pack("{sb ss}", "valid", 0, "messages", error->text);
  REQUIRE(object != NULL);
  json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
  putchar('\n');
  json_decref(object);
}

/* Says what a valid file is, or what is wrong with it. */
static enum status say_verdict(struct invocation *invocation, const char *valid, struct error *error) {
  if (valid == NULL) {
    const bool mistake = error->status == STATUS_INPUT;
    if (invocation->json && mistake && cluster_rank(invocation->cluster) == 0) print_json(error);
    return error->status;
  }
  if (invocation->json && invocation_value(invocation, "print") == NULL) {
    say(invocation, "{\"valid\": true}\n");
  } else {
    say_bytes(invocation, valid, strlen(valid)); /* settings are a file for the next run, byte by byte */
  }
  return STATUS_OK;
}

/* The settings of a run file that makes problems for `dse map`; NULL with messages. */
static const char *check_problems(struct invocation *invocation, struct map_making *making, const struct config *config,
                                  struct error *error) {
  const char *const path = invocation->words[0];
  if (!map_check(making, path, config, error)) return NULL;
  if (invocation_value(invocation, "print") != NULL) return map_settings_text(making);
  return arena_printf(invocation->arena, "%s: nothing wrong; dse %s %s --out FOLDER makes problems of it\n", path,
                      making->maker->command, path);
}

static const char *check_run(struct invocation *invocation, struct run *run, struct error *error) {
  run->invocation = invocation;
  if (!run_prepare(run, invocation->words[0], error)) return NULL;
  if (invocation_value(invocation, "print") != NULL) return run->settings_text;
  return arena_printf(invocation->arena, "%s: nothing wrong\n", invocation->words[0]);
}

static enum status run_check(struct invocation *invocation, struct error *error) {
  struct run *const run = ARENA_NEW(invocation->arena, struct run, 1);
  struct map_making making = {.invocation = invocation};
  struct error unread = {0}; /* run_prepare says it better */
  struct config *config;
  const char *valid = NULL;
  if (config_open(invocation->words[0], invocation->sets, invocation->n_sets, invocation->arena, &config, &unread)) {
    making.maker = map_maker_of(config);
    if (making.maker != NULL) valid = check_problems(invocation, &making, config, error);
    config_close(config);
  } else if (unread.status == STATUS_ENVIRONMENT && !run_settings_names_a_model(invocation->words[0])) {
    /* A second try might see another file. */
    error_join(error, &unread);
  }
  if (making.maker == NULL && cluster_agree(invocation->cluster, error)) valid = check_run(invocation, run, error);
  const enum status status = say_verdict(invocation, valid, error);
  run_release(run);
  return status;
}

static const struct command_option options[] = {
    {"print", NULL, "prints the settings as resolved, every key with its unit and meaning"},
};
static const char *const examples[] = {"dse check configs/quickstart.cfg", "dse check configs/quickstart.cfg --print",
                                       "dse check configs/chips.cfg", NULL};
const struct command command_check = {
    .name = "check",
    .words = "RUN.cfg",
    .summary = "everything wrong in a run file, without running it",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details = "Every mistake is reported at its line, all at once, with what is allowed. Exit status 2 if there is "
               "any. Run files\n"
               "of dse jobs, layers, shards and chips are checked, too.",
    .examples = examples,
    .run = run_check,
};
