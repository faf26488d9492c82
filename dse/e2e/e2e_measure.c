/* How many seconds an iteration did a measured run take, whatever was printed of it? See e2e.h.
 *
 * Source: workloads §12 ("Compare in time") and §10: F72 = 3 × the forward FLOP of an iteration, which of GPT shapes is
 * 72·B·s·L·h²·(1 + s/6h + V/12Lh); F96 counts the layers' forward pass once more, not the head's (arXiv 2104.04473,
 * 2205.05198). What a printed figure counts is said by its metric; where selective recomputation was printed, it
 * counted s/3h for s/6h. */
#include "dse/e2e/e2e.h"

#include <math.h>
#include <string.h>

/* Does the figure count what was executed, recomputation included, and not what the model needs? */
static bool is_executed(const struct e2e_row *row) {
  return e2e_says(row->metric, "hw|hardware|hfu") || e2e_says(row->metric, "counts recompute");
}

/* Of one device, or of all together? */
static bool is_of_a_device(const struct e2e_row *row) {
  static const char *const per[] = {"/GPU", "/gpu",  "/chip",        "/device", "/dev",    "/HPU",     "/TPU",
                                    "/NPU", "/core", "/accelerator", "per GPU", "per gpu", "per chip", "per device"};
  for (size_t i = 0; i < sizeof per / sizeof *per; i++)
    if (strstr(row->metric, per[i]) != NULL || strstr(row->unit, per[i]) != NULL) return true;
  return false;
}

/* Of an iteration's attention scores, forward: 4·L·s²·a·e a sequence, which selective recomputation does again. */
static double scores_flop(const struct e2e_row *row) {
  const double s = (double)row->sequence, e = row->head_size > 0 ? (double)row->head_size : 0;
  const double width = e > 0 ? (double)row->heads * e : (double)row->hidden;
  return 4 * (double)row->layers * s * s * width;
}

double e2e_iteration_flop(const struct e2e_row *row, const struct e2e_work *work, uint64_t batch, bool executed) {
  const double model = (work->adapters ? 2 : 3) * work->forward_flop; /* what is frozen has no gradient */
  double flop = model;
  if (executed && e2e_says(row->recompute, "selective"))
    flop = model + 3 * scores_flop(row); /* s/6h → s/3h of 72 */
  else if (executed && !e2e_says(row->recompute, "none"))
    flop = model + work->forward_flop - work->head_flop;
  return flop * (double)batch;
}

/* Seconds in a unit of time; 0: it is none. */
static double unit_s(const char *unit) {
  static const struct {
    const char *name;
    double seconds;
  } units[] = {{"s", 1}, {"sec", 1}, {"seconds", 1}, {"s/iteration", 1}, {"s/it", 1}, {"ms", 1e-3}, {"min", 60}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(unit, units[i].name) == 0) return units[i].seconds;
  return 0;
}

/* FLOP/s in a unit; 0: it is none. */
static double unit_flops(const char *unit) {
  static const struct {
    const char *words;
    double flops;
  } units[] = {{"gflop s|gflops", 1e9}, {"tflop s|tflops", 1e12}, {"pflop s|pflops", 1e15}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (e2e_says(unit, units[i].words)) return units[i].flops;
  return 0;
}

const char *e2e_measured_s(const struct e2e_row *row, const struct e2e_work *work, uint64_t batch, double peak_tflops,
                           double *seconds) {
  const double n = (double)row->n_devices, samples = (double)batch, value = row->measured;
  const double devices = is_of_a_device(row) ? n : 1;
  *seconds = NAN;
  if (isnan(value)) return "nothing was measured";
  if (unit_s(row->unit) > 0) {
    *seconds = value * unit_s(row->unit);
  } else if (work->adapters && (unit_flops(row->unit) > 0 || strcmp(row->unit, "%") == 0)) {
    return "FLOP of a model with adapters, which are counted in several ways";
  } else if (unit_flops(row->unit) > 0) {
    const bool all = e2e_says(row->metric, "all|total|aggregate|system");
    *seconds = e2e_iteration_flop(row, work, batch, is_executed(row)) / (value * unit_flops(row->unit) * (all ? 1 : n));
  } else if (strcmp(row->unit, "%") == 0) {
    const double peak = 1e12 * (row->peak_tflops > 0 ? row->peak_tflops : peak_tflops);
    *seconds = e2e_iteration_flop(row, work, batch, is_executed(row)) / (value / 100 * n * peak);
  } else if (strcmp(row->unit, "h") == 0) {
    const double per = e2e_says(row->metric, "1e12|trillion") ? 1e12 : e2e_says(row->metric, "1e9|billion") ? 1e9 : 0;
    if (per == 0) return "hours of what, its metric does not say";
    *seconds = value * 3600 * samples * work->tokens / (per * n);
  } else if (e2e_says(row->unit, "tok|tokens|token")) {
    if (work->tokens <= 1) return "tokens of a sample unknown";
    *seconds = samples * work->tokens / (value * devices);
  } else if (e2e_says(row->unit, "seq|sequences|samples|sample|img|images|image|rec|records|sentences")) {
    *seconds = samples / (value * devices);
  } else {
    return "its unit is none that we know";
  }
  return NULL;
}
