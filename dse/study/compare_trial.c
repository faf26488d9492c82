/* How far does one searcher get with its evaluations, and in what time? See compare.h.
 *
 * A point is evaluated once a rank, whoever asks for it first, and answered from the memo from then on, with the
 * seconds that its evaluation took. No operator cost is kept from one evaluation to the next, so that they do not
 * depend on who came before ("cost-cache hits are free for all or for none", accelerator-search §10). Left out: waiting
 * for other ranks, which a comparison of searchers is not about. */
#include "dse/study/compare.h"

#include "base/checked.h"
#include "results/pareto.h"
#include <math.h>
#include <string.h>
#include <time.h>

_Static_assert(sizeof(struct trial) <= CLUSTER_MAX_RECORD_BYTES, "a trial must fit a record");

const struct compare_target_name compare_targets[N_COMPARE_TARGETS] = {
    [COMPARE_10] = {"10pct", "10 %", 0.10},
    [COMPARE_5] = {"5pct", "5 %", 0.05},
    [COMPARE_1] = {"1pct", "1 %", 0.01},
    /* An optimum that was typed has fewer digits than ours. */
    [COMPARE_EXACT] = {"optimum", "optimum", 1e-9},
};

/* --- what points scored --------------------------------------------------------------------------------------------
 */

enum { MEMO_BLOCK = 4096, MEMO_BLOCKS = 256 };

struct known {
  struct score score;
  double seconds;
};

struct memo {
  struct arena arena;
  struct point_set *points;
  struct known *blocks[MEMO_BLOCKS]; /* by the number of the point; what does not fit is evaluated again */
};

static double cpu_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void evaluate(const struct space *space, const struct point *point, struct known *known) {
  const double start_s = cpu_s();
  memset(&known->score, 0, sizeof known->score);
  space->evaluate(space->context, point, &known->score);
  known->seconds = cpu_s() - start_s;
}

static void look_up(const struct contest *contest, const struct point *point, struct known *known) {
  struct memo *memo = contest->memo;
  size_t number = point_set_number(memo->points, point);
  if (number != SIZE_MAX) {
    *known = memo->blocks[number / MEMO_BLOCK][number % MEMO_BLOCK];
    return;
  }
  evaluate(contest->evaluator, point, known);
  number = point_set_count(memo->points);
  if (number == (size_t)MEMO_BLOCK * MEMO_BLOCKS) return;
  point_set_add(memo->points, point);
  struct known **block = &memo->blocks[number / MEMO_BLOCK];
  if (*block == NULL) *block = ARENA_NEW(&memo->arena, struct known, MEMO_BLOCK);
  (*block)[number % MEMO_BLOCK] = *known;
}

void compare_prepare(struct contest *contest) {
  contest->n_checkpoints = 0;
  for (uint64_t at = 1; at < contest->budget; at = max_u64(at + 1, at + at / 24)) {
    REQUIRE(contest->n_checkpoints + 1 < COMPARE_MAX_CHECKPOINTS);
    contest->checkpoints[contest->n_checkpoints++] = at;
  }
  contest->checkpoints[contest->n_checkpoints++] = contest->budget;
  contest->memo = ARENA_NEW(contest->arena, struct memo, 1);
  arena_init(&contest->memo->arena, 1 << 20);
  contest->memo->points = point_set_new(&contest->memo->arena);
}

void compare_release(struct contest *contest) {
  if (contest->memo != NULL) arena_release(&contest->memo->arena);
}

/* --- one search -----------------------------------------------------------------------------------------------------
 */

/* Relative distance of a value from the optimum, as gaps are: 0 if it is not worse, below 1. */
static double regret_of(const struct contest *contest, double value) {
  if (!space_better(contest->space, contest->optimum, value)) return 0;
  const double larger = fmax(fabs(value), fabs(contest->optimum));
  return larger > 0 ? fabs(contest->optimum - value) / larger : 0;
}

struct searching {
  const struct contest *contest;
  struct trial *trial;
  struct point *points;   /* of a round */
  struct record *records; /* of a round */
  struct pareto *front;   /* NULL: nobody asks for it */
  size_t checkpoint;      /* the next */
};

static void take(struct searching *searching, const struct record *record) {
  const struct contest *contest = searching->contest;
  struct trial *trial = searching->trial;
  trial->evaluations++;
  if (record->score.reason == SCORE_FEASIBLE) {
    if (searching->front != NULL) pareto_add(searching->front, record);
    const double regret = regret_of(contest, record->score.objective[contest->space->metric]);
    if (regret < trial->regret) trial->regret = regret;
    for (size_t t = 0; t < N_COMPARE_TARGETS; t++) {
      if (trial->reached[t] > 0 || regret > compare_targets[t].regret) continue;
      trial->reached[t] = trial->evaluations;
      trial->reached_s[t] = trial->own_s + trial->evaluated_s;
    }
  }
  while (searching->checkpoint < contest->n_checkpoints &&
         contest->checkpoints[searching->checkpoint] <= trial->evaluations) {
    trial->regret_at[searching->checkpoint++] = trial->regret;
  }
}

/* Nothing that is asked for can change any more. */
static bool is_decided(const struct searching *searching) {
  return searching->front == NULL && searching->trial->reached[COMPARE_EXACT] > 0;
}

/* One round; false once it is the last. */
static bool search_round(struct searching *searching, const struct search_algorithm *algorithm, void *state,
                         uint64_t round) {
  const struct contest *contest = searching->contest;
  struct trial *trial = searching->trial;
  double start_s = cpu_s();
  const size_t n = algorithm->ask(state, round, searching->points);
  trial->own_s += cpu_s() - start_s;
  REQUIRE(n <= contest->round_size);
  trial->ended = n == 0;
  for (size_t i = 0; i < n; i++) {
    if (trial->evaluations == contest->budget || is_decided(searching)) return false;
    struct known known;
    look_up(contest, &searching->points[i], &known);
    searching->records[i] = (struct record){searching->points[i], known.score};
    trial->evaluated_s += known.seconds;
    take(searching, &searching->records[i]);
  }
  if (n == 0) return false;
  start_s = cpu_s();
  algorithm->tell(state, searching->records, n);
  trial->own_s += cpu_s() - start_s;
  return true;
}

static void run_trial(const struct contest *contest, const struct contestant *contestant, uint64_t seed,
                      struct trial *trial) {
  const struct space *space = contest->space;
  struct arena arena;
  arena_init(&arena, 1 << 20);
  struct searching searching = {.contest = contest, .trial = trial};
  if (contest->with_front) {
    searching.front = pareto_new_of(&arena, space->objectives, space->front_objectives, space->n_front_objectives);
  }
  const struct search_request request = {.space = space,
                                         .settings = contestant->settings,
                                         .seed = seed,
                                         .round_size = contest->round_size,
                                         .top_k = 1,
                                         .arena = &arena};
  searching.points = ARENA_NEW(&arena, struct point, contest->round_size);
  searching.records = ARENA_NEW(&arena, struct record, contest->round_size);
  trial->regret = 1;
  const double start_s = cpu_s();
  void *state = contestant->algorithm->start(&request);
  trial->own_s = cpu_s() - start_s;
  for (uint64_t round = 0; search_round(&searching, contestant->algorithm, state, round);) round++;
  while (searching.checkpoint < contest->n_checkpoints) trial->regret_at[searching.checkpoint++] = trial->regret;
  if (searching.front != NULL) trial->volume = pareto_hypervolume(searching.front, contest->reference, &arena);
  arena_release(&arena);
}

static void run_task(void *context, size_t index, void *record) {
  const struct contest *contest = context;
  size_t c = 0;
  while (index >= contest->contestants[c].first_trial + contest->contestants[c].n_seeds) c++;
  run_trial(contest, &contest->contestants[c], contest->seed + (index - contest->contestants[c].first_trial), record);
}

bool compare_run(struct contest *contest, struct error *error) {
  const struct cluster_tasks tasks = {contest->n_trials, sizeof(struct trial), run_task, NULL, contest};
  contest->trials = ARENA_NEW(contest->arena, struct trial, contest->n_trials);
  return cluster_map(contest->cluster, &tasks, contest->trials, error) == CLUSTER_DONE;
}
