/* How do fitted constants get into run files? See e2e.h.
 *
 * A fragment that a run file can @include or whose values --set takes, with what it rests on: the runs that were fitted
 * to, a digest of their ids and times, the day (workloads §12). */
#include "dse/e2e/e2e.h"

#include "base/digest.h"
#include "base/text.h"
#include <string.h>
#include <time.h>

/* A real number as run files have it. */
static const char *real_text(double value, struct arena *arena) {
  char text[32];
  text_from_double(value, text);
  return arena_printf(arena, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

/* Their ids, sixteen a line; feeds ids and times to the digest. */
static const char *runs_text(const struct e2e_report *report, struct arena *arena, struct digest_stream *stream,
                             size_t *n) {
  const char *text = "";
  for (size_t r = 0; r < report->table->n; r++) {
    if (!e2e_is_fitted_to(&report->table->rows[r], &report->outcomes[r])) continue;
    const char *const id = report->table->rows[r].id;
    char shown[80];
    text_escape(id, shown, sizeof shown);
    digest_add_text(stream, id);
    digest_add_bytes(stream, &report->outcomes[r].measured_s, sizeof(double));
    text = arena_printf(arena, "%s%s%s", text, *n == 0 ? "" : *n % 16 == 0 ? "\n#   " : " ", shown);
    ++*n;
  }
  return text;
}

const char *e2e_fragment(const struct e2e_report *report, struct arena *arena) {
  struct digest_stream stream;
  char hex[DIGEST_HEX_BYTES], date[32] = "";
  const char *value[N_E2E_CONSTANTS];
  const time_t now = time(NULL);
  struct tm utc;
  size_t n = 0;
  digest_begin(&stream);
  const char *const runs = runs_text(report, arena, &stream, &n);
  digest_print(digest_end(&stream), hex);
  for (size_t i = 0; i < N_E2E_CONSTANTS; i++) value[i] = real_text(report->constants.of[i], arena);
  if (gmtime_r(&now, &utc) != NULL) strftime(date, sizeof date, "%Y-%m-%d", &utc);
  return arena_printf(
      arena,
      "# Efficiencies from measured training runs (dse calibrate e2e RUNS.csv --fit --write FILE), %s.\n"
      "# Digest of ids and times: %s; %zu runs:\n#   %s\n"
      "cost = { matmul_efficiency = %s; hbm_efficiency = %s; };\n"
      "network = { efficiency_inner = %s; efficiency_outer = %s; };\n"
      "system = { law = { op_overhead_us = %s; overlap_share = %s; iteration_overhead = %s; }; };\n",
      date, hex, n, runs, value[E2E_MATMUL], value[E2E_HBM], value[E2E_LINKS], value[E2E_LINKS], value[E2E_OP],
      value[E2E_OVERLAP], value[E2E_ITERATION]);
}
