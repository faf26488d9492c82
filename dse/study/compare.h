/* What `dse compare` is made of: searchers side by side on one problem. compare.c is the command, compare_trial.c runs
 * one search, compare_table.c says what all of them come to, compare_page.c draws it. (accelerator-search §10.) */
#ifndef DSE_COMPARE_H
#define DSE_COMPARE_H

#include "dse/commands/command.h"
#include "results/table.h"
#include "search/space/space.h"

/* How near to the optimum: what is asked for each is after how many evaluations, and how many seconds. */
enum compare_target { COMPARE_10, COMPARE_5, COMPARE_1, COMPARE_EXACT, N_COMPARE_TARGETS };
struct compare_target_name {
  const char *key, *words; /* of columns; for people */
  double regret;           /* at most */
};
extern const struct compare_target_name compare_targets[N_COMPARE_TARGETS];

enum { COMPARE_MAX_CHECKPOINTS = 320, COMPARE_MAX_BUDGET = 1000000, COMPARE_MAX_SEEDS = 1000 };

/* A searcher with its settings: NAME, or NAME/PRESET for each choice of its key `preset`. */
struct contestant {
  const char *name;
  const struct search_algorithm *algorithm;
  const void *settings;
  size_t n_seeds, first_trial; /* 1 where no seed changes anything */
};

/* What one search came to; plain bytes, sent between ranks. */
struct trial {
  uint64_t reached[N_COMPARE_TARGETS]; /* at which evaluation; 0: never */
  double reached_s[N_COMPARE_TARGETS];
  uint64_t evaluations, ended; /* ended: by itself, before the budget */
  double regret, volume;       /* at the end; volume: of the front of all it evaluated */
  double own_s, evaluated_s;   /* in asks and tells; in evaluations */
  double regret_at[COMPARE_MAX_CHECKPOINTS];
};

struct memo; /* what points scored, of this rank */

struct contest {
  const struct space *space, *evaluator; /* the searchers'; the same without a memory, whose evaluations are timed */
  struct cluster *cluster;
  struct arena *arena;
  const char *problem; /* in a few words */
  uint64_t seed, round_size, budget, n_seeds;
  /* The yardstick. */
  double optimum;
  bool proven;
  const char *optimum_by; /* how it is known */
  bool with_front;
  double reference[SCORE_MAX_OBJECTIVES], front_volume; /* of the exact front */
  size_t front_size;
  /* The field. */
  struct contestant *contestants;
  size_t n_contestants, n_trials;
  struct trial *trials;                          /* by contestant, then seed */
  const char *left_out;                          /* "" or who and why */
  uint64_t checkpoints[COMPARE_MAX_CHECKPOINTS]; /* evaluations at which regret is kept, ascending; the last: budget */
  size_t n_checkpoints;
  struct memo *memo;
};

/* --- compare_trial.c ---
 */
/* Fills the checkpoints, evenly on a logarithmic axis, and makes the memo. */
void compare_prepare(struct contest *contest);
void compare_release(struct contest *contest);
/* Runs all trials; collective. */
bool compare_run(struct contest *contest, struct error *error);

/* --- compare_table.c ---
 */
/* Median and quartiles of values that may be infinite ("never"): interpolated between neighbours, and infinite as soon
 * as an infinite one has a say. */
struct quartiles {
  double low, median, high;
};
struct quartiles compare_quartiles(double *values, size_t n); /* sorts them */
/* All deterministic columns, a row a searcher; the seconds alone; both. */
enum compare_columns { COMPARE_RESULTS, COMPARE_SECONDS, COMPARE_ALL };
struct table *compare_table(const struct contest *contest, enum compare_columns columns);
/* For people: the same in short, best first. */
struct table *compare_short_table(const struct contest *contest);
/* Positions of the contestants, best first: fewest evaluations to 1 %, to 5 %, least regret, then the list's order. */
void compare_order(const struct contest *contest, size_t *order);
struct quartiles compare_evaluations(const struct contest *contest, size_t contestant, enum compare_target target);
struct quartiles compare_regret_at(const struct contest *contest, size_t contestant, size_t checkpoint);
/* Who wins, by how much? */
const char *compare_conclusion(const struct contest *contest);
/* What must be said beside the table, with or without seconds. */
const char *compare_caveats(const struct contest *contest, bool seconds);

/* --- compare_page.c ---
 */
bool compare_publish_page(const struct contest *contest, const char *path, struct error *error);

#endif
