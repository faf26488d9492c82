/* What does one device of a job compute?
 *
 * Every strategy judges its degree first, so that all objections come at once; then those that rewrite operators do, in
 * the list's order (any other gives the same graph). */
#include "workloads/split.h"
#include "workloads/split_rewrite.h"

const struct split_strategy *const split_strategies[] = {
#define SPLIT(name) &split_##name,
#include "workloads/splits.def"
#undef SPLIT
};
const size_t n_split_strategies = sizeof split_strategies / sizeof *split_strategies;

#define DEGREE(key, doc)                                                                                               \
  { #key, FIELD_UINT, "", 1, MAX_DEGREE, "1", doc, offsetof(struct split_degrees, key), ROLE_ANSWER, NULL }
#define MAX_DEGREE 1048576.0 /* devices */
static const struct field split_field_list[] = {
    DEGREE(tensor, "Devices that share the matrices of a layer."),
    DEGREE(context, "Devices that share a sequence, attention included."),
    DEGREE(expert, "Devices that share the experts of a layer; of those that data and context make."),
    DEGREE(data, "Devices that share a batch."),
    DEGREE(pipeline, "Devices that share the layers."),
    {"sequence", FIELD_BOOL, "", 0, 0, "false",
     "Whether a tensor group shares norms, dropout and residuals too, by tokens.",
     offsetof(struct split_degrees, sequence), ROLE_ANSWER, NULL},
    {"pad_heads", FIELD_BOOL, "", 0, 0, "false", "Whether heads that tensor does not divide are padded.",
     offsetof(struct split_degrees, pad_heads), ROLE_ANSWER, NULL},
};
const struct field_table split_fields = {"split", "How a job is spread over devices.", split_field_list,
                                         sizeof split_field_list / sizeof *split_field_list};

static bool all_apply(const struct op_graph *forward, const struct split_degrees *degrees, struct error *error) {
  const size_t n_before = error->n_messages;
  for (size_t s = 0; s < n_split_strategies; s++) {
    const struct split_strategy *const strategy = split_strategies[s];
    const uint64_t degree = strategy->degree(degrees);
    if (degree == 0)
      error_add(error, STATUS_INPUT, "%s: is 0, allowed is at least 1", strategy->name);
    else if (degree > 1)
      strategy->applies(forward, degrees, error);
  }
  return error->n_messages == n_before;
}

bool split_apply(const struct op_graph *forward, const struct split_degrees *degrees, struct arena *arena,
                 struct arena *scratch, struct op_graph *rank, struct split_extras *extras, struct error *error) {
  if (!all_apply(forward, degrees, error)) return false;
  struct op_graph now = *forward;
  for (size_t s = 0; s < n_split_strategies; s++) {
    const struct split_strategy *const strategy = split_strategies[s];
    if (strategy->split == NULL || strategy->degree(degrees) == 1) continue;
    struct op_graph next;
    if (!strategy->split(&now, degrees, arena, scratch, &next, NULL, error)) return false;
    now = next;
  }
  *rank = now;
  if (extras != NULL) split_extras_between(forward, rank, extras);
  return true;
}
