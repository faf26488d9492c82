/* What is a design, in which ranges may it lie, and how is one read from a file or from the catalogue?
 *
 * Source: accelerator-search §2 (template, axes, derived L2), cost-model §5 (HBM a stack). The defaults are the public
 * TPUv2-like design, which is also the reference of Perf/TDP. Left out: whether a design is worth having (area, power:
 * technology.h; time: cost.h), and the reticle, which makes a design infeasible and is therefore no error here. */
#include "arch/accelerator.h"
#include "arch/technology_node.h"
#include "base/checked.h"
#include "base/text.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const hbm_names[] = {"2", "2e", "3", "3e", NULL};
static const char *const core_kind_names[] = {"separate", "simt", NULL};

/* GB/s of one stack, cost-model §5. */
static const double hbm_gbytes_per_s[N_HBM_GENERATIONS] = {
    [HBM_2] = 307, [HBM_2E] = 461, [HBM_3] = 819, [HBM_3E] = 1229};

#define UINT_FIELD(key_, unit_, minimum_, maximum_, default_, doc_)                                                    \
  {                                                                                                                    \
    .key = #key_, .type = FIELD_UINT, .unit = unit_, .minimum = minimum_, .maximum = maximum_,                         \
    .default_text = default_, .doc = doc_, .offset = offsetof(struct accelerator, key_), .role = ROLE_ANSWER           \
  }

#define CHIPLET_FIELD(key_, unit_, minimum_, maximum_, default_, doc_)                                                 \
  {                                                                                                                    \
    .key = #key_, .type = FIELD_UINT, .unit = unit_, .minimum = minimum_, .maximum = maximum_,                         \
    .default_text = default_, .doc = doc_, .offset = offsetof(struct accelerator, key_),                               \
    .role = ROLE_ANSWER_UNLESS_DEFAULT                                                                                 \
  }

static const struct field fields[] = {
    UINT_FIELD(tc_count, "", 0, 65536, "2", "Tensor cores: arrays of multiply-accumulate units (MACs)."),
    UINT_FIELD(tc_rows, "", 1, 8192, "128", "Rows of MACs in a tensor core."),
    UINT_FIELD(tc_cols, "", 1, 8192, "128", "Columns of MACs in a tensor core; a×b and b×a are different designs."),
    UINT_FIELD(tc_l2_kib, "kib", 0, 1 << 20, "0", "L2 of a tensor core; 0 derives max(1, rows·columns/64)."),
    UINT_FIELD(vc_count, "", 0, 65536, "2", "Vector cores."),
    UINT_FIELD(vc_width, "", 1, 1 << 20, "128", "Lanes of a vector core; real TPU units have 8×128."),
    UINT_FIELD(vc_l2_kib, "kib", 0, 1 << 20, "0", "L2 of a vector core; 0 derives max(1, width/64)."),
    UINT_FIELD(glb_mib, "mib", 0, 1 << 20, "32", "Global buffer that all cores share."),
    UINT_FIELD(glb_kib, "kib", 0, 1 << 30, "0", "Global buffer in KiB, for small arrays; 0: glb_mib counts."),
    UINT_FIELD(hbm_stacks, "", 0, 64, "2", "Stacks of HBM."),
    {.key = "hbm_generation",
     .type = FIELD_CHOICE,
     .unit = "",
     .default_text = "\"2\"",
     .doc = "HBM generation: 307, 461, 819, 1229 GB/s a stack.",
     .offset = offsetof(struct accelerator, hbm_generation),
     .role = ROLE_ANSWER,
     .choices = hbm_names},
    UINT_FIELD(hbm_gib_per_stack, "gib", 1, 1024, "8", "Capacity of a stack."),
    UINT_FIELD(link_gbytes_per_s, "gbytes_per_s", 0, 1000000, "250", "One direction, all links together (10⁹ B/s)."),
    UINT_FIELD(clock_mhz, "mhz", 1, 10000, "700", "Clock of the whole chip."),
    UINT_FIELD(node_nm, "nm", 3, 28, "16", "Technology node (dse list nodes)."),
    UINT_FIELD(element_bytes, "bytes", 1, 4, "2", "Operands of tensor cores: 1 (int8), 2 (bf16, fp16), 4 (fp32)."),
    UINT_FIELD(dies, "", 1, 64, "1", "Compute dies in the package; a single one must fit the reticle."),
    {.key = "core_kind",
     .type = FIELD_CHOICE,
     .unit = "",
     .default_text = "\"separate\"",
     .doc = "Lanes in cores of their own, or as a GPU has them (simt): for area and TDP.",
     .offset = offsetof(struct accelerator, core_kind),
     .role = ROLE_ANSWER,
     .choices = core_kind_names},
    CHIPLET_FIELD(chiplets, "", 1, 64, "1", "Chiplets in a package, each a device of its own; 1: a package a device."),
    CHIPLET_FIELD(d2d_gbytes_per_s, "gbytes_per_s", 1, 1000000, "1000",
                  "Between chiplets of a package, one direction, all links of one together; counts from two on."),
    {.key = "hbm_bytes_per_cycle",
     .type = FIELD_REAL,
     .unit = "bytes_per_cycle",
     .minimum = 0,
     .maximum = 1e6,
     .default_text = "0",
     .doc = "Rate of the memory; stands for stacks and generation where it is not 0.",
     .offset = offsetof(struct accelerator, hbm_bytes_per_cycle),
     .role = ROLE_ANSWER},
};

enum { N_FIELDS = sizeof fields / sizeof fields[0] };

const struct field_table accelerator_fields = {
    .name = "accelerator",
    .doc = "One accelerator: HBM, shared global buffer, tensor cores, vector cores, links.",
    .fields = fields,
    .n_fields = N_FIELDS,
};

/* --- what follows from the fields ------------------------------------------------------------------------------- */

uint64_t accelerator_tensor_l2_kib(const struct accelerator *accelerator) {
  if (accelerator->tc_l2_kib > 0) return accelerator->tc_l2_kib;
  return max_u64(1, sat_mul(accelerator->tc_rows, accelerator->tc_cols) / 64);
}

uint64_t accelerator_vector_l2_kib(const struct accelerator *accelerator) {
  return accelerator->vc_l2_kib > 0 ? accelerator->vc_l2_kib : max_u64(1, accelerator->vc_width / 64);
}

double accelerator_hbm_bytes_per_s(const struct accelerator *accelerator) {
  if (accelerator->hbm_bytes_per_cycle > 0)
    return accelerator->hbm_bytes_per_cycle * ((double)accelerator->clock_mhz * 1e6);
  REQUIRE(accelerator->hbm_generation < N_HBM_GENERATIONS);
  return (double)accelerator->hbm_stacks * (hbm_gbytes_per_s[accelerator->hbm_generation] * 1e9);
}

double accelerator_hbm_bytes_per_cycle(const struct accelerator *accelerator) {
  if (accelerator->hbm_bytes_per_cycle > 0) return accelerator->hbm_bytes_per_cycle;
  return accelerator_hbm_bytes_per_s(accelerator) / ((double)accelerator->clock_mhz * 1e6);
}

uint64_t accelerator_hbm_bytes(const struct accelerator *accelerator) {
  return sat_mul(sat_mul(accelerator->hbm_stacks, accelerator->hbm_gib_per_stack), UINT64_C(1) << 30);
}

uint64_t accelerator_glb_bytes(const struct accelerator *accelerator) {
  if (accelerator->glb_kib > 0) return sat_mul(accelerator->glb_kib, 1024);
  return sat_mul(accelerator->glb_mib, UINT64_C(1) << 20);
}

bool accelerator_derive(struct accelerator *accelerator, struct error *error) {
  const size_t n_before = error->n_messages;
  const uint64_t bytes = accelerator->element_bytes;
  if (accelerator->tc_count == 0 && accelerator->vc_count == 0)
    error_add(error, STATUS_INPUT, "accelerator: there is no core at all; tc_count or vc_count must be at least 1");
  if (accelerator->tc_rows == 0 || accelerator->tc_cols == 0 || accelerator->vc_width == 0)
    error_add(error, STATUS_INPUT, "accelerator: tc_rows, tc_cols and vc_width must be at least 1");
  if (accelerator->clock_mhz == 0) error_add(error, STATUS_INPUT, "accelerator: clock_mhz must be at least 1");
  if (!technology_knows_node(accelerator->node_nm))
    error_add(error, STATUS_INPUT, "accelerator: node_nm = %llu is unknown; allowed are %s",
              (unsigned long long)accelerator->node_nm, technology_node_names);
  if (bytes != 1 && bytes != 2 && bytes != 4)
    error_add(error, STATUS_INPUT, "accelerator: element_bytes = %llu has no unit; allowed are 1, 2 and 4",
              (unsigned long long)bytes);
  if (accelerator->core_kind == CORES_SIMT && accelerator->tc_count == 0)
    error_add(error, STATUS_INPUT, "accelerator: core_kind = simt wants arrays; tc_count must be at least 1");
  if (accelerator->hbm_generation >= N_HBM_GENERATIONS)
    error_add(error, STATUS_INPUT, "accelerator: hbm_generation is unknown; allowed are 2, 2e, 3 and 3e");
  else if (!(accelerator_hbm_bytes_per_s(accelerator) > 0))
    error_add(error, STATUS_INPUT, "accelerator: nothing feeds it; hbm_stacks or hbm_bytes_per_cycle must be above 0");
  if (error->n_messages > n_before) return false;
  accelerator->tc_l2_kib = accelerator_tensor_l2_kib(accelerator);
  accelerator->vc_l2_kib = accelerator_vector_l2_kib(accelerator);
  return true;
}

/* The power of two next to n by ratio, at most 4,096 (as wide as an operator spreads). */
static uint64_t even_count(uint64_t n) {
  uint64_t below = 1;
  while (2 * below <= n && below < 4096) below *= 2;
  const bool up = below < 4096 && sat_mul(n, n) > sat_mul(2, sat_mul(below, below)); /* n/below > 2·below/n */
  return up ? 2 * below : below;
}

static uint64_t nearest_share(uint64_t total, uint64_t n) { return max_u64(sat_add(total, n / 2) / n, 1); }

void accelerator_even_cores(const struct accelerator *part, struct accelerator *even) {
  *even = *part;
  if (part->tc_count == 0 || part->vc_count == 0) return;
  const uint64_t n = even_count(part->tc_count), cols = sat_mul(part->tc_count, part->tc_cols);
  even->tc_count = even->vc_count = n;
  even->tc_cols = nearest_share(cols, n);
  const double slower = (double)cols / (double)sat_mul(even->tc_cols, n);
  even->clock_mhz = max_u64((uint64_t)((double)part->clock_mhz * slower + 0.5), 1);
  even->hbm_bytes_per_cycle = accelerator_hbm_bytes_per_s(part) / ((double)even->clock_mhz * 1e6);
  const uint64_t lane_mhz = sat_mul(sat_mul(part->vc_count, part->vc_width), part->clock_mhz);
  even->vc_width = nearest_share(lane_mhz, sat_mul(n, even->clock_mhz));
  even->tc_l2_kib = max_u64(sat_mul(part->tc_count, accelerator_tensor_l2_kib(part)) / n, 1);
  even->vc_l2_kib = max_u64(sat_mul(part->vc_count, accelerator_vector_l2_kib(part)) / n, 1);
}

/* --- files ------------------------------------------------------------------------------------------------------ */

struct texts {
  const char *doc, *source;
};

static const struct field text_fields[] = {
    {.key = "doc",
     .type = FIELD_TEXT,
     .unit = "",
     .default_text = "\"\"",
     .doc = "What this accelerator is.",
     .offset = offsetof(struct texts, doc),
     .role = ROLE_NONE},
    {.key = "source",
     .type = FIELD_TEXT,
     .unit = "",
     .default_text = "\"\"",
     .doc = "Where its numbers come from.",
     .offset = offsetof(struct texts, source),
     .role = ROLE_NONE},
};

static const struct field_table text_table = {
    .name = "accelerator file",
    .doc = "Texts of an accelerator file.",
    .fields = text_fields,
    .n_fields = sizeof text_fields / sizeof text_fields[0],
};

/* The sets of group `accelerator`: a command line may hold those of other groups too. */
static const struct config_set *own_sets(const struct config_set *sets, size_t n_sets, struct arena *arena,
                                         size_t *n_own) {
  static const char group[] = "accelerator.";
  struct config_set *const own = ARENA_NEW(arena, struct config_set, n_sets);
  *n_own = 0;
  for (size_t i = 0; i < n_sets; i++)
    if (strncmp(sets[i].path, group, sizeof group - 1) == 0) own[(*n_own)++] = sets[i];
  return own;
}

/* config_apply starts from the defaults of a table, so the present values become the defaults of a table of our own. */
static struct field_table table_around(const struct accelerator *accelerator, struct arena *arena) {
  struct field *const copies = ARENA_NEW(arena, struct field, N_FIELDS);
  for (size_t i = 0; i < N_FIELDS; i++) {
    copies[i] = fields[i];
    copies[i].default_text = config_value_text(&fields[i], accelerator, arena);
  }
  struct field_table table = accelerator_fields;
  table.fields = copies;
  return table;
}

static bool read_file(const char *path, const struct config_set *sets, size_t n_sets, struct arena *arena,
                      struct accelerator *accelerator, struct texts *texts, struct error *error) {
  const struct field_table table = table_around(accelerator, arena);
  const struct config_section sections[] = {
      {.group = "", .table = &text_table, .into = texts, .required = false},
      {.group = "accelerator", .table = &table, .into = accelerator, .required = true},
  };
  struct config *config;
  if (!config_open(path, sets, n_sets, arena, &config, error)) return false;
  const bool ok = config_apply(config, sections, sizeof sections / sizeof sections[0], arena, error);
  config_close(config);
  return ok;
}

bool accelerator_read(const char *path, const struct config_set *sets, size_t n_sets, struct arena *arena,
                      struct accelerator *accelerator, struct error *error) {
  size_t n_own;
  const struct config_set *const own = own_sets(sets, n_sets, arena, &n_own);
  struct texts texts = {0};
  return read_file(path, own, n_own, arena, accelerator, &texts, error);
}

/* --- the catalogue ---------------------------------------------------------------------------------------------- */

/* Length of NAME in "NAME.cfg"; 0 for other files. */
static size_t name_length(const char *file) {
  static const char ending[] = ".cfg";
  const size_t n = strlen(file), n_ending = sizeof ending - 1;
  return n > n_ending && strcmp(file + n - n_ending, ending) == 0 ? n - n_ending : 0;
}

static int is_part(const struct dirent *entry) { return name_length(entry->d_name) > 0; }

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

bool accelerator_catalogue_names(const char *data_folder, struct arena *arena, struct text_list *names,
                                 struct error *error) {
  const char *const folder = arena_printf(arena, "%s/arch/catalogue", data_folder);
  struct dirent **entries;
  const int n = scandir(folder, &entries, is_part, by_bytes);
  if (n < 0) {
    char shown[512];
    text_escape(folder, shown, sizeof shown);
    return error_add(error, STATUS_ENVIRONMENT, "%s: the catalogue of accelerators cannot be listed: %s", shown,
                     strerror(errno));
  }
  char **const values = ARENA_NEW(arena, char *, (size_t)n);
  for (int i = 0; i < n; i++) {
    values[i] = arena_copy_text(arena, entries[i]->d_name);
    values[i][name_length(values[i])] = '\0';
    free(entries[i]);
  }
  free(entries);
  *names = (struct text_list){(size_t)n, (const char *const *)values};
  return true;
}

/* Only names that the folder lists are opened, so a name with a slash in it reaches no other file. */
static bool read_part(const char *data_folder, const char *name, struct arena *arena, struct accelerator *accelerator,
                      struct texts *texts, struct error *error) {
  struct text_list names;
  if (!accelerator_catalogue_names(data_folder, arena, &names, error)) return false;
  for (size_t i = 0; i < names.n; i++) {
    if (strcmp(names.values[i], name) != 0) continue;
    config_defaults(&accelerator_fields, arena, accelerator);
    const char *const path = arena_printf(arena, "%s/arch/catalogue/%s.cfg", data_folder, name);
    return read_file(path, NULL, 0, arena, accelerator, texts, error);
  }
  char shown[256];
  text_escape(name, shown, sizeof shown);
  const char *const nearest = text_nearest(name, names.values, names.n);
  if (nearest == NULL)
    return error_add(error, STATUS_INPUT, "%s: no such accelerator in the catalogue; `dse list catalogue` shows all",
                     shown);
  return error_add(error, STATUS_INPUT, "%s: no such accelerator in the catalogue; did you mean %s?", shown, nearest);
}

bool accelerator_from_catalogue(const char *data_folder, const char *name, struct arena *arena,
                                struct accelerator *accelerator, struct error *error) {
  struct texts texts = {0};
  return read_part(data_folder, name, arena, accelerator, &texts, error);
}

bool accelerator_catalogue_texts(const char *data_folder, const char *name, struct arena *arena, const char **doc,
                                 const char **source, struct error *error) {
  struct accelerator accelerator = {0};
  struct texts texts = {0};
  if (!read_part(data_folder, name, arena, &accelerator, &texts, error)) return false;
  *doc = texts.doc;
  *source = texts.source;
  return true;
}
