/* The command line of one command, by its own record, and what it says. See command.h. */
#include "dse/commands/command.h"

#include "base/text.h"
#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct command_option common_options[] = {
    {"set", "PATH=VALUE", "overrides one key of the file, in its own syntax; repeatable"},
    {"json", NULL, "prints one JSON object (or JSON lines) on stdout"},
    {"quiet", NULL, "no remarks and no progress on stderr"},
    {"verbose", NULL, "more remarks"},
    {"help", NULL, "prints this help"},
};
const size_t n_common_options = sizeof common_options / sizeof *common_options;

/* --- parsing --------------------------------------------------------------------------------------------------------
 */

static const struct command_option *option_at(const struct command *command, size_t i) {
  return i < command->n_options ? &command->options[i] : &common_options[i - command->n_options];
}

/* What other commands and other programs call the same. */
static const char *const same_things[][5] = {
    {"report", "html", "page"},
    {"out", "output", "folder", "dir", "csv"},
    {"samples", "budget", "evaluations", "iterations"},
    {"max-time", "time", "timeout", "minutes"},
    {"algorithm", "method", "searcher", "solver"},
};

/* The option of another name for what `word` says; NULL: this command has none. */
static const char *by_other_name(const char *word, const char *const *names, size_t n) {
  enum { N_THINGS = sizeof same_things / sizeof *same_things, N_WORDS = sizeof *same_things / sizeof **same_things };
  for (size_t t = 0; t < N_THINGS; t++) {
    const char *found = NULL;
    bool means = false;
    for (size_t w = 0; w < N_WORDS && same_things[t][w] != NULL; w++) {
      means = means || strcmp(same_things[t][w], word) == 0;
      for (size_t i = 0; i < n && found == NULL; i++) {
        if (strcmp(same_things[t][w], names[i]) == 0) found = names[i];
      }
    }
    if (means && found != NULL) return found;
  }
  return NULL;
}

static void unknown_option(const struct command *command, const char *word, struct error *error) {
  const char *names[64];
  size_t n = 0;
  for (; n < command->n_options + n_common_options && n < 64; n++) names[n] = option_at(command, n)->name;
  char bare[256];
  snprintf(bare, sizeof bare, "%s", word + strspn(word, "-"));
  bare[strcspn(bare, "=")] = 0;
  const char *nearest = by_other_name(bare, names, n);
  if (nearest == NULL) nearest = text_nearest(bare, names, n);
  error_add(error, STATUS_INPUT, "dse %s: unknown option %s%s%s%s", command->name, word,
            nearest != NULL ? "; did you mean --" : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

static void keep_value(struct invocation *invocation, const char *name, char *value, struct error *error) {
  if (strcmp(name, "json") == 0) invocation->json = true;
  if (strcmp(name, "quiet") == 0) invocation->quiet = true;
  if (strcmp(name, "verbose") == 0) invocation->verbose = true;
  if (invocation->n_values == COMMAND_MAX_VALUES) {
    error_add(error, STATUS_INPUT, "dse %s: more than %d options", invocation->command->name, COMMAND_MAX_VALUES);
    return;
  }
  if (strcmp(name, "set") == 0) {
    char *equals = strchr(value, '=');
    if (equals == NULL || equals == value) {
      error_add(error, STATUS_INPUT, "--set: %s: no '=', write --set path=value", value);
      return;
    }
    char *path = arena_copy_text(invocation->arena, value);
    path[equals - value] = 0;
    invocation->sets[invocation->n_sets++] = (struct config_set){path, equals + 1};
  }
  invocation->values[invocation->n_values].name = name;
  invocation->values[invocation->n_values++].value = value;
}

bool invocation_parse(struct invocation *invocation, int argc, char **argv, struct error *error) {
  const struct command *command = invocation->command;
  const size_t n = command->n_options + n_common_options;
  struct option *table = ARENA_NEW(invocation->arena, struct option, n + 1);
  for (size_t i = 0; i < n; i++) {
    const struct command_option *option = option_at(command, i);
    table[i] =
        (struct option){option->name, option->argument != NULL ? required_argument : no_argument, NULL, (int)i + 256};
  }
  opterr = 0;
  optind = 1;
  for (int found; (found = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
    if (found >= 256) {
      static char nothing[1] = "";
      keep_value(invocation, table[found - 256].name, optarg != NULL ? optarg : nothing, error);
    } else if (found == ':') {
      error_add(error, STATUS_INPUT, "dse %s: %s wants a value", command->name, argv[optind - 1]);
    } else {
      unknown_option(command, argv[optind - 1], error);
    }
  }
  for (int i = optind; i < argc; i++) {
    if (invocation->n_words == COMMAND_MAX_WORDS) break;
    invocation->words[invocation->n_words++] = argv[i];
  }
  const bool asks_help = invocation_value(invocation, "help") != NULL;
  if (!asks_help && (invocation->n_words < command->min_words || invocation->n_words > command->max_words)) {
    error_add(error, STATUS_INPUT, "usage: dse %s %s (dse %s --help tells more)", command->name, command->words,
              command->name);
  }
  return !error_is_set(error);
}

const char *invocation_value(const struct invocation *invocation, const char *option) {
  for (size_t i = invocation->n_values; i-- > 0;) {
    if (strcmp(invocation->values[i].name, option) == 0) return invocation->values[i].value;
  }
  return NULL;
}

bool invocation_u64(const struct invocation *invocation, const char *option, uint64_t fallback, uint64_t *value,
                    struct error *error) {
  const char *text = invocation_value(invocation, option);
  *value = fallback;
  if (text == NULL || text_to_u64(text, value)) return true;
  return error_add(error, STATUS_INPUT, "--%s: \"%s\" is no whole number", option, text);
}

/* Names in a sentence are anybody's: what a terminal would obey is shown as bytes, line ends and tabs stay. */
__attribute__((format(printf, 2, 0))) static void print_safely(FILE *out, const char *format, va_list arguments) {
  char *text = NULL;
  const int n = vasprintf(&text, format, arguments);
  REQUIRE(n >= 0);
  char *const safe = malloc(4 * (size_t)n + 1);
  REQUIRE(safe != NULL);
  for (char *line = text; *line != '\0';) {
    const size_t n_line = strcspn(line, "\n\t");
    const char end = line[n_line];
    line[n_line] = '\0';
    text_escape(line, safe, 4 * (size_t)n + 1);
    fputs(safe, out);
    if (end == '\0') break;
    putc(end, out);
    line += n_line + 1;
  }
  free(safe);
  free(text);
}

void say(const struct invocation *invocation, const char *format, ...) {
  if (cluster_rank(invocation->cluster) != 0) return;
  va_list arguments;
  va_start(arguments, format);
  print_safely(stdout, format, arguments);
  va_end(arguments);
}

void say_bytes(const struct invocation *invocation, const char *bytes, size_t n) {
  if (cluster_rank(invocation->cluster) != 0) return;
  if (invocation->heard != NULL)
    digest_add_bytes(invocation->heard, bytes, n);
  else
    fwrite(bytes, 1, n, stdout);
}

void remark(const struct invocation *invocation, const char *format, ...) {
  if (cluster_rank(invocation->cluster) != 0 || invocation->quiet) return;
  va_list arguments;
  va_start(arguments, format);
  print_safely(stderr, format, arguments);
  va_end(arguments);
}
