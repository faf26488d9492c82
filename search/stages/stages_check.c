/* Is this a partition, and is its bottleneck what it says? See stages.h. Shares no code with the solver: stage by
 * stage, layer by layer, from the statement. */
#include "search/stages/stages.h"

__extension__ typedef unsigned __int128 wide; /* holds kept · n_kept, and what fits beside it */

static bool check_order(const struct stages_problem *problem, const uint32_t *stage_of, struct error *error) {
  for (size_t i = 0; i < problem->n_layers; i++) {
    if (stage_of[i] >= problem->n_stages) {
      return error_add(error, STATUS_INPUT, "layer %zu is on stage %u, there are %zu", i, stage_of[i],
                       problem->n_stages);
    }
    if (problem->pred_start == NULL) {
      if (i > 0 && stage_of[i] < stage_of[i - 1]) {
        return error_add(error, STATUS_INPUT, "layer %zu is on stage %u, before its predecessor's", i, stage_of[i]);
      }
      continue;
    }
    for (uint32_t p = problem->pred_start[i]; p < problem->pred_start[i + 1]; p++) {
      if (stage_of[problem->preds[p]] > stage_of[i]) {
        return error_add(error, STATUS_INPUT, "layer %zu is on stage %u, before its predecessor's", i, stage_of[i]);
      }
    }
  }
  return true;
}

/* Load of one stage; false: it has no layer or does not fit. */
static bool check_stage(const struct stages_problem *problem, const uint32_t *stage_of, size_t s, double *load,
                        struct error *error) {
  wide bytes = 0;
  double before = 0, behind = 0;
  bool empty = true;
  *load = 0;
  for (size_t i = 0; i < problem->n_layers; i++) {
    if (stage_of[i] != s) continue;
    if (empty && i > 0 && problem->cut != NULL) before = problem->cut[i - 1];
    behind = i + 1 < problem->n_layers && problem->cut != NULL ? problem->cut[i] : 0;
    empty = false;
    *load += problem->load[i];
    if (problem->memory_bytes == 0) continue;
    if (problem->fixed_bytes != NULL) bytes += problem->fixed_bytes[i];
    if (problem->kept_bytes != NULL && problem->n_kept != NULL) {
      bytes += (wide)problem->kept_bytes[i] * problem->n_kept[s];
    }
    if (bytes > problem->memory_bytes) return error_add(error, STATUS_INPUT, "stage %zu does not fit in memory", s);
  }
  *load = *load + before + behind;
  if (empty) return error_add(error, STATUS_INPUT, "stage %zu has no layer", s);
  return true;
}

bool stages_check(const struct stages_problem *problem, const struct stages_partition *partition, struct error *error) {
  if (!check_order(problem, partition->stage_of, error)) return false;
  double bottleneck = 0;
  for (size_t s = 0; s < problem->n_stages; s++) {
    double load;
    if (!check_stage(problem, partition->stage_of, s, &load, error)) return false;
    if (load > bottleneck) bottleneck = load;
  }
  if (bottleneck == partition->bottleneck) return true;
  return error_add(error, STATUS_INPUT, "the bottleneck is %.17g, not %.17g", bottleneck, partition->bottleneck);
}
