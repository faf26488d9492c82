/* Which algorithm is how good after how many samples? See tenancy_contest.h.
 *
 * All see the same instance, bounds, counter of samples and seeds, each on one island. What the bounds took is not
 * counted: it is the same for all, and most do not look at them. Seconds are of one core, while others may compute. */
#include "dse/tenancy/tenancy_contest.h"

#include "base/checked.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

static const uint64_t marks[] = {100, 1000, 2000, 10000};
enum { N_MARKS = sizeof marks / sizeof *marks };

struct trial {
  double at[N_MARKS + 1]; /* cycles; the last: at the end. INFINITY: not reached */
  double seconds;
  uint64_t samples;
};

struct trials {
  const struct tenancy_contest *contest;
  struct trial *all; /* [algorithm * n_seeds + seed] */
};

static void run_trial(void *context, size_t index, void *record) {
  const struct tenancy_contest *contest = ((struct trials *)context)->contest;
  const size_t a = index / contest->n_seeds;
  const struct tenancy_problem *problem = contest->problem;
  const struct tenancy_islands_settings settings = {.seed = contest->seed + index % contest->n_seeds,
                                                    .samples = contest->samples,
                                                    .n_islands = 1,
                                                    .round_samples = contest->keys->round_samples,
                                                    .gap_target = contest->keys->gap_target,
                                                    .n_marks = N_MARKS,
                                                    .marks = marks};
  struct arena arena;
  arena_init(&arena, 1 << 20);
  struct timespec from, to;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
  struct tenancy_islands islands;
  tenancy_islands_init(&islands, problem, contest->bounds, contest->algorithms[a], contest->settings[a], &settings,
                       &arena);
  while (!tenancy_islands_over(&islands)) {
    tenancy_islands_run(&islands, 0, contest->invocation->scratch);
    tenancy_islands_turn(&islands);
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
  struct trial *trial = record;
  const struct tenancy_island *island = &islands.islands[0];
  for (size_t m = 0; m < N_MARKS; m++) {
    /* Who has stopped early (a rule, a proof) keeps what it has. */
    const bool stopped = marks[m] > island->n_samples && island->n_samples < contest->samples;
    trial->at[m] = m < island->n_passed ? contest->unit * tenancy_cycles(problem, island->at[m])
                   : stopped && marks[m] <= contest->samples
                       ? contest->unit * tenancy_cycles(problem, island->best_cost)
                       : INFINITY;
  }
  trial->at[N_MARKS] = contest->unit * tenancy_cycles(problem, island->best_cost);
  trial->seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
  trial->samples = island->n_samples;
  arena_release(&arena);
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(const struct trials *trials, size_t a, double (*of)(const struct trial *, size_t), size_t m) {
  const uint64_t n = trials->contest->n_seeds;
  double values[1000] = {0};
  for (size_t s = 0; s < n; s++) values[s] = of(&trials->all[a * n + s], m);
  qsort(values, n, sizeof *values, ascending);
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

static double value_at(const struct trial *trial, size_t m) { return trial->at[m]; }
static double seconds_of(const struct trial *trial, size_t m) {
  (void)m;
  return trial->seconds;
}
static double samples_of(const struct trial *trial, size_t m) {
  (void)m;
  return (double)trial->samples;
}

static const struct table_column columns[] = {
    {"instance", "", "", "name"},
    {"algorithm", "", "", "best first, by the median at the end; -like: our reading of a published idea"},
    {"seeds", "", "", "searches"},
    {"at_100", "cycles", "min", "value (makespan without --set objective) after 100 samples, median over the seeds"},
    {"at_1000", "cycles", "min", "after 1,000"},
    {"at_2000", "cycles", "min", "after 2,000"},
    {"at_10000", "cycles", "min", "after 10,000"},
    {"value", "cycles", "min", "at the end, median"},
    {"worst", "cycles", "min", "at the end, of the worst seed"},
    {"lower_bound", "cycles", "max", "no mapping is below"},
    {"gap", "", "min", "value over lower_bound, less 1"},
    {"samples", "", "", "used, median"},
    {"cpu_s", "s", "min", "of one core, median; not the same in another run"},
};

struct place {
  size_t algorithm;
  double value;
};
static int by_value(const void *a, const void *b) {
  const struct place *x = a, *y = b;
  if (x->value < y->value || x->value > y->value) return x->value < y->value ? -1 : 1;
  return (x->algorithm > y->algorithm) - (x->algorithm < y->algorithm);
}

static struct table *make_table(const struct trials *trials) {
  const struct tenancy_contest *contest = trials->contest;
  struct arena *arena = contest->invocation->arena;
  struct table *table = table_new(arena, "tenancy", columns, sizeof columns / sizeof *columns);
  struct place *places = ARENA_NEW(arena, struct place, contest->n_algorithms);
  for (size_t a = 0; a < contest->n_algorithms; a++) {
    places[a] = (struct place){a, median(trials, a, value_at, N_MARKS)};
  }
  qsort(places, contest->n_algorithms, sizeof *places, by_value);
  for (size_t p = 0; p < contest->n_algorithms; p++) {
    const size_t a = places[p].algorithm;
    table_text(table, contest->problem->name);
    table_text(table, contest->algorithms[a]->name);
    table_u64(table, contest->n_seeds);
    for (size_t m = 0; m <= N_MARKS; m++) table_double(table, median(trials, a, value_at, m));
    double worst = 0;
    for (size_t s = 0; s < contest->n_seeds; s++) {
      worst = fmax(worst, trials->all[a * contest->n_seeds + s].at[N_MARKS]);
    }
    table_double(table, worst);
    table_double(table, contest->unit * contest->bounds->best_cycles);
    table_double(table, tenancy_gap(places[p].value, contest->unit * contest->bounds->best_cycles));
    table_double(table, median(trials, a, samples_of, 0));
    table_double(table, median(trials, a, seconds_of, 0));
  }
  return table;
}

const struct table *tenancy_contest_run(const struct tenancy_contest *contest, struct error *error) {
  const size_t n = contest->n_algorithms * contest->n_seeds;
  struct trials trials = {contest, ARENA_NEW(contest->invocation->arena, struct trial, n)};
  const struct cluster_tasks tasks = {
      .n_tasks = n, .record_bytes = sizeof(struct trial), .task = run_trial, .context = &trials};
  if (cluster_map(contest->invocation->cluster, &tasks, trials.all, error) != CLUSTER_DONE) return NULL;
  return make_table(&trials);
}
