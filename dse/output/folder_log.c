/* What has happened to a results folder, launch by launch? Its log.txt; see folder.h. */
#include "base/file.h"
#include "base/text.h"
#include "dse/commands/version.h"
#include "dse/output/folder.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOG_MOST_BYTES = 64 << 20, LOG_KEPT_BYTES = 1 << 18 };

void folder_log(struct run *run, const char *level, const char *format, ...) {
  if (run->log.text == NULL) return; /* no launch of ours: nothing to be done, or not allowed */
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char line[4 * sizeof text];
  text_escape(text, line, sizeof line);
  const struct arena_mark mark = arena_get_mark(run->invocation->arena);
  writer_raw(&run->log, folder_utc_now(run->invocation->arena));
  arena_rewind(run->invocation->arena, mark);
  writer_raw(&run->log, " ");
  writer_raw(&run->log, level);
  writer_raw(&run->log, " explore: ");
  writer_raw(&run->log, line);
  writer_raw(&run->log, "\n");
}

bool folder_publish_log(const struct run *run, struct error *error) {
  return file_publish(run_path(run, "log.txt"), run->log.text, run->log.length, error);
}

static void log_launch(struct run *run) {
  char host[RUN_HOST_BYTES], hex[DIGEST_HEX_BYTES];
  run_host(host);
  digest_print(run->digest, hex);
  folder_log(run, "INFO", "launch %" PRIu64 ": dse %s (%s), %u ranks, seed %" PRIu64 ", settings %s, host %s pid %ld",
             run->epoch, dse_version(), dse_commit(), cluster_size(run->invocation->cluster), run->settings.search.seed,
             hex, host, (long)getpid());
}

void folder_begin_log(struct run *run) {
  struct error ignored = {0};
  char *text;
  size_t n;
  writer_init(&run->log, &run->journal_arena);
  const struct arena_mark mark = arena_get_mark(run->invocation->arena);
  if (file_read(run_path(run, "log.txt"), LOG_MOST_BYTES, run->invocation->arena, &text, &n, &ignored) && n > 0) {
    const char *from = text;
    if (n > LOG_KEPT_BYTES) {
      from = memchr(text + n - LOG_KEPT_BYTES, '\n', LOG_KEPT_BYTES);
      from = from != NULL ? from + 1 : text + n;
    }
    writer_bytes(&run->log, from, n - (size_t)(from - text));
  }
  arena_rewind(run->invocation->arena, mark);
  log_launch(run);
}
