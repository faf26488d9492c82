/* Exact level 1: sets, designs and ranges by branch and bound over the relaxation. Private to exact methods. */
#ifndef SEARCH_SHARDING_SHARDING_BRANCH_H
#define SEARCH_SHARDING_SHARDING_BRANCH_H

#include "search/sharding/sharding_choice.h"

struct branch_limits {
  uint64_t max_nodes;               /* sets chosen */
  uint64_t max_steps;               /* of the shortest paths behind them; 0: any number */
  uint64_t max_solved;              /* leaves whose strategies are solved; 0: any number */
  uint64_t max_samples;             /* leaves and answers valued; 0: any number */
  uint64_t max_improved;            /* layers solved again by steps from the best where nothing is proven */
  double tolerance;                 /* what promises less gain than this share is not looked at */
  const struct sharding_sets *sets; /* forms to choose from; NULL: all there are */
  const bool *cuts;                 /* [n_layers] by place: may a range end here? NULL: anywhere */
  bool (*interrupted)(void *context);
  void *context;
};
struct branch_result {
  double value_s, bound_s; /* in: value_s and answer may hold what is known; INFINITY: nothing */
  struct sharding_answer answer;
  uint64_t n_nodes, n_solved;
  bool ended;           /* all was looked at */
  struct choice choice; /* of the answer, if n_sets > 0 */
};
/* False: the problem is too large for it, nothing is done. With cuts of the caller's, or sets that are
 * not relaxed, bound_s is 0. */
bool sharding_branch(const struct sharding_problem *problem, const struct branch_limits *limits, struct arena *scratch,
                     struct arena *arena, struct branch_result *result);

#endif
