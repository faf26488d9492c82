/* Does any run file or --set value break the reader? What it accepts must read back from what it writes.
 *
 * libFuzzer: clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz_config.c
 * base/?*.c -lconfig -lgsl -lgslcblas -lxxhash -lm, run in an empty folder. The corpus is replayed by
 * tests/unit/base/test_fuzz_corpus.c. */
#include "base/config.h"
#include "tests/unit/base/config_sample.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct digest sample_digest(const struct config_section *sections) {
  struct digest_stream stream;
  digest_begin(&stream);
  config_digest(&stream, sections, SAMPLE_SECTIONS);
  return digest_end(&stream);
}

/* Reads `text` into a sample; false if it has mistakes. */
static bool read_sample(const char *text, size_t n, struct sample *sample, struct arena *arena, struct error *error) {
  struct config_section sections[SAMPLE_SECTIONS];
  sample_sections(sample, sections);
  struct config *config;
  if (!config_open_text("fuzz.cfg", text, n, NULL, 0, arena, &config, error)) return false;
  const bool ok = config_apply(config, sections, SAMPLE_SECTIONS, arena, error);
  config_close(config);
  return ok;
}

static void check_round_trip(struct sample *sample, struct arena *arena) {
  struct config_section sections[SAMPLE_SECTIONS], again_sections[SAMPLE_SECTIONS];
  struct sample again = {0};
  char *text;
  size_t n;
  FILE *out = open_memstream(&text, &n);
  if (!out) abort();
  sample_sections(sample, sections);
  sample_sections(&again, again_sections);
  /* Both blocks are required to hold layers, so only a file with both can be written whole. */
  const bool whole = sample->block[0].layers > 0 && sample->block[1].layers > 0;
  config_write(out, sections, SAMPLE_SECTIONS, true);
  if (fclose(out) != 0) abort();
  struct error error = {0};
  if (whole && !read_sample(text, n, &again, arena, &error)) abort();
  if (whole && !digest_equal(sample_digest(sections), sample_digest(again_sections))) abort();
  free(text);
}

/* The first 200 bytes as the value of every field, and as a path. */
static void check_sets(const uint8_t *data, size_t size, struct arena *arena) {
  char value[201];
  const size_t n = size < sizeof value - 1 ? size : sizeof value - 1;
  if (n > 0) memcpy(value, data, n);
  value[n] = '\0';
  const struct config_set sets[] = {{"space.tc_rows", value}, {value, "7"}, {"blocks.[0].name", value}};
  struct sample sample = {0};
  struct config_section sections[SAMPLE_SECTIONS];
  sample_sections(&sample, sections);
  struct error error = {0};
  struct config *config;
  static const char base[] = "workload = \"odd\"; blocks = ( { layers = 3; } );";
  if (config_open_text("base.cfg", base, strlen(base), sets, 3, arena, &config, &error)) {
    config_apply(config, sections, SAMPLE_SECTIONS, arena, &error);
    config_close(config);
  }
  for (size_t i = 0; i < sample_space_table.n_fields; i++)
    config_set_field(&sample_space_table.fields[i], &sample.space, value, "--design", arena, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct error error = {0};
  struct sample sample = {0};
  const bool ok = read_sample((const char *)data, size, &sample, &arena, &error);
  if (ok == error_is_set(&error)) abort(); /* a failure has a message, a success none */
  if (ok) check_round_trip(&sample, &arena);
  check_sets(data, size, &arena);
  arena_release(&arena);
  return 0;
}
