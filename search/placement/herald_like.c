/* What is reached if only weights stay? As others measured Herald (Kwon et al., HPCA 2021): the steps of H2H, stopped
 * behind the second. (placement §6.) */
#include "search/placement/h2h.h"

static void run(const struct placement_request *request, struct placement_result *result) {
  h2h_run(request, 2, result, NULL);
}

const struct placement_algorithm placement_herald_like = {.name = "herald-like",
                                                          .doc = "earliest end of computation, weights that stay",
                                                          .source = "our reading of Kwon et al., HPCA 2021",
                                                          .table = &h2h_fields,
                                                          .settings_bytes = sizeof(struct h2h_settings),
                                                          .one_shot = true,
                                                          .run = run};
