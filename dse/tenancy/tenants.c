/* Keys of the tenants of a run. See tenants.h. */
#include "dse/tenancy/tenants.h"

#include <string.h>

/* What says which jobs there are; the rest of `dse jobs` is about cores, or about tables from elsewhere. */
static const char *const of_jobs[] = {"task", "models",     "training", "operators", "batch",
                                      "draw", "group_size", "sort",     "clock_mhz", "seed"};
enum { N_OF_JOBS = sizeof of_jobs / sizeof *of_jobs };

static const char *const from_names[] = {"topk", "front", NULL};

#define OFFSET(member) offsetof(struct tenants_settings, member)
static const struct field of_platforms[] = {
    {"from", FIELD_CHOICE, "", 0, 0, "\"topk\"",
     "what platforms are made of: the best designs by search.metric, or the best one and others of the Pareto front",
     OFFSET(from), ROLE_ANSWER, from_names},
    {"designs", FIELD_UINT, "", 1, 64, "4", "how many different designs platforms may be made of", OFFSET(designs),
     ROLE_ANSWER, NULL},
    {"cores", FIELD_UINT, "", 1, TENANCY_MAX_CORES, "8", "at most so many of them stand on one platform", OFFSET(cores),
     ROLE_ANSWER, NULL},
    {"area_mm2", FIELD_REAL, "mm2", 0, 1e9, "0.0", "largest area of all dies of a platform; 0: no limit",
     OFFSET(area_mm2), ROLE_ANSWER, NULL},
    {"power_w", FIELD_REAL, "w", 0, 1e9, "0.0", "most that their TDP may add up to; 0: no limit", OFFSET(power_w),
     ROLE_ANSWER, NULL},
    {"bandwidth_bytes_per_cycle", FIELD_REAL, "bytes_per_cycle", 0, 1e9, "0.0",
     "of the memory that all share, in cycles of clock_mhz; 0: as much as one device of the best design has",
     OFFSET(bandwidth_bytes_per_cycle), ROLE_ANSWER, NULL},
    {"samples", FIELD_UINT, "samples", 1, 1e9, "2000", "of the search for a mapping on each platform that may win",
     OFFSET(samples), ROLE_ANSWER, NULL},
    {"final_samples", FIELD_UINT, "samples", 1, 1e12, "20000", "of the search on those that are compared in the end",
     OFFSET(final_samples), ROLE_ANSWER, NULL},
    {"compositions", FIELD_UINT, "", 1, 1000000, "2000",
     "most platforms looked at; where there are more, only the first designs are mixed", OFFSET(compositions),
     ROLE_ANSWER, NULL},
};
enum { N_OF_PLATFORMS = sizeof of_platforms / sizeof *of_platforms };

const struct field_table *tenants_fields(struct arena *arena) {
  struct field *const fields = ARENA_NEW(arena, struct field, N_OF_JOBS + N_OF_PLATFORMS);
  for (size_t f = 0; f < N_OF_JOBS; f++) {
    const struct field *const field = config_find_field(&tenancy_table_fields, of_jobs[f]);
    REQUIRE(field != NULL);
    fields[f] = *field;
    fields[f].offset += OFFSET(table);
    if (strcmp(field->key, "task") != 0) continue;
    fields[f].default_text = "\"\"";
    fields[f].doc = "whose layers share what is found: a task of `dse list tasks`, as vision, language, "
                    "recommendation, mix; neither task "
                    "nor models: no tenants";
  }
  memcpy(fields + N_OF_JOBS, of_platforms, sizeof of_platforms);
  struct field_table *const table = ARENA_NEW(arena, struct field_table, 1);
  *table = (struct field_table){"tenancy", "jobs of many networks that share platforms of the designs found", fields,
                                N_OF_JOBS + N_OF_PLATFORMS};
  return table;
}

bool tenants_are_asked_for(const struct tenants_settings *settings) {
  return settings->table.models.n > 0 || (settings->table.task != NULL && settings->table.task[0] != '\0');
}
