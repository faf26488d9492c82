/* Which commands are there, and what do --help and the man page say of them? */
#ifndef DSE_COMMANDS_H
#define DSE_COMMANDS_H

#include "dse/commands/command.h"

extern const struct command *const commands[];
extern const size_t n_commands;

void command_help(const struct command *command, FILE *out);
void commands_overview(FILE *out);
void commands_man(FILE *out); /* the man page, in mdoc */

#endif
