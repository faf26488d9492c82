/* Does an answer fit the boards' memory? (sharding §3, memory; training as sharding_training.c states it.)
 *
 * A board of a set keeps the weights of all its layers; while a layer runs, its input and output, and outputs of
 * earlier layers of the set that later ones of it still read. A piece that goes round is held once, or twice where the
 * next one arrives meanwhile. Training also keeps gradients, what the optimizer wants, and every layer's input. */
#include "base/checked.h"
#include "search/sharding/sharding_check_private.h"
#include <inttypes.h>

struct held {
  uint64_t weights, once_weights; /* elements; the latter without a second buffer */
  uint64_t inputs, once_inputs, output;
};

/* A sum by element holds each of its inputs. */
static uint64_t n_inputs(const struct judged_layer *l) {
  const struct sharding_problem *p = l->problem;
  const struct sharding_kind *kind = judged_kind(l);
  const uint64_t n = p->in_start[l->layer + 1] - p->in_start[l->layer];
  bool joined = kind->inputs == SHARDING_INPUTS_CONCAT || kind->inputs == SHARDING_INPUTS_OPERANDS;
  for (uint32_t i = p->in_start[l->layer]; i < p->in_start[l->layer + 1]; i++) {
    joined = joined || p->concat_first[p->in_edge[i]] > 0;
  }
  return n > 1 && !joined ? n : 1;
}

static struct held held_by(const struct judged_layer *l) {
  const bool weights = judged_kind(l)->has_weights;
  const uint64_t twice = l->problem->double_buffer ? 2 : 1;
  const uint64_t other = judged_held(l, JUDGED_WEIGHTS), input = judged_held(l, JUDGED_INPUT);
  const uint64_t others = sat_mul(other, judged_rotates(l, JUDGED_WEIGHTS) ? twice : 1);
  const uint64_t inputs = sat_mul(input, judged_rotates(l, JUDGED_INPUT) ? twice : 1);
  return (struct held){.weights = weights ? others : 0,
                       .once_weights = weights ? other : 0,
                       .inputs = sat_add(sat_mul(inputs, n_inputs(l)), weights ? 0 : others),
                       .once_inputs = sat_add(sat_mul(input, n_inputs(l)), weights ? 0 : other),
                       .output = judged_elements(l, JUDGED_OUTPUT)};
}

/* Is the layer's output read by one of its set that runs after place `now`? */
static bool is_wanted(const struct judge *j, uint32_t layer, uint32_t now) {
  const struct sharding_problem *p = j->problem;
  for (uint32_t i = p->out_start[layer]; i < p->out_start[layer + 1]; i++) {
    const uint32_t reader = p->edges[p->out_edge[i]].to;
    if (j->set_of[reader] == j->set_of[layer] && p->place[reader] > now) return true;
  }
  return false;
}

/* Elements of the fullest moment; bytes of the optimizer apart. `alive`: layers whose output is still wanted. */
static uint64_t set_bytes(const struct judge *j, const struct sharding_set *set) {
  const struct sharding_problem *p = j->problem;
  const struct arena_mark mark = arena_get_mark(j->arena);
  uint32_t *alive = ARENA_NEW(j->arena, uint32_t, set->last - set->first + 1), n_alive = 0;
  uint64_t lasting = 0, most = 0;
  for (uint32_t place = set->first; place <= set->last; place++) {
    const uint32_t layer = p->topological[place];
    const struct judged_layer l = judged_at(j, layer);
    const struct held held = held_by(&l);
    lasting = sat_add(lasting, sat_mul(held.weights, p->element_bytes));
    if (p->training) {
      const uint64_t gradients = sat_mul(held.once_weights, p->element_bytes);
      const double states = (double)held.once_weights * p->optimizer_bytes_per_weight;
      lasting = sat_add(lasting, sat_add(gradients, sat_mul(held.once_inputs, p->element_bytes)));
      lasting = sat_add(lasting, states < 9e18 ? (uint64_t)states : UINT64_MAX / 2);
    }
    uint64_t now = sat_mul(sat_add(held.inputs, held.output), p->element_bytes);
    uint32_t n_left = 0;
    for (uint32_t i = 0; i < n_alive; i++) {
      if (!is_wanted(j, alive[i], place)) continue;
      const struct judged_layer earlier = judged_at(j, alive[i]);
      now = sat_add(now, sat_mul(judged_elements(&earlier, JUDGED_OUTPUT), p->element_bytes));
      alive[n_left++] = alive[i];
    }
    n_alive = n_left;
    if (!p->training) alive[n_alive++] = layer;
    most = max_u64(most, now);
  }
  arena_rewind(j->arena, mark);
  return sat_add(lasting, most);
}

bool judge_memory(struct judge *j) {
  const struct sharding_answer *a = &j->claim->answer;
  bool fine = true;
  for (size_t s = 0; s < a->n_sets; s++) {
    const uint64_t bytes = set_bytes(j, &a->sets[s]);
    for (uint32_t i = 0; i < a->sets[s].n_boards; i++) {
      const uint32_t b = a->sets[s].boards[i];
      const uint64_t room = j->problem->boards[b].dram_bytes;
      if (bytes <= room) continue;
      fine = error_add(j->error, STATUS_INPUT, "memory %s %" PRIu64 " bytes too many: %" PRIu64 " of %" PRIu64,
                       judged_board_name(j, b), bytes - room, bytes, room);
    }
  }
  return fine;
}
