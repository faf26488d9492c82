/* A command of the program: one record, one file, one line in commands.def. The same record parses the command line,
 * prints --help and makes the man page (commands.h). */
#ifndef DSE_COMMAND_H
#define DSE_COMMAND_H

#include "base/arena.h"
#include "base/config.h"
#include "base/digest.h"
#include "base/error.h"
#include "cluster/cluster.h"

struct command_option {
  const char *name, *argument; /* argument NULL: a flag */
  const char *doc;             /* with unit and default */
};

enum { COMMAND_MAX_VALUES = 256, COMMAND_MAX_WORDS = 64 };

struct invocation;

struct command {
  const char *name, *words, *summary; /* words: the positional arguments as shown in the usage line */
  unsigned min_words, max_words;
  const struct command_option *options;
  size_t n_options;
  const char *details;         /* what it does, what it writes */
  const char *const *examples; /* NULL-terminated; each runs as printed */
  enum status (*run)(struct invocation *invocation, struct error *error);
};

/* What a command works with. */
struct invocation {
  const struct command *command;
  struct cluster *cluster;
  struct arena *arena, *scratch;
  const char *data_folder; /* holds workloads/models and arch/catalogue */
  const char *words[COMMAND_MAX_WORDS];
  size_t n_words;
  struct {
    const char *name, *value;
  } values[COMMAND_MAX_VALUES];
  size_t n_values;
  struct config_set sets[COMMAND_MAX_VALUES];
  size_t n_sets;
  bool json, quiet, verbose;
  struct digest_stream *heard; /* where what would be said goes instead; NULL: to stdout */
};

/* Options that every command has: --set, --json, --quiet, --verbose, --help. */
extern const struct command_option common_options[];
extern const size_t n_common_options;

/* The last value given for an option, or NULL; flags have the value "". */
const char *invocation_value(const struct invocation *invocation, const char *option);
/* A number given for an option; `fallback` if it is absent; false with a message if it is no number. */
bool invocation_u64(const struct invocation *invocation, const char *option, uint64_t fallback, uint64_t *value,
                    struct error *error);
/* Data for people goes to stdout, remarks to stderr; only rank 0 speaks. Control characters of names are shown as \xNN;
 * say_bytes hands on what it is given. */
void say(const struct invocation *invocation, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_bytes(const struct invocation *invocation, const char *bytes, size_t n);
void remark(const struct invocation *invocation, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Parses argv behind the command's name. */
bool invocation_parse(struct invocation *invocation, int argc, char **argv, struct error *error);

#endif
