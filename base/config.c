/* How is a run file opened, overridden by --set, and asked about?
 *
 * A config owns an arena with its text, tokens and tree; mistakes that leave a tree behind are kept with it until
 * config_apply can show them together with its own. Left out: scanning and parsing (config_scan.c, config_check.c,
 * config_parse.c) and filling structs (config_apply.c). */
#include "base/config.h"
#include "base/config_private.h"
#include "base/file.h"
#include "base/text.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_CHUNK_BYTES = 1 << 14 };

struct config_node *config_child(const struct config_node *group, const char *name) {
  for (struct config_node *child = group->first; child; child = child->next)
    if (child->name && strcmp(child->name, name) == 0) return child;
  return NULL;
}

static struct config_node *element(const struct config_node *list, uint64_t index) {
  struct config_node *child = list->first;
  while (child && index-- > 0) child = child->next;
  return child;
}

/* One step of a path: a name, or the index of "[3]" (then `name` is empty). */
struct step {
  char name[CONFIG_PATH_BYTES];
  uint64_t index;
};

/* Takes the first step off *path, which moves behind it and its dot. False if the path is malformed. */
static bool take_step(const char **path, struct step *step) {
  const char *at = *path;
  const size_t n = strcspn(at, ".");
  if (n == 0 || n >= sizeof step->name) return false;
  memcpy(step->name, at, n);
  step->name[n] = '\0';
  *path = at[n] == '.' ? at + n + 1 : at + n;
  if (at[n] == '.' && **path == '\0') return false;
  if (*step->name == '[') {
    if (step->name[n - 1] != ']') return false;
    step->name[n - 1] = '\0';
    const bool ok = text_to_u64(step->name + 1, &step->index);
    step->name[0] = '\0';
    return ok;
  }
  for (const char *letter = step->name; *letter; letter++)
    if (!isalnum((unsigned char)*letter) && *letter != '_' && *letter != '-') return false;
  return isalpha((unsigned char)*step->name);
}

static struct config_node *follow(const struct config_node *node, const struct step *step) {
  if (*step->name) return node->kind == NODE_GROUP ? config_child(node, step->name) : NULL;
  return node->kind == NODE_LIST ? element(node, step->index) : NULL;
}

struct config_node *config_find(struct config_node *root, const char *path) {
  struct config_node *node = root;
  struct step step;
  while (node && *path) {
    if (!take_step(&path, &step)) return NULL;
    node = follow(node, &step);
  }
  return node;
}

static void append_child(struct config_node *group, struct config_node *child) {
  if (group->last)
    group->last->next = child;
  else
    group->first = child;
  group->last = child;
  group->n_children++;
}

/* Everything below a node that --set made is --set's. */
static void mark_from_set(struct config_node *node) {
  node->token = CONFIG_FROM_SET;
  for (struct config_node *child = node->first; child; child = child->next) mark_from_set(child);
}

/* The group that holds the last step of the path, made where it is missing; NULL after a message. */
static struct config_node *find_parent(struct config *config, const char **path, struct step *step,
                                       struct scan *messages) {
  struct config_node *node = config->root;
  for (;;) {
    if (!take_step(path, step)) {
      config_issue(messages, 0, "", "is no path; write group.key, or list.[3].key");
      return NULL;
    }
    const bool holds = *step->name ? node->kind == NODE_GROUP : node->kind == NODE_LIST;
    if (!holds || (!*step->name && step->index >= node->n_children)) {
      if (*step->name)
        config_issue(messages, 0, "", "\"%s\" cannot be set: what holds it is no group", step->name);
      else
        config_issue(messages, 0, "", "there is no element [%llu]", (unsigned long long)step->index);
      return NULL;
    }
    if (**path == '\0') return node;
    struct config_node *next = follow(node, step);
    if (!next) {
      next = ARENA_NEW(&config->arena, struct config_node, 1);
      *next = (struct config_node){
          .kind = NODE_GROUP, .token = CONFIG_FROM_SET, .name = arena_copy_text(&config->arena, step->name)};
      append_child(node, next);
    }
    node = next;
  }
}

/* Puts the value in the tree, in place of an older one. */
static void set_value(struct config *config, const struct config_set *set, struct scan *messages) {
  struct config_node *value = config_parse_value(messages, set->value);
  if (!value) return;
  const char *path = set->path;
  struct step step;
  struct config_node *parent = find_parent(config, &path, &step, messages);
  if (!parent) return;
  mark_from_set(value);
  struct config_node *old = follow(parent, &step);
  if (!old) {
    old = ARENA_NEW(&config->arena, struct config_node, 1);
    old->name = arena_copy_text(&config->arena, step.name);
    append_child(parent, old);
  }
  value->name = old->name;
  value->next = old->next;
  *old = *value;
}

static void apply_set(struct config *config, const struct config_set *set) {
  struct scan messages = {.arena = &config->arena, .where = "--set", .path = set->path};
  set_value(config, set, &messages);
  /* Newest first; they go behind those of the file, in the order of the command line. */
  struct issue *oldest_first = NULL;
  for (struct issue *issue = messages.issues, *next; issue; issue = next) {
    next = issue->next;
    issue->next = oldest_first;
    oldest_first = issue;
  }
  for (struct issue *issue = oldest_first, *next; issue; issue = next) {
    next = issue->next;
    issue->order = CONFIG_FROM_SET;
    issue->serial = config->scan.n_issues++;
    issue->next = config->scan.issues;
    config->scan.issues = issue;
  }
}

static struct config *new_config(struct arena *arena) {
  struct config *config = ARENA_NEW(arena, struct config, 1);
  arena_init(&config->arena, CONFIG_CHUNK_BYTES);
  config->scan.arena = &config->arena;
  return config;
}

/* What both ways of opening share, once the text is in the config's arena. */
static bool open_scanned(struct config *opened, const struct config_set *sets, size_t n_sets, struct config **config,
                         struct error *error) {
  opened->root = config_parse(&opened->scan);
  if (!opened->root) {
    config_report(&opened->scan, error);
    config_close(opened);
    return false;
  }
  for (size_t i = 0; i < n_sets; i++) apply_set(opened, &sets[i]);
  *config = opened;
  return true;
}

bool config_open(const char *path, const struct config_set *sets, size_t n_sets, struct arena *arena,
                 struct config **config, struct error *error) {
  struct config *opened = new_config(arena);
  *config = NULL;
  char *text;
  size_t n;
  if (!file_read(path, CONFIG_MAX_BYTES, &opened->arena, &text, &n, error)) {
    config_close(opened);
    return false;
  }
  opened->scan.root_folder = config_resolve_folder(path, &opened->arena);
  config_scan_text(&opened->scan, arena_copy_text(&opened->arena, path), text, n);
  return open_scanned(opened, sets, n_sets, config, error);
}

bool config_open_text(const char *name, const char *text, size_t n, const struct config_set *sets, size_t n_sets,
                      struct arena *arena, struct config **config, struct error *error) {
  struct config *opened = new_config(arena);
  *config = NULL;
  char *copy = arena_alloc(&opened->arena, n + 1, 1);
  if (n > 0) memcpy(copy, text, n);
  config_scan_text(&opened->scan, arena_copy_text(&opened->arena, name), copy, n);
  return open_scanned(opened, sets, n_sets, config, error);
}

void config_close(struct config *config) {
  if (config) arena_release(&config->arena);
}

bool config_peek_text(const struct config *config, const char *path, const char *fallback, struct arena *arena,
                      const char **text, struct error *error) {
  const struct config_node *node = config_find(config->root, path);
  *text = fallback;
  if (!node) return true;
  if (node->kind == NODE_TEXT) {
    *text = arena_copy_text(arena, node->text);
    return true;
  }
  struct scan messages = config->scan;
  messages.issues = NULL;
  messages.n_issues = 0;
  messages.where = node->token == CONFIG_FROM_SET ? "--set" : NULL;
  messages.path = path;
  config_issue(&messages, node->token, path, "a text in quotes is expected");
  config_report(&messages, error);
  return false;
}

size_t config_count(const struct config *config, const char *path) {
  const struct config_node *node = config_find(config->root, path);
  return node && node->kind == NODE_LIST ? node->n_children : 0;
}

bool config_has(const struct config *config, const char *path) { return config_find(config->root, path) != NULL; }

unsigned config_line(const struct config *config, const char *path, const char **file) {
  const struct config_node *node = config_find(config->root, path);
  *file = config->scan.files[0];
  if (!node || node == config->root) return 0;
  if (node->token == CONFIG_FROM_SET) {
    *file = "--set";
    return 0;
  }
  const struct token *token = &config->scan.tokens[node->token];
  *file = config->scan.files[token->file];
  return token->line;
}
