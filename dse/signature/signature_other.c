/* The flows of the signature beside exploring and mapping: training a policy, reading an ONNX file, what results hang
 * on, which limit to move, the scheduler beside the shortest schedules, and the model beside real chips and runs. */
#include "dse/calibrate/calibrate.h"
#include "dse/design/importance.h"
#include "dse/design/relax.h"
#include "dse/explore.h"
#include "dse/partition/partition_run.h"
#include "dse/signature/signature.h"
#include "dse/study/schedule_cases.h"
#include "dse/study/sensitivity.h"

#include "arch/schedule_exact.h"
#include "search/partition/policy_file.h"
#include "search/partition/policy_train.h"
#include "workloads/onnx.h"
#include <string.h>

/* --- training a policy -----------------------------------------------------------------------------------------------
 */

static bool train(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                  struct error *error) {
  enum { SEED = 7 };
  struct policy_training settings;
  struct policy_lessons lessons = {0};
  struct config *config;
  if (!config_open_text(flow->name, flow->text, strlen(flow->text), NULL, 0, invocation->arena, &config, error))
    return false;
  const struct config_section section = {"", &policy_training_fields, &settings, false};
  const bool read = config_apply(config, &section, 1, invocation->arena, error);
  config_close(config);
  if (!read) return false;
  policy_lessons_init(&lessons, settings.graphs, invocation->arena);
  if (!policy_train_draw(&settings, SEED, &lessons, invocation->arena, invocation->scratch, error)) return false;
  struct arena sharing;
  arena_init(&sharing, 1 << 20);
  struct partition_ranks ranks = {invocation->cluster, &sharing, error};
  const struct partition_pool pool = {partition_run_on_ranks, &ranks};
  const struct policy_trainer trainer = {.training = &settings,
                                         .lessons = &lessons,
                                         .seed = SEED,
                                         .pool = &pool,
                                         .arena = invocation->arena,
                                         .scratch = invocation->scratch};
  struct policy_net net;
  struct policy_origin origin = {.seed = SEED, .corpus = policy_lessons_digest(&lessons)};
  policy_train(&trainer, &net, &origin.updates);
  arena_release(&sharing);
  size_t n;
  const unsigned char *const bytes = policy_file_bytes(&net, &origin, invocation->scratch, &n);
  digest_add_bytes(digest, bytes, n);
  return !error_is_set(error);
}

const struct signature_flow signature_flow_train_policy = {
    .name = "train_policy",
    .doc = "weights after a few steps of learning",
    .text = "graphs = 5; width = 8; layers = 1; label_steps = 4; updates = 2; checks = 1; rollouts = 2;",
    .run = train,
};

/* --- reading an ONNX file --------------------------------------------------------------------------------------------
 */

/* As onnx.proto has it: x[n,3,37,29] → Conv 24 × 3 × 3, stride 2 → BatchNormalization → Relu → GlobalAveragePool →
 * Flatten → Gemm to 10; opset 13, weights without values. */
static const char onnx_file[] =
    "\010\007\072\303\003\012Q\012\001x\012\001w\022\001a\032\004conv\042\004Conv\052\025\012\014kernel\137"
    "shape\100\003\100\003\240\001\007\052\020\012\007strides\100\002\100\002\240\001\007\052\021\012\004pa"
    "ds\100\001\100\001\100\001\100\001\240\001\007\012\072\012\001a\012\001s\012\001b\012\001m\012\001v"
    "\022\001c\032\022batchnormalization\042\022BatchNormalization\012\022\012\001c\022\001d\032\004relu"
    "\042\004Relu\012\054\012\001d\022\001e\032\021globalaveragepool\042\021GlobalAveragePool\012\030\012"
    "\001e\022\001f\032\007flatten\042\007Flatten\012\030\012\001f\012\001k\012\001h\022\001y\032\004gemm"
    "\042\004Gemm\022\001gZ\034\012\001x\022\027\012\025\010\001\022\021\012\003\022\001n\012\002\010\003"
    "\012\002\010\045\012\002\010\035Z\033\012\001w\022\026\012\024\010\001\022\020\012\002\010\030\012\002"
    "\010\003\012\002\010\003\012\002\010\003Z\017\012\001s\022\012\012\010\010\001\022\004\012\002\010\030"
    "Z\017\012\001b\022\012\012\010\010\001\022\004\012\002\010\030Z\017\012\001m\022\012\012\010\010\001"
    "\022\004\012\002\010\030Z\017\012\001v\022\012\012\010\010\001\022\004\012\002\010\030Z\023\012\001k"
    "\022\016\012\014\010\001\022\010\012\002\010\030\012\002\010\012Z\017\012\001h\022\012\012\010\010\001"
    "\022\004\012\002\010\012b\024\012\001y\022\017\012\015\010\001\022\011\012\003\022\001n\012\002\010"
    "\012B\002\020\015";

static bool onnx(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                 struct error *error) {
  struct workload workload = {.name = flow->name, .batch = 5};
  const struct workload_request request = {
      .name = flow->name, .data_folder = invocation->data_folder, .batch = workload.batch, .element_bytes = 2};
  const struct generation generation = {&request, NULL, invocation->arena, graph_builder_new(invocation->scratch),
                                        &workload};
  struct onnx_notes notes = {0};
  if (!onnx_parse(flow->name, (const uint8_t *)onnx_file, sizeof onnx_file - 1, &generation, invocation->scratch,
                  &notes, error) ||
      !graph_builder_finish(generation.builder, invocation->arena, &workload.graph, error))
    return false;
  digest_add_u64(digest, workload.graph.digest.high);
  digest_add_u64(digest, workload.graph.digest.low);
  for (size_t i = 0; i < workload.graph.n_ops; i++) {
    digest_add_u64(digest, op_macs(&workload.graph.ops[i]));
    digest_add_u64(digest, workload.graph.ops[i].n_parameters);
  }
  return true;
}

const struct signature_flow signature_flow_onnx_import = {
    .name = "onnx_import",
    .doc = "a small network from a file",
    .text = "",
    .run = onnx,
};

/* --- what a result hangs on ------------------------------------------------------------------------------------------
 */

/* Logarithms go in: their last digits are the library's. */
enum { SENSITIVITY_DIGITS = 6 };

static void add_indices(struct digest_stream *digest, const struct sensitivity *sensitivity, unsigned part) {
  const struct sensitivity_indices *const indices = &sensitivity->indices[part];
  digest_add_u64(digest, indices->none == NULL);
  if (indices->none != NULL) return;
  for (unsigned o = 0; o < sensitivity->run->designs.space.n_objectives; o++) {
    for (size_t i = 0; i < indices->n_inputs && indices->of[o].variance > 0; i++) {
      digest_add_double(digest, calibrate_round(indices->of[o].first[i].value, SENSITIVITY_DIGITS));
      digest_add_double(digest, calibrate_round(indices->of[o].total[i].value, SENSITIVITY_DIGITS));
    }
  }
}

static bool sensitivity(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                        struct error *error) {
  struct run *const run = ARENA_NEW(invocation->arena, struct run, 1);
  struct sensitivity *const of = ARENA_NEW(invocation->arena, struct sensitivity, 1);
  of->run = run;
  invocation->values[invocation->n_values].name = "samples";
  invocation->values[invocation->n_values++].value = "16";
  invocation->values[invocation->n_values].name = "draws";
  invocation->values[invocation->n_values++].value = "4";
  const bool done = signature_prepare(flow, invocation, run, error) && sensitivity_analyse(of, error);
  for (unsigned p = 0; done && p < N_SENSITIVITY_PARTS; p++) add_indices(digest, of, p);
  for (unsigned w = 0; done && w < N_SENSITIVITY_WINNERS; w++) {
    digest_add_u64(digest, of->winners[w].n_feasible);
    for (size_t d = 0; d < of->winners[w].n_designs; d++) digest_add_u64(digest, of->winners[w].designs[d].wins);
  }
  run_release(run);
  return done;
}

const struct signature_flow signature_flow_sensitivity = {
    .name = "sensitivity",
    .doc = "indices of axes and constants, winners under drawn constants",
    .text =
        "workload = \"bert-base\"; batch = 4; limits = { area_mm2 = 300.0; };\n"
        "space = { tc_count = [1, 2, 4]; tc_rows = [64, 128]; tc_cols = [64]; vc_count = [1, 2]; vc_width = [256];\n"
        "glb_mib = [16, 32]; hbm_stacks = [2]; };",
    .run = sensitivity,
};

/* Of a system: with the degrees of its strategies as axes beside the designs' own. */
static bool importance(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                       struct error *error) {
  struct run *const run = ARENA_NEW(invocation->arena, struct run, 1);
  bool done = signature_prepare(flow, invocation, run, error);
  if (done) {
    rounds_init(&run->rounds, invocation->cluster, &run->designs, NULL, invocation->arena);
    done = explore_search(run, error) && importance_compute(run, error);
  }
  digest_add_u64(digest, run->importance != NULL);
  if (done && run->importance != NULL) add_indices(digest, run->importance, PART_ALLOWED);
  run_release(run);
  return done;
}

const struct signature_flow signature_flow_importance = {
    .name = "importance",
    .doc = "indices of axes and degrees of a whole system, as its report shows them",
    .text = "workload = \"gpt2-xl\"; limits = { area_mm2 = 700.0; };\n"
            "space = { tc_count = [2, 8]; tc_rows = [128]; tc_cols = [128]; vc_count = [2, 4]; vc_width = [512];\n"
            "glb_mib = [32]; hbm_stacks = [2, 4]; };\n"
            "system = { devices = [8]; global_batch = 16; tensor = [1, 2]; pipeline = [1, 4]; microbatch = [1, 2];\n"
            "kinds = \"homogeneous\"; };\n"
            "search = { prove_front = false; bound_points = 0; }; report = { sensitivity_samples = 16; };",
    .run = importance,
};

/* --- which limit to move ---------------------------------------------------------------------------------------------
 */

static void add_relaxation(struct digest_stream *digest, const struct relaxation *relaxation) {
  digest_add_u64(digest, relaxation->exists);
  if (!relaxation->exists) return;
  digest_add_text(digest, relaxation->key);
  digest_add_double(digest, relaxation->to);
}

static bool why(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                struct error *error) {
  struct run *const run = ARENA_NEW(invocation->arena, struct run, 1);
  struct relaxed *const relaxed = ARENA_NEW(invocation->arena, struct relaxed, 1);
  const bool done = signature_prepare(flow, invocation, run, error);
  if (done) {
    relax_limits(run, relaxed);
    digest_add_u64(digest, relaxed->allowed);
    digest_add_u64(digest, relaxed->needs_joint);
    for (size_t r = 0; r < N_REASONS; r++) {
      digest_add_u64(digest, relaxed->n[r]);
      digest_add_u64(digest, relaxed->alone[r]);
      add_relaxation(digest, &relaxed->single[r]);
      add_relaxation(digest, &relaxed->joint[r]);
    }
  }
  run_release(run);
  return done;
}

const struct signature_flow signature_flow_why = {
    .name = "why",
    .doc = "nothing is allowed: which limit to move, by how little",
    .text =
        "workload = \"resnet18\"; batch = 16; limits = { area_mm2 = 150.0; tdp_w = 60.0; throughput_floor = 3.0; };\n"
        "space = { tc_count = [1, 4]; tc_rows = [64, 128]; tc_cols = [128]; vc_count = [1, 2]; vc_width = [512];\n"
        "glb_mib = [16]; hbm_stacks = [2]; };",
    .run = why,
};

/* --- beside the shortest schedules -----------------------------------------------------------------------------------
 */

static bool schedules(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                      struct error *error) {
  enum { SEED = 7, GRAPHS = 12, NODES = 2000, PASSES = 4 };
  (void)flow;
  (void)error;
  struct schedule_cases cases = {0};
  schedule_cases_at_random(SEED, GRAPHS, invocation->arena, &cases);
  for (size_t i = 0; i < cases.n; i++) {
    struct schedule_problem problem = cases.list[i].problem;
    struct schedule schedule;
    enum schedule_bound_kind kind;
    uint64_t n_nodes;
    digest_add_u64(digest, schedule_lower_bound(&problem, invocation->scratch, &kind));
    for (problem.passes = 0; problem.passes <= PASSES; problem.passes += PASSES) {
      schedule_build(&problem, invocation->scratch, NULL, false, &schedule);
      digest_add_u64(digest, schedule.makespan_cycles);
    }
    problem.passes = 1;
    digest_add_u64(digest,
                   schedule_exact(&problem, NODES, invocation->scratch, invocation->arena, &schedule, &n_nodes));
    digest_add_u64(digest, schedule.makespan_cycles);
    digest_add_u64(digest, n_nodes);
  }
  return true;
}

const struct signature_flow signature_flow_schedules = {
    .name = "schedules",
    .doc = "bounds, schedules and the shortest ones of random graphs",
    .text = "",
    .run = schedules,
};

/* --- beside real chips -----------------------------------------------------------------------------------------------
 */

static bool calibrate(const struct signature_flow *flow, struct invocation *invocation, struct digest_stream *digest,
                      struct error *error) {
  (void)flow;
  invocation->heard = digest;
  invocation->values[invocation->n_values].name = "what";
  invocation->values[invocation->n_values++].value = "summary";
  const bool chips = calibrate_chips(invocation, error);
  return chips && calibrate_ops(invocation, error);
}

const struct signature_flow signature_flow_calibrate = {
    .name = "calibrate",
    .doc = "the law of area and power on real chips, products on real parts",
    .text = "",
    .run = calibrate,
};

static bool calibrate_runs(const struct signature_flow *flow, struct invocation *invocation,
                           struct digest_stream *digest, struct error *error) {
  invocation->heard = digest;
  invocation->values[invocation->n_values].name = "what";
  invocation->values[invocation->n_values++].value = "rows";
  return calibrate_e2e_of(invocation, flow->text, error);
}

/* Made-up runs of small shapes: what was measured does not matter to what is predicted. */
const struct signature_flow signature_flow_calibrate_runs = {
    .name = "calibrate_runs",
    .doc = "training runs as `calibrate e2e` predicts them",
    .text = "id,group,hardware,model,n_devices,layers,hidden,heads,ffn,vocab,seq,precision,TP,PP,DP,micro_batch,"
            "global_batch_seq,recompute,sharding,metric,measured_value,unit\n"
            "a,one,A100-80GB,GPT tiny,8,4,1024,16,4096,5120,512,bf16,2,2,2,4,64,none,ZeRO-1,iteration time,0.0125,s\n"
            "b,one,H100,Llama tiny,8,4,1024,16,2816,5120,2048,fp8,1,1,8,2,64,selective,FSDP,MFU,44,%\n"
            "c,two,TPU v4,BERT tiny,4,4,1024,16,4096,5120,512,bf16,,,,,64,,,throughput,450,seq/s\n",
    .run = calibrate_runs,
};
