/* See stage_features.h. */
#include "arch/stage_features.h"

#include "base/checked.h"
#include "base/num.h"
#include <math.h>

const struct stage_feature_name stage_feature_names[N_STAGE_FEATURES] = {
#define STAGE_FEATURE(id, name, unit) [STAGE_FEATURE_##id] = {name, unit},
#include "arch/stage_features.def"
#undef STAGE_FEATURE
};

/* What is below one unit, or does not fit 64 bits, is cut off there: nothing that a stage can have or need. */
static double log2_of(double value) {
  static const double one_over_ln_2 = 1.4426950408889634074;
  return num_log(fmin(fmax(value, 0x1p-64), 0x1p64)) * one_over_ln_2;
}

/* Bytes that products move at least through a memory of this size: 2·macs/√words words (Hong and Kung 1981, with the
 * constant of Smith et al. 2019), taken over all products together. */
static double product_bytes(double macs, double memory_bytes, double word_bytes) {
  return word_bytes * 2 * macs / sqrt(fmax(memory_bytes / word_bytes, 1));
}

static double share(double part, double whole) { return whole > 0 ? fmin(part / whole, 1) : 1; }

void stage_features(const struct stage *stage, const struct accelerator *accelerator,
                    const struct stage_cost_of_design *design, struct stage_scratch *scratch, double *features) {
  struct machine machine;
  struct stage_sums sums;
  machine_init(&machine, stage->cost, stage->technology, accelerator);
  stage_floors_clear(stage, scratch);
  stage_floors_sum(stage, accelerator, scratch, &sums);
  const double path = (double)stage_floors_path(stage, scratch), macs = (double)stage->macs;
  const double tensor = (double)sums.load_cycles[CORE_TENSOR] / (double)max_u64(accelerator->tc_count, 1);
  const double vector = (double)sums.load_cycles[CORE_VECTOR] / (double)max_u64(accelerator->vc_count, 1);
  const double hbm_rate = fmax(accelerator_hbm_bytes_per_cycle(accelerator), 0x1p-20);
  const double sram = (double)machine.glb_bytes + (double)accelerator->tc_count * (double)machine.tensor_l2_bytes +
                      (double)accelerator->vc_count * (double)machine.vector_l2_bytes;
  const double traffic =
      fmax((double)sums.hbm_bytes, product_bytes(macs, (double)machine.glb_bytes, (double)accelerator->element_bytes));
  features[STAGE_FEATURE_MAC_RATE] =
      log2_of((double)accelerator->tc_count * (double)machine.rows * (double)machine.cols);
  features[STAGE_FEATURE_LANE_RATE] = log2_of((double)accelerator->vc_count * (double)machine.lanes);
  features[STAGE_FEATURE_HBM_RATE] = log2_of(hbm_rate);
  features[STAGE_FEATURE_GLB] = log2_of((double)machine.glb_bytes);
  features[STAGE_FEATURE_TENSOR_L2] = log2_of((double)machine.tensor_l2_bytes);
  features[STAGE_FEATURE_AREA] = log2_of(design->area.total);
  features[STAGE_FEATURE_TDP] = stage->provider->has_tdp ? log2_of(design->tdp.total) : 0;
  features[STAGE_FEATURE_ARRAY_UTILISATION] = share(macs, (double)sums.slots);
  features[STAGE_FEATURE_LANE_SLOTS] = log2_of((double)sums.lane_cycles);
  features[STAGE_FEATURE_TENSOR_LOAD] = log2_of(tensor);
  features[STAGE_FEATURE_VECTOR_LOAD] = log2_of(vector);
  features[STAGE_FEATURE_LINK_LOAD] = log2_of((double)sums.load_cycles[CORE_LINK]);
  features[STAGE_FEATURE_HBM_LOAD] = log2_of((double)sums.hbm_bytes / hbm_rate);
  features[STAGE_FEATURE_CRITICAL_FRACTION] = share(path, path + fmax(tensor, vector));
  features[STAGE_FEATURE_SRAM_REUSE] = log2_of(macs / fmax(sram, 1));
  features[STAGE_FEATURE_TRAFFIC] = log2_of(traffic / fmax(macs, 1));
  features[STAGE_FEATURE_TRAFFIC_LOAD] = log2_of(traffic / hbm_rate);
  features[STAGE_FEATURE_CLOCK] = log2_of((double)accelerator->clock_mhz);
}
