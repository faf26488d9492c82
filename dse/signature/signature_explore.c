/* The flows of the signature that search for designs: small spaces on real networks, one a kind of graph, a whole
 * system, and platforms for tenants. Enough that a change of any cost, schedule or search shows. */
#include "dse/cosearch/cosearch_report.h"
#include "dse/explore.h"
#include "dse/output/outputs.h"
#include "dse/signature/signature.h"
#include "dse/system/system_report.h"
#include "dse/tenancy/tenancy_report.h"

#include <stdlib.h>

static void add_digest(struct digest_stream *digest, struct digest part) {
  digest_add_u64(digest, part.high);
  digest_add_u64(digest, part.low);
}

static void add_table(struct digest_stream *digest, const struct table *table) {
  size_t n;
  const char *const bytes = table_bytes(table, &n);
  digest_add_u64(digest, n);
  digest_add_bytes(digest, bytes, n);
}

/* Takes the value over. */
static void add_json(struct digest_stream *digest, json_t *value) {
  char *const text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
  REQUIRE(text != NULL);
  digest_add_text(digest, text);
  free(text);
  json_decref(value);
}

static bool explore(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                    struct error *error) {
  struct run *const run = ARENA_NEW(invocation->arena, struct run, 1);
  bool done = signature_prepare(flow, invocation, run, error);
  if (done) {
    rounds_init(&run->rounds, invocation->cluster, &run->designs, NULL, invocation->arena);
    done = explore_search(run, error);
  }
  if (done) {
    add_digest(digest, outputs_digest(run));
    if (run->cosearch != NULL) {
      add_table(digest, cosearch_report_table(run, invocation->arena));
      add_table(digest, cosearch_report_designs(run, invocation->arena));
    }
    add_json(digest, system_report_chosen_json(run));
    add_table(digest, tenancy_report_table(run, invocation->arena));
  }
  run_release(run);
  return done;
}

/* Every algorithm with its defaults, from the same beginning. */
static bool searchers(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                      struct error *error) {
  struct run *const run = ARENA_NEW(invocation->arena, struct run, 1);
  bool done = signature_prepare(flow, invocation, run, error);
  for (size_t i = 0; done && i < n_search_algorithms; i++) {
    const struct search_algorithm *const algorithm = search_algorithms[i];
    rounds_init(&run->rounds, invocation->cluster, &run->designs, NULL, invocation->arena);
    done = rounds_search(&run->rounds, algorithm, run_algorithm_settings(&run->settings, algorithm),
                         run->settings.search.max_evaluations, error);
    if (done) add_digest(digest, outputs_digest(run));
  }
  run_release(run);
  return done;
}

const struct signature_flow signature_flow_explore_language = {
    .name = "explore_language",
    .doc = "guided search, a language model",
    .text = "workload = \"bert-base\"; batch = 4; limits = { area_mm2 = 500.0; };\n"
            "space = { tc_count = [1, 2, 4, 8]; tc_rows = [32, 64, 128]; tc_cols = [64, 128];\n"
            "vc_count = [1, 2, 4]; vc_width = [256, 1024]; glb_mib = [16, 64]; hbm_stacks = [2, 4]; };",
    .run = explore,
};
const struct signature_flow signature_flow_explore_image = {
    .name = "explore_image",
    .doc = "exhaustive, an image model",
    .text = "workload = \"resnet18\"; batch = 16;\n"
            "search = { algorithm = \"exhaustive\"; metric = \"throughput_per_tdp\"; };\n"
            "space = { tc_count = [1, 4]; tc_rows = [64, 128]; tc_cols = [128]; vc_count = [1, 2]; vc_width = [512];\n"
            "glb_mib = [16]; hbm_stacks = [2]; };",
    .run = explore,
};
const struct signature_flow signature_flow_explore_recurrent = {
    .name = "explore_recurrent",
    .doc = "random, a recurrent model",
    .text = "workload = \"gnmt4\"; batch = 8; search = { algorithm = \"random\"; max_evaluations = 64; seed = 77; };\n"
            "space = { tc_count = [1, 2, 4]; tc_rows = [32, 128]; tc_cols = [32, 128]; vc_count = [1, 2];\n"
            "vc_width = [128, 512]; glb_mib = [8, 32]; hbm_stacks = [1, 3]; };",
    .run = explore,
};
const struct signature_flow signature_flow_explore_compat = {
    .name = "explore_compat",
    .doc = "public costs, a depthwise model",
    .text = "workload = \"mobilenet_v3_large\"; batch = 8; cost = { provider = \"compat\"; };\n"
            "limits = { area_mm2 = 300.0; reference = \"tpuv2_like\"; memory = false; };\n"
            "space = { tc_count = [1, 2, 4]; tc_rows = [32, 64]; tc_cols = [32]; vc_count = [1, 2]; vc_width = [32];\n"
            "glb_mib = [16, 32]; hbm_stacks = [2]; };",
    .run = explore,
};
const struct signature_flow signature_flow_explore_searchers = {
    .name = "explore_searchers",
    .doc = "every searcher, a few evaluations of each",
    .text = "workload = \"dlrm-criteo\"; batch = 64; limits = { memory = false; };\n"
            "search = { max_evaluations = 40; seed = 7; };\n"
            "space = { tc_count = [1, 2, 4]; tc_rows = [32, 64, 128]; tc_cols = [32, 64]; vc_count = [1, 2];\n"
            "vc_width = [128, 512]; glb_mib = [8, 32]; hbm_stacks = [2, 4]; };",
    .run = searchers,
};
const struct signature_flow signature_flow_explore_system = {
    .name = "explore_system",
    .doc = "eight devices: strategies, stages of their own, a choice of designs",
    .text = "workload = \"gpt2-xl\"; limits = { area_mm2 = 700.0; };\n"
            "space = { tc_count = [4, 8]; tc_rows = [128]; tc_cols = [64, 128]; vc_count = [2, 4]; vc_width = [512];\n"
            "glb_mib = [32]; hbm_stacks = [2, 4]; };\n"
            "system = { devices = [8]; global_batch = 16; tensor = [1, 2]; pipeline = [1, 2, 4]; microbatch = [1, 2];\n"
            "schedule = [\"1f1b\", \"zb_h1\"]; zero = [1, 3]; };",
    .run = explore,
};
const struct signature_flow signature_flow_explore_joint = {
    .name = "explore_joint",
    .doc = "four stages: layers and designs of each together, at equal money",
    .text = "workload = \"gpt2-xl\"; limits = { area_mm2 = 700.0; };\n"
            "space = { tc_count = [2, 8]; tc_rows = [128]; tc_cols = [64, 128]; vc_count = [2, 4]; vc_width = [512];\n"
            "glb_mib = [32]; hbm_stacks = [1, 2, 4]; };\n"
            "system = { devices = [8]; global_batch = 16; tensor = [1]; pipeline = [4]; microbatch = [1]; zero = [1];\n"
            "money_usd = 3000.0; kinds = \"joint\"; };\n"
            "search = { prove_front = false; bound_points = 0; };",
    .run = explore,
};
const struct signature_flow signature_flow_explore_tenants = {
    .name = "explore_tenants",
    .doc = "platforms of found designs for tenants",
    .text =
        "workload = \"bert-base\"; batch = 4; limits = { area_mm2 = 300.0; };\n"
        "space = { tc_count = [1, 2, 4]; tc_rows = [64, 128]; tc_cols = [64]; vc_count = [1, 2]; vc_width = [256];\n"
        "glb_mib = [16]; hbm_stacks = [2]; };\n"
        "tenancy = { models = [\"resnet18\", \"bert-base sequence=20\"]; group_size = 12; designs = 2; cores = 3;\n"
        "samples = 100; final_samples = 300; };",
    .run = explore,
};
const struct signature_flow signature_flow_explore_cosearch = {
    .name = "explore_cosearch",
    .doc = "platforms for training and tenants at once, two kinds of design",
    .text =
        "workload = \"resnet18\"; batch = 8; limits = { area_mm2 = 300.0; };\n"
        "space = { tc_count = [1, 2, 4]; tc_rows = [64, 128]; tc_cols = [64]; vc_count = [1, 2]; vc_width = [256];\n"
        "glb_mib = [16]; hbm_stacks = [2]; };\n"
        "tenancy = { models = [\"resnet18\", \"bert-base sequence=20\"]; group_size = 12; cores = 3;\n"
        "area_mm2 = 700.0; samples = 100; final_samples = 200; };\n"
        "co_search = { metric = \"joint\"; weight = 0.5; kinds = 2; };",
    .run = explore,
};
const struct signature_flow signature_flow_explore_mixed = {
    .name = "explore_mixed",
    .doc = "nodes of training systems for tenants: of one design, or of two by stage",
    .text = "workload = \"gnmt4\"; model = [\"hidden=256\", \"vocab=4096\"];\n"
            "space = { tc_count = [1, 4]; tc_rows = [64]; tc_cols = [64]; vc_count = [1, 4]; vc_width = [256];\n"
            "glb_mib = [16]; hbm_stacks = [1, 2]; };\n"
            "system = { devices = [6]; global_batch = 96; tensor = [1]; pipeline = [3]; microbatch = [4];\n"
            "schedule = [\"1f1b\"]; zero = [1]; recompute = [\"selective\"]; money_usd = 860.0; kinds = \"joint\"; };\n"
            "tenancy = { task = \"mix\"; group_size = 7; seed = 77; cores = 6; power_w = 700.0; samples = 200;\n"
            "final_samples = 500; };\n"
            "co_search = { metric = \"joint\"; weight = 0.6; mixed = true; };",
    .run = explore,
};
const struct signature_flow signature_flow_explore_chiplets = {
    .name = "explore_chiplets",
    .doc = "packages of one die or several at equal money",
    .text = "workload = \"gpt2-xl\"; limits = { area_mm2 = 700.0; };\n"
            "space = { chiplets = [2, 4]; d2d_gbytes_per_s = [500, 1000]; tc_count = [2, 8]; tc_rows = [128];\n"
            "tc_cols = [128]; vc_count = [2, 8]; vc_width = [512]; glb_mib = [16]; hbm_stacks = [2, 4]; };\n"
            "money = { package_usd_per_mm2 = 0.1; bond_yield = 0.99; socket_usd = 1000.0; };\n"
            "system = { devices = [4, 8]; global_batch = 16; tensor = [1, 2, 4]; pipeline = [1, 2]; zero = [1];\n"
            "money_usd = 30000.0; kinds = \"homogeneous\"; };\n"
            "search = { prove_front = false; bound_points = 0; };",
    .run = explore,
};
