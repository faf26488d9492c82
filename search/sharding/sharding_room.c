/* Can the boards hold the layers at all? See sharding_room.h.
 *
 * What lasts of each layer lies somewhere, on one set, at least as much as its most sparing strategy on any number of
 * boards leaves on all of them together. While a layer runs, its set holds its input and output as well. The sum over
 * all layers of the one and the most of the other is needed whatever the sets are. Left out: activations that wait. */
#include "search/sharding/sharding_room.h"

#include "search/sharding/sharding_private.h"
#include "search/sharding/sharding_training.h"

#include <stdlib.h>

struct needs {                           /* of a layer */
  uint64_t lasting_bytes, running_bytes; /* of all boards of the set: for good; and while it runs */
  uint64_t lacking_bytes, board_bytes;   /* of a board by which it misses its set, and all that it needs of it */
};

static int compare_bytes(const void *x, const void *y) {
  const uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
  return a > b ? -1 : a < b;
}

/* dram: by board, most first. */
static struct needs needs_of(const struct sharding_problem *problem, uint32_t layer, const uint64_t *dram,
                             struct arena *scratch) {
  struct needs needs = {UINT64_MAX, UINT64_MAX, UINT64_MAX, 0};
  for (uint32_t p = 1; p <= problem->n_boards; p++) {
    const struct arena_mark mark = arena_get_mark(scratch);
    const struct sharding_strategy *list;
    const size_t n = sharding_strategies(problem, layer, p, scratch, &list);
    for (size_t s = 0; s < n; s++) {
      struct sharding_cost cost; /* bytes depend on neither design nor links */
      sharding_cost(problem, layer, &problem->designs[0], p, 1, &list[s], &cost);
      const uint64_t lasting = sharding_lasting_bytes(problem, &cost),
                     running = sat_add(lasting, sat_add(cost.input_bytes, cost.output_bytes));
      needs.lasting_bytes = min_u64(needs.lasting_bytes, sat_mul(lasting, p));
      needs.running_bytes = min_u64(needs.running_bytes, sat_mul(running, p));
      const uint64_t lacking = running > dram[p - 1] ? running - dram[p - 1] : 0;
      if (lacking < needs.lacking_bytes) needs.lacking_bytes = lacking, needs.board_bytes = running;
    }
    arena_rewind(scratch, mark);
  }
  return needs;
}

void sharding_room(const struct sharding_problem *problem, struct arena *scratch, struct sharding_room *room) {
  const struct arena_mark mark = arena_get_mark(scratch);
  uint64_t *dram = ARENA_NEW(scratch, uint64_t, problem->n_boards), lasting = 0, most = 0;
  *room = (struct sharding_room){0};
  for (size_t b = 0; b < problem->n_boards; b++) {
    dram[b] = problem->boards[b].dram_bytes;
    room->room_bytes = sat_add(room->room_bytes, dram[b]);
  }
  qsort(dram, problem->n_boards, sizeof *dram, compare_bytes);
  for (uint32_t l = 0; l < problem->n_layers && !room->alone; l++) {
    const struct needs needs = needs_of(problem, l, dram, scratch);
    lasting = sat_add(lasting, needs.lasting_bytes);
    if (needs.lacking_bytes > 0) {
      *room = (struct sharding_room){true, true, l, needs.board_bytes, needs.board_bytes - needs.lacking_bytes};
    } else if (needs.running_bytes - needs.lasting_bytes > most) {
      most = needs.running_bytes - needs.lasting_bytes, room->layer = l;
    }
  }
  arena_rewind(scratch, mark);
  if (room->alone) return;
  room->need_bytes = sat_add(lasting, most);
  room->lacks = room->need_bytes > room->room_bytes;
}
