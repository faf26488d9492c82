/* Rounds of islands handed out to the ranks, stopped and gone on. See tenancy_run.h.
 *
 * Limits and signals are looked at between rounds, by all ranks together; a search that is stopped keeps its islands in
 * a file, whole or not at all, and the same command goes on from there with the same bytes. */
#include "dse/tenancy/tenancy_run.h"

#include "base/checked.h"
#include "base/clock.h"
#include "base/file.h"
#include "dse/run/watch.h"
#include <math.h>
#include <string.h>

#define KEY(member) offsetof(struct tenancy_keys, member)
static const char *const bounds_names[] = {"quick", "full", "proof", NULL};
static const struct field key_list[] = {
    {"islands", FIELD_UINT, "", 0, TENANCY_MAX_ISLANDS, "0",
     "searches side by side; 0: one for every 4 million samples, 1 to 64", KEY(islands), ROLE_ANSWER, NULL},
    {"round_samples", FIELD_UINT, "samples", 0, 1e12, "0",
     "of an island between two exchanges; 0: a 32nd of its samples, 2000 to 50,000", KEY(round_samples), ROLE_ANSWER,
     NULL},
    {"migrants", FIELD_UINT, "answers", 0, 100, "2", "that an island passes on to the next after every round",
     KEY(migrants), ROLE_ANSWER, NULL},
    {"bounds", FIELD_CHOICE, "", 0, 0, "\"full\"",
     "lower bounds before the search: quick (single job, linear program, whole jobs), full (configurations as well), "
     "proof "
     "(branching on them, minutes)",
     KEY(bounds), ROLE_ANSWER, bounds_names},
    {"gap_target", FIELD_REAL, "", 0, 1, "1e-9", "stop when the answer is this near to the bound", KEY(gap_target),
     ROLE_ANSWER, NULL},
    {"objective", FIELD_CHOICE, "", 0, 0, "\"makespan\"",
     "what is searched for: makespan, energy, edp, throughput, tardiness, missed (deadlines), mean_finish, p95_finish, "
     "p99_finish, fairness (largest slowdown of a tenant), jain (1 over the index)",
     KEY(goal.objective), ROLE_ANSWER, tenancy_objective_names},
    {"allocation", FIELD_CHOICE, "", 0, 0, "\"proportional\"",
     "who gets how much of a bandwidth that is short: proportional (all slow down alike), maxmin (small needs first), "
     "critical (the core with most work left first), weighted (by the jobs' weights)",
     KEY(goal.allocation), ROLE_ANSWER, tenancy_allocation_names},
    {"queue", FIELD_CHOICE, "", 0, 0, "\"released\"",
     "what a free core takes: released (the first of its queue that need not wait), strict (the next one, it waits)",
     KEY(goal.queue), ROLE_ANSWER, tenancy_queue_names},
    {"static_nj_per_cycle", FIELD_REAL, "nJ/cycle", 0, 1e12, "0", "static power, counted until the last job ends",
     KEY(goal.static_nj_per_cycle), ROLE_ANSWER, NULL},
    {"makespan_slack", FIELD_REAL, "", -1, 1e6, "-1",
     "of another objective: the makespan may be this share above the best found before; -1: any makespan",
     KEY(goal.makespan_slack), ROLE_ANSWER, NULL},
    {"alone_samples", FIELD_UINT, "samples", 0, 1e9, "2000",
     "annealed for each tenant alone on the platform, which slowdowns are measured against", KEY(goal.alone_samples),
     ROLE_ANSWER, NULL},
    {"scenarios", FIELD_UINT, "", 0, 10000, "0", "drawn, of latencies that are not sure: mean and worst are reported",
     KEY(goal.scenarios), ROLE_ANSWER, NULL},
    {"sigma", FIELD_REAL, "", 0, 3, "0.1", "standard deviation of the latencies' logarithms in a scenario",
     KEY(goal.sigma), ROLE_ANSWER, NULL},
    {"remap_every_cycles", FIELD_UINT, "cycles", 0, 1e16, "0",
     "with --arrivals: new jobs are mapped at multiples of it; 0: at once", KEY(remap_every_cycles), ROLE_ANSWER, NULL},
    {"remap_samples", FIELD_UINT, "samples", 1, 1e9, "1000", "with --arrivals: of each re-mapping", KEY(remap_samples),
     ROLE_ANSWER, NULL},
    {"scenario_mean", FIELD_BOOL, "", 0, 0, "false",
     "search for the mean over the scenarios, not for the table's value", KEY(goal.mean), ROLE_ANSWER, NULL},
};
const struct field_table tenancy_key_fields = {"tenancy",
                                               "of every search for a mapping of jobs (dse map tenancy --set)",
                                               key_list, sizeof key_list / sizeof *key_list};

bool tenancy_algorithm_at(size_t i, struct map_algorithm *algorithm) {
  if (i >= n_tenancy_algorithms) return false;
  const struct tenancy_algorithm *at = tenancy_algorithms[i];
  *algorithm = (struct map_algorithm){at->name, at->doc, at->source, at->table, at->settings_bytes};
  return true;
}

struct map_offer tenancy_offer(const struct invocation *invocation, struct tenancy_keys *keys) {
  return (struct map_offer){.at = tenancy_algorithm_at,
                            .fallback = "best",
                            .sets = invocation->sets,
                            .n_sets = invocation->n_sets,
                            .common = {.group = "", .table = &tenancy_key_fields, .into = keys}};
}

bool tenancy_read_keys(const struct invocation *invocation, struct tenancy_keys *keys, const void ***settings,
                       struct error *error) {
  const struct map_offer offer = tenancy_offer(invocation, keys);
  return map_read_keys(invocation, &offer, settings, error);
}

/* --- a stopped search in a file -------------------------------------------------------------------------------------
 * Two words "dse tenancy", a digest of what the search depends on, the epoch, the islands, and a digest of all that. */

enum { STATE_HEADER_WORDS = 5, STATE_MAX_BYTES = 1 << 30 };
static const uint64_t state_magic = UINT64_C(0x31636e6574657364); /* "dsetenc1" */

struct search {
  const struct invocation *invocation;
  const struct tenancy_job *job;
  struct tenancy_islands islands;
  struct tenancy_islands_settings settings;
  struct digest identity; /* of instance, algorithm, settings and seed */
  uint64_t epoch;         /* of a search by time: has 10,000 · 2^epoch samples */
  uint64_t samples_before;
  bool restored;
  struct arena epoch_arena; /* holds the islands */
};

static struct digest identify(const struct search *search) {
  struct digest_stream stream;
  digest_begin(&stream);
  tenancy_islands_digest(&search->islands, &stream);
  digest_add_u64(&stream, search->job->samples);
  digest_add_u64(&stream, search->job->n_warm);
  for (size_t i = 0; i < search->job->n_warm; i++) {
    const size_t n = search->job->problem->n_jobs;
    digest_add_bytes(&stream, search->job->warm[i].core, n * sizeof(uint32_t));
    digest_add_bytes(&stream, search->job->warm[i].priority, n * sizeof(double));
  }
  const struct config_section keys = {
      .group = "", .table = &tenancy_key_fields, .into = (void *)(uintptr_t)search->job->keys};
  config_digest(&stream, &keys, 1);
  const struct tenancy_algorithm *algorithm = search->job->algorithm;
  if (algorithm->table != NULL) {
    struct config_section section = {.group = algorithm->name,
                                     .table = algorithm->table,
                                     .into = (void *)(uintptr_t)search->job->algorithm_settings};
    config_digest(&stream, &section, 1);
  }
  return digest_end(&stream);
}

static bool save(struct search *search, struct error *error) {
  const char *path = search->job->state_path;
  if (path == NULL || cluster_rank(search->invocation->cluster) != 0) return true;
  struct arena *scratch = search->invocation->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  size_t n;
  const uint64_t *words = tenancy_islands_save(&search->islands, scratch, &n);
  const size_t n_all = STATE_HEADER_WORDS + n + 2;
  uint64_t *all = ARENA_NEW(scratch, uint64_t, n_all);
  all[0] = state_magic, all[1] = search->identity.high, all[2] = search->identity.low;
  all[3] = search->epoch, all[4] = search->samples_before;
  memcpy(all + STATE_HEADER_WORDS, words, n * sizeof *words);
  const struct digest digest = digest_of(all, (n_all - 2) * sizeof *all);
  all[n_all - 2] = digest.high, all[n_all - 1] = digest.low;
  const bool fine = file_publish(path, all, n_all * sizeof *all, error);
  arena_rewind(scratch, mark);
  return fine;
}

static void begin_epoch(struct search *search, uint64_t epoch) {
  const struct tenancy_job *job = search->job;
  search->epoch = epoch;
  search->settings.samples = job->samples > 0 ? job->samples : UINT64_C(10000) << min_u64(epoch, 40);
  tenancy_islands_init(&search->islands, job->problem, job->bounds, job->algorithm, job->algorithm_settings,
                       &search->settings, &search->epoch_arena);
}

static bool restore_words(struct search *search, const uint64_t *words, size_t n) {
  const struct digest digest = digest_of(words, (n - 2) * sizeof *words);
  if (words[0] != state_magic || digest.high != words[n - 2] || digest.low != words[n - 1]) return false;
  begin_epoch(search, words[3]);
  search->samples_before = words[4];
  return tenancy_islands_restore(&search->islands, words + STATE_HEADER_WORDS, n - STATE_HEADER_WORDS - 2);
}

/* Goes on from the file, if there is one; other settings or a damaged file are errors: nothing is overwritten. */
static bool restore(struct search *search, struct error *error) {
  const char *path = search->job->state_path;
  if (path == NULL || !file_exists(path)) return true;
  char *bytes;
  size_t n_bytes;
  if (!file_read(path, STATE_MAX_BYTES, search->invocation->arena, &bytes, &n_bytes, error)) return false;
  const size_t n = n_bytes / sizeof(uint64_t);
  const uint64_t *words = (const uint64_t *)(const void *)bytes;
  if (n_bytes % sizeof(uint64_t) != 0 || n < STATE_HEADER_WORDS + 4 || words[0] != state_magic) {
    return error_add(error, STATUS_INPUT, "%s: not the state of a mapping search", path);
  }
  if (words[1] != search->identity.high || words[2] != search->identity.low) {
    return error_add(error, STATUS_INPUT,
                     "%s: belongs to a search of another instance, algorithm, seed or settings; move it away", path);
  }
  if (!restore_words(search, words, n)) return error_add(error, STATUS_INPUT, "%s: damaged; move it away", path);
  search->restored = true;
  return true;
}

/* --- rounds over the ranks ------------------------------------------------------------------------------------------
 */

static void clear_islands(void *context) { tenancy_islands_clear(&((struct search *)context)->islands); }
static void run_islands(void *context, uint64_t first, uint64_t end) {
  struct search *search = context;
  for (uint64_t i = first; i < end; i++) {
    tenancy_islands_run(&search->islands, (size_t)i, search->invocation->scratch);
  }
}
static const uint64_t *pack_islands(void *context, size_t *n_words) {
  return tenancy_islands_pack(&((struct search *)context)->islands, n_words);
}
static void merge_islands(void *context, const uint64_t *words, size_t n_words) {
  tenancy_islands_merge(&((struct search *)context)->islands, words, n_words);
}

static bool run_round(struct search *search, struct error *error) {
  if (search->islands.n == 1) { /* nothing to hand out: every rank does the same */
    tenancy_islands_clear(&search->islands);
    tenancy_islands_run(&search->islands, 0, search->invocation->scratch);
  } else {
    /* Islands take equally long, so each rank has its share at once: handing out one by one leaves a rank waiting for
     * another's last. What comes back is the same for any split. */
    const size_t n_ranks = cluster_size(search->invocation->cluster);
    const struct cluster_blocks blocks = {.n = search->islands.n,
                                          .block = (search->islands.n + n_ranks - 1) / n_ranks,
                                          .clear = clear_islands,
                                          .fold = run_islands,
                                          .pack = pack_islands,
                                          .merge = merge_islands,
                                          .context = search};
    if (cluster_fold(search->invocation->cluster, &blocks, error) != CLUSTER_DONE) return false;
  }
  tenancy_islands_turn(&search->islands);
  return true;
}

/* The answers that the next, longer search of a search by time starts from. */
static void next_epoch(struct search *search) {
  struct arena *arena = search->invocation->arena;
  const struct tenancy_island *island = &search->islands.islands[tenancy_islands_best(&search->islands)];
  const struct tenancy_problem *problem = search->job->problem;
  struct arena old = search->epoch_arena;
  const size_t n = island->n_population;
  struct tenancy_queues best = tenancy_queues_new(problem, arena);
  tenancy_queues_copy(problem, &island->best, &best);
  const struct tenancy_island past = *island;
  search->samples_before += tenancy_islands_samples(&search->islands);
  arena_init(&search->epoch_arena, 1 << 20);
  begin_epoch(search, search->epoch + 1);
  if (n > 0) tenancy_islands_warm(&search->islands, n, past.population);
  /* The best of before stays the best until there is a better one. */
  search->islands.islands[0].best_cost = past.best_cost;
  search->islands.islands[0].started = true;
  tenancy_queues_copy(problem, &best, &search->islands.islands[0].best);
  arena_release(&old);
}

static bool is_finished(const struct search *search) {
  if (!tenancy_islands_over(&search->islands)) return false;
  if (search->job->samples > 0 || search->job->algorithm->one_shot || search->epoch >= 40) return true;
  const struct tenancy_island *best = &search->islands.islands[tenancy_islands_best(&search->islands)];
  return tenancy_gap(tenancy_cycles(search->job->problem, best->best_cost), search->job->bounds->best_cycles) <=
         search->settings.gap_target;
}

static bool search_rounds(struct search *search, struct tenancy_result *result, struct error *error) {
  struct watch watch;
  watch_begin(&watch, search->invocation->cluster, search->job->time_s, "time");
  double saved_s = watch.began_s;
  bool first = !search->restored;
  while (!is_finished(search)) {
    if (!first && watch_agree(&watch)) break;
    if (tenancy_islands_over(&search->islands)) next_epoch(search);
    if (!run_round(search, error)) return false;
    result->rounds++;
    first = false;
    if (clock_wall_s() - saved_s > 1) { /* a round is soon repeated, a second is not */
      if (!save(search, error)) return false;
      saved_s = clock_wall_s();
    }
  }
  result->stopped = watch.stopped;
  result->wall_s = watch_wall_s(&watch);
  result->cpu_s = watch_processor_s(&watch);
  return save(search, error);
}

static void take_result(const struct search *search, struct tenancy_result *result) {
  struct arena *arena = search->invocation->arena;
  const struct tenancy_problem *problem = search->job->problem;
  const size_t winner = tenancy_islands_best(&search->islands);
  const struct tenancy_island *island = &search->islands.islands[winner];
  result->queues = tenancy_queues_new(problem, arena);
  tenancy_queues_copy(problem, &island->best, &result->queues);
  result->answer = tenancy_answer_new(problem, arena);
  tenancy_write_down(problem, &result->queues, &result->answer);
  result->cost = island->best_cost;
  result->samples = search->samples_before + tenancy_islands_samples(&search->islands);
  result->n_islands = search->islands.n;
  result->at = ARENA_NEW(arena, tenancy_cost, search->job->n_marks);
  for (size_t i = 0; i < search->job->n_marks; i++) {
    const struct tenancy_island *first = &search->islands.islands[0];
    result->at[i] = i < first->n_passed ? first->at[i] : ~(tenancy_cost)0;
  }
  result->n_population = island->n_population;
  struct tenancy_answer *population = ARENA_NEW(arena, struct tenancy_answer, island->n_population);
  for (size_t i = 0; i < island->n_population; i++) {
    population[i] = tenancy_answer_new(problem, arena);
    tenancy_answer_copy(problem, &island->population[i], &population[i]);
  }
  result->population = population;
}

/* The judge decides what the answer is worth; it must agree with the closed form that the search went by. */
static bool judge(const struct search *search, struct tenancy_result *result, struct error *error) {
  const struct tenancy_problem *problem = search->job->problem;
  if (!tenancy_judge(problem, &result->answer, search->invocation->arena, &result->verdict, error)) return false;
  const double makespan = result->verdict.makespan_cycles, closed = tenancy_cycles(problem, result->cost);
  struct tenancy_goal *goal = search->job->goal;
  /* Ends of jobs that wait in real time may hang on rounding; whole numbers may not. */
  const bool exact = problem->goal == NULL || (goal != NULL && goal->objective == TENANCY_MAKESPAN &&
                                               goal->n_scenarios == 0 && !goal->schedule->real_time);
  if (exact && !(fabs(makespan - closed) <= 1e-9 * makespan)) {
    BUG("the judge says %.17g, the search %.17g", makespan, closed);
  }
  result->value = makespan;
  result->gap = tenancy_gap(makespan, search->job->bounds->best_cycles);
  if (goal != NULL) {
    if (!tenancy_goal_judge(goal, &result->answer, search->invocation->arena, &result->verdict, result->figures, error))
      return false;
    result->value = result->figures[goal->objective];
    result->gap = tenancy_goal_gap(goal->objective, result->value, search->job->goal_bound);
  }
  result->proven_optimal = result->gap <= 1e-9;
  return true;
}

bool tenancy_search(const struct invocation *invocation, const struct tenancy_job *job, struct tenancy_result *result,
                    struct error *error) {
  struct search search = {.invocation = invocation, .job = job};
  *result = (struct tenancy_result){0};
  search.settings = (struct tenancy_islands_settings){.seed = job->seed,
                                                      .n_islands = job->keys->islands,
                                                      .round_samples = job->keys->round_samples,
                                                      .migrants = job->keys->migrants,
                                                      .gap_target = job->keys->gap_target,
                                                      .n_marks = job->n_marks,
                                                      .marks = job->marks};
  arena_init(&search.epoch_arena, 1 << 20);
  begin_epoch(&search, 0);
  search.identity = identify(&search);
  const bool found = restore(&search, error) && cluster_agree(invocation->cluster, error);
  if (found && !search.restored && job->n_warm > 0) tenancy_islands_warm(&search.islands, job->n_warm, job->warm);
  const bool fine = found && search_rounds(&search, result, error);
  if (fine) take_result(&search, result);
  arena_release(&search.epoch_arena);
  return fine && judge(&search, result, error);
}
