/* What are the words of a run file, and which file and line does each come from?
 *
 * libconfig 1.5 opens whatever @include names (for a folder it ends the program), forgets file names when it reads from
 * memory, and reads control characters wrongly or not at all. So we cut the text into tokens ourselves, expand @include
 * below the run file's folder only, and remember where each token stood. The lexical rules are those of the libconfig
 * manual, section 3, made stricter: texts end on their line, names have no '*'. Left out: what tokens mean
 * (config_check.c). */
#include "base/config.h"
#include "base/config_private.h"
#include "base/file.h"
#include "base/text.h"
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct cursor {
  struct scan *scan;
  const char *at, *end;
  size_t n_deep; /* files that include this one */
};

static void issue_at(struct scan *scan, size_t token, const char *path, const char *format, va_list arguments)
    __attribute__((format(printf, 4, 0)));
static void issue_at(struct scan *scan, size_t token, const char *path, const char *format, va_list arguments) {
  char what[CONFIG_PROBLEM_BYTES], shown_path[CONFIG_PATH_BYTES];
  vsnprintf(what, sizeof what, format, arguments);
  text_escape(scan->where ? scan->path : path, shown_path, sizeof shown_path);
  const char *colon = *shown_path ? ": " : "";
  struct issue *issue = ARENA_NEW(scan->arena, struct issue, 1);
  if (scan->where) {
    issue->text = arena_printf(scan->arena, "%s: %s%s%s", scan->where, shown_path, colon, what);
  } else {
    const bool known = token < scan->n_tokens;
    const char *name = scan->files[known ? scan->tokens[token].file : scan->file];
    char file[CONFIG_PATH_BYTES];
    text_escape(name, file, sizeof file);
    const unsigned line = known ? scan->tokens[token].line : scan->line;
    issue->text = arena_printf(scan->arena, "%s:%u: %s%s%s", file, line, shown_path, colon, what);
  }
  issue->order = (uint32_t)token;
  issue->serial = scan->n_issues++;
  issue->next = scan->issues;
  scan->issues = issue;
}

void config_issue(struct scan *scan, size_t token, const char *path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  issue_at(scan, token, path, format, arguments);
  va_end(arguments);
}

void config_fatal(struct scan *scan, size_t token, const char *path, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  issue_at(scan, token, path, format, arguments);
  va_end(arguments);
  scan->fatal = true;
}

static int compare_issues(const void *a, const void *b) {
  const struct issue *first = *(const struct issue *const *)a;
  const struct issue *second = *(const struct issue *const *)b;
  if (first->order != second->order) return first->order < second->order ? -1 : 1;
  return first->serial < second->serial ? -1 : first->serial > second->serial;
}

void config_report(const struct scan *scan, struct error *error) {
  const struct issue **sorted = ARENA_NEW(scan->arena, const struct issue *, scan->n_issues);
  size_t n = 0;
  for (const struct issue *issue = scan->issues; issue; issue = issue->next) sorted[n++] = issue;
  qsort(sorted, n, sizeof(*sorted), compare_issues);
  for (size_t i = 0; i < n; i++) error_add(error, STATUS_INPUT, "%s", sorted[i]->text);
}

void config_show_token(const struct token *token, char shown[CONFIG_SHOWN_BYTES]) {
  char text[CONFIG_SHOWN_BYTES + 1]; /* one more than is shown, so that a cut is seen as one */
  const size_t n = token->n < sizeof text - 1 ? token->n : sizeof text - 1;
  memcpy(text, token->start, n);
  text[n] = '\0';
  text_escape(text, shown, CONFIG_SHOWN_BYTES);
}

static void add_token(struct scan *scan, enum token_kind kind, const char *start, size_t n) {
  if (scan->n_tokens == CONFIG_MAX_TOKENS) {
    config_fatal(scan, scan->n_tokens, "", "more than %d words and marks, which is the most", CONFIG_MAX_TOKENS);
    return;
  }
  if (scan->n_tokens == scan->capacity) {
    scan->capacity = scan->capacity ? 2 * scan->capacity : 16;
    struct token *larger = ARENA_NEW(scan->arena, struct token, scan->capacity);
    if (scan->n_tokens > 0) memcpy(larger, scan->tokens, scan->n_tokens * sizeof *larger);
    scan->tokens = larger;
  }
  scan->tokens[scan->n_tokens++] =
      (struct token){.start = start, .n = (uint32_t)n, .line = scan->line, .file = scan->file, .kind = (uint8_t)kind};
}

/* Comments of all three kinds; false if there is none here. */
static bool skip_comment(struct cursor *cursor) {
  struct scan *scan = cursor->scan;
  const bool pair = cursor->at + 1 < cursor->end;
  if (*cursor->at == '#' || (pair && memcmp(cursor->at, "//", 2) == 0)) {
    while (cursor->at < cursor->end && *cursor->at != '\n') cursor->at++;
    return true;
  }
  if (!pair || memcmp(cursor->at, "/*", 2) != 0) return false;
  const uint32_t first_line = scan->line;
  for (cursor->at += 2; cursor->at < cursor->end; cursor->at++) {
    if (*cursor->at == '\n') scan->line++;
    if (*cursor->at == '*' && cursor->at + 1 < cursor->end && cursor->at[1] == '/') {
      cursor->at += 2;
      return true;
    }
  }
  scan->line = first_line;
  config_fatal(scan, scan->n_tokens, "", "the comment that opens here is never closed");
  return true;
}

/* The end of the text that opens at the cursor, behind its quote; NULL after a message. */
static const char *text_end(struct cursor *cursor) {
  for (const char *at = cursor->at + 1; at < cursor->end && *at != '\n'; at++) {
    if (*at == '"') return at + 1;
    if (*at == '\\') {
      if (at + 1 == cursor->end || at[1] == '\n') break;
      at++;
    }
  }
  config_fatal(cursor->scan, cursor->scan->n_tokens, "", "the quote that opens here is not closed on its line");
  return NULL;
}

static void scan_all(struct cursor cursor);

/* The path of an included file, resolved and proved to lie below the root folder; NULL after a message. */
static const char *include_path(struct scan *scan, const char *name) {
  char shown[CONFIG_SHOWN_BYTES], resolved[PATH_MAX];
  text_escape(name, shown, sizeof shown);
  if (!scan->root_folder) {
    config_fatal(scan, scan->n_tokens, "@include", "\"%s\": only files can include others", shown);
    return NULL;
  }
  const char *including = scan->files[scan->file];
  const char *slash = strrchr(including, '/');
  const int n_folder = slash ? (int)(slash - including) + 1 : 0;
  const char *path = arena_printf(scan->arena, "%.*s%s", n_folder, including, name);
  if (*name == '/' || !realpath(path, resolved)) {
    config_fatal(scan, scan->n_tokens, "@include", "\"%s\": %s", shown,
                 *name == '/' ? "absolute paths are refused; write it relative to this file"
                              : "no such file beside this one");
    return NULL;
  }
  const size_t n_root = strlen(scan->root_folder);
  const bool below = strncmp(resolved, scan->root_folder, n_root) == 0 &&
                     (resolved[n_root] == '/' || strcmp(scan->root_folder, "/") == 0);
  if (!below) {
    config_fatal(scan, scan->n_tokens, "@include", "\"%s\": lies outside the run file's folder", shown);
    return NULL;
  }
  return path;
}

static void include(struct cursor *cursor, const char *name) {
  struct scan *scan = cursor->scan;
  const char *path = include_path(scan, name);
  if (!path) return;
  if (cursor->n_deep == CONFIG_MAX_INCLUDES_DEEP || scan->n_files == CONFIG_MAX_FILES) {
    config_fatal(scan, scan->n_tokens, "@include", "more than %d files deep or %d in all; does a file include itself?",
                 CONFIG_MAX_INCLUDES_DEEP, CONFIG_MAX_FILES);
    return;
  }
  struct error error = {0};
  char *text;
  size_t n;
  if (!file_read(path, CONFIG_MAX_BYTES, scan->arena, &text, &n, &error)) {
    config_fatal(scan, scan->n_tokens, "@include", "%.*s", (int)error.length - 1, error.text);
    return;
  }
  const uint16_t file = scan->file;
  const uint32_t line = scan->line;
  scan->file = (uint16_t)scan->n_files;
  scan->files[scan->n_files++] = path;
  scan_all((struct cursor){.scan = scan, .at = text, .end = text + n, .n_deep = cursor->n_deep + 1});
  scan->file = file;
  scan->line = line;
}

/* @include "name" with nothing behind it but a comment. */
static void scan_include(struct cursor *cursor) {
  static const char word[] = "@include";
  struct scan *scan = cursor->scan;
  const size_t n_word = sizeof word - 1;
  const bool named = (size_t)(cursor->end - cursor->at) > n_word && memcmp(cursor->at, word, n_word) == 0;
  if (named) {
    cursor->at += n_word;
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t')) cursor->at++;
  }
  if (!named || cursor->at == cursor->end || *cursor->at != '"') {
    config_fatal(scan, scan->n_tokens, "", "\"@\" opens nothing but: @include \"file\"");
    return;
  }
  const char *end = text_end(cursor);
  if (!end) return;
  const char *name = arena_printf(scan->arena, "%.*s", (int)(end - cursor->at) - 2, cursor->at + 1);
  cursor->at = end;
  include(cursor, name);
}

static bool is_word(char letter, const char *more) {
  return isalnum((unsigned char)letter) || (letter != '\0' && strchr(more, letter));
}

static size_t word_bytes(const struct cursor *cursor, const char *more) {
  const char *at = cursor->at;
  while (at < cursor->end && is_word(*at, more)) at++;
  return (size_t)(at - cursor->at);
}

static bool is_bool(const char *word, size_t n) {
  return (n == 4 && strncasecmp(word, "true", 4) == 0) || (n == 5 && strncasecmp(word, "false", 5) == 0);
}

/* One token, or a message about what cannot be one. */
static void scan_token(struct cursor *cursor) {
  struct scan *scan = cursor->scan;
  const char letter = *cursor->at;
  const char *start = cursor->at;
  size_t n = 1;
  if (letter == '"') {
    const char *end = text_end(cursor);
    if (!end) return;
    n = (size_t)(end - start);
    add_token(scan, TOKEN_TEXT, start, n);
  } else if (letter != '\0' && strchr("=:;,(){}[]", letter)) {
    add_token(scan, TOKEN_MARK, start, n);
  } else if (isalpha((unsigned char)letter)) {
    n = word_bytes(cursor, "_-");
    add_token(scan, is_bool(start, n) ? TOKEN_BOOL : TOKEN_NAME, start, n);
  } else if (is_word(letter, "+-.")) {
    n = word_bytes(cursor, "+-._");
    add_token(scan, TOKEN_NUMBER, start, n);
  } else {
    char shown[8];
    text_escape((const char[]){letter, '\0'}, shown, sizeof shown);
    config_fatal(scan, scan->n_tokens, "", "unexpected character '%s'; texts and quantities are written in quotes",
                 shown);
  }
  cursor->at = start + n;
}

/* No control characters anywhere: libconfig ends a text at a NUL and joins what follows. */
static bool find_control_character(struct cursor cursor) {
  struct scan *scan = cursor.scan;
  for (; cursor.at < cursor.end; cursor.at++) {
    const unsigned char letter = (unsigned char)*cursor.at;
    if (letter == '\n') scan->line++;
    if ((letter >= 0x20 && letter != 0x7F) || letter == '\n' || letter == '\t' || letter == '\r') continue;
    config_fatal(scan, scan->n_tokens, "", "control character \\x%02X; only tabs and line ends are allowed", letter);
    return true;
  }
  scan->line = 1;
  return false;
}

static void scan_all(struct cursor cursor) {
  struct scan *scan = cursor.scan;
  const size_t n = (size_t)(cursor.end - cursor.at);
  scan->line = 1;
  scan->n_bytes += n;
  if (n > CONFIG_MAX_BYTES || scan->n_bytes > CONFIG_MAX_BYTES) {
    config_fatal(scan, scan->n_tokens, "", "the run file and what it includes exceed %d bytes, which is the most",
                 CONFIG_MAX_BYTES);
    return;
  }
  if (n >= 3 && memcmp(cursor.at, "\xEF\xBB\xBF", 3) == 0) cursor.at += 3; /* byte order mark */
  if (find_control_character(cursor)) return;
  while (cursor.at < cursor.end && !scan->fatal) {
    if (*cursor.at == '\n') scan->line++;
    if (isspace((unsigned char)*cursor.at))
      cursor.at++;
    else if (*cursor.at == '@')
      scan_include(&cursor);
    else if (!skip_comment(&cursor))
      scan_token(&cursor);
  }
}

void config_scan_text(struct scan *scan, const char *name, const char *text, size_t n) {
  scan->file = (uint16_t)scan->n_files;
  scan->files[scan->n_files++] = name;
  scan_all((struct cursor){.scan = scan, .at = text, .end = text + n});
}

const char *config_resolve_folder(const char *path, struct arena *arena) {
  const char *slash = strrchr(path, '/');
  const char *folder = !slash ? "." : slash == path ? "/" : arena_printf(arena, "%.*s", (int)(slash - path), path);
  char resolved[PATH_MAX];
  return realpath(folder, resolved) ? arena_copy_text(arena, resolved) : NULL;
}
