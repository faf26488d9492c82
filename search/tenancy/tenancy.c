/* The statement checked and completed, answers in both forms, and the closed form in full. See tenancy.h. */
#include "search/tenancy/tenancy.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

/* Sums of latencies and of scaled bandwidths stay below 2^61 each: their product then fits a tenancy_cost twice. */
static const uint64_t most_sum = UINT64_C(1) << 61;
static const double scale = 4294967296.0; /* 2^32 */

static bool check_job(const struct tenancy_problem *problem, size_t job, uint64_t *longest, uint64_t *scaled,
                      struct error *error) {
  bool found = false;
  for (size_t c = 0; c < problem->n_cores; c++) {
    const size_t at = tenancy_at(problem, job, c);
    const double need = problem->bytes_per_cycle[at];
    if (!(need >= 0) || !isfinite(need)) {
      return error_add(error, STATUS_INPUT, "%s: job %zu on core %zu: bandwidth %g: a finite number ≥ 0 is allowed",
                       problem->name, job, c, need);
    }
    if (problem->latency_cycles[at] == 0) continue;
    found = true;
    *longest = max_u64(*longest, problem->latency_cycles[at]);
    if (need * scale >= (double)most_sum) {
      return error_add(error, STATUS_INPUT,
                       "%s: job %zu on core %zu: bandwidth %g is too large (below 2^29 is allowed)", problem->name, job,
                       c, need);
    }
    scaled[at] = (uint64_t)llround(need * scale);
  }
  if (found) return true;
  return error_add(error, STATUS_INPUT, "%s: job %zu can run on no core", problem->name, job);
}

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
         (problem->weight == NULL || memcmp(problem->weight + a, problem->weight + b, sizeof(double)) == 0) &&
         problem->pred_start == NULL;
}

/* Classes by a table of digests: a million jobs may all differ. */
static void number_classes(struct tenancy_problem *problem, uint32_t *class_of, struct arena *arena) {
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
  const double bandwidth = problem->bandwidth_bytes_per_cycle;
  if (!(bandwidth * scale >= 1) || !(bandwidth * scale < (double)most_sum)) {
    return error_add(error, STATUS_INPUT, "%s: bandwidth %g bytes/cycle: 2^-32 to below 2^29 is allowed", problem->name,
                     bandwidth);
  }
  return true;
}

bool tenancy_finish(struct tenancy_problem *problem, struct arena *arena, struct error *error) {
  if (!check_sizes(problem, error)) return false;
  const size_t n = problem->n_jobs, n_cores = problem->n_cores;
  uint64_t *scaled = ARENA_NEW(arena, uint64_t, n * n_cores), sum = 0, needs = 0;
  bool fine = true;
  for (size_t j = 0; j < n; j++) {
    uint64_t longest = 0;
    fine = check_job(problem, j, &longest, scaled, error) && fine;
    sum = sat_add(sum, longest);
  }
  if (!fine) return false;
  if (sum >= most_sum) {
    return error_add(error, STATUS_INPUT, "%s: the latencies of all jobs sum to more than 2^61 cycles", problem->name);
  }
  for (size_t c = 0; c < n_cores; c++) {
    uint64_t largest = 0;
    for (size_t j = 0; j < n; j++) largest = max_u64(largest, scaled[tenancy_at(problem, j, c)]);
    needs = sat_add(needs, largest);
  }
  if (needs >= most_sum) {
    return error_add(error, STATUS_INPUT, "%s: bandwidths needed at once sum to more than 2^29 bytes/cycle",
                     problem->name);
  }
  problem->scaled = scaled;
  problem->scaled_bandwidth = (uint64_t)llround(problem->bandwidth_bytes_per_cycle * scale);
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

/* Short queues by insertion, long ones by a heap: no allocation, and no worst case of a million squared. */
static void sort_queue(const double *priority, uint32_t *jobs, size_t n) {
  if (n <= 64) {
    for (size_t i = 1; i < n; i++) {
      const uint32_t job = jobs[i];
      size_t k = i;
      for (; k > 0 && starts_before(priority, job, jobs[k - 1]); k--) jobs[k] = jobs[k - 1];
      jobs[k] = job;
    }
    return;
  }
  for (size_t i = n / 2; i-- > 0;) sift_down(priority, jobs, i, n);
  for (size_t i = n; i-- > 1;) {
    const uint32_t last = jobs[0];
    jobs[0] = jobs[i];
    jobs[i] = last;
    sift_down(priority, jobs, 0, i);
  }
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

/* --- the closed form ------------------------------------------------------------------------------------------------
 */

tenancy_cost tenancy_evaluate(const struct tenancy_problem *problem, const struct tenancy_queues *queues) {
  const size_t n_cores = problem->n_cores;
  uint64_t end[TENANCY_MAX_CORES], need[TENANCY_MAX_CORES]; /* of the live cores, packed */
  uint32_t core[TENANCY_MAX_CORES], next[TENANCY_MAX_CORES];
  size_t n_live = 0;
  uint64_t required = 0, now = 0;
  const uint64_t bandwidth = problem->scaled_bandwidth;
  for (size_t c = 0; c < n_cores; c++) {
    if (queues->start[c] == queues->start[c + 1]) continue;
    const size_t at = tenancy_at(problem, queues->job[queues->start[c]], c);
    core[n_live] = (uint32_t)c, next[n_live] = queues->start[c] + 1;
    end[n_live] = problem->latency_cycles[at], need[n_live] = problem->scaled[at];
    required += need[n_live++];
  }
  tenancy_cost excess = 0;
  while (n_live > 0) {
    uint64_t soonest = end[0];
    for (size_t k = 1; k < n_live; k++) soonest = end[k] < soonest ? end[k] : soonest;
    if (required > bandwidth) excess += (tenancy_cost)(required - bandwidth) * (soonest - now);
    now = soonest;
    for (size_t k = 0; k < n_live;) {
      if (end[k] != soonest) {
        k++;
        continue;
      }
      required -= need[k];
      if (next[k] < queues->start[core[k] + 1]) {
        const size_t at = tenancy_at(problem, queues->job[next[k]++], core[k]);
        end[k] += problem->latency_cycles[at], need[k] = problem->scaled[at];
        required += need[k++];
      } else {
        n_live--;
        core[k] = core[n_live], next[k] = next[n_live], end[k] = end[n_live], need[k] = need[n_live];
      }
    }
  }
  return (tenancy_cost)now * bandwidth + excess;
}

tenancy_cost tenancy_load_cost(const struct tenancy_problem *problem, const struct tenancy_queues *queues) {
  uint64_t largest = 0;
  for (size_t c = 0; c < problem->n_cores; c++) {
    uint64_t load = 0;
    for (size_t i = queues->start[c]; i < queues->start[c + 1]; i++) {
      load += problem->latency_cycles[tenancy_at(problem, queues->job[i], c)];
    }
    largest = max_u64(largest, load);
  }
  return (tenancy_cost)largest * problem->scaled_bandwidth;
}

double tenancy_cycles(const struct tenancy_problem *problem, tenancy_cost cost) {
  const tenancy_cost whole = cost / problem->scaled_bandwidth, rest = cost % problem->scaled_bandwidth;
  return (double)whole + (double)rest / (double)problem->scaled_bandwidth;
}
