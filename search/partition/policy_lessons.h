/* What is a policy taught on? Graphs with a good placement each, some kept apart to tell when it has learnt enough.
 * (partition §8.) */
#ifndef SEARCH_PARTITION_POLICY_LESSONS_H
#define SEARCH_PARTITION_POLICY_LESSONS_H

#include "search/partition/policy_corpus.h"
#include "search/partition/policy_learner.h"

struct policy_lesson {
  const char *family;
  struct partition_problem problem;
  struct partition_graph graph;
  struct policy_case c;
  uint32_t *label; /* [n] chips by group */
  double label_ms; /* its period */
  bool validates;  /* not to be learnt from */
};
struct policy_lessons {
  struct policy_lesson *lessons;
  size_t n, room, n_validating;
  size_t most_groups, most_chances; /* of a learner that can take all */
  struct digest_stream stream;
};
void policy_lessons_init(struct policy_lessons *lessons, size_t room, struct arena *arena);
/* One more. False, without a message: it has no placement that we find. */
bool policy_lessons_add(struct policy_lessons *lessons, const struct partition_problem *problem, const char *family,
                        bool validates, struct arena *arena, struct arena *scratch, struct error *error);
struct digest policy_lessons_digest(const struct policy_lessons *lessons);

/* A good placement whose chips are as even as they can be without any above its period: of many placements of one
 * period the one that is easiest to foretell. The period; INFINITY: none. */
double policy_label(const struct partition_graph *graph, struct arena *scratch, uint32_t *chip);

#endif
