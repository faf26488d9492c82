/* What does a stage see of a design: how it runs there, on which cores operators may run, how wide? For evaluations
 * (stage.c) and floors (stage_bound.c). See stage_private.h. */
#include "arch/stage_private.h"

#include <math.h>
#include <string.h>

void stage_running(const struct stage *stage, const struct accelerator *built, struct accelerator *running) {
  const struct stage_derating *derating = stage->derating;
  *running = *built;
  if (derating == NULL) return;
  const double hbm_bytes_per_s = accelerator_hbm_bytes_per_s(built) * derating->hbm_rate;
  running->vc_width = (uint64_t)fmax((double)built->vc_width * derating->lane_rate + 0.5, 1);
  running->clock_mhz = (uint64_t)fmax((double)built->clock_mhz * derating->clock + 0.5, 1);
  running->hbm_bytes_per_cycle = hbm_bytes_per_s / ((double)running->clock_mhz * 1e6);
}

double stage_clock_hz(const struct stage *stage, const struct accelerator *built) {
  struct accelerator running;
  if (stage->derating == NULL) return (double)built->clock_mhz * 1e6;
  stage_running(stage, built, &running);
  return (double)running.clock_mhz * 1e6;
}

double stage_derated_hbm_j(const struct stage *stage, const struct accelerator *running, uint64_t hbm_bytes) {
  const struct energy_counts hbm = {.hbm_bytes = hbm_bytes};
  if (stage->derating == NULL) return 0;
  return (stage->derating->hbm_power - 1) * physical_energy_j(stage->technology, running, 0, &hbm);
}

static unsigned allowed_widths(const struct stage *stage, const uint32_t *n_cores, unsigned classes) {
  if (stage->settings->spread == SPREAD_OFF || classes & 1u << CORE_LINK) return 1;
  uint32_t least = UINT32_MAX;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if (classes & 1u << c && n_cores[c] < least) least = n_cores[c];
  }
  unsigned widths = 1;
  while (widths < SCHEDULE_MAX_WIDTHS && least >> widths != 0) widths++;
  return widths;
}

void stage_count_cores(const struct accelerator *accelerator, uint32_t *n_cores) {
  n_cores[CORE_TENSOR] = (uint32_t)accelerator->tc_count;
  n_cores[CORE_VECTOR] = (uint32_t)accelerator->vc_count;
  n_cores[CORE_LINK] = 1;
}

uint8_t stage_classes_of(const struct stage *stage, const struct machine *machine, const struct op *op) {
  const unsigned classes = stage->provider->op_classes(machine, op, stage->graph->followers + op->first_follower);
  return (uint8_t)(classes != 0 ? classes : 1U << CORE_LINK);
}

bool stage_shares_hbm(const struct stage *stage) {
  return stage->settings->hbm_sharing == HBM_FLOOR && stage->provider->has_bandwidth;
}

struct stage_seen *stage_see(const struct stage *stage, const struct accelerator *running,
                             struct stage_scratch *scratch) {
  struct stage_seen *seen = scratch->seen;
  if (seen->is_filled && memcmp(&seen->running, running, sizeof *running) == 0 &&
      digest_equal(seen->rules, scratch->rules) && seen->settings == stage->settings && seen->cost == stage->cost &&
      seen->technology == stage->technology && seen->provider == stage->provider)
    return seen;
  seen->running = *running;
  seen->rules = scratch->rules;
  seen->settings = stage->settings;
  seen->cost = stage->cost;
  seen->technology = stage->technology;
  seen->provider = stage->provider;
  seen->is_filled = scratch->tilings != NULL; /* without a cache settings may change from call to call */
  machine_init(&seen->machine, stage->cost, stage->technology, running);
  seen->machine.tilings = scratch->tilings;
  seen->has_prices = seen->has_floors = false;
  uint32_t n_cores[N_CORE_CLASSES];
  stage_count_cores(running, n_cores);
  for (unsigned classes = 0; classes < 1 << N_CORE_CLASSES; classes++)
    seen->widths[classes] = allowed_widths(stage, n_cores, classes);
  return seen;
}
