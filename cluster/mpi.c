/* How do the ranks of an MPI job share tasks? The only file that includes <mpi.h>.
 *
 * Source: reliability.md §6 (messages to rank 0, receives posted ahead, rank 0 evaluates too and answers between its
 * evaluations, a rank asks for its next chunk when it starts the current one, chunks of some ms of measured work that
 * shrink towards the end), §2 (who dies takes all down: MPI's default error handler). Messages carry only ranges of
 * indices; results stay where they were made and are united at the end by a bitwise or of arrays that are zero
 * elsewhere, so that rank 0 copies nothing and large results never delay a request. An interrupted rank says so in
 * place of asking; then nobody gets more, and all drop the round together. Left out: survival of dead ranks, windows
 * and shared memory in place of messages. */
#include "base/arena.h"
#include "base/checked.h"
#include "base/clock.h"
#include "cluster/cluster.h"
#include "cluster/local.h"
#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TAG_REPORT = 1, TAG_RANGE = 2, TAG_MERGE = 3 };

static const double chunk_target_s = 0.02; /* 5–50 ms of work, reliability.md §6 */
/* What rank 0 is given for an answer: 5–10 µs are measured in one node (reliability.md §6); with more it does not
 * saturate where answering is slower, and loses nothing where it is not (docs/scaling.md). */
static const double answer_s = 2.5e-5;
static const double serve_interval_s = 2e-5; /* rank 0 looks for requests at most this often between tasks */
static const double spin_s = 5e-5;           /* yielding before sleeping */
static const size_t piece_bytes = 8u << 20;  /* of one MPI call: counts stay below 2³¹, its copies stay small */

struct range {
  uint64_t first, n;
};

/* What a rank tells when it asks for its next chunk: how long the one before took, and whether it wants no more. */
struct report {
  double seconds;
  uint64_t n_tasks, dropped;
};

struct cluster {
  MPI_Comm comm;
  unsigned rank, size; /* comm is used only if size > 1 or is_mpi */
  bool is_mpi;
  struct arena arena;
  struct local_times times;
  double task_s, block_s; /* rank 0's: how long they took in the round before; 0: unknown */
  /* Rank 0's, one an other rank. */
  MPI_Request *reports_due, *ranges_sent;
  struct report *reports;
  struct range *ranges;
  int *arrived;
};

/* --- start and end ---------------------------------------------------------------------------------------------- */

static bool is_launched(void) {
  return getenv("OMPI_COMM_WORLD_SIZE") != NULL || getenv("PMI_RANK") != NULL || getenv("PMIX_RANK") != NULL ||
         (getenv("SLURM_PROCID") != NULL && getenv("SLURM_NTASKS") != NULL);
}

static void prepare_rank0(struct cluster *cluster) {
  const size_t n = cluster->size - 1;
  cluster->reports_due = ARENA_NEW(&cluster->arena, MPI_Request, n);
  cluster->ranges_sent = ARENA_NEW(&cluster->arena, MPI_Request, n);
  cluster->reports = ARENA_NEW(&cluster->arena, struct report, n);
  cluster->ranges = ARENA_NEW(&cluster->arena, struct range, n);
  cluster->arrived = ARENA_NEW(&cluster->arena, int, n);
  for (size_t i = 0; i < n; i++) cluster->reports_due[i] = cluster->ranges_sent[i] = MPI_REQUEST_NULL;
}

struct cluster *cluster_start(int *argc, char ***argv, struct error *error) {
  struct cluster *const cluster = calloc(1, sizeof *cluster);
  if (cluster == NULL) {
    error_add(error, STATUS_ENVIRONMENT, "no memory for the cluster");
    return NULL;
  }
  arena_init(&cluster->arena, 1 << 16);
  cluster->size = 1;
  if (!is_launched()) return cluster;
  int rank, size;
  MPI_Init(argc, argv);
  /* Our own communicator keeps the default error handler, which takes all ranks down, and our tags to ourselves. */
  MPI_Comm_dup(MPI_COMM_WORLD, &cluster->comm);
  MPI_Comm_rank(cluster->comm, &rank);
  MPI_Comm_size(cluster->comm, &size);
  cluster->is_mpi = true;
  cluster->rank = (unsigned)rank;
  cluster->size = (unsigned)size;
  if (rank == 0) prepare_rank0(cluster);
  return cluster;
}

_Noreturn void cluster_abort(struct cluster *cluster, enum status status) {
  if (cluster->is_mpi) MPI_Abort(cluster->comm, (int)status);
  exit((int)status);
}

unsigned cluster_rank(const struct cluster *cluster) { return cluster->rank; }
unsigned cluster_size(const struct cluster *cluster) { return cluster->size; }

/* --- waiting without burning a core ----------------------------------------------------------------------------- */

struct patience {
  double since_s;
  long sleep_ns;
};

/* Yields at first, then sleeps longer and longer: on a crowded machine a spinning rank slows those that it waits for.
 */
static void pause_politely(struct patience *patience) {
  if (patience->sleep_ns == 0) {
    patience->since_s = clock_wall_s();
    patience->sleep_ns = 20000;
  }
  if (clock_wall_s() - patience->since_s < spin_s) {
    sched_yield();
    return;
  }
  const struct timespec pause = {.tv_nsec = patience->sleep_ns};
  nanosleep(&pause, NULL);
  if (patience->sleep_ns < 300000) patience->sleep_ns *= 2;
}

static void wait_all(int n, MPI_Request *requests) {
  struct patience patience = {0};
  for (;;) {
    int done;
    MPI_Testall(n, requests, &done, MPI_STATUSES_IGNORE);
    if (done) return;
    pause_politely(&patience);
  }
}

/* Before a blocking collective, so that those who come early do not spin in it. */
static void meet(struct cluster *cluster) {
  MPI_Request request;
  MPI_Ibarrier(cluster->comm, &request);
  wait_all(1, &request);
}

void cluster_finish(struct cluster *cluster) {
  if (cluster->is_mpi) {
    meet(cluster);
    MPI_Comm_free(&cluster->comm);
    MPI_Finalize();
  }
  arena_release(&cluster->arena);
  free(cluster);
}

/* --- small agreements ------------------------------------------------------------------------------------------- */

static void broadcast_from(struct cluster *cluster, unsigned root, void *bytes, size_t n) {
  for (size_t at = 0; at < n; at += piece_bytes) {
    const size_t piece = min_u64(piece_bytes, n - at);
    MPI_Bcast((char *)bytes + at, (int)piece, MPI_BYTE, (int)root, cluster->comm);
  }
}

void cluster_broadcast(struct cluster *cluster, void *bytes, size_t n) {
  if (cluster->size == 1) return;
  meet(cluster);
  broadcast_from(cluster, 0, bytes, n);
}

/* All ranks leave with the smallest values, each of at most INT64_MAX: MPICH 4.0 compares as if they had a sign. */
static void least_of(struct cluster *cluster, uint64_t *values, int n) {
  MPI_Request request;
  MPI_Iallreduce(MPI_IN_PLACE, values, n, MPI_UINT64_T, MPI_MIN, cluster->comm, &request);
  wait_all(1, &request);
}

bool cluster_agree(struct cluster *cluster, struct error *error) {
  if (cluster->size == 1) return !error_is_set(error);
  uint64_t failed_rank = error_is_set(error) ? cluster->rank : cluster->size;
  least_of(cluster, &failed_rank, 1);
  if (failed_rank == cluster->size) return true;
  broadcast_from(cluster, (unsigned)failed_rank, error, sizeof *error);
  return false;
}

bool cluster_any(struct cluster *cluster, bool mine) {
  if (cluster->size == 1) return mine;
  uint64_t not_mine = !mine;
  least_of(cluster, &not_mine, 1);
  return not_mine == 0;
}

/* cluster_agree, and do all mean the same work? Ranks that differ would wait for each other for ever. *first: the size
 * of everybody's first chunk, as rank 0 sees fit. */
static bool agree_on_work(struct cluster *cluster, uint64_t n, uint64_t bytes, uint64_t *first, struct error *error) {
  const uint64_t failed = error_is_set(error) ? cluster->rank : cluster->size, most = INT64_MAX;
  REQUIRE(n <= most && bytes <= most && *first <= most);
  uint64_t least[] = {failed, n, most - n, bytes, most - bytes, cluster->rank == 0 ? *first : most};
  least_of(cluster, least, sizeof least / sizeof least[0]);
  if (least[0] < cluster->size) {
    broadcast_from(cluster, (unsigned)least[0], error, sizeof *error);
    return false;
  }
  if (least[1] != most - least[2] || least[3] != most - least[4]) BUG("ranks disagree about the tasks to be shared");
  *first = least[5];
  return true;
}

/* --- dealing out ------------------------------------------------------------------------------------------------ */

/* Rank 0's view of what is left. */
struct deal {
  uint64_t next, n;
  uint64_t last_n, last_own_n; /* chunks given and taken last */
  double task_s;               /* smoothed, 0: unknown; decides chunks only, never answers */
  unsigned n_finished;
  double served_s;
};

/* Chunks are this long, or as long as answering all ranks twice takes: more often nobody could be answered. */
static double target_s(unsigned size) { return fmax(chunk_target_s, 2 * size * answer_s); }

/* Guided by what is left, by measured time, and at most twice the chunk before, in case the time was misleading; but
 * never so short that answering all would take longer. Rank 0, who need not ask, takes for itself no more than it does
 * between two looks at requests: whatever it holds nobody else can have, and where tasks grow longer towards the end
 * that would be waited for. */
static struct range take(struct deal *deal, unsigned size, double most_s, uint64_t *last_n) {
  const uint64_t left = deal->n - deal->next;
  uint64_t n = min_u64(left / (2 * (uint64_t)size), 2 * *last_n);
  if (deal->task_s > 0) {
    const double by_time = most_s / deal->task_s, least = fmin(most_s, size * answer_s) / deal->task_s;
    if (by_time < (double)n) n = (uint64_t)by_time;
    if (least > (double)n) n = least < (double)(left / size) ? (uint64_t)least : max_u64(n, left / size);
  }
  n = min_u64(max_u64(n, 1), left);
  const struct range range = {deal->next, n};
  deal->next += n;
  if (n > 0) *last_n = n;
  return range;
}

/* The chunk that every rank begins with, unasked. Few, in case this round is not like the one before. */
static uint64_t first_chunk(const struct cluster *cluster, uint64_t n, double task_s) {
  const uint64_t share = n / (8 * (uint64_t)cluster->size);
  const double by_time = task_s > 0 ? target_s(cluster->size) / task_s : 1;
  return max_u64(1, by_time < (double)share ? (uint64_t)by_time : share);
}

/* Hands out nothing more. */
static void end_deal(struct deal *deal) { deal->next = deal->n; }

static void learn(struct deal *deal, struct report report) {
  if (report.dropped) end_deal(deal);
  if (report.n_tasks == 0) return;
  const double task_s = report.seconds / (double)report.n_tasks;
  /* Longer ones are believed at once if they are more than a single stray: too small a chunk costs a message, too large
   * a one the tail. */
  const bool longer = task_s > deal->task_s && (report.n_tasks >= 4 || report.seconds > chunk_target_s / 4);
  deal->task_s = deal->task_s > 0 && !longer ? 0.75 * deal->task_s + 0.25 * task_s : task_s;
}

static void expect_report(struct cluster *cluster, int i) {
  MPI_Irecv(&cluster->reports[i], (int)sizeof cluster->reports[i], MPI_BYTE, i + 1, TAG_REPORT, cluster->comm,
            &cluster->reports_due[i]);
}

/* Answers every rank that has asked. False if none had. */
static bool serve(struct cluster *cluster, struct deal *deal) {
  int n_arrived;
  MPI_Testsome((int)cluster->size - 1, cluster->reports_due, &n_arrived, cluster->arrived, MPI_STATUSES_IGNORE);
  if (n_arrived == MPI_UNDEFINED || n_arrived == 0) return false;
  for (int k = 0; k < n_arrived; k++) {
    const int i = cluster->arrived[k];
    learn(deal, cluster->reports[i]);
    MPI_Wait(&cluster->ranges_sent[i], MPI_STATUS_IGNORE); /* the rank has it, or it would not ask again */
    cluster->ranges[i] = take(deal, cluster->size, target_s(cluster->size), &deal->last_n);
    cluster->times.timing.n_messages++;
    MPI_Isend(&cluster->ranges[i], (int)sizeof cluster->ranges[i], MPI_BYTE, i + 1, TAG_RANGE, cluster->comm,
              &cluster->ranges_sent[i]);
    if (cluster->ranges[i].n > 0)
      expect_report(cluster, i);
    else
      deal->n_finished++;
  }
  return true;
}

struct service {
  struct cluster *cluster;
  struct deal *deal;
};

static void serve_now_and_then(void *context, double now_s) {
  const struct service *const service = context;
  if (now_s - service->deal->served_s < serve_interval_s) return;
  serve(service->cluster, service->deal);
  service->deal->served_s = clock_wall_s(); /* among very many ranks a look alone may outlast the interval */
}

/* `deal` is NULL on ranks that have nobody to serve. */
static struct report run_range(struct cluster *cluster, const struct local_work *work, struct range range,
                               struct deal *deal) {
  struct service service = {cluster, deal};
  const double start_s = clock_wall_s();
  const uint64_t n = local_run(work, range.first, range.n, &cluster->times, deal != NULL ? serve_now_and_then : NULL,
                               deal != NULL ? &service : NULL);
  return (struct report){clock_wall_s() - start_s, n, n < range.n};
}

static bool lead(struct cluster *cluster, const struct local_work *work, uint64_t first, double *task_s) {
  struct deal deal = {.next = cluster->size * first, .n = work->n, .last_n = first, .last_own_n = 1, .task_s = *task_s};
  const int n_others = (int)cluster->size - 1;
  bool dropped = false;
  for (int i = 0; i < n_others; i++) expect_report(cluster, i);
  for (struct range range = {0, first}; range.n > 0;
       range = take(&deal, cluster->size, serve_interval_s, &deal.last_own_n)) {
    const struct report report = run_range(cluster, work, range, &deal);
    learn(&deal, report);
    dropped = dropped || report.dropped;
  }
  struct patience patience = {0};
  while (deal.n_finished < (unsigned)n_others) {
    if (serve(cluster, &deal))
      patience = (struct patience){0};
    else
      pause_politely(&patience);
  }
  wait_all(n_others, cluster->ranges_sent);
  *task_s = deal.task_s;
  return dropped;
}

static bool follow(struct cluster *cluster, const struct local_work *work, uint64_t first) {
  struct report report = {0};
  struct range current = {cluster->rank * first, first}, next;
  for (; current.n > 0; current = next) {
    MPI_Request requests[2];
    const struct report before = report;
    MPI_Irecv(&next, (int)sizeof next, MPI_BYTE, 0, TAG_RANGE, cluster->comm, &requests[0]);
    MPI_Isend(&before, (int)sizeof before, MPI_BYTE, 0, TAG_REPORT, cluster->comm, &requests[1]);
    cluster->times.timing.n_messages++;
    if (!report.dropped) report = run_range(cluster, work, current, NULL); /* once interrupted, always */
    wait_all(2, requests);
  }
  return report.dropped;
}

/* The first chunk of each rank is known without asking; where one task each is all, no message is sent. True: this rank
 * was interrupted. */
static bool share_work(struct cluster *cluster, const struct local_work *work, uint64_t first, double *task_s) {
  if (work->n > cluster->size) {
    return cluster->rank == 0 ? lead(cluster, work, first, task_s) : follow(cluster, work, first);
  }
  return cluster->rank < work->n && run_range(cluster, work, (struct range){cluster->rank, 1}, NULL).dropped;
}

/* --- map and fold ----------------------------------------------------------------------------------------------- */

/* Every byte is non-zero on one rank at most. */
static void unite(struct cluster *cluster, void *bytes, size_t n) {
  for (size_t at = 0; at < n; at += piece_bytes) {
    char *const piece = (char *)bytes + at;
    const size_t n_piece = min_u64(piece_bytes, n - at);
    const size_t n_words = (uintptr_t)piece % sizeof(uint64_t) == 0 ? n_piece / sizeof(uint64_t) : 0;
    const size_t n_rest = n_piece - n_words * sizeof(uint64_t);
    if (n_words > 0) MPI_Allreduce(MPI_IN_PLACE, piece, (int)n_words, MPI_UINT64_T, MPI_BOR, cluster->comm);
    if (n_rest > 0)
      MPI_Allreduce(MPI_IN_PLACE, piece + n_piece - n_rest, (int)n_rest, MPI_BYTE, MPI_BOR, cluster->comm);
  }
}

static void note_waiting(struct cluster *cluster, double start_s, double evaluated_s) {
  struct cluster_timing *const timing = &cluster->times.timing;
  timing->waiting_s += clock_wall_s() - start_s - (timing->evaluating_s - evaluated_s);
}

enum cluster_end cluster_map(struct cluster *cluster, const struct cluster_tasks *tasks, void *records,
                             struct error *error) {
  if (cluster->size == 1) return local_map(tasks, records, &cluster->times, error);
  const double start_s = clock_wall_s(), evaluated_s = cluster->times.timing.evaluating_s;
  const size_t n_bytes = local_check_tasks(tasks);
  uint64_t first = first_chunk(cluster, tasks->n_tasks, cluster->task_s);
  if (!agree_on_work(cluster, tasks->n_tasks, tasks->record_bytes, &first, error)) return CLUSTER_FAILED;
  if (n_bytes > 0) memset(records, 0, n_bytes);
  const struct local_work work = {.n = tasks->n_tasks, .tasks = tasks, .records = records};
  /* Also the meeting before the blocking calls of unite. */
  const bool dropped = cluster_any(cluster, share_work(cluster, &work, first, &cluster->task_s));
  if (!dropped) unite(cluster, records, n_bytes);
  note_waiting(cluster, start_s, evaluated_s);
  return dropped ? CLUSTER_DROPPED : CLUSTER_DONE;
}

/* A binomial tree towards rank 0; the operation commutes, so the tree's shape does not show. */
static void merge_all(struct cluster *cluster, const struct cluster_blocks *blocks) {
  for (uint64_t step = 1; step < cluster->size; step *= 2) {
    MPI_Request requests[2];
    uint64_t n_words;
    const int other = (int)(cluster->rank % (2 * step) == step ? cluster->rank - step : cluster->rank + step);
    if (cluster->rank % (2 * step) == step) {
      size_t n;
      const uint64_t *const words = blocks->pack(blocks->context, &n);
      REQUIRE(n <= INT_MAX);
      n_words = n;
      MPI_Isend(&n_words, 1, MPI_UINT64_T, other, TAG_MERGE, cluster->comm, &requests[0]);
      MPI_Isend(words, (int)n, MPI_UINT64_T, other, TAG_MERGE, cluster->comm, &requests[1]);
      wait_all(2, requests);
      return;
    }
    if (other >= (int)cluster->size) continue;
    MPI_Irecv(&n_words, 1, MPI_UINT64_T, other, TAG_MERGE, cluster->comm, &requests[0]);
    wait_all(1, requests);
    const struct arena_mark mark = arena_get_mark(&cluster->arena);
    uint64_t *const words = ARENA_NEW(&cluster->arena, uint64_t, n_words + 1);
    MPI_Irecv(words, (int)n_words, MPI_UINT64_T, other, TAG_MERGE, cluster->comm, &requests[0]);
    wait_all(1, requests);
    blocks->merge(blocks->context, words, n_words);
    arena_rewind(&cluster->arena, mark);
  }
}

/* What rank 0 has merged replaces what each other rank had folded. */
static void share_merged(struct cluster *cluster, const struct cluster_blocks *blocks) {
  size_t n = 0;
  const uint64_t *const words = cluster->rank == 0 ? blocks->pack(blocks->context, &n) : NULL;
  uint64_t n_words = n;
  const struct arena_mark mark = arena_get_mark(&cluster->arena);
  meet(cluster);
  broadcast_from(cluster, 0, &n_words, sizeof n_words);
  uint64_t *const copy = ARENA_NEW(&cluster->arena, uint64_t, n_words + 1);
  if (n > 0) memcpy(copy, words, n * sizeof *words);
  broadcast_from(cluster, 0, copy, n_words * sizeof *copy);
  if (cluster->rank != 0) {
    blocks->clear(blocks->context);
    blocks->merge(blocks->context, copy, n_words);
  }
  arena_rewind(&cluster->arena, mark);
}

enum cluster_end cluster_fold(struct cluster *cluster, const struct cluster_blocks *blocks, struct error *error) {
  if (cluster->size == 1) return local_fold(blocks, &cluster->times, error);
  const double start_s = clock_wall_s(), evaluated_s = cluster->times.timing.evaluating_s;
  const struct local_work work = {.n = local_check_blocks(blocks), .blocks = blocks};
  uint64_t first = first_chunk(cluster, work.n, cluster->block_s);
  if (!agree_on_work(cluster, blocks->n, blocks->block, &first, error)) return CLUSTER_FAILED;
  blocks->clear(blocks->context);
  const bool dropped = cluster_any(cluster, share_work(cluster, &work, first, &cluster->block_s));
  if (!dropped) {
    merge_all(cluster, blocks);
    share_merged(cluster, blocks);
  }
  note_waiting(cluster, start_s, evaluated_s);
  return dropped ? CLUSTER_DROPPED : CLUSTER_DONE;
}

void cluster_timing(struct cluster *cluster, struct cluster_timing *timing) {
  const struct cluster_timing mine = local_timing(&cluster->times);
  if (cluster->size == 1) {
    *timing = mine;
    return;
  }
  meet(cluster);
  MPI_Allgather(&mine, (int)sizeof mine, MPI_BYTE, timing, (int)sizeof mine, MPI_BYTE, cluster->comm);
}

/* Sums of floats over ranks: of times, for people; no answer depends on them. */
void cluster_durations(struct cluster *cluster, struct cluster_durations *durations) {
  uint64_t n[2 * CLUSTER_DURATION_BUCKETS];
  double seconds[2 * CLUSTER_DURATION_BUCKETS];
  *durations = cluster->times.durations;
  if (cluster->size == 1) return;
  for (size_t i = 0; i < CLUSTER_DURATION_BUCKETS; i++) {
    n[2 * i] = durations->tasks[i].n;
    n[2 * i + 1] = durations->blocks[i].n;
    seconds[2 * i] = durations->tasks[i].seconds;
    seconds[2 * i + 1] = durations->blocks[i].seconds;
  }
  meet(cluster);
  MPI_Allreduce(MPI_IN_PLACE, n, 2 * CLUSTER_DURATION_BUCKETS, MPI_UINT64_T, MPI_SUM, cluster->comm);
  MPI_Allreduce(MPI_IN_PLACE, seconds, 2 * CLUSTER_DURATION_BUCKETS, MPI_DOUBLE, MPI_SUM, cluster->comm);
  for (size_t i = 0; i < CLUSTER_DURATION_BUCKETS; i++) {
    durations->tasks[i].n = n[2 * i];
    durations->blocks[i].n = n[2 * i + 1];
    durations->tasks[i].seconds = seconds[2 * i];
    durations->blocks[i].seconds = seconds[2 * i + 1];
  }
}

const char *cluster_library(void) {
  static char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int n = 0;
  if (MPI_Get_library_version(text, &n) != MPI_SUCCESS) return "unknown";
  for (int i = 0; i < n; i++) {
    if (text[i] == ',' || text[i] == '\n') text[i] = 0; /* the first part names library and version */
  }
  return text;
}
