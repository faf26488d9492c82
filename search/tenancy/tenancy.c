/* The statement checked and completed, and answers in both forms. See tenancy.h; the closed form is in
 * tenancy_evaluate.c. */
#include "search/tenancy/tenancy.h"

#include "base/checked.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Scaled bandwidths stay below this: times a sum of latencies they then fit a tenancy_cost twice. */
static const uint64_t end_scaled = UINT64_C(1) << 61;
enum { LEAST_SCALE_BITS = 32, SHOWN_CIRCLE = 8, RUN = 32, MOST_MERGED = 1024 };

static bool check_job(const struct tenancy_problem *problem, size_t job, uint64_t *longest, struct error *error) {
  for (size_t c = 0; c < problem->n_cores; c++) {
    const size_t at = tenancy_at(problem, job, c);
    const double need = problem->bytes_per_cycle[at], energy = problem->energy_nj == NULL ? 0 : problem->energy_nj[at];
    if (!(need >= 0) || !isfinite(need)) {
      return error_add(error, STATUS_INPUT, "%s: job %zu on core %zu: bandwidth %g: a finite number ≥ 0 is allowed",
                       problem->name, job, c, need);
    }
    if (!isfinite(energy)) {
      return error_add(error, STATUS_INPUT, "%s: job %zu on core %zu: energy %g: a finite number is allowed",
                       problem->name, job, c, energy);
    }
    if (problem->latency_cycles[at] == 0) continue;
    *longest = max_u64(*longest, problem->latency_cycles[at]);
    if (need >= TENANCY_END_BYTES_PER_CYCLE) {
      return error_add(error, STATUS_INPUT,
                       "%s: job %zu on core %zu: bandwidth %g is too large (below 2^29 is allowed)", problem->name, job,
                       c, need);
    }
  }
  if (problem->weight != NULL && !(problem->weight[job] > 0 && isfinite(problem->weight[job]))) {
    return error_add(error, STATUS_INPUT, "%s: job %zu: weight %g: a finite number above 0 is allowed", problem->name,
                     job, problem->weight[job]);
  }
  if (*longest > 0) return true;
  return error_add(error, STATUS_INPUT, "%s: job %zu can run on no core", problem->name, job);
}

/* --- the order of jobs ----------------------------------------------------------------------------------------------
 */

static bool complain_of_circle(const struct tenancy_problem *problem, const char *file, const uint32_t *n_waits_for,
                               struct arena *arena, struct error *error) {
  uint32_t job = 0;
  while (n_waits_for[job] == 0) job++;
  bool *seen = ARENA_NEW(arena, bool, problem->n_jobs);
  uint32_t *path = ARENA_NEW(arena, uint32_t, problem->n_jobs + 1);
  size_t n = 0;
  for (; !seen[job]; n++) { /* who waits has a predecessor that waits, until one comes again */
    seen[job] = true;
    path[n] = job;
    uint32_t e = problem->pred_start[job];
    while (n_waits_for[problem->preds[e]] == 0) e++;
    job = problem->preds[e];
  }
  size_t first = 0;
  while (path[first] != job) first++;
  const char *text = arena_printf(arena, "%u", job);
  for (size_t i = n; i-- > first && n - i <= SHOWN_CIRCLE;) text = arena_printf(arena, "%s before %u", text, path[i]);
  return error_add(error, STATUS_INPUT, "%s: job %s%s: jobs that wait for each other in a circle can never start", file,
                   text, n - first > SHOWN_CIRCLE ? " before …" : "");
}

bool tenancy_check_order(const struct tenancy_problem *problem, const char *file, struct arena *arena,
                         struct error *error) {
  const size_t n = problem->n_jobs;
  const uint32_t *pred_start = problem->pred_start;
  if (pred_start == NULL) return true;
  for (uint32_t j = 0; j < n; j++) {
    for (uint32_t e = pred_start[j]; e < pred_start[j + 1]; e++) {
      if (problem->preds[e] < n && problem->preds[e] != j) continue;
      return error_add(error, STATUS_INPUT, "%s: job %u waits for job %u: another one of jobs 0 to %zu is allowed",
                       file, j, problem->preds[e], n - 1);
    }
  }
  const struct arena_mark mark = arena_get_mark(arena);
  uint32_t *n_waits_for = ARENA_NEW(arena, uint32_t, n), *succ_start = ARENA_NEW(arena, uint32_t, n + 2);
  uint32_t *succs = ARENA_NEW(arena, uint32_t, pred_start[n]), *free_jobs = ARENA_NEW(arena, uint32_t, n);
  uint32_t *fill = succ_start + 1; /* one ahead: filling moves every start to where it belongs */
  size_t n_free = 0, n_done = 0;
  for (uint32_t e = 0; e < pred_start[n]; e++) fill[problem->preds[e] + 1]++;
  for (size_t j = 0; j < n; j++) fill[j + 1] += fill[j];
  for (uint32_t j = 0; j < n; j++) {
    for (uint32_t e = pred_start[j]; e < pred_start[j + 1]; e++) succs[fill[problem->preds[e]]++] = j;
    n_waits_for[j] = pred_start[j + 1] - pred_start[j];
    if (n_waits_for[j] == 0) free_jobs[n_free++] = j;
  }
  for (; n_done < n_free; n_done++) {
    const uint32_t job = free_jobs[n_done];
    for (uint32_t e = succ_start[job]; e < succ_start[job + 1]; e++) {
      if (--n_waits_for[succs[e]] == 0) free_jobs[n_free++] = succs[e];
    }
  }
  if (n_done < n) complain_of_circle(problem, file, n_waits_for, arena, error);
  arena_rewind(arena, mark);
  return n_done == n;
}

/* --- groups of cores, classes of jobs -------------------------------------------------------------------------------
 */

/* Numbers things by the first equal one: out[i] = number of i's group. Quadratic in groups only. */
static size_t number_groups(size_t n, bool (*equal)(const struct tenancy_problem *, size_t, size_t),
                            const struct tenancy_problem *problem, uint32_t *out, uint32_t *first) {
  size_t n_groups = 0;
  for (size_t i = 0; i < n; i++) {
    size_t g = 0;
    while (g < n_groups && !equal(problem, first[g], i)) g++;
    if (g == n_groups) first[n_groups++] = (uint32_t)i;
    out[i] = (uint32_t)g;
  }
  return n_groups;
}

static bool cores_equal(const struct tenancy_problem *problem, size_t a, size_t b) {
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const size_t at = tenancy_at(problem, j, a), bt = tenancy_at(problem, j, b);
    if (problem->latency_cycles[at] != problem->latency_cycles[bt] || problem->scaled[at] != problem->scaled[bt] ||
        problem->bytes_per_cycle[at] < problem->bytes_per_cycle[bt] ||
        problem->bytes_per_cycle[at] > problem->bytes_per_cycle[bt]) {
      return false;
    }
    if (problem->energy_nj != NULL &&
        (problem->energy_nj[at] < problem->energy_nj[bt] || problem->energy_nj[at] > problem->energy_nj[bt])) {
      return false;
    }
  }
  return true;
}

static uint64_t row_digest(const struct tenancy_problem *problem, size_t job) {
  uint64_t digest = UINT64_C(0x9e3779b97f4a7c15);
  for (size_t c = 0; c < problem->n_cores; c++) {
    const size_t at = tenancy_at(problem, job, c);
    digest = (digest ^ problem->latency_cycles[at]) * UINT64_C(0xff51afd7ed558ccd);
    digest = (digest ^ (digest >> 32) ^ problem->scaled[at]) * UINT64_C(0xc4ceb9fe1a85ec53);
  }
  /* Jobs may differ in these alone: without them all would meet in one slot. */
  const uint64_t *const more[] = {problem->macs, problem->release_cycles, problem->deadline_cycles};
  for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
    if (more[i] != NULL) digest = (digest ^ (digest >> 32) ^ more[i][job]) * UINT64_C(0xff51afd7ed558ccd);
  }
  uint64_t weight = 0;
  if (problem->weight != NULL) memcpy(&weight, problem->weight + job, sizeof weight);
  if (problem->tenant != NULL) weight ^= problem->tenant[job];
  digest = (digest ^ (digest >> 32) ^ weight) * UINT64_C(0xc4ceb9fe1a85ec53);
  return digest ^ (digest >> 29);
}

static bool jobs_equal(const struct tenancy_problem *problem, size_t a, size_t b) {
  const size_t at = tenancy_at(problem, a, 0), bt = tenancy_at(problem, b, 0), n = problem->n_cores;
  if (memcmp(problem->latency_cycles + at, problem->latency_cycles + bt, n * sizeof(uint64_t)) != 0 ||
      memcmp(problem->scaled + at, problem->scaled + bt, n * sizeof(uint64_t)) != 0 ||
      memcmp(problem->bytes_per_cycle + at, problem->bytes_per_cycle + bt, n * sizeof(double)) != 0) {
    return false;
  }
  if (problem->energy_nj != NULL && memcmp(problem->energy_nj + at, problem->energy_nj + bt, n * sizeof(double)) != 0) {
    return false;
  }
  return (problem->macs == NULL || problem->macs[a] == problem->macs[b]) &&
         (problem->tenant == NULL || problem->tenant[a] == problem->tenant[b]) &&
         (problem->release_cycles == NULL || problem->release_cycles[a] == problem->release_cycles[b]) &&
         (problem->deadline_cycles == NULL || problem->deadline_cycles[a] == problem->deadline_cycles[b]) &&
         (problem->weight == NULL || memcmp(problem->weight + a, problem->weight + b, sizeof(double)) == 0);
}

/* Classes by a table of digests: a million jobs may all differ. With dependencies every job is a class of its own. */
static void number_classes(struct tenancy_problem *problem, uint32_t *class_of, struct arena *arena) {
  if (problem->pred_start != NULL) {
    for (uint32_t j = 0; j < problem->n_jobs; j++) class_of[j] = j;
    problem->n_classes = problem->n_jobs;
    return;
  }
  const struct arena_mark mark = arena_get_mark(arena);
  size_t n_slots = 16;
  while (n_slots < 2 * problem->n_jobs) n_slots *= 2;
  uint32_t *slots = ARENA_NEW(arena, uint32_t, n_slots); /* first job of the class + 1 */
  problem->n_classes = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    size_t s = (size_t)row_digest(problem, j) & (n_slots - 1);
    while (slots[s] != 0 && !jobs_equal(problem, slots[s] - 1, j)) s = (s + 1) & (n_slots - 1);
    if (slots[s] == 0) {
      slots[s] = (uint32_t)j + 1;
      class_of[j] = (uint32_t)problem->n_classes++;
    } else {
      class_of[j] = class_of[slots[s] - 1];
    }
  }
  arena_rewind(arena, mark);
}

static bool check_sizes(const struct tenancy_problem *problem, struct error *error) {
  if (problem->n_jobs < 1 || problem->n_jobs > TENANCY_MAX_JOBS) {
    return error_add(error, STATUS_INPUT, "%s: %zu jobs: 1 to %d are allowed", problem->name, problem->n_jobs,
                     TENANCY_MAX_JOBS);
  }
  if (problem->n_cores < 1 || problem->n_cores > TENANCY_MAX_CORES) {
    return error_add(error, STATUS_INPUT, "%s: %zu cores: 1 to %d are allowed", problem->name, problem->n_cores,
                     TENANCY_MAX_CORES);
  }
  if (!(problem->bandwidth_bytes_per_cycle > 0) || !isfinite(problem->bandwidth_bytes_per_cycle)) {
    return error_add(error, STATUS_INPUT, "%s: bandwidth %g bytes/cycle: a finite number above 0 is allowed",
                     problem->name, problem->bandwidth_bytes_per_cycle);
  }
  return true;
}

static bool check_jobs(const struct tenancy_problem *problem, struct error *error) {
  uint64_t sum = 0;
  bool fine = true;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    uint64_t longest = 0;
    fine = check_job(problem, j, &longest, error) && fine;
    if (problem->tenant != NULL && problem->tenant[j] >= problem->n_tenants) {
      fine = error_add(error, STATUS_INPUT, "%s: job %zu: tenant %u: there are %zu", problem->name, j,
                       problem->tenant[j], problem->n_tenants);
    }
    sum = sat_add(sum, longest);
  }
  if (fine && sum >= TENANCY_END_CYCLES) {
    return error_add(error, STATUS_INPUT, "%s: the latencies of all jobs sum to 2^55 cycles or more, which is too much",
                     problem->name);
  }
  return fine;
}

/* Bandwidths in steps of 2^-32 B/cycle, finer ones where B is below 1 and the needs allow it. A bandwidth that all
 * cores together cannot need counts as the largest number: no mapping can tell. */
static bool scale_bandwidths(struct tenancy_problem *problem, struct arena *arena, struct error *error) {
  const size_t n = problem->n_jobs, n_cores = problem->n_cores;
  double needs = 0;
  for (size_t c = 0; c < n_cores; c++) {
    double largest = 0;
    for (size_t j = 0; j < n; j++) {
      if (tenancy_can_run(problem, j, c)) largest = fmax(largest, problem->bytes_per_cycle[tenancy_at(problem, j, c)]);
    }
    needs += largest;
  }
  if (needs >= TENANCY_END_BYTES_PER_CYCLE) {
    return error_add(error, STATUS_INPUT,
                     "%s: the largest bandwidths of all cores sum to %g bytes/cycle (below 2^29 is "
                     "allowed)",
                     problem->name, needs);
  }
  int bits = LEAST_SCALE_BITS, wanted = LEAST_SCALE_BITS;
  if (problem->bandwidth_bytes_per_cycle < 1) wanted -= ilogb(problem->bandwidth_bytes_per_cycle);
  while (bits < wanted && ldexp(needs, bits + 1) < ldexp(1, 60)) bits++;
  const double bandwidth = ldexp(problem->bandwidth_bytes_per_cycle, bits);
  if (bandwidth < 1) {
    return error_add(error, STATUS_INPUT, "%s: bandwidth %g bytes/cycle is too small for needs of up to %g",
                     problem->name, problem->bandwidth_bytes_per_cycle, needs);
  }
  problem->scaled_bandwidth = bandwidth < (double)end_scaled ? (uint64_t)llround(bandwidth) : end_scaled - 1;
  uint64_t *scaled = ARENA_NEW(arena, uint64_t, n * n_cores);
  struct tenancy_run *runs = ARENA_NEW(arena, struct tenancy_run, n * n_cores);
  for (size_t j = 0; j < n; j++) {
    for (size_t c = 0; c < n_cores; c++) {
      const size_t at = tenancy_at(problem, j, c);
      if (!tenancy_can_run(problem, j, c)) continue;
      scaled[at] = (uint64_t)llround(ldexp(problem->bytes_per_cycle[at], bits));
      runs[c * n + j] = (struct tenancy_run){problem->latency_cycles[at], scaled[at]};
    }
  }
  problem->scaled = scaled;
  problem->runs = runs;
  return true;
}

bool tenancy_finish(struct tenancy_problem *problem, struct arena *arena, struct error *error) {
  if (!check_sizes(problem, error) || !check_jobs(problem, error) ||
      !tenancy_check_order(problem, problem->name, arena, error) || !scale_bandwidths(problem, arena, error)) {
    return false;
  }
  const size_t n = problem->n_jobs, n_cores = problem->n_cores;
  uint32_t *group_of = ARENA_NEW(arena, uint32_t, n_cores), *first = ARENA_NEW(arena, uint32_t, n_cores);
  problem->n_groups = number_groups(n_cores, cores_equal, problem, group_of, first);
  uint32_t *size = ARENA_NEW(arena, uint32_t, problem->n_groups);
  for (size_t c = 0; c < n_cores; c++) size[group_of[c]]++;
  uint32_t *class_of = ARENA_NEW(arena, uint32_t, n);
  number_classes(problem, class_of, arena);
  problem->group_of = group_of, problem->group_size = size, problem->class_of = class_of;
  return true;
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

struct tenancy_answer tenancy_answer_new(const struct tenancy_problem *problem, struct arena *arena) {
  return (struct tenancy_answer){.core = ARENA_NEW(arena, uint32_t, problem->n_jobs),
                                 .priority = ARENA_NEW(arena, double, problem->n_jobs)};
}

struct tenancy_queues tenancy_queues_new(const struct tenancy_problem *problem, struct arena *arena) {
  return (struct tenancy_queues){.start = ARENA_NEW(arena, uint32_t, problem->n_cores + 1),
                                 .job = ARENA_NEW(arena, uint32_t, problem->n_jobs)};
}

void tenancy_answer_copy(const struct tenancy_problem *problem, const struct tenancy_answer *from,
                         struct tenancy_answer *to) {
  memcpy(to->core, from->core, problem->n_jobs * sizeof *to->core);
  memcpy(to->priority, from->priority, problem->n_jobs * sizeof *to->priority);
}

void tenancy_queues_copy(const struct tenancy_problem *problem, const struct tenancy_queues *from,
                         struct tenancy_queues *to) {
  memcpy(to->start, from->start, (problem->n_cores + 1) * sizeof *to->start);
  memcpy(to->job, from->job, problem->n_jobs * sizeof *to->job);
}

static bool starts_before(const double *priority, uint32_t a, uint32_t b) {
  if (priority[a] < priority[b]) return true;
  return !(priority[b] < priority[a]) && a < b;
}

static void sift_down(const double *priority, uint32_t *jobs, size_t at, size_t n) {
  const uint32_t job = jobs[at];
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && starts_before(priority, jobs[child], jobs[child + 1])) child++;
    if (!starts_before(priority, job, jobs[child])) break;
    jobs[at] = jobs[child];
  }
  jobs[at] = job;
}

static void heap_sort(const double *priority, uint32_t *jobs, size_t n) {
  for (size_t i = n / 2; i-- > 0;) sift_down(priority, jobs, i, n);
  for (size_t i = n; i-- > 1;) {
    const uint32_t last = jobs[0];
    jobs[0] = jobs[i];
    jobs[i] = last;
    sift_down(priority, jobs, 0, i);
  }
}

struct entry {
  uint64_t key;
  uint32_t job;
};

/* A whole number in the order of finite doubles. */
static inline uint64_t key_of(double priority) {
  const double number = priority + 0.0; /* no -0 */
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

/* Everyone counts those before: half a square of comparisons, but no branch that could be foreseen wrongly. */
static void rank_sort(const struct entry *from, size_t n, struct entry *to) {
  uint32_t rank[RUN] = {0};
  for (size_t i = 1; i < n; i++) {
    const uint64_t key = from[i].key;
    uint32_t n_before = 0;
    for (size_t j = 0; j < i; j++) {
      const uint32_t before = from[j].key <= key;
      n_before += before;
      rank[j] += 1 - before;
    }
    rank[i] = n_before;
  }
  for (size_t i = 0; i < n; i++) to[rank[i]] = from[i];
}

/* Stable: `a` comes before `b` where keys are equal. */
static void merge(const struct entry *a, size_t n_a, const struct entry *b, size_t n_b, struct entry *to) {
  const struct entry *const end_a = a + n_a, *const end_b = b + n_b;
  while (a < end_a && b < end_b) {
    const bool second = b->key < a->key;
    *to++ = *(second ? b : a);
    a += !second;
    b += second;
  }
  while (a < end_a) *to++ = *a++;
  while (b < end_b) *to++ = *b++;
}

/* Jobs come in ascending; runs are ranked, then merged, without allocation. Queues too long for the stack's room go
 * through a heap. */
static void sort_queue(const double *priority, uint32_t *jobs, size_t n) {
  struct entry room[2][MOST_MERGED], *from = room[0], *to = room[1];
  if (n > MOST_MERGED) {
    heap_sort(priority, jobs, n);
    return;
  }
  for (size_t i = 0; i < n; i++) from[i] = (struct entry){key_of(priority[jobs[i]]), jobs[i]};
  for (size_t i = 0; i < n; i += RUN) rank_sort(from + i, n - i < RUN ? n - i : RUN, to + i);
  for (size_t width = RUN; width < n; width *= 2) {
    struct entry *const sorted = to;
    to = from, from = sorted;
    for (size_t i = 0; i < n; i += 2 * width) {
      const size_t n_a = n - i < width ? n - i : width, n_b = n - i - n_a < width ? n - i - n_a : width;
      merge(from + i, n_a, from + i + n_a, n_b, to + i);
    }
  }
  for (size_t i = 0; i < n; i++) jobs[i] = to[i].job;
}

void tenancy_queue_up(const struct tenancy_problem *problem, const struct tenancy_answer *answer,
                      struct tenancy_queues *queues) {
  const size_t n = problem->n_jobs, n_cores = problem->n_cores;
  uint32_t *start = queues->start;
  memset(start, 0, (n_cores + 1) * sizeof *start);
  for (size_t j = 0; j < n; j++) start[answer->core[j] + 1]++;
  for (size_t c = 0; c < n_cores; c++) start[c + 1] += start[c];
  uint32_t fill[TENANCY_MAX_CORES];
  memcpy(fill, start, n_cores * sizeof *fill);
  for (size_t j = 0; j < n; j++) queues->job[fill[answer->core[j]]++] = (uint32_t)j;
  for (size_t c = 0; c < n_cores; c++) sort_queue(answer->priority, queues->job + start[c], start[c + 1] - start[c]);
}

void tenancy_write_down(const struct tenancy_problem *problem, const struct tenancy_queues *queues,
                        struct tenancy_answer *answer) {
  for (size_t c = 0; c < problem->n_cores; c++) {
    for (size_t i = queues->start[c]; i < queues->start[c + 1]; i++) {
      answer->core[queues->job[i]] = (uint32_t)c;
      answer->priority[queues->job[i]] = (double)(i - queues->start[c]);
    }
  }
}

int tenancy_compare(const struct tenancy_problem *problem, const struct tenancy_queues *a,
                    const struct tenancy_queues *b) {
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (a->start[c + 1] != b->start[c + 1]) return a->start[c + 1] > b->start[c + 1] ? -1 : 1;
  }
  for (size_t i = 0; i < problem->n_jobs; i++) {
    if (a->job[i] != b->job[i]) return a->job[i] < b->job[i] ? -1 : 1;
  }
  return 0;
}
