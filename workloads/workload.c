/* How does a name become a forward operator graph?
 *
 * By its ending: a graph file is imported, a model file is handed to the generator of its `kind`; any other name is
 * looked for among the shipped model files. Source: workloads §1. */
#include "workloads/workload.h"
#include "base/file.h"
#include "base/text.h"
#include "workloads/json_graph.h"
#include "workloads/onnx.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct workload_generator *const workload_generators[] = {
#define GENERATOR(kind) &kind##_generator,
#include "workloads/generators.def"
#undef GENERATOR
};
const size_t n_workload_generators = sizeof workload_generators / sizeof *workload_generators;

enum { ESCAPED_BYTES = 120 };

static const struct field check_field_list[] = {
    {"parameters", FIELD_UINT, "", 0, 0, "0", "trainable parameters of the file's own values",
     offsetof(struct workload_check, parameters), ROLE_NONE, NULL},
    {"frozen_parameters", FIELD_UINT, "", 0, 0, "0", "parameters besides them that are not trained",
     offsetof(struct workload_check, frozen_parameters), ROLE_NONE, NULL},
    {"forward_flop", FIELD_UINT, "flop", 0, 0, "0", "forward flop of one sample, twice the multiply-accumulates",
     offsetof(struct workload_check, forward_flop), ROLE_NONE, NULL},
    {"source", FIELD_TEXT, "", 0, 0, "\"\"", "where the two numbers come from", offsetof(struct workload_check, source),
     ROLE_NONE, NULL},
};
static const struct field_table check_fields = {"check", "What a model file's counts must be.", check_field_list,
                                                sizeof check_field_list / sizeof *check_field_list};

bool generation_settings(struct generation *generation, const struct field_table *table, void *settings,
                         const struct config_section *more, size_t n_more, struct error *error) {
  struct config_section *const sections = ARENA_NEW(generation->arena, struct config_section, n_more + 2);
  struct workload_check *const check = &generation->workload->check;
  sections[0] = (struct config_section){"", table, settings, true};
  sections[1] = (struct config_section){"check", &check_fields, check, false};
  for (size_t i = 0; i < n_more; i++) sections[i + 2] = more[i];
  check->present = config_has(generation->config, "check");
  return config_apply(generation->config, sections, n_more + 2, generation->arena, error);
}

static bool ends_in(const char *text, const char *ending) {
  const size_t n = strlen(text), n_ending = strlen(ending);
  return n > n_ending && strcmp(text + n - n_ending, ending) == 0;
}

/* "a/b/llama.cfg" → "llama" */
static const char *stem(const char *path, struct arena *arena) {
  const char *const slash = strrchr(path, '/');
  char *const name = arena_copy_text(arena, slash != NULL ? slash + 1 : path);
  char *const dot = strrchr(name, '.');
  if (dot != NULL && dot != name) *dot = '\0';
  return name;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool workload_list(const char *data_folder, struct arena *arena, const char *const **names, size_t *n,
                   struct error *error) {
  const char *const folder = arena_printf(arena, "%s/workloads/models", data_folder);
  DIR *const handle = opendir(folder);
  if (handle == NULL)
    return error_add(error, STATUS_ENVIRONMENT, "%s: cannot list the model files: %s", folder, strerror(errno));
  size_t n_held = 64, n_found = 0;
  const char **found = ARENA_NEW(arena, const char *, n_held);
  for (const struct dirent *entry; (entry = readdir(handle)) != NULL;) {
    if (entry->d_name[0] == '.' || !ends_in(entry->d_name, ".cfg")) continue;
    if (n_found == n_held) {
      const char **const more = ARENA_NEW(arena, const char *, 2 * n_held);
      memcpy(more, found, n_found * sizeof *found);
      found = more;
      n_held *= 2;
    }
    found[n_found++] = stem(entry->d_name, arena);
  }
  closedir(handle);
  qsort(found, n_found, sizeof *found, compare_names);
  *names = found;
  *n = n_found;
  return true;
}

/* Names that begin with the word that was typed, "bert" for "bert-base", "bert-large"; NULL if none do. */
static const char *names_that_begin(const char *word, const char *const *names, size_t n, struct arena *scratch) {
  const char *text = NULL;
  for (size_t i = 0; i < n; i++) {
    if (word[0] == '\0' || strncmp(names[i], word, strlen(word)) != 0) continue;
    text = text == NULL ? arena_printf(scratch, "'%s'", names[i]) : arena_printf(scratch, "%s or '%s'", text, names[i]);
  }
  return text;
}

/* The path of a shipped model, or a message with the nearest name. */
static const char *model_path(const struct workload_request *request, struct arena *scratch, struct error *error) {
  const char *const path = arena_printf(scratch, "%s/workloads/models/%s.cfg", request->data_folder, request->name);
  if (strchr(request->name, '/') == NULL && file_exists(path)) return path;
  char escaped[ESCAPED_BYTES];
  text_escape(request->name, escaped, sizeof escaped);
  const char *const *names;
  size_t n;
  if (!workload_list(request->data_folder, scratch, &names, &n, error)) return NULL;
  const char *const nearest = text_nearest(request->name, names, n);
  const char *const longer = names_that_begin(request->name, names, n, scratch);
  if (nearest != NULL)
    error_add(error, STATUS_INPUT, "workload: there is no model '%s', did you mean '%s'?", escaped, nearest);
  else if (longer != NULL)
    error_add(error, STATUS_INPUT, "workload: there is no model '%s', did you mean %s?", escaped, longer);
  else
    error_add(
        error, STATUS_INPUT,
        "workload: there is no model '%s', allowed are the %zu names of `dse list workloads` and paths that end in "
        ".cfg, .json or .onnx",
        escaped, n);
  return NULL;
}

static const struct workload_generator *find_generator(const struct config *config, struct arena *arena,
                                                       struct error *error) {
  const char *kind;
  if (!config_peek_text(config, "kind", "", arena, &kind, error)) return NULL;
  const char **const kinds = ARENA_NEW(arena, const char *, n_workload_generators);
  const char *list = "";
  for (size_t i = 0; i < n_workload_generators; i++) {
    kinds[i] = workload_generators[i]->kind;
    if (strcmp(kind, kinds[i]) == 0) return workload_generators[i];
    list = arena_printf(arena, "%s%s%s", list, i > 0 ? ", " : "", kinds[i]);
  }
  const char *file;
  const unsigned line = config_line(config, "kind", &file);
  char escaped[ESCAPED_BYTES];
  text_escape(kind, escaped, sizeof escaped);
  error_add(error, STATUS_INPUT, "%s:%u: kind: there is no kind '%s' of model, allowed are %s", file, line, escaped,
            list);
  return NULL;
}

static bool generate(const struct workload_request *request, const struct config *config, struct arena *arena,
                     struct arena *scratch, struct workload *workload, struct error *error) {
  const struct workload_generator *const generator = find_generator(config, scratch, error);
  if (generator == NULL) return false;
  workload->kind = generator->kind;
  workload->sample = generator->sample;
  struct generation generation = {request, config, arena, graph_builder_new(scratch), workload};
  return generator->generate(&generation, error) &&
         graph_builder_finish(generation.builder, arena, &workload->graph, error);
}

static bool load_model(const struct workload_request *request, const char *path, struct arena *arena,
                       struct arena *scratch, struct workload *workload, struct error *error) {
  struct config *config;
  if (!config_open(path, request->sets, request->n_sets, arena, &config, error)) return false;
  const bool generated = generate(request, config, arena, scratch, workload, error);
  config_close(config);
  return generated;
}

/* A graph file has its sizes in its shapes: nothing about them can be asked for. */
static bool load_graph(const struct workload_request *request, struct arena *arena, struct arena *scratch,
                       struct workload *workload, struct error *error) {
  const size_t n_before = error->n_messages;
  if (request->batch != 1)
    error_add(error, STATUS_INPUT, "%s: batch: is %llu, but the batch of a graph file lies in its shapes, allowed is 1",
              request->name, (unsigned long long)request->batch);
  for (size_t i = 0; i < request->n_sets; i++)
    error_add(error, STATUS_INPUT, "%s: %s: a graph file has no keys to set", request->name, request->sets[i].path);
  if (error->n_messages > n_before) return false;
  workload->kind = "graph";
  workload->sample = "trace";
  return json_graph_load(request->name, request->element_bytes, arena, scratch, &workload->graph, error);
}

/* An ONNX file has symbols to set, and its batch is the first dimension of its inputs. */
static bool load_onnx(const struct workload_request *request, struct arena *arena, struct arena *scratch,
                      struct workload *workload, struct error *error) {
  char *bytes;
  size_t n;
  if (!file_read(request->name, ONNX_MAX_BYTES, scratch, &bytes, &n, error)) return false;
  struct onnx_notes *const notes = ARENA_NEW(arena, struct onnx_notes, 1);
  workload->kind = "onnx";
  workload->sample = "sample";
  workload->onnx = notes;
  const struct generation generation = {request, NULL, arena, graph_builder_new(scratch), workload};
  if (!onnx_parse(request->name, (const uint8_t *)bytes, n, &generation, scratch, notes, error)) return false;
  onnx_keep_notes(notes, arena);
  return graph_builder_finish(generation.builder, arena, &workload->graph, error);
}

bool workload_load(const struct workload_request *request, struct arena *arena, struct arena *scratch,
                   struct workload *workload, struct error *error) {
  if (request->batch == 0) return error_add(error, STATUS_INPUT, "batch: is 0, allowed is at least 1");
  if (request->element_bytes != 1 && request->element_bytes != 2 && request->element_bytes != 4)
    return error_add(error, STATUS_INPUT, "element_bytes: is %llu, allowed are 1, 2 and 4",
                     (unsigned long long)request->element_bytes);
  *workload =
      (struct workload){.name = stem(request->name, arena), .batch = request->batch, .overridden = request->n_sets > 0};
  const struct arena_mark mark = arena_get_mark(scratch);
  bool loaded = false;
  if (ends_in(request->name, ".json")) {
    loaded = load_graph(request, arena, scratch, workload, error);
  } else if (ends_in(request->name, ".onnx")) {
    loaded = load_onnx(request, arena, scratch, workload, error);
  } else if (ends_in(request->name, ".cfg")) {
    loaded = load_model(request, request->name, arena, scratch, workload, error);
  } else {
    workload->name = arena_copy_text(arena, request->name); /* dots are part of it: llama3.1-405b */
    const char *const path = model_path(request, scratch, error);
    loaded = path != NULL && load_model(request, path, arena, scratch, workload, error);
  }
  arena_rewind(scratch, mark);
  return loaded;
}

bool workload_exists(const struct workload_request *request, struct arena *scratch, struct error *error) {
  const char *const name = request->name;
  if (!ends_in(name, ".json") && !ends_in(name, ".onnx") && !ends_in(name, ".cfg")) {
    const struct arena_mark mark = arena_get_mark(scratch);
    const bool found = model_path(request, scratch, error) != NULL;
    arena_rewind(scratch, mark);
    return found;
  }
  if (access(name, R_OK) == 0) return true;
  char escaped[ESCAPED_BYTES];
  text_escape(name, escaped, sizeof escaped);
  return error_add(error, STATUS_ENVIRONMENT, "%s: cannot be opened: %s", escaped, strerror(errno));
}

bool workload_export_json(const struct op_graph *graph, const char *name, const char *path, struct error *error) {
  struct arena arena;
  arena_init(&arena, 1 << 20);
  const char *text;
  size_t n;
  const bool written = json_graph_write(graph, name, &arena, &text, &n, error) && file_publish(path, text, n, error);
  arena_release(&arena);
  return written;
}
