/* What is the best design of a stage alone, and which one is the least that keeps another's pace? See global.h.
 *
 * A stage's own search is the run's in small: the same space and limits, the stage's beat in place of the iteration, in
 * rounds that go into the journal behind the run's. */
#include "dse/system/global_private.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

/* A design that has the pace itself must not miss it by rounding. */
static const double PACE_SLACK = 1e-12;

static bool same_stage(const struct system_plan *a, const struct device_run *x, const struct system_plan *b,
                       const struct device_run *y) {
  const size_t n = a->cut->chain.n_blocks;
  return a->cut == b->cut && a->n_microbatches == b->n_microbatches && a->schedule->tears == b->schedule->tears &&
         a->strategy.recompute == b->strategy.recompute && a->strategy.zero == b->strategy.zero &&
         a->strategy.degrees.data == b->strategy.degrees.data && x->memory_bytes == y->memory_bytes &&
         memcmp(x->blocks, y->blocks, n * sizeof *x->blocks) == 0;
}

const struct global_stage *global_searched(const struct choosing *choosing, const struct system_plan *plan,
                                           const struct device_run *run, double pace_s) {
  const struct global *global = choosing->global;
  for (size_t s = 0; s < global->n_stages; s++) {
    const struct global_stage *stage = &global->stages[s];
    if (stage->pace_s == pace_s && same_stage(stage->plan, &stage->plan->runs[stage->run], plan, run)) return stage;
  }
  return NULL;
}

static void need(void *context, uint32_t unit) { ((bool *)context)[unit] = true; }

/* For the least load; with a pace for the least power that keeps it. */
static bool search_stage(struct choosing *choosing, const struct system_plan *plan, size_t index, double pace_s,
                         struct error *error) {
  struct run *run = choosing->run;
  struct run_settings *settings = ARENA_NEW(choosing->arena, struct run_settings, 1);
  struct system_search *search = ARENA_NEW(choosing->arena, struct system_search, 1);
  struct design_space *designs = ARENA_NEW(choosing->arena, struct design_space, 1);
  bool *needed = ARENA_NEW(choosing->arena, bool, choosing->search->system->n_units);
  *settings = run->settings;
  const size_t metric = pace_s > 0 ? OBJECTIVE_TDP : OBJECTIVE_THROUGHPUT;
  settings->search.metric = metric;
  settings->search.prove_front = false;
  settings->search.bound_points = 0;
  /* Ranges of what a system does say nothing of its stages. */
  static const size_t of_systems[] = {OBJECTIVE_THROUGHPUT, OBJECTIVE_ENERGY, OBJECTIVE_THROUGHPUT_PER_TDP,
                                      OBJECTIVE_EDP};
  for (size_t i = 0; i < sizeof of_systems / sizeof *of_systems; i++) {
    settings->minimum.of[of_systems[i]] = settings->maximum.of[of_systems[i]] = 0;
  }
  for (size_t i = 0; i < run->settings.system.top_k.n; i++) {
    settings->search.top_k = max_u64(settings->search.top_k, run->settings.system.top_k.values[i]);
  }
  *search = *choosing->search;
  search->focus = (struct system_focus){plan, index};
  *designs = run->designs;
  designs->settings = settings;
  designs->system = search;
  designs->floor_throughput = pace_s > 0 ? (double)search->samples / pace_s * (1 - PACE_SLACK) : 0;
  designs->space.context = designs;
  designs->space.metric = metric;
  system_visit_units(plan, &plan->runs[index], need, needed);
  designs->needed = needed;
  struct rounds *rounds = ARENA_NEW(choosing->arena, struct rounds, 1);
  struct proof proof;
  rounds_init(rounds, run->rounds.cluster, designs, run->rounds.journal, choosing->arena);
  rounds->round = run->rounds.round;
  rounds->journaled = run->rounds.journaled;
  rounds->stop = run->rounds.stop;
  rounds->interrupted = run->rounds.interrupted;
  rounds->stop_context = run->rounds.stop_context;
  rounds->progress = run->rounds.progress;
  rounds->progress_context = run->rounds.progress_context;
  run->stages.rounds = rounds;
  const struct search_algorithm *guided = search_algorithm_find("guided");
  const bool good = rounds_search(rounds, guided, run_algorithm_settings(settings, guided),
                                  settings->search.max_evaluations, error) &&
                    (rounds->stopped || prove(rounds, &proof, error));
  run->rounds.round = rounds->round;
  run->rounds.stopped = rounds->stopped;
  run->stages.rounds = NULL;
  run->rounds.replayed += rounds->replayed;
  run->stages.n_done++;
  run->stages.n_evaluations += rounds->evaluations;
  if (!good || rounds->stopped) return good;
  struct global_stage *stage = &choosing->global->stages[choosing->global->n_stages++];
  *stage = (struct global_stage){.plan = plan,
                                 .run = index,
                                 .pace_s = pace_s,
                                 .n_evaluations = rounds->evaluations,
                                 .proven = proof.optimal,
                                 .topk = rounds->topk,
                                 .front = rounds->front};
  if (topk_count(rounds->topk) == 0) return true;
  stage->load_s = (double)search->samples / topk_at(rounds->topk, 0)->score.objective[OBJECTIVE_THROUGHPUT];
  stage->tdp_w = topk_at(rounds->topk, 0)->score.objective[OBJECTIVE_TDP];
  if (pace_s == 0) stage->bound_s = proof.bound > 0 ? (double)search->samples / proof.bound : 0;
  return true;
}

/* The slowest stage sets the pace; of the others the least power that keeps it. */
static bool shrink_stages(struct choosing *choosing, const struct system_plan *plan, struct error *error) {
  double pace_s = 0;
  if (!choosing->search->system->units[0]->stage.provider->has_tdp) return true;
  for (size_t r = 0; r < plan->n_runs; r++) {
    const struct global_stage *stage = global_searched(choosing, plan, &plan->runs[r], 0);
    if (stage == NULL || !(stage->load_s > 0)) return true;
    pace_s = fmax(pace_s, stage->load_s);
  }
  for (size_t r = 0; r < plan->n_runs; r++) {
    const struct global_stage *stage = global_searched(choosing, plan, &plan->runs[r], 0);
    if (stage->load_s == pace_s || global_searched(choosing, plan, &plan->runs[r], pace_s) != NULL) continue;
    choosing->run->stages.n_total++;
    if (!search_stage(choosing, plan, r, pace_s, error)) return false;
    if (choosing->run->rounds.stopped) return true;
  }
  return true;
}

/* How many different stages there are: equal ones are searched once. Whether they are shrunk shows later. */
static uint64_t count_stages(const struct choosing *choosing) {
  uint64_t n = 0;
  for (size_t i = 0; i < choosing->n_plans; i++) {
    const struct system_plan *plan = choosing->plans[i];
    for (size_t r = 0; r < plan->n_runs; r++) {
      bool seen = false;
      for (size_t k = 0; k <= i; k++) {
        const struct system_plan *other = choosing->plans[k];
        for (size_t q = 0; q < (k < i ? other->n_runs : r); q++) {
          seen = seen || same_stage(other, &other->runs[q], plan, &plan->runs[r]);
        }
      }
      n += !seen;
    }
  }
  return n;
}

bool global_search_stages(struct choosing *choosing, struct error *error) {
  size_t n = 0;
  for (size_t i = 0; i < choosing->n_plans; i++) n += 2 * choosing->plans[i]->n_runs;
  choosing->global->stages = ARENA_NEW(choosing->arena, struct global_stage, n);
  choosing->run->stages.n_total = count_stages(choosing);
  for (size_t i = 0; i < choosing->n_plans; i++) {
    const struct system_plan *plan = choosing->plans[i];
    for (size_t r = 0; r < plan->n_runs; r++) {
      if (global_searched(choosing, plan, &plan->runs[r], 0) != NULL) continue;
      if (!search_stage(choosing, plan, r, 0, error)) return false;
      if (choosing->run->rounds.stopped) return true;
    }
    if (!shrink_stages(choosing, plan, error)) return false;
    if (choosing->run->rounds.stopped) return true;
  }
  return true;
}
