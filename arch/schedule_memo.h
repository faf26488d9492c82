/* Has this problem been bounded, or scheduled, before?
 *
 * Designs that differ in what no operator sees have the same problem, and a search, its proof and its report come back
 * to the same designs. What came of a problem is kept by a digest of all that bound and schedule read: changes speed
 * and no answer. Left out: schedules in detail, which are few. */
#ifndef ARCH_SCHEDULE_MEMO_H
#define ARCH_SCHEDULE_MEMO_H

#include "arch/schedule.h"
#include "base/digest.h"
#include "base/memo.h"

/* So many problems (a power of two). In the arena; nothing is allocated later. */
struct memo *schedule_memo_new(struct arena *arena, size_t n_entries);
/* What of a graph schedules depend on: its edges, and which ops are of one shape. Once a graph. */
struct digest schedule_structure(const struct op_graph *graph);

/* As schedule_lower_bound, and schedule_build without detail. `structure`: of the problem's graph; `known` (NULL:
 * nothing is kept) may be shared by problems of different graphs. */
uint64_t schedule_known_bound(struct memo *known, struct digest structure, const struct schedule_problem *problem,
                              struct arena *scratch, enum schedule_bound_kind *kind);
void schedule_known_build(struct memo *known, struct digest structure, const struct schedule_problem *problem,
                          struct arena *scratch, struct schedule *schedule);

#endif
