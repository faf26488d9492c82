/* dse signature: one digest over small runs, the same on every machine and any number of ranks. */
#include "dse/outputs.h"

#include <string.h>

/* Small spaces on real networks, one a kind of graph: enough that a change of any cost, schedule or search shows. */
static const struct {
  const char *name, *text;
} probes[] = {
    {"guided, a language model",
     "workload = \"bert-base\"; batch = 4; limits = { area_mm2 = 500.0; };\n"
     "space = { tc_count = [1, 2, 4, 8]; tc_rows = [32, 64, 128]; tc_cols = [64, 128];\n"
     "vc_count = [1, 2, 4]; vc_width = [256, 1024]; glb_mib = [16, 64]; hbm_stacks = [2, 4]; };"},
    {"exhaustive, an image model",
     "workload = \"resnet18\"; batch = 16; search = { algorithm = \"exhaustive\"; metric = \"throughput_per_tdp\"; };\n"
     "space = { tc_count = [1, 4]; tc_rows = [64, 128]; tc_cols = [128]; vc_count = [1, 2]; vc_width = [512];\n"
     "glb_mib = [16]; hbm_stacks = [2]; };"},
    {"random, a recurrent model",
     "workload = \"gnmt4\"; batch = 8; search = { algorithm = \"random\"; max_evaluations = 64; seed = 77; };\n"
     "space = { tc_count = [1, 2, 4]; tc_rows = [32, 128]; tc_cols = [32, 128]; vc_count = [1, 2]; vc_width = [128, "
     "512];\n"
     "glb_mib = [8, 32]; hbm_stacks = [1, 3]; };"},
    {"compat, a depthwise model",
     "workload = \"mobilenet_v3_large\"; batch = 8; cost = { provider = \"compat\"; };\n"
     "limits = { area_mm2 = 300.0; reference = \"tpuv2_like\"; memory = false; };\n"
     "space = { tc_count = [1, 2, 4]; tc_rows = [32, 64]; tc_cols = [32]; vc_count = [1, 2]; vc_width = [32];\n"
     "glb_mib = [16, 32]; hbm_stacks = [2]; };"},
};

static bool probe(struct invocation *invocation, size_t i, struct digest *digest, struct error *error) {
  struct run *run = ARENA_NEW(invocation->arena, struct run, 1);
  run->invocation = invocation;
  struct config *config;
  const char *text = probes[i].text;
  if (!config_open_text(probes[i].name, text, strlen(text), NULL, 0, invocation->arena, &config, error)) return false;
  const bool read = run_settings_apply(config, invocation->arena, &run->settings, error);
  config_close(config);
  if (!read || !run_load_workload(run, error) || !run_expand_training(run, error) || !run_make_problem(run, error)) {
    return false;
  }
  rounds_init(&run->rounds, invocation->cluster, &run->designs, NULL, invocation->arena);
  const struct search_algorithm *algorithm = search_algorithm_find(run->settings.search.algorithm);
  const bool done = rounds_search(&run->rounds, algorithm, run_algorithm_settings(&run->settings, algorithm),
                                  run->settings.search.max_evaluations, error) &&
                    prove(&run->rounds, &run->proof, error);
  if (done) *digest = outputs_digest(run);
  run_release(run);
  return done;
}

static enum status run_signature(struct invocation *invocation, struct error *error) {
  struct digest_stream stream;
  digest_begin(&stream);
  char hex[DIGEST_HEX_BYTES];
  if (invocation->n_sets > 0) {
    error_add(error, STATUS_INPUT, "dse signature: --set: takes none, its runs are fixed");
    return error->status;
  }
  for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
    struct digest digest;
    if (!probe(invocation, i, &digest, error)) return error->status;
    digest_add_u64(&stream, digest.high);
    digest_add_u64(&stream, digest.low);
    digest_print(digest, hex);
    if (invocation->verbose) remark(invocation, "%s  %s\n", hex, probes[i].name);
  }
  digest_print(digest_end(&stream), hex);
  if (invocation->json) {
    say(invocation, "{\"signature\": \"%s\"}\n", hex);
  } else {
    say(invocation, "%s\n", hex);
  }
  return STATUS_OK;
}

static const char *const examples[] = {"dse signature", "mpirun -n 3 dse signature --verbose", NULL};
const struct command command_signature = {
    .name = "signature",
    .words = "",
    .summary = "one digest over small runs of everything; the same on every machine and rank count",
    .details = "Two builds with the same signature give the same answers. --verbose names each part.",
    .examples = examples,
    .run = run_signature,
};
