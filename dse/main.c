/* Where a run begins: which command, what data folder, which ranks; and where it ends: one report, one exit status. */
#include "dse/commands/commands.h"
#include "dse/commands/data_folder.h"
#include "dse/commands/version.h"
#include "dse/completion/completion.h"
#include "dse/run/run.h"
#include "dse/run/signals.h"

#include "base/text.h"
#include <gsl/gsl_errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cluster *the_cluster; /* for the one exit that has no arguments */

static void out_of_memory(size_t bytes) {
  fprintf(stderr, "dse: no memory left (%zu bytes more were needed)\n", bytes);
  if (the_cluster != NULL) cluster_abort(the_cluster, STATUS_ENVIRONMENT);
  _exit(STATUS_ENVIRONMENT);
}

static const struct command *find_command(const char *name, struct error *error) {
  const char *names[64];
  for (size_t i = 0; i < n_commands; i++) {
    if (strcmp(commands[i]->name, name) == 0) return commands[i];
    names[i] = commands[i]->name;
  }
  const char *nearest = text_nearest(name, names, n_commands);
  error_add(error, STATUS_INPUT, "dse: unknown command %s%s%s%s (dse --help lists them)", name,
            nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
  return NULL;
}

/* Bad usage is noticed by all ranks alike, before they know each other. They meet all the same: the first one says it,
 * and the launcher does not end it before because another was quicker to leave. */
static void meet(int argc, char **argv) {
  struct error ignored = {0}; /* alone, then: better said often than not at all */
  the_cluster = cluster_start(&argc, &argv, &ignored);
}

static enum status finish(const struct error *error, enum status status) {
  if (!error_is_set(error)) return status;
  if (error->length == 0) return error->status; /* to be left in silence */
  if (the_cluster == NULL || cluster_rank(the_cluster) == 0) {
    fputs(error->text, stderr);
    size_t shown = 0;
    for (const char *c = error->text; *c != 0; c++) shown += *c == '\n';
    if (shown < error->n_messages) fprintf(stderr, "(and %zu more)\n", error->n_messages - shown);
  }
  return error->status;
}

/* What a time limit may stop, signals may: such a command looks at both between its evaluations. */
static bool is_resumable(const struct command *command) {
  for (size_t i = 0; i < command->n_options; i++) {
    if (strcmp(command->options[i].name, "max-time") == 0) return true;
  }
  return false;
}

static enum status run_command(const struct command *command, int argc, char **argv, struct error *error) {
  struct arena arena, scratch;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  struct invocation *invocation = ARENA_NEW(&arena, struct invocation, 1);
  *invocation = (struct invocation){.command = command, .arena = &arena, .scratch = &scratch};
  enum status status = STATUS_INPUT;
  if (invocation_parse(invocation, argc, argv, error)) {
    if (invocation_value(invocation, "help") != NULL) {
      command_help(command, stdout);
      status = STATUS_OK;
    } else {
      if (is_resumable(command)) signals_catch(); /* before MPI starts, which takes a while */
      the_cluster = cluster_start(&argc, &argv, error);
      invocation->cluster = the_cluster;
      /* Only rank 0 speaks; what others would print alike goes nowhere. */
      if (the_cluster != NULL && cluster_rank(the_cluster) > 0 && freopen("/dev/null", "w", stdout) == NULL) {
        error_add(error, STATUS_ENVIRONMENT, "/dev/null: cannot be opened");
      }
      invocation->data_folder = data_folder_find(&arena);
      if (the_cluster != NULL && run_same_program(the_cluster, error)) status = command->run(invocation, error);
      if (the_cluster != NULL) cluster_agree(the_cluster, error);
    }
  } else {
    meet(argc, argv);
  }
  status = finish(error, status);
  if ((fflush(stdout) != 0 || ferror(stdout)) && status == STATUS_OK) {
    perror("dse: standard output");
    status = STATUS_ENVIRONMENT;
  }
  if (the_cluster != NULL) cluster_finish(the_cluster);
  arena_release(&scratch);
  arena_release(&arena);
  return status;
}

static void say_version(bool json) {
  struct arena arena;
  arena_init(&arena, 1 << 14);
  const char *data_folder = data_folder_find(&arena);
  if (json) {
    version_print_json(data_folder, stdout);
  } else {
    version_print(data_folder, stdout);
  }
  arena_release(&arena);
}

int main(int argc, char **argv) {
  gsl_set_error_handler_off();
  signal(SIGXFSZ, SIG_IGN); /* a file that must not grow is an error of the write */
  arena_on_exhaustion = out_of_memory;
  struct error *error = calloc(1, sizeof *error);
  if (error == NULL) out_of_memory(sizeof *error);
  enum status status = STATUS_OK;
  if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
    commands_overview(stdout);
  } else if (strcmp(argv[1], "--version") == 0) {
    say_version(argc > 2 && strcmp(argv[2], "--json") == 0);
  } else if (strcmp(argv[1], "--man") == 0) {
    commands_man(stdout);
  } else if (strcmp(argv[1], "--completion") == 0) {
    if (!completion_script(argc > 2 ? argv[2] : "", stdout, error)) status = finish(error, STATUS_INPUT);
  } else if (strcmp(argv[1], "--complete") == 0) {
    completion_answer(argc - 2, argv + 2, stdout);
  } else {
    const struct command *command = find_command(argv[1], error);
    if (command != NULL) {
      status = run_command(command, argc - 1, argv + 1, error);
    } else {
      meet(argc, argv);
      status = finish(error, STATUS_INPUT);
      if (the_cluster != NULL) cluster_finish(the_cluster);
    }
  }
  if ((fflush(stdout) != 0 || ferror(stdout)) && status == STATUS_OK) {
    perror("dse: standard output");
    status = STATUS_ENVIRONMENT;
  }
  free(error);
  return status;
}
