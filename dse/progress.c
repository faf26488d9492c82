/* See progress.h. */
#include "dse/progress.h"

#include "base/text.h"
#include "dse/outputs.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_LINE_S = 10, LINE_S = 60, MOVING_S = 1, PUBLISH_S = 10 };

/* The one thing that a handler may touch. A second signal ends the process at once. */
static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number) {
  if (asked_to_stop) {
    signal(number, SIG_DFL);
    raise(number);
  }
  asked_to_stop = number;
}

static void install_handlers(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1, SIGXCPU, SIGHUP};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    sigaction(numbers[i], NULL, &old);
    if (old.sa_handler != SIG_IGN) sigaction(numbers[i], &action, NULL); /* nohup stays in force */
  }
  signal(SIGPIPE, SIG_IGN);
}

/* stdout of a rank is a terminal under mpirun even if it goes to a file, so launchers are asked for by name. */
static bool own_terminal(void) {
  static const char *const launchers[] = {"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMIX_RANK", "SLURM_STEP_ID", "NO_COLOR"};
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
    if (getenv(launchers[i]) != NULL) return false;
  }
  const char *term = getenv("TERM");
  return isatty(2) && term != NULL && strcmp(term, "dumb") != 0;
}

static void show(void *context, const struct rounds *rounds) {
  struct progress *progress = context;
  struct run *run = progress->run;
  const double now_s = run_clock_s(), since_s = now_s - run->start_s;
  if (cluster_rank(rounds->cluster) != 0) return;
  folder_lock_refresh(&run->lock);
  const double wait_s = progress->moving ? MOVING_S : progress->last_s == run->start_s ? FIRST_LINE_S : LINE_S;
  if (now_s - progress->last_s >= wait_s) {
    progress->last_s = now_s;
    double best = 0;
    const bool any = topk_count(rounds->topk) > 0;
    if (any) best = topk_at(rounds->topk, 0)->score.objective[rounds->designs->space.metric];
    remark(run->invocation, "%s%llu of at most %llu evaluations, %.0f/s, best %s%.6g, front %zu%s",
           progress->moving ? "\r" : "", (unsigned long long)rounds->evaluations,
           (unsigned long long)(run->settings.search.max_evaluations + run->settings.search.prove_evaluations),
           (double)rounds->evaluations / since_s, any ? "" : "none ", best, pareto_count(rounds->front),
           progress->moving ? "   " : "\n");
  }
  if (now_s - progress->published_s >= PUBLISH_S && run->folder != NULL) {
    progress->published_s = now_s;
    struct error unpublished = {0}; /* tables so far are a courtesy: a disk that is full is met at the next append */
    outputs_publish(run, "running", "", &unpublished);
  }
}

static bool stop(void *context) {
  struct progress *progress = context;
  if (asked_to_stop) progress->reason = arena_printf(progress->run->invocation->arena, "signal %d", (int)asked_to_stop);
  /* Every launch adds a round at least, so that any chain of limited launches comes to its end. */
  const bool added = progress->run->rounds.round > progress->run->rounds.replayed;
  if (added && progress->deadline_s > 0 && run_clock_s() >= progress->deadline_s) progress->reason = "--max-time";
  return progress->reason[0] != 0;
}

bool progress_limit(const struct invocation *invocation, double *limit_s, struct error *error) {
  const char *text = invocation_value(invocation, "max-time");
  *limit_s = -1;
  if (text == NULL || (text_to_double(text, limit_s) && *limit_s >= 0)) return true;
  return error_add(error, STATUS_INPUT, "--max-time: \"%s\" is no number of seconds", text);
}

bool progress_init(struct progress *progress, struct run *run, struct error *error) {
  *progress = (struct progress){.run = run, .reason = "", .moving = own_terminal() && !run->invocation->quiet};
  progress->last_s = progress->published_s = run->start_s;
  double limit_s;
  if (!progress_limit(run->invocation, &limit_s, error)) return false;
  if (limit_s >= 0) progress->deadline_s = run->start_s + limit_s;
  install_handlers();
  run->rounds.progress = show;
  run->rounds.progress_context = progress;
  run->rounds.stop = stop;
  run->rounds.stop_context = progress;
  return true;
}

void progress_end(struct progress *progress) {
  if (progress->moving && cluster_rank(progress->run->rounds.cluster) == 0) fputs("\r\033[K", stderr);
}
