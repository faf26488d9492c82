/* How does an instance get out, so that it reads back equal? See tenancy_read.h. Doubles are written with as many
 * digits as they need, 17 at most. */
#include "search/tenancy/tenancy_read.h"

#include "base/file.h"
#include "base/text.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* A text that grows by doubling in an arena. */
struct buffer {
  struct arena *arena;
  char *bytes;
  size_t n, room;
};

static void append(struct buffer *buffer, const char *text) {
  const size_t n = strlen(text);
  if (buffer->n + n > buffer->room) {
    buffer->room = 2 * (buffer->room + n) + (1 << 12);
    char *larger = arena_alloc(buffer->arena, buffer->room, 1);
    if (buffer->n > 0) memcpy(larger, buffer->bytes, buffer->n);
    buffer->bytes = larger;
  }
  memcpy(buffer->bytes + buffer->n, text, n);
  buffer->n += n;
}

static void append_whole(struct buffer *buffer, uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, ",%" PRIu64, value);
  append(buffer, text);
}

static void append_double(struct buffer *buffer, double value) {
  char text[32];
  text_from_double(value, text);
  append(buffer, ",");
  append(buffer, text);
}

/* Always in quotes: names of tenants may hold commas. */
static void append_quoted(struct buffer *buffer, const char *text) {
  append(buffer, ",\"");
  for (; *text != 0; text++) append(buffer, *text == '"' ? "\"\"" : (const char[]){*text, 0});
  append(buffer, "\"");
}

static bool publish(const char *folder, const char *name, const struct buffer *buffer, struct arena *arena,
                    struct error *error) {
  return file_publish(arena_printf(arena, "%s/%s", folder, name), buffer->bytes, buffer->n, error);
}

/* Values are put in as texts: the library's reals would lose digits or grow exponents of their own. */
static void write_instance(const struct tenancy_problem *problem, struct buffer *out) {
  char number[32];
  json_t *const name = json_string(problem->name);
  char *quoted = name != NULL ? json_dumps(name, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
  append(out, "{\n \"name\": ");
  append(out, quoted != NULL ? quoted : "\"tenancy\"");
  free(quoted);
  json_decref(name);
  append(out, arena_printf(out->arena, ",\n \"num_jobs\": %zu,\n \"num_accels\": %zu,\n", problem->n_jobs,
                           problem->n_cores));
  text_from_double(problem->bandwidth_bytes_per_cycle, number);
  append(out, arena_printf(out->arena, " \"system_bw_bytes_per_cycle\": %s", number));
  if (problem->core_styles != NULL || problem->core_pes != NULL) append(out, ",\n \"accels\": [");
  for (size_t c = 0; c < problem->n_cores && (problem->core_styles != NULL || problem->core_pes != NULL); c++) {
    json_t *const accel = json_object();
    json_object_set_new(accel, "id", json_integer((json_int_t)c));
    if (problem->core_styles != NULL) json_object_set_new(accel, "style", json_string(problem->core_styles[c]));
    if (problem->core_pes != NULL) json_object_set_new(accel, "pes", json_integer((json_int_t)problem->core_pes[c]));
    char *text = json_dumps(accel, JSON_ENSURE_ASCII);
    append(out, c > 0 ? ",\n  " : "\n  ");
    append(out, text != NULL ? text : "{}");
    free(text);
    json_decref(accel);
    if (c + 1 == problem->n_cores) append(out, "\n ]");
  }
  append(out, "\n}\n");
}

static void write_row(const struct tenancy_problem *problem, size_t job, size_t core, struct buffer *out) {
  const size_t at = tenancy_at(problem, job, core);
  char text[32];
  snprintf(text, sizeof text, "%zu", job);
  append(out, text);
  append_whole(out, core);
  append_whole(out, problem->latency_cycles[at]);
  append_double(out, problem->bytes_per_cycle[at]);
  if (problem->energy_nj != NULL) append_double(out, problem->energy_nj[at]);
  if (problem->macs != NULL) append_whole(out, problem->macs[job]);
  if (problem->arrival != NULL) append_whole(out, problem->arrival[job]);
  if (problem->release_cycles != NULL) append_whole(out, problem->release_cycles[job]);
  if (problem->deadline_cycles != NULL && problem->deadline_cycles[job] == UINT64_MAX) append(out, ",");
  if (problem->deadline_cycles != NULL && problem->deadline_cycles[job] != UINT64_MAX) {
    append_whole(out, problem->deadline_cycles[job]);
  }
  if (problem->weight != NULL) append_double(out, problem->weight[job]);
  if (problem->tenant != NULL) append_quoted(out, problem->tenants[problem->tenant[job]]);
  append(out, "\n");
}

static void write_jobs(const struct tenancy_problem *problem, struct buffer *out) {
  append(out, "job,accel,latency_cycles,bw_bytes_per_cycle");
  if (problem->energy_nj != NULL) append(out, ",energy_nj");
  if (problem->macs != NULL) append(out, ",macs");
  if (problem->arrival != NULL) append(out, ",orig_row");
  if (problem->release_cycles != NULL) append(out, ",release_cycles");
  if (problem->deadline_cycles != NULL) append(out, ",deadline_cycles");
  if (problem->weight != NULL) append(out, ",weight");
  if (problem->tenant != NULL) append(out, ",tenant");
  append(out, "\n");
  for (size_t j = 0; j < problem->n_jobs; j++) {
    for (size_t c = 0; c < problem->n_cores; c++) {
      if (tenancy_can_run(problem, j, c)) write_row(problem, j, c, out);
    }
  }
}

static void write_edges(const struct tenancy_problem *problem, struct buffer *out) {
  append(out, "pred,succ\n");
  for (size_t j = 0; j < problem->n_jobs; j++) {
    for (uint32_t e = problem->pred_start[j]; e < problem->pred_start[j + 1]; e++) {
      append(out, arena_printf(out->arena, "%u,%zu\n", problem->preds[e], j));
    }
  }
}

bool tenancy_write(const struct tenancy_problem *problem, const char *folder, struct arena *arena,
                   struct error *error) {
  if (!file_make_folder(folder, error)) return false;
  const struct arena_mark mark = arena_get_mark(arena);
  struct buffer instance = {.arena = arena}, jobs = {.arena = arena}, edges = {.arena = arena};
  write_instance(problem, &instance);
  write_jobs(problem, &jobs);
  bool fine =
      publish(folder, "instance.json", &instance, arena, error) && publish(folder, "jobs.csv", &jobs, arena, error);
  if (problem->pred_start != NULL) {
    write_edges(problem, &edges);
    fine = fine && publish(folder, "edges.csv", &edges, arena, error);
  } else if (fine && file_exists(arena_printf(arena, "%s/edges.csv", folder))) {
    /* of an instance that was here before */
    append(&edges, "pred,succ\n");
    fine = publish(folder, "edges.csv", &edges, arena, error);
  }
  arena_rewind(arena, mark);
  return fine;
}
