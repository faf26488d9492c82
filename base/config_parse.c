/* How do checked tokens become a tree, and what does the user read when the grammar refuses them?
 *
 * The tokens are written for libconfig one a line: its "line of the next token" then is the very token at which it
 * gave up, and the message can show file, line, both lines of text and a guess at the cause. Integers all get their L
 * and arrays become lists, so that [1, 3000000000L] is no "mismatched element type". Left out: judging types, which is
 * the field tables' business (config_value.c). */
#include "base/config.h"
#include "base/config_private.h"
#include "base/text.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_BYTES = 40 };

/* A number with the mark of its type: L, or a decimal point (libconfig 1.5 wants one even beside an exponent). */
static void emit_number(const struct token *token, char text[NUMBER_BYTES]) {
  char problem[CONFIG_PROBLEM_BYTES], digits[32];
  int64_t integer;
  double real;
  const enum literal kind = config_literal(token->start, token->n, &integer, &real, problem);
  if (kind == LITERAL_INTEGER) {
    snprintf(text, NUMBER_BYTES, "%" PRId64 "L", integer);
  } else if (kind == LITERAL_REAL) {
    text_from_double(real, digits);
    const int n = (int)strcspn(digits, "e");
    snprintf(text, NUMBER_BYTES, "%.*s%s%s", n, digits, strchr(digits, '.') ? "" : ".0", digits + n);
  } else {
    snprintf(text, NUMBER_BYTES, "0L"); /* its message has been given */
  }
}

static size_t emit_token(const struct token *token, size_t index, char *out, size_t room) {
  char number[NUMBER_BYTES];
  int n = (int)token->n;
  const char *text = token->start, *quote = "";
  switch ((enum token_kind)token->kind) {
  case TOKEN_NUMBER:
    emit_number(token, number);
    text = number;
    n = (int)strlen(number);
    break;
  case TOKEN_TEXT:
    if (token->faulty) return (size_t)snprintf(out, room, "\"\"\n");
    if (*text != '"') quote = "\"";
    break;
  case TOKEN_NAME:
    if (token->duplicate) return (size_t)snprintf(out, room, "*%zu\n", index);
    break;
  case TOKEN_MARK:
    if (*text == '[') text = "(";
    if (*text == ']') text = ")";
    break;
  case TOKEN_DROPPED:
    n = 0;
    break;
  case TOKEN_BOOL:
    break;
  }
  return (size_t)snprintf(out, room, "%s%.*s%s\n", quote, n, text, quote);
}

const char *config_emit(const struct scan *scan) {
  size_t room = 1;
  for (size_t i = 0; i < scan->n_tokens; i++) {
    const struct token *token = &scan->tokens[i];
    const size_t n = token->kind == TOKEN_NUMBER || token->kind == TOKEN_NAME ? NUMBER_BYTES : 0;
    room += token->n + n + 4; /* quotes, line end and snprintf's NUL */
  }
  char *text = arena_alloc(scan->arena, room, 1);
  size_t n = 0;
  for (size_t i = 0; i < scan->n_tokens; i++) n += emit_token(&scan->tokens[i], i, text + n, room - n);
  return text;
}

static bool is_value(const struct token *token) {
  return token->kind == TOKEN_NUMBER || token->kind == TOKEN_TEXT || token->kind == TOKEN_BOOL;
}

static bool is_one_of(const struct token *token, const char *marks) {
  return token->kind == TOKEN_MARK && strchr(marks, *token->start);
}

/* What probably is wrong where libconfig gave up; `before` is NULL at the start of the file. */
static const char *guess(const struct token *token, const struct token *before) {
  if (!before) return "a file starts with a key";
  if (before->kind == TOKEN_NAME) return "a '=' is missing behind the key";
  if (is_one_of(before, "=:")) return "the value is missing";
  if (is_one_of(token, ")]") && is_one_of(before, ",")) return "no comma stands before a closing bracket";
  if (is_value(before) && (is_value(token) || is_one_of(token, "{([")))
    return "a comma is missing between list values, or a ';' and a key before it";
  if (is_one_of(before, ")]}") && is_one_of(token, "{([")) return "a comma is missing between list values";
  if (is_value(token)) return "a key and '=' are missing before it";
  return "a ';', ',' or '=' is missing or misplaced";
}

/* The source line of a token from its first token on, for messages. */
static void show_line(const struct scan *scan, size_t index, char shown[CONFIG_SHOWN_BYTES]) {
  const struct token *token = &scan->tokens[index];
  while (index > 0 && scan->tokens[index - 1].line == token->line && scan->tokens[index - 1].file == token->file)
    index--;
  const char *start = scan->tokens[index].start;
  config_show_token(&(struct token){.start = start, .n = (uint32_t)strcspn(start, "\r\n")}, shown);
}

static void syntax_error(struct scan *scan, size_t index) {
  char shown[CONFIG_SHOWN_BYTES], line[CONFIG_SHOWN_BYTES], line_before[CONFIG_SHOWN_BYTES];
  if (scan->n_tokens == 0 || index >= scan->n_tokens) {
    config_fatal(scan, scan->n_tokens ? scan->n_tokens - 1 : 0, "", "syntax error: the file ends here, %s",
                 "but a value is missing");
    return;
  }
  size_t before = index;
  while (before > 0 && scan->tokens[before].line == scan->tokens[index].line) before--;
  config_show_token(&scan->tokens[index], shown);
  show_line(scan, index, line);
  show_line(scan, before, line_before);
  const bool first = scan->tokens[before].line == scan->tokens[index].line;
  config_fatal(scan, index, "", "syntax error at %s: %s; in `%s`%s%s%s", shown,
               guess(&scan->tokens[index], index > 0 ? &scan->tokens[index - 1] : NULL), line,
               first ? "" : ", after the line `", first ? "" : line_before, first ? "" : "`");
}

struct config_node *config_parse(struct scan *scan) {
  config_check(scan);
  if (scan->fatal) return NULL;
  unsigned line = 0;
  struct config_node *root = config_tree(config_emit(scan), scan->arena, &line);
  if (!root) syntax_error(scan, line > 0 ? line - 1 : 0);
  return root;
}

/* Lists, groups and quoted texts: the file's own syntax. */
static struct config_node *parse_structured(struct scan *scan, const char *value) {
  const char *text = arena_printf(scan->arena, "value = %s", value);
  config_scan_text(scan, "", text, strlen(text));
  struct config_node *root = config_parse(scan);
  if (root && root->n_children != 1) config_fatal(scan, 0, "", "one value is expected, found more behind it");
  return root && scan->n_issues == 0 ? root->first : NULL;
}

static bool has_control_character(const char *text) {
  for (; *text; text++)
    if (iscntrl((unsigned char)*text) && !strchr("\n\r\t\f", *text)) return true;
  return false;
}

struct config_node *config_parse_value(struct scan *scan, const char *value) {
  value += strspn(value, " \t");
  if (*value != '\0' && strchr("\"([{", *value)) return parse_structured(scan, value);
  size_t n = strlen(value);
  while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t')) n--;
  struct config_node *node = ARENA_NEW(scan->arena, struct config_node, 1);
  char *text = arena_printf(scan->arena, "%.*s", (int)n, value), problem[CONFIG_PROBLEM_BYTES];
  switch (config_literal(text, n, &node->integer, &node->real, problem)) {
  case LITERAL_INTEGER:
    node->kind = NODE_INTEGER;
    return node;
  case LITERAL_REAL:
    node->kind = NODE_REAL;
    return node;
  case LITERAL_REFUSED:
    config_fatal(scan, 0, "", "%s", problem);
    return NULL;
  case LITERAL_NONE:
    break;
  }
  if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0) {
    node->kind = NODE_BOOL;
    node->integer = tolower((unsigned char)*text) == 't';
    return node;
  }
  if (has_control_character(text) || !text_is_utf8(text)) {
    config_fatal(scan, 0, "", "the text holds control characters or is not UTF-8");
    return NULL;
  }
  node->kind = NODE_TEXT;
  node->text = text;
  return node;
}
