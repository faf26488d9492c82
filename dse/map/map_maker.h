/* Which problems do networks make, by a run file? What dse layers, jobs, shards and chips share, which make them for
 * `dse map`, and the signature, which solves the first. One record a command, beside it. */
#ifndef DSE_MAP_MAKER_H
#define DSE_MAP_MAKER_H

#include "dse/commands/command.h"
#include "dse/tenancy/tenancy_table.h"
#include <jansson.h>

/* A run file's own settings: its group, and the elements of its list of groups. */
struct map_maker_settings {
  const void *own, *list;
  size_t n_list;
};
struct map_making;
struct map_maker {
  const char *command; /* that runs it */
  const char *group;   /* of its settings */
  const struct field_table *fields;
  size_t settings_bytes;
  const char *list; /* more settings, a list of groups, "sharding.designs"; NULL: none */
  const struct field_table *list_fields;
  size_t list_bytes;              /* of an element */
  bool with_costs, with_training; /* run files may have the groups cost and technology; training */
  const char *cores_key;          /* as in struct tenancy_world */
  /* What all problems are made from, in world->arena; NULL with a message. Settings and world live as long. */
  const void *(*open)(const struct map_maker_settings *settings, const struct tenancy_world *world,
                      struct error *error);
  /* Remarks before the first is made; NULL: none. */
  void (*begin)(const struct invocation *invocation, const void *table);
  size_t (*count)(const void *table);
  /* The i-th, finished, into `arena`; NULL with a message. */
  const void *(*build)(const void *table, size_t i, struct arena *arena, struct error *error);
  /* Its files into the folder, and what is said of it. */
  bool (*write)(const struct map_making *making, const void *problem, struct error *error);
};
#define MAP_MAKER(name) extern const struct map_maker map_maker_##name;
#include "dse/map/map_makers.def"
#undef MAP_MAKER

/* A command at work. */
struct map_making {
  const struct map_maker *maker;
  const struct invocation *invocation;
  struct tenancy_world world;
  struct map_maker_settings settings;
  const struct config_section *sections; /* the groups of its run file */
  size_t n_sections;
  const void *table;
  const char *out; /* the folder */
  json_t *list;    /* to which `write` adds an object a problem; NULL: it says a line instead */
};
/* The run file words[0]: every problem into the folder --out. */
enum status map_make(struct invocation *invocation, const struct map_maker *maker, struct error *error);
/* Whose run file is this? One that has a maker's group, and neither a workload nor anything to search. NULL: nobody's.
 */
const struct map_maker *map_maker_of(const struct config *config);
/* Everything wrong in a maker's run file, by `dse check`: its settings, and whether its problems can be made. False
 * with messages. */
bool map_check(struct map_making *making, const char *path, const struct config *config, struct error *error);
/* Its settings as resolved, with comments, in the invocation's arena. */
const char *map_settings_text(const struct map_making *making);
/* The first problem of a run file that is this text, in the invocation's arena; NULL with a message. */
const void *map_make_first(const struct invocation *invocation, const struct map_maker *maker, const char *name,
                           const char *text, struct error *error);

#endif
