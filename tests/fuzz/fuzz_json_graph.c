/* Does any graph file break the importer or what follows it? What it accepts must expand, fuse, contract, and come
 * back from an export with the same digest.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_json_graph.c
 * workloads/{op,op_graph,training,training_rules,training_weights,attention_fusion,fusion,json_graph,json_export,
 * traced_op}.c base/{text,file,arena,error,digest}.c -ljansson -lxxhash. The corpus is replayed by
 * tests/unit/workloads/test_fuzz_corpus.c. */
#include "workloads/json_graph.h"
#include "workloads/training.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expand(const struct op_graph *graph, struct arena *arena, struct arena *scratch) {
  const struct training_settings settings = {OPTIMIZER_ADAM,  FUSION_COMPAT,       true, true, 2, 4, 4,
                                             ATTENTION_FUSED, SELECTIVE_ATTENTION, 4,    25};
  struct op_graph training, fused, contracted;
  struct error error = {0};
  uint64_t kept = 0;
  if (!training_expand(graph, &settings, arena, scratch, &training, &error)) return; /* too large, perhaps */
  if (!fusion_apply(&training, arena, scratch, &fused, &error)) abort();
  if (fused.n_ops > training.n_ops) abort();
  if (!graph_contract(&fused, arena, scratch, &contracted, &kept, &error)) return;
  if (contracted.n_ops > fused.n_ops) abort();
}

static void write_and_read(const struct op_graph *graph, struct arena *arena, struct arena *scratch) {
  struct error error = {0};
  struct op_graph again;
  const char *text;
  size_t n;
  if (!json_graph_write(graph, "fuzz", arena, &text, &n, &error)) return; /* a number of 2⁶³ or more */
  if (!json_graph_parse("again", text, n, 4, arena, scratch, &again, &error)) abort();
  if (!digest_equal(graph->digest, again.digest)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena, scratch;
  arena_init(&arena, 1 << 16);
  arena_init(&scratch, 1 << 16);
  struct error error = {0};
  struct op_graph graph;
  const bool ok = json_graph_parse("fuzz.json", (const char *)data, size, 2, &arena, &scratch, &graph, &error);
  if (ok == error_is_set(&error)) abort();
  if (ok) {
    expand(&graph, &arena, &scratch);
    write_and_read(&graph, &arena, &scratch);
  }
  arena_release(&arena);
  arena_release(&scratch);
  return 0;
}
