/* Who looks at the clock, and how often?
 *
 * Rank 0 looks at the end of every round and, because rounds may be long, between its evaluations too: a look every
 * quarter of a second costs nothing. What it shows and publishes is the state of the last finished round. Left out:
 * what the other ranks do meanwhile, which nobody knows before the round ends. */
#include "dse/run/progress.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/text.h"
#include "dse/output/outputs.h"
#include "dse/run/signals.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FIRST_LINE_S = 10, LINE_S = 60, PUBLISH_S = 10, COLUMNS = 80 };
static const double moving_s = 0.5, look_s = 0.25;
static const char limit_reason[] = "--max-time", folder_reason[] = "the loss of its folder";

/* --- what there is to tell ------------------------------------------------------------------------------------------
 */

/* The evaluations are those of the search and of the proof: at most the budgets, which a sweep has not, or the whole
 * space. */
uint64_t progress_most_evaluations(const struct rounds *rounds) {
  const struct run_search *search = &rounds->designs->settings->search;
  if (search_algorithm_find(search->algorithm)->folds) return space_size(&rounds->designs->space);
  const uint64_t budgets = sat_add(search->max_evaluations, search->prove ? search->prove_evaluations : 0);
  return min_u64(budgets, space_size(&rounds->designs->space));
}

static void take_bound(struct progress_facts *facts, const struct proof *proof) {
  facts->has_bound = proof->bound != 0 && isfinite(proof->bound); /* 0 before the whole space has been bounded */
  facts->bound = proof->bound;
  facts->gap = proof->gap;
}

/* Those under way: the run's own, or of a stage's own search. */
static const struct rounds *rounds_under_way(const struct run *run) {
  return run->stages.rounds != NULL ? run->stages.rounds : &run->rounds;
}

/* Counts what this launch does: rounds out of the journal are no measure of speed. */
static void count(struct progress *progress, double now_s) {
  const struct rounds *rounds = &progress->run->rounds;
  if (rounds->round < rounds->journaled || progress->run->stages.rounds != NULL) return;
  if (!progress->evaluations.begun) pace_begin(&progress->evaluations, now_s, rounds->evaluations);
  pace_add(&progress->evaluations, now_s, rounds->evaluations);
  if (rounds->fold_total == 0) {
    progress->points.begun = false;
  } else {
    pace_add(&progress->points, now_s, rounds->fold_done);
  }
}

static void look(struct progress *progress, double now_s) {
  struct run *run = progress->run;
  const struct rounds *rounds = &run->rounds;
  const bool staging = run->stages.rounds != NULL;
  const uint64_t round = rounds_under_way(run)->round;
  const bool mapping = run->mapping.n_total > 0;
  const bool replaying = round<rounds->journaled, proving = run->proof.points> 0;
  const struct objective *metric = &run->designs.space.objectives[run->designs.space.metric];
  struct progress_facts *facts = &run->now;
  count(progress, now_s);
  *facts = (struct progress_facts){.phase = replaying       ? "replay"
                                            : run->weighing ? "importance"
                                            : staging       ? "stages"
                                            : mapping       ? "tenants"
                                            : proving       ? "prove"
                                                            : "search",
                                   .evaluations = rounds->evaluations,
                                   .most = progress_most_evaluations(rounds),
                                   .per_s = pace_per_s(&progress->evaluations),
                                   .eta_s = -1,
                                   .unit = text_unit_shown(metric->name, metric->unit)};
  facts->has_best = topk_count(rounds->topk) > 0;
  if (facts->has_best) facts->best = topk_at(rounds->topk, 0)->score.objective[run->designs.space.metric];
  take_bound(facts, &run->proof);
  if (replaying) {
    facts->n_done = round;
    facts->n_total = rounds->journaled;
  } else if (staging) {
    facts->n_done = run->stages.n_done;
    facts->n_total = run->stages.n_total;
  } else if (mapping) {
    facts->n_done = run->mapping.n_done;
    facts->n_total = run->mapping.n_total;
  } else if (rounds->fold_total > 0) {
    facts->n_done = rounds->fold_done;
    facts->n_total = rounds->fold_total;
    facts->n_per_s = pace_per_s(&progress->points);
    facts->eta_s = pace_eta_s(&progress->points, now_s, rounds->fold_total);
  } else {
    facts->eta_s = pace_eta_s(&progress->evaluations, now_s, facts->most);
  }
}

/* --- telling --------------------------------------------------------------------------------------------------------
 */

/* stdout of a rank is a terminal under mpirun even if it goes to a file, so launchers are asked for by name. */
static bool own_terminal(void) {
  static const char *const launchers[] = {"OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMIX_RANK", "SLURM_STEP_ID", "NO_COLOR"};
  for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
    if (getenv(launchers[i]) != NULL) return false;
  }
  const char *term = getenv("TERM");
  return isatty(2) && term != NULL && strcmp(term, "dumb") != 0;
}

/* A line that fills the last column would wrap on some terminals. */
static size_t columns(void) {
  struct winsize size;
  if (ioctl(2, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return COLUMNS - 1;
  return size.ws_col - 1u;
}

static void show(struct progress *progress, double now_s) {
  char line[PROGRESS_LINE_BYTES];
  progress->shown_s = now_s;
  progress->drawn = progress->moving;
  progress_line(&progress->run->now, progress->moving ? columns() : PROGRESS_LINE_BYTES, line);
  const struct invocation *const invocation = progress->run->invocation;
  if (!progress->moving) {
    remark(invocation, "%s\n", line);
  } else if (cluster_rank(invocation->cluster) == 0 && !invocation->quiet) {
    fprintf(stderr, "\r%s\033[K", line);
  }
  fflush(stderr);
}

/* Rank 0, at any moment between two evaluations. */
static void tell(struct progress *progress, double now_s) {
  struct run *run = progress->run;
  progress->looked_s = now_s;
  folder_lock_refresh(&run->lock);
  look(progress, now_s);
  const double wait_s = progress->moving ? moving_s : progress->shown_s == run->start_s ? FIRST_LINE_S : LINE_S;
  if (now_s - progress->shown_s >= wait_s) show(progress, now_s);
  const bool asked = signals_take_publish();
  if ((!asked && now_s - progress->published_s < PUBLISH_S) || !run->locked || run->lost) return;
  progress->published_s = now_s;
  struct error unpublished = {0}; /* tables so far are a courtesy: a disk that is full is met at the next append */
  outputs_publish(run, "running", "", &unpublished);
}

static void on_round(void *context, const struct rounds *rounds) {
  if (cluster_rank(rounds->cluster) == 0) tell(context, clock_wall_s());
}

/* --- stopping -------------------------------------------------------------------------------------------------------
 */

/* The first reason stays: an unfinished round that was dropped for it must not be asked about again. */
static bool has_reason(struct progress *progress, double now_s) {
  const struct run *run = progress->run;
  if (progress->reason != NULL) return true;
  const int number = signals_stop();
  for (size_t i = 0; number != 0 && signals_that_stop[i].number != 0; i++) {
    if (signals_that_stop[i].number == number) progress->reason = signals_that_stop[i].reason;
  }
  /* Every launch adds a round at least, so that any chain of limited launches comes to its end. */
  const struct rounds *inner = run->stages.rounds;
  const uint64_t replayed = run->rounds.replayed + (inner != NULL ? inner->replayed : 0);
  const bool added = rounds_under_way(run)->round > replayed;
  if (added && progress->deadline_s > 0 && now_s >= progress->deadline_s) progress->reason = limit_reason;
  if (run->lost) progress->reason = folder_reason;
  return progress->reason != NULL;
}

static bool stop(void *context) { return has_reason(context, clock_wall_s()); }

static bool interrupted(void *context) {
  struct progress *progress = context;
  const double now_s = clock_wall_s();
  if (has_reason(progress, now_s)) return true;
  if (now_s - progress->looked_s < look_s || cluster_rank(progress->run->rounds.cluster) != 0) return false;
  tell(progress, now_s);
  return progress->run->lost;
}

bool progress_limit(const struct invocation *invocation, double *limit_s, struct error *error) {
  const char *text = invocation_value(invocation, "max-time");
  *limit_s = -1;
  if (text == NULL || (text_to_double(text, limit_s) && *limit_s >= 0)) return true;
  return error_add(error, STATUS_INPUT, "--max-time: \"%s\" is no number of seconds", text);
}

bool progress_init(struct progress *progress, struct run *run, struct error *error) {
  *progress = (struct progress){.run = run, .moving = own_terminal() && !run->invocation->quiet};
  progress->looked_s = progress->shown_s = progress->published_s = run->start_s;
  double limit_s;
  if (!progress_limit(run->invocation, &limit_s, error)) return false;
  if (limit_s >= 0) progress->deadline_s = run->start_s + limit_s;
  look(progress, run->start_s);
  run->rounds.progress = on_round;
  run->rounds.progress_context = progress;
  run->rounds.stop = stop;
  run->rounds.interrupted = interrupted;
  run->rounds.stop_context = progress;
  return true;
}

/* A round that one rank has dropped is dropped on all, of which some may not know why. */
static const char *agreed_reason(struct progress *progress) {
  struct cluster *cluster = progress->run->rounds.cluster;
  const char *mine = progress->reason;
  if (cluster_any(cluster, mine == folder_reason)) return folder_reason;
  for (size_t i = 0; signals_that_stop[i].number != 0; i++) {
    if (cluster_any(cluster, mine == signals_that_stop[i].reason)) return signals_that_stop[i].reason;
  }
  return limit_reason;
}

void progress_end(struct progress *progress) {
  if (progress->drawn && cluster_rank(progress->run->rounds.cluster) == 0) fputs("\r\033[K", stderr);
  progress->reason = progress->run->rounds.stopped ? agreed_reason(progress) : "";
}
