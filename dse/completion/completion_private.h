/* What the files of the completion share: completion.c finds out what is asked for, completion_values.c what there is
 * of it. */
#ifndef DSE_COMPLETION_PRIVATE_H
#define DSE_COMPLETION_PRIVATE_H

#include "dse/commands/command.h"

struct completion {
  FILE *out;
  struct arena *arena, *scratch;
  const char *data_folder;
  const struct command *command;
  const char *words[COMMAND_MAX_WORDS]; /* positional, before the one that is being typed */
  size_t n_words;
  const char *kept, *typed; /* the last word, cut in two: what stands, and the beginning of what is asked for */
};

/* Prints a candidate if it begins as typed; `ending` ("" or "=") belongs to it. */
void completion_offer(const struct completion *completion, const char *name, const char *ending, const char *doc);
/* Takes what is typed up to its last `separator` as standing; false if there is none. */
bool completion_keep(struct completion *completion, char separator);

/* Offers the names that the program knows for what is asked for: a word of the usage line (`where` is "") or an
 * option's argument, as spelt there. What the spelling itself says, files and literal words, is not its business. */
void completion_value(struct completion *completion, const char *where, const char *spelt);

#endif
