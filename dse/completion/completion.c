/* See completion.h: what is being asked for. Which of the command's words, options or arguments is the last word, and
 * what does the usage line say of it? Left out: quoting, which is the shell's. */
#include "dse/completion/completion.h"

#include "dse/commands/commands.h"
#include "dse/commands/data_folder.h"
#include "dse/completion/completion_private.h"
#include "dse/map/map.h"
#include <ctype.h>
#include <string.h>

void completion_offer(const struct completion *completion, const char *name, const char *ending, const char *doc) {
  if (strncmp(name, completion->typed, strlen(completion->typed)) != 0) return;
  fprintf(completion->out, "%s%s%s\t%.*s\n", completion->kept, name, ending, (int)strcspn(doc, "\t\n"), doc);
}

bool completion_keep(struct completion *completion, char separator) {
  const char *last = strrchr(completion->typed, separator);
  if (last == NULL) return false;
  completion->kept = arena_printf(completion->arena, "%s%.*s", completion->kept, (int)(last + 1 - completion->typed),
                                  completion->typed);
  completion->typed = last + 1;
  return true;
}

/* --- what the spelling of an argument says --------------------------------------------------------------------------
 */

static bool is_word(const char *text) {
  for (const char *c = text; *c != '\0'; c++) {
    if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-') return false;
  }
  return *text != '\0';
}

static bool is_one_of(const char *text, const char *const *words) {
  for (size_t i = 0; words[i] != NULL; i++) {
    if (strcmp(text, words[i]) == 0) return true;
  }
  return false;
}

/* "stages|systems INSTANCE", "[FILE.csv]", "DIR|RUN.cfg": words in small letters stand for themselves, FILE.cfg is a
 * file of that extension, DIR a folder; other capitals are the user's own. */
static void offer_spelt(struct completion *completion, const char *spelt) {
  static const char *const files[] = {"FILE", "INSTANCE", "ANSWER", NULL}, *const folders[] = {"DIR", "FOLDER", NULL};
  bool any_file = false, any_folder = false;
  const char *extensions = "";
  char *rest = arena_copy_text(completion->arena, spelt);
  for (char *one; (one = strtok_r(rest, "|[]", &rest)) != NULL;) {
    char *const dots = strstr(one, "...");
    if (dots != NULL) *dots = '\0';
    const char *dot = strrchr(one, '.');
    if (is_word(one)) {
      completion_offer(completion, one, "", "");
    } else if (dot != NULL && is_word(dot + 1)) {
      extensions = arena_printf(completion->arena, "%s %s", extensions, dot + 1);
    }
    any_file |= is_one_of(one, files);
    any_folder |= is_one_of(one, folders);
  }
  if (any_file || extensions[0] != '\0') {
    fprintf(completion->out, ":files%s\n", any_file ? "" : extensions);
  } else if (any_folder) {
    fprintf(completion->out, ":folders\n");
  }
}

static void offer_value(struct completion *completion, const char *where, const char *spelt) {
  completion_value(completion, where, spelt);
  offer_spelt(completion, spelt);
}

/* --- the line ------------------------------------------------------------------------------------------------------
 */

/* Of the command or common to all; NULL: unknown. */
static const struct command_option *find_option(const struct command *command, const char *name, size_t n) {
  for (size_t i = 0; i < command->n_options + n_common_options; i++) {
    const struct command_option *option =
        i < command->n_options ? &command->options[i] : &common_options[i - command->n_options];
    if (strncmp(option->name, name, n) == 0 && option->name[n] == '\0') return option;
  }
  return NULL;
}

/* The problem of dse map that is being typed, NULL elsewhere. */
static const struct map_problem *problem_of(const struct completion *completion) {
  for (size_t i = 0; i < n_map_problems; i++) {
    const bool is_map = strcmp(completion->command->name, "map") == 0 && completion->n_words > 0;
    if (is_map && strcmp(map_problems[i]->name, completion->words[0]) == 0) return map_problems[i];
  }
  return NULL;
}

static void offer_options(struct completion *completion) {
  const struct command *command = completion->command;
  const struct map_problem *problem = problem_of(completion);
  for (size_t i = 0; i < command->n_options; i++) {
    const struct command_option *option = &command->options[i];
    if (problem != NULL && problem->options != NULL && !is_one_of(option->name, problem->options)) continue;
    completion_offer(completion, arena_printf(completion->arena, "--%s", option->name), "", option->doc);
  }
  for (size_t i = 0; i < n_common_options; i++) {
    completion_offer(completion, arena_printf(completion->arena, "--%s", common_options[i].name), "",
                     common_options[i].doc);
  }
}

/* The i-th word of the usage line; the last one goes on if dots say so. */
static const char *spelt_word(const struct completion *completion, size_t i) {
  const char *last = NULL;
  char *rest = arena_copy_text(completion->arena, completion->command->words);
  for (char *one; (one = strtok_r(rest, " ", &rest)) != NULL;) {
    if (strncmp(one, "...", 3) == 0) return last;
    last = one;
    if (i-- == 0) return one;
  }
  return last != NULL && strstr(last, "...") != NULL ? last : NULL;
}

/* The words behind the command's name, the last of them unfinished. */
static void answer_of_command(struct completion *completion, int n_words, char **words) {
  const struct command *command = completion->command;
  const struct command_option *waiting = NULL; /* for its argument */
  for (int i = 0; i + 1 < n_words; i++) {
    const struct command_option *option =
        strncmp(words[i], "--", 2) == 0 ? find_option(command, words[i] + 2, strlen(words[i] + 2)) : NULL;
    if (waiting != NULL) {
      waiting = NULL;
    } else if (option != NULL && option->argument != NULL) {
      waiting = option;
    } else if (words[i][0] != '-' && completion->n_words < COMMAND_MAX_WORDS) {
      completion->words[completion->n_words++] = words[i];
    }
  }
  const char *typed = completion->typed;
  const size_t n_name = strcspn(typed, "=");
  const struct command_option *named =
      strncmp(typed, "--", 2) == 0 && typed[n_name] == '=' ? find_option(command, typed + 2, n_name - 2) : NULL;
  if (waiting != NULL) {
    offer_value(completion, waiting->name, waiting->argument);
  } else if (named != NULL && named->argument != NULL) {
    completion->kept = arena_printf(completion->arena, "%.*s=", (int)n_name, typed);
    completion->typed = typed + n_name + 1;
    offer_value(completion, named->name, named->argument);
  } else if (typed[0] == '-') {
    offer_options(completion);
  } else {
    const char *spelt = spelt_word(completion, completion->n_words);
    if (spelt != NULL) offer_value(completion, "", spelt);
  }
}

static void answer_of_program(const struct completion *completion) {
  for (size_t i = 0; i < n_commands; i++) completion_offer(completion, commands[i]->name, "", commands[i]->summary);
  completion_offer(completion, "--help", "", "the commands");
  completion_offer(completion, "--version", "", "version, commit, compiler, libraries");
  completion_offer(completion, "--man", "", "the man page");
  completion_offer(completion, "--completion", "", "completion for bash, zsh or fish");
}

void completion_answer(int n_words, char **words, FILE *out) {
  struct arena arena, scratch;
  if (n_words < 1) return;
  arena_init(&arena, 1 << 18);
  arena_init(&scratch, 1 << 16);
  struct completion completion = {.out = out, .arena = &arena, .scratch = &scratch, .kept = ""};
  completion.data_folder = data_folder_find(&arena);
  completion.typed = words[n_words - 1];
  for (size_t i = 0; i < n_commands; i++) {
    if (strcmp(commands[i]->name, words[0]) == 0) completion.command = commands[i];
  }
  if (n_words == 1) {
    answer_of_program(&completion);
  } else if (completion.command != NULL) {
    answer_of_command(&completion, n_words - 1, words + 1);
  } else if (n_words == 2 && strcmp(words[0], "--completion") == 0) {
    offer_spelt(&completion, "bash|zsh|fish");
  }
  arena_release(&scratch);
  arena_release(&arena);
}
