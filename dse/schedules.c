/* dse schedules: how far from the shortest schedules are ours? */
#include "dse/schedule_cases.h"

#include "arch/schedule_check.h"
#include "arch/schedule_exact.h"
#include "base/checked.h"
#include "results/table.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const unsigned passes[] = {0, 1, 2, 4, 16, 64};
enum { N_PASSES = sizeof passes / sizeof *passes, MAX_SETS = 16, DEFAULT_NODES = 200000, DEFAULT_GRAPHS = 400 };

struct verdict {
  uint64_t bound_cycles, exact_cycles, cycles[N_PASSES], n_nodes;
  bool proven;
};

struct summary {
  const char *set;
  size_t n, n_proven;
  double sum[N_PASSES], worst[N_PASSES], bound_sum, bound_worst;
  double seconds[N_PASSES + 2];
};

static double now_s(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static bool judge_schedule(const struct schedule_case *judged, const struct schedule_problem *problem,
                           const struct schedule *schedule, const char *who, struct arena *scratch,
                           struct error *error) {
  struct error broken = {0};
  if (schedule_check(problem, schedule, scratch, &broken)) return true;
  return error_add(error, STATUS_INPUT, "%s, %s: %s: %s", judged->set, judged->name, who, broken.text);
}

static bool solve(const struct schedule_case *judged, uint64_t max_nodes, struct arena *arena, struct arena *scratch,
                  struct summary *summary, struct verdict *verdict, struct error *error) {
  const struct arena_mark mark = arena_get_mark(arena);
  struct schedule_problem problem = judged->problem;
  enum schedule_bound_kind kind;
  double start = now_s();
  verdict->bound_cycles = schedule_lower_bound(&problem, scratch, &kind);
  summary->seconds[N_PASSES] += now_s() - start;
  problem.enough_cycles = verdict->bound_cycles;
  for (size_t k = 0; k < N_PASSES; k++) {
    struct schedule schedule;
    problem.passes = passes[k];
    start = now_s();
    schedule_build(&problem, scratch, NULL, false, &schedule);
    summary->seconds[k] += now_s() - start;
    schedule_build(&problem, scratch, arena, true, &schedule);
    if (!judge_schedule(judged, &problem, &schedule, "list", scratch, error)) return false;
    verdict->cycles[k] = schedule.makespan_cycles;
  }
  struct schedule best;
  start = now_s();
  verdict->proven = schedule_exact(&problem, max_nodes, scratch, arena, &best, &verdict->n_nodes);
  summary->seconds[N_PASSES + 1] += now_s() - start;
  if (!judge_schedule(judged, &problem, &best, "exact", scratch, error)) return false;
  verdict->exact_cycles = best.makespan_cycles;
  if (getenv("DBG") && strstr(judged->name, getenv("DBG"))) {
    struct schedule x;
    problem.passes = 64;
    schedule_build(&problem, scratch, arena, true, &x);
    printf("%s %s\n", judged->set, judged->name);
    for (size_t i = 0; i < problem.graph->n_ops; i++) {
      uint32_t sh = problem.graph->ops[i].shape;
      printf("%zu %s cls %u cycles", i, op_name(problem.graph, i), problem.shape_classes[sh]);
      for (unsigned w = 0; w < problem.n_widths; w++) printf(" %lu", problem.shape_cycles[sh * problem.n_widths + w]);
      printf(" preds");
      for (uint32_t e = problem.graph->pred_start[i]; e < problem.graph->pred_start[i + 1]; e++) printf(" %u", problem.graph->preds[e]);
      printf(" | exact %lu w%u | p64 %lu w%u\n", best.start_cycles[i], 1 << best.width_log2[i], x.start_cycles[i], 1 << x.width_log2[i]);
    }
  }
  if (verdict->bound_cycles > verdict->exact_cycles)
    return error_add(error, STATUS_INPUT, "%s, %s: bound %" PRIu64 " above the optimum %" PRIu64, judged->set,
                     judged->name, verdict->bound_cycles, verdict->exact_cycles);
  arena_rewind(arena, mark);
  return true;
}

static struct summary *summary_of(struct summary *summaries, const char *set) {
  struct summary *summary = summaries;
  while (summary->set != NULL && strcmp(summary->set, set) != 0) summary++;
  summary->set = set;
  return summary;
}

static void count(struct summary *summary, const struct verdict *verdict) {
  const double reference = (double)(verdict->proven ? verdict->exact_cycles : verdict->bound_cycles);
  summary->n++;
  summary->n_proven += verdict->proven;
  for (size_t k = 0; k < N_PASSES; k++) {
    const double gap = (double)verdict->cycles[k] / reference - 1;
    summary->sum[k] += gap;
    summary->worst[k] = fmax(summary->worst[k], gap);
  }
  const double below = 1 - (double)verdict->bound_cycles / (double)verdict->exact_cycles;
  summary->bound_sum += below;
  summary->bound_worst = fmax(summary->bound_worst, below);
}

static enum status run_schedules(struct invocation *invocation, struct error *error) {
  static const struct {
    const char *name, *batch;
  } networks[] = {{"mobilenet_v3_large", "64"},
                  {"resnet18", "64"},
                  {"inception_v3", "64"},
                  {"resnext101_32x8d", "64"},
                  {"vgg16", "64"},
                  {"gnmt4", "128"},
                  {"bert-base", "32"},
                  {"bert-large", "32"},
                  {"opt-1.3b", "1"},
                  {"gpt2-xl", "1"},
                  {"gpt3-175b", "1"}};
  uint64_t n_graphs, seed, max_nodes;
  if (!invocation_u64(invocation, "graphs", DEFAULT_GRAPHS, &n_graphs, error) ||
      !invocation_u64(invocation, "seed", 1, &seed, error) ||
      !invocation_u64(invocation, "nodes", DEFAULT_NODES, &max_nodes, error))
    return error->status;
  struct schedule_cases cases = {0};
  const size_t n_sets = invocation->n_sets;
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
    invocation->sets[n_sets] = (struct config_set){"workload", networks[i].name};
    invocation->sets[n_sets + 1] = (struct config_set){"batch", networks[i].batch};
    invocation->n_sets = n_sets + 2;
    struct run *run = ARENA_NEW(invocation->arena, struct run, 1);
    run->invocation = invocation;
    const bool good = run_prepare(run, invocation->words[0], error) &&
                      schedule_cases_of_layers(run, invocation->arena, &cases, error);
    run_release(run);
    if (!good) return error->status;
  }
  schedule_cases_at_random(seed, n_graphs, invocation->arena, &cases);
  struct summary summaries[MAX_SETS] = {0};
  for (size_t i = 0; i < cases.n; i++) {
    struct verdict verdict;
    struct summary *const summary = summary_of(summaries, cases.list[i].set);
    if (!solve(&cases.list[i], max_nodes, invocation->arena, invocation->scratch, summary, &verdict, error))
      return error->status;
    count(summary, &verdict);
    if (invocation->verbose)
      remark(invocation,
             "%s %s ops %zu bound %" PRIu64 " exact %" PRIu64 " %d nodes %" PRIu64 " list %" PRIu64 " %" PRIu64
             " %" PRIu64 "\n",
             cases.list[i].set, cases.list[i].name, cases.list[i].problem.graph->n_ops, verdict.bound_cycles,
             verdict.exact_cycles, verdict.proven, verdict.n_nodes, verdict.cycles[0], verdict.cycles[1],
             verdict.cycles[N_PASSES - 1]);
  }
  say(invocation, "too large %zu\n", cases.n_too_large);
  for (const struct summary *s = summaries; s->set != NULL; s++) {
    say(invocation, "%-24s n %4zu proven %4zu bound mean %.3f worst %.3f exact %.2f s\n", s->set, s->n, s->n_proven,
        100 * s->bound_sum / (double)s->n, 100 * s->bound_worst, s->seconds[N_PASSES + 1]);
    for (size_t k = 0; k < N_PASSES; k++)
      say(invocation, "   passes %2u mean %.4f %% worst %.3f %%  %.1f us each\n", passes[k],
          100 * s->sum[k] / (double)s->n, 100 * s->worst[k], 1e6 * s->seconds[k] / (double)s->n);
  }
  return STATUS_OK;
}

static const struct command_option options[] = {
    {"graphs", "N", "random graphs (default: 400)"},
    {"seed", "N", "of the random graphs (default: 1)"},
    {"nodes", "N", "at most so many nodes of the exact search a graph (default: 200000)"},
};
static const char *const examples[] = {"dse schedules configs/quickstart.cfg", NULL};
const struct command command_schedules = {
    .name = "schedules",
    .words = "RUN.cfg",
    .summary = "how far the scheduler is from the shortest schedules, on layers and random graphs",
    .min_words = 1,
    .max_words = 1,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details = "",
    .examples = examples,
    .run = run_schedules,
};
