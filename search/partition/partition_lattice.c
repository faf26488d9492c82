/* Which elements do ideals consist of? Groups in topological order, without those that may go with a neighbour at no
 * cost, times in whole numbers. See partition_exact_private.h; partition §9, "reduce".
 *
 * A source without work that only one other reads goes with its reader: its tensor then never leaves a chip, and no
 * load grows. So does a sink without work with its only producer. What touches nothing sits on the first chip. Where
 * memory counts, only what weighs nothing; where live tensors count, nothing at all. */
#include "search/partition/partition_exact_private.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

enum { MOST_ELEMENTS = 1 << 13, TIME_BITS = 60 };

struct merger {
  const struct partition_graph *graph;
  uint32_t *into;         /* [n] the group it goes with, itself, or PARTITION_NONE */
  uint32_t *n_in, *n_out; /* of those still there */
};

static bool is_free(const struct partition_graph *graph, size_t g) {
  const struct partition_problem *problem = graph->problem;
  if (problem->memory_bytes > 0 && problem->memory_rule == PARTITION_LIVE) return false;
  return !(graph->compute_ms[g] > 0) && (problem->memory_bytes == 0 || graph->weight_bytes[g] == 0);
}

/* The only neighbour of g still there. */
static uint32_t the_other(const struct merger *m, const uint32_t *start, const uint32_t *others, uint32_t g) {
  uint32_t i = start[g];
  while (m->into[others[i]] != others[i]) i++;
  return others[i];
}

static void merge_free(struct merger *m) {
  const struct partition_graph *graph = m->graph;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t k = 0; k < 2 * graph->n; k++) { /* sources forwards, sinks backwards */
      const bool forward = k < graph->n;
      const uint32_t g = graph->topological[forward ? k : 2 * graph->n - 1 - k];
      if (m->into[g] != g || !is_free(graph, g)) continue;
      if (m->n_in[g] + m->n_out[g] == 0) {
        m->into[g] = PARTITION_NONE;
      } else if (m->n_in[g] == 0 && m->n_out[g] == 1) {
        m->into[g] = the_other(m, graph->out_start, graph->out, g);
        m->n_in[m->into[g]]--;
      } else if (m->n_out[g] == 0 && m->n_in[g] == 1) {
        m->into[g] = the_other(m, graph->in_start, graph->in, g);
        m->n_out[m->into[g]]--;
      } else {
        continue;
      }
      changed = true;
    }
  }
}

static void number_elements(struct merger *m, struct arena *arena, struct partition_lattice *lattice) {
  const struct partition_graph *graph = m->graph;
  lattice->of = ARENA_NEW(arena, uint32_t, graph->n);
  m->into = ARENA_NEW(arena, uint32_t, graph->n);
  m->n_in = ARENA_NEW(arena, uint32_t, graph->n), m->n_out = ARENA_NEW(arena, uint32_t, graph->n);
  for (uint32_t g = 0; g < graph->n; g++) {
    m->into[g] = g;
    m->n_in[g] = graph->in_start[g + 1] - graph->in_start[g];
    m->n_out[g] = graph->out_start[g + 1] - graph->out_start[g];
  }
  merge_free(m);
  for (size_t k = 0; k < graph->n; k++) {
    const uint32_t g = graph->topological[k];
    if (m->into[g] == g) lattice->of[g] = (uint32_t)lattice->n++;
  }
  for (uint32_t g = 0; g < graph->n; g++) {
    uint32_t last = g;
    while (last != PARTITION_NONE && m->into[last] != last) last = m->into[last];
    lattice->of[g] = last == PARTITION_NONE ? PARTITION_NONE : lattice->of[last];
  }
}

/* A unit such that all sums stay below 2^TIME_BITS. */
static bool choose_unit(struct partition_lattice *lattice) {
  const struct partition_graph *graph = lattice->graph;
  double sum_ms = 0;
  for (size_t g = 0; g < graph->n; g++) sum_ms += graph->compute_ms[g];
  for (size_t t = 0; t < graph->n_tensors; t++) sum_ms += 2 * graph->tensors[t].ms;
  if (!(sum_ms < INFINITY)) return false;
  int exponent = 0;
  if (sum_ms > 0) (void)frexp(sum_ms, &exponent);
  lattice->unit_ms = ldexp(1, exponent - TIME_BITS);
  return lattice->unit_ms > 0;
}

static int64_t in_units(const struct partition_lattice *lattice, double ms) {
  return (int64_t)rint(ms / lattice->unit_ms);
}

static void fill_arcs(const struct merger *m, struct arena *arena, struct partition_lattice *lattice) {
  const struct partition_graph *graph = m->graph;
  lattice->in_start = ARENA_NEW(arena, uint32_t, lattice->n + 1),
  lattice->in = ARENA_NEW(arena, uint32_t, graph->n_arcs);
  lattice->out_start = ARENA_NEW(arena, uint32_t, lattice->n + 1);
  lattice->out = ARENA_NEW(arena, uint32_t, graph->n_arcs);
  uint32_t n_in = 0, n_out = 0;
  for (size_t k = 0; k < graph->n; k++) {
    const uint32_t g = graph->topological[k];
    if (m->into[g] != g) continue;
    for (uint32_t i = graph->in_start[g]; i < graph->in_start[g + 1]; i++) {
      if (m->into[graph->in[i]] == graph->in[i]) lattice->in[n_in++] = lattice->of[graph->in[i]];
    }
    for (uint32_t i = graph->out_start[g]; i < graph->out_start[g + 1]; i++) {
      if (m->into[graph->out[i]] == graph->out[i]) lattice->out[n_out++] = lattice->of[graph->out[i]];
    }
    lattice->in_start[lattice->of[g] + 1] = n_in, lattice->out_start[lattice->of[g] + 1] = n_out;
  }
}

static void fill_tensors(const struct merger *m, struct arena *arena, struct partition_lattice *lattice) {
  const struct partition_graph *graph = m->graph;
  size_t n_all = 0, n = 0;
  for (size_t t = 0; t < graph->n_tensors; t++) n_all += graph->tensors[t].end - graph->tensors[t].first;
  lattice->tensors = ARENA_NEW(arena, struct lattice_tensor, graph->n_tensors);
  lattice->tensor_start = ARENA_NEW(arena, uint32_t, lattice->n + 1);
  lattice->consumer = ARENA_NEW(arena, uint32_t, n_all);
  lattice->sent = ARENA_NEW(arena, int64_t, lattice->n);
  lattice->read_start = ARENA_NEW(arena, uint32_t, lattice->n + 2), lattice->read = ARENA_NEW(arena, uint32_t, n_all);
  for (size_t k = 0; k < graph->n; k++) {
    const uint32_t g = graph->topological[k];
    if (m->into[g] != g) continue;
    const uint32_t e = lattice->of[g];
    for (uint32_t t = graph->tensor_start[g]; t < graph->tensor_start[g + 1]; t++) {
      struct lattice_tensor *tensor = &lattice->tensors[lattice->n_tensors];
      *tensor = (struct lattice_tensor){e, (uint32_t)n, (uint32_t)n, in_units(lattice, graph->tensors[t].ms)};
      for (uint32_t i = graph->tensors[t].first; i < graph->tensors[t].end; i++) {
        const uint32_t c = graph->consumer[i];
        if (m->into[c] != c) continue;
        lattice->consumer[n++] = lattice->of[c];
        lattice->read_start[lattice->of[c] + 2]++;
      }
      tensor->end = (uint32_t)n;
      if (tensor->end == tensor->first) continue;
      lattice->sent[e] += tensor->time;
      lattice->n_tensors++;
    }
    lattice->tensor_start[e + 1] = (uint32_t)lattice->n_tensors;
  }
  for (size_t e = 0; e < lattice->n; e++) lattice->read_start[e + 2] += lattice->read_start[e + 1];
  for (uint32_t t = 0; t < lattice->n_tensors; t++) {
    for (uint32_t i = lattice->tensors[t].first; i < lattice->tensors[t].end; i++) {
      lattice->read[lattice->read_start[lattice->consumer[i] + 1]++] = t;
    }
  }
}

/* The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). */
static uint64_t mix(uint64_t x) {
  x += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

bool partition_lattice_init(const struct partition_graph *graph, struct arena *arena,
                            struct partition_lattice *lattice) {
  struct merger merger = {.graph = graph};
  *lattice = (struct partition_lattice){.graph = graph};
  number_elements(&merger, arena, lattice);
  if (lattice->n > MOST_ELEMENTS || !choose_unit(lattice)) return false;
  const struct partition_problem *problem = graph->problem;
  lattice->n_words = (lattice->n + 63) / 64;
  lattice->room = problem->memory_bytes > 0 ? problem->memory_bytes : UINT64_MAX;
  lattice->work = ARENA_NEW(arena, int64_t, lattice->n), lattice->weight = ARENA_NEW(arena, uint64_t, lattice->n);
  lattice->key = ARENA_NEW(arena, uint64_t, lattice->n), lattice->group = ARENA_NEW(arena, uint32_t, lattice->n);
  for (size_t g = 0; g < graph->n; g++) {
    if (merger.into[g] != g) continue;
    const uint32_t e = lattice->of[g];
    lattice->work[e] = in_units(lattice, graph->compute_ms[g]);
    lattice->weight[e] = problem->memory_bytes > 0 ? graph->weight_bytes[g] : 0;
    lattice->total += lattice->work[e];
    lattice->key[e] = mix(e), lattice->group[e] = (uint32_t)g;
  }
  fill_arcs(&merger, arena, lattice);
  fill_tensors(&merger, arena, lattice);
  lattice->most = lattice->total;
  for (size_t t = 0; t < lattice->n_tensors; t++) lattice->most += 2 * lattice->tensors[t].time;
  /* Half a unit a term; as much again for sums of doubles elsewhere, whose unit in the last place is no larger. */
  lattice->rounding = 2 * (int64_t)(graph->n + 2 * graph->n_tensors + 64) * (INT64_C(1) << (TIME_BITS - 53));
  return true;
}
