/* What the files behind base/config.h share: tokens, problems, and the tree of a parsed file.
 *
 * A run file passes through four stages, a file each: config_scan.c makes tokens out of bytes and expands @include,
 * config_check.c judges them and writes them out again in a form that libconfig 1.5 reads without surprises,
 * config_tree.c has libconfig parse that form, config_apply.c moves the tree's values into structs. */
#ifndef BASE_CONFIG_PRIVATE_H
#define BASE_CONFIG_PRIVATE_H

#include "base/arena.h"
#include "base/error.h"
#include <stdint.h>

struct field; /* base/config.h */

enum {
  CONFIG_MAX_FILES = 64,        /* the run file and what it includes */
  CONFIG_MAX_INCLUDES_DEEP = 8, /* catches a file that includes itself */
  CONFIG_MAX_TOKENS = 200000,   /* bounds the memory that a hostile file can ask for: about 150 bytes each */
  CONFIG_MAX_LIST = 65536,      /* values of one list, and of one range text */
  CONFIG_PATH_BYTES = 256,      /* of a key with its groups, in messages and as an argument */
  CONFIG_SHOWN_BYTES = 72,      /* of a text out of the file in messages */
  CONFIG_PROBLEM_BYTES = 1024,  /* of what is wrong with one value */
};
/* In place of a token: the value came from --set. Not an enumerator: those are ints. */
#define CONFIG_FROM_SET UINT32_MAX

enum token_kind { TOKEN_NAME, TOKEN_NUMBER, TOKEN_BOOL, TOKEN_TEXT, TOKEN_MARK, TOKEN_DROPPED };

/* A piece of a file's text, not copied. A TOKEN_TEXT includes its quotes. */
struct token {
  const char *start;
  uint32_t n, line; /* bytes; line in its file from 1 */
  uint16_t file;    /* index into scan.files */
  uint8_t kind;
  bool faulty;    /* a message was given; of a key: about its value */
  bool duplicate; /* of a key */
};

/* One mistake, kept until all are known and can be sorted. */
struct issue {
  uint32_t order; /* the token where it was seen: position in the expanded text */
  size_t serial;
  const char *text;
  struct issue *next;
};

/* A file on its way to a tree. */
struct scan {
  struct arena *arena;     /* owns everything here */
  const char *where;       /* opens messages in place of file:line, e.g. "--set"; NULL for files */
  const char *path;        /* with `where`: the key in messages */
  const char *root_folder; /* resolved; included files lie below. NULL: nothing can be included */
  const char *files[CONFIG_MAX_FILES];
  size_t n_files, n_bytes;
  uint32_t line; /* where the scanning stands: of the next token */
  uint16_t file;
  struct token *tokens;
  size_t n_tokens, capacity;
  struct issue *issues; /* newest first */
  size_t n_issues;
  bool fatal; /* no tree can be made */
};

enum node_kind { NODE_GROUP, NODE_LIST, NODE_INTEGER, NODE_REAL, NODE_TEXT, NODE_BOOL };

struct config_node {
  enum node_kind kind;
  uint32_t token;   /* where it stands, or CONFIG_FROM_SET */
  const char *name; /* NULL for list elements and the root */
  struct config_node *first, *last, *next;
  size_t n_children;
  int64_t integer; /* of NODE_INTEGER and NODE_BOOL */
  double real;
  const char *text;
};

struct config {
  struct arena arena;
  struct scan scan;
  struct config_node *root;
};

/* Adds a message about a token (scan->n_tokens: the next one); `path` may be "". */
void config_issue(struct scan *scan, size_t token, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same, and marks the scan as hopeless. */
void config_fatal(struct scan *scan, size_t token, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* All messages to `error`, sorted by place. */
void config_report(const struct scan *scan, struct error *error);
/* Text of a token for messages, escaped and cut. */
void config_show_token(const struct token *token, char shown[CONFIG_SHOWN_BYTES]);

/* Appends the tokens of `text` (which stays), as file `name`, which includes others from its own folder if
 * scan->root_folder is set. */
void config_scan_text(struct scan *scan, const char *name, const char *text, size_t n);
/* The folder of a path with links resolved; NULL if it cannot be. */
const char *config_resolve_folder(const char *path, struct arena *arena);
static inline bool config_is_mark(const struct token *token, char mark) {
  return token->kind == TOKEN_MARK && *token->start == mark;
}

/* Judges the tokens: depth, keys, duplicates, literals, escapes, bare words and units. */
void config_check(struct scan *scan);
/* The tokens as text for libconfig, one token a line, so that its line numbers are token numbers. A key given again is
 * written as "*N", a name that no file can hold, and left out of the tree. */
const char *config_emit(const struct scan *scan);

/* What a number is, or why it cannot stand: NULL and *integer or *real, or the reason in `problem`. */
enum literal { LITERAL_INTEGER, LITERAL_REAL, LITERAL_REFUSED, LITERAL_NONE };
enum literal config_literal(const char *start, size_t n, int64_t *integer, double *real,
                            char problem[CONFIG_PROBLEM_BYTES]);

/* Has libconfig parse what config_emit wrote. NULL with *line (from 1, so the token's index + 1) on a syntax error. */
struct config_node *config_tree(const char *text, struct arena *arena, unsigned *line);
/* Scan, check, emit and parse of what was scanned; NULL if fatal. */
struct config_node *config_parse(struct scan *scan);
/* A value as after --set: literal, text in quotes, list, group; else the text itself. Messages start "where: path: ".
 * NULL if it has a mistake. */
struct config_node *config_parse_value(struct scan *scan, const char *value);

struct config_node *config_child(const struct config_node *group, const char *name);
/* The node at a path such as "a.b" or "blocks.[3].c"; NULL if there is none. "" is the root. */
struct config_node *config_find(struct config_node *root, const char *path);

/* Reads a node into a field of the struct at `into`, which stays as it is on failure. On failure `problem` says why,
 * and *element is the faulty element of a list or SIZE_MAX. */
struct config_problem {
  size_t element;
  char text[CONFIG_PROBLEM_BYTES];
};
bool config_read_value(const struct field *field, const struct config_node *node, void *into, struct arena *arena,
                       struct config_problem *problem);
/* "4..256 x2" and "1..9 +2" as doubles, for config_read_value. False with the reason in `problem`. */
bool config_range(const char *text, const char *unit, struct arena *arena, double **values, size_t *n,
                  char problem[CONFIG_PROBLEM_BYTES]);

#endif
