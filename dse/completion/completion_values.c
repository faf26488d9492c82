/* See completion.h: the names that the program knows, out of its registries, field tables and data. A new algorithm,
 * model, part or key is offered without a word here; a new option that takes such names is one row of `rules`. */
#include "dse/completion/completion_private.h"

#include "dse/calibrate/chip_fit.h"
#include "dse/commands/list.h"
#include "dse/map/map.h"
#include "dse/partition/partition_table.h"
#include "dse/placement/placement_table.h"
#include "dse/run/settings.h"
#include "dse/sharding/sharding_table.h"
#include "dse/tenancy/tenancy_table.h"

#include "base/text.h"
#include "search/partition/policy_train.h"
#include "workloads/split.h"
#include "workloads/workload.h"
#include <string.h>

/* --- registries and data --------------------------------------------------------------------------------------------
 */

static void offer_search_algorithms(struct completion *completion) {
  for (size_t i = 0; i < n_search_algorithms; i++) {
    completion_offer(completion, search_algorithms[i]->name, "", search_algorithms[i]->doc);
  }
}

static void offer_problems(struct completion *completion) {
  for (size_t i = 0; i < n_map_problems; i++) {
    if (map_problems[i]->judge != NULL) completion_offer(completion, map_problems[i]->name, "", map_problems[i]->doc);
  }
}

static const struct map_problem *problem_of(const struct completion *completion) {
  for (size_t i = 0; i < n_map_problems && completion->n_words > 0; i++) {
    if (strcmp(map_problems[i]->name, completion->words[0]) == 0) return map_problems[i];
  }
  return NULL;
}

static void offer_map_algorithms(struct completion *completion) {
  const struct map_problem *problem = problem_of(completion);
  struct map_algorithm algorithm;
  if (problem == NULL || problem->algorithm == NULL) return;
  for (size_t i = 0; problem->algorithm(i, &algorithm); i++) {
    completion_offer(completion, algorithm.name, "", algorithm.doc);
  }
  completion_offer(completion, "all", "", "compares them");
}

static void offer_providers(struct completion *completion) {
  for (size_t i = 0; i < n_cost_providers; i++) {
    completion_offer(completion, cost_providers[i]->name, "", cost_providers[i]->doc);
  }
}

static void offer_laws(struct completion *completion) {
  for (size_t i = 0; i < n_chip_laws; i++) completion_offer(completion, chip_laws[i].name, "", chip_laws[i].doc);
}

static void offer_workloads(struct completion *completion) {
  const char *const *names;
  size_t n;
  struct error *ignored = ARENA_NEW(completion->arena, struct error, 1);
  if (!workload_list(completion->data_folder, completion->arena, &names, &n, ignored)) return;
  for (size_t i = 0; i < n; i++) completion_offer(completion, names[i], "", "");
}

static void offer_catalogue(struct completion *completion) {
  struct text_list names;
  const char *doc, *source;
  struct error *ignored = ARENA_NEW(completion->arena, struct error, 1);
  if (!accelerator_catalogue_names(completion->data_folder, completion->arena, &names, ignored)) return;
  for (size_t i = 0; i < names.n; i++) {
    const bool has_doc = accelerator_catalogue_texts(completion->data_folder, names.values[i], completion->arena, &doc,
                                                     &source, ignored);
    completion_offer(completion, names.values[i], "", has_doc ? doc : "");
  }
}

static void offer_kinds(struct completion *completion) {
  const char *name, *doc;
  for (size_t i = 0; list_kind(i, &name, &doc); i++) completion_offer(completion, name, "", doc);
}

/* Of the kind that stands before; of models and parts the names alone are quick. */
static void offer_listed(struct completion *completion) {
  const struct invocation invocation = {
      .arena = completion->arena, .scratch = completion->scratch, .data_folder = completion->data_folder};
  const char *const kind = completion->n_words > 0 ? completion->words[0] : "";
  const char *const *names;
  if (strcmp(kind, "workloads") == 0) {
    offer_workloads(completion);
  } else if (strcmp(kind, "catalogue") == 0) {
    offer_catalogue(completion);
  } else {
    const size_t n = list_names(&invocation, kind, &names);
    for (size_t i = 0; i < n; i++) completion_offer(completion, names[i], "", "");
  }
}

static void offer_objectives(struct completion *completion) {
  for (size_t i = 0; i < N_OBJECTIVES; i++)
    completion_offer(completion, run_metric_names[i], "", run_objective_words[i]);
}

/* --- keys -----------------------------------------------------------------------------------------------------------
 */

/* Of one table, "prefix.key="; or, once a key is typed, what a field of few values can be. */
static void offer_fields(struct completion *completion, const char *group, const struct field_table *table) {
  const char *equals = strchr(completion->typed, '=');
  for (size_t f = 0; f < table->n_fields; f++) {
    const struct field *field = &table->fields[f];
    const char *path = arena_printf(completion->arena, "%s%s%s", group, group[0] != '\0' ? "." : "", field->key);
    if (equals == NULL) {
      completion_offer(completion, path, "=", field->doc);
      continue;
    }
    const size_t n = (size_t)(equals - completion->typed);
    if (strncmp(path, completion->typed, n) != 0 || path[n] != '\0') continue;
    struct completion value = *completion;
    completion_keep(&value, '=');
    for (size_t c = 0; field->choices != NULL && field->choices[c] != NULL; c++) {
      completion_offer(&value, field->choices[c], "", "");
    }
    if (field->type == FIELD_BOOL) completion_offer(&value, "true", "", ""), completion_offer(&value, "false", "", "");
    if (strcmp(field->key, "workload") == 0) offer_workloads(&value);
    if (strcmp(field->key, "reference") == 0) offer_catalogue(&value);
    if (strcmp(path, "search.algorithm") == 0) offer_search_algorithms(&value);
  }
}

static void offer_run_keys(struct completion *completion) {
  struct run_settings *settings = ARENA_NEW(completion->arena, struct run_settings, 1);
  const struct run_sections sections = run_settings_sections(settings, completion->arena);
  for (size_t s = 0; s < sections.n; s++) {
    offer_fields(completion, sections.sections[s].group, sections.sections[s].table);
  }
}

static void offer_map_keys(struct completion *completion) {
  const struct map_problem *problem = problem_of(completion);
  struct map_algorithm algorithm;
  if (problem == NULL) return;
  if (problem->keys != NULL) offer_fields(completion, "", problem->keys);
  for (size_t i = 0; problem->algorithm != NULL && problem->algorithm(i, &algorithm); i++) {
    if (algorithm.table == NULL) continue;
    offer_fields(completion, map_key_group(algorithm.name, completion->arena), algorithm.table);
  }
}

/* Commands whose keys are not those of a run file of dse explore; all others take those. */
static void offer_keys(struct completion *completion) {
  static const struct {
    const char *command, *group;
    const struct field_table *table;
  } groups[] = {
      {"cost", "cost", &cost_fields},
      {"cost", "technology", &technology_fields},
      {"cost", "accelerator", &accelerator_fields},
      {"calibrate", "cost", &cost_fields},
      {"calibrate", "technology", &technology_fields},
      {"show", "training", &training_fields},
      {"show", "split", &split_fields},
      {"jobs", "tenancy", &tenancy_table_fields},
      {"layers", "placement", &placement_table_fields},
      {"chips", "chips", &partition_table_fields},
      {"shards", "sharding", &sharding_table_fields},
      {"train", "", &policy_training_fields},
  };
  bool own = false;
  if (strcmp(completion->command->name, "map") == 0) {
    offer_map_keys(completion);
    return;
  }
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
    if (strcmp(groups[i].command, completion->command->name) != 0) continue;
    own = true;
    offer_fields(completion, groups[i].group, groups[i].table);
  }
  if (!own && strstr(completion->command->words, "RUN.cfg") != NULL) offer_run_keys(completion);
}

static void offer_set(struct completion *completion) {
  offer_keys(completion);
  if (strchr(completion->typed, '=') == NULL) fputs(":open\n", completion->out);
}

/* "k=v,k=v", or the name of a part where nothing of that kind stands there yet. */
static void offer_design(struct completion *completion) {
  const bool goes_on = completion_keep(completion, ',');
  offer_fields(completion, "", run_space_fields(completion->arena));
  if (!goes_on && strchr(completion->typed, '=') == NULL) offer_catalogue(completion);
  fputs(":open\n", completion->out);
}

/* --- who is asked ---------------------------------------------------------------------------------------------------
 */

static const struct {
  const char *command; /* "": any */
  const char *where;   /* the option, or the word as the usage line spells it, without brackets */
  bool list;           /* several, with commas between */
  void (*offer)(struct completion *completion);
} rules[] = {
    {"", "set", false, offer_set},
    {"evaluate", "design", false, offer_design},
    {"why", "design", false, offer_design},
    {"calibrate", "design", false, offer_catalogue},
    {"calibrate", "law", false, offer_laws},
    {"", "provider", false, offer_providers},
    {"cost", "accelerator", false, offer_catalogue},
    {"map", "algorithm", true, offer_map_algorithms},
    {"compare", "algorithms", true, offer_search_algorithms},
    {"compare", "metric", false, offer_objectives},
    {"front", "objectives", true, offer_objectives},
    {"schedules", "networks", true, offer_workloads},
    {"list", "KIND", false, offer_kinds},
    {"list", "NAME", false, offer_listed},
    {"show", "NAME|FILE.cfg|FILE.json|FILE.onnx", false, offer_workloads},
    {"", "PROBLEM", false, offer_problems},
};

void completion_value(struct completion *completion, const char *where, const char *spelt) {
  const char *const word = arena_printf(completion->arena, "%.*s", (int)strcspn(spelt + strspn(spelt, "["), "]"),
                                        spelt + strspn(spelt, "["));
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (rules[i].command[0] != '\0' && strcmp(rules[i].command, completion->command->name) != 0) continue;
    if (strcmp(rules[i].where, where[0] != '\0' ? where : word) != 0) continue;
    if (rules[i].list) {
      completion_keep(completion, ',');
      fputs(":open\n", completion->out);
    }
    rules[i].offer(completion);
    return;
  }
}
