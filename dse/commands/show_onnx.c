/* dse show workload FILE.onnx: what was folded, what became one op, which operators no rule is for. */
#include "dse/commands/show_onnx.h"
#include "base/text.h"

enum { ESCAPED_BYTES = 120 };

void show_onnx(const struct invocation *invocation, const struct onnx_notes *notes) {
  say(invocation, "\noperator set %lld%s%s, %zu nodes\n", (long long)notes->opset,
      notes->newer ? " (warning: newer than the 24 that is known here; operators are taken as they were there)" : "",
      notes->quantised ? ", quantised" : "", notes->n_nodes);
  for (size_t i = 0; i < notes->n_inputs; i++) say(invocation, "%-16s %s\n", "data input", notes->inputs[i]);
  for (size_t i = 0; i < notes->n_outputs; i++) say(invocation, "%-16s %s\n", "output", notes->outputs[i]);
  say(invocation, "%-16s %zu nodes of constants and shapes\n%-16s %zu nodes into %zu norms and %zu activations\n",
      "folded", notes->n_folded, "merged", notes->n_merged, notes->n_norms, notes->n_activations);
  if (notes->own_batch > 0)
    say(invocation, "%-16s %llu in the file: counted as one sample; --set batch=N makes it N\n", "batch",
        (unsigned long long)notes->own_batch);
  if (notes->n_inlined > 0)
    say(invocation, "%-16s %zu nodes: If, Loop, Scan or functions of the file\n", "written out", notes->n_inlined);
  if (notes->n_guessed > 0)
    say(invocation, "%-16s %zu: their conditions depend on the data, the branch with more nodes counts\n",
        "unknown branches", notes->n_guessed);
  if (notes->n_stated > 0)
    say(invocation, "%-16s %zu nodes, whose shapes depend on the data: as the file says\n", "stated shapes",
        notes->n_stated);
  for (size_t i = 0; i < notes->n_unknown; i++) {
    char type[ESCAPED_BYTES], first[ESCAPED_BYTES];
    text_escape(notes->unknown[i].type, type, sizeof type);
    text_escape(notes->unknown[i].first, first, sizeof first);
    say(invocation,
        "%-16s %s: %zu nodes, first '%s'; counted as elementwise work over what they put out (those with a rule: dse "
        "list "
        "onnx)\n",
        "unknown operator", type, notes->unknown[i].n_nodes, first);
  }
}

json_t *show_onnx_json(const struct onnx_notes *notes) {
  json_t *const inputs = json_array(), *const outputs = json_array(), *const unknown = json_array();
  char type[ESCAPED_BYTES], first[ESCAPED_BYTES];
  for (size_t i = 0; i < notes->n_inputs; i++) json_array_append_new(inputs, json_string(notes->inputs[i]));
  for (size_t i = 0; i < notes->n_outputs; i++) json_array_append_new(outputs, json_string(notes->outputs[i]));
  for (size_t i = 0; i < notes->n_unknown; i++) {
    text_escape(notes->unknown[i].type, type, sizeof type);
    text_escape(notes->unknown[i].first, first, sizeof first);
    json_array_append_new(unknown, json_pack("{ss ss sI}", "operator", type, "first", first, "count",
                                             (json_int_t)notes->unknown[i].n_nodes));
  }
  return json_pack("{sI sb sI sI sI sI sI sI sI sI so so so}", "operator_set", (json_int_t)notes->opset, "quantised",
                   notes->quantised, "nodes", (json_int_t)notes->n_nodes, "folded", (json_int_t)notes->n_folded,
                   "merged", (json_int_t)notes->n_merged, "norms", (json_int_t)notes->n_norms, "activations",
                   (json_int_t)notes->n_activations, "written_out", (json_int_t)notes->n_inlined, "unknown_branches",
                   (json_int_t)notes->n_guessed, "stated_shapes", (json_int_t)notes->n_stated, "inputs", inputs,
                   "outputs", outputs, "unknown", unknown);
}
