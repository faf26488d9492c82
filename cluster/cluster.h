/* Who computes? The ranks of the real machine: one to many processes under mpirun or srun, or this one alone.
 *
 * Control is replicated, evaluation is distributed: every rank runs the same program on the same inputs and calls the
 * collective functions below in the same order; cluster_map and cluster_fold hand out pure tasks as ranks become free,
 * so who computes changes with timing and rank count, what comes back never does (reliability.md §5, §6).
 *
 * A failure that one rank alone sees travels by cluster_agree. A rank that dies, calls cluster_abort or meets a bug
 * takes all down, so that nobody waits for ever (§2). */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include "base/error.h"
#include <stdint.h>

struct cluster;

enum { CLUSTER_MAX_RECORD_BYTES = 4096 };

/* Starts MPI only if a launcher started this process (OMPI_COMM_WORLD_SIZE, PMI_RANK, PMIX_RANK, or SLURM_PROCID with
 * SLURM_NTASKS in the environment); otherwise there is one rank and this takes microseconds. Once a process. NULL with
 * STATUS_ENVIRONMENT if it cannot be had. Collective. */
struct cluster *cluster_start(int *argc, char ***argv, struct error *error);
/* Waits for all ranks and ends MPI; the return status of the process is the caller's. Collective. */
void cluster_finish(struct cluster *cluster);
/* Takes all ranks down at once with this status. Any rank alone. */
_Noreturn void cluster_abort(struct cluster *cluster, enum status status);

/* The MPI library and its version, or "none". Without a cluster. */
const char *cluster_library(void);
unsigned cluster_rank(const struct cluster *cluster); /* 0 … size − 1 */
unsigned cluster_size(const struct cluster *cluster);

/* Copies rank 0's n bytes to every rank; all pass the same n. Collective. */
void cluster_broadcast(struct cluster *cluster, void *bytes, size_t n);
/* If any rank's error is set, every rank leaves with that of the lowest such rank (messages and status), and false.
 * Collective. */
bool cluster_agree(struct cluster *cluster, struct error *error);
/* Is it true on any rank? For stop requests at a round's end. Collective. */
bool cluster_any(struct cluster *cluster, bool mine);

/* How collective work ended; the same on all ranks. */
enum cluster_end {
  CLUSTER_FAILED = 0, /* the error says why */
  CLUSTER_DONE,
  CLUSTER_DROPPED, /* some rank was interrupted: nothing of it counts */
};

/* n_tasks independent evaluations; all ranks pass the same but for `context`. */
struct cluster_tasks {
  size_t n_tasks;      /* up to 10⁷ and beyond */
  size_t record_bytes; /* 1 … CLUSTER_MAX_RECORD_BYTES */
  /* Fills one record, zeroed before; pure: the bytes depend on the index alone, padding stays zero. */
  void (*task)(void *context, size_t index, void *record);
  /* Asked between any two tasks; true on any rank drops the whole. Nanoseconds, please. NULL: never. */
  bool (*interrupted)(void *context);
  void *context; /* of this rank, e.g. with its scratch arena */
};
/* Evaluates tasks 0 … n_tasks − 1, each once on some rank; afterwards `records` (n_tasks × record_bytes, the caller's,
 * on every rank) holds all results in task order on all ranks. If a rank comes with its error set, nobody
 * evaluates and all leave as from cluster_agree. A record size out of range, n_tasks × record_bytes that overflows or
 * ranks that disagree about the tasks are bugs. Collective. */
enum cluster_end cluster_map(struct cluster *cluster, const struct cluster_tasks *tasks, void *records,
                             struct error *error);

/* A huge index range folded into one accumulator a rank, in blocks whose bounds do not depend on the ranks. The
 * accumulator lies in the context, grows as it likes, and travels as words. */
struct cluster_blocks {
  uint64_t n;     /* indices 0 … n − 1 */
  uint64_t block; /* indices a block, ≥ 1; the last may be shorter */
  /* Makes the accumulator empty, the neutral element of merge. */
  void (*clear)(void *context);
  /* Takes first … end − 1 into the accumulator. */
  void (*fold)(void *context, uint64_t first, uint64_t end);
  /* The accumulator as words, the same for the same content; valid until the context is used again. */
  const uint64_t *(*pack)(void *context, size_t *n_words);
  /* Takes packed words into the accumulator; associative and commutative: what pack then gives is the same for any
   * split of the blocks and any order. */
  void (*merge)(void *context, const uint64_t *words, size_t n_words);
  bool (*interrupted)(void *context); /* as for tasks, between any two blocks */
  void *context;
};
/* Afterwards the accumulator holds all blocks, on all ranks; dropped or failed, it means nothing. Errors as
 * cluster_map. Collective. */
enum cluster_end cluster_fold(struct cluster *cluster, const struct cluster_blocks *blocks, struct error *error);

/* Since cluster_start, in cluster_map and cluster_fold. */
struct cluster_timing {
  double evaluating_s; /* in tasks, with answering other ranks on rank 0 */
  double waiting_s;    /* for tasks, other ranks and results */
  uint64_t n_tasks;    /* or blocks */
  uint64_t n_messages; /* sent to ask for work or to hand it out */
  uint64_t peak_bytes; /* most memory that the process has had, by the time of asking */
};
/* Fills one entry a rank (cluster_size entries, the caller's), on all ranks. Collective. */
void cluster_timing(struct cluster *cluster, struct cluster_timing *timing);

/* How long did single tasks take? Bucket B holds durations from 2^(B/4) to 2^((B+1)/4) nanoseconds; the last, longer
 * ones too. */
enum { CLUSTER_DURATION_BUCKETS = 160 };
struct cluster_durations {
  struct {
    uint64_t n;
    double seconds; /* what they sum to */
  } tasks[CLUSTER_DURATION_BUCKETS], blocks[CLUSTER_DURATION_BUCKETS];
};
/* Of all ranks together. Collective. */
void cluster_durations(struct cluster *cluster, struct cluster_durations *durations);

#endif
