/* dse status: how far is a running or stopped sweep?
 *
 * Reads status.json, the journal's frames and whether somebody holds the lock; takes no lock and writes nothing, so it
 * disturbs nobody. What status.json calls `running` although nobody holds the lock has died: no process is left that
 * could have said so. Left out: the designs found so far, which front.csv holds. */
#include "dse/commands/command.h"
#include "dse/output/folder.h"

#include "base/file.h"
#include "base/text.h"
#include "results/journal_format.h"
#include "results/table.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HOLDER_BYTES = 256, STALE_S = 60, NEXT_BYTES = 1024, MOST_FOLDERS = COMMAND_MAX_WORDS - 1 };

/* A folder as it stands now. */
struct standing {
  const char *folder; /* as it was named, printable */
  struct status_facts facts;
  json_t *object;    /* status.json, {} if there is none */
  const char *state; /* running, stopped, complete, failed; died: running, but nobody holds the lock */
  const char *reason;
  bool held;
  char holder[HOLDER_BYTES];
  uint64_t journal_bytes, journal_rounds;
  double commit_age_s; /* since the journal grew; negative: there is none */
  char next[NEXT_BYTES];
};

/* --- looking --------------------------------------------------------------------------------------------------------
 */

static double age_s(const struct stat *status) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const double age =
      (double)(now.tv_sec - status->st_mtim.tv_sec) + 1e-9 * (double)(now.tv_nsec - status->st_mtim.tv_nsec);
  return age > 0 ? age : 0;
}

static int open_in(const char *folder, const char *name, struct arena *arena) {
  return open(arena_printf(arena, "%s/%s", folder, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* Does a launch hold the folder? By the kernel's lock, or by a file that it keeps fresh (results/lock.h). */
static void look_at_lock(const char *folder, struct standing *standing, struct arena *arena) {
  struct stat kept;
  struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd = open_in(folder, "lock", arena);
  standing->held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
  if (!standing->held) {
    const int by_file = open_in(folder, "lock.held", arena);
    standing->held = by_file >= 0 && fstat(by_file, &kept) == 0 && age_s(&kept) <= STALE_S;
    if (standing->held && fd >= 0) close(fd);
    if (standing->held) {
      fd = by_file;
    } else if (by_file >= 0) {
      close(by_file);
    }
  }
  char text[HOLDER_BYTES / 4] = "";
  const ssize_t n = standing->held ? pread(fd, text, sizeof text - 1, 0) : 0;
  text[n > 0 ? n : 0] = '\0';
  text[strcspn(text, "\n")] = '\0';
  text_escape(text, standing->holder, sizeof standing->holder);
  if (fd >= 0) close(fd);
}

/* Whole records behind `offset`; a torn one at the end does not count. */
static void count_records(int fd, uint64_t size_bytes, uint64_t offset, uint64_t *n_rounds) {
  unsigned char bytes[JOURNAL_FRAME_BYTES];
  struct journal_frame frame;
  while (pread(fd, bytes, sizeof bytes, (off_t)offset) == (ssize_t)sizeof bytes &&
         journal_decode_frame(bytes, &frame)) {
    offset += journal_framed_bytes(&frame);
    if (offset > size_bytes) return;
    ++*n_rounds;
  }
}

/* Counts on from where status.json had counted, so that a long journal costs no more than a short one. */
static bool look_at_journal(const char *folder, struct standing *standing, struct arena *arena) {
  struct stat status;
  const int fd = open_in(folder, "journal", arena);
  const bool there = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  standing->commit_age_s = -1;
  if (there) {
    const struct status_facts *facts = &standing->facts;
    const uint64_t size_bytes = (uint64_t)status.st_size;
    const bool goes_on = facts->journal_bytes >= JOURNAL_HEADER_BYTES && facts->journal_bytes <= size_bytes;
    standing->journal_bytes = size_bytes;
    standing->journal_rounds = goes_on ? facts->journal_rounds : 0;
    standing->commit_age_s = age_s(&status);
    count_records(fd, size_bytes, goes_on ? facts->journal_bytes : JOURNAL_HEADER_BYTES, &standing->journal_rounds);
  }
  if (fd >= 0) close(fd);
  return there;
}

static void judge(struct standing *standing, bool has_status) {
  const char *state = standing->facts.state;
  standing->reason = standing->facts.reason;
  if (!has_status || strcmp(state, "running") == 0) {
    standing->state = standing->held ? "running" : "died";
    if (!standing->held) standing->reason = "killed, resumable";
  } else if (standing->held && strcmp(state, "complete") != 0) {
    standing->state = "running"; /* a launch that has not said anything yet */
    standing->reason = "starting";
  } else {
    standing->state = state;
  }
}

static void advise(struct standing *standing) {
  const char *folder = standing->folder, *state = standing->state;
  if (strcmp(state, "running") == 0) {
    snprintf(standing->next, NEXT_BYTES, "held by %s; SIGUSR2 there publishes the front now, SIGTERM stops resumably",
             standing->holder[0] != '\0' ? standing->holder : "an unknown process");
  } else if (strcmp(state, "complete") == 0) {
    snprintf(standing->next, NEXT_BYTES, "open %.512s/%s", folder,
             standing->facts.has_best ? "report.html" : "infeasible.csv");
  } else {
    snprintf(standing->next, NEXT_BYTES, "dse resume %.512s", folder);
  }
}

static bool look(const char *folder, struct arena *arena, struct standing *standing, struct error *error) {
  char *shown = arena_alloc(arena, 4 * strlen(folder) + 1, 1);
  text_escape(folder, shown, 4 * strlen(folder) + 1);
  *standing = (struct standing){.folder = shown};
  const bool has_status = status_read(folder, arena, &standing->facts, &standing->object);
  const bool has_journal = look_at_journal(folder, standing, arena);
  if (!has_status && !has_journal) {
    return error_add(error, STATUS_ENVIRONMENT,
                     "%s: no status.json and no journal there; a results folder was expected", shown);
  }
  if (!has_status) standing->object = json_object();
  look_at_lock(folder, standing, arena);
  judge(standing, has_status);
  advise(standing);
  return true;
}

/* --- telling --------------------------------------------------------------------------------------------------------
 */

static bool goes_on(const struct standing *standing) { return strcmp(standing->state, "running") == 0; }

/* What of it is done, in whole per cent; negative: unknown. */
static double share(const struct standing *standing) {
  const struct status_facts *facts = &standing->facts;
  if (strcmp(standing->state, "complete") == 0) return 100;
  const bool counts = facts->n_total > 0;
  const uint64_t done = counts ? facts->n_done : facts->evaluations,
                 total = counts ? facts->n_total : facts->evaluations_max;
  return total > 0 ? 100.0 * (double)done / (double)total : -1;
}

static void tell_json(const struct invocation *invocation, struct standing *standing) {
  json_t *object = standing->object;
  json_object_set_new(object, "folder", json_string(standing->folder));
  json_object_set_new(object, "state", json_string(standing->state));
  json_object_set_new(object, "reason", json_string(standing->reason));
  json_object_set_new(object, "locked", json_boolean(standing->held));
  json_object_set_new(object, "holder", standing->held ? json_string(standing->holder) : json_null());
  json_object_set_new(object, "journal_bytes", json_integer((json_int_t)standing->journal_bytes));
  json_object_set_new(object, "journal_rounds", json_integer((json_int_t)standing->journal_rounds));
  json_object_set_new(object, "commit_age_s",
                      standing->commit_age_s >= 0 ? json_real(standing->commit_age_s) : json_null());
  if (!goes_on(standing)) json_object_set_new(object, "eta_s", json_null());
  json_object_set_new(object, "next", json_string(standing->next));
  char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
  if (text != NULL) say(invocation, "%s\n", text);
  free(text);
}

static void tell(const struct invocation *invocation, const struct standing *standing) {
  const struct status_facts *facts = &standing->facts;
  char duration[32];
  say(invocation, "%s: %s", standing->folder, standing->state);
  if (standing->reason[0] != '\0') say(invocation, " (%s)", standing->reason);
  if (facts->epoch > 0) say(invocation, ", launch %" PRIu64, facts->epoch);
  say(invocation, "\n  evaluations  %" PRIu64 " of at most %" PRIu64, facts->evaluations, facts->evaluations_max);
  if (goes_on(standing)) {
    if (facts->phase[0] != '\0') say(invocation, ", %s", facts->phase);
    if (share(standing) >= 0) say(invocation, " %.0f %%", share(standing));
    if (facts->per_s > 0) say(invocation, ", %.*f/s", facts->per_s < 10, facts->per_s);
    if (facts->eta_s >= 0) pace_duration(facts->eta_s, duration);
    say(invocation, ", ETA %s%s", facts->n_total == 0 && facts->eta_s >= 0 ? "at most " : "",
        facts->eta_s >= 0 ? duration : "unknown");
  }
  say(invocation, "\n  best         ");
  if (facts->has_best) {
    say(invocation, "%.6g %s", facts->best, facts->unit);
  } else {
    say(invocation, "none yet");
  }
  if (facts->has_bound) say(invocation, ", bound %.6g, gap %.3g %%", facts->bound, 100 * facts->gap);
  say(invocation, "\n  journal      %" PRIu64 " rounds, %" PRIu64 " bytes", standing->journal_rounds,
      standing->journal_bytes);
  if (standing->commit_age_s >= 0) {
    pace_duration(standing->commit_age_s, duration);
    say(invocation, ", the last one %s ago", duration);
  }
  say(invocation, "\n  next         %s\n", standing->next);
}

static void number_or_nothing(struct table *table, bool known, double value) {
  if (known) {
    table_double(table, value);
  } else {
    table_empty(table);
  }
}

static void tell_row(const struct standing *standing, struct table *table) {
  const struct status_facts *facts = &standing->facts;
  table_text(table, standing->folder);
  table_text(table, standing->state);
  number_or_nothing(table, share(standing) >= 0, (double)(uint64_t)(share(standing) >= 0 ? share(standing) : 0));
  table_u64(table, facts->evaluations);
  number_or_nothing(table, facts->has_best, facts->best);
  number_or_nothing(table, facts->has_bound, 100 * facts->gap);
  number_or_nothing(table, goes_on(standing) && facts->eta_s >= 0,
                    (double)(uint64_t)(facts->eta_s > 0 ? facts->eta_s : 0));
  table_u64(table, standing->journal_rounds);
  number_or_nothing(table, standing->commit_age_s >= 0,
                    (double)(uint64_t)(standing->commit_age_s > 0 ? standing->commit_age_s : 0));
  table_text(table, goes_on(standing) ? standing->holder : standing->next);
}

/* --- the command ----------------------------------------------------------------------------------------------------
 */

static enum status run_status(struct invocation *invocation, struct error *error) {
  static const struct table_column columns[] = {
      {"folder", "", "", ""},   {"state", "", "", ""}, {"done_%", "", "", ""}, {"evaluations", "", "", ""},
      {"best", "", "", ""},     {"gap_%", "", "", ""}, {"eta_s", "", "", ""},  {"rounds", "", "", ""},
      {"age_s", "", "min", ""}, {"next", "", "", ""},
  };
  if (invocation->n_sets > 0) {
    error_add(error, STATUS_INPUT, "dse status: --set: takes none, it reads what a run has written");
    return error->status;
  }
  struct arena *arena = invocation->arena;
  struct table *table = table_new(arena, "status", columns, sizeof columns / sizeof *columns);
  struct standing *standings = ARENA_NEW(arena, struct standing, invocation->n_words);
  size_t n = 0;
  for (size_t i = 0; i < invocation->n_words; i++) {
    struct standing *standing = &standings[n];
    if (!look(invocation->words[i], arena, standing, error)) continue;
    n++;
    if (invocation->json) {
      tell_json(invocation, standing);
    } else if (invocation->n_words == 1) {
      tell(invocation, standing);
    } else {
      tell_row(standing, table);
    }
    json_decref(standing->object);
  }
  if (!invocation->json && invocation->n_words > 1 && n > 0) {
    char *text;
    table_print(table, NULL, sizeof columns / sizeof *columns, invocation->n_words, &text, arena);
    say(invocation, "%s", text);
  }
  return error_is_set(error) ? error->status : STATUS_OK;
}

static const char *const examples[] = {"dse status results-quickstart", "dse status results-quickstart --json", NULL};
const struct command command_status = {
    .name = "status",
    .words = "DIR...",
    .summary = "how far a running or stopped sweep is",
    .min_words = 1,
    .max_words = MOST_FOLDERS,
    .details =
        "Reads the results folder without disturbing the run: no lock, nothing written. States: running, stopped\n"
        "(by a limit or a signal), failed (by an error), complete, and died (killed: nobody holds its lock); all\n"
        "but running and complete go on with dse resume DIR. Several folders: a row each. --json: the fields of\n"
        "status.json, with locked, holder, commit_age_s, next, and the journal as it is now; a line a folder.",
    .examples = examples,
    .run = run_status,
};
