/* How fast do boards reach each other? (sharding §2.) A pair of the file, else the level that its groups' paths share,
 * else by the group; the slowest link of a ring or between two sets counts. Left out: links that several use at once.
 */
#include "search/sharding/sharding.h"
#include <math.h>
#include <string.h>

/* Names that two paths have in common from the left: "pod0/rack1" and "pod0/rack2" have one. */
static size_t n_common_names(const char *a, const char *b) {
  size_t n = 0;
  for (;;) {
    const size_t first = strcspn(a, "/"), second = strcspn(b, "/");
    if (first != second || strncmp(a, b, first) != 0) return n;
    n++;
    if (a[first] == '\0' || b[second] == '\0') return n;
    a += first + 1, b += second + 1;
  }
}

static double group_link(const struct sharding_problem *problem, uint32_t from, uint32_t to) {
  if (problem->n_levels == 0) return from == to ? problem->intra_bytes_per_s : problem->inter_bytes_per_s;
  const size_t level = n_common_names(problem->groups[from], problem->groups[to]);
  return problem->level_bytes_per_s[level < problem->n_levels ? level : problem->n_levels - 1];
}

double sharding_link(const struct sharding_problem *problem, uint32_t from, uint32_t to) {
  if (problem->link_bytes_per_s != NULL) {
    const double given = problem->link_bytes_per_s[from * problem->n_boards + to];
    if (given > 0) return given;
  }
  return group_link(problem, problem->board_group[from], problem->board_group[to]);
}

double sharding_ring_bandwidth(const struct sharding_problem *problem, const uint32_t *boards, size_t n) {
  double least = INFINITY;
  for (size_t i = 0; n > 1 && i < n; i++) least = fmin(least, sharding_link(problem, boards[i], boards[(i + 1) % n]));
  return least;
}

double sharding_between_bandwidth(const struct sharding_problem *problem, const uint32_t *from, size_t n_from,
                                  const uint32_t *to, size_t n_to) {
  const bool pairs = problem->link_bytes_per_s != NULL; /* else boards of a group are alike: one of each will do */
  const uint32_t *group = problem->board_group;
  double least = INFINITY;
  for (size_t i = 0; i < n_from; i++) {
    if (!pairs && i > 0 && group[from[i]] == group[from[i - 1]]) continue;
    for (size_t j = 0; j < n_to; j++) {
      if (!pairs && j > 0 && group[to[j]] == group[to[j - 1]]) continue;
      if (from[i] != to[j]) least = fmin(least, sharding_link(problem, from[i], to[j]));
    }
  }
  return least;
}
