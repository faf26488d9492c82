/* How do the values of a file reach the structs, and which of its keys does nobody know?
 *
 * Two walks: every section reads its fields from its group (file before default), and every key of the file must be
 * known to some section. A key that another group knows is told where it belongs, one that is nearly right what it
 * should be. All messages, also those kept since the file was scanned, come out sorted by place. */
#include "base/config.h"
#include "base/config_private.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

enum { SHOWN_KEYS_BYTES = 400, MAX_CANDIDATES = 512, VALUE_CHUNK_BYTES = 2048 };

struct apply {
  const struct config *config;
  const struct config_section *sections;
  size_t n_sections;
  struct scan messages; /* a copy of the config's, so that the config stays const */
};

static void __attribute__((format(printf, 4, 5)))
complain(struct apply *apply, const struct config_node *node, const char *path, const char *format, ...) {
  char text[CONFIG_PROBLEM_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  apply->messages.where = node->token == CONFIG_FROM_SET ? "--set" : NULL;
  apply->messages.path = path;
  config_issue(&apply->messages, node->token, path, "%s", text);
}

/* group.key, or key at the top level. */
static void join(const char *group, const char *key, char path[CONFIG_PATH_BYTES]) {
  snprintf(path, CONFIG_PATH_BYTES, "%s%s%s", group, *group ? "." : "", key);
}

const struct field *config_find_field(const struct field_table *table, const char *key) {
  for (size_t i = 0; i < table->n_fields; i++)
    if (strcmp(table->fields[i].key, key) == 0) return &table->fields[i];
  return NULL;
}

/* The next step behind `group` of a section's path below it, e.g. "a" in "" for "a.b"; NULL if it is not below. */
static const char *step_below(const char *group, const char *path) {
  const size_t n = strlen(group);
  if (n == 0) return *path ? path : NULL;
  return strncmp(path, group, n) == 0 && path[n] == '.' ? path + n + 1 : NULL;
}

/* Is the path a section's group, or on the way to one? */
static bool leads_to_section(const struct apply *apply, const char *path) {
  for (size_t i = 0; i < apply->n_sections; i++)
    if (strcmp(apply->sections[i].group, path) == 0 || step_below(path, apply->sections[i].group)) return true;
  return false;
}

static bool known_key(const struct apply *apply, const char *group, const char *key) {
  for (size_t i = 0; i < apply->n_sections; i++)
    if (strcmp(apply->sections[i].group, group) == 0 && config_find_field(apply->sections[i].table, key)) return true;
  return false;
}

/* What may stand in a group: the keys of its tables and the names of groups below. */
static size_t gather_candidates(const struct apply *apply, const char *group, const char **names) {
  size_t n = 0;
  for (size_t i = 0; i < apply->n_sections; i++) {
    const struct config_section *section = &apply->sections[i];
    const char *below = step_below(group, section->group);
    if (strcmp(section->group, group) == 0) {
      for (size_t k = 0; k < section->table->n_fields && n < MAX_CANDIDATES; k++)
        names[n++] = section->table->fields[k].key;
    } else if (below && *below != '[' && n < MAX_CANDIDATES) {
      const char *name = arena_printf(apply->messages.arena, "%.*s", (int)strcspn(below, "."), below);
      if (n == 0 || strcmp(names[n - 1], name) != 0) names[n++] = name;
    }
  }
  return n;
}

/* The first candidate that is the key with a unit behind it, such as clock_mhz for clock. */
static const char *without_unit(const char *key, const char *const *names, size_t n) {
  const size_t n_key = strlen(key);
  for (size_t i = 0; i < n; i++)
    if (strncmp(names[i], key, n_key) == 0 && names[i][n_key] == '_') return names[i];
  return NULL;
}

static void unknown_key(struct apply *apply, const struct config_node *node, const char *group, const char *path) {
  for (size_t i = 0; i < apply->n_sections; i++) {
    const struct config_section *section = &apply->sections[i];
    if (!config_find_field(section->table, node->name)) continue;
    if (*section->group)
      complain(apply, node, path, "unknown key here; it belongs in group %s", section->group);
    else
      complain(apply, node, path, "unknown key here; it belongs at the top level, outside all groups");
    return;
  }
  const char *names[MAX_CANDIDATES] = {NULL};
  const size_t n = gather_candidates(apply, group, names);
  const char *nearest = without_unit(node->name, names, n);
  if (!nearest) nearest = text_nearest(node->name, names, n);
  if (nearest) {
    complain(apply, node, path, "unknown key; did you mean %s?", nearest);
    return;
  }
  char known[SHOWN_KEYS_BYTES] = "";
  size_t length = 0;
  for (size_t i = 0; i < n && length < sizeof known; i++)
    length += (size_t)snprintf(known + length, sizeof known - length, "%s%s", i > 0 ? ", " : "", names[i]);
  complain(apply, node, path, "unknown key; known here: %s%s", n > 0 ? known : "none",
           length >= sizeof known ? "..." : "");
}

static const char *kind_of(const struct config_node *node) {
  return node->kind == NODE_GROUP ? "a group" : node->kind == NODE_LIST ? "a list" : "a single value";
}

/* Every key below a node that leads to a section; as deep as the file's brackets. */
static void check_known(struct apply *apply, const struct config_node *node, const char *group) {
  char path[CONFIG_PATH_BYTES];
  if (node->kind == NODE_LIST) {
    size_t i = 0;
    for (const struct config_node *child = node->first; child; child = child->next, i++) {
      char step[32];
      snprintf(step, sizeof step, "[%zu]", i);
      join(group, step, path);
      if (!leads_to_section(apply, path))
        complain(apply, child, path, "unknown element; fewer are read");
      else
        check_known(apply, child, path);
    }
    return;
  }
  if (node->kind != NODE_GROUP) {
    complain(apply, node, group, "a group { ... } is expected, found %s", kind_of(node));
    return;
  }
  for (const struct config_node *child = node->first; child; child = child->next) {
    join(group, child->name, path);
    if (known_key(apply, group, child->name)) continue;
    if (leads_to_section(apply, path))
      check_known(apply, child, path);
    else if (child->kind == NODE_LIST && child->n_children == 0)
      complain(apply, child, path, "a list without elements has no effect here; leave it out");
    else
      unknown_key(apply, child, group, path);
  }
}

static bool is_spoilt(const struct apply *apply, const struct config_node *node) {
  return node->token != CONFIG_FROM_SET && node->token < apply->messages.n_tokens &&
         apply->messages.tokens[node->token].faulty;
}

/* A value of the file into a field; its list element in the message if one is to blame. */
static void read_field(struct apply *apply, const struct field *field, const struct config_node *node, void *into,
                       struct arena *arena, const char *path) {
  struct config_problem problem;
  if (config_read_value(field, node, into, arena, &problem)) return;
  if (problem.element == SIZE_MAX) {
    complain(apply, node, path, "%s", problem.text);
    return;
  }
  const struct config_node *at = node->first;
  for (size_t i = 0; i < problem.element; i++) at = at->next;
  char element_path[CONFIG_PATH_BYTES + 32];
  snprintf(element_path, sizeof element_path, "%s.[%zu]", path, problem.element);
  complain(apply, at, element_path, "%s", problem.text);
}

/* The field's default, or zero and "" if it is required. A default that does not parse is a bug. */
static void read_default(const struct field *field, void *into, struct arena *arena) {
  if (!field->default_text) {
    const struct field any = {.key = field->key, .type = field->type, .unit = "", .offset = field->offset};
    const enum node_kind kind = field->type == FIELD_TEXT   ? NODE_TEXT
                                : field->type == FIELD_BOOL ? NODE_BOOL
                                                            : NODE_LIST;
    const struct config_node none = {.kind = kind, .text = ""};
    struct config_problem unused;
    if (field->type == FIELD_UINT || field->type == FIELD_REAL || field->type == FIELD_CHOICE)
      memset((char *)into + field->offset, 0, sizeof(uint64_t));
    else
      REQUIRE(config_read_value(&any, &none, into, arena, &unused));
    return;
  }
  struct arena scratch;
  arena_init(&scratch, VALUE_CHUNK_BYTES);
  struct scan scan = {.arena = &scratch, .where = "default", .path = field->key};
  const struct config_node *node = config_parse_value(&scan, field->default_text);
  struct config_problem problem = {.text = "does not parse"};
  if (!node || !config_read_value(field, node, into, arena, &problem))
    BUG("default of %s, %s: %s", field->key, field->default_text, problem.text);
  arena_release(&scratch);
}

static void fill_section(struct apply *apply, const struct config_section *section, struct arena *arena) {
  const struct config_node *group = config_find(apply->config->root, section->group);
  const struct config_node *place = group ? group : apply->config->root;
  const bool readable = group && group->kind == NODE_GROUP;
  for (size_t i = 0; i < section->table->n_fields; i++) {
    const struct field *field = &section->table->fields[i];
    char path[CONFIG_PATH_BYTES];
    join(section->group, field->key, path);
    const struct config_node *node = group && readable ? config_child(group, field->key) : NULL;
    read_default(field, section->into, arena);
    if (node && !is_spoilt(apply, node)) read_field(apply, field, node, section->into, arena, path);
    if (!node && !field->default_text && (readable || (!group && section->required)))
      complain(apply, place, path, "is missing; it has no default: %s", field->doc);
  }
}

bool config_apply(const struct config *config, const struct config_section *sections, size_t n_sections,
                  struct arena *arena, struct error *error) {
  struct apply apply = {.config = config, .sections = sections, .n_sections = n_sections, .messages = config->scan};
  for (size_t i = 0; i < n_sections; i++) fill_section(&apply, &sections[i], arena);
  check_known(&apply, config->root, "");
  config_report(&apply.messages, error);
  return apply.messages.n_issues == 0;
}

void config_defaults(const struct field_table *table, struct arena *arena, void *into) {
  for (size_t i = 0; i < table->n_fields; i++) read_default(&table->fields[i], into, arena);
}

bool config_set_field(const struct field *field, void *into, const char *value, const char *where, struct arena *arena,
                      struct error *error) {
  struct arena scratch;
  arena_init(&scratch, VALUE_CHUNK_BYTES);
  struct scan scan = {.arena = &scratch, .where = where, .path = field->key};
  const struct config_node *node = config_parse_value(&scan, value);
  struct config_problem problem;
  if (node && !config_read_value(field, node, into, arena, &problem)) config_issue(&scan, 0, "", "%s", problem.text);
  config_report(&scan, error);
  const bool ok = scan.n_issues == 0;
  arena_release(&scratch);
  return ok;
}
