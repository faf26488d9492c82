/* How does a launch take a results folder, keep it, and notice that it has lost it?
 *
 * Source: reliability §3 (fencing: lock, the journal's new inode, epochs), §4 (temporaries, deleted folders), §7 (no
 * folder that anybody may write). Left out: the lock itself (results/lock.c), its log (folder_log.c)
 * and the tables (outputs.c). */
#include "dse/output/folder.h"

#include "base/file.h"
#include "base/text.h"
#include "dse/run/signals.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_MOST_BYTES = 1 << 20 };

const char *folder_utc_now(struct arena *arena) {
  const time_t now = time(NULL);
  struct tm parts;
  char text[32];
  gmtime_r(&now, &parts);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return arena_copy_text(arena, text);
}

/* --- status.json ----------------------------------------------------------------------------------------------------
 */

static uint64_t integer_at(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  return json_is_integer(value) && json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

static bool real_at(const json_t *object, const char *key, double *value) {
  const json_t *number = json_object_get(object, key);
  *value = json_is_number(number) ? json_number_value(number) : 0;
  return json_is_number(number);
}

static void text_at(const json_t *object, const char *key, char *text, size_t size) {
  const json_t *value = json_object_get(object, key);
  text_escape(json_is_string(value) ? json_string_value(value) : "", text, size);
}

bool status_read(const char *folder, struct arena *arena, struct status_facts *facts, json_t **object) {
  struct error ignored = {0};
  char *text;
  size_t n;
  *facts = (struct status_facts){0};
  if (object != NULL) *object = NULL;
  const char *path = arena_printf(arena, "%s/status.json", folder);
  if (!file_read(path, STATUS_MOST_BYTES, arena, &text, &n, &ignored)) return false;
  json_t *status = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_object(status)) {
    json_decref(status);
    return false;
  }
  text_at(status, "state", facts->state, sizeof facts->state);
  text_at(status, "phase", facts->phase, sizeof facts->phase);
  text_at(status, "reason", facts->reason, sizeof facts->reason);
  text_at(status, "unit", facts->unit, sizeof facts->unit);
  facts->epoch = integer_at(status, "epoch");
  facts->round = integer_at(status, "round");
  facts->evaluations = integer_at(status, "evaluations");
  facts->evaluations_max = integer_at(status, "evaluations_max");
  facts->n_done = integer_at(status, "phase_done");
  facts->n_total = integer_at(status, "phase_total");
  facts->journal_bytes = integer_at(status, "journal_bytes");
  facts->journal_rounds = integer_at(status, "journal_rounds");
  facts->has_best = real_at(status, "best", &facts->best);
  facts->has_bound = real_at(status, "lower_bound", &facts->bound) && real_at(status, "gap", &facts->gap);
  real_at(status, "evaluations_per_s", &facts->per_s);
  if (!real_at(status, "eta_s", &facts->eta_s)) facts->eta_s = -1;
  if (object != NULL) {
    *object = status;
  } else {
    json_decref(status);
  }
  return true;
}

bool folder_publish_json(const struct run *run, const char *name, json_t *object, struct error *error) {
  char *text = object != NULL ? json_dumps(object, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
  json_decref(object);
  if (text == NULL) return error_add(error, STATUS_ENVIRONMENT, "%s: cannot be composed", run_path(run, name));
  const bool done =
      file_publish(run_path(run, name), arena_printf(run->invocation->arena, "%s\n", text), strlen(text) + 1, error);
  free(text);
  return done;
}

static void set_integer(json_t *object, const char *key, uint64_t value) {
  json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_real(json_t *object, const char *key, bool known, double value) {
  json_object_set_new(object, key, known ? json_real(value) : json_null());
}

static void set_text(json_t *object, const char *key, const char *value) {
  json_object_set_new(object, key, json_string(value));
}

/* How far the run is. Until the journal is replayed, what the launch before told stands: no reader sees less than
 * before. */
static struct status_facts facts_now(const struct run *run) {
  const struct rounds *rounds = &run->rounds;
  const struct progress_facts *now = &run->now;
  const struct rounds *inner = run->stages.rounds; /* of a stage's own search, behind the run's rounds */
  struct status_facts facts = {.round = inner != NULL ? inner->round : rounds->round,
                               .evaluations = rounds->evaluations,
                               .evaluations_max = now->most,
                               .n_done = now->n_done,
                               .n_total = now->n_total,
                               .has_bound = now->has_bound,
                               .bound = now->bound,
                               .gap = now->gap,
                               .per_s = now->per_s,
                               .eta_s = now->phase != NULL ? now->eta_s : -1};
  facts.has_best = rounds->topk != NULL && topk_count(rounds->topk) > 0;
  if (facts.has_best) facts.best = topk_at(rounds->topk, 0)->score.objective[run->designs.space.metric];
  if (run->proof.complete) {
    facts.has_bound = true;
    facts.bound = run->proof.bound;
    facts.gap = run->proof.gap;
  }
  const struct status_facts *earlier = run->earlier;
  if (earlier != NULL && earlier->round > facts.round) {
    facts.round = earlier->round;
    facts.evaluations = earlier->evaluations;
    facts.has_best = earlier->has_best;
    facts.best = earlier->best;
    facts.has_bound = earlier->has_bound;
    facts.bound = earlier->bound;
    facts.gap = earlier->gap;
  }
  facts.has_bound = facts.has_bound && facts.has_best;
  return facts;
}

bool folder_publish_status(struct run *run, const char *state, const char *reason, struct error *error) {
  const struct status_facts facts = facts_now(run);
  const struct objective *metric = &run->designs.space.objectives[run->designs.space.metric];
  const bool running = strcmp(state, "running") == 0;
  char host[RUN_HOST_BYTES];
  struct stat journal = {0};
  run_host(host);
  json_t *object = json_object();
  set_text(object, "state", state);
  set_text(object, "reason", reason);
  set_integer(object, "epoch", run->epoch);
  set_integer(object, "round", facts.round);
  set_integer(object, "evaluations", facts.evaluations);
  set_integer(object, "evaluations_max", facts.evaluations_max);
  set_real(object, "best", facts.has_best, facts.best);
  set_real(object, "lower_bound", facts.has_bound, facts.bound);
  set_real(object, "gap", facts.has_bound, facts.gap);
  set_text(object, "metric", metric->name);
  set_text(object, "unit", text_unit_shown(metric->name, metric->unit));
  set_real(object, "eta_s", running && facts.eta_s >= 0, facts.eta_s);
  set_real(object, "evaluations_per_s", facts.per_s > 0, facts.per_s);
  set_text(object, "phase",
           strcmp(state, "complete") == 0 ? "done"
           : run->now.phase != NULL       ? run->now.phase
                                          : "start");
  set_integer(object, "phase_done", facts.n_done);
  set_integer(object, "phase_total", facts.n_total);
  if (run->journal != NULL && stat(run_path(run, "journal"), &journal) == 0) {
    set_integer(object, "journal_bytes", (uint64_t)journal.st_size);
    set_integer(object, "journal_rounds", journal_rounds(run->journal));
  }
  set_integer(object, "ranks", cluster_size(run->invocation->cluster));
  set_text(object, "host", host);
  set_integer(object, "pid", (uint64_t)getpid());
  set_text(object, "last_commit_utc", folder_utc_now(run->invocation->arena));
  const bool done = folder_publish_json(run, "status.json", object, error);
  if (done && !running) run->ended = true;
  return done;
}

/* --- taking it ------------------------------------------------------------------------------------------------------
 */

static void rename_aside(struct run *run, struct error *error) {
  for (unsigned n = 1; n < 10000; n++) {
    const char *old = arena_printf(run->invocation->arena, "%s.old-%u", run->folder, n);
    if (file_exists(old)) continue;
    if (rename(run->folder, old) != 0) {
      error_add(error, STATUS_ENVIRONMENT, "%s: cannot be renamed to %s: %s", run->folder, old, strerror(errno));
    } else {
      remark(run->invocation, "the old results are now in %s\n", old);
    }
    return;
  }
  error_add(error, STATUS_ENVIRONMENT, "%s: too many old folders beside it", run->folder);
}

static void move_aside(struct run *run, struct error *error) {
  /* A launch that still writes there would go on into the new folder of the same name. */
  struct folder_lock lock;
  const bool locked = file_exists(run_path(run, "lock"));
  if (locked && !folder_lock(run->folder, FOLDER_LOCK_BEST, FOLDER_LOCK_WAIT_MS, &lock, error)) return;
  rename_aside(run, error);
  if (locked) folder_unlock(&lock);
}

/* Which settings differ from those of the earlier run in this folder? Returns how many do. */
static size_t list_differences(struct run *run, struct error *error) {
  struct arena *arena = run->invocation->arena;
  struct run_settings earlier;
  struct error ignored = {0};
  size_t n = 0;
  if (!run_settings_load(run_path(run, "run.cfg"), NULL, 0, arena, &earlier, &ignored)) return 0;
  const struct run_sections a = run_settings_sections(&earlier, arena),
                            b = run_settings_sections(&run->settings, arena);
  if (earlier.n_workloads != run->settings.n_workloads) { /* the sections are not the same ones */
    error_add(error, STATUS_INPUT, "  workloads: a list of %zu there, of %zu now (0: a single workload)",
              earlier.n_workloads, run->settings.n_workloads);
    return 1;
  }
  for (size_t s = 0; s < a.n; s++) {
    const struct field_table *table = a.sections[s].table;
    for (size_t f = 0; f < table->n_fields; f++) {
      const char *before = config_value_text(&table->fields[f], a.sections[s].into, arena);
      const char *now = config_value_text(&table->fields[f], b.sections[s].into, arena);
      const bool counts =
          config_counts(&table->fields[f], a.sections[s].into) || config_counts(&table->fields[f], b.sections[s].into);
      if (strcmp(before, now) == 0 || !counts) continue;
      error_add(error, STATUS_INPUT, "  %s%s%s: %s there, %s now", a.sections[s].group,
                a.sections[s].group[0] != 0 ? "." : "", table->fields[f].key, before, now);
      n++;
    }
  }
  return n;
}

/* The journal tells whose folder this is; where somebody has deleted it, the settings beside it do. */
static bool holds_other_run(struct run *run, const struct journal_header *header) {
  struct journal_header earlier;
  struct error ignored = {0};
  if (!file_exists(run_path(run, "journal"))) return list_differences(run, &ignored) > 0;
  return journal_peek(run->folder, &earlier, &ignored) && !digest_equal(earlier.settings, header->settings);
}

/* A finished run counts as such only if nobody raised a budget since: then there is more to do. */
static bool same_budget(struct run *run) {
  struct run_settings earlier;
  struct error ignored = {0};
  if (!run_settings_load(run_path(run, "run.cfg"), NULL, 0, run->invocation->arena, &earlier, &ignored)) return false;
  return earlier.search.max_evaluations == run->settings.search.max_evaluations &&
         earlier.search.prove_evaluations == run->settings.search.prove_evaluations &&
         earlier.search.bound_points == run->settings.search.bound_points &&
         earlier.search.gap_target == run->settings.search.gap_target;
}

/* A folder without settings or journal is nobody's run: what lies there under our names is somebody else's. */
static bool holds_foreign_file(struct run *run, struct error *error) {
  static const char *const names[] = {
      "front.csv",     "topk.csv",           "convergence.csv", "infeasible.csv", "columns.csv",         "timing.csv",
      "report.html",   "trace-best.json",    "summary.json",    "manifest.json",  "status.json",         "log.txt",
      "workloads.csv", "systems.csv",        "stages.csv",      "k.csv",          "trace-pipeline.json", "tenancy.csv",
      "mapping.csv",   "trace-tenancy.json", "tenancy",         "cosearch.csv",   "cosearch-designs.csv"};
  if (file_exists(run_path(run, "run.cfg")) || file_exists(run_path(run, "journal"))) return false;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (!file_exists(run_path(run, names[i]))) continue;
    error_add(error, STATUS_INPUT,
              "%s: is not the folder of a run, and %s there would be overwritten; choose another --out", run->folder,
              names[i]);
    return true;
  }
  return false;
}

/* Whoever may write there could plant a journal, or a link to somewhere else. A folder that we have made ourselves
 * under a careless umask is put right. */
static bool keep_strangers_out(const struct run *run, bool made, struct error *error) {
  struct stat status;
  if (stat(run->folder, &status) != 0)
    return error_add(error, STATUS_ENVIRONMENT, "%s: cannot be examined: %s", run->folder, strerror(errno));
  if ((status.st_mode & S_IWOTH) == 0) return true;
  if (made && chmod(run->folder, status.st_mode & 07777 & ~(mode_t)S_IWOTH) == 0) return true;
  return error_add(error, STATUS_INPUT,
                   "%s: anybody may write there, so nothing in it can be trusted; chmod o-w it, or choose another "
                   "--out",
                   run->folder);
}

/* What launches leave that die while they publish; nobody else writes here, the lock is ours. */
static bool is_temporary(const char *name) {
  const size_t n = strlen(name);
  if (strncmp(name, ".tmp-", 5) == 0) return n == 21 && strspn(name + 5, "0123456789abcdef") == 16;
  return strcmp(name, "journal.tmp") == 0 || strncmp(name, "lock.probe-", 11) == 0;
}

static void remove_temporaries(struct run *run) {
  const int fd = openat(run->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
  if (folder == NULL) {
    if (fd >= 0) close(fd);
    return; /* they are in nobody's way */
  }
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    struct stat status;
    if (!is_temporary(entry->d_name)) continue;
    if (fstatat(run->folder_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) continue;
    if (unlinkat(run->folder_fd, entry->d_name, 0) != 0) continue;
    folder_log(run, "INFO", "removed %s, %lld bytes that a launch left unfinished", entry->d_name,
               (long long)status.st_size);
  }
  closedir(folder);
}

static bool take_lock(struct run *run, struct error *error) {
  if (!folder_lock(run->folder, FOLDER_LOCK_BEST, FOLDER_LOCK_WAIT_MS, &run->lock, error)) return false;
  run->folder_fd = open(run->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  run->locked = run->folder_fd >= 0;
  if (run->locked) return true;
  folder_unlock(&run->lock);
  return error_add(error, STATUS_ENVIRONMENT, "%s: cannot be opened: %s", run->folder, strerror(errno));
}

/* What the launch before has told stands until it is replayed, unless the journal has lost some of it. */
static void keep_earlier(struct run *run, const struct status_facts *facts) {
  if (facts->round > run->journal_state.n_rounds) return;
  run->earlier = ARENA_NEW(&run->journal_arena, struct status_facts, 1);
  *run->earlier = *facts;
}

static bool open_journal(struct run *run, const struct journal_header *header, bool salvage, struct error *error) {
  const struct journal_state *state = &run->journal_state;
  if (!journal_open(run->folder, header, run->designs.space.n_axes, salvage, &run->journal_arena, &run->journal,
                    &run->journal_state, error)) {
    return false;
  }
  if (state->torn_bytes > 0) {
    remark(run->invocation,
           "%s/journal: %llu bytes at offset %llu were torn by a crash and are cut; no finished round "
           "is lost\n",
           run->folder, (unsigned long long)state->torn_bytes, (unsigned long long)state->torn_offset);
    folder_log(run, "WARNING", "journal: %" PRIu64 " bytes at offset %" PRIu64 " were torn by a crash and are cut%s",
               state->torn_bytes, state->torn_offset, state->salvaged ? ", kept as journal.damaged" : "");
  }
  if (state->n_rounds > 0) {
    remark(run->invocation, "%s: going on after %llu finished rounds\n", run->folder,
           (unsigned long long)state->n_rounds);
    folder_log(run, "INFO", "going on after %" PRIu64 " finished rounds", state->n_rounds);
  }
  return true;
}

void folder_take(struct run *run, const struct folder_request *request, bool *finished, struct error *error) {
  if (request->fresh && file_exists(run->folder)) move_aside(run, error);
  if (error_is_set(error) || holds_foreign_file(run, error)) return;
  const bool made = !file_exists(run->folder);
  if (!file_make_folder(run->folder, error) || !keep_strangers_out(run, made, error) || !take_lock(run, error)) return;
  struct journal_header header = {.settings = run->digest, .seed = run->settings.search.seed};
  struct status_facts facts;
  if (holds_other_run(run, &header)) {
    error_add(error, STATUS_INPUT,
              "%s: holds a run of other settings; choose another --out, or --fresh to move it aside", run->folder);
    list_differences(run, error);
    return;
  }
  status_read(run->folder, run->invocation->arena, &facts, NULL);
  /* Where nothing was feasible the same command says again why: that costs no evaluation, and its status is 3 again. */
  *finished = strcmp(facts.state, "complete") == 0 && facts.has_best && same_budget(run);
  if (*finished) {
    remove_temporaries(run);
    return;
  }
  run->epoch = facts.epoch + 1;
  arena_init(&run->journal_arena, 1 << 16);
  folder_begin_log(run);
  remove_temporaries(run);
  if (!open_journal(run, &header, request->salvage, error)) return;
  keep_earlier(run, &facts);
  run->sync_fd = open(run_path(run, "journal"), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  signals_sync(run->sync_fd);
  /* The status from the start, so that every launch has its epoch, also one that is killed at once. */
  if (file_publish(run_path(run, "run.cfg"), run->settings_text, strlen(run->settings_text), error) &&
      folder_publish_status(run, "running", "", error)) {
    folder_publish_log(run, error);
  }
}

/* --- keeping it -----------------------------------------------------------------------------------------------------
 */

static bool was_lost(struct run *run, const char *how, struct error *error) {
  run->lost = true;
  return error_add(error, STATUS_ENVIRONMENT,
                   "%s: the results folder was %s during the run; nothing more can be kept in it", run->folder, how);
}

/* An error that says nothing: a later launch is at work, and its words count. */
static bool leave_in_silence(struct run *run, struct error *error) {
  run->lost = run->superseded = true;
  *error = (struct error){.status = STATUS_STOPPED, .n_messages = 1};
  return false;
}

static bool has_later_launch(const struct run *run) {
  const struct arena_mark mark = arena_get_mark(run->invocation->arena);
  struct status_facts facts;
  status_read(run->folder, run->invocation->arena, &facts, NULL);
  arena_rewind(run->invocation->arena, mark);
  return facts.epoch > run->epoch;
}

bool folder_is_ours(struct run *run, struct error *error) {
  struct stat ours, named;
  if (!run->locked) return true;
  if (fstat(run->folder_fd, &ours) != 0 || ours.st_nlink == 0) return was_lost(run, "removed", error);
  if (stat(run->folder, &named) != 0) return was_lost(run, errno == ENOENT ? "removed" : "made unreachable", error);
  if (named.st_dev != ours.st_dev || named.st_ino != ours.st_ino) return was_lost(run, "replaced", error);
  return !has_later_launch(run) || leave_in_silence(run, error);
}

/* --- leaving it -----------------------------------------------------------------------------------------------------
 */

/* A run that had begun and could not go on says so, where it still can. */
static void publish_failure(struct run *run, const struct error *error) {
  struct error unpublished = {0};
  if (run->ended || !error_is_set(error) || run->journal == NULL || !folder_is_ours(run, &unpublished)) return;
  const char *reason = arena_printf(run->invocation->arena, "%.*s", (int)strcspn(error->text, "\n"), error->text);
  folder_log(run, "ERROR", "%s", reason);
  if (folder_publish_status(run, "failed", reason, &unpublished)) folder_publish_log(run, &unpublished);
}

void folder_leave(struct run *run, struct error *error) {
  struct error unsaid = {0};
  publish_failure(run, error);
  /* A journal that is gone with its folder is no second piece of news. */
  const bool known = run->lost && error_is_set(error);
  if (run->journal != NULL) journal_close(run->journal, known ? &unsaid : error);
  run->journal = NULL;
  /* A journal that a later launch has replaced is that launch's first word to us: no failure to be reported. */
  const bool began = run->locked && run->epoch > 0;
  const bool silent = began && error_is_set(error) && (run->superseded || has_later_launch(run));
  if (cluster_any(run->invocation->cluster, silent)) leave_in_silence(run, error);
  if (!run->locked) return;
  signals_sync(-1);
  if (run->sync_fd > 0) close(run->sync_fd);
  close(run->folder_fd);
  arena_release(&run->journal_arena);
  folder_unlock(&run->lock);
  run->locked = false;
}
