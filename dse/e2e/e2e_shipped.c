/* Is a measured run's model one of ours, and what does a sample of it count? See e2e.h.
 *
 * By name (model files, e2e_names.def); whatever its kind, its graph says what a sample multiplies. Of a language model
 * the row's sequence counts, else the model file's. Left out: other shapes of a known name, which rows state with
 * sizes.
 */
#include "dse/e2e/e2e.h"

#include "base/checked.h"
#include <ctype.h>
#include <string.h>

static const struct {
  const char *name, *model;
} names[] = {
#define E2E_NAME(name_, model_) {name_, model_},
#include "dse/e2e/e2e_names.def"
#undef E2E_NAME
};

/* What differs from a network of images whose samples are counted themselves and which momentum trains. */
static const struct kind {
  const char *kind;
  const char *sequence_key; /* that the row's sequence is; NULL: none */
  bool drops, causal;       /* a key says whether it drops out; tokens see those before them alone */
  uint64_t optimizer;
} kinds[] = {
    {"decoder", "sequence", true, true, OPTIMIZER_ADAM},
    {"encoder", "sequence", true, false, OPTIMIZER_ADAM},
    {"mobilebert", "sequence", true, false, OPTIMIZER_ADAM},
    {"transformer_xl", "sequence", true, true, OPTIMIZER_ADAM},
    {"encoder_decoder", "source_length", true, false, OPTIMIZER_ADAM},
    {"vit", NULL, true, false, OPTIMIZER_ADAM},
    {"cnn", NULL, false, false, OPTIMIZER_MOMENTUM},
    {"dlrm", NULL, false, false, OPTIMIZER_SGD},
};
static const struct kind other_kind = {"", NULL, false, false, OPTIMIZER_ADAM};

static const struct kind *kind_of(const char *kind) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].kind, kind) == 0) return &kinds[i];
  return &other_kind;
}

/* Of a mean pair of sentences: workloads §2.3. */
static const char *const side_keys[] = {"source_length", "target_length"};
static const uint64_t side_tokens[] = {26, 24};

/* --- names ------------------------------------------------------------------------------------------------------- */

/* Does `text`, letters and digits alone, begin with `name` and end a word there? */
static bool begins_with(const char *text, const char *name) {
  while (*name != '\0') {
    while (*name != '\0' && !isalnum((unsigned char)*name)) name++;
    if (*name == '\0') break;
    while (*text != '\0' && !isalnum((unsigned char)*text)) text++;
    if (tolower((unsigned char)*text) != tolower((unsigned char)*name)) return false;
    text++, name++;
  }
  return !isalnum((unsigned char)*text);
}

static size_t letters_of(const char *name) {
  size_t n = 0;
  for (; *name != '\0'; name++) n += isalnum((unsigned char)*name) != 0;
  return n;
}

/* Of several the longest. */
const char *e2e_shipped_model(const char *text, const char *data_folder, struct arena *arena) {
  struct error *const error = ARENA_NEW(arena, struct error, 1);
  const char *const *models, *best = NULL;
  size_t n, longest = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (begins_with(text, names[i].name) && letters_of(names[i].name) > longest) {
      best = names[i].model;
      longest = letters_of(names[i].name);
    }
  if (!workload_list(data_folder, arena, &models, &n, error)) return best;
  for (size_t i = 0; i < n; i++)
    if (begins_with(text, models[i]) && letters_of(models[i]) > longest) {
      best = models[i];
      longest = letters_of(models[i]);
    }
  return best;
}

static void add_number(struct e2e_work *work, const char *path, uint64_t value, struct arena *arena) {
  const char *const text = arena_printf(arena, "%llu", (unsigned long long)value);
  work->sets[work->n_sets++] = (struct config_set){path, text};
}

static uint64_t layers_of(const struct op_graph *graph) {
  uint64_t layers = 0;
  for (size_t i = 0; i < graph->n_ops; i++)
    if (graph->ops[i].layer != OP_ABSENT) layers = max_u64(layers, (uint64_t)graph->ops[i].layer + 1);
  return layers;
}

/* Tokens that are predicted. */
static uint64_t target_of(const struct op_graph *graph) {
  for (size_t i = graph->n_ops; i-- > 0;)
    if (graph->ops[i].kind == OP_CROSS_ENTROPY)
      return graph->ops[i].dim[DIM_X_ELEMENTS] / max_u64(graph->ops[i].dim[DIM_ROW], 1);
  return 0;
}

/* Of one sample; of pairs both sides, as their throughputs count. */
static double tokens_of(const struct workload *workload, const struct kind *kind) {
  const struct split_facts *const facts = &workload->graph.facts;
  if (strcmp(workload->kind, "gnmt") == 0) return (double)(side_tokens[0] + side_tokens[1]);
  if (kind->sequence_key == NULL) return 1;
  return (double)sat_add(facts->sequence, facts->pair ? target_of(&workload->graph) : 0);
}

const char *e2e_shipped_work(const struct e2e_row *row, const char *model, const char *data_folder, struct arena *arena,
                             struct arena *scratch, struct e2e_work *work) {
  struct error *const error = ARENA_NEW(arena, struct error, 1);
  struct workload workload;
  struct graph_totals totals;
  struct workload_request request = {model, data_folder, 1, 2, work->sets, 0, false};
  const struct arena_mark mark = arena_get_mark(scratch);
  work->name = model;
  if (!workload_load(&request, scratch, arena, &workload, error))
    return arena_printf(arena, "its graph cannot be made: %s", error->text);
  const struct kind *const kind = kind_of(workload.kind);
  if (kind->sequence_key != NULL && row->sequence > 0) add_number(work, kind->sequence_key, row->sequence, arena);
  if (kind->sequence_key != NULL && row->sequence == 0) work->assumed |= E2E_ASSUMED_SEQUENCE;
  const bool binned = work->software->bin_tokens > 0 && strcmp(model, "gnmt4") == 0;
  for (int side = 0; binned && side < 2; side++) /* half a bin more than is counted */
    add_number(work, side_keys[side], side_tokens[side] + work->software->bin_tokens / 2, arena);
  request.n_sets = work->n_sets;
  if (!workload_load(&request, scratch, arena, &workload, error))
    return arena_printf(arena, "its graph cannot be made: %s", error->text);
  graph_totals(&workload.graph, &totals);
  work->transformer = workload.graph.facts.heads > 0;
  work->drops = kind->drops;
  work->causal = kind->causal;
  work->adapters = totals.frozen_parameters > totals.parameters;
  work->forward_flop = 2 * (double)totals.macs[PHASE_FORWARD] - (double)workload.router_flop;
  work->tokens = tokens_of(&workload, kind);
  work->optimizer = kind->optimizer;
  work->layers = max_u64(work->layers, layers_of(&workload.graph));
  arena_rewind(scratch, mark);
  if (strcmp(workload.kind, "dlrm") == 0 && row->n_devices > 1) return "tables spread over devices";
  return NULL;
}
