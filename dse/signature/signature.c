/* dse signature: one digest over small runs, the same on every machine and any number of ranks. */
#include "dse/signature/signature.h"

#include "dse/cosearch/cosearch.h"
#include "dse/tenancy/tenancy_flow.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct signature_flow *const flows[] = {
#define SIGNATURE_FLOW(name) &signature_flow_##name,
#include "dse/signature/signature_flows.def"
#undef SIGNATURE_FLOW
};

bool signature_prepare(const struct signature_flow *flow, struct invocation *invocation, struct run *run,
                       struct error *error) {
  run->invocation = invocation;
  struct config *config;
  if (!config_open_text(flow->name, flow->text, strlen(flow->text), NULL, 0, invocation->arena, &config, error))
    return false;
  const bool read = run_settings_apply(config, invocation->arena, &run->settings, error);
  config_close(config);
  return read && run_load_workload(run, error) && run_expand_training(run, error) &&
         tenants_open(run, flow->name, error) && cosearch_open(run, error) && run_make_problem(run, error);
}

/* What a flow allocates goes back at once. */
static bool run_flow(const struct invocation *invocation, const struct signature_flow *flow, struct digest *digest,
                     struct error *error) {
  const struct arena_mark mark = arena_get_mark(invocation->arena), scratch = arena_get_mark(invocation->scratch);
  struct invocation own = {.command = invocation->command,
                           .cluster = invocation->cluster,
                           .arena = invocation->arena,
                           .scratch = invocation->scratch,
                           .data_folder = invocation->data_folder,
                           .quiet = true};
  struct digest_stream stream;
  digest_begin(&stream);
  const bool done = flow->run(flow, &own, &stream, error);
  arena_rewind(invocation->scratch, scratch);
  arena_rewind(invocation->arena, mark);
  if (!cluster_agree(invocation->cluster, error) || !done) return false;
  *digest = digest_end(&stream);
  return true;
}

static enum status run_signature(struct invocation *invocation, struct error *error) {
  struct digest_stream stream;
  digest_begin(&stream);
  char hex[DIGEST_HEX_BYTES];
  if (invocation->n_sets > 0) {
    error_add(error, STATUS_INPUT, "dse signature: --set: takes none, its runs are fixed");
    return error->status;
  }
  json_t *const parts = json_object();
  for (size_t i = 0; i < sizeof flows / sizeof *flows && !error_is_set(error); i++) {
    struct digest digest;
    if (!run_flow(invocation, flows[i], &digest, error)) break;
    digest_add_u64(&stream, digest.high);
    digest_add_u64(&stream, digest.low);
    digest_print(digest, hex);
    json_object_set_new(parts, flows[i]->name, json_string(hex));
    if (invocation->verbose) remark(invocation, "%s  %-18s %s\n", hex, flows[i]->name, flows[i]->doc);
  }
  digest_print(digest_end(&stream), hex);
  json_t *const all = json_pack("{ss so}", "signature", hex, "flows", parts);
  char *const text = json_dumps(all, JSON_INDENT(1));
  if (!error_is_set(error)) say(invocation, "%s\n", invocation->json ? text : hex);
  free(text);
  json_decref(all);
  return error_is_set(error) ? error->status : STATUS_OK;
}

static const char *const examples[] = {"dse signature", "mpirun -n 3 dse signature --verbose", "dse signature --json",
                                       NULL};
const struct command command_signature = {
    .name = "signature",
    .words = "",
    .summary = "one digest over small runs of everything; the same on every machine and rank count",
    .details = "Two builds with the same signature give the same answers. --verbose and --json have a digest for each\n"
               "flow (searches for a device, a system, tenants, both together; every problem of dse map by every\n"
               "algorithm, fronts; training of a policy; ONNX import; sensitivity, importance; which limit to move;\n"
               "schedules beside the shortest; calibration), so that a difference says where it is.",
    .examples = examples,
    .run = run_signature,
};
