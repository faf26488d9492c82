/* Is a value of the right type, unit and range for its field, and what does it become in the struct?
 *
 * Numbers convert where nothing is lost: an integer for a real, a whole real for an integer, a quantity text for
 * either. Lists take [..], (..), a single value or a range text. Left out: where the value stands and what its path is
 * (config_apply.c). */
#include "base/config.h"
#include "base/config_private.h"
#include "base/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Doubles at and beyond this do not fit uint64_t. */
static const double uint_end = 18446744073709551616.0; /* 2^64 */

static const char *kind_name(const struct config_node *node) {
  switch (node->kind) {
  case NODE_GROUP:
    return "a group";
  case NODE_LIST:
    return "a list";
  case NODE_INTEGER:
    return "an integer";
  case NODE_REAL:
    return "a number";
  case NODE_TEXT:
    return "a text";
  case NODE_BOOL:
    return "true or false";
  }
  BUG("node of kind %d", (int)node->kind);
}

static bool __attribute__((format(printf, 2, 3))) refuse(char *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, CONFIG_PROBLEM_BYTES, format, arguments);
  va_end(arguments);
  return false;
}

/* A bound as people write it. */
static void show_bound(double bound, char text[32]) { text_from_double(bound, text); }

static bool check_bounds(const struct field *field, double value, const char *shown, char *problem) {
  if (field->minimum == 0 && field->maximum == 0) return true;
  if (value >= field->minimum && value <= field->maximum) return true;
  char low[32], high[32];
  show_bound(field->minimum, low);
  show_bound(field->maximum, high);
  const char *blank = *field->unit ? " " : "";
  if (isinf(field->maximum)) return refuse(problem, "%s is too small; at least %s%s%s", shown, low, blank, field->unit);
  return refuse(problem, "%s is out of range; allowed are %s to %s%s%s", shown, low, high, blank, field->unit);
}

static bool bad_quantity(const struct field *field, const char *text, char *problem) {
  char shown[CONFIG_SHOWN_BYTES];
  text_escape(text, shown, sizeof shown);
  return *field->unit
             ? refuse(problem, "\"%s\" is no quantity in %s; write a number, or one with a unit", shown, field->unit)
             : refuse(problem, "\"%s\" is no number", shown);
}

static bool real_of(const struct field *field, const struct config_node *node, double *value, char *problem) {
  if (node->kind == NODE_INTEGER)
    *value = (double)node->integer;
  else if (node->kind == NODE_REAL)
    *value = node->real;
  else if (node->kind != NODE_TEXT)
    return refuse(problem, "a number is expected, found %s", kind_name(node));
  else if (!text_to_quantity(node->text, field->unit, value))
    return bad_quantity(field, node->text, problem);
  char shown[32];
  text_from_double(*value, shown);
  return check_bounds(field, *value, shown, problem);
}

static bool uint_of_double(const struct field *field, double number, uint64_t *value, char *problem) {
  char shown[32];
  text_from_double(number, shown);
  if (number < 0) return refuse(problem, "%s is negative; a whole number from 0 is expected", shown);
  if (number != floor(number))
    return refuse(problem, "%s%s%s is not whole; a whole number is expected", shown, *field->unit ? " " : "",
                  field->unit);
  if (number >= uint_end) return refuse(problem, "%s does not fit 64 bits", shown);
  *value = (uint64_t)number;
  return check_bounds(field, number, shown, problem);
}

static bool uint_of(const struct field *field, const struct config_node *node, uint64_t *value, char *problem) {
  double number;
  switch (node->kind) {
  case NODE_INTEGER:
    if (node->integer < 0)
      return refuse(problem, "%" PRId64 " is negative; a whole number from 0 is expected", node->integer);
    *value = (uint64_t)node->integer;
    break;
  case NODE_REAL:
    return uint_of_double(field, node->real, value, problem);
  case NODE_TEXT:
    if (text_to_u64(node->text, value)) break; /* exact, and the only way to write more than 63 bits */
    if (!text_to_quantity(node->text, field->unit, &number)) return bad_quantity(field, node->text, problem);
    return uint_of_double(field, number, value, problem);
  default:
    return refuse(problem, "a whole number is expected, found %s", kind_name(node));
  }
  char shown[32];
  snprintf(shown, sizeof shown, "%" PRIu64, *value);
  return check_bounds(field, (double)*value, shown, problem);
}

/* "x2", "x4" or "x8", cut to fit. */
static void name_choices(const struct field *field, char *text, size_t bytes) {
  size_t n = 0;
  text[0] = '\0';
  for (size_t i = 0; field->choices[i] && n < bytes; i++)
    n += (size_t)snprintf(text + n, bytes - n, "%s\"%s\"", i > 0 ? ", " : "", field->choices[i]);
  if (n >= bytes) strcpy(text + bytes - 4, "...");
}

static bool choice_of(const struct field *field, const struct config_node *node, uint64_t *value, char *problem) {
  char allowed[CONFIG_PROBLEM_BYTES / 2], shown[CONFIG_SHOWN_BYTES];
  name_choices(field, allowed, sizeof allowed);
  if (node->kind != NODE_TEXT)
    return refuse(problem, "one of these texts is expected, found %s: %s", kind_name(node), allowed);
  size_t n = 0;
  for (; field->choices[n]; n++) {
    if (strcmp(field->choices[n], node->text) != 0) continue;
    *value = n;
    return true;
  }
  text_escape(node->text, shown, sizeof shown);
  const char *nearest = text_nearest(node->text, field->choices, n);
  if (nearest) return refuse(problem, "\"%s\" is no choice; did you mean \"%s\"? Allowed: %s", shown, nearest, allowed);
  return refuse(problem, "\"%s\" is no choice; allowed: %s", shown, allowed);
}

static bool text_of(const struct config_node *node, struct arena *arena, const char **value, char *problem) {
  if (node->kind != NODE_TEXT) return refuse(problem, "a text in quotes is expected, found %s", kind_name(node));
  *value = arena_copy_text(arena, node->text);
  return true;
}

static bool bool_of(const struct config_node *node, bool *value, char *problem) {
  if (node->kind != NODE_BOOL) return refuse(problem, "true or false is expected, found %s", kind_name(node));
  *value = node->integer != 0;
  return true;
}

/* One element of a list of any kind at `out`, which has the element's size. */
static bool element_of(const struct field *field, const struct config_node *node, void *out, struct arena *arena,
                       char *problem) {
  switch (field->type) {
  case FIELD_UINT_LIST:
    return uint_of(field, node, out, problem);
  case FIELD_REAL_LIST:
    return real_of(field, node, out, problem);
  case FIELD_TEXT_LIST:
    return text_of(node, arena, out, problem);
  case FIELD_CHOICE_LIST:
    return choice_of(field, node, out, problem);
  default:
    BUG("field %s is no list", field->key);
  }
}

static bool list_of_range(const struct field *field, const char *text, struct uint_list *list, struct arena *arena,
                          char *problem) {
  double *values;
  char shown[CONFIG_SHOWN_BYTES], why[CONFIG_PROBLEM_BYTES];
  if (!config_range(text, field->unit, arena, &values, &list->n, why)) {
    text_escape(text, shown, sizeof shown);
    return refuse(problem, "\"%s\" %.200s", shown, why);
  }
  uint64_t *whole = ARENA_NEW(arena, uint64_t, list->n);
  for (size_t i = 0; i < list->n; i++) {
    /* Doubles count exactly only below 2^53, where 2^53 + 1 would pass for 2^53. */
    if (field->type == FIELD_UINT_LIST && values[i] >= 9007199254740992.0)
      return refuse(problem, "a range of whole numbers ends at 2^53; write the values as a list");
    const struct config_node node = {.kind = NODE_REAL, .real = values[i]};
    if (!element_of(field, &node, field->type == FIELD_UINT_LIST ? (void *)&whole[i] : (void *)&values[i], arena,
                    problem))
      return false;
  }
  list->values = whole;
  if (field->type == FIELD_REAL_LIST) memcpy(whole, values, list->n * sizeof *values);
  return true;
}

/* The four list structs have one layout: a count and a pointer to elements of eight bytes. */
_Static_assert(sizeof(struct uint_list) == sizeof(struct real_list) &&
                   sizeof(struct uint_list) == sizeof(struct text_list) && sizeof(uint64_t) == sizeof(double) &&
                   sizeof(uint64_t) == sizeof(const char *),
               "lists share one layout");

static bool list_of(const struct field *field, const struct config_node *node, struct uint_list *list,
                    struct arena *arena, struct config_problem *problem) {
  const bool numbers = field->type == FIELD_UINT_LIST || field->type == FIELD_REAL_LIST;
  if (numbers && node->kind == NODE_TEXT && strstr(node->text, ".."))
    return list_of_range(field, node->text, list, arena, problem->text);
  const bool single = node->kind != NODE_LIST;
  list->n = single ? 1 : node->n_children;
  uint64_t *values = ARENA_NEW(arena, uint64_t, list->n);
  const struct config_node *element = single ? node : node->first;
  for (size_t i = 0; i < list->n; i++, element = element->next) {
    if (element_of(field, element, &values[i], arena, problem->text)) continue;
    problem->element = single ? SIZE_MAX : i;
    return false;
  }
  list->values = values;
  return true;
}

static bool rule_of(const struct field *field, const struct config_node *node, struct uint_rule *rule,
                    struct arena *arena, struct config_problem *problem) {
  const char *text = node->kind == NODE_TEXT ? node->text + strspn(node->text, " \t") : "";
  *rule = (struct uint_rule){0};
  if (*text == '=') {
    text += 1 + strspn(text + 1, " \t");
    if (*text == '\0') return refuse(problem->text, "the rule is missing behind '='");
    rule->rule = arena_copy_text(arena, text);
    return true;
  }
  struct field as_list = *field;
  struct uint_list list;
  as_list.type = FIELD_UINT_LIST;
  if (!list_of(&as_list, node, &list, arena, problem)) return false;
  rule->n = list.n;
  rule->values = list.values;
  return true;
}

bool config_read_value(const struct field *field, const struct config_node *node, void *into, struct arena *arena,
                       struct config_problem *problem) {
  void *at = (char *)into + field->offset;
  union {
    bool truth;
    uint64_t whole;
    double real;
    const char *text;
    struct uint_list list;
    struct uint_rule rule;
  } value = {0};
  size_t n = sizeof(uint64_t);
  bool ok = false;
  problem->element = SIZE_MAX;
  switch (field->type) {
  case FIELD_BOOL:
    ok = bool_of(node, &value.truth, problem->text);
    n = sizeof(bool);
    break;
  case FIELD_UINT:
    ok = uint_of(field, node, &value.whole, problem->text);
    break;
  case FIELD_REAL:
    ok = real_of(field, node, &value.real, problem->text);
    break;
  case FIELD_TEXT:
    ok = text_of(node, arena, &value.text, problem->text);
    break;
  case FIELD_CHOICE:
    ok = choice_of(field, node, &value.whole, problem->text);
    break;
  case FIELD_UINT_LIST:
  case FIELD_REAL_LIST:
  case FIELD_TEXT_LIST:
  case FIELD_CHOICE_LIST:
    ok = list_of(field, node, &value.list, arena, problem);
    n = sizeof(struct uint_list);
    break;
  case FIELD_UINT_RULE:
    ok = rule_of(field, node, &value.rule, arena, problem);
    n = sizeof(struct uint_rule);
    break;
  }
  if (ok) memcpy(at, &value, n);
  return ok;
}
