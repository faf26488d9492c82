/* One run, from its file to its space: what explore, resume, evaluate and signature share. */
#ifndef DSE_RUN_H
#define DSE_RUN_H

#include "dse/command.h"
#include "dse/prove.h"
#include "results/lock.h"
#include "workloads/workload.h"

struct run {
  struct invocation *invocation;
  struct run_settings settings;
  struct workload workload;
  struct op_graph training; /* forward, backward, update: as expanded and fused */
  struct op_graph graph;    /* the same without free operators: what is scheduled */
  struct stage stage;
  struct design_space designs;
  struct digest digest;      /* of everything that can change answers */
  const char *settings_text; /* run.cfg */

  const char *folder;
  struct folder_lock lock;
  bool locked;
  struct journal *journal;
  struct arena journal_arena; /* its own, so that others can be rewound around it */
  struct journal_state journal_state;
  uint64_t epoch; /* launches that this folder has seen */
  struct rounds rounds;
  struct proof proof;
  double start_s;
};

/* 1. The run file, read by rank 0 and shared. `--seed` is a set like any other. Collective. */
bool run_load_settings(struct run *run, const char *path, struct error *error);
/* 2. The forward graph of the workload. Collective: ranks that see another model file are named. */
bool run_load_workload(struct run *run, struct error *error);
/* 3. The whole training step. */
bool run_expand_training(struct run *run, struct error *error);
/* 4, 5. The stage (one device has one), the space of designs, and the floor that the reference design sets. */
bool run_make_problem(struct run *run, struct error *error);
/* All of the above. */
bool run_prepare(struct run *run, const char *path, struct error *error);
void run_release(struct run *run);
/* DIR/name, in the run's arena. */
const char *run_path(const struct run *run, const char *name);
double run_clock_s(void); /* monotonic, from some moment in the past */

#endif
