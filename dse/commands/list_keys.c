/* dse list keys, map-keys, commands: what can be set, from the tables that read, check and document it. See list.h. */
#include "dse/commands/commands.h"
#include "dse/commands/list.h"

#include "base/text.h"
#include "dse/map/map.h"
#include "dse/partition/partition_table.h"
#include "dse/placement/placement_table.h"
#include "dse/run/settings.h"
#include "dse/sharding/sharding_table.h"
#include "dse/tenancy/tenancy_table.h"
#include "search/partition/policy_train.h"
#include <string.h>

enum { MOST_GROUPS = 128 };

/* Text in a cell of a Markdown table, where a bar ends the cell and an angle bracket may open a tag. */
static const char *cell(struct arena *arena, const char *text) {
  char *copy = arena_alloc(arena, 1, 6 * strlen(text) + 1), *to = copy;
  for (const char *c = text; *c != '\0'; c++) {
    const char *const escaped = *c == '|' ? "\\|" : *c == '<' ? "&lt;" : NULL;
    if (escaped == NULL) {
      *to++ = *c;
    } else {
      to = stpcpy(to, escaped);
    }
  }
  *to = '\0';
  return copy;
}

/* --- which groups there are -----------------------------------------------------------------------------------------
 */

static const struct {
  const char *path, *used;
} readers[] = {
    {"workloads.[N]", "in place of workload, batch and model"},
    {"system", "a run with this group is about many devices: dse explore, resume, evaluate, plan, why"},
    {"system.law", "with group system"},
    {"network", "with group system, and for collectives of a split workload"},
    {"tenancy", "dse explore; without a workload: dse jobs"},
};

static const char *reader_of(const char *path) {
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
    if (strcmp(readers[i].path, path) == 0) return readers[i].used;
  }
  return "";
}

/* What `dse jobs` knows beyond the group of the same name in a run file. */
static const struct field_table *jobs_fields(struct arena *arena) {
  const struct field_table *const of_runs = tenants_fields(arena);
  struct field *const fields = ARENA_NEW(arena, struct field, tenancy_table_fields.n_fields);
  struct field_table *const others = ARENA_NEW(arena, struct field_table, 1);
  *others = tenancy_table_fields;
  others->fields = fields, others->n_fields = 0, others->doc = "for dse jobs beside the keys above, where task is mix";
  for (size_t f = 0; f < tenancy_table_fields.n_fields; f++) {
    const struct field *const field = &tenancy_table_fields.fields[f];
    if (config_find_field(of_runs, field->key) == NULL) fields[others->n_fields++] = *field;
  }
  return others;
}

static struct key_group group_of(struct arena *arena, const char *path, const struct field_table *table) {
  const bool top = path[0] == '\0';
  return (struct key_group){.title = top ? "top level" : path,
                            .prefix = top ? "" : arena_printf(arena, "%s.", path),
                            .path = path,
                            .used = reader_of(path),
                            .table = table};
}

static size_t run_groups(const struct invocation *invocation, struct key_group **groups) {
  struct arena *const arena = invocation->arena;
  struct run_settings *const settings = ARENA_NEW(arena, struct run_settings, 1);
  const struct run_sections sections = run_settings_sections(settings, arena);
  struct key_group *const all = *groups = ARENA_NEW(arena, struct key_group, sections.n + 8);
  size_t n = 0;
  for (; n < sections.n; n++) all[n] = group_of(arena, sections.sections[n].group, sections.sections[n].table);
  const struct {
    const char *path, *used;
    const struct field_table *table;
  } others[] = {
      {"workloads.[N]", NULL, &run_workload_fields},
      {"accelerator", "files for dse cost --accelerator and dse jobs; arch/catalogue", &accelerator_fields},
      {"tenancy", "dse jobs", jobs_fields(arena)},
      {"placement", "dse layers", &placement_table_fields},
      {"sharding", "dse shards", &sharding_table_fields},
      {"sharding.designs.[N]", "dse shards", &sharding_design_fields},
      {"chips", "dse chips", &partition_table_fields},
  };
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    all[n] = group_of(arena, others[i].path, others[i].table);
    if (others[i].used != NULL) all[n].used = others[i].used;
    n++;
  }
  all[n++] = (struct key_group){"dse train policy", "", NULL, "dse train policy --set", &policy_training_fields};
  return n;
}

static size_t map_groups(struct invocation *invocation, struct key_group **groups) {
  struct arena *const arena = invocation->arena;
  struct key_group *const all = *groups = ARENA_NEW(arena, struct key_group, MOST_GROUPS);
  size_t n = 0;
  for (size_t p = 0; p < n_map_problems; p++) {
    const struct map_problem *const problem = map_problems[p];
    const char *const used = arena_printf(arena, "dse map %s --set", problem->name);
    struct map_algorithm algorithm;
    if (problem->keys != NULL && n < MOST_GROUPS) {
      all[n++] =
          (struct key_group){problem->name, arena_printf(arena, "%s/", problem->name), NULL, used, problem->keys};
    }
    for (size_t i = 0; problem->algorithm != NULL && problem->algorithm(i, &algorithm); i++) {
      if (algorithm.table == NULL || n == MOST_GROUPS) continue;
      char *const group = arena_copy_text(arena, algorithm.name);
      for (char *c = group; *c != '\0'; c++) {
        if (*c == '-') *c = '_';
      }
      all[n++] = (struct key_group){arena_printf(arena, "%s: %s", problem->name, algorithm.name),
                                    arena_printf(arena, "%s/%s.", problem->name, group), NULL, used, algorithm.table};
    }
  }
  return n;
}

/* --- one key ---------------------------------------------------------------------------------------------------------
 */

static const char *range_text(const struct field *field, struct arena *arena) {
  if (field->choices != NULL && field->choices[0] != NULL) {
    const char *text = field->choices[0];
    for (size_t c = 1; field->choices[c] != NULL; c++) text = arena_printf(arena, "%s|%s", text, field->choices[c]);
    return text;
  }
  if (field->minimum == 0 && field->maximum == 0) return "";
  return arena_printf(arena, "%.10g to %.10g", field->minimum, field->maximum);
}

static const char *type_text(enum field_type type) {
  switch (type) {
  case FIELD_BOOL:
    return "true or false";
  case FIELD_UINT:
    return "whole number";
  case FIELD_REAL:
    return "number";
  case FIELD_TEXT:
    return "text";
  case FIELD_CHOICE:
    return "one of";
  case FIELD_UINT_LIST:
    return "whole numbers";
  case FIELD_REAL_LIST:
    return "numbers";
  case FIELD_TEXT_LIST:
    return "texts";
  case FIELD_CHOICE_LIST:
    return "some of";
  case FIELD_UINT_RULE:
    return "whole numbers, or a rule";
  }
  return "";
}

static void print_text(const struct invocation *invocation, const struct key_group *group) {
  if (!invocation->json && invocation->n_words < 2) say(invocation, "\n%s (%s)\n", group->title, group->table->doc);
  for (size_t f = 0; f < group->table->n_fields; f++) {
    const struct field *const field = &group->table->fields[f];
    const char *const range = range_text(field, invocation->arena);
    list_line(invocation, "key", arena_printf(invocation->arena, "%s%s", group->prefix, field->key),
              arena_printf(invocation->arena, "%s [%s%s%s, default %s]", field->doc,
                           field->unit[0] != 0 ? field->unit : "-", range[0] != '\0' ? ", " : "", range,
                           field->default_text != NULL ? field->default_text : "none: required"));
  }
}

static void print_markdown(const struct invocation *invocation, const struct key_group *group) {
  struct arena *const arena = invocation->arena;
  say(invocation, "\n### %s\n\n%s%s%s%s\n\n|key|value|unit|default|meaning|\n|---|---|---|---|---|\n", group->title,
      cell(arena, group->table->doc), group->used[0] != '\0' ? " (" : "", group->used,
      group->used[0] != '\0' ? ")" : "");
  for (size_t f = 0; f < group->table->n_fields; f++) {
    const struct field *const field = &group->table->fields[f];
    const char *const range = cell(arena, range_text(field, arena));
    const bool given = field->default_text != NULL;
    say(invocation, "|`%s%s`|%s%s%s|%s|%s%s%s|%s|\n", group->prefix, field->key, type_text(field->type),
        range[0] == '\0'         ? ""
        : field->choices != NULL ? ": "
                                 : ", ",
        range, field->unit, given ? "`" : "", given ? cell(arena, field->default_text) : "required", given ? "`" : "",
        cell(arena, field->doc));
  }
}

static bool print_groups(struct invocation *invocation, const struct key_group *groups, size_t n) {
  const bool markdown = list_wants_markdown(invocation);
  for (size_t i = 0; i < n; i++) {
    if (markdown) {
      print_markdown(invocation, &groups[i]);
    } else {
      print_text(invocation, &groups[i]);
    }
  }
  return true;
}

bool list_keys(struct invocation *invocation, struct error *error) {
  (void)error;
  struct key_group *groups;
  const size_t n = run_groups(invocation, &groups);
  return print_groups(invocation, groups, n);
}

bool list_map_keys(struct invocation *invocation, struct error *error) {
  (void)error;
  struct key_group *groups;
  const size_t n = map_groups(invocation, &groups);
  return print_groups(invocation, groups, n);
}

/* --- a group to paste ------------------------------------------------------------------------------------------------
 */

/* "search.guided" opens two groups, "workloads.[N]" a list with one element; what closes them comes back. */
static const char *open_groups(const struct invocation *invocation, const char *path, int *depth) {
  const char *closing = "";
  for (const char *at = path; *at != '\0';) {
    const size_t n = strcspn(at, ".");
    const bool element = at[n] == '.' && at[n + 1] == '[';
    say(invocation, "%*s%.*s = %s{\n", 2 * *depth, "", (int)n, at, element ? "( " : "");
    closing = arena_printf(invocation->arena, "%*s}%s;\n%s", 2 * *depth, "", element ? " )" : "", closing);
    ++*depth;
    at += n + (at[n] == '.');
    if (element) at += strlen("[N]") + (at[strlen("[N]")] == '.');
  }
  return closing;
}

/* Groups of its own that a group may hold: "designs" of sharding. Left out unless asked for, so that what is pasted
 * keeps their defaults. */
static void name_inner_groups(const struct invocation *invocation, const struct key_group *outer, int depth) {
  struct key_group *groups;
  const size_t n = run_groups(invocation, &groups), n_path = strlen(outer->path);
  for (size_t i = 0; i < n; i++) {
    const char *const path = groups[i].path;
    if (path == NULL || strncmp(path, outer->path, n_path) != 0 || path[n_path] != '.') continue;
    const char *const name = path + n_path + 1, *const list = strstr(name, ".[N]");
    if (name[0] == '[' || (list == NULL && strchr(name, '.') != NULL)) continue;
    say(invocation, "%*s# %s; its keys: dse list keys '%s'\n%*s# %.*s = %s;\n", 2 * depth, "", groups[i].table->doc,
        path, 2 * depth, "", (int)strcspn(name, "."), name, list != NULL ? "( { } )" : "{ }");
  }
}

static void print_fragment(const struct invocation *invocation, const struct key_group *group) {
  int depth = 0;
  const char *const closing = open_groups(invocation, group->path, &depth);
  for (size_t f = 0; f < group->table->n_fields; f++) {
    const struct field *const field = &group->table->fields[f];
    const char *const range = range_text(field, invocation->arena);
    say(invocation, "%*s# %s%s%s%s%s%s\n", 2 * depth, "", field->doc, field->unit[0] != '\0' ? "; unit " : "",
        field->unit, range[0] != '\0' ? "; " : "", range, field->default_text == NULL ? "; required" : "");
    if (field->default_text != NULL) {
      say(invocation, "%*s%s = %s;\n", 2 * depth, "", field->key, field->default_text);
    } else {
      say(invocation, "%*s# %s = ;\n", 2 * depth, "", field->key);
    }
  }
  name_inner_groups(invocation, group, depth);
  say(invocation, "%s", closing);
}

bool list_has_group(struct invocation *invocation, const char *name) {
  struct key_group *groups;
  const size_t n = run_groups(invocation, &groups);
  for (size_t i = 0; i < n; i++) {
    if (groups[i].path != NULL && strcmp(groups[i].title, name) == 0) return true;
  }
  return false;
}

void list_see_groups(struct invocation *invocation, const char **names, size_t *n, size_t most) {
  struct key_group *groups;
  const size_t n_groups = run_groups(invocation, &groups);
  for (size_t i = 0; i < n_groups && *n < most; i++) names[(*n)++] = groups[i].title;
}

bool list_group_fragment(struct invocation *invocation, const char *name, struct error *error) {
  struct key_group *groups;
  const size_t n = run_groups(invocation, &groups);
  for (size_t i = 0; i < n; i++) {
    if (groups[i].path == NULL || strcmp(groups[i].title, name) != 0) continue;
    print_fragment(invocation, &groups[i]);
    return true; /* of two of a name, the run file's */
  }
  return error_add(error, STATUS_INPUT, "dse list keys: no group \"%s\" (dse list keys shows them)", name);
}

/* --- commands --------------------------------------------------------------------------------------------------------
 */

static void command_options(const struct invocation *invocation, const struct command_option *options, size_t n) {
  if (n > 0) say(invocation, "\n|option|meaning|\n|---|---|\n");
  for (size_t i = 0; i < n; i++) {
    say(invocation, "|`--%s%s%s`|%s|\n", options[i].name, options[i].argument != NULL ? " " : "",
        options[i].argument != NULL ? cell(invocation->arena, options[i].argument) : "",
        cell(invocation->arena, options[i].doc));
  }
}

bool list_commands(struct invocation *invocation, struct error *error) {
  (void)error;
  const bool markdown = list_wants_markdown(invocation);
  for (size_t i = 0; i < n_commands; i++) {
    const struct command *const command = commands[i];
    if (!markdown) {
      list_line(invocation, "command", command->name, command->summary);
      continue;
    }
    say(invocation, "\n## dse %s\n\n`dse %s %s`: %s.\n\n%s\n", command->name, command->name, command->words,
        cell(invocation->arena, command->summary), cell(invocation->arena, command->details));
    command_options(invocation, command->options, command->n_options);
    say(invocation, "\n```\n");
    for (size_t e = 0; command->examples[e] != NULL; e++) say(invocation, "%s\n", command->examples[e]);
    say(invocation, "```\n");
  }
  if (markdown) {
    say(invocation, "\n## Options of every command\n");
    command_options(invocation, common_options, n_common_options);
  }
  return true;
}
