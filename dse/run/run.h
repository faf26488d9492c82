/* One run, from its file to its space: what explore, resume, evaluate and signature share. */
#ifndef DSE_RUN_H
#define DSE_RUN_H

#include "dse/commands/command.h"
#include "dse/run/pace.h"
#include "dse/run/prove.h"
#include "results/lock.h"
#include "results/writer.h"
#include "workloads/workload.h"

enum { RUN_HOST_BYTES = 256 };

struct status_facts;
struct global;
struct global_listener;
struct tenants;
struct cosearch;

/* One of the workloads that a design must serve. */
struct run_member {
  const struct run_top *top;
  struct workload *workload;
  struct op_graph *training, *graph;
  struct stage *stage;
};

struct run {
  struct invocation *invocation;
  struct run_settings settings;
  struct workload workload; /* the only one, or the first of several */
  struct op_graph training; /* forward, backward, update: as expanded and fused */
  struct op_graph graph;    /* the same without free operators: what is scheduled */
  struct stage stage;
  struct run_member *members; /* all workloads: the first is the four above */
  size_t n_members;
  const char *title;                            /* "resnet18", or "2 workloads (geomean)" */
  struct digest graph_digest;                   /* of what is scheduled, of all workloads */
  struct system_search *system;                 /* of many devices; NULL: one */
  struct global *global;                        /* then: what the global search found; NULL: not yet */
  const struct global_listener *systems_wanted; /* who else wants to know of systems; NULL: nobody */
  const char *one_device;                       /* the command, if it knows no systems; NULL: it does */
  bool shards;                                  /* shards.csv is asked for */
  bool unfinished;                              /* what is pictured is a run in its midst */
  bool any_design;                              /* designs beside the space will be judged, whatever their memory */
  struct stage_progress {                       /* of the stages' own searches; n_total 0: there is none under way */
    const struct rounds *rounds;
    uint64_t n_done, n_total, n_evaluations; /* evaluations of the stages that are done */
  } stages;
  struct tenants *tenants;   /* of platforms of the best designs; NULL: none */
  struct cosearch *cosearch; /* for training and tenants at once; NULL: not asked for */
  struct {
    uint64_t n_done, n_total; /* platforms; n_total 0: none are being mapped */
  } mapping;
  bool weighing;      /* the importance of axes, behind the search */
  uint64_t n_weighed; /* designs that it evaluates, once it knows; 0 before */
  struct design_space designs;
  struct digest digest;      /* of everything that can change answers */
  const char *settings_text; /* run.cfg */

  const char *folder;
  struct folder_lock lock;
  bool locked;
  int folder_fd, sync_fd; /* while it is locked: the folder, whatever becomes of its name; its journal, for SIGCONT */
  struct status_facts *earlier; /* status.json as the launch before left it; NULL: none, or it tells of rounds lost */
  struct writer log;            /* log.txt */
  bool lost, superseded;        /* the folder is another's or gone by now; superseded: a later launch's */
  bool ended;                   /* status.json says how */
  struct journal *journal;
  struct arena journal_arena; /* its own, so that others can be rewound around it */
  struct journal_state journal_state;
  uint64_t epoch; /* launches that this folder has seen */
  struct rounds rounds;
  struct proof proof;
  struct cluster_timing *timing; /* [ranks] of the search and its proof; NULL before their end */
  struct cluster_durations *durations;
  const struct sensitivity *importance; /* of axes, for the report; NULL: none */
  double start_s;
  struct progress_facts now; /* of the last look, for status.json */
};

/* Do all ranks run the same program? Called before anything else is shared; names the first stranger by rank and host.
 * Collective. */
bool run_same_program(struct cluster *cluster, struct error *error);
/* 1. The run file, read by rank 0 and shared. `--seed` is a set like any other. Collective. */
/* 2. The forward graph of each workload. */
bool run_load_workload(struct run *run, struct error *error);
/* 3. The whole training step of each. */
bool run_expand_training(struct run *run, struct error *error);
/* 4, 5. The stage of each (one device has one), the space of designs, and the floor that the reference design sets. */
bool run_make_problem(struct run *run, struct error *error);
/* 1 to 5. A signal that has come meanwhile ends it with STATUS_STOPPED: nothing has been touched yet. */
bool run_prepare(struct run *run, const char *path, struct error *error);
void run_release(struct run *run);
/* DIR/name, in the run's arena. */
const char *run_path(const struct run *run, const char *name);
void run_host(char host[RUN_HOST_BYTES]); /* of this process, printable */

#endif
