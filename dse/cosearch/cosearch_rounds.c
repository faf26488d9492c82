/* Asks of the joint search answered: training by rounds of the journal, bounds and mappings on the ranks. See
 * cosearch.h. */
#include "dse/cosearch/cosearch_private.h"
#include "dse/run/on_ranks.h"
#include "dse/tenancy/tenancy_alone.h"

#include <math.h>
#include <string.h>

/* --- one platform ---------------------------------------------------------------------------------------------------
 */

struct work {
  struct run *run;
  struct joint_platform *const *platforms; /* of the question */
  const struct tenancy_algorithm *algorithm;
  const void *few, *many; /* its settings in front, and for finalists */
  bool again;             /* finalists */
  struct arena arena;     /* of one platform at a time */
};

/* A platform as a problem of tenants. Points into itself: stays where it is. */
struct site {
  double bandwidth;
  struct tenancy_table_settings jobs;
  struct tenancy_cores cores;
  struct tenancy_table table;
  struct tenancy_instance instance;
  struct tenancy_parts parts;
};

/* What travels: a platform bounded, or mapped as well. */
struct outcome {
  uint64_t runs, n_samples;
  double bound_cycles, makespan_cycles;
};

/* A design stands on many platforms: what layers cost on it is worked out once. */
static const struct tenancy_price *prices_of(const struct run *run, struct cosearch_design *design,
                                             const struct tenancy_core_kind *kind) {
  struct tenants *const tenants = run->tenants;
  if (design->prices == NULL) {
    design->prices = tenancy_price_pool(&tenants->jobs, kind, &tenants->pool, run->invocation->arena);
  }
  return design->prices;
}

/* The jobs on one core of each kind, as a run with these designs alone would have them. False: some job runs on none.
 */
static bool make_site(const struct run *run, const struct joint_platform *platform, struct arena *arena,
                      struct site *site) {
  const struct cosearch *const own = run->cosearch;
  const struct tenants *const tenants = run->tenants;
  struct tenancy_world world = tenants->world;
  struct accelerator *const designs = ARENA_NEW(arena, struct accelerator, platform->n_kinds);
  const char **const names = ARENA_NEW(arena, const char *, platform->n_kinds);
  struct error *const why = ARENA_NEW(arena, struct error, 1);
  double *const costs = ARENA_NEW(arena, double, platform->n_kinds);
  const struct tenancy_price **const prices = ARENA_NEW(arena, const struct tenancy_price *, platform->n_kinds);
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    designs[k] = own->designs[platform->design[k]].accelerator;
    names[k] = own->designs[platform->design[k]].name;
  }
  world.arena = arena;
  site->bandwidth = joint_bandwidth(&own->problem, platform);
  site->jobs = tenants->jobs;
  site->jobs.bandwidth_bytes_per_cycle = (struct real_list){1, &site->bandwidth};
  tenancy_cores_of(&site->jobs, &world, platform->n_kinds, designs, names, &site->cores);
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    prices[k] = prices_of(run, &own->designs[platform->design[k]], &site->cores.kinds[k]);
  }
  if (!tenancy_table_of(&site->jobs, &world, &site->cores, &tenants->pool, prices, &site->table, why) ||
      !tenancy_table_build(&site->table, 0, arena, &site->instance, why)) {
    return false;
  }
  site->parts = (struct tenancy_parts){.jobs = &site->instance.problem,
                                       .area_mm2 = costs, /* its limits are kept already */
                                       .most_area_mm2 = (double)INFINITY,
                                       .most_power_w = (double)INFINITY,
                                       .most_cores = joint_cores(platform)};
  return true;
}

static void bound_task(void *context, size_t index, void *record) {
  static const struct tenancy_bounds_settings simple = {0};
  struct work *const work = context;
  struct outcome *const outcome = record;
  const struct joint_platform *const platform = work->platforms[index];
  const struct arena_mark mark = arena_get_mark(&work->arena);
  struct site *const site = ARENA_NEW(&work->arena, struct site, 1);
  struct tenancy_problem problem;
  struct tenancy_bounds bounds;
  struct error why = {0};
  outcome->runs = make_site(work->run, platform, &work->arena, site) &&
                  tenancy_compose(&site->parts, platform->count, &work->arena, &problem, &why) &&
                  tenancy_bounds(&problem, &simple, NULL, &work->arena, &bounds, &why);
  outcome->bound_cycles = outcome->runs ? bounds.best_cycles : (double)INFINITY;
  arena_rewind(&work->arena, mark);
}

static void map_site(struct work *work, const struct site *site, const struct joint_platform *platform, bool again,
                     struct tenancy_alone *alone) {
  const struct tenants *const tenants = work->run->tenants;
  const struct tenancy_alone_settings settings = {.algorithm = work->algorithm,
                                                  .algorithm_settings = again ? work->many : work->few,
                                                  .bounds = again ? &tenancy_bounds_full : &tenancy_bounds_quick,
                                                  .seed = tenants->jobs.seed,
                                                  .samples = again ? tenants->settings->final_samples
                                                                   : tenants->settings->samples};
  tenancy_map_alone(&site->parts, platform->count, &settings, &work->arena, work->run->invocation->scratch, alone);
}

static void map_task(void *context, size_t index, void *record) {
  struct work *const work = context;
  struct outcome *const outcome = record;
  const struct joint_platform *const platform = work->platforms[index];
  const struct arena_mark mark = arena_get_mark(&work->arena);
  struct site *const site = ARENA_NEW(&work->arena, struct site, 1);
  struct tenancy_alone alone;
  REQUIRE(make_site(work->run, platform, &work->arena, site)); /* it was bounded */
  map_site(work, site, platform, work->again, &alone);
  outcome->runs = 1;
  outcome->bound_cycles = alone.bounds.best_cycles;
  outcome->makespan_cycles = alone.verdict.makespan_cycles;
  outcome->n_samples = alone.n_samples;
  arena_rewind(&work->arena, mark);
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

static void hear(void *context, const struct record *record) {
  struct cosearch *const own = context;
  const size_t d = point_set_number(own->points, &record->point);
  if (d == SIZE_MAX) return;
  const bool allowed = record->score.reason == REASON_NONE;
  joint_tell_training(own->search, (uint32_t)d, allowed ? record->score.objective[OBJECTIVE_THROUGHPUT] : 0);
  own->n_trained++;
}

static bool train(struct run *run, const struct joint_question *question, struct error *error) {
  struct cosearch *const own = run->cosearch;
  const uint64_t most = run->settings.search.max_evaluations;
  struct point points[JOINT_BATCH];
  size_t n = 0;
  run->mapping.n_total = 0;
  /* Where the budget ends within the question the rest of it is asked again, and given up. */
  for (size_t i = 0; i < question->n && run->rounds.evaluations + n < most; i++) {
    if (!own->problem.trained[question->design[i]]) points[n++] = own->designs[question->design[i]].point;
  }
  if (n == 0) joint_stop_training(own->search);
  if (n > 0 && (!rounds_evaluate(&run->rounds, "co-search", points, n, error) || run->rounds.stopped)) return false;
  for (size_t i = 0; i < n; i++) { /* nothing that was evaluated before is asked: it would not be told again */
    REQUIRE(own->problem.trained[point_set_number(own->points, &points[i])]);
  }
  return true;
}

static bool answer_platforms(struct work *work, struct joint_question *question, struct error *error) {
  struct run *const run = work->run;
  struct cosearch *const own = run->cosearch;
  const bool maps = question->step != JOINT_BOUND;
  const struct joint_counts *const counts = joint_counts(own->search);
  struct outcome outcomes[JOINT_MAX_FINALISTS];
  memset(outcomes, 0, sizeof outcomes);
  run->mapping.n_done = counts->n_mapped + counts->n_beaten;
  run->mapping.n_total = counts->n_platforms;
  work->platforms = question->platform;
  work->again = question->step == JOINT_REFINE;
  const struct rank_work tasks = {
      .task = maps ? map_task : bound_task, .context = work, .n = question->n, .record_bytes = sizeof *outcomes};
  if (!on_ranks(run, &tasks, outcomes, error)) return false;
  for (size_t i = 0; i < question->n; i++) {
    const struct outcome *const outcome = &outcomes[i];
    own->n_samples += outcome->n_samples;
    if (!maps) {
      joint_tell_bound(own->search, question->platform[i], outcome->bound_cycles);
      continue;
    }
    if (outcome->makespan_cycles < question->platform[i]->least_cycles * (1 - 1e-9)) {
      BUG("a mapping takes %.17g cycles, its bound %.17g", outcome->makespan_cycles,
          question->platform[i]->least_cycles);
    }
    joint_tell_map(own->search, question->platform[i], outcome->makespan_cycles, outcome->bound_cycles);
  }
  return true;
}

static bool answer_all(struct work *work, struct error *error) {
  struct joint_question question;
  for (;;) {
    joint_ask(work->run->cosearch->search, &question);
    if (question.step == JOINT_DONE) return true;
    const bool good =
        question.step == JOINT_TRAIN ? train(work->run, &question, error) : answer_platforms(work, &question, error);
    if (!good) return false;
  }
}

/* --- what came of it ------------------------------------------------------------------------------------------------
 */

static void conclude(struct cosearch *own) {
  const struct joint_counts *const counts = joint_counts(own->search);
  own->n_found = joint_found(own->search, &own->found);
  own->best = own->n_found > 0 && own->found[0]->value > 0 ? own->found[0] : NULL;
  own->bound = joint_bound_of_all(own->search);
  own->reason = NULL;
  /* Of systems of several designs more could be made. */
  bool all = !own->grows && own->n_designs == own->n_allowed && counts->n_left_out == 0 &&
             own->settings->way == COSEARCH_TOGETHER && !own->settings->mixed;
  for (uint32_t k = 2; k <= own->problem.most_kinds; k++) all = all && counts->n_mixed[k] == own->n_designs;
  own->proven = all && own->best != NULL && own->bound <= own->best->value * (1 + 1e-9);
  if (own->best == NULL)
    own->reason =
        "no platform within the limits keeps what co_search.metric asks for; relax makespan_s or training_floor";
}

/* Its arena is the caller's to release. */
static void start_work(struct run *run, struct work *work) {
  struct arena *const arena = run->invocation->arena;
  *work = (struct work){.run = run, .algorithm = tenancy_find_algorithm("best")};
  void *const many = arena_alloc(arena, 1, work->algorithm->settings_bytes);
  config_defaults(work->algorithm->table, arena, many);
  work->few = tenancy_screening_settings(work->algorithm, run->settings.tenants.samples, arena);
  work->many = many;
  arena_init(&work->arena, 1 << 20);
}

void cosearch_judge(struct run *run, const struct joint_platform *platform, double *makespan_cycles,
                    double *least_cycles) {
  struct work own_work, *const work = &own_work;
  start_work(run, work);
  struct site *const site = ARENA_NEW(&work->arena, struct site, 1);
  struct tenancy_alone first, second;
  *makespan_cycles = *least_cycles = (double)INFINITY;
  if (make_site(run, platform, &work->arena, site)) {
    map_site(work, site, platform, false, &first);
    map_site(work, site, platform, true, &second);
    *makespan_cycles = fmin(first.verdict.makespan_cycles, second.verdict.makespan_cycles);
    *least_cycles = fmax(first.bounds.best_cycles, second.bounds.best_cycles);
  }
  arena_release(&work->arena);
}

/* As if tenants had been asked for on its designs alone. */
bool cosearch_map_winner(struct run *run, struct error *error) {
  struct work own_work, *const work = &own_work;
  start_work(run, work);
  struct cosearch *const own = run->cosearch;
  const struct joint_platform *const best = own->best;
  struct tenancy_alone first, second;
  struct tenants_winner winner = {.n_designs = best->n_kinds, .count = best->count};
  struct site *const site = ARENA_NEW(&work->arena, struct site, 1);
  REQUIRE(make_site(run, best, &work->arena, site));
  map_site(work, site, best, false, &first);
  map_site(work, site, best, true, &second);
  winner.alone = first.verdict.makespan_cycles < second.verdict.makespan_cycles ? &first : &second;
  winner.bounds = &second.bounds;
  winner.n_samples = first.n_samples + second.n_samples;
  winner.bandwidth = site->bandwidth;
  for (uint32_t k = 0; k < best->n_kinds; k++) {
    const struct cosearch_design *const design = &own->designs[best->design[k]];
    winner.design[k] = design->accelerator;
    winner.area_mm2[k] = design->area_mm2;
    winner.power_w[k] = design->power_w;
    winner.training[k] = best->training > 0 ? best->training : own->problem.training[best->design[k]];
  }
  const bool taken = tenants_take_winner(run, &winner, error);
  arena_release(&work->arena);
  return taken;
}

void cosearch_start_search(struct run *run, bool offers_alone) {
  struct cosearch *const own = run->cosearch;
  const struct joint_settings settings = {.finalists = own->settings->finalists,
                                          .most_sets = own->settings->sets,
                                          .most_platforms = own->settings->platforms,
                                          .front = own->settings->front,
                                          .offers_alone = offers_alone};
  own->search = joint_new(&own->problem, &settings, run->invocation->arena);
}

bool cosearch_rounds(struct run *run, struct error *error) {
  cosearch_start_search(run, false);
  return cosearch_go_on(run, error);
}

bool cosearch_go_on(struct run *run, struct error *error) {
  struct cosearch *const own = run->cosearch;
  struct work work;
  start_work(run, &work);
  run->rounds.heard = hear, run->rounds.heard_context = own;
  const bool done = answer_all(&work, error);
  run->rounds.heard = NULL;
  run->mapping.n_total = 0;
  if (done) conclude(own);
  arena_release(&work.arena);
  return done;
}
