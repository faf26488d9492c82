/* See tenancy_alone.h. */
#include "dse/tenancy/tenancy_alone.h"

#include "base/checked.h"
#include "search/tenancy/tenancy_islands.h"

void tenancy_map_alone(const struct tenancy_parts *parts, const uint32_t *count,
                       const struct tenancy_alone_settings *settings, struct arena *arena, struct arena *scratch,
                       struct tenancy_alone *alone) {
  struct error why = {0};
  struct tenancy_islands islands;
  const struct tenancy_islands_settings own = {
      .seed = settings->seed, .samples = settings->samples, .n_islands = 1, .gap_target = 1e-9};
  REQUIRE(tenancy_compose(parts, count, arena, &alone->problem, &why));
  if (!tenancy_bounds(&alone->problem, settings->bounds, NULL, arena, &alone->bounds, &why)) BUG("%s", why.text);
  tenancy_islands_init(&islands, &alone->problem, &alone->bounds, settings->algorithm, settings->algorithm_settings,
                       &own, arena);
  while (!tenancy_islands_over(&islands)) {
    tenancy_islands_clear(&islands);
    tenancy_islands_run(&islands, 0, scratch);
    tenancy_islands_turn(&islands);
  }
  alone->queues = islands.islands[0].best;
  alone->cost = islands.islands[0].best_cost;
  alone->n_samples = tenancy_islands_samples(&islands);
  alone->answer = tenancy_answer_new(&alone->problem, arena);
  tenancy_write_down(&alone->problem, &alone->queues, &alone->answer);
  if (!tenancy_judge(&alone->problem, &alone->answer, arena, &alone->verdict, &why)) BUG("%s", why.text);
}

void *tenancy_screening_settings(const struct tenancy_algorithm *algorithm, uint64_t samples, struct arena *arena) {
  struct error why = {0};
  void *const settings = arena_alloc(arena, 1, algorithm->settings_bytes);
  config_defaults(algorithm->table, arena, settings);
  const struct field *const steps = config_find_field(algorithm->table, "assign_steps");
  REQUIRE(steps != NULL);
  const uint64_t few = min_u64(200000, sat_mul(10, samples));
  const char *const value = arena_printf(arena, "%llu", (unsigned long long)few);
  if (!config_set_field(steps, settings, value, "screening", arena, &why)) BUG("%s", why.text);
  return settings;
}
