/* How do words in a run file become checked settings?
 *
 * Each struct that can be set owns one table of fields (key, type, unit, range, default, one sentence). The same table
 * reads, checks, prints the resolved settings, documents itself in `dse list`, and feeds the digest of the settings.
 * libconfig is included in config_tree.c alone; what version 1.5 does silently wrong (integers that wrap, quadratic
 * reading, @include of anything, 1e400) is caught before it sees the text. All mistakes of a file are reported at once,
 * sorted by line, as `file:line: key: what is wrong, what is allowed`. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include <stdint.h>
#include <stdio.h>

enum field_type {
  FIELD_BOOL,        /* bool */
  FIELD_UINT,        /* uint64_t; a whole float is accepted, so is a quantity text in the field's unit */
  FIELD_REAL,        /* double; an integer is accepted, so is a quantity text */
  FIELD_TEXT,        /* const char *, in the arena; default may be "" */
  FIELD_CHOICE,      /* uint64_t: index into `choices`; written as one of the texts */
  FIELD_UINT_LIST,   /* struct uint_list: [1, 2, 4], a single value, or a range text "4..256 x2" or "1..9 +2" */
  FIELD_REAL_LIST,   /* struct real_list: as above */
  FIELD_TEXT_LIST,   /* struct text_list */
  FIELD_CHOICE_LIST, /* struct uint_list of indices into `choices` */
  FIELD_UINT_RULE,   /* struct uint_rule: as FIELD_UINT_LIST, or a rule that gives the value, "= tc_cols" */
};

struct uint_list {
  size_t n;
  const uint64_t *values;
};
/* Values, or the text behind the '=' of a rule; the first two members are those of struct uint_list. */
struct uint_rule {
  size_t n; /* 0 with a rule */
  const uint64_t *values;
  const char *rule; /* NULL: values */
};
struct real_list {
  size_t n;
  const double *values;
};
struct text_list {
  size_t n;
  const char *const *values;
};

/* What a key can change: answers, only when a run stops, or neither (then it stays out of the digest). A key that came
 * when there were runs already, and whose default is what was before, counts where it has another value: so runs and
 * designs that do without it keep their digests and names. */
enum field_role { ROLE_ANSWER, ROLE_STOP, ROLE_NONE, ROLE_ANSWER_UNLESS_DEFAULT };

struct field {
  const char *key;
  enum field_type type;
  const char *unit;         /* "" if none; keys carry it in their names */
  double minimum, maximum;  /* of numbers and list elements, inclusive; both 0: any */
  const char *default_text; /* as it would be written in a file, e.g. "[1, 2]" or "\"x2\""; NULL: required */
  const char *doc;          /* one sentence */
  size_t offset;            /* offsetof in the struct */
  enum field_role role;
  const char *const *choices; /* NULL-terminated, for FIELD_CHOICE and _LIST */
};

struct field_table {
  const char *name; /* of the settings it fills, for `dse list keys` */
  const char *doc;  /* one sentence */
  const struct field *fields;
  size_t n_fields;
};

/* One group of a file and where its settings go. `group` is a libconfig path: "" is the top level, "space", "a.b", or
 * an element of a list of groups, "blocks.[3]". A group that is missing gives defaults (and errors for required keys
 * only if `required`). Top-level groups not named by any section, and keys not in the table, are errors with a
 * suggestion. */
struct config_section {
  const char *group;
  const struct field_table *table;
  void *into;
  bool required;
};

struct config; /* a parsed file */

/* `--set path=value`: value in the file's own syntax; a bare word that is no literal is taken as text. */
struct config_set {
  const char *path, *value;
};

enum { CONFIG_MAX_BYTES = 1 << 20, CONFIG_MAX_DEPTH = 64, CONFIG_MAX_KEYS = 4096 };

/* Reads and parses; expands @include (relative to the including file, never above the first file's folder); applies
 * `sets` on top. The config lives until config_close; texts handed out by config_apply are copied to `arena`. */
bool config_open(const char *path, const struct config_set *sets, size_t n_sets, struct arena *arena,
                 struct config **config, struct error *error);
/* The same from text in memory; `name` stands for the file in messages. */
bool config_open_text(const char *name, const char *text, size_t n, const struct config_set *sets, size_t n_sets,
                      struct arena *arena, struct config **config, struct error *error);
void config_close(struct config *config);

/* Fills every section's struct (defaults < file < sets), checks types, ranges, units, choices, duplicate and unknown
 * keys; adds every mistake to `error`, sorted by line. All groups of the file must be covered by the sections.
 * Returns false if anything was wrong. */
bool config_apply(const struct config *config, const struct config_section *sections, size_t n_sections,
                  struct arena *arena, struct error *error);

/* A top-level text (or `fallback` if absent): to choose the table before config_apply. False if it is not a text. */
bool config_peek_text(const struct config *config, const char *path, const char *fallback, struct arena *arena,
                      const char **text, struct error *error);
/* Elements of a list or array, 0 if absent. */
size_t config_count(const struct config *config, const char *path);
bool config_has(const struct config *config, const char *path);
/* Line of a path in the file as the user sees it (0 if it came from a default or --set), and the file's name: for
 * messages by those who check more than a table can. */
unsigned config_line(const struct config *config, const char *path, const char **file);

/* All defaults of a table, e.g. for tests or for structs that no file sets. */
void config_defaults(const struct field_table *table, struct arena *arena, void *into);
/* One value in file syntax into one field: for `--design k=v`. Messages open with "where: key: ". */
bool config_set_field(const struct field *field, void *into, const char *value, const char *where, struct arena *arena,
                      struct error *error);
const struct field *config_find_field(const struct field_table *table, const char *key);

/* Writes the sections as a file that reads back to the same settings; every key with its unit and sentence as a
 * comment if `comments`. */
void config_write(FILE *out, const struct config_section *sections, size_t n_sections, bool comments) __asm__(
    "dse_config_write"); /* libconfig has a config_write of its own: the linker must not take one for the other */
/* The same as a text in the arena. */
const char *config_text(const struct config_section *sections, size_t n_sections, bool comments, struct arena *arena);
/* One field's value in file syntax (into the arena). */
const char *config_value_text(const struct field *field, const void *from, struct arena *arena);
/* Does the value count in digests? */
bool config_counts(const struct field *field, const void *from);
/* Feeds the values of all fields that count, with their keys. */
void config_digest(struct digest_stream *stream, const struct config_section *sections, size_t n_sections);

#endif
