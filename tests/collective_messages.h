/* Collectives message by message: what arrives where, and when.
 *
 * Independent of the closed forms of arch/collective_*.c but for the numbers of a span. A schedule is a list of
 * messages in rounds; a message sends a set of atoms (equal parts of the tensor) and takes α + bytes/β, during which it
 * keeps one port of the sender and one of the receiver. It starts when its atoms are there and both ports are free;
 * with `barrier` also not before all messages of earlier phases have ended (rounds, where a schedule names no phases).
 * Each atom carries the set of ranks that it sums up, so that a schedule that loses, repeats or invents data fails. An
 * all-gather is its reduce-scatter run backwards. */
#ifndef TESTS_COLLECTIVE_MESSAGES_H
#define TESTS_COLLECTIVE_MESSAGES_H

#include "arch/collective.h"
#include "base/arena.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum { MESSAGES_MAX_RANKS = 16, MESSAGES_MAX = 4096, MESSAGES_MAX_PORTS = 6 };
enum message_pattern { PATTERN_RING, PATTERN_PAIRS, PATTERN_FAR };

struct message {
  unsigned round, phase, src, dst, port;
  bool reduces; /* added to what the receiver has; else replaces it */
  double latency_s, bytes_per_s;
  uint8_t *has; /* [n_atoms] */
};

struct messages {
  struct arena *arena;
  const struct collective_span *span;
  size_t n_atoms, n;
  struct message *all;
  unsigned round, phase; /* of the next message; phase 0: the round */
};

static inline void messages_init(struct messages *m, const struct collective_span *span, size_t n_atoms,
                                 struct arena *arena) {
  *m = (struct messages){.arena = arena, .span = span, .n_atoms = n_atoms};
  m->all = ARENA_NEW(arena, struct message, MESSAGES_MAX);
}

/* Digit of a rank at a level. */
static inline unsigned digit_of(const struct collective_span *span, unsigned rank, size_t level) {
  for (size_t i = 0; i < level; i++) rank /= (unsigned)span->levels[i].extent;
  return rank % (unsigned)span->levels[level].extent;
}

static inline size_t level_between(const struct collective_span *span, unsigned a, unsigned b) {
  size_t level = 0;
  for (size_t i = 0; i < span->n_levels; i++)
    if (digit_of(span, a, i) != digit_of(span, b, i)) level = i;
  return level;
}

/* Members of a group and the atoms that they work on; block j of atoms, for j of n members. */
struct crew {
  unsigned n, rank[MESSAGES_MAX_RANKS];
  size_t n_atoms, *atoms;
};

/* Atoms of `block` of `n_blocks`, sent by one member to another; messages of one round between the same two are one. */
static inline void messages_send(struct messages *m, unsigned src, unsigned dst, const size_t *atoms, size_t n_atoms,
                                 bool reduces, enum message_pattern pattern) {
  REQUIRE(src != dst && n_atoms > 0);
  struct message *message = NULL;
  for (size_t i = m->n; i-- > 0 && message == NULL;) {
    struct message *const other = &m->all[i];
    if (other->round == m->round && other->src == src && other->dst == dst) message = other;
  }
  if (message == NULL) {
    REQUIRE(m->n < MESSAGES_MAX);
    const size_t port = level_between(m->span, src, dst);
    const struct collective_level *const level = &m->span->levels[port];
    const struct topology_view *const view = &level->view;
    const double rates[] = {view->ring, view->pairs, view->all_to_all};
    const uint64_t hops[] = {view->ring_hops, view->pair_hops, view->far_hops};
    message = &m->all[m->n++];
    *message = (struct message){.round = m->round,
                                .phase = m->phase > 0 ? m->phase : m->round,
                                .src = src,
                                .dst = dst,
                                .port = (unsigned)port,
                                .reduces = reduces,
                                .latency_s = level->latency_s * (double)hops[pattern],
                                .bytes_per_s = level->bytes_per_s * rates[pattern],
                                .has = ARENA_NEW(m->arena, uint8_t, m->n_atoms)};
  }
  for (size_t i = 0; i < n_atoms; i++) message->has[atoms[i]] = 1;
}

/* --- schedules ------------------------------------------------------------------------------------------------------
 */

static inline void send_block(struct messages *m, const struct crew *crew, unsigned src, unsigned dst, unsigned block,
                              enum message_pattern pattern) {
  const size_t n = crew->n_atoms / crew->n;
  REQUIRE(crew->n_atoms % crew->n == 0);
  messages_send(m, crew->rank[src], crew->rank[dst], crew->atoms + block * n, n, true, pattern);
}

/* Place k of ring c, of as many rings as ranks share a unit below the outermost level: each starts elsewhere in it. */
static inline unsigned ring_place(const struct collective_span *span, unsigned c, unsigned k) {
  unsigned rank = 0, unit = 1;
  for (size_t i = 0; i < span->n_levels; i++) {
    const unsigned extent = (unsigned)span->levels[i].extent;
    const unsigned digit = i + 1 < span->n_levels ? (c + k) % extent : k;
    rank += digit * unit;
    unit *= extent, c /= extent, k /= extent;
  }
  return rank;
}

static inline void ring_reduce_scatter(struct messages *m, const struct crew *crew, bool whole_span) {
  const unsigned n = crew->n;
  const unsigned n_rings = whole_span ? (unsigned)(m->span->ranks / m->span->levels[m->span->n_levels - 1].extent) : 1;
  const size_t part = crew->n_atoms / n_rings, piece = part / n;
  REQUIRE(crew->n_atoms % ((size_t)n_rings * n) == 0);
  for (unsigned step = 0; step + 1 < n; step++, m->round++) {
    for (unsigned c = 0; c < n_rings; c++) {
      for (unsigned k = 0; k < n; k++) {
        const unsigned next = (k + 1) % n, p = (k + 2 * n - step - 1) % n;
        const unsigned src = n_rings > 1 ? ring_place(m->span, c, k) : k;
        const unsigned dst = n_rings > 1 ? ring_place(m->span, c, next) : next;
        messages_send(m, crew->rank[src], crew->rank[dst], crew->atoms + c * part + p * piece, piece, true,
                      PATTERN_RING);
      }
    }
  }
}

/* After digit b, a member has what those who share its digits so far sum up, for blocks that share them too. */
static inline void halving_reduce_scatter(struct messages *m, const struct crew *crew) {
  for (unsigned bit = 1; bit < crew->n; bit *= 2, m->round++) {
    for (unsigned j = 0; j < crew->n; j++) {
      const unsigned partner = j ^ bit;
      for (unsigned block = 0; block < crew->n; block++)
        if ((block & (2 * bit - 1)) == (partner & (2 * bit - 1))) send_block(m, crew, j, partner, block, PATTERN_PAIRS);
    }
  }
}

/* The member `shift` further, digit by digit. */
static inline unsigned shifted(const struct collective_span *span, unsigned rank, unsigned shift) {
  unsigned result = 0, unit = 1;
  for (size_t i = 0; i < span->n_levels; i++) {
    const unsigned extent = (unsigned)span->levels[i].extent;
    result += (digit_of(span, rank, i) + digit_of(span, shift, i)) % extent * unit;
    unit *= extent;
  }
  return result;
}

static inline void direct_reduce_scatter(struct messages *m, const struct crew *crew, bool whole_span) {
  for (unsigned shift = 1; shift < crew->n; shift++, m->round++) {
    for (unsigned j = 0; j < crew->n; j++) {
      const unsigned to = whole_span ? shifted(m->span, j, shift) : (j + shift) % crew->n;
      send_block(m, crew, j, to, to, PATTERN_FAR);
    }
  }
}

/* Part q of the atoms goes round side (q + p) mod D in phase p; blocks are by the digits of the grid. A side is a port.
 */
static inline void bucket_reduce_scatter(struct messages *m, const struct crew *crew) {
  const struct topology_view *const view = &m->span->levels[0].view;
  const size_t D = view->n_sides, part = crew->n_atoms / D, block = part / crew->n;
  unsigned unit[TOPOLOGY_MAX_SIDES] = {1};
  REQUIRE(crew->n_atoms % (D * crew->n) == 0);
  for (size_t d = 1; d < D; d++) unit[d] = unit[d - 1] * (unsigned)view->sides[d - 1];
  for (size_t p = 0; p < D; p++) {
    unsigned longest = 0;
    m->phase = (unsigned)p + 1;
    for (size_t q = 0; q < D; q++) {
      const size_t side = (q + p) % D;
      const unsigned g = (unsigned)view->sides[side];
      longest = g > longest ? g : longest;
      for (unsigned step = 0; step + 1 < g; step++) {
        for (unsigned j = 0; j < crew->n; j++) {
          const unsigned k = j / unit[side] % g, to = j - k * unit[side] + (k + 1) % g * unit[side];
          const unsigned piece = (k + 2 * g - step - 1) % g;
          const size_t before = m->n;
          for (unsigned b = 0; b < crew->n; b++) {
            bool mine = b / unit[side] % g == piece;
            for (size_t earlier = 0; earlier < p; earlier++) {
              const size_t s = (q + earlier) % D;
              mine = mine && b / unit[s] % view->sides[s] == j / unit[s] % view->sides[s];
            }
            if (!mine) continue;
            /* Steps of parts on other sides are rounds of their own: they share no port and no atom. */
            m->round += step;
            messages_send(m, crew->rank[j], crew->rank[to], crew->atoms + q * part + b * block, block, true,
                          PATTERN_RING);
            m->round -= step;
          }
          REQUIRE(m->n == before + 1);
          m->all[before].port = (unsigned)side;
          m->all[before].bytes_per_s = m->span->levels[0].bytes_per_s * view->side_rate[side];
        }
      }
    }
    m->round += longest;
  }
  m->phase = 0;
}

/* Of `n` members, those at odd places below 2·rest give all to the one before, and get the result in the end. */
static inline struct crew fold(struct messages *m, const struct crew *crew, bool back) {
  unsigned power = 1;
  while (power * 2 <= crew->n) power *= 2;
  const unsigned rest = crew->n - power;
  struct crew folded = {.n = power, .n_atoms = crew->n_atoms, .atoms = crew->atoms};
  for (unsigned j = 0; j < power; j++) folded.rank[j] = crew->rank[j < rest ? 2 * j : j + rest];
  for (unsigned j = 0; j < rest; j++) {
    const unsigned even = crew->rank[2 * j], odd = crew->rank[2 * j + 1];
    messages_send(m, back ? even : odd, back ? odd : even, crew->atoms, crew->n_atoms, !back, PATTERN_PAIRS);
  }
  if (rest > 0) m->round++;
  return folded;
}

static inline void doubling_all_reduce(struct messages *m, const struct crew *crew) {
  for (unsigned bit = 1; bit < crew->n; bit *= 2, m->round++)
    for (unsigned j = 0; j < crew->n; j++)
      messages_send(m, crew->rank[j], crew->rank[j ^ bit], crew->atoms, crew->n_atoms, true, PATTERN_PAIRS);
}

/* To the first of each unit, level by level. */
static inline void tree_reduce(struct messages *m, const struct crew *crew, bool whole_span) {
  unsigned unit = 1;
  const size_t n_levels = whole_span ? m->span->n_levels : 1;
  for (size_t i = 0; i < n_levels; i++) {
    const unsigned extent = whole_span ? (unsigned)m->span->levels[i].extent : crew->n;
    for (unsigned bit = 1; bit < extent; bit *= 2, m->round++) {
      for (unsigned j = 0; j < crew->n; j += unit) {
        const unsigned digit = j / unit % extent;
        if (j % unit == 0 && (digit & (2 * bit - 1)) == bit)
          messages_send(m, crew->rank[j], crew->rank[j - bit * unit], crew->atoms, crew->n_atoms, true, PATTERN_PAIRS);
      }
    }
    unit *= extent;
  }
}

/* What was reduced from `first` on goes back the same way, in rounds from the last to the first. */
static inline void send_back(struct messages *m, size_t first, unsigned first_round) {
  const size_t end = m->n;
  const unsigned last_round = m->round;
  for (size_t i = end; i-- > first;) {
    struct message message = m->all[i];
    message.src = m->all[i].dst;
    message.dst = m->all[i].src;
    message.reduces = false;
    message.phase = MESSAGES_MAX - m->all[i].phase;
    message.round = last_round + (last_round - 1 - m->all[i].round);
    REQUIRE(m->n < MESSAGES_MAX);
    m->all[m->n++] = message;
  }
  m->round = last_round + (last_round - first_round);
}

/* --- what happens ---------------------------------------------------------------------------------------------------
 */

struct messages_state {
  uint32_t *sums; /* [n_ranks * n_atoms]: of which ranks; 0: nothing */
  double *when_s; /* since when */
  double sent_bytes[MESSAGES_MAX_RANKS], received_bytes[MESSAGES_MAX_RANKS];
  double end_s;
};

/* `bytes` of the whole set of atoms. False: data was sent that is not there, or added twice. */
static inline bool messages_run(const struct messages *m, double bytes, bool barrier, struct messages_state *state) {
  const size_t n_atoms = m->n_atoms;
  double send_free_s[MESSAGES_MAX_RANKS][MESSAGES_MAX_PORTS] = {{0}};
  double receive_free_s[MESSAGES_MAX_RANKS][MESSAGES_MAX_PORTS] = {{0}};
  unsigned n_rounds = 0, phase = 0;
  double floor_s = 0;
  state->end_s = 0;
  memset(state->sent_bytes, 0, sizeof state->sent_bytes);
  memset(state->received_bytes, 0, sizeof state->received_bytes);
  for (size_t i = 0; i < m->n; i++) n_rounds = m->all[i].round >= n_rounds ? m->all[i].round + 1 : n_rounds;
  for (unsigned round = 0; round < n_rounds; round++) {
    const struct arena_mark mark = arena_get_mark(m->arena);
    const double before_s = state->end_s;
    uint32_t **const carried = ARENA_NEW(m->arena, uint32_t *, m->n);
    double *const ends_s = ARENA_NEW(m->arena, double, m->n);
    for (size_t i = 0; i < m->n; i++) { /* all leave before any arrives */
      const struct message *const message = &m->all[i];
      if (message->round != round) continue;
      if (message->phase != phase) floor_s = before_s, phase = message->phase;
      const uint32_t *const sums = state->sums + message->src * n_atoms;
      double start_s = barrier ? floor_s : 0;
      size_t n = 0;
      carried[i] = ARENA_NEW(m->arena, uint32_t, n_atoms);
      for (size_t a = 0; a < n_atoms; a++) {
        if (!message->has[a]) continue;
        if (sums[a] == 0) return false;
        carried[i][a] = sums[a];
        start_s = fmax(start_s, state->when_s[message->src * n_atoms + a]);
        n++;
      }
      double *const send = &send_free_s[message->src][message->port];
      double *const receive = &receive_free_s[message->dst][message->port];
      const double message_bytes = bytes * (double)n / (double)n_atoms;
      start_s = fmax(start_s, fmax(*send, *receive));
      ends_s[i] = *send = *receive = start_s + message->latency_s + message_bytes / message->bytes_per_s;
      state->sent_bytes[message->src] += message_bytes;
      state->received_bytes[message->dst] += message_bytes;
      state->end_s = fmax(state->end_s, ends_s[i]);
    }
    for (size_t i = 0; i < m->n; i++) {
      const struct message *const message = &m->all[i];
      if (message->round != round) continue;
      for (size_t a = 0; a < n_atoms; a++) {
        if (!message->has[a]) continue;
        uint32_t *const sum = &state->sums[message->dst * n_atoms + a];
        double *const when_s = &state->when_s[message->dst * n_atoms + a];
        if (message->reduces && (*sum & carried[i][a]) != 0) return false;
        if (!message->reduces && (*sum & ~carried[i][a]) != 0) return false;
        *when_s = message->reduces ? fmax(*when_s, ends_s[i]) : ends_s[i];
        *sum = *sum | carried[i][a];
      }
    }
    arena_rewind(m->arena, mark);
  }
  return true;
}

#endif
