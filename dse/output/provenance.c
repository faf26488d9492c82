/* See provenance.h. */
#include "dse/output/provenance.h"

#include "dse/commands/version.h"
#include <inttypes.h>
#include <string.h>

void provenance_fill(const struct run *run, struct report *report, struct arena *arena) {
  static const struct report_column columns[] = {{"what", "", "", true}, {"value", "", "", true}};
  char settings[DIGEST_HEX_BYTES], graph[DIGEST_HEX_BYTES];
  digest_print(run->digest, settings);
  digest_print(run->graph_digest, graph);
  const char *const rows[][2] = {
      {"program", arena_printf(arena, "dse %s", dse_version())},
      {"commit", dse_commit()},
      {"cost provider", run->stage.provider->name},
      {"seed", arena_printf(arena, "%" PRIu64, run->rounds.seed)},
      {"generator", "PCG64 (XSL-RR 128/64), streams by purpose"},
      {"settings digest", arena_copy_text(arena, settings)},
      {"workload digest", arena_copy_text(arena, graph)},
      {"again", "dse explore run.cfg, with the run file below, on any number of ranks"},
  };
  enum { N_ROWS = sizeof rows / sizeof *rows };
  struct report_cell *cells = ARENA_NEW(arena, struct report_cell, 2 * N_ROWS);
  for (size_t i = 0; i < N_ROWS; i++) {
    cells[2 * i].text = rows[i][0];
    cells[2 * i + 1].text = rows[i][1];
  }
  struct report_table *tables = ARENA_NEW(arena, struct report_table, report->n_tables + 1);
  if (report->n_tables > 0) memcpy(tables, report->tables, report->n_tables * sizeof *tables);
  tables[report->n_tables++] = (struct report_table){
      .title = "Provenance",
      .sentence = "The same program, settings and seed make the same bytes of every result; when, "
                  "where and on how many ranks is in manifest.json.",
      .columns = columns,
      .n_columns = 2,
      .cells = cells,
      .n_rows = N_ROWS};
  report->tables = tables;
}
