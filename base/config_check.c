/* What is wrong with the words of a run file before libconfig sees them?
 *
 * One pass over the tokens with a stack of open brackets. Mistakes that leave the rest readable (a literal that does
 * not fit, a key given twice, a bare word or unit) are noted and repaired, so that all mistakes of a file are shown at
 * once; those that do not (brackets, depth, too many keys) end the reading. The limits stand for libconfig's quadratic
 * and recursive spots. Left out: the grammar itself, which libconfig judges (config_parse.c). */
#include "base/config.h"
#include "base/config_private.h"
#include "base/text.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_TOKEN UINT32_MAX

struct frame {
  char bracket;     /* the opening one; '{' for the file itself */
  uint32_t opened;  /* its token */
  uint32_t key;     /* of a group: the key being set */
  uint32_t element; /* of a list: index from 0 */
  uint32_t group;   /* number of this group, to tell equal keys of different groups apart */
};

struct key {
  uint32_t token, group;
};

struct checker {
  struct scan *scan;
  struct frame frames[CONFIG_MAX_DEPTH + 1];
  size_t depth; /* of the innermost frame */
  struct key *keys;
  size_t n_keys;
  uint32_t n_groups;
};

/* The key under construction, with its groups: "blocks.[3].layers". */
static void path_of(const struct checker *checker, char path[CONFIG_PATH_BYTES]) {
  size_t n = 0;
  path[0] = '\0';
  for (size_t i = 0; i <= checker->depth && n < CONFIG_PATH_BYTES; i++) {
    const struct frame *frame = &checker->frames[i];
    const char *dot = n > 0 ? "." : "";
    int more = 0;
    if (frame->bracket != '{') {
      more = snprintf(path + n, CONFIG_PATH_BYTES - n, "%s[%u]", dot, frame->element);
    } else if (frame->key != NO_TOKEN) {
      const struct token *key = &checker->scan->tokens[frame->key];
      more = snprintf(path + n, CONFIG_PATH_BYTES - n, "%s%.*s", dot, (int)key->n, key->start);
    }
    n += (size_t)more;
  }
}

/* Its value is spoilt: one message is enough, config_apply shall keep silent about it. */
static void mark_key(struct checker *checker) {
  for (size_t i = checker->depth + 1; i-- > 0;) {
    const struct frame *frame = &checker->frames[i];
    if (frame->bracket != '{' || frame->key == NO_TOKEN) continue;
    checker->scan->tokens[frame->key].faulty = true;
    return;
  }
}

static bool in_list(const struct checker *checker) { return checker->frames[checker->depth].bracket != '{'; }

static bool is_key(const struct scan *scan, size_t i) {
  return scan->tokens[i].kind == TOKEN_NAME && i + 1 < scan->n_tokens &&
         (config_is_mark(&scan->tokens[i + 1], '=') || config_is_mark(&scan->tokens[i + 1], ':'));
}

static bool same_text(const struct token *a, const struct token *b) {
  return a->n == b->n && memcmp(a->start, b->start, a->n) == 0;
}

static void check_key(struct checker *checker, uint32_t i) {
  struct scan *scan = checker->scan;
  struct frame *frame = &checker->frames[checker->depth];
  char path[CONFIG_PATH_BYTES];
  frame->key = i;
  path_of(checker, path);
  if (checker->n_keys == CONFIG_MAX_KEYS) {
    config_fatal(scan, i, path, "more than %d keys, which is the most", CONFIG_MAX_KEYS);
    return;
  }
  for (size_t k = 0; k < checker->n_keys; k++) {
    const struct token *earlier = &scan->tokens[checker->keys[k].token];
    if (checker->keys[k].group != frame->group || !same_text(earlier, &scan->tokens[i])) continue;
    config_issue(scan, i, path, "is given twice; the first one is in line %u of %s", earlier->line,
                 scan->files[earlier->file]);
    scan->tokens[i].duplicate = true;
    return;
  }
  checker->keys[checker->n_keys++] = (struct key){i, frame->group};
}

static void open_bracket(struct checker *checker, uint32_t i) {
  struct scan *scan = checker->scan;
  const char bracket = *scan->tokens[i].start;
  char path[CONFIG_PATH_BYTES];
  path_of(checker, path);
  if (checker->depth == CONFIG_MAX_DEPTH) {
    config_fatal(scan, i, path, "more than %d brackets deep, which is the most", CONFIG_MAX_DEPTH);
    return;
  }
  if (checker->frames[checker->depth].bracket == '[')
    config_issue(scan, i, path, "[ ] holds plain values only; write ( ) around groups and lists");
  checker->frames[++checker->depth] =
      (struct frame){.bracket = bracket, .opened = i, .key = NO_TOKEN, .group = ++checker->n_groups};
}

static void close_bracket(struct checker *checker, uint32_t i) {
  struct scan *scan = checker->scan;
  const char bracket = *scan->tokens[i].start;
  const struct frame *frame = &checker->frames[checker->depth];
  const char expected = frame->bracket == '{' ? '}' : frame->bracket == '(' ? ')' : ']';
  if (checker->depth == 0)
    config_fatal(scan, i, "", "'%c' closes nothing that is open", bracket);
  else if (bracket != expected)
    config_fatal(scan, i, "", "'%c' cannot close the '%c' of line %u", bracket, frame->bracket,
                 scan->tokens[frame->opened].line);
  else
    checker->depth--;
}

static void check_mark(struct checker *checker, uint32_t i) {
  const char mark = *checker->scan->tokens[i].start;
  if (strchr("{([", mark))
    open_bracket(checker, i);
  else if (strchr("})]", mark))
    close_bracket(checker, i);
  else if (mark == ',' && in_list(checker) && ++checker->frames[checker->depth].element >= CONFIG_MAX_LIST)
    config_fatal(checker->scan, i, "", "a list of more than %d values, which is the most", CONFIG_MAX_LIST);
}

static void check_number(struct checker *checker, uint32_t i) {
  struct scan *scan = checker->scan;
  struct token *token = &scan->tokens[i];
  char path[CONFIG_PATH_BYTES], problem[CONFIG_PROBLEM_BYTES], shown[CONFIG_SHOWN_BYTES];
  int64_t integer;
  double real;
  const enum literal kind = config_literal(token->start, token->n, &integer, &real, problem);
  if (kind == LITERAL_INTEGER || kind == LITERAL_REAL) return;
  path_of(checker, path);
  config_show_token(token, shown);
  if (kind == LITERAL_NONE)
    config_issue(scan, i, path, "%s is no number; quantities and ranges are written in quotes: \"96 GiB\", \"1..9 +2\"",
                 shown);
  else
    config_issue(scan, i, path, "%s", problem);
  token->faulty = true;
  mark_key(checker);
}

/* Drops the rest of a value that was written without quotes: words up to a mark or the next key. */
static void drop_words(struct scan *scan, size_t i) {
  for (; i < scan->n_tokens && scan->tokens[i].kind != TOKEN_MARK && !is_key(scan, i); i++)
    scan->tokens[i].kind = TOKEN_DROPPED;
}

/* A name that is no key: a unit behind a number, a text without quotes, or something that libconfig will refuse. */
static void check_bare_word(struct checker *checker, uint32_t i) {
  struct scan *scan = checker->scan;
  if (i == 0) return;
  struct token *token = &scan->tokens[i];
  const struct token *before = &scan->tokens[i - 1];
  const bool value =
      config_is_mark(before, '=') || config_is_mark(before, ':') ||
      (in_list(checker) && (config_is_mark(before, ',') || config_is_mark(before, '(') || config_is_mark(before, '[')));
  if (!value && before->kind != TOKEN_NUMBER) return;
  char path[CONFIG_PATH_BYTES], shown[CONFIG_SHOWN_BYTES], shown_before[CONFIG_SHOWN_BYTES];
  path_of(checker, path);
  config_show_token(token, shown);
  config_show_token(before, shown_before);
  if (value)
    config_issue(scan, i, path, "%s is no value; a text is written in quotes: \"%s\"", shown, shown);
  else if (!before->faulty)
    config_issue(scan, i, path, "%s stands behind a number; a quantity is written in quotes: \"%s %s\"", shown,
                 shown_before, shown);
  mark_key(checker);
  drop_words(scan, value ? i + 1 : i);
  if (value) token->kind = TOKEN_TEXT; /* config_emit adds the quotes */
}

/* What a backslash may stand before. A control character written as \x00 would end libconfig's text early. */
static const char *escape_problem(const struct token *token) {
  for (size_t i = 1; i + 1 < token->n; i++) {
    if (token->start[i] != '\\') continue;
    const char letter = token->start[++i];
    if (strchr("nrtf\\\"", letter)) continue;
    const char *digits = token->start + i + 1;
    if (letter != 'x' || !isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
      return "a backslash stands only in \\n, \\r, \\t, \\f, \\\\, \\\" and \\x with two hexadecimal digits";
    const unsigned long code = strtoul((const char[]){digits[0], digits[1], '\0'}, NULL, 16);
    if (code < 0x20 || code >= 0x7F) return "\\x stands for printable ASCII only, \\x20 to \\x7e";
    i += 2;
  }
  return NULL;
}

static void check_text(struct checker *checker, uint32_t i) {
  struct scan *scan = checker->scan;
  const struct token *token = &scan->tokens[i];
  const char *problem = escape_problem(token);
  if (!problem && !text_is_utf8(arena_printf(scan->arena, "%.*s", (int)token->n, token->start)))
    problem = "the text is not UTF-8";
  if (!problem) return;
  char path[CONFIG_PATH_BYTES];
  path_of(checker, path);
  config_issue(scan, i, path, "%s", problem);
  scan->tokens[i].faulty = true;
  mark_key(checker);
}

static void check_token(struct checker *checker, uint32_t i) {
  switch ((enum token_kind)checker->scan->tokens[i].kind) {
  case TOKEN_MARK:
    check_mark(checker, i);
    break;
  case TOKEN_NUMBER:
    check_number(checker, i);
    break;
  case TOKEN_TEXT:
    check_text(checker, i);
    break;
  case TOKEN_NAME:
    if (is_key(checker->scan, i) && !in_list(checker))
      check_key(checker, i);
    else
      check_bare_word(checker, i);
    break;
  case TOKEN_BOOL:
  case TOKEN_DROPPED:
    break;
  }
}

void config_check(struct scan *scan) {
  const size_t n_keys = scan->n_tokens < CONFIG_MAX_KEYS ? scan->n_tokens : CONFIG_MAX_KEYS;
  struct checker checker = {.scan = scan, .keys = ARENA_NEW(scan->arena, struct key, n_keys)};
  checker.frames[0] = (struct frame){.bracket = '{', .key = NO_TOKEN};
  /* What was read before the scanning broke off is judged all the same; but its brackets need not be closed. */
  const bool broken_off = scan->fatal;
  scan->fatal = false;
  for (uint32_t i = 0; i < scan->n_tokens && !scan->fatal; i++) check_token(&checker, i);
  if (broken_off) scan->fatal = true;
  if (scan->fatal || checker.depth == 0) return;
  const struct frame *open = &checker.frames[checker.depth];
  config_fatal(scan, open->opened, "", "the '%c' that opens here is never closed", open->bracket);
}
