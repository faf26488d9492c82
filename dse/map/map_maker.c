/* See map_maker.h. */
#include "dse/map/map_maker.h"

#include "base/file.h"
#include <string.h>

static const struct map_maker *const makers[] = {
#define MAP_MAKER(name) &map_maker_##name,
#include "dse/map/map_makers.def"
#undef MAP_MAKER
};

/* Groups that several makers read. */
struct parts {
  struct cost_settings cost;
  struct technology technology;
  struct training_settings training;
};

static size_t add_parts(const struct map_maker *maker, struct parts *parts, struct config_section *sections) {
  size_t n = 0;
  if (maker->with_costs) {
    sections[n++] = (struct config_section){"cost", &cost_fields, &parts->cost, false};
    sections[n++] = (struct config_section){"technology", &technology_fields, &parts->technology, false};
  }
  if (maker->with_training)
    sections[n++] = (struct config_section){"training", &training_fields, &parts->training, false};
  return n;
}

/* The settings, and what follows from them while messages can still name their lines. */
static bool open_table(struct map_making *making, const char *path, const struct config *config, struct error *error) {
  const struct map_maker *const maker = making->maker;
  struct arena *const arena = making->invocation->arena;
  const size_t n_list = maker->list != NULL ? config_count(config, maker->list) : 0;
  struct parts *const parts = ARENA_NEW(arena, struct parts, 1);
  struct config_section *const sections = ARENA_NEW(arena, struct config_section, n_list + 4);
  void *const own = arena_alloc(arena, 1, maker->settings_bytes);
  char *const list = n_list > 0 ? arena_alloc(arena, n_list, maker->list_bytes) : NULL;
  size_t n = 0;
  sections[n++] = (struct config_section){maker->group, maker->fields, own, false};
  n += add_parts(maker, parts, sections + n);
  for (size_t i = 0; i < n_list; i++) {
    const char *const group = arena_printf(arena, "%s.[%zu]", maker->list, i);
    sections[n++] = (struct config_section){group, maker->list_fields, list + i * maker->list_bytes, true};
  }
  making->settings = (struct map_maker_settings){own, list, n_list};
  making->sections = sections, making->n_sections = n;
  making->world = (struct tenancy_world){.data_folder = making->invocation->data_folder,
                                         .path = path,
                                         .group = maker->group,
                                         .config = config,
                                         .cores_key = maker->cores_key,
                                         .cost = maker->with_costs ? &parts->cost : NULL,
                                         .technology = maker->with_costs ? &parts->technology : NULL,
                                         .training = maker->with_training ? &parts->training : NULL,
                                         .tilings = maker->with_costs ? machine_tilings_new(arena) : NULL,
                                         .arena = arena,
                                         .scratch = making->invocation->scratch};
  if (!config_apply(config, sections, n, arena, error)) return false;
  making->table = maker->open(&making->settings, &making->world, error);
  return making->table != NULL;
}

static bool make_all(const struct map_making *making, struct error *error) {
  const struct map_maker *const maker = making->maker;
  struct arena *const arena = making->invocation->scratch;
  if (maker->begin != NULL) maker->begin(making->invocation, making->table);
  if (!file_make_folder(making->out, error)) return false;
  for (size_t i = 0; i < maker->count(making->table); i++) {
    const struct arena_mark mark = arena_get_mark(arena);
    const void *const problem = maker->build(making->table, i, arena, error);
    if (problem == NULL || !maker->write(making, problem, error)) return false;
    arena_rewind(arena, mark);
  }
  return true;
}

/* Rank 0 alone makes them. */
static bool make_and_say(struct map_making *making, struct error *error) {
  if (cluster_rank(making->invocation->cluster) != 0) return true;
  if (making->invocation->json) making->list = json_array();
  const bool made = make_all(making, error);
  if (made && making->list != NULL) {
    json_dumpf(making->list, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    putchar('\n');
  }
  json_decref(making->list);
  return made;
}

enum status map_make(struct invocation *invocation, const struct map_maker *maker, struct error *error) {
  struct map_making making = {.maker = maker, .invocation = invocation, .out = invocation_value(invocation, "out")};
  const char *const path = invocation->words[0];
  struct config *config;
  if (making.out == NULL) error_add(error, STATUS_INPUT, "dse %s: --out FOLDER is needed", invocation->command->name);
  if (!config_open(path, invocation->sets, invocation->n_sets, invocation->arena, &config, error)) return error->status;
  const bool made = open_table(&making, path, config, error) && !error_is_set(error) && make_and_say(&making, error);
  config_close(config);
  return made ? STATUS_OK : error->status;
}

const struct map_maker *map_maker_of(const struct config *config) {
  static const char *const of_others[] = {"workload", "workloads", "space", "limits", "search", "co_search"};
  for (size_t i = 0; i < sizeof of_others / sizeof *of_others; i++) {
    if (config_has(config, of_others[i])) return NULL;
  }
  for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
    if (config_has(config, makers[i]->group)) return makers[i];
  }
  return NULL;
}

bool map_check(struct map_making *making, const char *path, const struct config *config, struct error *error) {
  if (!open_table(making, path, config, error) || error_is_set(error)) return false;
  struct arena *const arena = making->invocation->scratch;
  for (size_t i = 0; i < making->maker->count(making->table); i++) {
    const struct arena_mark mark = arena_get_mark(arena);
    if (making->maker->build(making->table, i, arena, error) == NULL) return false;
    arena_rewind(arena, mark);
  }
  return true;
}

const char *map_settings_text(const struct map_making *making) {
  return config_text(making->sections, making->n_sections, true, making->invocation->arena);
}

const void *map_make_first(const struct invocation *invocation, const struct map_maker *maker, const char *name,
                           const char *text, struct error *error) {
  struct map_making *const making = ARENA_NEW(invocation->arena, struct map_making, 1); /* its problem may point here */
  making->maker = maker, making->invocation = invocation;
  struct config *config;
  if (!config_open_text(name, text, strlen(text), NULL, 0, invocation->arena, &config, error)) return NULL;
  const void *const problem =
      open_table(making, name, config, error) ? maker->build(making->table, 0, invocation->arena, error) : NULL;
  config_close(config);
  making->world.config = NULL;
  return problem;
}
