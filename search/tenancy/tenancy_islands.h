/* How do many islands search so that the answer does not depend on who computes? (tenancy §11.)
 *
 * The number of islands follows from the settings, never from the ranks. A round of an island is a pure function of
 * what the last round left; between rounds a ring passes on each island's best answers. All ranks hold all islands; who
 * computes a round packs what came of it as words, and everybody takes them in. */
#ifndef SEARCH_TENANCY_TENANCY_ISLANDS_H
#define SEARCH_TENANCY_TENANCY_ISLANDS_H

#include "base/digest.h"
#include "search/tenancy/tenancy_algorithm.h"

enum { TENANCY_MAX_ISLANDS = 4096 };

struct tenancy_islands_settings {
  uint64_t seed;
  uint64_t samples;       /* of all islands together, ≥ 1 */
  uint64_t n_islands;     /* 0: one for every 4 million samples, 1 to 64 */
  uint64_t round_samples; /* of one island; 0: a 32nd of the island's samples, 2000 to 50,000 */
  uint64_t migrants;
  double gap_target; /* stop when the best is this near to the bound */
  size_t n_marks;    /* counts of samples at which the best is wanted, ascending */
  const uint64_t *marks;
};

struct tenancy_island {
  uint64_t n_samples, budget;
  bool over;           /* its budget is used, or its algorithm has nothing more to do */
  size_t n_population; /* left by the last round, best first; then migrants */
  size_t n_migrants;
  struct tenancy_answer *population; /* room for keep + migrants */
  void *state;                       /* n_state bytes */
  bool started;
  tenancy_cost best_cost; /* all ones before the first round */
  struct tenancy_queues best;
  tenancy_cost *at; /* [n_marks] of this island's own samples */
  size_t n_passed;
};

struct tenancy_islands {
  const struct tenancy_problem *problem;
  const struct tenancy_bounds *bounds;
  const struct tenancy_algorithm *algorithm;
  const void *algorithm_settings;
  struct tenancy_islands_settings settings; /* resolved */
  size_t n, keep, n_state;
  uint64_t round;
  struct tenancy_island *islands;
  struct arena *arena;
  /* What this rank has computed and nobody has taken in yet, as words. */
  uint64_t *words;
  size_t n_words, room_words;
};

/* `warm`: answers to start from, shared by all islands (n_warm 0: none). Everything lies in the arena. */
void tenancy_islands_init(struct tenancy_islands *islands, const struct tenancy_problem *problem,
                          const struct tenancy_bounds *bounds, const struct tenancy_algorithm *algorithm,
                          const void *algorithm_settings, const struct tenancy_islands_settings *settings,
                          struct arena *arena);
/* Every island starts from these answers (as if a round had left them). Before the first round. */
void tenancy_islands_warm(struct tenancy_islands *islands, size_t n, const struct tenancy_answer *answers);
/* One round of island i; appends its words. Nothing else of the islands changes. */
void tenancy_islands_run(struct tenancy_islands *islands, size_t i, struct arena *scratch);
/* The words as they are, of the islands computed since the last clear. */
void tenancy_islands_clear(struct tenancy_islands *islands);
const uint64_t *tenancy_islands_pack(const struct tenancy_islands *islands, size_t *n_words);
void tenancy_islands_merge(struct tenancy_islands *islands, const uint64_t *words, size_t n_words);
/* Takes all words in, lets the best migrate, begins the next round. */
void tenancy_islands_turn(struct tenancy_islands *islands);

bool tenancy_islands_over(const struct tenancy_islands *islands);
uint64_t tenancy_islands_samples(const struct tenancy_islands *islands);
/* The island with the best answer so far (ties by the answer, then the island). */
size_t tenancy_islands_best(const struct tenancy_islands *islands);

/* Everything that the next round needs, as words, and back: for a file that a stopped search goes on from. False: the
 * words are not of such islands. */
const uint64_t *tenancy_islands_save(const struct tenancy_islands *islands, struct arena *arena, size_t *n_words);
bool tenancy_islands_restore(struct tenancy_islands *islands, const uint64_t *words, size_t n_words);
/* Of everything that the next round depends on but the instance: algorithm and settings. */
void tenancy_islands_digest(const struct tenancy_islands *islands, struct digest_stream *stream);

#endif
