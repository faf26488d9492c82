/* The list of commands, their help and the man page, from their own records. See commands.h. */
#include "dse/commands/commands.h"

#include "dse/commands/version.h"
#include <stdio.h>

#define COMMAND(name) extern const struct command command_##name;
#include "dse/commands/commands.def"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "dse/commands/commands.def"
#undef COMMAND
};
const size_t n_commands = sizeof commands / sizeof *commands;

static void help_options(const struct command_option *options, size_t n, FILE *out) {
  for (size_t i = 0; i < n; i++) {
    char head[64];
    snprintf(head, sizeof head, "--%s%s%s", options[i].name, options[i].argument != NULL ? " " : "",
             options[i].argument != NULL ? options[i].argument : "");
    fprintf(out, "  %-24s %s\n", head, options[i].doc);
  }
}

void command_help(const struct command *command, FILE *out) {
  fprintf(out, "usage: dse %s %s [options]\n\n%s\n\n%s\n\noptions:\n", command->name, command->words, command->summary,
          command->details);
  help_options(command->options, command->n_options, out);
  help_options(common_options, n_common_options, out);
  fprintf(out, "\nexamples:\n");
  for (size_t i = 0; command->examples[i] != NULL; i++) fprintf(out, "  %s\n", command->examples[i]);
}

void commands_overview(FILE *out) {
  fprintf(out, "dse %s: design-space exploration of accelerators that train neural networks\n\n", dse_version());
  for (size_t i = 0; i < n_commands; i++) fprintf(out, "  dse %-10s %s\n", commands[i]->name, commands[i]->summary);
  fprintf(out, "\ndse COMMAND --help tells more, with examples; dse --version says what this is.\n"
               "dse --completion bash|zsh|fish prints completion for that shell, dse --man the man page.\n"
               "Runs alone or under mpirun or srun, with the same answer.\n");
}

/* mdoc takes a leading dot or quote for a request, and a backslash for an escape. */
static void man_text(const char *text, FILE *out) {
  bool line_start = true;
  for (const char *c = text; *c != 0; c++) {
    if (line_start && (*c == '.' || *c == '\'')) fputs("\\&", out);
    if (*c == '\\') {
      fputs("\\e", out);
    } else {
      fputc(*c, out);
    }
    line_start = *c == '\n';
  }
  fputc('\n', out);
}

static void man_options(const struct command_option *options, size_t n, FILE *out) {
  for (size_t i = 0; i < n; i++) {
    fprintf(out, ".It Fl \\-%s", options[i].name);
    if (options[i].argument != NULL) fprintf(out, " Ar %s", options[i].argument);
    fputc('\n', out);
    man_text(options[i].doc, out);
  }
}

void commands_man(FILE *out) {
  fprintf(out, ".Dd November 21, 2026\n.Dt DSE 1\n.Os\n.Sh NAME\n.Nm dse\n"
               ".Nd design-space exploration of accelerators that train neural networks\n.Sh SYNOPSIS\n");
  for (size_t i = 0; i < n_commands; i++) {
    fprintf(out, ".Nm dse\n.Cm %s\n.Ar %s\n", commands[i]->name, commands[i]->words);
  }
  fprintf(out, ".Sh DESCRIPTION\nRuns alone or under mpirun or srun, with the same answer.\n"
               "Data goes to standard output, everything else to standard error.\n.Bl -tag -width Ds\n");
  for (size_t i = 0; i < n_commands; i++) {
    fprintf(out, ".It Cm %s Ar %s\n", commands[i]->name, commands[i]->words);
    man_text(commands[i]->summary, out);
    fprintf(out, ".Pp\n");
    man_text(commands[i]->details, out);
    if (commands[i]->n_options > 0) {
      fprintf(out, ".Bl -tag -width Ds\n");
      man_options(commands[i]->options, commands[i]->n_options, out);
      fprintf(out, ".El\n");
    }
  }
  fprintf(out, ".El\n.Pp\nOptions of every command:\n.Bl -tag -width Ds\n");
  man_options(common_options, n_common_options, out);
  fprintf(out, ".El\n.Sh EXIT STATUS\n.Bl -tag -width Ds\n"
               ".It 0\ndone\n.It 1\nthe environment failed (disk, MPI, missing file)\n"
               ".It 2\nbad usage or bad input\n.It 3\nnothing feasible\n"
               ".It 75\nstopped early by a limit or a signal; resumable\n.El\n.Sh FILES\n"
               "Models, parts, tables and run files to begin with lie in\n.Pa share/dse\nbeside the folder of the "
               "program;\n.Nm dse Fl \\-version\nsays where. Completion for a shell:\n"
               ".Nm dse Fl \\-completion Ar bash|zsh|fish .\n.Sh EXAMPLES\n");
  for (size_t i = 0; i < n_commands; i++) {
    for (size_t e = 0; commands[i]->examples[e] != NULL; e++) fprintf(out, ".Dl %s\n", commands[i]->examples[e]);
  }
}
