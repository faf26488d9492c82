/* A table of jobs from the text of a run file, for tests of several kinds. */
#ifndef TESTS_TENANCY_TABLE_FIXTURE_H
#define TESTS_TENANCY_TABLE_FIXTURE_H

#include "dse/tenancy/tenancy_table.h"
#include "tests/two_arenas.h"
#include <string.h>

struct table_case {
  struct tenancy_table_settings settings;
  struct cost_settings cost;
  struct technology technology;
  struct training_settings training;
  struct tenancy_table table;
};

/* In `arena`; messages name run.cfg. */
static inline bool open_case(struct table_case *opened, const char *text, struct error *error) {
  struct config *config;
  memset(opened, 0, sizeof *opened); /* cost settings have members that no key sets */
  *error = (struct error){0};
  if (!config_open_text("run.cfg", text, strlen(text), NULL, 0, &arena, &config, error)) return false;
  const struct config_section sections[] = {
      {"tenancy", &tenancy_table_fields, &opened->settings, false},
      {"cost", &cost_fields, &opened->cost, false},
      {"technology", &technology_fields, &opened->technology, false},
      {"training", &training_fields, &opened->training, false},
  };
  const struct tenancy_world world = {.data_folder = ".",
                                      .path = "run.cfg",
                                      .config = config,
                                      .cost = &opened->cost,
                                      .technology = &opened->technology,
                                      .training = &opened->training,
                                      .arena = &arena,
                                      .scratch = &scratch};
  const bool fine = config_apply(config, sections, sizeof sections / sizeof *sections, &arena, error) &&
                    tenancy_table_open(&opened->settings, &world, &opened->table, error);
  config_close(config);
  return fine;
}

#endif
