/* How do settings become a file, a text or a digest again?
 *
 * What is written reads back to the same values: reals with the digits that strtod needs, integers with L beyond 32
 * bits and as text beyond 63. The groups of the sections form a tree by their paths; it is written in the order in
 * which the sections first name its parts. Choices enter the digest by name, so that a new choice in the middle of a
 * list leaves old digests alone. */
#include "base/config.h"
#include "base/config_private.h"
#include "base/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Any value of a field, by its type. */
static const void *at(const struct field *field, const void *from) { return (const char *)from + field->offset; }

static const char *uint_text(uint64_t value, struct arena *arena) {
  const char *suffix = value > INT32_MAX ? "L" : "";
  if (value > INT64_MAX) return arena_printf(arena, "\"%" PRIu64 "\"", value);
  return arena_printf(arena, "%" PRIu64 "%s", value, suffix);
}

/* Always with a point or an exponent, as whole reals may exceed what an integer literal holds. */
static const char *real_text(double value, struct arena *arena) {
  char text[32];
  REQUIRE(isfinite(value));
  text_from_double(value, text);
  return arena_printf(arena, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

/* The letter that stands for a character behind a backslash; 0 if it needs none. */
static char escape_letter(char letter) {
  switch (letter) {
  case '\n':
    return 'n';
  case '\r':
    return 'r';
  case '\t':
    return 't';
  case '\f':
    return 'f';
  case '"':
  case '\\':
    return letter;
  default:
    return '\0';
  }
}

static const char *quoted(const char *text, struct arena *arena) {
  char *out = arena_alloc(arena, 2 * strlen(text) + 3, 1);
  size_t n = 0;
  out[n++] = '"';
  for (; *text; text++) {
    const char letter = escape_letter(*text);
    REQUIRE(letter || (unsigned char)*text >= 0x20); /* reading lets no other control character in */
    if (letter) out[n++] = '\\';
    out[n++] = letter ? letter : *text;
  }
  out[n++] = '"';
  return out;
}

static const char *choice_name(const struct field *field, uint64_t choice) {
  for (size_t i = 0; field->choices[i]; i++)
    if (i == choice) return field->choices[i];
  BUG("%s has no choice number %" PRIu64, field->key, choice);
}

/* A list of any kind: all share one layout, and their elements have eight bytes each. Copied, not cast, as the
 * compiler may assume that different structs lie apart. */
static struct uint_list list_at(const struct field *field, const void *from) {
  struct uint_list list;
  memcpy(&list, at(field, from), sizeof list);
  return list;
}

static const char *element_text(const struct field *field, const void *element, struct arena *arena) {
  switch (field->type) {
  case FIELD_UINT_LIST:
  case FIELD_UINT_RULE:
    return uint_text(*(const uint64_t *)element, arena);
  case FIELD_REAL_LIST:
    return real_text(*(const double *)element, arena);
  case FIELD_TEXT_LIST:
    return quoted(*(const char *const *)element, arena);
  case FIELD_CHOICE_LIST:
    return quoted(choice_name(field, *(const uint64_t *)element), arena);
  default:
    BUG("field %s is no list", field->key);
  }
}

/* Two walks, the first for the length, as a list may have thousands of values. */
static const char *list_text(const struct field *field, const void *from, struct arena *arena) {
  const struct uint_list list = list_at(field, from);
  size_t bytes = 3;
  for (size_t i = 0; i < list.n; i++) bytes += strlen(element_text(field, list.values + i, arena)) + 2;
  char *text = arena_alloc(arena, bytes, 1);
  char *end = stpcpy(text, "[");
  for (size_t i = 0; i < list.n; i++) {
    if (i > 0) end = stpcpy(end, ", ");
    end = stpcpy(end, element_text(field, list.values + i, arena));
  }
  stpcpy(end, "]");
  return text;
}

/* The text of a rule, NULL: there are values. */
static const char *rule_at(const struct field *field, const void *from) {
  struct uint_rule rule = {0};
  if (field->type == FIELD_UINT_RULE) memcpy(&rule, at(field, from), sizeof rule);
  return rule.rule;
}

const char *config_value_text(const struct field *field, const void *from, struct arena *arena) {
  const void *value = at(field, from);
  switch (field->type) {
  case FIELD_BOOL:
    return arena_copy_text(arena, *(const bool *)value ? "true" : "false");
  case FIELD_UINT:
    return uint_text(*(const uint64_t *)value, arena);
  case FIELD_REAL:
    return real_text(*(const double *)value, arena);
  case FIELD_TEXT:
    return quoted(*(const char *const *)value, arena);
  case FIELD_CHOICE:
    return quoted(choice_name(field, *(const uint64_t *)value), arena);
  case FIELD_UINT_LIST:
  case FIELD_REAL_LIST:
  case FIELD_TEXT_LIST:
  case FIELD_CHOICE_LIST:
    return list_text(field, from, arena);
  case FIELD_UINT_RULE: {
    const char *rule = rule_at(field, from);
    return rule != NULL ? quoted(arena_printf(arena, "= %s", rule), arena) : list_text(field, from, arena);
  }
  }
  BUG("field %s has type %d", field->key, (int)field->type);
}

struct writer {
  FILE *out;
  const struct config_section *sections;
  size_t n_sections;
  bool comments;
  struct arena arena;
};

static void indent(const struct writer *writer, size_t depth) { fprintf(writer->out, "%*s", (int)(2 * depth), ""); }

static void write_bounds(const struct writer *writer, const struct field *field) {
  if (field->minimum == 0 && field->maximum == 0) return;
  char low[32], high[32];
  text_from_double(field->minimum, low);
  text_from_double(field->maximum, high);
  fprintf(writer->out, isinf(field->maximum) ? " At least %s." : " From %s to %s.", low, high);
}

static void write_fields(struct writer *writer, const struct config_section *section, size_t depth) {
  for (size_t i = 0; i < section->table->n_fields; i++) {
    const struct field *field = &section->table->fields[i];
    if (writer->comments) {
      indent(writer, depth);
      fprintf(writer->out, "# %s%s%s%s", field->doc, *field->unit ? " [" : "", field->unit, *field->unit ? "]" : "");
      write_bounds(writer, field);
      fprintf(writer->out, "\n");
    }
    const struct arena_mark mark = arena_get_mark(&writer->arena);
    indent(writer, depth);
    fprintf(writer->out, "%s = %s;\n", field->key, config_value_text(field, section->into, &writer->arena));
    arena_rewind(&writer->arena, mark);
  }
}

/* The part of a section's path behind `group`, NULL if it is not below it. */
static const char *below(const char *group, const char *path) {
  const size_t n = strlen(group);
  if (n == 0) return *path ? path : NULL;
  return strncmp(path, group, n) == 0 && path[n] == '.' ? path + n + 1 : NULL;
}

/* True if an earlier section has led to the same part of the group already. */
static bool seen_before(const struct writer *writer, const char *group, size_t index, size_t n_step) {
  const char *step = below(group, writer->sections[index].group);
  for (size_t i = 0; i < index; i++) {
    const char *earlier = below(group, writer->sections[i].group);
    if (earlier && strcspn(earlier, ".") == n_step && strncmp(earlier, step, n_step) == 0) return true;
  }
  return false;
}

static void write_group(struct writer *writer, const char *group, size_t depth);

/* The elements "[0]", "[1]", ... of a list of groups. */
static void write_list(struct writer *writer, const char *group, size_t depth) {
  for (size_t i = 0;; i++) {
    const char *path = arena_printf(&writer->arena, "%s.[%zu]", group, i);
    bool found = false;
    for (size_t k = 0; k < writer->n_sections; k++)
      found = found || strcmp(writer->sections[k].group, path) == 0 || below(path, writer->sections[k].group);
    if (!found) return;
    if (i > 0) fprintf(writer->out, ",\n");
    indent(writer, depth);
    fprintf(writer->out, "{\n");
    write_group(writer, path, depth + 1);
    indent(writer, depth);
    fprintf(writer->out, "}");
  }
}

/* As deep as the paths of the sections. */
static void write_group(struct writer *writer, const char *group, size_t depth) {
  for (size_t i = 0; i < writer->n_sections; i++)
    if (strcmp(writer->sections[i].group, group) == 0) write_fields(writer, &writer->sections[i], depth);
  for (size_t i = 0; i < writer->n_sections; i++) {
    const char *step = below(group, writer->sections[i].group);
    if (!step) continue;
    const size_t n_step = strcspn(step, ".");
    if (seen_before(writer, group, i, n_step)) continue;
    const char *path = arena_printf(&writer->arena, "%s%s%.*s", group, *group ? "." : "", (int)n_step, step);
    const bool list = step[n_step] == '.' && step[n_step + 1] == '[';
    indent(writer, depth);
    fprintf(writer->out, "%.*s = %s\n", (int)n_step, step, list ? "(" : "{");
    if (list)
      write_list(writer, path, depth + 1);
    else
      write_group(writer, path, depth + 1);
    if (list) fprintf(writer->out, "\n");
    indent(writer, depth);
    fprintf(writer->out, "%s;\n", list ? ")" : "}");
  }
}

void config_write(FILE *out, const struct config_section *sections, size_t n_sections, bool comments) {
  struct writer writer = {.out = out, .sections = sections, .n_sections = n_sections, .comments = comments};
  arena_init(&writer.arena, 4096);
  write_group(&writer, "", 0);
  arena_release(&writer.arena);
}

static void digest_element(struct digest_stream *stream, const struct field *field, const void *value) {
  switch (field->type) {
  case FIELD_BOOL:
    digest_add_u64(stream, *(const bool *)value);
    break;
  case FIELD_UINT:
  case FIELD_UINT_LIST:
  case FIELD_UINT_RULE:
    digest_add_u64(stream, *(const uint64_t *)value);
    break;
  case FIELD_REAL:
  case FIELD_REAL_LIST:
    digest_add_double(stream, *(const double *)value);
    break;
  case FIELD_TEXT:
  case FIELD_TEXT_LIST:
    digest_add_text(stream, *(const char *const *)value);
    break;
  case FIELD_CHOICE:
  case FIELD_CHOICE_LIST:
    digest_add_text(stream, choice_name(field, *(const uint64_t *)value));
    break;
  }
}

static void digest_field(struct digest_stream *stream, const struct field *field, const void *from) {
  const void *value = at(field, from);
  switch (field->type) {
  case FIELD_UINT_LIST:
  case FIELD_REAL_LIST:
  case FIELD_TEXT_LIST:
  case FIELD_CHOICE_LIST:
    break;
  case FIELD_UINT_RULE:
    if (rule_at(field, from) == NULL) break;
    digest_add_text(stream, rule_at(field, from));
    return;
  default:
    digest_element(stream, field, value);
    return;
  }
  const struct uint_list list = list_at(field, from);
  digest_add_u64(stream, list.n);
  for (size_t i = 0; i < list.n; i++) digest_element(stream, field, list.values + i);
}

bool config_counts(const struct field *field, const void *from) {
  if (field->role != ROLE_ANSWER_UNLESS_DEFAULT) return field->role == ROLE_ANSWER;
  struct arena arena;
  arena_init(&arena, 256);
  const bool is_default = strcmp(config_value_text(field, from, &arena), field->default_text) == 0;
  arena_release(&arena);
  return !is_default;
}

void config_digest(struct digest_stream *stream, const struct config_section *sections, size_t n_sections) {
  for (size_t i = 0; i < n_sections; i++) {
    const struct config_section *section = &sections[i];
    for (size_t k = 0; k < section->table->n_fields; k++) {
      const struct field *field = &section->table->fields[k];
      if (!config_counts(field, section->into)) continue;
      digest_add_text(stream, section->group);
      digest_add_text(stream, field->key);
      digest_field(stream, field, section->into);
    }
  }
}

const char *config_text(const struct config_section *sections, size_t n_sections, bool comments, struct arena *arena) {
  char *text = NULL;
  size_t n = 0;
  FILE *const out = open_memstream(&text, &n);
  if (out == NULL) arena_on_exhaustion(0);
  config_write(out, sections, n_sections, comments);
  if (fclose(out) != 0) arena_on_exhaustion(n);
  const char *const copy = arena_copy_text(arena, text);
  free(text);
  return copy;
}
