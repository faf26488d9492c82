/* What may come next on a command line? For shells: the same records that parse it and print --help answer.
 *
 * `dse --completion bash|zsh|fish` prints a shell's script; installed, or read by `source <(dse --completion bash)`, it
 * asks the very program that is being typed, `dse --complete WORD...`, at every TAB. So nothing in a shell can fall
 * behind the tables, and names of models and parts are those of the data that the program finds. */
#ifndef DSE_COMPLETION_H
#define DSE_COMPLETION_H

#include "base/error.h"
#include <stdio.h>

/* The script of a shell; false with a message for any other name. */
bool completion_script(const char *shell, FILE *out, struct error *error);
/* What the last of the words behind `dse`, which may be empty or unfinished, can become. A line each: the whole word,
 * and behind a tab what it means; or what the shell itself shall offer or do:
 *
 *   :files [EXT...]   files, of these extensions only, and folders on the way to them
 *   :folders          folders
 *   :open             no space behind the word: it goes on
 *
 * Nothing at all where only the user knows (a number, a name of his own). */
void completion_answer(int n_words, char **words, FILE *out);

#endif
