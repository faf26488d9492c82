/* Which layers can a job be? The models' operators in topological order, repeats kept. See tenancy_table.h. Left out:
 * operators that take no time, collectives, and with provider compat all but products and convolutions. */
#include "dse/tenancy/tenancy_table.h"

#include "base/text.h"
#include "workloads/workload.h"
#include <string.h>

const struct tenancy_task tenancy_tasks[] = {
#define TENANCY_TASK(number, name, models) {number, #name, models},
#include "dse/tenancy/tenancy_tasks.def"
#undef TENANCY_TASK
};
const size_t n_tenancy_tasks = sizeof tenancy_tasks / sizeof *tenancy_tasks;

enum { MAX_MODELS = 64, MAX_SETS = 32 };

struct loading {
  const struct tenancy_table_settings *settings;
  const struct tenancy_world *world;
  struct tenancy_pool *pool;
  const char *texts[MAX_MODELS]; /* "gpt2-small sequence=20" */
  size_t n_texts;
  uint64_t element_bytes;
  const char *place;
  struct error *error;
};

/* --- which models ---------------------------------------------------------------------------------------------------
 */

static bool add_text(struct loading *loading, const char *text) {
  if (loading->n_texts == MAX_MODELS)
    return error_add(loading->error, STATUS_INPUT, "%s: more than %d models", loading->place, MAX_MODELS);
  loading->texts[loading->n_texts++] = text;
  return true;
}

static const struct tenancy_task *task_named(const char *name) {
  for (size_t t = 0; t < n_tenancy_tasks; t++)
    if (strcmp(tenancy_tasks[t].name, name) == 0) return &tenancy_tasks[t];
  return NULL;
}

/* "resnet50, gpt2-small sequence=20, language": of models, or of tasks, which are lists of models. */
static bool add_task(struct loading *loading, const char *models, bool of_tasks) {
  char *place = NULL;
  for (char *text = strtok_r(arena_copy_text(loading->world->arena, models), ",", &place); text != NULL;
       text = strtok_r(NULL, ",", &place)) {
    const char *const name = text + strspn(text, " ");
    const struct tenancy_task *const other = of_tasks ? task_named(name) : NULL;
    if (other != NULL ? !add_task(loading, other->models, false) : !add_text(loading, name)) return false;
  }
  return true;
}

static bool find_task(struct loading *loading) {
  const char *const wanted = loading->settings->task;
  const struct tenancy_task *const task = task_named(wanted);
  if (task != NULL) {
    loading->pool->number = task->number;
    loading->pool->name = task->name;
    return add_task(loading, task->models, true);
  }
  const char *names[sizeof tenancy_tasks / sizeof *tenancy_tasks], *all = "";
  for (size_t t = 0; t < n_tenancy_tasks; t++) {
    names[t] = tenancy_tasks[t].name;
    all = arena_printf(loading->world->arena, "%s%s%s", all, t > 0 ? ", " : "", names[t]);
  }
  char shown[80];
  text_escape(wanted, shown, sizeof shown);
  const char *const nearest = text_nearest(wanted, names, n_tenancy_tasks);
  return error_add(loading->error, STATUS_INPUT, "%s: no task \"%s\"%s%s%s, allowed are %s, or models = [...]",
                   loading->place, shown, nearest ? ", did you mean " : "", nearest ? nearest : "", nearest ? "?" : "",
                   all);
}

static bool find_models(struct loading *loading) {
  const struct text_list *const own = &loading->settings->models;
  if (own->n == 0) return find_task(loading);
  loading->pool->number = TENANCY_OWN_MODELS;
  loading->pool->name = "models";
  for (size_t i = 0; i < own->n; i++)
    if (!add_text(loading, own->values[i])) return false;
  return true;
}

/* --- their graphs ---------------------------------------------------------------------------------------------------
 */

/* Name and overrides, split at blanks. */
static bool read_request(const struct loading *loading, const char *text, struct workload_request *request) {
  struct arena *const arena = loading->world->arena;
  struct config_set *const sets = ARENA_NEW(arena, struct config_set, MAX_SETS);
  char *place = NULL;
  const char *const name = strtok_r(arena_copy_text(arena, text), " ", &place);
  *request = (struct workload_request){.name = name,
                                       .data_folder = loading->world->data_folder,
                                       .batch = loading->settings->batch,
                                       .element_bytes = loading->element_bytes,
                                       .sets = sets};
  bool right = name != NULL;
  for (char *word = strtok_r(NULL, " ", &place); right && word != NULL; word = strtok_r(NULL, " ", &place)) {
    char *const equal = strchr(word, '=');
    right = equal != NULL && equal != word && request->n_sets < MAX_SETS;
    if (!right) break;
    *equal = '\0';
    sets[request->n_sets++] = (struct config_set){word, equal + 1};
  }
  if (right) return true;
  char shown[120];
  text_escape(text, shown, sizeof shown);
  return error_add(loading->error, STATUS_INPUT, "%s: \"%s\": a model is written \"gpt2-small sequence=20 layers=2\"",
                   loading->place, shown);
}

static bool load_model(const struct loading *loading, struct tenancy_model *model) {
  struct arena *const arena = loading->world->arena, *const scratch = loading->world->scratch;
  const struct training_settings *const training = loading->world->training;
  struct workload_request request;
  struct workload workload;
  if (!read_request(loading, model->name, &request) ||
      !workload_load(&request, arena, scratch, &workload, loading->error))
    return false;
  model->graph = workload.graph;
  const struct arena_mark mark = arena_get_mark(scratch);
  bool made = true;
  if (loading->settings->training)
    made = training_expand(&workload.graph, training, arena, scratch, &model->graph, loading->error);
  if (made && training->fusion != FUSION_OFF && loading->settings->provider == TENANCY_PHYSICAL) {
    const struct op_graph whole = model->graph;
    made = fusion_apply_rule(&whole, (enum fusion)training->fusion, arena, scratch, &model->graph, loading->error);
  }
  arena_rewind(scratch, mark);
  return made;
}

/* --- their layers ---------------------------------------------------------------------------------------------------
 */

static bool is_layer(const struct tenancy_table_settings *settings, const struct op *op) {
  const enum op_class class = op_kinds[op->kind].class;
  if (class == CLASS_NONE || class == CLASS_LINK) return false;
  if (settings->operators == TENANCY_LAYERS && class != CLASS_TENSOR && op->phase != PHASE_UPDATE) return false;
  struct maestro_row row;
  struct maestro_layer layer;
  return settings->provider == TENANCY_PHYSICAL || maestro_row_of(op, &row, &layer);
}

static bool take_layers(const struct loading *loading) {
  struct tenancy_pool *const pool = loading->pool;
  size_t n = 0;
  for (size_t m = 0; m < pool->n_models; m++) n += pool->models[m].graph.n_ops;
  struct tenancy_layer *const layers = ARENA_NEW(loading->world->arena, struct tenancy_layer, n);
  pool->layers = layers;
  for (size_t m = 0; m < pool->n_models; m++) {
    const struct op_graph *const graph = &pool->models[m].graph;
    const size_t n_before = pool->n_layers;
    for (size_t i = 0; i < graph->n_ops; i++) {
      const enum op_class class = op_kinds[graph->ops[i].kind].class;
      if (is_layer(loading->settings, &graph->ops[i]))
        layers[pool->n_layers++] = (struct tenancy_layer){(uint32_t)m, (uint32_t)i};
      else
        pool->n_left_out += class != CLASS_NONE;
    }
    if (pool->n_layers > n_before) continue;
    return error_add(loading->error, STATUS_INPUT, "%s: %s has no layer that can be a job", loading->place,
                     pool->models[m].name);
  }
  return true;
}

bool tenancy_pool_open(const struct tenancy_table_settings *settings, const struct tenancy_world *world,
                       uint64_t element_bytes, struct tenancy_pool *pool, struct error *error) {
  struct loading *const loading = ARENA_NEW(world->arena, struct loading, 1);
  *pool = (struct tenancy_pool){0};
  *loading = (struct loading){.settings = settings,
                              .world = world,
                              .pool = pool,
                              .element_bytes = element_bytes,
                              .place = tenancy_place(world, settings->models.n > 0 ? "models" : "task"),
                              .error = error};
  if (!find_models(loading)) return false;
  pool->n_models = loading->n_texts;
  pool->models = ARENA_NEW(world->arena, struct tenancy_model, pool->n_models);
  for (size_t m = 0; m < pool->n_models; m++) {
    pool->models[m].name = loading->texts[m];
    if (!load_model(loading, &pool->models[m])) return false;
  }
  return take_layers(loading);
}
