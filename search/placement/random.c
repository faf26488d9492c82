/* What does chance find? The best of as many random placements as there are samples; where memory is hard or pieces of
 * a chain are wanted, which chance rarely meets, the answer of last resort is the first. (placement §6.) */
#include "search/placement/placement_draw.h"

static void run(const struct placement_request *request, struct placement_result *result) {
  struct placement_meter meter;
  struct placement_build build;
  placement_meter_init(&meter, request, result);
  placement_build_init(&build, request);
  struct placement_answer answer = placement_answer_new(request->problem, request->arena);
  struct placement_genes genes = placement_genes_new(request->problem, request->arena);
  const bool rare = request->problem->contiguous || request->problem->memory == PLACEMENT_HARD;
  if (rare && !placement_meter_full(&meter) && placement_build_fill(&build, &answer)) {
    placement_meter_try(&meter, &answer);
  }
  while (!placement_meter_full(&meter)) {
    struct rng rng = placement_rng(request, PLACEMENT_STREAM_RANDOM, result->samples, 0);
    placement_draw(&build, &rng, &genes);
    placement_decode(&build, &genes, &answer);
    placement_meter_try(&meter, &answer);
  }
}

const struct placement_algorithm placement_random = {
    .name = "random", .doc = "the best of random placements", .source = "the floor under every other", .run = run};
