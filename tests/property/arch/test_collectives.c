/* Every algorithm of collectives against its messages, one by one: it moves what its name says, and takes the time that
 * its closed form says. On small groups, of powers of two and not, on one, two and three levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tests/collective_messages.h"

enum { SEED = 2385 };

static struct arena arena;

/* --- schedules by name ----------------------------------------------------------------------------------------------
 */

/* A reduce-scatter of one level's crew, or (`whole_span`) of the whole group. False: the algorithm has none. */
static bool reduce_scatter(const char *name, struct messages *m, const struct crew *crew, bool whole_span) {
  if (strcmp(name, "ring") == 0) {
    ring_reduce_scatter(m, crew, whole_span);
  } else if (strcmp(name, "halving_doubling") == 0) {
    if ((crew->n & (crew->n - 1)) != 0) return false;
    halving_reduce_scatter(m, crew);
  } else if (strcmp(name, "direct") == 0) {
    direct_reduce_scatter(m, crew, whole_span);
  } else if (strcmp(name, "bucket") == 0) {
    bucket_reduce_scatter(m, crew);
  } else {
    return false;
  }
  return true;
}

static bool all_reduce(const char *name, struct messages *m, const struct crew *crew, bool whole_span) {
  if (strcmp(name, "recursive_doubling") == 0) {
    const struct crew folded = fold(m, crew, false);
    doubling_all_reduce(m, &folded);
    if (folded.n < crew->n) fold(m, crew, true);
    return true;
  }
  const size_t first = m->n;
  const unsigned round = m->round;
  if (strcmp(name, "tree") == 0) {
    tree_reduce(m, crew, whole_span);
    send_back(m, first, round);
    return true;
  }
  if (strcmp(name, "halving_doubling") == 0) {
    const struct crew folded = fold(m, crew, false);
    const size_t start = m->n;
    const unsigned start_round = m->round;
    halving_reduce_scatter(m, &folded);
    send_back(m, start, start_round);
    if (folded.n < crew->n) fold(m, crew, true);
    return true;
  }
  if (!reduce_scatter(name, m, crew, whole_span)) return false;
  send_back(m, first, round);
  return true;
}

/* --- one level after the other --------------------------------------------------------------------------------------
 */

/* Members that differ on one level alone: the others' digits are those of `rank`. */
static struct crew crew_of(const struct collective_span *span, size_t level, unsigned rank, const size_t *atoms,
                           size_t n_atoms) {
  unsigned unit = 1;
  for (size_t i = 0; i < level; i++) unit *= (unsigned)span->levels[i].extent;
  struct crew crew = {.n = (unsigned)span->levels[level].extent, .n_atoms = n_atoms};
  crew.atoms = ARENA_NEW(&arena, size_t, n_atoms);
  memcpy(crew.atoms, atoms, n_atoms * sizeof *atoms);
  for (unsigned j = 0; j < crew.n; j++) crew.rank[j] = rank + j * unit;
  return crew;
}

/* Reduce-scatters from the innermost level on; the last level's may be an all-reduce. `way[i]`: algorithm of level i.
 */
static bool climb(struct messages *m, const char *const way[], bool reduces_all) {
  const struct collective_span *const span = m->span;
  size_t *first[MESSAGES_MAX_RANKS], n_atoms = m->n_atoms;
  for (unsigned r = 0; r < span->ranks; r++) {
    first[r] = ARENA_NEW(&arena, size_t, n_atoms);
    for (size_t a = 0; a < n_atoms; a++) first[r][a] = a;
  }
  for (size_t level = 0; level < span->n_levels; level++) {
    const unsigned extent = (unsigned)span->levels[level].extent, round = m->round;
    const bool last = level + 1 == span->n_levels;
    unsigned last_round = round;
    for (unsigned r = 0; r < span->ranks; r++) {
      if (digit_of(span, r, level) != 0) continue;
      const struct crew crew = crew_of(span, level, r, first[r], n_atoms);
      m->round = round;
      if (!(last && reduces_all ? all_reduce(way[level], m, &crew, false)
                                : reduce_scatter(way[level], m, &crew, false)))
        return false;
      last_round = m->round;
      const size_t block = n_atoms / extent;
      for (unsigned j = 0; j < extent; j++) {
        size_t *const mine = ARENA_NEW(&arena, size_t, block);
        memcpy(mine, crew.atoms + j * block, block * sizeof *mine);
        first[crew.rank[j]] = mine;
      }
    }
    m->round = last_round;
    n_atoms /= extent;
  }
  return true;
}

static bool climb_all_reduce(struct messages *m, const char *const way[]) {
  /* What goes back is all but the last level's: told apart by their ports. */
  if (!climb(m, way, true)) return false;
  const size_t n = m->n;
  const unsigned top = (unsigned)m->span->n_levels - 1;
  unsigned rounds = 0;
  for (size_t i = 0; i < n; i++)
    if (m->all[i].port != top && m->all[i].round >= rounds) rounds = m->all[i].round + 1;
  for (size_t i = 0; i < n; i++) {
    if (m->all[i].port == top) continue;
    struct message back = m->all[i];
    back.src = m->all[i].dst, back.dst = m->all[i].src, back.reduces = false;
    back.round = back.phase = m->round + rounds - 1 - m->all[i].round;
    REQUIRE(m->n < MESSAGES_MAX);
    m->all[m->n++] = back;
  }
  return true;
}

/* --- what must hold -------------------------------------------------------------------------------------------------
 */

struct trial {
  const struct collective_span *span;
  enum op_kind kind;
  double bytes;
  const char *name;
};

static struct messages_state new_state(const struct messages *m) {
  const size_t n = m->span->ranks * m->n_atoms;
  return (struct messages_state){.sums = ARENA_NEW(&arena, uint32_t, n), .when_s = ARENA_NEW(&arena, double, n)};
}

static void describe(const struct trial *trial, const char *what) {
  char levels[80] = "";
  size_t at = 0;
  for (size_t i = 0; i < trial->span->n_levels; i++)
    at += (size_t)snprintf(levels + at, sizeof levels - at, "%s%llu", i > 0 ? "." : "",
                           (unsigned long long)trial->span->levels[i].extent);
  fail_msg("seed %d: %s by %s on %s ranks: %s", SEED, op_kinds[trial->kind].name, trial->name, levels, what);
}

/* All ranks have the sum of all in every atom; or each atom lies complete with one rank, evenly. */
static void check_arrived(const struct trial *trial, const struct messages *m, const struct messages_state *state) {
  const uint32_t all = (uint32_t)((UINT64_C(1) << trial->span->ranks) - 1);
  for (unsigned r = 0; r < trial->span->ranks; r++) {
    size_t n_complete = 0;
    for (size_t a = 0; a < m->n_atoms; a++) n_complete += state->sums[r * m->n_atoms + a] == all;
    const size_t wanted = trial->kind == OP_REDUCE_SCATTER ? m->n_atoms / trial->span->ranks : m->n_atoms;
    if (n_complete < wanted) describe(trial, "is not complete");
    if (trial->kind == OP_REDUCE_SCATTER && n_complete > wanted) describe(trial, "is more than a reduce-scatter");
  }
  for (size_t a = 0; a < m->n_atoms; a++) {
    bool somewhere = false;
    for (unsigned r = 0; r < trial->span->ranks; r++) somewhere |= state->sums[r * m->n_atoms + a] == all;
    if (!somewhere) describe(trial, "loses an atom");
  }
}

static void check_bytes(const struct trial *trial, const struct messages_state *state) {
  double sent = 0, received = 0;
  for (unsigned r = 0; r < trial->span->ranks; r++) sent += state->sent_bytes[r], received += state->received_bytes[r];
  if (fabs(sent - received) > 1e-9 * sent) describe(trial, "bytes sent are not those received");
  const double n = (double)trial->span->ranks, passes = trial->kind == OP_ALL_REDUCE ? 2 : 1;
  if (sent < passes * (n - 1) * trial->bytes * (1 - 1e-9)) describe(trial, "moves less than any can");
}

static bool close_to(double a, double b) { return fabs(a - b) <= 1e-12 * fmax(a, b); }

/* An all-gather starts from what its reduce-scatter leaves where, as if each atom were the only one that ever was. */
static double play(const struct trial *trial, const struct messages *m, bool barrier) {
  struct messages_state state = new_state(m);
  for (unsigned r = 0; r < trial->span->ranks; r++)
    for (size_t a = 0; a < m->n_atoms; a++) state.sums[r * m->n_atoms + a] = UINT32_C(1) << r;
  if (!messages_run(m, trial->bytes, barrier, &state)) describe(trial, "sends what is not there, or adds it twice");
  check_arrived(trial, m, &state);
  check_bytes(trial, &state);
  return state.end_s;
}

static double play_all_gather(const struct trial *trial, const struct messages *scatter, struct messages *gather,
                              bool barrier) {
  const uint32_t all = (uint32_t)((UINT64_C(1) << trial->span->ranks) - 1);
  struct messages_state before = new_state(scatter), state = new_state(gather);
  for (unsigned r = 0; r < trial->span->ranks; r++)
    for (size_t a = 0; a < scatter->n_atoms; a++) before.sums[r * scatter->n_atoms + a] = UINT32_C(1) << r;
  assert_true(messages_run(scatter, trial->bytes, false, &before));
  for (size_t i = 0; i < trial->span->ranks * scatter->n_atoms; i++)
    state.sums[i] = before.sums[i] == all ? UINT32_MAX : 0;
  if (!messages_run(gather, trial->bytes, barrier, &state)) describe(trial, "sends what is not there");
  for (size_t i = 0; i < trial->span->ranks * scatter->n_atoms; i++)
    if (state.sums[i] == 0) describe(trial, "is not complete");
  check_bytes(trial, &state);
  return state.end_s;
}

static size_t atoms_for(const struct collective_span *span) {
  size_t n = span->ranks, power = 1, rings = span->ranks / span->levels[span->n_levels - 1].extent;
  while (power * 2 <= span->ranks) power *= 2;
  const size_t sides = span->levels[0].view.n_sides;
  return n * power * rings * (sides > 0 ? sides : 1);
}

static struct crew everybody(const struct collective_span *span, size_t n_atoms) {
  struct crew crew = {.n = (unsigned)span->ranks, .n_atoms = n_atoms, .atoms = ARENA_NEW(&arena, size_t, n_atoms)};
  for (unsigned r = 0; r < crew.n; r++) crew.rank[r] = r;
  for (size_t a = 0; a < n_atoms; a++) crew.atoms[a] = a;
  return crew;
}

/* Time without and with a barrier between steps; INFINITY where `way` does not do it. */
struct times {
  double free_s, barrier_s;
};

static struct times times_of(const struct trial *trial, const char *const way[]) {
  const struct times none = {INFINITY, INFINITY};
  const bool levels = strcmp(trial->name, "hierarchical") == 0;
  struct messages m;
  messages_init(&m, trial->span, atoms_for(trial->span), &arena);
  const struct crew crew = everybody(trial->span, m.n_atoms);
  if (trial->kind == OP_ALL_REDUCE) {
    if (!(levels ? climb_all_reduce(&m, way) : all_reduce(trial->name, &m, &crew, true))) return none;
    return (struct times){play(trial, &m, false), play(trial, &m, true)};
  }
  if (!(levels ? climb(&m, way, false) : reduce_scatter(trial->name, &m, &crew, true))) return none;
  if (trial->kind == OP_REDUCE_SCATTER) return (struct times){play(trial, &m, false), play(trial, &m, true)};
  struct messages both = m, gather = m;
  both.all = ARENA_NEW(&arena, struct message, MESSAGES_MAX);
  memcpy(both.all, m.all, m.n * sizeof *m.all);
  send_back(&both, 0, 0);
  gather.all = both.all + m.n;
  gather.n = both.n - m.n;
  return (struct times){play_all_gather(trial, &m, &gather, false), play_all_gather(trial, &m, &gather, true)};
}

/* --- all-to-all: atoms are pairs of ranks ---------------------------------------------------------------------------
 */

static struct times all_to_all_times(const struct trial *trial) {
  const struct collective_span *const span = trial->span;
  const unsigned n = (unsigned)span->ranks;
  const bool levels = strcmp(trial->name, "hierarchical") == 0;
  double end_s[2];
  struct messages m;
  messages_init(&m, span, (size_t)n * n, &arena);
  if (!levels) {
    for (unsigned shift = 1; shift < n; shift++, m.round++)
      for (unsigned r = 0; r < n; r++) {
        const unsigned to = shifted(span, r, shift);
        const size_t atom = (size_t)r * n + to;
        messages_send(&m, r, to, &atom, 1, true, PATTERN_FAR);
      }
  }
  for (size_t level = 0, unit = 1; levels && level < span->n_levels; unit *= span->levels[level++].extent) {
    const unsigned extent = (unsigned)span->levels[level].extent;
    for (unsigned shift = 1; shift < extent; shift++, m.round++) {
      for (unsigned r = 0; r < n; r++) {
        const unsigned digit = digit_of(span, r, level), target = (digit + shift) % extent;
        const unsigned to = r + (target - digit) * (unsigned)unit;
        for (size_t atom = 0; atom < m.n_atoms; atom++) {
          const unsigned from = (unsigned)(atom / n), goal = (unsigned)(atom % n);
          bool here = digit_of(span, goal, level) == target;
          for (size_t i = 0; i < span->n_levels; i++)
            here = here && digit_of(span, r, i) == digit_of(span, i < level ? goal : from, i);
          if (here) messages_send(&m, r, to, &atom, 1, true, PATTERN_FAR);
        }
      }
    }
  }
  for (int barrier = 0; barrier < 2; barrier++) {
    struct messages_state state = new_state(&m);
    for (size_t atom = 0; atom < m.n_atoms; atom++) state.sums[atom / n * m.n_atoms + atom] = 1u << (atom / n);
    /* bytes: each rank has S */
    if (!messages_run(&m, trial->bytes * n, barrier == 1, &state)) describe(trial, "sends what is not there");
    for (size_t atom = 0; atom < m.n_atoms; atom++)
      if (state.sums[atom % n * m.n_atoms + atom] != 1u << (atom / n)) describe(trial, "is not complete");
    for (unsigned r = 0; r < n; r++)
      if (!close_to(state.sent_bytes[r], state.received_bytes[r])) describe(trial, "is uneven");
    end_s[barrier] = state.end_s;
  }
  return (struct times){end_s[0], end_s[1]};
}

/* --- trials ---------------------------------------------------------------------------------------------------------
 */

static const struct topology_view plain = {
    .ring = 1, .all_to_all = 1, .pairs = 1, .neighbour = 1, .ring_hops = 1, .pair_hops = 1, .far_hops = 1};

static unsigned n_trials;

/* Without waiting nothing ends later; on one level, and of schedules in which all do the same, nothing earlier either.
 */
static void check_times(const struct trial *trial, double closed_s, struct times times, bool exact) {
  n_trials++;
  if (!close_to(times.barrier_s, closed_s)) {
    print_message("messages %.17g s, closed form %.17g s\n", times.barrier_s, closed_s);
    describe(trial, "takes another time than its messages");
  }
  if (times.free_s > closed_s * (1 + 1e-12)) describe(trial, "takes longer without barriers");
  if (exact && !close_to(times.free_s, closed_s)) describe(trial, "ends earlier without barriers");
}

/* The fastest of all ways to choose an algorithm for each level. */
static struct times fastest_way(const struct trial *trial) {
  const char *way[COLLECTIVE_MAX_LEVELS];
  struct times best = {INFINITY, INFINITY};
  size_t n_ways = 1;
  for (size_t i = 0; i < trial->span->n_levels; i++) n_ways *= n_collective_algorithms;
  for (size_t w = 0; w < n_ways; w++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    size_t rest = w;
    bool composes = false;
    for (size_t i = 0; i < trial->span->n_levels; i++, rest /= n_collective_algorithms) {
      const struct collective_algorithm *const algorithm = collective_algorithms[rest % n_collective_algorithms];
      way[i] = algorithm->name;
      composes |= algorithm->composes || strcmp(algorithm->name, "bucket") == 0; /* no sides here */
    }
    const struct times times = composes ? best : times_of(trial, way);
    best.free_s = fmin(best.free_s, times.free_s), best.barrier_s = fmin(best.barrier_s, times.barrier_s);
    arena_rewind(&arena, mark);
  }
  return best;
}

static void check_span(const struct collective_span *span, double bytes) {
  for (size_t i = 0; i < n_collective_algorithms; i++) {
    const struct collective_algorithm *const algorithm = collective_algorithms[i];
    for (enum op_kind kind = OP_ALL_REDUCE; kind <= OP_ALL_TO_ALL; kind++) {
      if (!collective_applies(algorithm, span, kind)) continue;
      const struct arena_mark mark = arena_get_mark(&arena);
      const struct trial trial = {span, kind, bytes, algorithm->name};
      const double closed_s = algorithm->seconds(span, kind, bytes);
      const bool one = span->n_levels == 1,
                 in_step = strcmp(algorithm->name, "ring") != 0 && strcmp(algorithm->name, "direct") != 0;
      struct times times;
      if (kind == OP_ALL_TO_ALL)
        times = all_to_all_times(&trial);
      else
        times = algorithm->composes ? fastest_way(&trial) : times_of(&trial, NULL);
      if (times.free_s == (double)INFINITY) describe(&trial, "has no schedule in this test: write one");
      check_times(&trial, closed_s, times, (one || in_step) && span->levels[0].view.n_sides == 0);
      arena_rewind(&arena, mark);
    }
  }
}

static struct collective_level draw_level(struct rng *rng, uint64_t extent) {
  return (struct collective_level){.extent = extent,
                                   .latency_s = 1e-6 * rng_unit(rng),
                                   .bytes_per_s = 1e9 * (1 + 400 * rng_unit(rng)),
                                   .view = plain};
}

static double draw_bytes(struct rng *rng) { return (double)(1 + rng_below(rng, UINT64_C(1) << rng_below(rng, 30))); }

static void test_one_level(void **state) {
  (void)state;
  print_message("seed %d\n", SEED);
  n_trials = 0;
  for (uint64_t n = 2; n <= MESSAGES_MAX_RANKS; n++) {
    struct rng rng = rng_stream(SEED, RNG_TEST, 0, n);
    struct collective_span span = {.ranks = n, .n_levels = 1};
    for (unsigned i = 0; i < 2; i++) {
      span.levels[0] = draw_level(&rng, n);
      check_span(&span, draw_bytes(&rng));
    }
  }
  print_message("%u collectives\n", n_trials);
  assert_true(n_trials > 200);
}

static void test_levels(void **state) {
  (void)state;
  static const uint64_t groups[][3] = {{2, 2}, {4, 2}, {2, 4}, {3, 2}, {2, 3},    {4, 4},    {2, 8},   {8, 2},
                                       {3, 5}, {5, 3}, {6, 2}, {4, 3}, {2, 2, 2}, {2, 3, 2}, {3, 2, 2}};
  print_message("seed %d\n", SEED);
  n_trials = 0;
  for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
    struct rng rng = rng_stream(SEED, RNG_TEST, 1, g);
    struct collective_span span = {.ranks = 1};
    while (span.n_levels < 3 && groups[g][span.n_levels] > 0) {
      span.levels[span.n_levels] = draw_level(&rng, groups[g][span.n_levels]);
      span.ranks *= groups[g][span.n_levels++];
    }
    check_span(&span, draw_bytes(&rng));
  }
  print_message("%u collectives\n", n_trials);
  assert_true(n_trials > 80);
}

/* Whole grids and blocks of larger ones, closed and open. */
static void test_grids(void **state) {
  (void)state;
  static const struct {
    const char *topology;
    uint64_t size, extent;
  } grids[] = {{"torus2d", 16, 16}, {"torus2d", 9, 9},    {"torus2d", 8, 8},   {"torus2d", 16, 8}, {"torus2d", 36, 12},
               {"torus3d", 8, 8},   {"torus3d", 12, 12},  {"torus3d", 64, 16}, {"mesh2d", 16, 16}, {"mesh2d", 15, 15},
               {"ring", 7, 7},      {"hypercube", 16, 8}, {"full_mesh", 8, 8}};
  unsigned n_buckets = 0;
  print_message("seed %d\n", SEED);
  for (size_t g = 0; g < sizeof grids / sizeof *grids; g++) {
    struct rng rng = rng_stream(SEED, RNG_TEST, 2, g);
    struct collective_span span = {.ranks = grids[g].extent, .n_levels = 1};
    span.levels[0] = draw_level(&rng, grids[g].extent);
    const struct topology_place place = {grids[g].extent, 1, grids[g].size, 1};
    for (size_t t = 0; t < n_topologies; t++)
      if (strcmp(topologies[t]->name, grids[g].topology) == 0) topologies[t]->view(&place, &span.levels[0].view);
    n_buckets += collective_applies(&collective_bucket, &span, OP_ALL_REDUCE);
    check_span(&span, draw_bytes(&rng));
  }
  assert_int_equal(n_buckets, 10);
}

static int set_up(void **state) {
  (void)state;
  arena_init(&arena, 1 << 22);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  arena_release(&arena);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_level),
      cmocka_unit_test(test_levels),
      cmocka_unit_test(test_grids),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
