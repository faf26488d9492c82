/* Is the machine and the model that a measured run names found, as e2e.h says? */
#include "arch/technology.h"
#include "tests/e2e_row.h"
#include "tests/two_arenas.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- machines ---------------------------------------------------------------------------------------------------- */

static void machines(void **state) {
  (void)state;
  static const struct {
    const char *name, *part; /* NULL: unknown */
  } cases[] = {
      {"A100-80GB SXM (Selene)", "a100"},
      {"A100-40GB", "a100_40gb"},
      {"V100-16GB", "v100_16gb"},
      {"V100-32GB", "v100"},
      {"H100 SXM (DGX)", "h100"},
      {"H100-96GB HBM2e 500W", "h100_96gb"},
      {"TPU v5e", "tpuv5e"},
      {"Bow IPU", "ipu_bow"},
      {"Trainium1 (trn1n.32xl)", "trainium1"},
      {"MI300X", "mi300x"},
      {"L40S", "l40s"},
      {"abacus", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct e2e_hardware *const found = e2e_hardware_of(cases[i].name);
    if (cases[i].part == NULL)
      assert_null(found);
    else
      assert_string_equal(found == NULL ? "" : found->part, cases[i].part);
  }
}

/* What is left of the power is what the slower arrays take, by the law of TDPs; no limit, no change. */
static void power_limits_slow_clocks(void **state) {
  (void)state;
  struct error error = {0};
  static const struct {
    const char *name;
    double share; /* of 700 W */
  } cases[] = {{"H100", 1},
               {"H100 700W", 1},
               {"H100 900 W", 1},
               {"H100-80GB", 1},
               {"H100 HBM2e 500W", 5.0 / 7},
               {"H100 SXM 630 W", 0.9}};
  struct technology technology;
  config_defaults(&technology_fields, &arena, &technology);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct e2e_hardware *const machine = e2e_hardware_of(cases[i].name);
    struct accelerator part;
    struct area_breakdown area;
    struct power_breakdown before, after;
    assert_true(e2e_hardware_part(machine, ".", 1, &arena, &part, &error));
    const uint64_t clock_mhz = part.clock_mhz;
    const double bytes_per_s = accelerator_hbm_bytes_per_s(&part);
    physical_area(&technology, &part, &area);
    physical_tdp(&technology, &part, area.total, &before);
    e2e_hardware_limit(machine, &technology, cases[i].name, &part);
    physical_tdp(&technology, &part, area.total, &after);
    const double slower = (double)part.clock_mhz / (double)clock_mhz;
    const double watts = after.total - after.supply - (1 - slower * slower) * (after.tensor + after.vector);
    assert_true(cases[i].share == 1 ? slower == 1 : slower < 1);
    if (fabs(watts / (before.total - before.supply) / cases[i].share - 1) > 2e-3)
      fail_msg("%s: %g of %g W", cases[i].name, watts, before.total - before.supply);
    assert_true(fabs(accelerator_hbm_bytes_per_s(&part) / bytes_per_s - 1) < 1e-12);
  }
}

#define E2E_HARDWARE(says_, part_, cores_, ...) {says_, cores_},
static const struct {
  const char *says;
  uint64_t cores;
} every_machine[] = {
#include "dse/e2e/e2e_hardware.def"
};
#undef E2E_HARDWARE

/* Every machine has its part and a network that the program accepts; a share of a chip has its share of all rates. */
static void every_machine_is_whole(void **state) {
  (void)state;
  struct error error = {0};
  for (size_t i = 0; i < sizeof every_machine / sizeof *every_machine; i++) {
    char first[64];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(every_machine[i].says, "|"), every_machine[i].says);
    const struct e2e_hardware *const machine = e2e_hardware_of(first);
    assert_non_null(machine);
    struct accelerator whole, share;
    struct network_settings network;
    if (!e2e_hardware_part(machine, ".", 1, &arena, &whole, &error) ||
        !e2e_hardware_part(machine, ".", machine->cores, &arena, &share, &error) ||
        !e2e_hardware_network(machine, machine->cores, 64 * machine->inner_size, &arena, &network, &error))
      fail_msg("%s: %s", machine->says, error.text);
    const double cores = (double)machine->cores;
    assert_true(fabs(accelerator_hbm_bytes_per_s(&whole) / accelerator_hbm_bytes_per_s(&share) / cores - 1) < 1e-3);
    assert_int_equal(accelerator_hbm_bytes(&whole), machine->cores * accelerator_hbm_bytes(&share));
    assert_int_equal(network.sizes.values[0], machine->inner_size * machine->cores);
    assert_true(network.gbytes_per_s.values[0] * cores == machine->inner_gbytes_per_s);
  }
}

/* --- models --- */

static const char *work_of(const struct e2e_row *row, struct e2e_work *work) {
  return e2e_work_of(row, e2e_hardware_of(row->hardware), ".", &arena, &scratch, work);
}

static void names_are_matched_loosely(void **state) {
  (void)state;
  static const struct {
    const char *name, *model; /* NULL: none of ours */
  } cases[] = {
      {"ResNet-50 v1.5", "resnet50"},
      {"ResNeXt101-32x4d", "resnext101_32x4d"},
      {"GNMT-4 (4-layer,1024)", "gnmt4"},
      {"mobilenetv3_large_100", "mobilenet_v3_large"},
      {"vit_base_patch16_224", "vit_b_16"},
      {"Inception V3", "inception_v3"},
      {"resnet50d", NULL},
      {"resnet5", NULL},
      {"", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct e2e_row row = row_of(cases[i].name);
    struct e2e_work work;
    const char *const why = work_of(&row, &work);
    if (cases[i].model == NULL) {
      assert_non_null(why);
    } else {
      if (why != NULL) fail_msg("%s: %s", cases[i].name, why);
      assert_string_equal(work.name, cases[i].model);
    }
  }
}

static void shapes_make_transformers(void **state) {
  (void)state;
  struct e2e_row row = row_of("GPT 7.5B");
  struct e2e_work work;
  row.layers = 36, row.hidden = 4096, row.heads = 32;
  assert_null(work_of(&row, &work));
  assert_string_equal(work.name, "gpt3-175b");
  assert_true(work.transformer && work.causal && work.fused_attention);
  assert_int_equal(work.assumed, E2E_ASSUMED_SHAPE | E2E_ASSUMED_VOCAB | E2E_ASSUMED_SEQUENCE);
  row.source = "NVIDIA/Megatron-LM images (arXiv 2104.04473 Table 1)", row.ffn = 16384, row.vocab = 51200,
  row.sequence = 2048;
  assert_null(work_of(&row, &work));
  assert_int_equal(work.assumed, 0);
  assert_false(work.fused_attention);
  row.parameters_e9 = 75; /* ten times as many as the shape has */
  assert_non_null(strstr(work_of(&row, &work), "the row says 75"));
  row.parameters_e9 = NAN, row.heads = 31;
  assert_non_null(work_of(&row, &work));
  row.heads = 32, row.note = "with multi-head latent attention";
  assert_non_null(strstr(work_of(&row, &work), "latent attention of unknown widths"));
  row.note = "", row.precision = "fp3";
  assert_string_equal(work_of(&row, &work), "no such precision");
  row.precision = "fp8 linear, asynchronous tensor parallel";
  assert_null(work_of(&row, &work));
  assert_int_equal(work.precision, E2E_8_BIT);
  assert_int_equal(work.element_bytes, 2);
}

/* Sizes alone do not say what these are; model files do. */
static void names_that_sizes_do_not_replace(void **state) {
  (void)state;
  struct e2e_row row = row_of("DeepSeek-V3 671B MoE");
  struct e2e_work work;
  row.note = "with multi-head latent attention", row.sequence = 4096;
  row.layers = 61, row.hidden = 7168, row.heads = 128;
  assert_null(work_of(&row, &work));
  assert_string_equal(work.name, "deepseek-v3");
  assert_int_equal(work.layers, 61);
  assert_true(work.transformer && work.causal && work.tokens == 4096 && work.software->exchange_share == 0.375);
  row = row_of("T5-11B"), row.sequence = 512;
  assert_null(work_of(&row, &work));
  assert_true(work.tokens > 512); /* both sides are counted */
  row = row_of("T5 41B");
  assert_non_null(strstr(work_of(&row, &work), "no shipped model"));
  row = row_of("DiT-XL/2");
  assert_null(work_of(&row, &work));
  assert_true(!work.transformer && !work.drops && work.tokens == 1);
  row = row_of("Llama2-70B LoRA");
  assert_null(work_of(&row, &work));
  assert_true(work.adapters && work.assumed == E2E_ASSUMED_SEQUENCE);
  row = row_of("Llama2-7B LoRA");
  row.layers = 32, row.hidden = 4096, row.heads = 32, row.ffn = 11008, row.vocab = 32000, row.sequence = 4096;
  assert_null(work_of(&row, &work));
  assert_true(work.adapters && work.assumed == E2E_ASSUMED_ADAPTERS);
  row = row_of("BERT-large LoRA");
  row.layers = 24, row.hidden = 1024, row.heads = 16;
  assert_string_equal(work_of(&row, &work), "adapters in what is no decoder");
}

/* Windows stand full where attention is a small part: 2 % of a wide model's products, half of a long sequence's. */
static void windows_of_attention(void **state) {
  (void)state;
  struct e2e_row row = row_of("175B (MegaScale)");
  struct e2e_work work;
  row.layers = 96, row.hidden = 12288, row.heads = 128, row.ffn = 49152, row.vocab = 64000, row.sequence = 2048;
  row.note = "parallel transformer block, sliding-window attention";
  assert_null(work_of(&row, &work));
  assert_int_equal(work.assumed, E2E_ASSUMED_WINDOW);
  row.sequence = 65536;
  assert_non_null(strstr(work_of(&row, &work), "sliding-window attention of unknown width, up to "));
}

/* A GPT of 23 billion: as wide as that of 18.4 (6144), in layers that four stages share. */
static void shapes_of_a_size(void **state) {
  (void)state;
  struct e2e_row row = row_of("GPT3-23B");
  struct e2e_work work;
  row.parameters_e9 = 23, row.pipeline = 4;
  assert_null(work_of(&row, &work));
  assert_true((work.assumed & E2E_ASSUMED_SHAPE) != 0);
  assert_int_equal(work.layers % 4, 0);
  assert_true(fabs(12.0 * (double)work.layers * 6144 * 6144 / 23e9 - 1) < 0.05);
}

/* By model and source; of a paper's software the month counts. */
static void software_has_names(void **state) {
  (void)state;
  static const struct {
    const char *model, *source;
    bool fused, scatters, overlaps, asynchronous;
  } cases[] = {
      {"GPT", "", true, true, true, false},
      {"GPT", "calculon (arXiv 2205.05198 Table 5); Megatron-LM README", false, true, false, false},
      {"175B (Megatron-LM)", "arXiv 2306.01234", true, true, true, false},
      {"175B (Megatron-LM)", "no number, 2104.04 or 12104.04473", true, true, true, false},
      {"175B (Megatron-LM)", "MegaScale NSDI 2024 (arXiv 2402.15627)", true, true, false, false},
      {"GPT-NeoX-20B", "", false, false, false, false},
      {"OPT-175B", "OPT arXiv 2205.01068", false, false, true, false},
      {"OPT-175B", "arXiv 2301.01068", true, true, true, false},
      {"BLOOM 176B", "bigscience@9e64ede README", false, false, false, false},
      {"GPT3-5B", "NVIDIA/NeMo docs (NeMo 24.07)", true, true, true, true},
      {"vit_base", "benchmark-train-amp-nhwc-pt112-cu113-rtx3090.csv", false, false, true, false},
      {"vit_base", "benchmark-train-amp-nhwc-pt210-cu121-rtx3090.csv", true, true, true, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct e2e_row row = row_of(cases[i].model);
    row.source = cases[i].source;
    const struct e2e_software *const software = e2e_software_of(&row);
    const bool same = software->fused_attention == cases[i].fused && software->scatters == cases[i].scatters &&
                      software->overlaps[0] == cases[i].overlaps &&
                      software->asynchronous_tensor == cases[i].asynchronous;
    if (!same) fail_msg("%s, %s: taken for \"%s\"", cases[i].model, cases[i].source, software->says);
    row.group = "megatron-lm nemo single-node bigscience"; /* says nothing */
    assert_ptr_equal(e2e_software_of(&row), software);
  }
  struct e2e_row row = row_of("GPT"), unfused = row;
  struct e2e_work work;
  row.layers = 36, row.hidden = 4096, row.heads = 32;
  unfused = row;
  row.group = "megatron-lm-a100";
  assert_null(work_of(&row, &work));
  assert_true(work.fused_attention);
  unfused.hardware = "V100"; /* on which no such kernel runs */
  assert_null(work_of(&unfused, &work));
  assert_false(work.fused_attention);
}

static const char *set_of(const struct e2e_work *work, const char *path) {
  for (size_t i = 0; i < work->n_sets; i++)
    if (strcmp(work->sets[i].path, path) == 0) return work->sets[i].value;
  return "";
}

/* Half of 512 tokens and half a bin of 64; shorter ones as they are. Pairs of 26 and 24 tokens in bins of 10. */
static void bins_pad_by_half(void **state) {
  (void)state;
  struct e2e_row row = row_of("BERT-Large s=512");
  struct e2e_work work;
  row.layers = 24, row.hidden = 1024, row.heads = 16, row.sequence = 512;
  assert_null(work_of(&row, &work));
  assert_string_equal(set_of(&work, "sequence"), "512");
  row.group = "single-node";
  assert_null(work_of(&row, &work));
  assert_string_equal(set_of(&work, "sequence"), "512");
  row.source = "NVIDIA/DeepLearningExamples@729963d PyTorch/LanguageModeling/BERT/README.md:815";
  assert_null(work_of(&row, &work));
  assert_string_equal(set_of(&work, "sequence"), "288");
  row.sequence = 128;
  assert_null(work_of(&row, &work));
  assert_string_equal(set_of(&work, "sequence"), "128");
  row = row_of("GNMT-4");
  row.source = "NVIDIA/DeepLearningExamples PyTorch/Translation/GNMT/README.md";
  assert_null(work_of(&row, &work));
  assert_string_equal(set_of(&work, "source_length"), "31");
  assert_string_equal(set_of(&work, "target_length"), "29");
  assert_true(work.tokens == 50); /* padding is not counted */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(machines),
      TEST(power_limits_slow_clocks),
      TEST(every_machine_is_whole),
      TEST(names_are_matched_loosely),
      TEST(shapes_make_transformers),
      TEST(software_has_names),
      TEST(bins_pad_by_half),
      TEST(names_that_sizes_do_not_replace),
      TEST(windows_of_attention),
      TEST(shapes_of_a_size),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
