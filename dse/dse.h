/* The library: designs judged and searched from within a program, without MPI and without a process of its own.
 *
 *   cc example.c $(pkg-config --cflags --libs dse)
 *
 * A session (struct dse) holds the last message and knows where models and parts lie; a run (struct dse_run) is a run
 * file that was read and made into a problem; a front (struct dse_front) is what a search found. The numbers are those
 * of the program `dse`: the same run file gives the same front, to the last bit. C17 and C++.
 *
 * Errors. What cannot be done returns false or NULL, and dse_status and dse_message of the session say why, as the
 * program would (file:line: key: what is wrong, what is allowed). Nothing is printed, nothing exits. Memory that cannot
 * be had is such an error, too. A bug of the library's own aborts with its place; it has no other way to be noticed.
 *
 * Memory. Whoever gets a session, run or front frees it; runs before their session, fronts before their run. Texts
 * belong to what they were asked of and live as long, a message until the session's next call.
 *
 * Threads. A session and all that came from it belong to one thread at a time; different sessions may be used by
 * different threads at once. The first dse_open turns GSL's aborting error handler off, for the whole process. Numbers
 * are read and written in the C locale whatever the caller's is.
 *
 * Stability. What is declared here stays as it is until DSE_API changes; new functions, and new members at the end of
 * structs, may come. Nothing else in the archive can be seen. Left out: whole systems' choice of a design for each
 * stage, tenants, results folders, the problems of `dse map`: for those there is the program, with --json. */
#ifndef DSE_DSE_H
#define DSE_DSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DSE_API 1

/* How a call ended: the exit statuses of the program. */
enum dse_status {
  DSE_OK = 0,
  DSE_ENVIRONMENT = 1, /* a missing file, no memory */
  DSE_INPUT = 2,       /* what the caller gave is wrong */
  DSE_INFEASIBLE = 3,  /* no design within the limits */
  DSE_STOPPED = 75     /* by the caller's own function */
};

struct dse;
struct dse_run;
struct dse_front;

/* "0.1.0". */
const char *dse_version(void);

/* Models and parts lie in `data_folder`; NULL: where the program would look, share/dse of the installation. NULL is
 * returned only where there is no memory at all; that there are no models is said by whoever needs them. */
struct dse *dse_open(const char *data_folder);
void dse_close(struct dse *dse);
/* Of the last call: its status, and its messages, a line each ("" after a good one). */
enum dse_status dse_status(const struct dse *dse);
const char *dse_message(const struct dse *dse);
const char *dse_data_folder(const struct dse *dse);

/* The i-th of the networks that are there, in alphabetical order; NULL behind the last. */
const char *dse_workload(struct dse *dse, size_t i);
/* The i-th part of the catalogue. */
const char *dse_part(struct dse *dse, size_t i);

/* Reads a run file and makes its problem. `sets` are "path=value" as for --set, n_sets of them (NULL: none). */
struct dse_run *dse_run_file(struct dse *dse, const char *path, const char *const *sets, size_t n_sets);
/* The same from text; `name` stands for the file in messages. */
struct dse_run *dse_run_text(struct dse *dse, const char *name, const char *text, const char *const *sets,
                             size_t n_sets);
void dse_run_free(struct dse_run *run);
/* The run file as resolved, every key: it runs again as it is. */
const char *dse_run_settings(const struct dse_run *run);
/* How many designs there are to choose from; UINT64_MAX: more. */
uint64_t dse_run_points(const struct dse_run *run);

/* What a design is worth. */
struct dse_design {
  bool feasible;
  const char *reason;      /* why not: the limit it breaks ("limits.tdp_w"); "" if feasible */
  double excess;           /* by how much, in excess_unit; 0 if feasible */
  const char *excess_unit; /* "W" */
  double throughput_samples_per_s;
  double iteration_s; /* one training iteration: forward, backward, update */
  double energy_j;    /* of one iteration */
  double area_mm2, tdp_w;
  double bound_iteration_s; /* no schedule of the same costs is shorter; 0: not known (several workloads, a system) */
  double floor_iteration_s; /* no choice of tiles and schedule is shorter; 0: not known */
  double memory_bytes;      /* needed by the device */
  double hbm_bytes;         /* that it has */
  char name[17];            /* 16 hexadecimal digits, the same in every run */
};

/* One design in full: "tc_count=4,tc_rows=128,...", where keys left out take the first value of the run file's list or
 * follow its rule; or a part's name, "tpuv4". An infeasible design is no error: it has a reason, and its area and TDP;
 * its times are 0 where the run file's limits, a system's or several workloads', leave nothing to schedule. */
bool dse_evaluate(struct dse_run *run, const char *design, struct dse_design *result);

/* How a search shall go. All zero: as the run file says. */
struct dse_search {
  uint64_t max_evaluations; /* of the search and of the proof behind it, each; 0: as the run file says */
  /* Looked at between any two evaluations: true ends the search with DSE_STOPPED. NULL: never. */
  bool (*stop)(void *context);
  void *context;
};
/* What was found, of the whole space. */
struct dse_summary {
  const char *metric, *unit;      /* search.metric: "throughput_samples_per_s", "1/s" */
  uint64_t evaluations, feasible; /* designs evaluated; of them, within the limits */
  double best;                    /* of the metric */
  double bound;                   /* no design of the space is better; 0: nothing was proven */
  double gap;                     /* relative distance of the best from it */
  bool proven_optimal;            /* the best is the best there is */
  bool front_complete;            /* and the front misses none */
};
/* Searches with the run file's algorithm and seed, then proves, in this thread. NULL also if no design is within the
 * limits (DSE_INFEASIBLE) or the caller stopped it. The same search gives the same front. */
struct dse_front *dse_explore(struct dse_run *run, const struct dse_search *search);
void dse_front_free(struct dse_front *front);
struct dse_summary dse_front_summary(const struct dse_front *front);
/* Designs that no other beats in all objectives of search.front, the best by the first one first. */
size_t dse_front_size(const struct dse_front *front);
/* The i-th: what it is worth, and (design may be NULL) its axes as dse_evaluate and --design take them. */
bool dse_front_design(struct dse_front *front, size_t i, struct dse_design *result, const char **design);

#ifdef __cplusplus
}
#endif

#endif
