/* What does libconfig make of a file that has passed our checks?
 *
 * The only file that includes <libconfig.h>. libconfig 1.5 parses the emitted text (integers all written with L, arrays
 * as lists, one token a line); the result is copied at once into a tree of our own, so that nothing of the library
 * outlives this call. It therefore includes no base/config.h. Left out: everything the library's getters and writer
 * do. */
#include "base/config_private.h"
#include <libconfig.h>
#include <locale.h>

/* A name that only a key given twice has (see config_emit). */
static bool is_dropped(const config_setting_t *setting) {
  const char *name = config_setting_name(setting);
  return name && *name == '*';
}

static void set_value(struct config_node *node, const config_setting_t *setting, struct arena *arena) {
  switch (config_setting_type(setting)) {
  case CONFIG_TYPE_GROUP:
    node->kind = NODE_GROUP;
    break;
  case CONFIG_TYPE_INT64:
    node->kind = NODE_INTEGER;
    node->integer = config_setting_get_int64(setting);
    break;
  case CONFIG_TYPE_FLOAT:
    node->kind = NODE_REAL;
    node->real = config_setting_get_float(setting);
    break;
  case CONFIG_TYPE_BOOL:
    node->kind = NODE_BOOL;
    node->integer = config_setting_get_bool(setting);
    break;
  case CONFIG_TYPE_STRING: {
    const char *text = config_setting_get_string(setting);
    node->kind = NODE_TEXT;
    node->text = arena_copy_text(arena, text ? text : "");
    /* Of a text in a list the parser notes the line of the token behind it, as texts in a row are joined. */
    if (!node->name && node->token > 0) node->token--;
    break;
  }
  case CONFIG_TYPE_LIST:
    node->kind = NODE_LIST;
    break;
  default:
    BUG("libconfig gave a setting of type %d", config_setting_type(setting));
  }
}

/* Recursion is as deep as the file's brackets, at most CONFIG_MAX_DEPTH. */
static struct config_node *copy_setting(const config_setting_t *setting, struct arena *arena) {
  struct config_node *node = ARENA_NEW(arena, struct config_node, 1);
  const char *name = config_setting_name(setting);
  const unsigned line = config_setting_source_line(setting);
  node->name = name ? arena_copy_text(arena, name) : NULL;
  node->token = line > 0 ? line - 1 : 0;
  set_value(node, setting, arena);
  if (!config_setting_is_aggregate(setting)) return node;
  const int n = config_setting_length(setting);
  for (int i = 0; i < n; i++) {
    const config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);
    if (is_dropped(element)) continue;
    struct config_node *child = copy_setting(element, arena);
    if (node->last)
      node->last->next = child;
    else
      node->first = child;
    node->last = child;
    node->n_children++;
  }
  return node;
}

struct config_node *config_tree(const char *text, struct arena *arena, unsigned *line) {
  config_t parsed;
  config_init(&parsed);
  struct config_node *root = NULL;
  /* libconfig reads in the C locale and leaves the thread in the process's, whichever it was in before. */
  const locale_t ours = uselocale((locale_t)0);
  const bool read = config_read_string(&parsed, text);
  uselocale(ours);
  if (read)
    root = copy_setting(config_root_setting(&parsed), arena);
  else
    *line = (unsigned)config_error_line(&parsed);
  config_destroy(&parsed);
  return root;
}
