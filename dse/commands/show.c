/* dse show workload: what is in a network. Counts are for one sample unless --set batch=… says otherwise. */
#include "dse/commands/show_blocks.h"

#include "base/checked.h"
#include "base/text.h"
#include "dse/commands/show_onnx.h"
#include "workloads/split.h"
#include "workloads/training.h"
#include "workloads/workload.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct shown {
  struct workload workload; /* its graph that of one device */
  bool split;
  struct split_degrees degrees;
  struct split_extras extras;
  struct graph_totals forward, training;
  struct op_graph training_graph;
  bool has_blocks;
  struct block_chain blocks;
  uint64_t forward_flop, backward_flop; /* forward without experts' routers, as references count */
};

static bool is_of_group(const struct config_set *set, const char *group) {
  const size_t n = strlen(group);
  return strncmp(set->path, group, n) == 0 && set->path[n] == '.';
}

/* `--set batch=…` and `element_bytes=…` are the pass's, `training.…` the expansion's, `split.…` the degrees; everything
 * else overrides the model file. */
static bool sort_sets(const struct invocation *invocation, struct workload_request *request,
                      struct training_settings *training, struct split_degrees *degrees, struct error *error) {
  struct config_set *own_sets = ARENA_NEW(invocation->arena, struct config_set, invocation->n_sets + 1);
  size_t n_own = 0;
  struct config_set *model = ARENA_NEW(invocation->arena, struct config_set, invocation->n_sets + 1);
  for (size_t i = 0; i < invocation->n_sets; i++) {
    const struct config_set *set = &invocation->sets[i];
    uint64_t *own = NULL;
    if (strcmp(set->path, "batch") == 0) own = &request->batch;
    if (strcmp(set->path, "element_bytes") == 0) own = &request->element_bytes;
    if (is_of_group(set, "training") || is_of_group(set, "split")) {
      own_sets[n_own++] = *set;
    } else if (own == NULL) {
      model[request->n_sets++] = *set;
    } else if (!text_to_u64(set->value, own) || *own == 0) {
      error_add(error, STATUS_INPUT, "--set: %s: \"%s\" is no whole number above 0", set->path, set->value);
    }
  }
  request->sets = model;
  struct config *config;
  if (!config_open_text("dse show", "", 0, own_sets, n_own, invocation->arena, &config, error)) return false;
  const struct config_section sections[] = {{"training", &training_fields, training, false},
                                            {"split", &split_fields, degrees, false}};
  config_apply(config, sections, 2, invocation->arena, error);
  config_close(config);
  return !error_is_set(error);
}

static bool load(struct invocation *invocation, struct shown *shown, struct error *error) {
  struct workload_request request = {
      .name = invocation->words[1], .data_folder = invocation->data_folder, .batch = 1, .element_bytes = 2};
  request.strict = invocation_value(invocation, "strict") != NULL;
  struct training_settings settings;
  if (!sort_sets(invocation, &request, &settings, &shown->degrees, error)) return false;
  for (size_t i = 0; i < invocation->n_sets; i++) shown->split |= is_of_group(&invocation->sets[i], "split");
  if (!workload_load(&request, invocation->arena, invocation->scratch, &shown->workload, error)) return false;
  const struct op_graph whole = shown->workload.graph;
  if (!split_apply(&whole, &shown->degrees, invocation->arena, invocation->scratch, &shown->workload.graph,
                   &shown->extras, error))
    return false;
  graph_totals(&shown->workload.graph, &shown->forward);
  shown->has_blocks = invocation_value(invocation, "blocks") != NULL;
  if (shown->has_blocks && !block_chain_make(&shown->workload.graph, &settings, true, invocation->arena,
                                             invocation->scratch, &shown->blocks, error))
    return false;
  settings.fusion = FUSION_OFF; /* counts are those of the model, whatever is fused later */
  if (!training_expand(&shown->workload.graph, &settings, invocation->arena, invocation->scratch,
                       &shown->training_graph, error)) {
    return false;
  }
  graph_totals(&shown->training_graph, &shown->training);
  const struct split_degrees *const degrees = &shown->degrees;
  const uint64_t sharers = degrees->context * (degrees->sequence ? degrees->tensor : 1); /* of the tokens */
  const uint64_t router_flop = shown->workload.router_flop * shown->workload.batch / sharers;
  shown->forward_flop = 2 * shown->forward.macs[PHASE_FORWARD] - router_flop;
  shown->backward_flop = 2 * (shown->training.macs[PHASE_BACKWARD_DATA] + shown->training.macs[PHASE_BACKWARD_WEIGHT]);
  return true;
}

static bool has_reference(const struct shown *shown) {
  return shown->workload.check.present && !shown->workload.overridden && !shown->split;
}

/* Collectives of a training step on one device. */
struct traffic {
  uint64_t n[N_OP_KINDS], bytes[N_OP_KINDS]; /* of the full tensors */
};

static struct traffic count_traffic(const struct op_graph *training) {
  struct traffic traffic = {{0}, {0}};
  for (size_t i = 0; i < training->n_ops; i++) {
    const struct op *const op = &training->ops[i];
    if (op_kinds[op->kind].class != CLASS_LINK) continue;
    traffic.n[op->kind]++;
    traffic.bytes[op->kind] = sat_add(traffic.bytes[op->kind], op->dim[DIM_BYTES]);
  }
  return traffic;
}

static json_t *json_number(uint64_t value) { return json_integer((json_int_t)value); }

static json_t *split_json(const struct shown *shown) {
  const struct split_degrees *const degrees = &shown->degrees;
  const struct split_extras *const extras = &shown->extras;
  json_t *const object = json_object();
  for (size_t i = 0; i < n_split_strategies; i++)
    json_object_set_new(object, split_strategies[i]->name, json_number(split_strategies[i]->degree(degrees)));
  json_object_set_new(object, "sequence", json_boolean(degrees->sequence)); /* its degree is tensor's */
  json_object_set_new(object, "pad_heads", json_boolean(degrees->pad_heads));
  json_object_set_new(object, "copied_parameters", json_number(extras->copied_parameters));
  json_object_set_new(object, "padded_parameters", json_number(extras->padded_parameters));
  json_object_set_new(object, "copied_macs", json_number(extras->copied_macs));
  json_object_set_new(object, "padded_macs", json_number(extras->padded_macs));
  json_object_set_new(object, "dropped_rows", json_number(extras->dropped_rows));
  const struct traffic traffic = count_traffic(&shown->training_graph);
  json_t *const collectives = json_object();
  for (size_t k = 0; k < N_OP_KINDS; k++)
    if (traffic.n[k] > 0)
      json_object_set_new(
          collectives, op_kinds[k].name,
          json_pack("{sI sI}", "count", (json_int_t)traffic.n[k], "bytes", (json_int_t)traffic.bytes[k]));
  json_object_set_new(object, "collectives", collectives);
  return object;
}

static void print_json(const struct shown *shown) {
  const struct workload *workload = &shown->workload;
  json_t *object = json_object();
  json_object_set_new(object, "workload", json_string(workload->name));
  json_object_set_new(object, "kind", json_string(workload->kind));
  json_object_set_new(object, "sample", json_string(workload->sample));
  json_object_set_new(object, "batch", json_integer((json_int_t)workload->batch));
  json_object_set_new(object, "ops", json_integer((json_int_t)workload->graph.n_ops));
  json_object_set_new(object, "edges", json_integer((json_int_t)workload->graph.n_edges));
  json_object_set_new(object, "training_ops", json_integer((json_int_t)shown->training_graph.n_ops));
  json_object_set_new(object, "training_edges", json_integer((json_int_t)shown->training_graph.n_edges));
  json_object_set_new(object, "parameters", json_integer((json_int_t)shown->forward.parameters));
  if (shown->forward.frozen_parameters > 0)
    json_object_set_new(object, "frozen_parameters", json_integer((json_int_t)shown->forward.frozen_parameters));
  json_object_set_new(object, "forward_flops", json_integer((json_int_t)shown->forward_flop));
  json_object_set_new(object, "router_flops", json_integer((json_int_t)workload->router_flop));
  json_object_set_new(object, "backward_flops", json_integer((json_int_t)shown->backward_flop));
  json_object_set_new(object, "stash_bytes", json_integer((json_int_t)shown->training.stash_bytes));
  if (shown->split) json_object_set_new(object, "split", split_json(shown));
  if (has_reference(shown)) {
    json_object_set_new(object, "reference",
                        json_pack("{sI sI ss}", "parameters", (json_int_t)workload->check.parameters, "forward_flops",
                                  (json_int_t)workload->check.forward_flop, "source", workload->check.source));
  }
  if (shown->has_blocks) json_object_set_new(object, "blocks", show_blocks_json(&shown->blocks));
  if (workload->onnx != NULL) json_object_set_new(object, "onnx", show_onnx_json(workload->onnx));
  json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
  putchar('\n');
  json_decref(object);
}

static void print_kinds(const struct invocation *invocation, const struct op_graph *graph) {
  size_t count[N_OP_KINDS][N_PHASES] = {{0}};
  uint64_t macs[N_OP_KINDS] = {0};
  for (size_t i = 0; i < graph->n_ops; i++) {
    count[graph->ops[i].kind][graph->ops[i].phase]++;
    macs[graph->ops[i].kind] += op_macs(&graph->ops[i]);
  }
  say(invocation, "\n%-14s %9s %14s %16s %8s %18s\n", "operator", "forward", "backward-data", "backward-weight",
      "update", "MACs");
  for (size_t k = 0; k < N_OP_KINDS; k++) {
    if (op_kinds[k].class == CLASS_NONE) continue;
    const size_t *n = count[k];
    if (n[0] + n[1] + n[2] + n[3] == 0) continue;
    say(invocation, "%-14s %9zu %14zu %16zu %8zu %18" PRIu64 "\n", op_kinds[k].name, n[PHASE_FORWARD],
        n[PHASE_BACKWARD_DATA], n[PHASE_BACKWARD_WEIGHT], n[PHASE_UPDATE], macs[k]);
  }
}

/* What one device of a group has that nobody would need alone. */
static void print_split(const struct invocation *invocation, const struct shown *shown) {
  const struct split_extras *const extras = &shown->extras;
  say(invocation, "\none device of  ");
  for (size_t i = 0; i < n_split_strategies; i++) {
    const uint64_t degree = split_strategies[i]->degree(&shown->degrees);
    if (degree > 1) say(invocation, " %s %" PRIu64, split_strategies[i]->name, degree);
  }
  say(invocation, "\n%-16s %20" PRIu64 " parameters, %" PRIu64 " MACs, in all ranks together\n", "copied",
      extras->copied_parameters, extras->copied_macs);
  say(invocation, "%-16s %20" PRIu64 " parameters, %" PRIu64 " MACs\n%-16s %20" PRIu64 " rows of experts\n", "padded",
      extras->padded_parameters, extras->padded_macs, "dropped", extras->dropped_rows);
  const struct traffic traffic = count_traffic(&shown->training_graph);
  for (size_t k = 0; k < N_OP_KINDS; k++)
    if (traffic.n[k] > 0)
      say(invocation, "%-16s %20" PRIu64 " in a training step, %" PRIu64 " bytes of full tensors\n", op_kinds[k].name,
          traffic.n[k], traffic.bytes[k]);
}

static void print_counts(const struct invocation *invocation, const struct shown *shown) {
  const struct workload *workload = &shown->workload;
  say(invocation, "%s (%s), %" PRIu64 " %s%s\n\n", workload->name, workload->kind, workload->batch, workload->sample,
      workload->batch > 1 ? "s" : "");
  say(invocation, "%-16s %20zu\n%-16s %20zu\n", "ops", workload->graph.n_ops, "edges", workload->graph.n_edges);
  say(invocation, "%-16s %20" PRIu64, "parameters", shown->forward.parameters);
  const bool reference = has_reference(shown);
  if (reference) say(invocation, "   reference %" PRIu64, workload->check.parameters);
  if (shown->forward.frozen_parameters > 0) {
    say(invocation, "\n%-16s %20" PRIu64, "frozen", shown->forward.frozen_parameters);
    if (reference) say(invocation, "   reference %" PRIu64, workload->check.frozen_parameters);
  }
  say(invocation, "\n%-16s %20" PRIu64, "forward FLOP", shown->forward_flop);
  if (reference) {
    say(invocation, "   reference %" PRIu64, workload->check.forward_flop * workload->batch);
    if (workload->router_flop > 0) say(invocation, " + %" PRIu64 " of routers", workload->router_flop);
  }
  say(invocation, "\n%-16s %20" PRIu64 "\n%-16s %20" PRIu64 "\n", "backward FLOP", shown->backward_flop, "stash bytes",
      shown->training.stash_bytes);
  if (reference) say(invocation, "reference from   %s\n", workload->check.source);
  if (workload->onnx != NULL) show_onnx(invocation, workload->onnx);
  if (shown->split) print_split(invocation, shown);
  if (shown->has_blocks) {
    show_blocks(invocation, &shown->blocks);
    return;
  }
  print_kinds(invocation, invocation_value(invocation, "training") != NULL ? &shown->training_graph : &workload->graph);
}

static enum status run(struct invocation *invocation, struct error *error) {
  if (strcmp(invocation->words[0], "workload") != 0) {
    error_add(error, STATUS_INPUT, "dse show: nothing called \"%s\", write dse show workload NAME",
              invocation->words[0]);
    return STATUS_INPUT;
  }
  struct shown shown = {0};
  if (!load(invocation, &shown, error)) return error->status;
  const char *path = invocation_value(invocation, "graph");
  if (cluster_rank(invocation->cluster) != 0) return STATUS_OK;
  if (path != NULL && !workload_export_json(&shown.workload.graph, shown.workload.name, path, error)) {
    return error->status;
  }
  if (invocation->json) {
    print_json(&shown);
  } else {
    print_counts(invocation, &shown);
  }
  return STATUS_OK;
}

static const struct command_option options[] = {
    {"training", NULL, "counts operators of the whole training step, not of the forward pass"},
    {"blocks", NULL, "shows the pieces that a pipeline may be made of, and what each keeps, instead of operators"},
    {"strict", NULL, "an operator of an .onnx file that no rule is for is an error, instead of elementwise work"},
    {"graph", "FILE", "writes the forward graph as JSON, which dse reads back"},
};
static const char *const examples[] = {"dse show workload bert-large --training",
                                       "dse show workload llama3-8b --json --set sequence=4096",
                                       "dse show workload resnet50 --set batch=32",
                                       "dse show workload tests/data/onnx/bert_base.onnx --set batch=32 --training",
                                       "dse show workload llama3-70b --set split.tensor=8 --set split.sequence=true",
                                       "dse show workload gpt3-175b --blocks --set split.tensor=8",
                                       NULL};
const struct command command_show = {
    .name = "show",
    .words = "workload NAME|FILE.cfg|FILE.json|FILE.onnx",
    .summary = "operators, parameters, FLOPs and bytes of a workload",
    .min_words = 2,
    .max_words = 2,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .details =
        "Of an ONNX file shapes are inferred; --set batch=N is the first dimension of its inputs, --set SYMBOL=N "
        "binds\n"
        "another symbol (seq: all that begin so); weights may be left out of the file, data inputs are then told by\n"
        "--set inputs=a,b where the graph does not tell; frozen=a,b are no parameters; merge_identical_weights=true.\n"
        "Counts are for one sample (a sequence, an image, a sentence pair, a record) unless --set batch=N says\n"
        "otherwise; --set training.KEY=... changes the step (training.attention=fused); --set split.KEY=...\n"
        "shows one device of many (split.tensor, sequence, context, expert, data, pad_heads; pipeline does not "
        "cut here);\n"
        "other --set keys override the model file. FLOP are twice the multiply-accumulates of matrix\n"
        "products and convolutions. Where the model file states reference counts they stand beside ours.",
    .examples = examples,
    .run = run,
};
