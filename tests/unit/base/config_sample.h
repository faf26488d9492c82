/* Settings as a program would declare them, shared by the tests of config and its fuzz target. */
#ifndef TESTS_UNIT_BASE_CONFIG_SAMPLE_H
#define TESTS_UNIT_BASE_CONFIG_SAMPLE_H

#include "base/config.h"

/* libconfig 1.5 forgets to free a text that a syntax error follows. That is its leak, not ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libconfig.so\n"; }

struct sample_space {
  struct uint_list tc_rows;
  struct real_list scales;
  struct uint_list modes;
  uint64_t glb_bytes;
  double clock_mhz;
};

struct sample_top {
  const char *workload;
  uint64_t seed, mode;
  bool training;
  double limit_w;
  struct text_list tags;
};

struct sample_block {
  uint64_t layers;
  const char *name;
};

struct sample {
  struct sample_top top;
  struct sample_space space;
  struct sample_block block[2];
};

static const char *const sample_modes[] = {"x2", "ring", "tree", NULL};

static const struct field sample_top_fields[] = {
    {"workload", FIELD_TEXT, "", 0, 0, NULL, "What is computed.", offsetof(struct sample_top, workload), ROLE_ANSWER,
     NULL},
    {"seed", FIELD_UINT, "", 0, 0, "2385", "Seed of all streams.", offsetof(struct sample_top, seed), ROLE_ANSWER,
     NULL},
    {"mode", FIELD_CHOICE, "", 0, 0, "\"ring\"", "How ranks talk.", offsetof(struct sample_top, mode), ROLE_ANSWER,
     sample_modes},
    {"training", FIELD_BOOL, "", 0, 0, "true", "Backward pass too.", offsetof(struct sample_top, training), ROLE_ANSWER,
     NULL},
    {"limit_w", FIELD_REAL, "w", 0.5, 1e6, "350.25", "Largest power.", offsetof(struct sample_top, limit_w), ROLE_STOP,
     NULL},
    {"tags", FIELD_TEXT_LIST, "", 0, 0, "[]", "Free words.", offsetof(struct sample_top, tags), ROLE_NONE, NULL},
};
static const struct field sample_space_fields[] = {
    {"tc_rows", FIELD_UINT_LIST, "", 1, 256, "\"4..256 x2\"", "Rows of the array.",
     offsetof(struct sample_space, tc_rows), ROLE_ANSWER, NULL},
    {"scales", FIELD_REAL_LIST, "", 0, 0, "[0.1, 3]", "Factors.", offsetof(struct sample_space, scales), ROLE_ANSWER,
     NULL},
    {"modes", FIELD_CHOICE_LIST, "", 0, 0, "\"tree\"", "Several modes.", offsetof(struct sample_space, modes),
     ROLE_ANSWER, sample_modes},
    {"glb_bytes", FIELD_UINT, "bytes", 1, 1e15, "\"17 MiB\"", "Global buffer.",
     offsetof(struct sample_space, glb_bytes), ROLE_ANSWER, NULL},
    {"clock_mhz", FIELD_REAL, "mhz", 1, 5000, "940", "Clock.", offsetof(struct sample_space, clock_mhz), ROLE_ANSWER,
     NULL},
};
static const struct field sample_block_fields[] = {
    {"layers", FIELD_UINT, "", 1, 4095, NULL, "Layers of the block.", offsetof(struct sample_block, layers),
     ROLE_ANSWER, NULL},
    {"name", FIELD_TEXT, "", 0, 0, "", "Its name.", offsetof(struct sample_block, name), ROLE_ANSWER, NULL},
};
#define SAMPLE_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))
static const struct field_table sample_top_table = {"top", "The run.", sample_top_fields,
                                                    SAMPLE_COUNT(sample_top_fields)};
static const struct field_table sample_space_table = {"space", "The axes.", sample_space_fields,
                                                      SAMPLE_COUNT(sample_space_fields)};
static const struct field_table sample_block_table = {"block", "A block.", sample_block_fields,
                                                      SAMPLE_COUNT(sample_block_fields)};

enum { SAMPLE_SECTIONS = 4 };

/* Sections for the top level, space, and both elements of blocks. */
static inline void sample_sections(struct sample *sample, struct config_section sections[SAMPLE_SECTIONS]) {
  sections[0] = (struct config_section){"", &sample_top_table, &sample->top, true};
  sections[1] = (struct config_section){"space", &sample_space_table, &sample->space, false};
  sections[2] = (struct config_section){"blocks.[0]", &sample_block_table, &sample->block[0], false};
  sections[3] = (struct config_section){"blocks.[1]", &sample_block_table, &sample->block[1], false};
}

#endif
