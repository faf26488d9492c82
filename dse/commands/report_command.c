/* dse report: the report and the traces of a results folder, made again.
 *
 * Nothing that they show is kept but run.cfg and the journal: the search runs again and is answered from a copy of the
 * journal, as a resumed run does, and so comes to the same pictures, byte for byte. A run that has not ended is
 * replayed as far as its journal goes, and its report says so. No lock is taken, and a run under way is not disturbed:
 * only report.html, the traces and what else pictures its end are written. Left out: the tables, summary.json and
 * manifest.json, which stay as the run left them. */
#include "dse/explore.h"

#include "base/clock.h"
#include "base/file.h"
#include "dse/design/importance.h"
#include "dse/output/picture.h"
#include "dse/system/system_report.h"
#include "dse/tenancy/tenancy_report.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 16 };

/* A folder of our own for the copy of the journal: what opens a journal for a run may cut it. */
struct replay {
  struct run *run;
  char folder[4096]; /* "": none */
  uint64_t limit;    /* rounds to replay; UINT64_MAX: the run ends by itself */
  bool ended;        /* the run was complete when the journal was copied */
};

static bool copy_bytes(int from, int to) {
  char bytes[COPY_BYTES];
  ssize_t n;
  while ((n = read(from, bytes, sizeof bytes)) > 0) {
    for (ssize_t done = 0; done < n;) {
      const ssize_t written = write(to, bytes + done, (size_t)(n - done));
      if (written <= 0) return false;
      done += written;
    }
  }
  return n == 0;
}

static bool copy_journal(struct replay *replay, struct error *error) {
  struct run *run = replay->run;
  const char *temporary = getenv("TMPDIR");
  const int from = open(run_path(run, "journal"), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) {
    return error_add(error, STATUS_ENVIRONMENT, "%s: cannot be read: %s; a results folder was expected",
                     run_path(run, "journal"), strerror(errno));
  }
  snprintf(replay->folder, sizeof replay->folder, "%.4000s/dse-report-XXXXXX",
           temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
  bool good = mkdtemp(replay->folder) != NULL;
  if (!good) {
    error_add(error, STATUS_ENVIRONMENT, "%s: cannot be made: %s", replay->folder, strerror(errno));
    replay->folder[0] = '\0';
  } else {
    const char *path = arena_printf(run->invocation->arena, "%s/journal", replay->folder);
    const int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    good = to >= 0 && copy_bytes(from, to);
    if (!good) error_add(error, STATUS_ENVIRONMENT, "%s: cannot be written: %s", path, strerror(errno));
    if (to >= 0 && close(to) != 0) good = false;
  }
  close(from);
  return good;
}

/* What was said of the copy is about the folder that the user named. */
static void say_of_the_folder(const struct replay *replay, const struct error *copy, struct error *error) {
  struct arena *const arena = replay->run->invocation->arena;
  char *message = arena_copy_text(arena, copy->text), *save = NULL;
  for (message = strtok_r(message, "\n", &save); message != NULL; message = strtok_r(NULL, "\n", &save)) {
    const char *said = "";
    for (char *at; replay->folder[0] != '\0' && (at = strstr(message, replay->folder)) != NULL;) {
      *at = '\0';
      said = arena_printf(arena, "%s%s%s", said, message, replay->run->folder);
      message = at + strlen(replay->folder);
    }
    error_add(error, copy->status, "%s%s", said, message);
  }
}

/* On rank 0. A run that is complete, with all the rounds it had, is replayed to its end. */
static void open_copy(struct replay *replay, struct error *error) {
  struct run *run = replay->run;
  const struct journal_header header = {.settings = run->digest, .seed = run->settings.search.seed};
  struct status_facts facts;
  status_read(run->folder, run->invocation->arena, &facts, NULL);
  arena_init(&run->journal_arena, 1 << 16);
  if (!copy_journal(replay, error)) return;
  struct error of_copy = {0};
  if (!journal_open(replay->folder, &header, run->designs.space.n_axes, false, &run->journal_arena, &run->journal,
                    &run->journal_state, &of_copy)) {
    say_of_the_folder(replay, &of_copy, error);
    return;
  }
  const uint64_t n_rounds = journal_rounds(run->journal);
  replay->ended = strcmp(facts.state, "complete") == 0;
  const bool complete = replay->ended && n_rounds >= facts.journal_rounds;
  if (n_rounds == 0 && !complete) {
    error_add(error, STATUS_ENVIRONMENT, "%s: no round of this run is finished yet; there is nothing to report",
              run->folder);
  }
  replay->limit = complete ? UINT64_MAX : n_rounds;
}

static void remove_copy(struct replay *replay) {
  static const char *const names[] = {"journal", "journal.tmp", "lock"};
  struct run *run = replay->run;
  struct error ignored = {0};
  if (run->journal != NULL) journal_close(run->journal, &ignored);
  run->journal = NULL;
  if (replay->folder[0] == '\0') return;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    unlink(arena_printf(run->invocation->arena, "%s/%s", replay->folder, names[i]));
  }
  rmdir(replay->folder);
}

/* After every round, also of a stage's own search. */
static bool stop(void *context) {
  const struct replay *replay = context;
  const struct rounds *inner = replay->run->stages.rounds;
  return (inner != NULL ? inner->round : replay->run->rounds.round) >= replay->limit;
}

/* The run's own report, of its end, must not be replaced by one of its midst. */
static bool ended_meanwhile(const struct replay *replay) {
  const struct run *run = replay->run;
  struct status_facts facts;
  return !replay->ended && status_read(run->folder, run->invocation->arena, &facts, NULL) &&
         strcmp(facts.state, "complete") == 0;
}

static void publish(const struct replay *replay, struct error *error) {
  struct run *run = replay->run;
  if (ended_meanwhile(replay)) {
    error_add(error, STATUS_ENVIRONMENT, "%s: the run has ended meanwhile; ask again", run->folder);
    return;
  }
  const bool good = picture_publish(run, error) && (run->unfinished || tenancy_report_publish(run, error));
  if (!good) return;
  const char *so_far =
      arena_printf(run->invocation->arena,
                   ", of a run that has not ended (%" PRIu64 " rounds, %" PRIu64 " evaluations); dse resume %s goes on",
                   run->rounds.round, run->rounds.evaluations, run->folder);
  if (run->invocation->json) {
    json_t *object =
        json_pack("{ss sb sI sI}", "report", run_path(run, "report.html"), "unfinished", run->unfinished, "rounds",
                  (json_int_t)run->rounds.round, "evaluations", (json_int_t)run->rounds.evaluations);
    REQUIRE(object != NULL);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(object);
  } else {
    say(run->invocation, "%s%s\n", run_path(run, "report.html"), run->unfinished ? so_far : "");
  }
}

/* Collective: every rank runs the search, rank 0 answers it and writes. */
static bool picture(struct run *run, struct error *error) {
  struct cluster *cluster = run->invocation->cluster;
  struct replay replay = {.run = run};
  const bool is_writer = cluster_rank(cluster) == 0;
  if (is_writer) open_copy(&replay, error);
  bool good = cluster_agree(cluster, error);
  if (good) {
    cluster_broadcast(cluster, &replay.limit, sizeof replay.limit);
    rounds_init(&run->rounds, cluster, &run->designs, run->journal, run->invocation->arena);
    run->rounds.stop = stop;
    run->rounds.stop_context = &replay;
    good = explore_search(run, error);
    run->unfinished = run->rounds.stopped;
  }
  if (good && topk_count(run->rounds.topk) == 0 && (run->unfinished || system_report_chosen(run) == NULL)) {
    good = error_add(error, STATUS_INFEASIBLE, "%s: nothing feasible%s, so there is nothing to picture; dse why %s",
                     run->folder, run->unfinished ? " yet" : "", run->folder);
  }
  run->rounds.stop = NULL; /* the journal's end is no reason to stop here */
  good = good && importance_compute(run, error);
  if (good && is_writer && topk_count(run->rounds.topk) > 0) publish(&replay, error);
  if (is_writer) {
    remove_copy(&replay);
    arena_release(&run->journal_arena);
  }
  return cluster_agree(cluster, error);
}

static enum status run_report(struct invocation *invocation, struct error *error) {
  const char *folder = invocation->words[0], *path = arena_printf(invocation->arena, "%s/run.cfg", folder);
  if (invocation->n_sets > 0) {
    error_add(error, STATUS_INPUT, "dse report: --set: takes none, the settings are those of the folder");
    return error->status;
  }
  if (!file_exists(path)) {
    error_add(error, STATUS_ENVIRONMENT, "%s: no run.cfg there; a results folder was expected", folder);
    return error->status;
  }
  struct run *run = ARENA_NEW(invocation->arena, struct run, 1);
  run->invocation = invocation;
  run->start_s = clock_wall_s();
  run->folder = folder;
  const bool good = run_prepare(run, path, error) && picture(run, error);
  run_release(run);
  return good ? STATUS_OK : error->status;
}

static const char *const examples[] = {"dse report results-quickstart", "dse report results-quickstart --json", NULL};
const struct command command_report = {
    .name = "report",
    .words = "DIR",
    .summary = "(re)makes the HTML report, plots and traces of a results folder",
    .min_words = 1,
    .max_words = 1,
    .details =
        "Writes report.html and the traces into the folder, the same bytes as the run writes at its end, out of "
        "run.cfg\n"
        "and the journal. Of a run that has not ended, or that goes on, what it has found so far: the report says so.\n"
        "Exit status 3 if nothing feasible was found. --json: report (its path), unfinished, rounds, evaluations.",
    .examples = examples,
    .run = run_report,
};
