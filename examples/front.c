/* The fastest accelerators for ResNet-50 within 400 mm2, found from C, and one design judged by itself.
 *
 *   cc -std=c17 front.c $(pkg-config --cflags --libs dse) -o front && ./front
 *
 * Of a build tree: make lib && cc -std=c17 -I. examples/front.c build/release/lib/libdse.a \
 *   $(pkg-config --libs libconfig gsl jansson libxxhash zlib libprotobuf-c) -lglpk -lm */
#include <dse/dse.h>
#include <stdio.h>

static const char run_file[] =
    "workload = \"resnet50\"; batch = 32;\n"
    "limits = { area_mm2 = 400.0; };\n"
    "space = { tc_count = \"1..16 x2\"; tc_rows = [64, 128]; tc_cols = [64, 128];\n"
    "  vc_count = [1, 2, 4]; vc_width = [256, 512]; glb_mib = [16, 64]; hbm_stacks = [2, 4]; };\n";

static int fail(const struct dse *dse) {
  fprintf(stderr, "%s", dse_message(dse));
  return (int)dse_status(dse);
}

static void print_design(const char *title, const struct dse_design *design) {
  printf("%s: %.1f samples/s, %.3g J an iteration, %.1f mm2, %.1f W", title, design->throughput_samples_per_s,
         design->energy_j, design->area_mm2, design->tdp_w);
  if (!design->feasible) printf(" (breaks %s by %.3g %s)", design->reason, design->excess, design->excess_unit);
  printf("\n");
}

int main(void) {
  struct dse *dse = dse_open(NULL);
  if (dse == NULL) return DSE_ENVIRONMENT;
  const char *sets[] = {"limits.tdp_w=250"};
  struct dse_run *run = dse_run_text(dse, "front.c", run_file, sets, 1);
  if (run == NULL) return fail(dse);

  struct dse_design design = {0};
  if (!dse_evaluate(run, "tpuv4", &design)) return fail(dse);
  print_design("tpuv4", &design);

  const struct dse_search search = {.max_evaluations = 1000};
  struct dse_front *front = dse_explore(run, &search);
  if (front == NULL) return fail(dse);
  const struct dse_summary summary = dse_front_summary(front);
  printf("%zu designs on the front, best %.6g %s%s after %llu evaluations\n", dse_front_size(front), summary.best,
         summary.unit, summary.proven_optimal ? " (proven)" : "", (unsigned long long)summary.evaluations);
  for (size_t i = 0; i < dse_front_size(front) && i < 3; i++) {
    const char *text;
    if (!dse_front_design(front, i, &design, &text)) return fail(dse);
    print_design(text, &design);
  }
  dse_front_free(front);
  dse_run_free(run);
  dse_close(dse);
  return 0;
}
