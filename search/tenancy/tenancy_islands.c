/* Rounds of islands as pure functions, and their words. See tenancy_islands.h. */
#include "search/tenancy/tenancy_islands.h"

#include "base/checked.h"
#include <string.h>

/* Words of one island's round, in this order: island, samples, over, population, marks passed, best cost (low, high),
 * then marks (low, high each), best (start, job), population (core, priority), state. Small numbers take a word each as
 * well: a round costs far more than its words. */
enum { HEADER_WORDS = 7 };

static size_t answer_words(const struct tenancy_islands *islands) { return 2 * islands->problem->n_jobs; }
static size_t best_words(const struct tenancy_islands *islands) {
  return islands->problem->n_cores + 1 + islands->problem->n_jobs;
}
static size_t state_words(const struct tenancy_islands *islands) { return (islands->n_state + 7) / 8; }

void tenancy_islands_init(struct tenancy_islands *islands, const struct tenancy_problem *problem,
                          const struct tenancy_bounds *bounds, const struct tenancy_algorithm *algorithm,
                          const void *algorithm_settings, const struct tenancy_islands_settings *settings,
                          struct arena *arena) {
  *islands = (struct tenancy_islands){.problem = problem,
                                      .bounds = bounds,
                                      .algorithm = algorithm,
                                      .algorithm_settings = algorithm_settings,
                                      .settings = *settings,
                                      .arena = arena};
  struct tenancy_islands_settings *resolved = &islands->settings;
  if (algorithm->one_shot) resolved->n_islands = 1, resolved->samples = 1;
  if (resolved->n_islands == 0) resolved->n_islands = min_u64(max_u64(resolved->samples / 4000000, 1), 64);
  resolved->n_islands = min_u64(resolved->n_islands, min_u64(resolved->samples, TENANCY_MAX_ISLANDS));
  const uint64_t each = resolved->samples / resolved->n_islands;
  if (resolved->round_samples == 0) resolved->round_samples = min_u64(max_u64(2000, each / 32), 50000);
  islands->n = (size_t)resolved->n_islands;
  islands->keep = algorithm->keep_of != NULL ? algorithm->keep_of(algorithm_settings, problem) : algorithm->keeps;
  islands->n_state = algorithm->state_bytes != NULL ? algorithm->state_bytes(algorithm_settings, problem) : 0;
  islands->islands = ARENA_NEW(arena, struct tenancy_island, islands->n);
  const size_t room = islands->keep + (size_t)resolved->migrants;
  for (size_t i = 0; i < islands->n; i++) {
    struct tenancy_island *island = &islands->islands[i];
    island->budget = each + (i < resolved->samples % islands->n ? 1 : 0);
    island->population = ARENA_NEW(arena, struct tenancy_answer, room);
    for (size_t k = 0; k < room; k++) island->population[k] = tenancy_answer_new(problem, arena);
    island->state = ARENA_NEW(arena, uint64_t, state_words(islands));
    island->best = tenancy_queues_new(problem, arena);
    island->best_cost = ~(tenancy_cost)0;
    island->at = ARENA_NEW(arena, tenancy_cost, resolved->n_marks);
  }
}

void tenancy_islands_warm(struct tenancy_islands *islands, size_t n, const struct tenancy_answer *answers) {
  for (size_t i = 0; i < islands->n; i++) {
    struct tenancy_island *island = &islands->islands[i];
    island->n_population = n < islands->keep ? n : islands->keep;
    for (size_t k = 0; k < island->n_population; k++) {
      tenancy_answer_copy(islands->problem, &answers[k], &island->population[k]);
    }
  }
}

/* --- words ----------------------------------------------------------------------------------------------------------
 */

static uint64_t *reserve(struct tenancy_islands *islands, size_t n) {
  if (islands->n_words + n > islands->room_words) {
    const size_t room = 2 * (islands->n_words + n);
    uint64_t *words = ARENA_NEW(islands->arena, uint64_t, room);
    if (islands->n_words > 0) memcpy(words, islands->words, islands->n_words * sizeof *words);
    islands->words = words, islands->room_words = room;
  }
  uint64_t *at = islands->words + islands->n_words;
  islands->n_words += n;
  return at;
}

static uint64_t *write_cost(uint64_t *word, tenancy_cost cost) {
  *word++ = (uint64_t)cost;
  *word++ = (uint64_t)(cost >> 64);
  return word;
}

static const uint64_t *read_cost(const uint64_t *word, tenancy_cost *cost) {
  *cost = (tenancy_cost)word[1] << 64 | word[0];
  return word + 2;
}

static size_t island_words(const struct tenancy_islands *islands, size_t n_population, size_t n_passed) {
  return HEADER_WORDS + 2 * n_passed + best_words(islands) + n_population * answer_words(islands) +
         state_words(islands);
}

static void write_island(const struct tenancy_islands *islands, size_t i, const struct tenancy_island *island,
                         uint64_t *word) {
  const struct tenancy_problem *problem = islands->problem;
  *word++ = i, *word++ = island->n_samples, *word++ = island->over, *word++ = island->n_population;
  *word++ = island->n_passed;
  word = write_cost(word, island->best_cost);
  for (size_t k = 0; k < island->n_passed; k++) word = write_cost(word, island->at[k]);
  for (size_t c = 0; c <= problem->n_cores; c++) *word++ = island->best.start[c];
  for (size_t j = 0; j < problem->n_jobs; j++) *word++ = island->best.job[j];
  for (size_t k = 0; k < island->n_population; k++) {
    for (size_t j = 0; j < problem->n_jobs; j++) *word++ = island->population[k].core[j];
    memcpy(word, island->population[k].priority, problem->n_jobs * sizeof *word);
    word += problem->n_jobs;
  }
  memcpy(word, island->state, state_words(islands) * sizeof *word);
}

/* False where the words are no island's: they may come from a file. */
static bool header_fits(const struct tenancy_islands *islands, const uint64_t *word, size_t n_words, size_t room) {
  return n_words >= HEADER_WORDS && word[0] < islands->n && word[2] <= 1 && word[3] <= room &&
         word[4] <= islands->settings.n_marks && n_words >= island_words(islands, (size_t)word[3], (size_t)word[4]);
}

static bool read_population(const struct tenancy_problem *problem, const uint64_t *word,
                            struct tenancy_answer *answer) {
  memcpy(answer->priority, word + problem->n_jobs, problem->n_jobs * sizeof *answer->priority);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    if (word[j] >= problem->n_cores || !tenancy_can_run(problem, j, (size_t)word[j]) ||
        !(answer->priority[j] - answer->priority[j] == 0)) { /* infinite or no number */
      return false;
    }
    answer->core[j] = (uint32_t)word[j];
  }
  return true;
}

static bool read_best(const struct tenancy_problem *problem, const uint64_t *word, struct tenancy_queues *best,
                      struct arena *arena) {
  const struct arena_mark mark = arena_get_mark(arena);
  bool *seen = ARENA_NEW(arena, bool, problem->n_jobs), fine = true;
  for (size_t c = 0; c <= problem->n_cores; c++) {
    fine = fine && word[c] <= problem->n_jobs && (c == 0 ? word[c] == 0 : word[c] >= word[c - 1]);
    best->start[c] = (uint32_t)word[c];
  }
  fine = fine && word[problem->n_cores] == problem->n_jobs;
  word += problem->n_cores + 1;
  for (size_t c = 0; fine && c < problem->n_cores; c++) {
    for (size_t k = best->start[c]; fine && k < best->start[c + 1]; k++) {
      fine = word[k] < problem->n_jobs && !seen[word[k]] && tenancy_can_run(problem, (size_t)word[k], c);
      if (fine) seen[word[k]] = true, best->job[k] = (uint32_t)word[k];
    }
  }
  arena_rewind(arena, mark);
  return fine;
}

/* Words of one island into it; how many they were, 0: they are none. */
static size_t read_island(struct tenancy_islands *islands, const uint64_t *words, size_t n_words, size_t room) {
  if (!header_fits(islands, words, n_words, room)) return 0;
  const struct tenancy_problem *problem = islands->problem;
  struct tenancy_island *island = &islands->islands[words[0]];
  island->n_samples = words[1], island->over = words[2] != 0;
  island->n_population = (size_t)words[3], island->n_passed = (size_t)words[4];
  const uint64_t *word = read_cost(words + 5, &island->best_cost);
  for (size_t k = 0; k < island->n_passed; k++) word = read_cost(word, &island->at[k]);
  if (!read_best(problem, word, &island->best, islands->arena) ||
      island->best_cost != tenancy_evaluate(problem, &island->best)) {
    return 0;
  }
  word += best_words(islands);
  for (size_t k = 0; k < island->n_population; k++, word += answer_words(islands)) {
    if (!read_population(problem, word, &island->population[k])) return 0;
  }
  memcpy(island->state, word, state_words(islands) * sizeof *word);
  island->started = true;
  return (size_t)(word - words) + state_words(islands);
}

/* --- rounds ---------------------------------------------------------------------------------------------------------
 */

static struct tenancy_request request_of(const struct tenancy_islands *islands, size_t i, struct arena *scratch) {
  const struct tenancy_island *island = &islands->islands[i];
  struct tenancy_request request = {.problem = islands->problem,
                                    .bounds = islands->bounds,
                                    .settings = islands->algorithm_settings,
                                    .seed = islands->settings.seed,
                                    .island = i,
                                    .round = islands->round,
                                    .total_samples = island->budget,
                                    .n_population = island->n_population + island->n_migrants,
                                    .population = island->population,
                                    .keep = islands->keep,
                                    .n_state = islands->n_state,
                                    .state = island->state,
                                    .arena = scratch};
  request.kept = ARENA_NEW(scratch, struct tenancy_answer, islands->keep);
  for (size_t k = 0; k < islands->keep; k++) request.kept[k] = tenancy_answer_new(islands->problem, scratch);
  request.state_out = ARENA_NEW(scratch, uint64_t, state_words(islands));
  return request;
}

void tenancy_islands_run(struct tenancy_islands *islands, size_t i, struct arena *scratch) {
  const struct tenancy_island *island = &islands->islands[i];
  if (island->over) return;
  const struct arena_mark mark = arena_get_mark(scratch);
  const uint64_t left = island->budget - island->n_samples;
  struct tenancy_meter meter;
  tenancy_meter_init(&meter, islands->problem, min_u64(left, islands->settings.round_samples), scratch);
  meter.before = island->n_samples;
  meter.n_marks = islands->settings.n_marks, meter.marks = islands->settings.marks;
  meter.at = ARENA_NEW(scratch, tenancy_cost, meter.n_marks);
  meter.n_passed = island->n_passed;
  if (meter.n_passed > 0) memcpy(meter.at, island->at, meter.n_passed * sizeof *meter.at);
  meter.best_cost = island->best_cost;
  if (island->started) tenancy_queues_copy(islands->problem, &island->best, &meter.best);
  struct tenancy_request request = request_of(islands, i, scratch);
  islands->algorithm->run(&request, &meter);
  const uint64_t used = island->n_samples + meter.n_samples;
  const struct tenancy_island after = {.n_samples = used,
                                       .budget = island->budget,
                                       .over = used >= island->budget || !tenancy_meter_full(&meter),
                                       .n_population = request.n_kept,
                                       .population = request.kept,
                                       .state = request.state_out,
                                       .best_cost = meter.best_cost,
                                       .best = meter.best,
                                       .at = meter.at,
                                       .n_passed = meter.n_passed};
  write_island(islands, i, &after, reserve(islands, island_words(islands, after.n_population, after.n_passed)));
  arena_rewind(scratch, mark);
}

void tenancy_islands_clear(struct tenancy_islands *islands) { islands->n_words = 0; }

const uint64_t *tenancy_islands_pack(const struct tenancy_islands *islands, size_t *n_words) {
  static const uint64_t none = 0;
  *n_words = islands->n_words;
  return islands->words != NULL ? islands->words : &none;
}

void tenancy_islands_merge(struct tenancy_islands *islands, const uint64_t *words, size_t n_words) {
  if (n_words > 0) memcpy(reserve(islands, n_words), words, n_words * sizeof *words);
}

static bool island_better(const struct tenancy_islands *islands, size_t a, size_t b) {
  const struct tenancy_island *x = &islands->islands[a], *y = &islands->islands[b];
  if (x->best_cost != y->best_cost) return x->best_cost < y->best_cost;
  return x->started && y->started && tenancy_compare(islands->problem, &x->best, &y->best) < 0;
}

size_t tenancy_islands_best(const struct tenancy_islands *islands) {
  size_t best = 0;
  for (size_t i = 1; i < islands->n; i++) {
    if (island_better(islands, i, best)) best = i;
  }
  return best;
}

/* Island i gets the best of its neighbour before it, behind its own. */
static void migrate(struct tenancy_islands *islands) {
  const size_t n = islands->n;
  for (size_t i = 0; i < n; i++) {
    struct tenancy_island *island = &islands->islands[i];
    const struct tenancy_island *neighbour = &islands->islands[(i + n - 1) % n];
    island->n_migrants = 0;
    if (n == 1 || island->over) continue;
    while (island->n_migrants < islands->settings.migrants && island->n_migrants < neighbour->n_population) {
      tenancy_answer_copy(islands->problem, &neighbour->population[island->n_migrants],
                          &island->population[island->n_population + island->n_migrants]);
      island->n_migrants++;
    }
  }
}

void tenancy_islands_turn(struct tenancy_islands *islands) {
  for (size_t at = 0; at < islands->n_words;) {
    const size_t n = read_island(islands, islands->words + at, islands->n_words - at, islands->keep);
    REQUIRE(n > 0);
    at += n;
  }
  islands->n_words = 0;
  islands->round++;
  const size_t best = tenancy_islands_best(islands);
  const double value = tenancy_cycles(islands->problem, islands->islands[best].best_cost);
  if (tenancy_gap(value, islands->bounds->best_cycles) <= islands->settings.gap_target) {
    for (size_t i = 0; i < islands->n; i++) islands->islands[i].over = true;
  }
  migrate(islands);
}

bool tenancy_islands_over(const struct tenancy_islands *islands) {
  for (size_t i = 0; i < islands->n; i++) {
    if (!islands->islands[i].over) return false;
  }
  return true;
}

uint64_t tenancy_islands_samples(const struct tenancy_islands *islands) {
  uint64_t sum = 0;
  for (size_t i = 0; i < islands->n; i++) sum += islands->islands[i].n_samples;
  return sum;
}

/* --- stopped and gone on --------------------------------------------------------------------------------------------
 */

const uint64_t *tenancy_islands_save(const struct tenancy_islands *islands, struct arena *arena, size_t *n_words) {
  size_t n = 2;
  for (size_t i = 0; i < islands->n; i++) {
    const struct tenancy_island *island = &islands->islands[i];
    if (island->started) n += island_words(islands, island->n_population, island->n_passed);
  }
  uint64_t *words = ARENA_NEW(arena, uint64_t, n), *word = words;
  *word++ = islands->round, *word++ = islands->n;
  for (size_t i = 0; i < islands->n; i++) {
    const struct tenancy_island *island = &islands->islands[i];
    if (!island->started) continue;
    write_island(islands, i, island, word);
    word += island_words(islands, island->n_population, island->n_passed);
  }
  *n_words = n;
  return words;
}

bool tenancy_islands_restore(struct tenancy_islands *islands, const uint64_t *words, size_t n_words) {
  if (n_words < 2 || words[1] != islands->n) return false;
  for (size_t at = 2; at < n_words;) {
    const size_t n = read_island(islands, words + at, n_words - at, islands->keep);
    if (n == 0) return false;
    at += n;
  }
  for (size_t i = 0; i < islands->n; i++) {
    if (islands->islands[i].n_samples > islands->islands[i].budget) return false;
  }
  islands->round = words[0];
  migrate(islands);
  return true;
}

void tenancy_islands_digest(const struct tenancy_islands *islands, struct digest_stream *stream) {
  const struct tenancy_islands_settings *settings = &islands->settings;
  const struct tenancy_problem *problem = islands->problem;
  digest_add_text(stream, islands->algorithm->name);
  const uint64_t numbers[] = {settings->seed,          settings->samples,        settings->n_islands,
                              settings->round_samples, settings->migrants,       settings->n_marks,
                              islands->keep,           islands->n_state,         problem->n_jobs,
                              problem->n_cores,        problem->scaled_bandwidth};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) digest_add_u64(stream, numbers[i]);
  digest_add_double(stream, settings->gap_target);
  for (size_t i = 0; i < settings->n_marks; i++) digest_add_u64(stream, settings->marks[i]);
  const size_t n = problem->n_jobs * problem->n_cores;
  digest_add_bytes(stream, problem->latency_cycles, n * sizeof *problem->latency_cycles);
  digest_add_bytes(stream, problem->scaled, n * sizeof *problem->scaled);
}
